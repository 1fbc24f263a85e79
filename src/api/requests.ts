// What the bodies and queries of requests may hold. What is done with them is routes.ts's business.
import { isIP } from 'node:net';
import { z } from 'zod';
import { errorText } from '../platform/errors.ts';
import { parseDurationMs } from '../platform/units.ts';
import { RequestRefused } from './problem.ts';

const MAX_WHY_CHARS = 200;
/** A year: who means longer means "until released", and leaves it out. */
const MAX_INHIBIT_MS = 365 * 86_400_000;

const whySchema = z
  .string()
  .trim()
  .min(1, 'is empty: say why')
  .max(MAX_WHY_CHARS, `is longer than ${MAX_WHY_CHARS} characters`)
  .regex(/^\P{Cc}*$/u, 'holds control characters');

const durationSchema = z.string().transform((text, context) => {
  try {
    const durationMs = parseDurationMs(text);
    if (durationMs > 0 && durationMs <= MAX_INHIBIT_MS) return durationMs;
    context.addIssue({
      code: 'custom',
      message: 'must be above 0 and at most 365d; leave it out for "until released"',
    });
  } catch (error) {
    context.addIssue({ code: 'custom', message: errorText(error) });
  }
  return z.NEVER;
});

export const wakeRequest = z.strictObject({ why: whySchema.optional() });
export const sleepRequest = z.strictObject({ force: z.boolean().optional() });
const inhibitorName = z
  .string()
  .regex(/^[A-Za-z0-9][\w.-]{0,63}$/, 'takes letters, digits, dots, hyphens and underscores');
/** `for` left out: until released. */
export const inhibitRequest = z.strictObject({
  name: inhibitorName.optional(),
  for: durationSchema.optional(),
  why: whySchema,
});
/** `name` left out: all operators' inhibitors, maintenance, and the record of failed wakes. */
export const releaseRequest = z.strictObject({ name: inhibitorName.optional() });
/** A browser's token, once. */
export const sessionRequest = z.strictObject({ token: z.string().min(1).max(256) });
/** A client's address, as listeners see it. */
export const openedRequest = z.strictObject({
  client: z.string().refine((text) => isIP(text) !== 0, 'is no IP address'),
});
export const drainRequest = z.strictObject({ on: z.boolean() });

export const maintenanceRequest = z.strictObject({ on: z.boolean(), why: whySchema.optional() });

const MAX_LIMIT = 100_000;
/** A query holds text: numbers and truth are written as such. */
const limit = z
  .string()
  .regex(/^[1-9]\d{0,5}$/, `takes a number from 1 to ${MAX_LIMIT}`)
  .transform(Number)
  .optional();
const yesOrNo = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .optional();
/** `limit`: the first of them. */
export const streamsQuery = z.object({ platform: z.string().optional(), active: yesOrNo, limit });
/** `after`: those above an id. `limit`: the newest of them; of lists only. */
export const eventsQuery = z.object({ after: z.string().optional(), limit });

/** The query as a schema reads it. Throws RequestRefused (400) that names every wrong member. */
export function readQuery<Schema extends z.ZodType>(schema: Schema, query: unknown): z.output<Schema> {
  return read(schema, query, 'The query cannot be understood');
}

/** The body as a schema reads it; no body is an empty object. Throws RequestRefused (400) that names every wrong member. */
export function readBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  return read(schema, body, 'The body cannot be understood');
}

function read<Schema extends z.ZodType>(schema: Schema, value: unknown, title: string): z.output<Schema> {
  const result = schema.safeParse(value ?? {});
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => {
    const member = issue.path.join('.');
    return member === '' ? issue.message : `${member}: ${issue.message}`;
  });
  throw new RequestRefused(400, title, problems.join('; ').slice(0, 1000));
}

/** The id after which events are wanted, from Last-Event-ID or `?after=`; null where neither is given. */
export function readAfterId(lastEventId: string | undefined, query: unknown): number | null {
  const after = (query as Readonly<Record<string, unknown>> | undefined)?.after;
  const text = lastEventId ?? after;
  if (text === undefined || text === '') return null;
  if (typeof text === 'string' && /^\d{1,15}$/.test(text)) return Number(text);
  throw new RequestRefused(400, 'No event id', 'Last-Event-ID and ?after= take the id of an event: a whole number');
}
