// What `learned` made of generated quarters before its loops were laid out for speed: it must make the same of them still.
import { describe, expect, it } from 'vitest';
import { DEFAULT_COSTS, idleLagMs, toRates } from '../../src/policy/cost-model.ts';
import { generateActivity } from '../../src/policy/generated-activity.ts';
import { type IntervalList, listIntervals } from '../../src/policy/interval-list.ts';
import { LearnedPolicy } from '../../src/policy/learned-policy.ts';
import { POPULATIONS } from '../../src/policy/populations.ts';
import { replayPolicy } from '../../src/policy/replay.ts';
import { WholePlans } from './support.ts';

/** Seed 7, 90 days, as played by the version of commit 9d502f6. With signals, since openings are told apart by what habits expect. */
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

const PLAYED_WITH_SIGNALS = {
  office20: {
    cost: 9.549018130083335,
    asleepMs: 4476593042,
    changingMs: 5790000,
    idleMs: 219029847,
    waits: 142,
    waitedMs: 1132139,
    cycles: 446,
    preWakes: 215,
  },
  office6: {
    cost: 9.596408478999997,
    asleepMs: 4939865731,
    changingMs: 3931000,
    idleMs: 267623148,
    waits: 102,
    waitedMs: 809928,
    cycles: 303,
    preWakes: 112,
  },
  lab8: {
    cost: 11.70380740333333,
    asleepMs: 3978921480,
    changingMs: 4893000,
    idleMs: 389680240,
    waits: 146,
    waitedMs: 1169223,
    cycles: 377,
    preWakes: 141,
  },
  home4: {
    cost: 16.55047176999995,
    asleepMs: 5670855255,
    changingMs: 6297000,
    idleMs: 479524824,
    waits: 260,
    waitedMs: 2080000,
    cycles: 485,
    preWakes: 135,
  },
} as const;

const NAMES = Object.keys(PLAYED) as Array<keyof typeof PLAYED>;
const LAG_MS = idleLagMs(DEFAULT_COSTS);
const RATES = toRates(DEFAULT_COSTS);

function listOf(name: keyof typeof PLAYED, signals: { calendars?: boolean; openings?: boolean }): IntervalList {
  return listIntervals(
    generateActivity({ population: POPULATIONS[name], seed: 7, days: 90, ...signals }),
    DEFAULT_COSTS,
  );
}

describe('learned', () => {
  it.each(NAMES)('%s, no signals -> the very course it was before', (name) => {
    const policy = new LearnedPolicy(RATES, () => 0, LAG_MS);
    expect(replayPolicy(listOf(name, {}), RATES, policy, LAG_MS)).toEqual(PLAYED[name]);
  });

  it.each(NAMES)('%s, both signals -> the very course it was before', (name) => {
    const list = listOf(name, { calendars: true, openings: true });
    const policy = new LearnedPolicy(RATES, () => 0, LAG_MS, list.busy);
    expect(replayPolicy(list, RATES, policy, LAG_MS)).toEqual(PLAYED_WITH_SIGNALS[name]);
  });

  it.each(['office6', 'home4'] as const)(
    '%s, plans made to the horizon -> the course of plans made as far as needed',
    (name) => {
      const list = listOf(name, { calendars: true, openings: true });
      const whole = new WholePlans(RATES, () => 0, LAG_MS, list.busy);
      expect(replayPolicy(list, RATES, whole, LAG_MS)).toEqual(PLAYED_WITH_SIGNALS[name]);
    },
  );
});
