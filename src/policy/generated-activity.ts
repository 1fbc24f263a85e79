// A seeded generator of months of activity: who is there, works, pauses, leaves a session open. Parameters are populations.ts's.
import type { ActivitySpan, ActivityTrace, ConnectionSpan } from './activity-trace.ts';
import { generateCalendar, generateOpenings, type LifeDay } from './generated-signals.ts';
import { DAY_MS } from './local-time.ts';
import type { Population } from './populations.ts';
import { SeededRandom } from './random.ts';

const MINUTE_MS = 60_000;
/** Monday, 5 January 2026, 00:00 UTC: generated days are local days of UTC, and begin on a Monday. */
export const GENERATED_FROM_MS = Date.UTC(2026, 0, 5);
/** A generated month: four weeks and two days. */
export const MONTH_DAYS = 30;

export interface GenerateOptions {
  readonly population: Population;
  readonly seed: number;
  readonly days: number;
  /** From this day on everybody's hours are later by `shiftHours`. */
  readonly shiftFromDay?: number;
  readonly shiftHours?: number;
  /** Signals beside the activity, which stays the same: the calendars that these people keep, and when their machines open. */
  readonly calendars?: boolean;
  readonly openings?: boolean;
}

/** What all people of a platform add to. */
interface LifeRecord {
  readonly spans: ActivitySpan[];
  readonly connections: ConnectionSpan[];
  readonly lives: LifeDay[];
}

/** One person's lasting habits, minutes since midnight. */
interface Habits {
  readonly client: string;
  readonly arriveMin: number;
  readonly stayMin: number;
  readonly lunchMin: number;
  readonly leavesOpen: number;
  readonly hasEvenings: boolean;
  readonly eveningMin: number;
}

/** Activity of a platform's whole population; the same seed gives the same, day by day, however many days are asked for. */
export function generateActivity(options: GenerateOptions): ActivityTrace {
  const { population, seed, days } = options;
  const spans: ActivitySpan[] = [];
  const connections: ConnectionSpan[] = [];
  const habitsRandom = new SeededRandom(mixSeed(seed, 1));
  const people = Array.from({ length: population.people }, (_, index) => drawHabits(population, index, habitsRandom));
  const calendar = drawCalendar(population, days, new SeededRandom(mixSeed(seed, 2)));
  const lives: LifeDay[] = [];
  for (const [index, habits] of people.entries()) {
    const random = new SeededRandom(mixSeed(seed, 100 + index));
    const person = new GeneratedPerson(options, habits, random, { spans, connections, lives });
    person.live(calendar);
  }
  addJobs(options, new SeededRandom(mixSeed(seed, 3)), spans);
  const toMs = GENERATED_FROM_MS + days * DAY_MS;
  const within = <T extends { fromMs: number; toMs: number }>(all: T[]) =>
    all
      .filter(({ fromMs }) => fromMs < toMs)
      .map((span) => ({ ...span, toMs: Math.min(span.toMs, toMs) }))
      .sort((one, other) => one.fromMs - other.fromMs);
  return {
    platform: population.name,
    fromMs: GENERATED_FROM_MS,
    toMs,
    spans: within(spans),
    connections: within(connections),
    ...(options.calendars === true && {
      calendar: generateCalendar(population, lives, GENERATED_FROM_MS, new SeededRandom(mixSeed(seed, 4))),
    }),
    ...(options.openings === true && {
      openings: generateOpenings(lives, new SeededRandom(mixSeed(seed, 5))).filter(({ atMs }) => atMs < toMs),
    }),
  };
}

function mixSeed(seed: number, part: number): number {
  return (Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(part, 0x85ebca6b)) >>> 0;
}

function drawHabits(population: Population, index: number, random: SeededRandom): Habits {
  return {
    client: `user-${String(index + 1).padStart(2, '0')}`,
    arriveMin: random.normal(population.arriveMin, population.arriveBetweenPeopleMin),
    stayMin: random.normal(population.stayMin, population.stayMin * 0.06),
    lunchMin: random.normal(population.lunchMin, 20),
    leavesOpen: random.chance(population.stragglers) ? population.leavesOpenStraggler : population.leavesOpenOther,
    hasEvenings: random.chance(population.eveningPeople),
    eveningMin: random.normal(population.eveningMin, population.eveningSpreadMin * 0.7),
  };
}

