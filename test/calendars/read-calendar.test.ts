// What a calendar says of busy times: recurrence, exceptions, zones, whole days, what is free although it is entered.
import { describe, expect, it } from 'vitest';
import { type CalendarRules, readCalendar } from '../../src/calendars/read-calendar.ts';
import { zoneOffset } from '../../src/zone-offset.ts';

const RULES: CalendarRules = {
  fromMs: Date.UTC(2026, 2, 1),
  toMs: Date.UTC(2026, 3, 15),
  isEverybodys: false,
  offsetOf: (zone) => zoneOffset(zone ?? 'Europe/Vienna'),
};

function read(lines: string[], rules: Partial<CalendarRules> = {}): string[] {
  const text = ['BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//test//EN', ...lines, 'END:VCALENDAR', ''].join('\r\n');
  const tell = (ms: number) => new Date(ms).toISOString().slice(5, 16).replace('T', ' ');
  return readCalendar(text, { ...RULES, ...rules }).map(({ fromMs, toMs }) => `${tell(fromMs)} to ${tell(toMs)}`);
}

function event(...lines: string[]): string[] {
  return ['BEGIN:VEVENT', 'UID:1', 'DTSTAMP:20260101T000000Z', ...lines, 'END:VEVENT'];
}

describe('readCalendar', () => {
  it('a weekly meeting in a zone by its name alone -> the same local time before and after summer time begins', () => {
    const weekly = event(
      'DTSTART;TZID=Europe/Vienna:20260323T090000',
      'DTEND;TZID=Europe/Vienna:20260323T100000',
      'RRULE:FREQ=WEEKLY;COUNT=2',
    );
    expect(read(weekly)).toEqual(['03-23 08:00 to 03-23 09:00', '03-30 07:00 to 03-30 08:00']);
  });

  it('a zone that the file defines under a name of its own -> by its definition', () => {
    const zone = [
      'BEGIN:VTIMEZONE',
      'TZID:Somewhere',
      'BEGIN:STANDARD',
      'DTSTART:19700101T000000',
      'TZOFFSETFROM:+0530',
      'TZOFFSETTO:+0530',
      'END:STANDARD',
      'END:VTIMEZONE',
    ];
    const meeting = event('DTSTART;TZID=Somewhere:20260310T120000', 'DURATION:PT30M');
    expect(read([...zone, ...meeting])).toEqual(['03-10 06:30 to 03-10 07:00']);
  });

  it('one date left out, one moved, one cancelled, one of another series -> each as it is', () => {
    const series = event(
      'DTSTART:20260302T090000Z',
      'DTEND:20260302T093000Z',
      'RRULE:FREQ=DAILY;COUNT=4',
      'EXDATE:20260303T090000Z',
    );
    const moved = event('RECURRENCE-ID:20260304T090000Z', 'DTSTART:20260304T140000Z', 'DTEND:20260304T150000Z');
    const cancelled = event(
      'RECURRENCE-ID:20260305T090000Z',
      'DTSTART:20260305T090000Z',
      'DTEND:20260305T093000Z',
      'STATUS:CANCELLED',
    );
    const other = event('DTSTART:20260305T090000Z', 'DTEND:20260305T110000Z').map((line) =>
      line.replace('UID:1', 'UID:2'),
    );
    expect(read([...series, ...moved, ...cancelled, ...other])).toEqual([
      '03-02 09:00 to 03-02 09:30',
      '03-04 14:00 to 03-04 15:00',
      '03-05 09:00 to 03-05 11:00',
    ]);
  });

  it('a whole day -> local midnights; two days by DTEND', () => {
    expect(read(event('DTSTART;VALUE=DATE:20260310'))).toEqual(['03-09 23:00 to 03-10 23:00']);
    expect(read(event('DTSTART;VALUE=DATE:20260328', 'DTEND;VALUE=DATE:20260330'))).toEqual([
      '03-27 23:00 to 03-29 22:00',
    ]);
  });

  it.each([
    [['TRANSP:TRANSPARENT'], 0],
    [['STATUS:CANCELLED'], 0],
    [['X-MICROSOFT-CDO-BUSYSTATUS:FREE'], 0],
    [['X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE'], 0],
    [['TRANSP:TRANSPARENT', 'X-MICROSOFT-CDO-BUSYSTATUS:OOF'], 1],
    [['STATUS:TENTATIVE'], 1],
  ])('%s -> busy times: %i', (lines, count) => {
    expect(read(event('DTSTART;VALUE=DATE:20260310', ...lines))).toHaveLength(count);
  });

  it("everybody's whole day called free, as feeds of public holidays do -> counts; an hour called free does not", () => {
    const holiday = event('DTSTART;VALUE=DATE:20260310', 'TRANSP:TRANSPARENT');
    const hour = event('DTSTART:20260311T090000Z', 'DURATION:PT1H', 'TRANSP:TRANSPARENT');
    expect(read([...holiday, ...hour], { isEverybodys: true })).toEqual(['03-09 23:00 to 03-10 23:00']);
  });

  it('free/busy alone -> its busy periods', () => {
    const freeBusy = [
      'BEGIN:VFREEBUSY',
      'FREEBUSY;FBTYPE=BUSY:20260310T090000Z/PT1H,20260310T120000Z/20260310T123000Z',
      'FREEBUSY;FBTYPE=FREE:20260310T100000Z/PT1H',
      'END:VFREEBUSY',
    ];
    expect(read(freeBusy)).toEqual(['03-10 09:00 to 03-10 10:00', '03-10 12:00 to 03-10 12:30']);
  });

  it('out of the asked time, ends that lie before begins -> nothing', () => {
    expect(read(event('DTSTART:20260501T090000Z', 'DURATION:PT1H'))).toEqual([]);
    expect(read(event('DTSTART:20260310T090000Z', 'DTEND:20260310T080000Z'))).toEqual([]);
  });

  it('a series without end -> read up to the asked time', () => {
    const daily = event('DTSTART:20200101T090000Z', 'DURATION:PT1H', 'RRULE:FREQ=DAILY');
    expect(read(daily)).toHaveLength(45);
  });

  it.each([
    ['<html>no calendar</html>', /cannot be read/],
    ['BEGIN:VCARD\r\nVERSION:4.0\r\nEND:VCARD\r\n', /it is a vcard, not a VCALENDAR/],
  ])('%s -> refused with a reason', (text, message) => {
    expect(() => readCalendar(text, RULES)).toThrow(message);
  });

  it('a meeting every second, for ever -> refused, not expanded', () => {
    const mad = event('DTSTART:20260302T090000Z', 'DURATION:PT1S', 'RRULE:FREQ=SECONDLY');
    expect(() => read(mad)).toThrow(/more than 20000 busy times/);
    const long = event('DTSTART:20250302T090000Z', 'DURATION:PT1S', 'RRULE:FREQ=MINUTELY');
    expect(() => read(long)).toThrow(/more than 30000 occurrences/);
  });
});
