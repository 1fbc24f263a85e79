// What the history's routes take and answer, as schemas: the queries are read by them, the answers described.
import { z } from 'zod';
import { HISTORY_TABLES, type PlatformHistory, type SavingsReport, type StoredEvent } from '../platform/history.ts';
import { STATE_NAMES } from '../platform/status.ts';
import type { IsAs } from './answers.ts';
import { RequestRefused } from './problem.ts';

const DAY_MS = 86_400_000;
/** Ten years and their leap days: what a history can hold at most. */
const RANGE_MAX_MS = 3653 * DAY_MS;
const POINTS_MAX = 5000;
const EVENTS_MAX = 1000;

const wholeNumber = z
  .string()
  .regex(/^\d{1,15}$/, 'takes a whole number')
  .transform(Number);

function wholeBetween(min: number, max: number) {
  return wholeNumber.refine((value) => value >= min && value <= max, `takes a whole number from ${min} to ${max}`);
}

export const platformHistoryQuery = z.strictObject({
  from: wholeNumber.optional(),
  to: wholeNumber.optional(),
  points: wholeBetween(1, POINTS_MAX).optional(),
});

export const savingsQuery = z.strictObject({ from: wholeNumber.optional(), to: wholeNumber.optional() });

export const storedEventsQuery = z.strictObject({
  platform: z.string().max(100).optional(),
  kind: z.string().max(100).optional(),
  from: wholeNumber.optional(),
  to: wholeNumber.optional(),
  limit: wholeBetween(1, EVENTS_MAX).optional(),
  before: wholeNumber.optional(),
});

export const exportQuery = z.strictObject({
  table: z.enum(HISTORY_TABLES),
  format: z.enum(['jsonl', 'csv']).optional(),
  from: wholeNumber.optional(),
  to: wholeNumber.optional(),
});

/** The stretch of time that a query means: `spanMs` until now where it does not say. Throws RequestRefused (400). */
export function readRange(
  query: { readonly from?: number | undefined; readonly to?: number | undefined },
  nowMs: number,
  spanMs: number,
): { fromMs: number; toMs: number } {
  const toMs = query.to ?? nowMs;
  const fromMs = query.from ?? Math.max(0, toMs - spanMs);
  if (fromMs >= toMs) throw refuseRange('from must be before to');
  if (toMs - fromMs > RANGE_MAX_MS) throw refuseRange('from and to are more than ten years apart');
  return { fromMs, toMs };
}

function refuseRange(why: string): RequestRefused {
  return new RequestRefused(400, 'No stretch of time', `${why}; both are milliseconds since 1970`);
}

const stateName = z.enum([...STATE_NAMES, 'unknown']);
const wattsSource = z.enum(['measured', 'configured']);

export const platformHistoryAnswer = z
  .object({
    platform: z.string(),
    fromMs: z.number(),
    toMs: z.number(),
    states: z.array(z.object({ atMs: z.number(), state: stateName })),
    watts: z.array(z.object({ atMs: z.number(), watts: z.number(), source: wattsSource })),
    pool: z.array(z.object({ atMs: z.number(), size: z.number() })),
  })
  .meta({ id: 'PlatformHistory' });

const energySum = z.object({
  alwaysOnKwh: z.number(),
  usedKwh: z.number(),
  transitionKwh: z.number(),
  savedKwh: z.number(),
  money: z.number(),
  co2eKg: z.number(),
  asleepMs: z.number(),
  wakes: z.number(),
  unknownMs: z.number(),
  wattsSource: z.enum(['measured', 'configured', 'mixed', 'none']),
});

const predictedSavings = z
  .object({
    savedKwh: z.number(),
    money: z.number(),
    co2eKg: z.number(),
    asleepMs: z.number(),
    wakes: z.number(),
    wattsSource: z.enum(['measured', 'configured', 'mixed', 'none']),
  })
  .nullable();

export const savingsAnswer = z
  .object({
    fromMs: z.number(),
    toMs: z.number(),
    timeZone: z.string(),
    currency: z.string(),
    platforms: z.array(
      z.object({
        platform: z.string(),
        predicted: predictedSavings,
        days: z.array(energySum.extend({ day: z.string().regex(/^\d{4}-\d\d-\d\d$/) })),
        total: energySum,
      }),
    ),
    own: z.object({ watts: z.number(), kwh: z.number() }),
    total: energySum,
    predicted: predictedSavings,
  })
  .meta({
    id: 'SavingsReport',
    description:
      "own: Torpor's draw, taken off the total once; predicted: what platforms in observe mode would have saved",
  });

const storedEvent = z
  .object({
    id: z.number(),
    atMs: z.number(),
    platform: z.string(),
    kind: z.string(),
    message: z.string(),
    facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  })
  .meta({ id: 'StoredEvent', description: 'the id grows with time, also over restarts' });

export const storedEventsAnswer = z.array(storedEvent);

/** Does not compile where a schema and its type differ. */
export const HISTORY_ANSWERS_ARE_AS_TYPED: [
  IsAs<typeof platformHistoryAnswer, PlatformHistory>,
  IsAs<typeof savingsAnswer, SavingsReport>,
  IsAs<typeof storedEvent, StoredEvent>,
] = [true, true, true];
