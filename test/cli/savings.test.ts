import { describe, expect, it } from 'vitest';
import { formatSavings } from '../../src/cli/commands/savings.ts';
import { styleFor } from '../../src/cli/style.ts';
import type { EnergySum, SavingsReport } from '../../src/platform/history.ts';

const PLAIN = styleFor({ env: {}, outIsTerminal: false });

function sum(changes: Partial<EnergySum> = {}): EnergySum {
  return {
    alwaysOnKwh: 126,
    usedKwh: 60.04,
    transitionKwh: 0.2,
    savedKwh: 65.96,
    money: 19.788,
    co2eKg: 25.06,
    asleepMs: 400 * 3_600_000,
    wakes: 60,
    unknownMs: 2 * 3_600_000,
    wattsSource: 'mixed',
    ...changes,
  };
}

function report(changes: Partial<SavingsReport> = {}): SavingsReport {
  const day = { ...sum({ savedKwh: 0.5, usedKwh: 2, alwaysOnKwh: 2.5, wattsSource: 'measured' }), day: '2026-11-29' };
  return {
    fromMs: 0,
    toMs: 30 * 86_400_000,
    timeZone: 'Europe/Berlin',
    currency: 'EUR',
    platforms: [{ platform: 'vdi-01', predicted: null, days: [day], total: sum() }],
    own: { watts: 6, kwh: 4.3 },
    total: sum({ savedKwh: 61.66, money: 18.498, co2eKg: 23.43 }),
    predicted: null,
    ...changes,
  };
}

describe('formatSavings', () => {
  it('a month -> a line per platform, then its own draw and what is left', () => {
    expect(formatSavings(report(), false, PLAIN)).toEqual([
      'The last 30d (days of Europe/Berlin):',
      'PLATFORM  ALWAYS ON  USED      SAVED     EUR    CO2E     ASLEEP   WAKES  NOT KNOWN  WATTS',
      'vdi-01    126.0 kWh  60.0 kWh  66.0 kWh  19.79  25.1 kg  16d 16h  60     2h         mixed',
      "Torpor's own machine: 6 W, 4.3 kWh",
      'Saved together, its own draw taken off: 61.7 kWh, 18.50 EUR, 23.4 kg CO2e',
    ]);
  });

  it('day by day -> a line per platform and day', () => {
    const lines = formatSavings(report(), true, PLAIN);
    expect(lines[2]).toMatch(/^vdi-01 {4}2026-11-29 {2}2\.5 kWh +2\.0 kWh +0\.500 kWh .* measured$/);
  });

  it('a platform only observes -> what it would have saved, apart from what was', () => {
    const predicted = {
      savedKwh: 1.2345,
      money: 0.37,
      co2eKg: 0.47,
      asleepMs: 11.5 * 3_600_000,
      wakes: 3,
      wattsSource: 'configured',
    } as const;
    const [platform] = report().platforms;
    if (platform === undefined) throw new Error('no platform');
    const lines = formatSavings(report({ platforms: [{ ...platform, predicted }], predicted }), false, PLAIN);
    expect(lines.slice(4)).toEqual([
      'Saved together, its own draw taken off: 61.7 kWh, 18.50 EUR, 23.4 kg CO2e',
      '',
      'Predicted, for the time in which platforms only observed (mode: observe) and could have slept:',
      'PLATFORM  WOULD HAVE SAVED  EUR   CO2E    ASLEEP   WAKES  WATTS',
      'vdi-01    1.2 kWh           0.37  0.5 kg  11h 30m  3      configured',
    ]);
  });

  it('it only observes, and nobody knows its watts asleep -> the time, and what to write for the rest', () => {
    const predicted = { savedKwh: 0, money: 0, co2eKg: 0, asleepMs: 3_600_000, wakes: 1, wattsSource: 'none' } as const;
    const [platform] = report().platforms;
    if (platform === undefined) throw new Error('no platform');
    const lines = formatSavings(report({ platforms: [{ ...platform, predicted }], predicted }), false, PLAIN);
    expect(lines.at(-2)).toMatch(/^vdi-01 +- +- +- +1h +1 +none$/);
    expect(lines.at(-1)).toMatch(/power\.watts\.asleep/);
  });

  it('little energy -> in watt-hours', () => {
    const little = sum({ alwaysOnKwh: 0.0005, usedKwh: 0.0001234, savedKwh: -0.0000004 });
    const lines = formatSavings(
      report({ platforms: [{ platform: 'a', predicted: null, days: [], total: little }] }),
      false,
      PLAIN,
    );
    expect(lines[2]).toMatch(/^a +0\.50 Wh +0\.12 Wh +0\.00 Wh /);
  });

  it('no watts are known -> says what to do about it', () => {
    const nothing = sum({ savedKwh: 0, wattsSource: 'none' });
    expect(formatSavings(report({ total: nothing }), false, PLAIN).at(-1)).toMatch(/No watts are known.*power\.watts/);
  });
});
