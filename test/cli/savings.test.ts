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
    platforms: [{ platform: 'vdi-01', days: [day], total: sum() }],
    own: { watts: 6, kwh: 4.3 },
    total: sum({ savedKwh: 61.66, money: 18.498, co2eKg: 23.43 }),
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

  it('no watts are known -> says what to do about it', () => {
    const nothing = sum({ savedKwh: 0, wattsSource: 'none' });
    expect(formatSavings(report({ total: nothing }), false, PLAIN).at(-1)).toMatch(/No watts are known.*power\.watts/);
  });
});
