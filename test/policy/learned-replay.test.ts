// What `learned` made of generated quarters when its model was last changed: a change for speed or order must make the same of them still.
import { describe, expect, it } from 'vitest';
import { DEFAULT_COSTS, idleLagMs, toRates } from '../../src/policy/cost-model.ts';
import { generateActivity } from '../../src/policy/generated-activity.ts';
import { type IntervalList, listIntervals } from '../../src/policy/interval-list.ts';
import { LearnedPolicy } from '../../src/policy/learned-policy.ts';
import { POPULATIONS } from '../../src/policy/populations.ts';
import { replayPolicy } from '../../src/policy/replay.ts';
import { WholePlans } from './support.ts';

/** Seed 7, 90 days, as played since pauses are told from leaving, and long absences know no connection. A change that is meant to alter no course must keep them. */
const PLAYED = {
  office20: {
    cost: 10.16806293875001,
    asleepMs: 4493535930,
    changingMs: 3827000,
    idleMs: 204449959,
    waits: 192,
    waitedMs: 1532139,
    cycles: 295,
    preWakes: 14,
  },
  office6: {
    cost: 10.590703817666661,
    asleepMs: 4948729539,
    changingMs: 3294000,
    idleMs: 259852340,
    waits: 160,
    waitedMs: 1273420,
    cycles: 254,
    preWakes: 6,
  },
  lab8: {
    cost: 12.584470831749991,
    asleepMs: 3987444982,
    changingMs: 3762000,
    idleMs: 382718515,
    waits: 200,
    waitedMs: 1600000,
    cycles: 290,
    preWakes: 0,
  },
  home4: {
    cost: 16.505085988999976,
    asleepMs: 5670485371,
    changingMs: 4594000,
    idleMs: 481629708,
    waits: 264,
    waitedMs: 2112000,
    cycles: 354,
    preWakes: 0,
  },
} as const;

const PLAYED_WITH_SIGNALS = {
  office20: {
    cost: 9.13152501483334,
    asleepMs: 4493920691,
    changingMs: 4282000,
    idleMs: 203186198,
    waits: 139,
    waitedMs: 1108139,
    cycles: 330,
    preWakes: 102,
  },
  office6: {
    cost: 9.256497934416664,
    asleepMs: 4940092836,
    changingMs: 3476000,
    idleMs: 267731043,
    waits: 87,
    waitedMs: 689928,
    cycles: 268,
    preWakes: 92,
  },
  lab8: {
    cost: 11.36360855916666,
    asleepMs: 3985030295,
    changingMs: 4191000,
    idleMs: 384192202,
    waits: 136,
    waitedMs: 1088000,
    cycles: 323,
    preWakes: 97,
  },
  home4: {
    cost: 15.040448129749969,
    asleepMs: 5659631804,
    changingMs: 5296000,
    idleMs: 491117275,
    waits: 181,
    waitedMs: 1448000,
    cycles: 408,
    preWakes: 137,
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
