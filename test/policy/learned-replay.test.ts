// What `learned` made of generated quarters before its loops were laid out for speed: it must make the same of them still.
import { describe, expect, it } from 'vitest';
import { DEFAULT_COSTS, idleLagMs, toRates } from '../../src/policy/cost-model.ts';
import { generateActivity } from '../../src/policy/generated-activity.ts';
import { listIntervals } from '../../src/policy/interval-list.ts';
import { LearnedPolicy } from '../../src/policy/learned-policy.ts';
import { POPULATIONS } from '../../src/policy/populations.ts';
import { replayPolicy } from '../../src/policy/replay.ts';

/** Seed 7, 90 days, as played by the version of commit 9d502f6. */
const PLAYED = {
  office20: {
    cost: 10.292287394666674,
    asleepMs: 4492412017,
    changingMs: 3931000,
    idleMs: 205509872,
    waits: 197,
    waitedMs: 1572139,
    cycles: 303,
    preWakes: 17,
  },
  office6: {
    cost: 10.671088670916657,
    asleepMs: 4957983322,
    changingMs: 3398000,
    idleMs: 250574557,
    waits: 170,
    waitedMs: 1353420,
    cycles: 262,
    preWakes: 4,
  },
  lab8: {
    cost: 13.091769419916652,
    asleepMs: 3992038108,
    changingMs: 4126000,
    idleMs: 377982161,
    waits: 227,
    waitedMs: 1820772,
    cycles: 318,
    preWakes: 1,
  },
  home4: {
    cost: 17.712100394833268,
    asleepMs: 5683971761,
    changingMs: 5465000,
    idleMs: 467800318,
    waits: 330,
    waitedMs: 2640000,
    cycles: 421,
    preWakes: 1,
  },
} as const;

describe('learned, without signals', () => {
  it.each(Object.keys(PLAYED) as Array<keyof typeof PLAYED>)('%s -> the very course it was before', (name) => {
    const list = listIntervals(generateActivity({ population: POPULATIONS[name], seed: 7, days: 90 }), DEFAULT_COSTS);
    const lagMs = idleLagMs(DEFAULT_COSTS);
    const policy = new LearnedPolicy(toRates(DEFAULT_COSTS), () => 0, lagMs);
    expect(replayPolicy(list, toRates(DEFAULT_COSTS), policy, lagMs)).toEqual(PLAYED[name]);
  });
});
