import { describe, expect, it } from 'vitest';
import { type TallyInput, tallyDay } from '../../src/energy/day-tally.ts';

const S = 1000;
const HOLDS_MS = 180 * S;
const WATTS = { busy: 300, idle: 175, asleep: 8 };

function tally(changes: Partial<TallyInput>) {
  return tallyDay({
    span: { fromMs: 0, toMs: 1000 * S },
    runs: [{ fromMs: 0, toMs: 1000 * S }],
    marks: [],
    readings: [],
    configured: WATTS,
    readingHoldsMs: HOLDS_MS,
    ...changes,
  });
}

describe('tallyDay', () => {
  it('busy, idle, asleep and back without a reading -> the configured watts of each', () => {
    const found = tally({
      marks: [
        { atMs: 0, state: 'awake', pool: 1 },
        { atMs: 100 * S, state: 'awake', pool: 0 },
        { atMs: 200 * S, state: 'suspending', pool: 0 },
        { atMs: 205 * S, state: 'asleep', pool: 0 },
        { atMs: 900 * S, state: 'waking', pool: 0 },
        { atMs: 908 * S, state: 'awake', pool: 1 },
      ],
    });
    expect(found).toMatchObject({
      unknownMs: 0,
      awakeMs: 292 * S,
      asleepMs: 695 * S,
      transitionMs: 13 * S,
      awakeWs: 100 * 300 + 100 * 175 + 92 * 300,
      asleepWs: 695 * 8,
      transitionWs: 13 * 300,
      measuredMs: 0,
      configuredMs: 1000 * S,
    });
  });

  it('readings -> each speaks until the next, and for a bounded time', () => {
    const found = tally({
      marks: [{ atMs: 0, state: 'awake', pool: 0 }],
      readings: [
        { atMs: 60 * S, watts: 100 },
        { atMs: 120 * S, watts: 200 },
      ],
    });
    // 0-120: 100 W (also back to the start), 120-300: 200 W, the rest is configured.
    expect(found.awakeWs).toBeCloseTo(120 * 100 + 180 * 200 + 700 * 175, 6);
    expect(found).toMatchObject({ measuredMs: 300 * S, configuredMs: 700 * S, idleMeasuredMs: 300 * S });
  });

  it('a reading while it ran -> says nothing about its sleep', () => {
    const found = tally({
      marks: [
        { atMs: 0, state: 'awake', pool: 0 },
        { atMs: 100 * S, state: 'asleep', pool: 0 },
      ],
      readings: [{ atMs: 99 * S, watts: 180 }],
    });
    expect(found.asleepWs).toBe(900 * 8);
  });

  it('a suspend too short to be read -> what was read just before', () => {
    const found = tally({
      marks: [
        { atMs: 0, state: 'awake', pool: 0 },
        { atMs: 100 * S, state: 'suspending', pool: 0 },
        { atMs: 105 * S, state: 'asleep', pool: 0 },
      ],
      readings: [
        { atMs: 90 * S, watts: 160 },
        { atMs: 110 * S, watts: 5 },
      ],
    });
    expect(found.transitionWs).toBe(5 * 160);
  });

  it('Torpor did not run for a while -> unknown, also where the state before and after is the same', () => {
    const found = tally({
      runs: [
        { fromMs: 0, toMs: 300 * S },
        { fromMs: 700 * S, toMs: 1000 * S },
      ],
      marks: [
        { atMs: 0, state: 'asleep', pool: 0 },
        { atMs: 710 * S, state: 'asleep', pool: 0 },
      ],
      readings: [{ atMs: 299 * S, watts: 6 }],
    });
    expect(found).toMatchObject({ asleepMs: (300 + 290) * S, unknownMs: 410 * S });
  });

  it.each(['starting', 'failed'] as const)('%s -> unknown', (state) => {
    const found = tally({ marks: [{ atMs: 0, state, pool: 0 }] });
    expect(found).toMatchObject({ unknownMs: 1000 * S, awakeWs: 0, asleepWs: 0 });
  });

  it('watts that nobody knows -> unknown, and no energy', () => {
    const found = tally({
      configured: { busy: null, idle: null, asleep: 8 },
      marks: [
        { atMs: 0, state: 'awake', pool: 1 },
        { atMs: 400 * S, state: 'asleep', pool: 0 },
      ],
    });
    expect(found).toMatchObject({ unknownMs: 400 * S, awakeMs: 0, asleepMs: 600 * S });
  });

  it('no run at all -> all of it unknown', () => {
    expect(tally({ runs: [], marks: [{ atMs: 0, state: 'awake', pool: 0 }] }).unknownMs).toBe(1000 * S);
  });
});
