// A mapping whose keys depend on its `driver`, as a zod type. The mappings themselves are the schemas'.
import { z } from 'zod';
import { wordField } from './fields.ts';

/**
 * Picks the schema by the key `driver` and reads the whole value with it, so that problems and known keys are that driver's
 * own. Each schema must itself have the key, so that the name stays in what was read.
 */
export function byDriver<const Schemas extends Readonly<Record<string, z.ZodType>>>(schemas: Schemas) {
  const driverField = wordField(Object.keys(schemas));
  return z.unknown().transform((value, context): z.output<Schemas[keyof Schemas]> => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      context.addIssue({ code: 'invalid_type', expected: 'object', input: value });
      return z.NEVER;
    }
    const driver = driverField.safeParse((value as { driver?: unknown }).driver);
    if (!driver.success) {
      for (const issue of driver.error.issues) context.addIssue({ ...issue, path: ['driver', ...issue.path] });
      return z.NEVER;
    }
    const read = (schemas[driver.data] as z.ZodType).safeParse(value);
    if (read.success) return read.data as z.output<Schemas[keyof Schemas]>;
    for (const issue of read.error.issues) context.addIssue({ ...issue });
    return z.NEVER;
  });
}
