// Properties of the energy accounts on random histories: parts add up, days add up, what nobody saw saves nothing.
import { describe, expect, it } from 'vitest';
import { type StateMark, type TallyInput, tallyDay } from '../../src/energy/day-tally.ts';
import { LocalDays } from '../../src/energy/local-days.ts';
import { addSums, reportSavings, type TalliedDay } from '../../src/energy/savings.ts';
import type { EnergySum } from '../../src/platform/history.ts';
import { STATE_NAMES, type StateName } from '../../src/platform/status.ts';
import { Random } from '../platform/random.ts';

const SEED = Number(process.env.TORPOR_SEED ?? Math.floor(Math.random() * 2 ** 31));
const ROUNDS = 200;
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'America/Santiago'];
const FACTORS = { price: 0.3, currency: 'EUR', co2eKgPerKwh: 0.38, ownWatts: 6 };
const HOUR = 3_600_000;

/** A few days of one platform, with gaps, silent BMCs and states in any order. */
function randomHistory(random: Random, span: { fromMs: number; toMs: number }): TallyInput {
  const lengthMs = span.toMs - span.fromMs;
  const moments = (count: number) =>
    Array.from({ length: count }, () => span.fromMs + random.between(0, lengthMs)).sort((a, b) => a - b);
  const cuts = [...new Set(moments(2 * random.between(0, 4)))];
  const runs = cuts.flatMap((fromMs, index) => {
    const toMs = cuts[index + 1];
    return index % 2 === 0 && toMs !== undefined ? [{ fromMs, toMs }] : [];
  });
  const watts = () => (random.chance(0.3) ? null : random.between(1, 400));
  return {
    span,
    runs: random.chance(0.2) ? [span] : runs,
    marks: moments(random.between(0, 60)).map(
      (atMs): StateMark => ({
        atMs,
        state: STATE_NAMES[random.between(0, STATE_NAMES.length - 1)] as StateName,
        pool: random.between(0, 1),
      }),
    ),
    readings: moments(random.between(0, 200)).map((atMs) => ({ atMs, watts: random.between(0, 400) })),
    configured: { busy: watts(), idle: watts(), asleep: watts() },
    readingHoldsMs: random.between(1, 3 * HOUR),
  };
}

describe('energy accounts', () => {
  console.log(`energy accounts: seed ${SEED} (TORPOR_SEED=${SEED} repeats it)`);
  const random = new Random(SEED);
  const rounds = Array.from({ length: ROUNDS }, () => {
    const zone = ZONES[random.between(0, ZONES.length - 1)] as string;
    // Around both changes of DST of 2026, of either hemisphere.
    const fromMs =
      Date.parse(random.chance(0.5) ? '2026-03-27T05:00:00Z' : '2026-10-02T07:30:00Z') +
      random.between(0, 30 * 24) * HOUR;
    const span = { fromMs, toMs: fromMs + random.between(1, 6 * 24 * 60) * 60_000 };
    return { zone, input: randomHistory(random, span) };
  });

  it('times: any history -> they add up to its length, and so do measured and configured ones to what is known', () => {
    for (const { input } of rounds) {
      const { unknownMs, awakeMs, asleepMs, transitionMs, measuredMs, configuredMs } = tallyDay(input);
      expect(unknownMs + awakeMs + asleepMs + transitionMs).toBe(input.span.toMs - input.span.fromMs);
      expect(measuredMs + configuredMs).toBe(awakeMs + asleepMs + transitionMs);
    }
  });

  it('days: local days of any zone -> their tallies sum to the tally of the whole', () => {
    for (const { zone, input } of rounds) {
      const { fromMs, toMs } = input.span;
      const parts = new LocalDays(zone)
        .between(fromMs, toMs)
        .map((day) =>
          tallyDay({ ...input, span: { fromMs: Math.max(fromMs, day.fromMs), toMs: Math.min(toMs, day.toMs) } }),
        );
      const whole = tallyDay(input);
      for (const key of Object.keys(whole) as Array<keyof typeof whole>) {
        const sum = parts.reduce((total, part) => total + part[key], 0);
        expect(Math.abs(sum - whole[key]), `${key} in ${zone}`).toBeLessThanOrEqual(1e-6 * Math.max(1, whole[key]));
      }
    }
  });

  it('report: any history -> saved is always-on less used, sums are sums, nobody is paid for what was not seen', () => {
    for (const { zone, input } of rounds) {
      const { fromMs, toMs } = input.span;
      const days = new LocalDays(zone).between(fromMs, toMs).map((day): TalliedDay => {
        const span = { fromMs: Math.max(fromMs, day.fromMs), toMs: Math.min(toMs, day.toMs) };
        return { day: day.day, tally: tallyDay({ ...input, span }), wakes: 1, isWanted: true };
      });
      const platform = { platform: 'a', configuredIdleWatts: input.configured.idle, days, imagined: null };
      const report = reportSavings([platform, { ...platform, platform: 'b' }], FACTORS, {
        fromMs,
        toMs,
        timeZone: zone,
        watchedMs: HOUR,
      });
      for (const each of report.platforms) {
        for (const day of [...each.days, each.total]) expectWhole(day);
        expect(each.total).toEqual(addSums(each.days));
      }
      const parts = report.platforms.reduce((sum, { total }) => sum + total.savedKwh, 0);
      expect(report.own.kwh).toBeCloseTo(0.006, 12);
      expect(report.total.savedKwh).toBeCloseTo(parts - report.own.kwh, 9);
      expect(report.total.usedKwh).toBeCloseTo(report.total.alwaysOnKwh - report.total.savedKwh, 9);
      const unseen = days.filter(({ tally }) => tally.asleepMs + tally.transitionMs === 0);
      for (const { day } of unseen) {
        expect(report.platforms[0]?.days.find((each) => each.day === day)?.savedKwh).toBe(0);
      }
    }
  });
});

function expectWhole(sum: EnergySum): void {
  expect(sum.savedKwh).toBeCloseTo(sum.alwaysOnKwh - sum.usedKwh, 9);
  expect(sum.money).toBeCloseTo(sum.savedKwh * FACTORS.price, 9);
  expect(sum.co2eKg).toBeCloseTo(sum.savedKwh * FACTORS.co2eKgPerKwh, 9);
  expect(sum.usedKwh).toBeGreaterThanOrEqual(sum.transitionKwh);
  expect(Number.isFinite(sum.alwaysOnKwh)).toBe(true);
}