/** What all share: holidays, and meetings that take several people from their desks. */
interface SharedDay {
  readonly isWeekend: boolean;
  readonly isHoliday: boolean;
  readonly meetings: readonly { readonly fromMin: number; readonly toMin: number; readonly share: number }[];
}

function drawCalendar(population: Population, days: number, random: SeededRandom): SharedDay[] {
  return Array.from({ length: days }, (_, day) => {
    const isWeekend = day % 7 >= 5;
    const isHoliday = random.chance(population.holidays) && !isWeekend;
    const meetings = [];
    for (let slot = 0; slot < population.meetings.length; slot += 1) {
      const happens = random.chance(population.meetings[slot] as number);
      const fromMin = (9 + slot + (random.chance(0.5) ? 0.5 : 0)) * 60;
      const lengthMin = random.chance(0.5) ? 30 : 60;
      const share = random.next();
      if (happens) meetings.push({ fromMin, toMin: fromMin + lengthMin, share });
    }
    return { isWeekend, isHoliday, meetings };
  });
}

class GeneratedPerson {
  readonly #options: GenerateOptions;
  readonly #habits: Habits;
  readonly #random: SeededRandom;
  readonly #record: LifeRecord;
  #connectedFromMs: number | null = null;
  #awayUntilDay = 0;
  /** The day that is lived just now, as the signals will want to know it. */
  #life: LifeDay | null = null;

  constructor(options: GenerateOptions, habits: Habits, random: SeededRandom, record: LifeRecord) {
    this.#options = options;
    this.#habits = habits;
    this.#random = random;
    this.#record = record;
  }

  live(calendar: readonly SharedDay[]): void {
    for (const [day, shared] of calendar.entries()) this.#liveDay(day, shared);
    this.#disconnect(GENERATED_FROM_MS + calendar.length * DAY_MS + DAY_MS);
  }

  #liveDay(day: number, shared: SharedDay): void {
    const { population } = this.#options;
    const random = this.#random;
    if (day >= this.#awayUntilDay && random.chance(population.vacationStarts))
      this.#awayUntilDay = day + 5 + Math.floor(random.next() * 10);
    const isAway = day < this.#awayUntilDay;
    const isFree = shared.isWeekend || shared.isHoliday;
    const works = random.chance(isFree ? population.presentWeekend : population.presentWorkday);
    const { shiftFromDay = Number.POSITIVE_INFINITY, shiftHours = 0 } = this.#options;
    this.#life = {
      client: this.#habits.client,
      dayMs: GENERATED_FROM_MS + day * DAY_MS,
      shiftMs: day >= shiftFromDay ? shiftHours * 60 * MINUTE_MS : 0,
      isWeekend: shared.isWeekend,
      isHoliday: shared.isHoliday,
      isVacation: isAway,
      isPresent: works && !isAway,
      invitations: [],
      connectsMs: [],
    };
    this.#record.lives.push(this.#life);
    if (works && !isAway) this.#work(day, shared, isFree);
    const evening = random.chance(isFree ? population.eveningWeekend : population.eveningWorkday);
    if (evening && this.#habits.hasEvenings && !isAway) this.#evening(day);
  }

