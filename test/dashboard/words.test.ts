// The dashboard's sentences, its past and its shapes, without a browser.
import { describe, expect, it } from 'vitest';
import { litPath, PHASES } from '../../src/dashboard/moon-shape.ts';
import { countWakes, knownMs, meanWatts, spansOf, statesFromEvents, timeIn } from '../../src/dashboard/past.ts';
import { platformHref, readRoute } from '../../src/dashboard/route.ts';
import type { PredictedSum, SavedSum, Savings } from '../../src/dashboard/shapes.ts';
import {
  clock,
  farmHeadline,
  kwh,
  movesSoFar,
  movingLine,
  platformLine,
  predictionInWords,
  savedHeadline,
  wakefulClients,
  withoutPort,
} from '../../src/dashboard/words.ts';
import type { StateName } from '../../src/platform/status.ts';
import { FAKE_NOW_MS, fakePlatform, fakeStream } from '../api/fakes/fake-farm.ts';

const NOW = FAKE_NOW_MS;
const farmOf = (...states: StateName[]) => states.map((state, nth) => fakePlatform({ name: `p${nth}`, state }));

describe('the farm in one sentence', () => {
  it.each([
    [[], 'There is no platform yet.'],
    [['awake'], 'p0 is awake.'],
    [['suspending'], 'p0 is falling asleep.'],
    [['awake', 'drowsy'], 'None of two platforms is asleep.'],
    [['asleep', 'awake'], 'One of two platforms is asleep.'],
    [['asleep', 'asleep', 'awake'], 'Two of three platforms are asleep.'],
    [['asleep', 'asleep'], 'All two platforms are asleep.'],
    [['asleep', 'failed'], 'p1 has failed.'],
    [['failed', 'failed', 'awake'], 'Two platforms have failed.'],
  ] as Array<[StateName[], string]>)('%j -> %s', (states, sentence) => {
    expect(farmHeadline(farmOf(...states))).toBe(sentence);
  });
});

describe('VMs that are moved', () => {
  const move = { vm: 'alice', from: 'vdi-01', to: 'vdi-02', sinceMs: NOW - 12_000 };

  it.each([
    ['moving', 'alice is moved from vdi-01 to vdi-02, for 12s'],
    ['unclear', 'nobody knows where alice runs, for 12s: vdi-01 and vdi-02 stay awake'],
  ] as const)('%s -> %s', (stage, line) => {
    expect(movingLine({ ...move, stage }, NOW)).toBe(line);
  });

  it.each([
    [0, 0, '0 VMs moved'],
    [1, 0, '1 VM moved'],
    [3, 1, '3 VMs moved, 1 move failed'],
    [0, 2, '0 VMs moved, 2 moves failed'],
  ])('%d moved, %d failed -> %s', (moves, failures, words) => {
    expect(movesSoFar({ moving: null, moves, failures, platforms: [] })).toBe(words);
  });
});

describe('what was saved, and what would have been', () => {
  const slept = { savedKwh: 61.66, asleepMs: 3_600_000 } as SavedSum;
  const never = { savedKwh: -4.3, asleepMs: 0 } as SavedSum;
  const predicted: PredictedSum = {
    savedKwh: 2.5,
    money: 0.75,
    co2eKg: 0.95,
    asleepMs: 15 * 3_600_000,
    wakes: 1,
    wattsSource: 'configured',
  };
  const savings = (total: SavedSum, what: PredictedSum | null) =>
    ({ platforms: [{ platform: 'p0', total, predicted: what }], total, predicted: what }) as unknown as Savings;

  it.each([
    [savings(slept, null), '61.7 kWh saved in 2 days.'],
    [savings(slept, predicted), '61.7 kWh saved in 2 days.'],
    [savings(never, predicted), '2.50 kWh would have been saved in 2 days.'],
    [savings(never, { ...predicted, wattsSource: 'none' }), 'They would have slept 15h in 2 days.'],
    [savings(never, null), '-4.30 kWh saved in 2 days.'],
  ])('%# -> %s', (what, sentence) => expect(savedHeadline(what, 2)).toBe(sentence));

  it('a platform that only observed -> its sentence, without energy where no watts are known', () => {
    expect(predictionInWords(predicted, 'EUR')).toBe(
      '2.50 kWh, 0.75 EUR, 0.9 kg CO₂e: asleep for 15h, woken 1 time; watts are configured',
    );
    const unknown = { ...predicted, wattsSource: 'none', wakes: 2 } as const;
    expect(predictionInWords(unknown, 'EUR')).toMatch(/^asleep for 15h, woken 2 times; nobody knows/);
  });

  it('little energy -> in watt-hours', () => {
    expect([kwh(0.0042), kwh(-0.0000001), kwh(0.02), kwh(-3)]).toEqual(['4.20 Wh', '0.00 Wh', '0.02 kWh', '-3.00 kWh']);
  });
});

