import { describe, expect, it } from 'vitest';
import { LocalDays } from '../../src/energy/local-days.ts';

const HOUR = 3_600_000;

describe('LocalDays', () => {
  it.each([
    // [zone, moment, day, begins, hours]
    ['UTC', '2026-11-29T12:00:00Z', '2026-11-29', '2026-11-29T00:00:00Z', 24],
    // DST begins in the EU on the last Sunday of March at 01:00 UTC, and ends on that of October.
    ['Europe/Berlin', '2026-03-29T12:00:00Z', '2026-03-29', '2026-03-28T23:00:00Z', 23],
    ['Europe/Berlin', '2026-10-25T12:00:00Z', '2026-10-25', '2026-10-24T22:00:00Z', 25],
    ['Europe/Berlin', '2026-10-25T22:59:59.999Z', '2026-10-25', '2026-10-24T22:00:00Z', 25],
    ['Europe/Berlin', '2026-10-25T23:00:00Z', '2026-10-26', '2026-10-25T23:00:00Z', 24],
    // Half an hour of DST.
    ['Australia/Lord_Howe', '2026-10-04T05:00:00Z', '2026-10-04', '2026-10-03T13:30:00Z', 23.5],
    ['Asia/Kathmandu', '2026-06-01T00:00:00Z', '2026-06-01', '2026-05-31T18:15:00Z', 24],
    // Midnight does not exist: the day begins at one.
    ['America/Santiago', '2026-09-06T12:00:00Z', '2026-09-06', '2026-09-06T04:00:00Z', 23],
  ])('%s at %s -> %s from %s, %s hours', (zone, moment, day, begins, hours) => {
    const found = new LocalDays(zone).at(Date.parse(moment));
    expect(found).toEqual({ day, fromMs: Date.parse(begins), toMs: Date.parse(begins) + hours * HOUR });
  });

  it('between: a year of a zone with DST -> each day once, without a gap, 8,760 hours in all', () => {
    const zone = new LocalDays('America/New_York');
    const start = zone.at(Date.parse('2026-01-01T12:00:00Z')).fromMs;
    const end = zone.at(Date.parse('2026-12-31T12:00:00Z')).toMs;
    const days = zone.between(start, end);
    expect(days).toHaveLength(365);
    expect(new Set(days.map(({ day }) => day)).size).toBe(365);
    for (const [index, day] of days.entries()) expect(days[index + 1]?.fromMs ?? end).toBe(day.toMs);
    expect(end - start).toBe(8760 * HOUR);
    expect(days.map(({ fromMs, toMs }) => (toMs - fromMs) / HOUR).filter((hours) => hours !== 24)).toEqual([23, 25]);
  });

  it('between: nothing -> no day; a moment -> its day', () => {
    const days = new LocalDays('UTC');
    expect(days.between(5, 5)).toEqual([]);
    expect(days.between(5, 6).map(({ day }) => day)).toEqual(['1970-01-01']);
  });

  it('a zone that there is not -> RangeError', () => {
    expect(() => new LocalDays('Mars/Olympus')).toThrow(RangeError);
  });
});
