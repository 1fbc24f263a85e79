// Break-even's factor of two on arbitrary traces, and randomized's e/(e - 1) in expectation.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BreakEvenPolicy } from '../../src/policy/break-even-policy.ts';
import { breakEvenMs, DEFAULT_COSTS, idleLagMs, toRates } from '../../src/policy/cost-model.ts';
import { addCourse, newSums } from '../../src/policy/idle-course.ts';
import { listIntervals } from '../../src/policy/interval-list.ts';
import { bestCourse, sumOptimum } from '../../src/policy/offline-optimum.ts';
import { RandomizedPolicy, randomizedIdleMs } from '../../src/policy/randomized-policy.ts';
import { replayPolicy } from '../../src/policy/replay.ts';
import { drawSeed, runs } from '../core/support/seed.ts';
import { anyCosts, anyLengthMs, arrivalAt, traceOf } from './support.ts';

const SEED = drawSeed('ski rental');
const ROUNDING = 1 + 1e-9;

describe('break-even', () => {
  it('any costs, any interval that one person ends -> at most twice the optimum without waking ahead', () => {
    fc.assert(
      fc.property(anyCosts, anyLengthMs, (costs, lengthMs) => {
        const rates = toRates(costs);
        const arrival = arrivalAt(lengthMs);
        const { momentsMs } = new BreakEvenPolicy(rates).begin(0);
        const cost = addCourse(rates, momentsMs, 0, arrival, newSums());
        const best = addCourse(rates, bestCourse(rates, 0, arrival, false), 0, arrival, newSums());
        expect(cost).toBeLessThanOrEqual(2 * best * ROUNDING);
      }),
      runs(3000, SEED),
    );
  });

  it('the interval that ends just as it sleeps -> nearly twice: the bound is reached, not loose', () => {
    const rates = toRates({ ...DEFAULT_COSTS, asleepWatts: 0 });
    const lengthMs = breakEvenMs(rates) + 1;
    const arrival = arrivalAt(lengthMs);
    const cost = addCourse(rates, new BreakEvenPolicy(rates).begin(0).momentsMs, 0, arrival, newSums());
    const best = addCourse(rates, bestCourse(rates, 0, arrival, false), 0, arrival, newSums());
    expect(cost / best).toBeGreaterThan(1.9);
  });

  it('any trace of one person -> replayed, at most twice the optimum without waking ahead', () => {
    fc.assert(
      fc.property(anyCosts, fc.array(anyLengthMs, { maxLength: 40 }), (costs, lengthsMs) => {
        const rates = toRates(costs);
        const list = listIntervals(traceOf(lengthsMs, costs), costs);
        expect(list.beginMs.length).toBe(lengthsMs.length);
        const { cost } = replayPolicy(list, rates, new BreakEvenPolicy(rates), idleLagMs(costs));
        expect(cost).toBeLessThanOrEqual(2 * sumOptimum(list, rates, false).cost * ROUNDING);
      }),
      runs(200, SEED),
    );
  });
});

describe('randomized', () => {
  it('any costs, any interval that one person ends -> at most e/(e - 1) times the optimum, in expectation', () => {
    const DRAWS = 2000;
    fc.assert(
      fc.property(anyCosts, anyLengthMs, (costs, lengthMs) => {
        const rates = toRates(costs);
        const arrival = arrivalAt(lengthMs);
        const breakEven = breakEvenMs(rates);
        let expected = 0;
        // The mean over the distribution's quantiles, from the cheaper side of each: an integral, not a sample.
        for (let draw = 0; draw < DRAWS; draw += 1) {
          const idleMs = randomizedIdleMs(breakEven, (draw + 0.5) / DRAWS);
          expected += addCourse(rates, [idleMs], 0, arrival, newSums()) / DRAWS;
        }
        const best = addCourse(rates, bestCourse(rates, 0, arrival, false), 0, arrival, newSums());
        // One quantile may fall on the wrong side of the arrival.
        const grain = (2 * rates.sleepAndWake) / DRAWS;
        expect(expected).toBeLessThanOrEqual((Math.E / (Math.E - 1)) * best * ROUNDING + grain);
      }),
      runs(150, SEED),
    );
  });

  it('the draws of a seed -> spread over all of (0, b) as their density says', () => {
    const rates = toRates(DEFAULT_COSTS);
    const policy = new RandomizedPolicy(rates, SEED);
    const breakEven = breakEvenMs(rates);
    const draws = Array.from({ length: 20_000 }, (_, index) => {
      const beginMs = 1.7e12 + index * 977_001;
      return ((policy.begin(beginMs).momentsMs[0] as number) - beginMs) / breakEven;
    });
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
    // The mean of e^t / (e - 1) on (0, 1) is 1 / (e - 1).
    expect(mean).toBeCloseTo(1 / (Math.E - 1), 1);
    expect(Math.min(...draws)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...draws)).toBeLessThanOrEqual(1);
  });
});
