// Windows of schedules, across both changes of the clocks. Changes: IANA time zone database, Europe/Berlin 2026-03-29 and 2026-10-25.
import { describe, expect, it } from 'vitest';
import { Schedule } from '../../src/inhibitors/schedule.ts';

const HOUR_MS = 3_600_000;
const BERLIN = 'Europe/Berlin';

function at(iso: string): number {
  return Date.parse(iso);
}

/** The starts after a moment, as ISO instants. */
function startsFrom(cron: string, timezone: string, fromIso: string, count: number): string[] {
  const schedule = new Schedule({ cron, timezone, forMs: HOUR_MS });
  const starts: string[] = [];
  for (
    let ms = schedule.nextStartMs(at(fromIso));
    ms !== null && starts.length < count;
    ms = schedule.nextStartMs(ms)
  ) {
    starts.push(new Date(ms).toISOString().replace(':00.000Z', 'Z'));
  }
  return starts;
}

describe('Schedule', () => {
  it.each<[string, string, string, string, string[]]>([
    [
      '03:00 each night, clocks go forward',
      '0 3 * * *',
      BERLIN,
      '2026-03-28T12:00Z',
      ['2026-03-29T01:00Z', '2026-03-30T01:00Z'],
    ],
    [
      '02:30, which that night has not -> the moment the clocks go forward, once',
      '30 2 * * *',
      BERLIN,
      '2026-03-28T12:00Z',
      ['2026-03-29T01:00Z', '2026-03-30T00:30Z'],
    ],
    [
      'each hour, clocks go forward -> real hours',
      '0 * * * *',
      BERLIN,
      '2026-03-29T00:00Z',
      ['2026-03-29T01:00Z', '2026-03-29T02:00Z'],
    ],
    [
      '02:30, which comes twice -> its first, once',
      '30 2 * * *',
      BERLIN,
      '2026-10-24T12:00Z',
      ['2026-10-25T00:30Z', '2026-10-26T01:30Z'],
    ],
    [
      '03:00 each night, clocks go back',
      '0 3 * * *',
      BERLIN,
      '2026-10-24T12:00Z',
      ['2026-10-25T02:00Z', '2026-10-26T02:00Z'],
    ],
    [
      'each hour, clocks go back -> real hours, both of them',
      '0 * * * *',
      BERLIN,
      '2026-10-24T23:30Z',
      ['2026-10-25T00:00Z', '2026-10-25T01:00Z', '2026-10-25T02:00Z'],
    ],
    [
      'New York goes back on another day',
      '30 1 * * *',
      'America/New_York',
      '2026-10-31T12:00Z',
      ['2026-11-01T05:30Z', '2026-11-02T06:30Z'],
    ],
    [
      'half an hour forward (Lord Howe)',
      '15 2 * * *',
      'Australia/Lord_Howe',
      '2026-10-03T12:00Z',
      ['2026-10-03T15:30Z', '2026-10-04T15:15Z'],
    ],
    [
      'weekdays by name, over a weekend',
      '0 8 * * mon-fri',
      'UTC',
      '2026-11-27T09:00Z',
      ['2026-11-30T08:00Z', '2026-12-01T08:00Z'],
    ],
    ['29 February', '0 3 29 2 *', 'UTC', '2026-01-01T00:00Z', ['2028-02-29T03:00Z']],
  ])('%s', (_title, cron, timezone, from, starts) => {
    expect(startsFrom(cron, timezone, from, starts.length)).toEqual(starts);
  });

  it.each([
    [-1, false],
    [0, true],
    [1, true],
    [HOUR_MS - 1, true],
    [HOUR_MS, false],
  ])('openAt: %i ms after the start of an hour -> open: %s', (offsetMs, isOpen) => {
    const schedule = new Schedule({ cron: '0 3 * * *', timezone: 'UTC', forMs: HOUR_MS });
    const startMs = at('2026-11-29T03:00:00Z');
    expect(schedule.openAt(startMs + offsetMs)).toEqual(isOpen ? { startMs, untilMs: startMs + HOUR_MS } : null);
  });

  it('openAt: windows that overlap -> open until the end of the last that has begun', () => {
    const schedule = new Schedule({ cron: '*/10 * * * *', timezone: 'UTC', forMs: HOUR_MS });
    const nowMs = at('2026-11-29T03:25:00Z');
    expect(schedule.openAt(nowMs)?.untilMs).toBe(at('2026-11-29T04:20:00Z'));
  });

  it('openAt: ten hours from 20:00 across each change -> ten real hours', () => {
    const schedule = new Schedule({ cron: '0 20 * * *', timezone: BERLIN, forMs: 10 * HOUR_MS });
    expect(schedule.openAt(at('2026-03-29T04:59:59Z'))?.startMs).toBe(at('2026-03-28T19:00:00Z'));
    expect(schedule.openAt(at('2026-03-29T05:00:00Z'))).toBeNull();
    expect(schedule.openAt(at('2026-10-25T03:59:59Z'))?.startMs).toBe(at('2026-10-24T18:00:00Z'));
    expect(schedule.openAt(at('2026-10-25T04:00:00Z'))).toBeNull();
  });

  it('passedBetween: windows that began and ended in between, bounded; one that is open is not among them', () => {
    const schedule = new Schedule({ cron: '0 3 * * *', timezone: 'UTC', forMs: HOUR_MS });
    const from = at('2026-11-25T12:00:00Z');
    const days = (toIso: string, max = 100) =>
      schedule.passedBetween(from, at(toIso), max).map(({ startMs }) => new Date(startMs).getUTCDate());
    expect(days('2026-11-28T12:00:00Z')).toEqual([26, 27, 28]);
    expect(days('2026-11-28T03:30:00Z')).toEqual([26, 27]);
    expect(days('2026-11-28T04:00:00Z')).toEqual([26, 27, 28]);
    expect(days('2027-11-28T04:00:00Z', 5)).toEqual([26, 27, 28, 29, 30]);
  });
});
