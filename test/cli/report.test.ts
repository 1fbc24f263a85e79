import { describe, expect, it } from 'vitest';
import { formatReport } from '../../src/cli/commands/report.ts';
import { styleFor } from '../../src/cli/style.ts';
import type { PlatformReport } from '../../src/platform/status.ts';

const PLAIN = styleFor({ env: {}, outIsTerminal: false });
const HOUR = 3_600_000;
const REPORT: PlatformReport = {
  platform: 'vdi-01',
  mode: 'observe',
  sinceMs: 0,
  slept: { totalMs: 0, suspends: 0, wakes: 0 },
  wouldHaveSlept: { totalMs: 12 * HOUR, suspends: 3, wakes: 2 },
  keptAwakeBy: [],
  othersActiveMs: 0,
};
const PREDICTION = {
  savedKwh: 2.004,
  money: 0.6012,
  co2eKg: 0.76,
  asleepMs: 12 * HOUR,
  wakes: 2,
  wattsSource: 'mixed',
  currency: 'EUR',
} as const;

describe('formatReport', () => {
  it('observe mode, history kept -> what would have been slept, and saved', () => {
    expect(formatReport(REPORT, 24 * HOUR, PLAIN, PREDICTION)).toEqual([
      'vdi-01 (observe), since Torpor started 1d ago:',
      '  slept never',
      '  would have slept 12h (50 % of the time): 3 suspends, 2 wakes',
      '  would have saved 2.0 kWh, 0.60 EUR (predicted, watts mixed)',
      '  nobody was active',
    ]);
  });

  it('nobody knows the watts -> what to write', () => {
    const lines = formatReport(REPORT, 24 * HOUR, PLAIN, { ...PREDICTION, wattsSource: 'none' });
    expect(lines[3]).toMatch(/^ {2}would have saved nobody knows how much: write power\.watts/);
  });

  it('no history, or armed -> no word of it', () => {
    expect(formatReport(REPORT, 24 * HOUR, PLAIN).join()).not.toContain('saved');
    expect(formatReport({ ...REPORT, mode: 'armed' }, 24 * HOUR, PLAIN, PREDICTION).join()).not.toContain('saved');
  });
});
