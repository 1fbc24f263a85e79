import { describe, expect, it } from 'vitest';
import { emptyTally } from '../../src/energy/day-tally.ts';
import { IDLE_LOOK_BACK_DAYS, reportSavings, type TalliedDay } from '../../src/energy/savings.ts';

const HOUR = 3_600_000;
const FACTORS = { price: 0.3, currency: 'EUR', co2eKgPerKwh: 0.38, ownWatts: 0 };

function day(changes: Partial<TalliedDay['tally']>, isWanted = true, wakes = 0): TalliedDay {
  return { day: '2026-11-29', tally: { ...emptyTally(), ...changes }, wakes, isWanted };
}

function report(days: readonly TalliedDay[], configuredIdleWatts: number | null, ownWatts = 0, watchedMs = 24 * HOUR) {
  const time = { fromMs: 0, toMs: 24 * HOUR, timeZone: 'UTC', watchedMs };
  return reportSavings(
    [{ platform: 'vdi-01', configuredIdleWatts, days, imagined: null }],
    { ...FACTORS, ownWatts },
    time,
  );
}

describe('reportSavings', () => {
  // 175 W idle, 8 W asleep, 300 W for 13 s of each cycle: by hand.
  const slept = {
    awakeMs: 8 * HOUR,
    awakeWs: 8 * 3600 * 200,
    asleepMs: 16 * HOUR - 13_000,
    asleepWs: (16 * 3600 - 13) * 8,
  };

  it('a day with one sleep, configured watts -> as reckoned by hand', () => {
    const { platforms } = report(
      [day({ ...slept, transitionMs: 13_000, transitionWs: 13 * 300, configuredMs: 24 * HOUR }, true, 1)],
      175,
    );
    expect(platforms[0]?.total).toMatchObject({ asleepMs: 16 * HOUR - 13_000, wakes: 1, wattsSource: 'configured' });
    expect(platforms[0]?.total.alwaysOnKwh).toBeCloseTo(1.6 + 2.8, 6);
    expect(platforms[0]?.total.usedKwh).toBeCloseTo(1.6 + 0.127971 + 0.001083, 5);
    expect(platforms[0]?.total.savedKwh).toBeCloseTo(2.670946, 5);
    expect(platforms[0]?.total.money).toBeCloseTo(0.801284, 5);
    expect(platforms[0]?.total.transitionKwh).toBeCloseTo(0.001083, 5);
  });

  it('it ran idle and was measured lately -> that is what it would have drawn, not what is configured', () => {
    const before = day(
      { awakeMs: HOUR, awakeWs: 3600 * 120, measuredMs: HOUR, idleMeasuredMs: HOUR, idleMeasuredWs: 3600 * 120 },
      false,
    );
    const { platforms } = report([before, day({ asleepMs: HOUR, asleepWs: 0, measuredMs: HOUR })], 175);
    expect(platforms[0]?.days).toHaveLength(1);
    expect(platforms[0]?.total.alwaysOnKwh).toBeCloseTo(0.12, 9);
    expect(platforms[0]?.total.wattsSource).toBe('measured');
  });

  it('it ran idle too long ago -> the configured watts', () => {
    const before = day({ idleMeasuredMs: HOUR, idleMeasuredWs: 3600 * 120 }, false);
    const since = Array.from({ length: IDLE_LOOK_BACK_DAYS - 1 }, () => day({}, false));
    const { platforms } = report([before, ...since, day({ asleepMs: HOUR, measuredMs: HOUR })], 175);
    expect(platforms[0]?.total.alwaysOnKwh).toBeCloseTo(0.175, 9);
    expect(platforms[0]?.total.wattsSource).toBe('mixed');
  });

  it('nobody knows what it draws while idle -> its sleep is not counted, but told as not known', () => {
    const { platforms } = report([day({ asleepMs: HOUR, asleepWs: 3600 * 8, configuredMs: HOUR })], null);
    expect(platforms[0]?.total).toMatchObject({
      alwaysOnKwh: 0,
      usedKwh: 0,
      savedKwh: 0,
      asleepMs: HOUR,
      unknownMs: HOUR,
    });
  });

  it('many short sleeps -> transitions may cost more than they save', () => {
    const { platforms } = report(
      [day({ transitionMs: HOUR, transitionWs: 3600 * 300, configuredMs: HOUR }, true, 277)],
      175,
    );
    expect(platforms[0]?.total.savedKwh).toBeCloseTo(-0.125, 9);
  });

  it('Torpor’s own draw -> taken off the total once, for the time it ran', () => {
    const { platforms, own, total } = report([day({ asleepMs: HOUR, configuredMs: HOUR })], 175, 6, 10 * HOUR);
    expect(own).toEqual({ watts: 6, kwh: 0.06 });
    expect(platforms[0]?.total.savedKwh).toBeCloseTo(0.175, 9);
    expect(total.savedKwh).toBeCloseTo(0.115, 9);
    expect(total.money).toBeCloseTo(0.115 * 0.3, 9);
  });

  it('nothing is known -> zeros that say so', () => {
    const { total } = report([day({ unknownMs: 24 * HOUR })], 175);
    expect(total).toMatchObject({ savedKwh: 0, unknownMs: 24 * HOUR, wattsSource: 'none' });
  });
});
