import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TorporError } from '../../src/platform/errors.ts';
import {
  formatBytes,
  formatDuration,
  formatFixed,
  formatKwh,
  parseDurationMs,
  parseSizeBytes,
} from '../../src/platform/units.ts';

describe('formatKwh', () => {
  it.each([
    [126, '126.0 kWh'],
    [0.5, '0.500 kWh'],
    [-2.04, '-2.0 kWh'],
    [0.00123, '1.23 Wh'],
    [-0.0000001, '0.00 Wh'],
    [0, '0.00 Wh'],
  ])('%d kWh -> %s', (value, text) => expect(formatKwh(value)).toBe(text));

  it('formatFixed: what rounds to zero -> no sign', () => {
    expect([formatFixed(-0.001, 2), formatFixed(-0.006, 2), formatFixed(0, 1)]).toEqual(['0.00', '-0.01', '0.0']);
  });
});

describe('parseDurationMs', () => {
  it.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['2d', 172_800_000],
    ['1.5h', 5_400_000],
    ['1h30m', 5_400_000],
    ['1h 30m 5s', 5_405_000],
    [' 10 s ', 10_000],
    ['0s', 0],
    ['0.4ms', 0],
  ])('parseDurationMs: %j -> %i', (text, durationMs) => {
    expect(parseDurationMs(text)).toBe(durationMs);
  });

  it.each([
    '',
    ' ',
    '10',
    's',
    '-5s',
    '5 parsecs',
    '5s x',
    '1,5h',
    '10S',
    '5m5',
    '1..5s',
    '.5s',
    'Infinitys',
    `${'9'.repeat(400)}d`,
  ])('parseDurationMs: %j -> ERR_CONFIG_INVALID that quotes it', (text) => {
    expect(() => parseDurationMs(text)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }));
    expect(() => parseDurationMs(text)).toThrow(`"${text}" is no duration`);
  });
});

describe('parseSizeBytes', () => {
  it.each([
    ['512B', 512],
    ['64KiB', 65_536],
    ['1 MiB', 1_048_576],
    ['2GiB', 2_147_483_648],
    ['1.5KiB', 1_536],
  ])('parseSizeBytes: %j -> %i', (text, bytes) => {
    expect(parseSizeBytes(text)).toBe(bytes);
  });

  it.each(['', '1', '1KB', '1M', '-1B', '1KiB 1KiB', `${'9'.repeat(400)}GiB`])(
    'parseSizeBytes: %j -> ERR_CONFIG_INVALID',
    (text) => {
      expect(() => parseSizeBytes(text)).toThrow(TorporError);
    },
  );
});

describe('formatDuration', () => {
  it.each([
    [-5, '0ms'],
    [0, '0ms'],
    [350, '350ms'],
    [999, '999ms'],
    [999.6, '1s'],
    [1_000, '1s'],
    [2_500, '2.5s'],
    [9_949, '9.9s'],
    [9_999, '10s'],
    [10_000, '10s'],
    [59_499, '59s'],
    [59_500, '1m'],
    [60_000, '1m'],
    [250_000, '4m 10s'],
    [3_600_000, '1h'],
    [3_605_000, '1h'],
    [97_200_000, '1d 3h'],
    [86_700_000, '1d'],
  ])('formatDuration: %d ms -> %s', (durationMs, text) => {
    expect(formatDuration(durationMs)).toBe(text);
  });

  it('formatDuration: any duration of Torpor -> read back it is off by less than its second unit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 30 * 86_400_000 }), (durationMs) => {
        const readMs = parseDurationMs(formatDuration(durationMs));
        const slackMs = durationMs < 1_000 ? 0 : Math.max(500, durationMs / 24);
        expect(Math.abs(readMs - durationMs)).toBeLessThanOrEqual(slackMs);
      }),
    );
  });
});

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [512, '512 B'],
    [1_023, '1023 B'],
    [1_024, '1 KiB'],
    [1_536, '1.5 KiB'],
    [67_108_864, '64 MiB'],
    [1_048_575, '1 MiB'],
  ])('formatBytes: %i -> %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
