// An iCalendar text (RFC 5545) as times at which somebody is busy: recurrence, exceptions, zones, free/busy. Fetching is left to others.
import ICAL from 'ical.js';
import { errorText, TorporError } from '../platform/errors.ts';

export interface BusyTime {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface CalendarRules {
  /** Only what touches this time is told. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Everybody's calendar: whole days count although feeds of public holidays call them free. */
  readonly isEverybodys: boolean;
  /** Local time minus UTC of a zone by its IANA name; of the people's own where it is null. Throws where there is no such zone. */
  readonly offsetOf: (zone: string | null) => (atMs: number) => number;
}

/** A calendar that expands to more is refused: a mistake, or an attack. */
export const CALENDAR_TIMES_MAX = 20_000;
/** Expanding blocks whatever else runs: this many take about a second. */
const OCCURRENCES_MAX = 30_000;
const DAY_MS = 86_400_000;

/** Reads a calendar. Throws ERR_CALENDAR_READ, saying why. */
export function readCalendar(text: string, rules: CalendarRules): BusyTime[] {
  try {
    const calendar = new ICAL.Component(ICAL.parse(text) as unknown as string);
    if (calendar.name !== 'vcalendar') throw new Error(`it is a ${calendar.name}, not a VCALENDAR`);
    return new CalendarReader(rules).read(calendar);
  } catch (cause) {
    throw new TorporError('ERR_CALENDAR_READ', `the calendar cannot be read: ${errorText(cause)}`, { cause });
  }
}

class CalendarReader {
  readonly #rules: CalendarRules;
  readonly #times: BusyTime[] = [];
  #occurrences = 0;

  constructor(rules: CalendarRules) {
    this.#rules = rules;
  }

  read(calendar: ICAL.Component): BusyTime[] {
    const events = calendar.getAllSubcomponents('vevent');
    const exceptions = exceptionsByUid(events);
    for (const component of events) {
      if (component.hasProperty('recurrence-id')) continue;
      const own = exceptions.get(uidOf(component)) ?? [];
      this.#readEvent(new ICAL.Event(component, { strictExceptions: true, exceptions: own }));
    }
    for (const component of calendar.getAllSubcomponents('vfreebusy')) this.#readFreeBusy(component);
    return this.#times.sort((one, other) => one.fromMs - other.fromMs);
  }

  #readEvent(event: ICAL.Event): void {
    if (event.startDate === null) return;
    if (!event.isRecurring()) {
      this.#add(event, event.startDate, event.endDate);
      return;
    }
    const occurrences = event.iterator();
    for (let next = occurrences.next(); next; next = occurrences.next()) {
      this.#occurrences += 1;
      if (this.#occurrences > OCCURRENCES_MAX) throw new Error(`it has more than ${OCCURRENCES_MAX} occurrences`);
      // An exception may have been moved by this much; none is looked for further ahead.
      if (this.#momentOf(next, event.startDate) > this.#rules.toMs + MOVED_MAX_MS) break;
      const { item, startDate, endDate } = event.getOccurrenceDetails(next);
      this.#add(item, startDate, endDate);
    }
  }

  /** Published by servers that keep what a meeting is about to themselves. */
  #readFreeBusy(component: ICAL.Component): void {
    for (const property of component.getAllProperties('freebusy')) {
      if (property.getParameter('fbtype') === 'FREE') continue;
      for (const period of property.getValues() as unknown as ICAL.Period[]) {
        const [start, end] = [period.start as unknown as ICAL.Time, period.getEnd() as unknown as ICAL.Time];
        this.#push(this.#momentOf(start, start), this.#momentOf(end, start));
      }
    }
  }

  #add(event: ICAL.Event, start: ICAL.Time, end: ICAL.Time): void {
    const isWholeDayOfAll = this.#rules.isEverybodys && start.isDate;
    if (!isBusy(event.component, isWholeDayOfAll)) return;
    this.#push(this.#momentOf(start, event.startDate), this.#momentOf(end, event.startDate));
  }

  #push(fromMs: number, toMs: number): void {
    if (toMs <= fromMs || toMs <= this.#rules.fromMs || fromMs >= this.#rules.toMs) return;
    if (this.#times.length >= CALENDAR_TIMES_MAX) throw new Error(`it has more than ${CALENDAR_TIMES_MAX} busy times`);
    this.#times.push({ fromMs, toMs });
  }

  /** Whole days, and times without a zone, are the people's; a zone that the file does not define is looked up by its name. */
  #momentOf(time: ICAL.Time, named: ICAL.Time): number {
    const isFloating = time.isDate || time.zone === null || time.zone.tzid === 'floating';
    if (!isFloating) return time.toUnixTime() * 1000;
    const wallMs = Date.UTC(time.year, time.month - 1, time.day, time.hour, time.minute, time.second);
    const offsetOf = this.#rules.offsetOf(time.isDate ? null : zoneNameOf(named));
    return wallMs - offsetOf(wallMs - offsetOf(wallMs));
  }
}

/** Of a zone that the file does not define, the library keeps only the name. */
function zoneNameOf(time: ICAL.Time): string | null {
  return (time as ICAL.Time & { readonly timezone?: string }).timezone ?? null;
}

/** How far ahead of its series an exception may have been moved to. */
const MOVED_MAX_MS = 31 * DAY_MS;

function exceptionsByUid(events: readonly ICAL.Component[]): Map<string, ICAL.Component[]> {
  const byUid = new Map<string, ICAL.Component[]>();
  for (const component of events) {
    if (!component.hasProperty('recurrence-id')) continue;
    const uid = uidOf(component);
    byUid.set(uid, [...(byUid.get(uid) ?? []), component]);
  }
  return byUid;
}

function uidOf(component: ICAL.Component): string {
  return String(component.getFirstPropertyValue('uid') ?? '');
}

/**
 * RFC 5545 section 3.8.2.7: transparent is free, and 3.8.1.11: cancelled. Exchange says more: out of office is busy though the entry
 * is transparent; working elsewhere is at work.
 */
function isBusy(component: ICAL.Component, isWholeDayOfAll: boolean): boolean {
  const read = (name: string) => String(component.getFirstPropertyValue(name) ?? '').toUpperCase();
  if (read('status') === 'CANCELLED') return false;
  const exchange = read('x-microsoft-cdo-busystatus');
  if (exchange === 'OOF') return true;
  if (exchange === 'WORKINGELSEWHERE') return false;
  if (isWholeDayOfAll) return true;
  return read('transp') !== 'TRANSPARENT' && exchange !== 'FREE';
}
