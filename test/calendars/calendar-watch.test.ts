// Reading a calendar on a period: files and servers that answer, are gone, are too long, or come back.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CALENDAR_BYTES_MAX, type CalendarPlace, CalendarWatch } from '../../src/calendars/calendar-watch.ts';
import { type BusyTime, readCalendar } from '../../src/calendars/read-calendar.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';

const EVERY_MS = 900_000;
const START_MS = Date.UTC(2026, 2, 10, 8);

function calendar(hour: number): string {
  const event = ['BEGIN:VEVENT', 'UID:1', `DTSTART:20260310T${hour}0000Z`, 'DURATION:PT1H', 'END:VEVENT'];
  return ['BEGIN:VCALENDAR', 'VERSION:2.0', ...event, 'END:VCALENDAR', ''].join('\r\n');
}

describe('CalendarWatch', () => {
  let folder: string;
  let server: Server | null = null;
  let watch: CalendarWatch;
  let clock: FakeClock;
  let times: BusyTime[][];
  let told: string[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'torpor-calendar-'));
    clock = new FakeClock(START_MS);
    times = [];
    told = [];
  });
  afterEach(async () => {
    await watch.stop();
    server?.close();
    server = null;
    await rm(folder, { recursive: true });
  });

  function start(place: CalendarPlace): void {
    const tell = (facts: object, text: string) => told.push(`${text} ${JSON.stringify(facts)}`);
    watch = new CalendarWatch({
      name: 'vdi-01 calendars[0]',
      place,
      isEverybodys: false,
      everyMs: EVERY_MS,
      expand: async (text, span) => readCalendar(text, { ...span, offsetOf: () => () => 0 }),
      clock,
      log: { debug: tell, info: tell, warn: tell, error: tell },
      onTimes: (read) => times.push([...read]),
    });
    watch.start();
  }

  async function serve(answer: () => { status: number; body: string }): Promise<string> {
    const opened = createServer((_, response) => {
      const { status, body } = answer();
      response.writeHead(status, { 'content-type': 'text/calendar' }).end(body);
    });
    server = opened;
    await new Promise<void>((resolve) => opened.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(opened.address() as AddressInfo).port}/secret-of-alice/basic.ics`;
  }

  it('a file -> its times; read again each period, handed on only where they changed', async () => {
    const path = join(folder, 'alice.ics');
    await writeFile(path, calendar(10));
    start({ file: path });
    await eventually('the first reading', () => times.length === 1 && clock.pending === 1);
    expect(times[0]).toEqual([{ fromMs: Date.UTC(2026, 2, 10, 10), toMs: Date.UTC(2026, 2, 10, 11) }]);
    await clock.advance(EVERY_MS);
    await eventually('the second reading', () => clock.pending === 1);
    expect(times).toHaveLength(1);
    await writeFile(path, calendar(14));
    await clock.advance(EVERY_MS);
    await eventually('the third reading', () => times.length === 2);
  });

  it('a server that fails, twice alike, and comes back -> told once, with the reason and without the URL; the last times hold', async () => {
    let answer = { status: 200, body: calendar(10) };
    start({ url: await serve(() => answer) });
    await eventually('the first reading', () => times.length === 1 && clock.pending === 1);
    answer = { status: 503, body: 'busy' };
    for (let turn = 0; turn < 2; turn += 1) {
      await clock.advance(EVERY_MS);
      await eventually('a failed reading', () => clock.pending === 1);
    }
    expect(times).toHaveLength(1);
    const warnings = told.filter((text) => text.includes('cannot be read'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('its server answered with status 503');
    answer = { status: 200, body: calendar(10) };
    await clock.advance(EVERY_MS);
    await eventually('it to be read again', () => told.some((text) => text.includes('read again')));
    expect(told.join()).not.toContain('secret-of-alice');
  });

  it.each([
    ['no calendar at all', 200, '<html>log in</html>', /the calendar cannot be read/],
    ['more than is read', 200, 'x'.repeat(CALENDAR_BYTES_MAX + 1), /longer than 4 MiB/],
  ])('%s -> told, tried again later', async (_, status, body, message) => {
    start({ url: await serve(() => ({ status, body })) });
    await eventually('the failure', () => clock.pending === 1);
    expect(told.join()).toMatch(message);
    expect(times).toEqual([]);
  });

  it('a file that is not there -> told in words', async () => {
    start({ file: join(folder, 'none.ics') });
    await eventually('the failure', () => clock.pending === 1);
    expect(told.join()).toMatch(/ENOENT/);
  });
});
