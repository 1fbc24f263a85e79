// What generated people tell of themselves: the calendars that they keep, imperfectly, and when their machines open. Numbers are assumptions.
import type { Opening } from './activity-trace.ts';
import { type BusyEntry, EVERYBODY } from './busy-times.ts';
import { DAY_MS } from './local-time.ts';
import type { Population } from './populations.ts';
import type { SeededRandom } from './random.ts';

const MINUTE_MS = 60_000;

/** One person's day, as it was. Minutes since midnight of the time that people keep, which `shiftMs` may set back. */
export interface LifeDay {
  readonly client: string;
  readonly dayMs: number;
  readonly shiftMs: number;
  readonly isWeekend: boolean;
  readonly isHoliday: boolean;
  readonly isVacation: boolean;
  readonly isPresent: boolean;
  readonly invitations: Array<{
    readonly fromMin: number;
    readonly toMin: number;
    readonly share: number;
    readonly joins: boolean;
  }>;
  /** Beginnings of sessions for which the client had to connect. */
  readonly connectsMs: number[];
}

/** How well calendars are kept. */
export const CALENDAR_HABITS = {
  /** A meeting that somebody went to is in their calendar; one that they did not go to is there all the same. */
  joinedIsEntered: 0.8,
  missedIsEntered: 0.2,
  /** A meeting is booked for longer than it took, or for less; by this much. */
  bookedLonger: 0.2,
  bookedShorter: 0.15,
  bookedOffMin: 15,
  vacationIsEntered: 0.8,
  holidayIsEntered: 0.95,
  /** Per day of presence: entered as absent nevertheless. */
  presenceIsEnteredAbsent: 0.01,
} as const;

/** How machines open. A session left open keeps its machine on: then nothing opens before the next one. */
export const OPENING_HABITS = {
  /** The machine was off or asleep before a session that connects, and its opening is seen. */
  isSeen: 0.75,
  /** From the opening to the first action: waking or booting, logging in, starting the client. */
  leadMedianS: 45,
  leadSigma: 0.6,
  leadMinS: 8,
  /** Per person and day: it opens for something else, between 7:00 and 22:00; and by itself in the night. */
  forOtherThings: 0.25,
  byItself: 0.05,
} as const;

export function generateCalendar(
  population: Population,
  lives: readonly LifeDay[],
  fromMs: number,
  random: SeededRandom,
): BusyEntry[] {
  const entries: BusyEntry[] = [];
  const shared = new SharedBookings(random);
  const vacations = new VacationEntries(random);
  for (const life of lives) {
    const { client, dayMs, shiftMs, isPresent, isWeekend, isHoliday } = life;
    if (isHoliday && shared.holidayIsEntered(dayMs))
      entries.push({ client: EVERYBODY, fromMs: dayMs, toMs: dayMs + DAY_MS });
    if (vacations.isEntered(life) || absenceIsEntered(population, life, random)) {
      entries.push({ client, fromMs: dayMs, toMs: dayMs + DAY_MS });
      continue;
    }
    const enterMeeting = (fromMin: number, toMin: number) =>
      entries.push({
        client,
        fromMs: dayMs + shiftMs + fromMin * MINUTE_MS,
        toMs: dayMs + shiftMs + toMin * MINUTE_MS,
      });
    for (const { fromMin, toMin, joins } of life.invitations) {
      const isEntered = random.chance(joins ? CALENDAR_HABITS.joinedIsEntered : CALENDAR_HABITS.missedIsEntered);
      if (isEntered) enterMeeting(fromMin, shared.bookedToMin(dayMs, fromMin, toMin));
    }
    const idleEntry = random.chance(population.cancelledStays);
    const [hour, lengthMin] = [9 + Math.floor(random.next() * 8), random.chance(0.5) ? 30 : 60];
    if (idleEntry && isPresent && !isWeekend) enterMeeting(hour * 60, hour * 60 + lengthMin);
  }
  return uniqueEntries(entries.filter((entry) => entry.toMs > fromMs)).sort((one, other) => one.fromMs - other.fromMs);
}

/** A planned day off, a journey; or a wrong entry. Weekends and holidays need none. */
function absenceIsEntered({ absenceIsEntered }: Population, life: LifeDay, random: SeededRandom): boolean {
  const chance = life.isPresent ? CALENDAR_HABITS.presenceIsEnteredAbsent : absenceIsEntered;
  return random.chance(chance) && !life.isWeekend && !life.isHoliday && !life.isVacation;
}

/** What is the same in everybody's calendar: each meeting's booked end, and holidays. */
class SharedBookings {
  readonly #random: SeededRandom;
  readonly #ends = new Map<string, number>();
  readonly #holidays = new Map<number, boolean>();

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  bookedToMin(dayMs: number, fromMin: number, toMin: number): number {
    const key = `${dayMs} ${fromMin}`;
    const known = this.#ends.get(key);
    if (known !== undefined) return known;
    const drawn = this.#random.next();
    const { bookedLonger, bookedShorter, bookedOffMin } = CALENDAR_HABITS;
    const offMin = drawn < bookedLonger ? bookedOffMin : drawn < bookedLonger + bookedShorter ? -bookedOffMin : 0;
    this.#ends.set(key, toMin + offMin);
    return toMin + offMin;
  }

  holidayIsEntered(dayMs: number): boolean {
    const known = this.#holidays.get(dayMs) ?? this.#random.chance(CALENDAR_HABITS.holidayIsEntered);
    this.#holidays.set(dayMs, known);
    return known;
  }
}

/** A vacation is entered as a whole, or not at all. */
class VacationEntries {
  readonly #random: SeededRandom;
  #client = '';
  #wasVacation = false;
  #isEntered = false;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  isEntered({ client, isVacation }: LifeDay): boolean {
    if (isVacation && !(this.#wasVacation && client === this.#client)) {
      this.#isEntered = this.#random.chance(CALENDAR_HABITS.vacationIsEntered);
    }
    this.#client = client;
    this.#wasVacation = isVacation;
    return isVacation && this.#isEntered;
  }
}

function uniqueEntries(entries: readonly BusyEntry[]): BusyEntry[] {
  return [...new Map(entries.map((entry) => [`${entry.client} ${entry.fromMs} ${entry.toMs}`, entry])).values()];
}

/** Moments at which machines open, ascending. */
export function generateOpenings(lives: readonly LifeDay[], random: SeededRandom): Opening[] {
  const openings: Opening[] = [];
  const { isSeen, leadMedianS, leadSigma, leadMinS, forOtherThings, byItself } = OPENING_HABITS;
  for (const { client, dayMs, shiftMs, connectsMs } of lives) {
    for (const connectMs of connectsMs) {
      const leadMs = Math.max(leadMinS, random.logNormal(leadMedianS, leadSigma)) * 1000;
      if (random.chance(isSeen)) openings.push({ client, atMs: Math.round(connectMs - leadMs) });
    }
    const [other, otherHour] = [random.chance(forOtherThings), 7 + random.next() * 15];
    if (other) openings.push({ client, atMs: Math.round(dayMs + shiftMs + otherHour * 60 * MINUTE_MS) });
    const [night, nightHour] = [random.chance(byItself), 1 + random.next() * 4];
    if (night) openings.push({ client, atMs: Math.round(dayMs + nightHour * 60 * MINUTE_MS) });
  }
  return openings.sort((one, other) => one.atMs - other.atMs);
}
