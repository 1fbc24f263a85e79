// What `learned` promises whatever comes: its factor on adversarial traces, and `fixed 10m` exactly while it is still learning.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_COSTS, idleLagMs, toRates } from '../../src/policy/cost-model.ts';
import { FixedPolicy } from '../../src/policy/fixed-policy.ts';
import { addCourse, newSums } from '../../src/policy/idle-course.ts';
import { listIntervals } from '../../src/policy/interval-list.ts';
import { LEARNING_IDLE_MS, LearnedPolicy } from '../../src/policy/learned-policy.ts';
import { DAY_MS } from '../../src/policy/local-time.ts';
import { sumOptimum } from '../../src/policy/offline-optimum.ts';
import type { IdlePlan } from '../../src/policy/policy.ts';
import { SeededRandom } from '../../src/policy/random.ts';
import { replayPolicy } from '../../src/policy/replay.ts';
import { LOSS_BOUND_CHANGES } from '../../src/policy/robust-bound.ts';
import { LEARNING_DAYS } from '../../src/policy/trust-ledger.ts';
import { drawSeed, runs } from '../core/support/seed.ts';
import { anyCosts, anyLengthMs, arrivalAt, MONDAY_MS, traceOf } from './support.ts';

const SEED = drawSeed('learned policy');
const NO_OFFSET = () => 0;

describe('learned', () => {
  it('any costs, any trace of one person -> within its factor of the optimum without waking ahead, but for a stated sum', () => {
    fc.assert(
      fc.property(anyCosts, fc.array(anyLengthMs, { minLength: 1, maxLength: 60 }), (costs, lengthsMs) => {
        const rates = toRates(costs);
        const list = listIntervals(traceOf(lengthsMs, costs), costs);
        const policy = new LearnedPolicy(rates, NO_OFFSET, idleLagMs(costs));
        const { cost } = replayPolicy(list, rates, policy, idleLagMs(costs));
        const best = sumOptimum(list, rates, false).cost;
        expect(cost).toBeLessThanOrEqual((policy.factor * best + LOSS_BOUND_CHANGES * rates.sleepAndWake) * (1 + 1e-9));
      }),
      runs(25, SEED),
    );
  });

  it('an adversary, and the bound near -> whoever knows when it comes is planned for as whoever does not', () => {
    const rates = toRates(DEFAULT_COSTS);
    const lagMs = idleLagMs(DEFAULT_COSTS);
    const [whole, asked] = [0, 1].map(() => new LearnedPolicy(rates, NO_OFFSET, lagMs)) as [
      LearnedPolicy,
      LearnedPolicy,
    ];
    const random = new SeededRandom(SEED);
    const sources = new Set<string>();
    let atMs = MONDAY_MS;
    for (let turn = 0; turn < 3000; turn += 1) {
      for (const policy of [whole, asked]) {
        policy.addClient('alice', false);
        policy.note(0, 0, atMs);
        policy.note(1, 0, atMs + 1000);
      }
      const beginMs = atMs + 1000 + lagMs;
      const plan = whole.begin(beginMs, lagMs);
      const sleepMs = Math.min(plan.momentsMs[0] ?? plan.reviewAtMs, plan.reviewAtMs) - beginMs;
      // Three weeks of long nights earn trust, then it comes just after the sleep, or before it.
      const lengthMs =
        turn < 42 ? DAY_MS / 2.2 : Math.min(random.chance(0.7) ? sleepMs + 1 : sleepMs / 2 + 1, DAY_MS / 3);
      const endMs = beginMs + Math.round(lengthMs);
      const soon = asked.begin(beginMs, lagMs, endMs);
      const soonOf = ({ momentsMs }: IdlePlan) => momentsMs.filter((momentMs) => momentMs < endMs);
      expect([asked.source, soonOf(soon)]).toEqual([whole.source, soonOf(plan)]);
      if (turn >= 42) sources.add(whole.source);
      for (const policy of [whole, asked]) policy.end(arrivalAt(endMs));
      atMs = endMs;
    }
    expect(sources).toContain('forecast');
    expect(sources.size).toBeGreaterThan(1);
  });

  it('an adversary who comes just after it sleeps, once it is trusted -> within its factor, but for a stated sum', () => {
    const rates = toRates(DEFAULT_COSTS);
    const lagMs = idleLagMs(DEFAULT_COSTS);
    const policy = new LearnedPolicy(rates, NO_OFFSET, lagMs);
    const alice = policy.addClient('alice', false);
    const sums = newSums();
    let best = 0;
    let trusted = 0;
    let atMs = MONDAY_MS;
    const playOne = (chooseLengthMs: (sleepsAfterMs: number) => number) => {
      policy.note(0, alice, atMs);
      policy.note(1, alice, atMs + 1000);
      const beginMs = atMs + 1000 + lagMs;
      const plan = policy.begin(beginMs, lagMs);
      if (policy.source === 'forecast') trusted += 1;
      const sleepMs = Math.min(plan.momentsMs[0] ?? plan.reviewAtMs, plan.reviewAtMs);
      const endMs = beginMs + chooseLengthMs(sleepMs - beginMs);
      const arrival = arrivalAt(endMs);
      addCourse(rates, plan.momentsMs, beginMs, arrival, sums);
      best += Math.min((endMs - beginMs) * rates.idlePerMs, rates.sleepAndWake + (endMs - beginMs) * rates.asleepPerMs);
      policy.end(arrival);
      atMs = endMs;
    };
    // Three weeks of long nights earn trust, then whoever sleeps is woken at once.
    for (let day = 0; day < 42; day += 1) playOne(() => DAY_MS / 2.2);
    for (let turn = 0; turn < 3000; turn += 1) playOne((sleepsAfterMs) => Math.min(sleepsAfterMs + 1, DAY_MS / 3));
    expect(trusted).toBeGreaterThan(10);
    expect(sums.cost).toBeLessThanOrEqual(policy.factor * best + LOSS_BOUND_CHANGES * rates.sleepAndWake);
    expect(policy.factor).toBeLessThan(4);
  });

  it('any trace within the days of learning -> cost exactly as fixed 10m, unless the fixed time itself is past the bound', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 * 3_600_000 }), { maxLength: 60 }), (lengthsMs) => {
        const rates = toRates(DEFAULT_COSTS);
        const list = listIntervals(traceOf(lengthsMs, DEFAULT_COSTS), DEFAULT_COSTS);
        const window = { fromMs: MONDAY_MS, toMs: MONDAY_MS + LEARNING_DAYS * DAY_MS };
        const learned = replayPolicy(list, rates, new LearnedPolicy(rates, NO_OFFSET, 60_000), 60_000, window);
        const fixed = replayPolicy(list, rates, new FixedPolicy('fixed', LEARNING_IDLE_MS), 60_000, window);
        expect(learned).toEqual(fixed);
      }),
      runs(40, SEED),
    );
  });
});
