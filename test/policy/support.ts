// Intervals and costs as the policies' tests need them.
import fc from 'fast-check';
import type { ActivitySpan, ActivityTrace } from '../../src/policy/activity-trace.ts';
import { type CostModel, DEFAULT_COSTS, idleLagMs } from '../../src/policy/cost-model.ts';
import type { Arrival } from '../../src/policy/idle-course.ts';
import { LearnedPolicy } from '../../src/policy/learned-policy.ts';
import type { IdlePlan } from '../../src/policy/policy.ts';

export const MONDAY_MS = Date.UTC(2026, 0, 5);

/** Somebody, or several, who come at the end of an interval. */
export function arrivalAt(endMs: number, waiterMs: readonly number[] = [0]): Arrival {
  return { endMs, hasArrival: true, waiterMs, waiterFrom: 0, waiterTo: waiterMs.length };
}

/** `learned` as a live platform asks it: each plan to its horizon, whatever is needed of it. */
export class WholePlans extends LearnedPolicy {
  override begin(beginMs: number, lagMs: number): IdlePlan {
    return super.begin(beginMs, lagMs);
  }
  override review(atMs: number, isAsleep: boolean): IdlePlan {
    return super.review(atMs, isAsleep);
  }
}

/** Any platform that makes sense: changes of up to two minutes, any prices. */
export const anyCosts: fc.Arbitrary<CostModel> = fc
  .record({
    idleWatts: fc.integer({ min: 20, max: 500 }),
    asleepShare: fc.double({ min: 0, max: 0.6, noNaN: true }),
    extraWatts: fc.integer({ min: 0, max: 200 }),
    suspendMs: fc.integer({ min: 0, max: 60_000 }),
    resumeMs: fc.integer({ min: 1, max: 60_000 }),
    pricePerWait: fc.double({ min: 0, max: 0.5, noNaN: true }),
    pricePerCycle: fc.double({ min: 0.0001, max: 0.05, noNaN: true }),
  })
  .map(({ asleepShare, extraWatts, ...rest }) => ({
    ...DEFAULT_COSTS,
    ...rest,
    asleepWatts: rest.idleWatts * asleepShare,
    transitionWatts: rest.idleWatts + extraWatts,
  }));

/** Lengths of idle intervals in milliseconds: seconds, minutes, and days. */
export const anyLengthMs = fc.oneof(
  fc.integer({ min: 1, max: 60_000 }),
  fc.integer({ min: 1, max: 7_200_000 }),
  fc.integer({ min: 1, max: 400_000_000 }),
);

/** A trace in which one person at a time ends intervals of these lengths. */
export function traceOf(lengthsMs: readonly number[], costs: CostModel): ActivityTrace {
  const spans: ActivitySpan[] = [];
  let atMs = MONDAY_MS;
  for (const lengthMs of [0, ...lengthsMs]) {
    if (spans.length > 0) atMs += idleLagMs(costs) + lengthMs;
    spans.push({ client: 'alice', isJob: false, fromMs: atMs, toMs: atMs + 1000 });
    atMs += 1000;
  }
  return { platform: 'any', fromMs: MONDAY_MS, toMs: atMs, spans, connections: [] };
}