describe('who keeps it awake', () => {
  const streams = [
    fakeStream({ client: '10.0.2.7:1', idleAtMs: NOW + 60_000 }),
    fakeStream({ client: '10.0.2.7:2', idleAtMs: NOW + 250_000 }),
    fakeStream({ client: '[fe80::1]:9', vm: 'bob', idleAtMs: NOW + 30_000 }),
    fakeStream({ client: '10.0.2.9:3', active: false, idleAtMs: null }),
    fakeStream({ client: '10.0.2.8:3', platform: 'vdi-02' }),
  ];

  it('several connections of one client -> one of them, with the time of the last; others and idle ones -> none', () => {
    expect(wakefulClients(streams, 'vdi-01')).toEqual([
      { client: '10.0.2.7', vm: 'alice', untilMs: NOW + 250_000 },
      { client: 'fe80::1', vm: 'bob', untilMs: NOW + 30_000 },
    ]);
  });

  it.each([
    [{}, 'for 10.0.2.7 on alice and fe80::1 on bob, at most 4m 10s more'],
    [
      { blockers: [{ kind: 'inhibitor', why: 'inhibited by operator: backup', untilMs: NOW + 3_600_000 }] },
      'for 10.0.2.7 on alice and fe80::1 on bob; inhibited by operator: backup, at most 1h more',
    ],
    [
      { blockers: [{ kind: 'bmc', why: 'the BMC does not answer', untilMs: null }] },
      'for 10.0.2.7 on alice and fe80::1 on bob; the BMC does not answer',
    ],
    [{ state: 'asleep', sinceMs: NOW - 7_200_000 }, 'for 2h, until somebody comes'],
    [{ state: 'failed', why: 'no answer after three wakes' }, 'no answer after three wakes'],
    [{ maintenance: true, maintenanceWhy: 'a new fan' }, 'in maintenance: a new fan'],
  ] as const)('%j -> %s', (changes, line) => {
    expect(platformLine(fakePlatform(changes), wakefulClients(streams, 'vdi-01'), NOW)).toBe(line);
  });

  it.each([
    ['10.0.0.1:80', '10.0.0.1'],
    ['[::1]:80', '::1'],
    ['somebody', 'somebody'],
  ])('%s without its port -> %s', (client, address) => expect(withoutPort(client)).toBe(address));

  it.each([
    [-5, '0s'],
    [1499, '1s'],
    [250_400, '4m 10s'],
  ])('%d ms -> %s, in whole seconds', (ms, text) => expect(clock(ms)).toBe(text));
});

describe('the past', () => {
  const states = [
    { atMs: 0, state: 'awake' },
    { atMs: 40, state: 'asleep' },
    { atMs: 70, state: 'waking' },
    { atMs: 75, state: 'awake' },
  ] as const;

  it('states -> spans within the bounds, and their sums', () => {
    const spans = spansOf({ states }, 20, 100);
    expect(spans.map(({ state, fromMs, toMs }) => [state, fromMs, toMs])).toEqual([
      ['awake', 20, 40],
      ['asleep', 40, 70],
      ['waking', 70, 75],
      ['awake', 75, 100],
    ]);
    expect([timeIn(spans, 'awake'), timeIn(spans, 'asleep'), countWakes(spans)]).toEqual([45, 30, 1]);
    expect(meanWatts([])).toBeNull();
    const gap = spansOf({ states: [...states, { atMs: 80, state: 'unknown' }] }, 20, 100);
    expect([gap.at(-1)?.toMs, knownMs(gap)]).toEqual([80, 60]);
  });

  it('events alone -> what they tell, ending with what is now', () => {
    const event = {
      id: 1,
      atMs: 10,
      platform: 'vdi-01',
      kind: 'transition',
      message: '',
      facts: { from: 'awake', to: 'drowsy' },
    };
    const platform = fakePlatform({ state: 'asleep', sinceMs: 30 });
    expect(statesFromEvents([event, { ...event, platform: 'other' }], platform)).toEqual([
      { atMs: 10, state: 'drowsy' },
      { atMs: 30, state: 'asleep' },
    ]);
    expect(statesFromEvents([], platform)).toEqual([{ atMs: 30, state: 'asleep' }]);
  });
});

describe('addresses and moons', () => {
  it('a name with anything in it -> there and back', () => {
    for (const name of ['vdi-01', 'a/b', '<img>', '100 %'])
      expect(readRoute(platformHref(name))).toEqual({ view: 'platform', name });
    expect(readRoute('#/platform/%zz')).toEqual({ view: 'platform', name: '%zz' });
    expect(readRoute('')).toEqual({ view: 'farm' });
    expect(readRoute('#/events')).toEqual({ view: 'events' });
  });

  it('awake is a full disc, asleep none, drowsy bulges and falling asleep is a sickle', () => {
    expect(litPath(PHASES.asleep, 9)).toBe('');
    expect(litPath(PHASES.awake, 9)).toBe('M12 3A9 9 0 0 0 12 21A9 9 0 0 0 12 3Z');
    expect(litPath(PHASES.drowsy, 9)).toMatch(/0 0 0 12 3Z$/);
    expect(litPath(PHASES.suspending, 9)).toMatch(/0 0 1 12 3Z$/);
  });
});
