import { describe, expect, it } from 'vitest';
import { type TallyInput, tallyDay } from '../../src/energy/day-tally.ts';
import { imagineInput, imagineSleeps, type SleepRules } from '../../src/energy/imagined-sleep.ts';

const RULES: SleepRules = { drowsyForMs: 30_000, minAwakeMs: 0, suspendMs: 5_000, resumeMs: 8_000 };
const HOUR_MS = 3_600_000;

function idle(fromMs: number, toMs: number, somebodyCame = true) {
  return { fromMs, toMs, somebodyCame };
}

describe('imagineSleeps', () => {
  it('somebody comes after an hour -> asleep after the abort window, running again a resume later', () => {
    expect(imagineSleeps([idle(0, HOUR_MS)], RULES)).toEqual([
      { fromMs: 30_000, wakeMs: HOUR_MS, toMs: HOUR_MS + 8_000, wakes: true },
    ]);
  });

  it('somebody comes within the abort window -> no sleep', () => {
    expect(imagineSleeps([idle(0, 30_000)], RULES)).toEqual([]);
  });

  it('somebody comes while it falls asleep -> woken when it has', () => {
    expect(imagineSleeps([idle(0, 31_000)], RULES)).toEqual([
      { fromMs: 30_000, wakeMs: 35_000, toMs: 43_000, wakes: true },
    ]);
  });

  it('it goes on, or nobody watches any more -> no wake', () => {
    expect(imagineSleeps([idle(0, HOUR_MS, false)], RULES)).toEqual([
      { fromMs: 30_000, wakeMs: HOUR_MS, toMs: HOUR_MS, wakes: false },
    ]);
  });

  it('minAwake after a wake -> the next sleep begins later, or not at all', () => {
    const rules = { ...RULES, minAwakeMs: 600_000 };
    const [first, second] = imagineSleeps([idle(0, 100_000), idle(200_000, 2_000_000)], rules);
    expect(first?.wakeMs).toBe(100_000);
    expect(second?.fromMs).toBe(700_000);
    expect(imagineSleeps([idle(0, 100_000), idle(200_000, 700_000)], rules)).toHaveLength(1);
  });

  it('the next stretch begins before it would run again -> after that', () => {
    const [, second] = imagineSleeps([idle(0, 31_000), idle(32_000, HOUR_MS)], { ...RULES, drowsyForMs: 0 });
    expect(second?.fromMs).toBe(31_000 + 8_000);
  });
});

describe('imagineInput', () => {
  const span = { fromMs: 0, toMs: 2 * HOUR_MS };
  const observed: TallyInput = {
    span,
    runs: [span],
    marks: [
      { atMs: 0, state: 'awake', pool: 1 },
      { atMs: 600_000, state: 'awake', pool: 0 },
      { atMs: HOUR_MS, state: 'awake', pool: 1 },
    ],
    readings: [],
    configured: { busy: 300, idle: 180, asleep: 9 },
    readingHoldsMs: 180_000,
  };
  const sleeps = imagineSleeps([idle(600_000, HOUR_MS)], RULES);

  it('an hour with one idle stretch -> awake, transitions and sleep by the configured watts', () => {
    const tally = tallyDay(imagineInput(observed, sleeps, RULES.suspendMs, 9));
    const asleepMs = HOUR_MS - 630_000 - 5_000;
    expect(tally).toMatchObject({ asleepMs, transitionMs: 13_000, unknownMs: 0 });
    expect(tally.asleepWs).toBeCloseTo((9 * asleepMs) / 1000);
    expect(tally.transitionWs).toBeCloseTo(300 * 13);
    expect(tally.awakeWs).toBeCloseTo(300 * 600 + 180 * 30 + 300 * (3600 - 8));
  });

  it('readings of the idle platform -> say nothing about the sleeper', () => {
    const readings = Array.from({ length: 120 }, (_, minute) => ({ atMs: minute * 60_000, watts: 200 }));
    const tally = tallyDay(imagineInput({ ...observed, readings }, sleeps, RULES.suspendMs, 9));
    expect(tally.asleepWs / tally.asleepMs).toBeCloseTo(9 / 1000);
    expect(tally.unknownMs).toBe(0);
  });

  it('nobody knows what it draws asleep -> that time is unknown', () => {
    const tally = tallyDay(imagineInput(observed, sleeps, RULES.suspendMs, null));
    expect(tally).toMatchObject({ asleepMs: 0, unknownMs: HOUR_MS - 635_000 });
  });

  it('no sleeps -> the same tally as what was', () => {
    expect(tallyDay(imagineInput(observed, [], RULES.suspendMs, 9))).toEqual(tallyDay(observed));
  });

  it('a sleep over the end of the day -> each day has its part', () => {
    const night = imagineSleeps([idle(600_000, 1.5 * HOUR_MS)], RULES);
    const part = (fromMs: number, toMs: number) =>
      tallyDay(imagineInput({ ...observed, span: { fromMs, toMs } }, night, RULES.suspendMs, 9)).asleepMs;
    expect(part(0, HOUR_MS) + part(HOUR_MS, 2 * HOUR_MS)).toBe(1.5 * HOUR_MS - 635_000);
  });
});
