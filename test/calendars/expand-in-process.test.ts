// A calendar in a process of its own: what it says, what is refused, and rules that keep the library searching for ever.
import { describe, expect, it } from 'vitest';
import { EXPAND_BOUNDS, expandInProcess } from '../../src/calendars/expand-in-process.ts';

const SPAN = { fromMs: Date.UTC(2026, 2, 1), toMs: Date.UTC(2026, 3, 15), isEverybodys: false };

function calendar(...lines: string[]): string {
  const event = ['BEGIN:VEVENT', 'UID:1', 'DTSTART:20260301T090000Z', 'DURATION:PT1H', ...lines, 'END:VEVENT'];
  return ['BEGIN:VCALENDAR', 'VERSION:2.0', ...event, 'END:VCALENDAR', ''].join('\r\n');
}

describe('expandInProcess', () => {
  const never = new AbortController().signal;

  it('a series -> its times, as they are read here', async () => {
    const times = await expandInProcess(calendar('RRULE:FREQ=DAILY;COUNT=2'), SPAN, never);
    expect(times).toEqual([
      { fromMs: Date.UTC(2026, 2, 1, 9), toMs: Date.UTC(2026, 2, 1, 10) },
      { fromMs: Date.UTC(2026, 2, 2, 9), toMs: Date.UTC(2026, 2, 2, 10) },
    ]);
  });

  it('what is no calendar -> refused in words', async () => {
    const expanding = expandInProcess('<html>log in</html>', SPAN, never);
    await expect(expanding).rejects.toMatchObject({
      code: 'ERR_CALENDAR_READ',
      message: expect.stringMatching(/^the calendar cannot be read: /),
    });
  });

  it.each(['FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30', 'FREQ=DAILY;BYDAY=2MO'])(
    'a rule that the library never finds true (%s) -> refused at the bound, and the process goes on meanwhile',
    async (rule) => {
      let turns = 0;
      const ticking = setInterval(() => {
        turns += 1;
      }, 10);
      const expanding = expandInProcess(calendar(`RRULE:${rule}`), SPAN, never, { ...EXPAND_BOUNDS, timeoutMs: 500 });
      await expect(expanding).rejects.toMatchObject({
        code: 'ERR_CALENDAR_READ',
        message: expect.stringContaining('may never come true'),
      });
      clearInterval(ticking);
      expect(turns).toBeGreaterThan(0);
    },
  );

  it('a rule with which the library takes memory until there is none -> refused in words, and this process goes on', async () => {
    const bounds = { timeoutMs: 60_000, memoryMb: 16 };
    const expanding = expandInProcess(calendar('RRULE:FREQ=DAILY;BYDAY=2MO'), SPAN, never, bounds);
    await expect(expanding).rejects.toMatchObject({
      code: 'ERR_CALENDAR_READ',
      message: expect.stringContaining('as where memory runs out'),
    });
  });

  it('stopped while it is under way -> rejects', async () => {
    const stopping = new AbortController();
    const expanding = expandInProcess(calendar('RRULE:FREQ=DAILY;BYDAY=2MO'), SPAN, stopping.signal);
    stopping.abort();
    await expect(expanding).rejects.toMatchObject({ code: 'ERR_CALENDAR_READ' });
  });
});
