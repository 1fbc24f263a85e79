// The optimum against every course on a grid of seconds, sleeping and waking up to twice.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toRates } from '../../src/policy/cost-model.ts';
import { addCourse, newSums } from '../../src/policy/idle-course.ts';
import { bestCourse } from '../../src/policy/offline-optimum.ts';
import { drawSeed, runs } from '../core/support/seed.ts';
import { anyCosts, arrivalAt } from './support.ts';

const OPTIONS = runs(60, drawSeed('offline optimum'));
const STEP_MS = 1000;

const anyCase = fc.record({
  costs: anyCosts.map((costs) => ({
    ...costs,
    suspendMs: STEP_MS * Math.round(costs.suspendMs / 12_000),
    resumeMs: STEP_MS * Math.ceil(costs.resumeMs / 12_000),
    // Dear energy, so that even seconds of sleep are worth something.
    pricePerKwh: 300,
  })),
  lengthMs: fc.integer({ min: 1, max: 24 }).map((steps) => steps * STEP_MS),
  waiterMs: fc
    .array(fc.integer({ min: 0, max: 9 }), { maxLength: 3 })
    .map((steps) => [...steps].sort((one, other) => one - other).map((step) => step * STEP_MS)),
});

/** Every ascending choice of up to four moments within the interval. */
function* everyCourse(lengthMs: number, mayWakeAhead: boolean): Generator<number[]> {
  yield [];
  for (let sleep = 0; sleep < lengthMs; sleep += STEP_MS) {
    yield [sleep];
    if (!mayWakeAhead) continue;
    for (let wake = sleep; wake < lengthMs; wake += STEP_MS) {
      yield [sleep, wake];
      for (let again = wake; again < lengthMs; again += 2 * STEP_MS) {
        yield [sleep, wake, again];
        for (let last = again; last < lengthMs; last += 2 * STEP_MS) yield [sleep, wake, again, last];
      }
    }
  }
}

describe('the offline optimum', () => {
  it.each([true, false])(
    'any interval, any arrivals, waking ahead: %s -> no course on a grid is cheaper',
    (mayWakeAhead) => {
      fc.assert(
        fc.property(anyCase, ({ costs, lengthMs, waiterMs }) => {
          const rates = toRates(costs);
          const arrival = arrivalAt(lengthMs, waiterMs);
          const costOf = (course: number[]) => addCourse(rates, course, 0, arrival, newSums());
          const best = costOf(bestCourse(rates, 0, arrival, mayWakeAhead));
          let cheapest = Number.POSITIVE_INFINITY;
          for (const course of everyCourse(lengthMs, mayWakeAhead)) cheapest = Math.min(cheapest, costOf(course));
          // Its own course lies on the grid too, so both must agree exactly but for rounding.
          expect(best).toBeCloseTo(cheapest, 9);
        }),
        OPTIONS,
      );
    },
  );
});