  #work(day: number, shared: SharedDay, isFree: boolean): void {
    const { population } = this.#options;
    const random = this.#random;
    const arriveMin = random.normal(
      this.#habits.arriveMin + (isFree ? population.weekendLaterMin : 0),
      isFree ? population.arriveWeekendSpreadMin : population.arriveBetweenDaysMin,
    );
    const stayMin = Math.max(
      15,
      random.normal(isFree ? population.stayWeekendMin : this.#habits.stayMin, population.staySpreadMin),
    );
    const breaks: Break[] = [];
    const lunch = random.chance(isFree ? 0 : population.lunches);
    const lunchFromMin = random.normal(this.#habits.lunchMin, 10);
    const lunchMin = Math.max(15, random.normal(population.lunchLengthMin, 10));
    if (lunch) breaks.push({ fromMin: lunchFromMin, toMin: lunchFromMin + lunchMin });
    for (const { fromMin, toMin, share } of shared.meetings) {
      const joins = random.chance(share);
      this.#life?.invitations.push({ fromMin, toMin, share, joins: joins && !isFree });
      if (joins && !isFree)
        breaks.push({ fromMin: fromMin + random.normal(-2, 2), toMin: toMin + random.normal(2, 4) });
    }
    this.#session(day, arriveMin, arriveMin + stayMin, breaks);
  }

  #evening(day: number): void {
    const { population } = this.#options;
    const fromMin = this.#random.normal(this.#habits.eveningMin, population.eveningSpreadMin * 0.7);
    this.#session(day, fromMin, fromMin + Math.max(10, this.#random.logNormal(population.eveningLengthMin, 0.6)), []);
  }

  /** Bursts and gaps from arrival to leaving; whoever leaves closes the connection, or lets it stand. */
  #session(day: number, fromMin: number, toMin: number, breaks: readonly Break[]): void {
    const { shiftFromDay = Number.POSITIVE_INFINITY, shiftHours = 0, population } = this.#options;
    const shiftMin = day >= shiftFromDay ? shiftHours * 60 : 0;
    const dayMs = GENERATED_FROM_MS + day * DAY_MS + shiftMin * MINUTE_MS;
    const random = this.#random;
    const endMs = dayMs + toMin * MINUTE_MS;
    let atMs = dayMs + fromMin * MINUTE_MS;
    if (this.#connectedFromMs === null) this.#life?.connectsMs.push(Math.round(atMs));
    this.#connectedFromMs ??= Math.round(atMs);
    let lastMs = atMs;
    while (atMs < endMs) {
      const atMin = (atMs - dayMs) / MINUTE_MS;
      const pause = breaks.find((each) => atMin >= each.fromMin && atMin < each.toMin);
      if (pause !== undefined) {
        atMs = Math.ceil(dayMs + pause.toMin * MINUTE_MS) + 1;
        continue;
      }
      const nextBreakMin = Math.min(...breaks.filter((each) => each.fromMin > atMin).map((each) => each.fromMin));
      const burstMs = random.logNormal(population.burstMedianS, population.burstSigma) * 1000;
      const untilMs = Math.min(atMs + burstMs, endMs, dayMs + nextBreakMin * MINUTE_MS);
      this.#record.spans.push({
        client: this.#habits.client,
        isJob: false,
        fromMs: Math.round(atMs),
        toMs: Math.round(untilMs),
      });
      lastMs = untilMs;
      const isShort = random.chance(population.shortGaps);
      const gapS = isShort
        ? random.logNormal(population.shortGapS, population.shortGapSigma)
        : random.logNormal(population.longGapS, population.longGapSigma);
      atMs = untilMs + gapS * 1000;
    }
    if (!random.chance(this.#habits.leavesOpen)) this.#disconnect(Math.round(lastMs + 20_000));
  }

  #disconnect(atMs: number): void {
    if (this.#connectedFromMs === null) return;
    this.#record.connections.push({
      client: this.#habits.client,
      fromMs: this.#connectedFromMs,
      toMs: Math.max(atMs, this.#connectedFromMs),
    });
    this.#connectedFromMs = null;
  }
}

interface Break {
  readonly fromMin: number;
  readonly toMin: number;
}

function addJobs({ population, days }: GenerateOptions, random: SeededRandom, spans: ActivitySpan[]): void {
  for (let day = 0; day < days; day += 1) {
    for (const job of population.jobs) {
      const runs = random.chance(job.chance);
      const fromMs = GENERATED_FROM_MS + day * DAY_MS + random.normal(job.atMin, job.spreadMin) * MINUTE_MS;
      const lengthMs = random.logNormal(job.lengthMin, 0.3) * MINUTE_MS;
      if (!runs) continue;
      spans.push({ client: job.name, isJob: true, fromMs: Math.round(fromMs), toMs: Math.round(fromMs + lengthMs) });
    }
  }
}
