// A mapping of the configuration as a zod type. Its keys' values are fields.ts's.
import { z } from 'zod';

/** A mapping that refuses unknown keys. The issue's message carries the known ones, for the nearest name. */
export function mapping<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? Object.keys(shape).join(' ') : undefined),
  });
}
