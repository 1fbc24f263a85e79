// How likely each client is to come back: learned rates by weekday or weekend, quarter of an hour, own idle age and connection.

import type { BusySpan, BusyTimes } from './busy-times.ts';
import { DayOff } from './day-off.ts';
import { NOTE_BEGIN, NOTE_CONNECT, NOTE_DISCONNECT, NOTE_END, NOTE_OPEN, type NoteKind } from './interval-list.ts';
import { DAY_MS, type LocalOffset, localDay, QUARTER_MS, QUARTERS, WEEK_QUARTERS, weekQuarter } from './local-time.ts';
import { PAUSE_INDICES, PAUSE_MS, PauseModel, PauseTally, pauseRateUntilMs } from './pause-model.ts';
import { firstStepFrom, GRID_STEPS, STEP_MIDDLE_MS } from './plan-grid.ts';
import {
  hasOwnRate,
  openContext,
  PHASE_NONE,
  PHASES,
  phaseAt,
  SIGNAL_LASTS_MS,
  type SignalPhase,
} from './signal-phase.ts';
import { SignalTally } from './signal-tally.ts';

const MINUTE_MS = 60_000;
const NOON_MS = DAY_MS / 2;
/** A kind of absence that was never seen to end is taken to end once in this time. */
const UNSEEN_MS = 200 * 3_600_000;
/** Upper ends of the bins of a client's own idle age; above the last there is one more. */
const AGE_BIN_MS = [2, 4, 8, 15, 30, 60, 120].map((minutes) => minutes * MINUTE_MS);
const AGES = AGE_BIN_MS.length + 1;
const STATES = 2;
/**
 * Ages and connection together: a cell is [kind][quarter of the week], so that a plan reads neighbours in the order of time. Whoever has been
 * gone for hours comes by the time of day: a session left open says no more then, and would only halve what is known.
 */
const KINDS = (AGES - 1) * STATES + 1;
const CELLS = KINDS * WEEK_QUARTERS;
/** Kinds as they are numbered on disk: once there were three more ages, all of them with both states. */
const KEPT_KINDS = 22;
/** Idle times up to this are no absence: see IDLE_JOIN_MS. */
const ABSENCE_FROM_MS = 60_000;
/** Whoever connects and acts within this time came unconnected: live, the connection is told of first. */
const ARRIVAL_MS = 60_000;
/** What was seen a day earlier counts this much less. */
const KEPT_PER_DAY = 0.975;
/** Rates are rebuilt each day of the first four weeks, every third one up to the twelfth week, then once a week. */
const DAILY_UNTIL_DAYS = 28;
const OFTEN_UNTIL_DAYS = 84;
const OFTEN_DAYS = 3;
const SELDOM_DAYS = 7;
/** Events worth of trust in the coarser rate, per level. */
const TRUST_IN_POOL = 1;
const TRUST_IN_ALL = 0.5;

/** How much the quarters of an hour before and after count beside one's own: of one client, and of all. */
const SIDE = 0.5;
const SIDE_OF_ALL = 0.6;

const NO_SPANS: readonly BusySpan[] = [];

class ClientTally {
  readonly name: string;
  readonly isJob: boolean;
  readonly events = new Float64Array(CELLS);
  readonly exposureMs = new Float64Array(CELLS);
  /** Rates per millisecond, as of the last rebuild. */
  readonly rates = new Float64Array(CELLS);
  isConnected = false;
  connectedAtMs = Number.NEGATIVE_INFINITY;
  isActive = false;
  idleSinceMs = Number.NaN;
  countedUntilMs = Number.NaN;
  /** When its machine last opened, how likely a return was then, and what its calendar says; what was seen in the phases that both make. */
  openedAtMs = Number.NEGATIVE_INFINITY;
  openContext = 0;
  spans: readonly BusySpan[] = NO_SPANS;
  readonly signals = new SignalTally();
  /** True where it was connected when it became idle, and still is; then in which quarter of the week. */
  isPausing = false;
  pausedQuarter = 0;
  isPauseCounted = false;
  readonly pauses = new PauseTally();

  constructor(name: string, isJob: boolean) {
    this.name = name;
    this.isJob = isJob;
  }
}

/** What was learned, as JSON can hold it: of each client the cells in which anything was seen, [cell, events, exposure in s]. */
export interface HazardSnapshot {
  readonly day: number;
  readonly clients: ReadonlyArray<{
    readonly name: string;
    readonly isJob: boolean;
    /** Since when it is idle, and until when that was counted; null where it was never seen, or is active. */
    readonly idle: readonly [sinceMs: number, countedUntilMs: number] | null;
    readonly cells: ReadonlyArray<readonly [number, number, number]>;
    /** [phase, events, exposure], where signals said anything. */
    readonly signals?: ReadonlyArray<readonly [number, number, number]>;
    /** See PauseTally. */
    readonly pauses?: ReadonlyArray<readonly [number, number, number]>;
  }>;
}

/** True where a value from disk is one: each number finite, each cell one of ours. */
export function isHazardSnapshot(value: unknown): value is HazardSnapshot {
  if (typeof value !== 'object' || value === null) return false;
  const { day, clients } = value as Record<string, unknown>;
  return Number.isInteger(day) && Array.isArray(clients) && clients.every(isClientSnapshot);
}

function isClientSnapshot(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { name, isJob, idle, cells, signals = [], pauses = [] } = value as Record<string, unknown>;
  if (typeof name !== 'string' || typeof isJob !== 'boolean') return false;
  if (idle !== null && !(Array.isArray(idle) && idle.length === 2 && idle.every(Number.isFinite))) return false;
  const areAll = areSeen(cells, KEPT_KINDS * WEEK_QUARTERS) && areSeen(signals, PHASES);
  return areAll && areSeen(pauses, PAUSE_INDICES);
}

/** True of a list of [index, events, exposure] with indices below a bound. */
function areSeen(value: unknown, bound: number): boolean {
  return Array.isArray(value) && value.every((seen) => isSeen(seen) && Number.isInteger(seen[0]) && seen[0] < bound);
}

function isSeen(value: unknown): value is readonly [number, number, number] {
  return Array.isArray(value) && value.length === 3 && value.every((each) => Number.isFinite(each) && each >= 0);
}

/** The name of a place that nobody has. */
const NOBODY = '';

/** Clients beyond this many share one tally: memory is bounded, 80 KB each. */
export const LEARNED_CLIENTS_MAX = 256;

/** Learns from notes; answers expected arrivals over the grid of a plan. */
export class HazardModel {
  readonly #clients: ClientTally[] = [];
  readonly #offset: LocalOffset;
  readonly #quarters = new Uint8Array(GRID_STEPS);
  readonly #dayOff = new DayOff();
  readonly #busy: BusyTimes | null;
  #busyVersion = Number.NaN;
  readonly #holidays = new Set<number>();
  readonly #allSignals = new SignalTally();
  /** One client's habits, where signals change them; and the rates that signals have of their own, of all clients. */
  readonly #habits = new Float64Array(GRID_STEPS);
  readonly #signalled = new Float64Array(GRID_STEPS);
  readonly #pauses = new PauseModel();
  readonly #groups = new Map([false, true].map((isJob) => [isJob, new GroupRates()]));
  /** Weight of what is seen now: grows day by day instead of letting everything else shrink. */
  #weight = 1;
  #day = Number.NaN;
  #firstDay = Number.POSITIVE_INFINITY;
  #builtDay = Number.NEGATIVE_INFINITY;

  constructor(offset: LocalOffset, busy: BusyTimes | null = null) {
    this.#offset = offset;
    this.#busy = busy;
  }

  /** The client's index; a name that is known keeps its own. */
  addClient(name: string, isJob: boolean): number {
    const known = this.#clients.findIndex((client) => client.name === name);
    if (known >= 0) return known;
    const free = this.#clients.findIndex((client) => client.name === NOBODY);
    if (free >= 0) {
      this.#clients[free] = new ClientTally(name, isJob);
      this.#busyVersion = Number.NaN;
      return free;
    }
    if (this.#clients.length < LEARNED_CLIENTS_MAX) this.#clients.push(new ClientTally(name, isJob));
    this.#busyVersion = Number.NaN;
    return this.#clients.length - 1;
  }

  /** Gives the place of a client of whom nothing is known to the next new one: else whoever looks at a port would take one for good. */
  forgetClient(index: number): void {
    const client = this.#clients[index] as ClientTally;
    const isShared = index === LEARNED_CLIENTS_MAX - 1;
    if (isShared || client.isActive || !Number.isNaN(client.idleSinceMs)) return;
    if (client.exposureMs.some((ms) => ms > 0) || client.signals.exposure.some((seen) => seen > 0)) return;
    this.#clients[index] = new ClientTally(NOBODY, false);
  }

  /** The people that it knows. */
  people(): string[] {
    return this.#clients.filter(({ name, isJob }) => name !== NOBODY && !isJob).map(({ name }) => name);
  }

  snapshot(): HazardSnapshot {
    const clients = this.#clients.flatMap((client) => {
      if (client.name === NOBODY) return [];
      const { name, isJob, isActive, idleSinceMs, countedUntilMs, events, exposureMs } = client;
      const cells: Array<[number, number, number]> = [];
      for (let cell = 0; cell < CELLS; cell += 1) {
        if (exposureMs[cell] === 0 && events[cell] === 0) continue;
        const seen = (events[cell] as number) / this.#weight;
        cells.push([
          keptCell(cell),
          roundTo(seen, 1e-4),
          roundTo((exposureMs[cell] as number) / this.#weight / 1000, 0.1),
        ]);
      }
      const isKnown = !isActive && !Number.isNaN(idleSinceMs);
      const idle = isKnown ? ([idleSinceMs, countedUntilMs] as const) : null;
      const signals = client.signals.snapshot(this.#weight);
      const pauses = client.pauses.snapshot(this.#weight);
      const seen = { ...(signals.length > 0 && { signals }), ...(pauses.length > 0 && { pauses }) };
      return [{ name, isJob, idle, cells, ...seen }];
    });
    return { day: this.#day, clients };
  }

  restore({ day, clients }: HazardSnapshot): void {
    this.#day = day;
    this.#weight = 1;
    this.#builtDay = Number.NEGATIVE_INFINITY;
    this.#clients.length = 0;
    for (const { name, isJob, idle, cells, signals = [], pauses = [] } of clients.slice(0, LEARNED_CLIENTS_MAX)) {
      const client = new ClientTally(name, isJob);
      if (idle !== null) [client.idleSinceMs, client.countedUntilMs] = idle;
      for (const [kept, events, exposureS] of cells) {
        const cell = cellKept(kept);
        client.events[cell] = (client.events[cell] as number) + events;
        client.exposureMs[cell] = (client.exposureMs[cell] as number) + exposureS * 1000;
      }
      client.signals.restore(signals);
      client.pauses.restore(pauses);
      this.#allSignals.restore(signals);
      this.#clients.push(client);
    }
  }

  /** Nobody watched for a time: whoever was idle before it is taken to be so still, but of that time nothing is counted. */
  passUnwatched(fromMs: number, toMs: number): void {
    for (const client of this.#clients) {
      this.#expose(client, fromMs);
      client.countedUntilMs = Math.max(client.countedUntilMs, toMs);
    }
  }

  note(kind: NoteKind, index: number, atMs: number): void {
    const client = this.#clients[index] as ClientTally;
    this.#passDay(atMs);
    if (kind === NOTE_BEGIN) {
      this.#expose(client, atMs);
      if (!client.isActive && atMs - client.idleSinceMs > ABSENCE_FROM_MS) {
        this.#countPause(client, atMs);
        this.#countReturn(client, atMs);
      }
      client.isActive = true;
      client.isPausing = false;
    } else if (kind === NOTE_END) {
      client.isActive = false;
      client.idleSinceMs = atMs;
      client.countedUntilMs = atMs + ABSENCE_FROM_MS;
      client.isPausing = client.isConnected;
      client.isPauseCounted = false;
      client.pausedQuarter = this.#weekQuarter(Math.floor((atMs + this.#offset(atMs)) / QUARTER_MS));
    } else if (kind === NOTE_CONNECT || kind === NOTE_DISCONNECT) {
      this.#expose(client, atMs);
      client.isConnected = kind === NOTE_CONNECT;
      if (client.isConnected) client.connectedAtMs = atMs;
      else this.#leave(client, atMs);
    } else if (kind === NOTE_OPEN) {
      this.#expose(client, atMs);
      client.openedAtMs = atMs;
      // What was restored has no rates before the first plan.
      if (this.#builtDay === Number.NEGATIVE_INFINITY) this.#rebuild(atMs);
      const quarter = Math.floor((atMs + this.#offset(atMs)) / QUARTER_MS);
      client.openContext = openContext(this.#habitRate(client, atMs, quarter));
    }
  }

  /**
   * Rates of people and of jobs per millisecond in the first `steps` of a plan that is made at `atMs`. `isReview`: nobody has come since
   * the last call. A call for more steps of the same plan goes on from the same knowledge.
   */
  fillRates(atMs: number, isReview: boolean, people: Float64Array, jobs: Float64Array, steps = GRID_STEPS): void {
    this.#passDay(atMs);
    if (this.#day - this.#builtDay >= this.#rebuildDays()) this.#rebuild(atMs);
    this.#lookUpSpans();
    const quarters = this.#stepQuarters(atMs, steps);
    let hasSignals = false;
    people.fill(0, 0, steps);
    jobs.fill(0, 0, steps);
    for (const client of this.#clients) {
      if (client.isActive || Number.isNaN(client.idleSinceMs)) continue;
      if (!isSignalled(client, atMs)) {
        addClientRates(client, this.#pauses, atMs, quarters, client.isJob ? jobs : people, steps);
        continue;
      }
      if (!hasSignals) this.#signalled.fill(0, 0, steps);
      hasSignals = true;
      this.#addSignalledRates(client, atMs, quarters, people, steps);
    }
    this.#dayOff.apply(atMs, atMs + this.#offset(atMs), isReview, people, steps);
    if (!hasSignals) return;
    // Whoever is seen coming does so on a day off, too.
    for (let step = 0; step < steps; step += 1) {
      people[step] = (people[step] as number) + (this.#signalled[step] as number);
    }
  }

  #stepQuarters(atMs: number, steps: number): Uint8Array {
    const localMs = atMs + this.#offset(atMs);
    let quarter = Math.floor(localMs / QUARTER_MS);
    for (let step = 0; step < steps; ) {
      const endsInMs = (quarter + 1) * QUARTER_MS - localMs;
      const ofWeek = this.#weekQuarter(quarter);
      for (; step < steps && (STEP_MIDDLE_MS[step] as number) < endsInMs; step += 1) this.#quarters[step] = ofWeek;
      quarter += 1;
    }
    return this.#quarters;
  }

  /** Where a quarter's habits are kept: a holiday's are a weekend's. */
  #weekQuarter(quarter: number): number {
    const ofWeek = weekQuarter(quarter);
    return this.#holidays.size > 0 && ofWeek < QUARTERS && this.#holidays.has(Math.floor(quarter / QUARTERS))
      ? ofWeek + QUARTERS
      : ofWeek;
  }

  #passDay(atMs: number): void {
    const day = localDay(atMs + this.#offset(atMs));
    // The end of an activity is told a lag late: soon after midnight it was yesterday, and today does not begin again with what comes next.
    if (day === this.#day || day === this.#day - 1) return;
    if (!Number.isNaN(this.#day)) this.#weight *= KEPT_PER_DAY ** -Math.max(0, day - this.#day);
    this.#day = day;
    this.#firstDay = Math.min(this.#firstDay, day);
  }

  /** Habits, where the client's signals say nothing; else what was learned of what they say. */
  #addSignalledRates(client: ClientTally, atMs: number, quarters: Uint8Array, sums: Float64Array, steps: number): void {
    const habits = this.#habits.fill(0, 0, steps);
    addClientRates(client, this.#pauses, atMs, quarters, habits, steps);
    let phase = PHASE_NONE;
    let untilMs = Number.NEGATIVE_INFINITY;
    let rate = 1;
    for (let step = 0; step < steps; step += 1) {
      const stepMs = atMs + (STEP_MIDDLE_MS[step] as number);
      if (stepMs >= untilMs) {
        ({ phase, untilMs } = phaseOf(client, stepMs));
        rate = phase === PHASE_NONE ? 1 : client.signals.rate(phase, this.#allSignals, this.#weight);
      }
      if (hasOwnRate(phase)) this.#signalled[step] = (this.#signalled[step] as number) + rate;
      else sums[step] = (sums[step] as number) + (habits[step] as number) * rate;
    }
  }

  /** Takes over what calendars say by now. Jobs have none. */
  #lookUpSpans(): void {
    if (this.#busy === null || this.#busy.version === this.#busyVersion) return;
    this.#busyVersion = this.#busy.version;
    for (const client of this.#clients) if (!client.isJob) client.spans = this.#busy.spansOf(client.name);
    this.#holidays.clear();
    for (const { fromMs, toMs } of this.#busy.holidays()) {
      // Whoever is away at noon has the day off.
      const firstDay = localDay(fromMs + this.#offset(fromMs) + NOON_MS - 1);
      for (let day = firstDay; (day + 0.5) * DAY_MS < toMs + this.#offset(toMs); day += 1) this.#holidays.add(day);
    }
  }

  /** Counts the client's idle time up to a moment: as habit, or as what its signals make of it. */
  #expose(client: ClientTally, untilMs: number): void {
    if (client.isActive || Number.isNaN(client.idleSinceMs)) return;
    this.#lookUpSpans();
    if (!isSignalled(client, client.countedUntilMs)) {
      this.#exposeHabit(client, untilMs);
      return;
    }
    while (client.countedUntilMs < untilMs) {
      const atMs = client.countedUntilMs;
      const { phase, untilMs: endsMs } = phaseOf(client, atMs);
      const endMs = Math.min(untilMs, endsMs);
      if (phase === PHASE_NONE) {
        this.#exposeHabit(client, endMs);
        continue;
      }
      const exposure = hasOwnRate(phase) ? endMs - atMs : this.#expected(client, atMs, endMs);
      client.signals.add(phase, 0, exposure * this.#weight);
      this.#allSignals.add(phase, 0, exposure * this.#weight);
      client.countedUntilMs = endMs;
    }
  }

  /** The rate per millisecond at which habits alone make a client return at a moment of a quarter since the epoch, local. */
  #habitRate(client: ClientTally, atMs: number, quarter: number): number {
    const ageMs = atMs - client.idleSinceMs;
    if (isInPause(client, ageMs)) return this.#pauses.rate(client.pauses.shares[client.pausedQuarter] as number, ageMs);
    const kind = kindOf(ageBin(ageMs), client.isConnected);
    return client.rates[kind * WEEK_QUARTERS + this.#weekQuarter(quarter)] as number;
  }

  /** Returns that habits alone would have made expect. */
  #expected(client: ClientTally, fromMs: number, toMs: number): number {
    const offsetMs = this.#offset(toMs);
    let expected = 0;
    for (let atMs = fromMs; atMs < toMs; ) {
      const quarter = Math.floor((atMs + offsetMs) / QUARTER_MS);
      const endMs = Math.min(toMs, (quarter + 1) * QUARTER_MS - offsetMs);
      expected += this.#habitRate(client, atMs, quarter) * (endMs - atMs);
      atMs = endMs;
    }
    return expected;
  }

  /** Counts idle time into the cells through which it passed. */
  #exposeHabit(client: ClientTally, untilMs: number): void {
    const offsetMs = this.#offset(untilMs);
    const { exposureMs, idleSinceMs } = client;
    let atMs = client.countedUntilMs;
    let age = ageBin(atMs - idleSinceMs);
    let quarter = Math.floor((atMs + offsetMs) / QUARTER_MS);
    while (atMs < untilMs) {
      const quarterEndMs = (quarter + 1) * QUARTER_MS - offsetMs;
      const ageEndMs = age < AGES - 1 ? idleSinceMs + (AGE_BIN_MS[age] as number) : Number.POSITIVE_INFINITY;
      const endMs = Math.min(untilMs, quarterEndMs, ageEndMs);
      const cell = kindOf(age, client.isConnected) * WEEK_QUARTERS + this.#weekQuarter(quarter);
      exposureMs[cell] = (exposureMs[cell] as number) + (endMs - atMs) * this.#weight;
      if (endMs === ageEndMs) age += 1;
      if (endMs === quarterEndMs) quarter += 1;
      atMs = endMs;
    }
    client.countedUntilMs = Math.max(client.countedUntilMs, untilMs);
  }

  /** Counts what began as a pause when it is over, or has lasted too long for one. What signals explain tells nothing of pauses. */
  #countPause(client: ClientTally, atMs: number): void {
    if (!client.isPausing || client.isPauseCounted) return;
    client.isPauseCounted = true;
    const { idleSinceMs } = client;
    const isExplained = (ageMs: number) => phaseOf(client, idleSinceMs + ageMs).phase !== PHASE_NONE;
    const ageMs = atMs - idleSinceMs;
    if (isSignalled(client, idleSinceMs) && (isExplained(ABSENCE_FROM_MS) || isExplained(Math.min(ageMs, PAUSE_MS)))) {
      return;
    }
    client.pauses.add(client.pausedQuarter, ageMs, this.#weight);
  }

  /** Who disconnects in a pause ends it without a return: it is not known how long it would have lasted. */
  #leave(client: ClientTally, atMs: number): void {
    if (atMs - client.idleSinceMs >= PAUSE_MS) this.#countPause(client, atMs);
    client.isPausing = false;
  }

  #countReturn(client: ClientTally, atMs: number): void {
    if (isSignalled(client, atMs)) {
      const { phase } = phaseOf(client, atMs);
      if (phase !== PHASE_NONE) {
        client.signals.add(phase, this.#weight, 0);
        this.#allSignals.add(phase, this.#weight, 0);
        return;
      }
    }
    const age = ageBin(atMs - client.idleSinceMs);
    const wasConnected = client.isConnected && atMs > client.connectedAtMs + ARRIVAL_MS;
    const kind = kindOf(age, wasConnected);
    const cell = kind * WEEK_QUARTERS + this.#weekQuarter(Math.floor((atMs + this.#offset(atMs)) / QUARTER_MS));
    client.events[cell] = (client.events[cell] as number) + this.#weight;
  }

  /** The longer it has learned, the less a day changes, and rebuilding is half of what learning costs. */
  #rebuildDays(): number {
    const learnedDays = this.#day - this.#firstDay;
    if (learnedDays < DAILY_UNTIL_DAYS) return 1;
    return learnedDays < OFTEN_UNTIL_DAYS ? OFTEN_DAYS : SELDOM_DAYS;
  }

  #rebuild(atMs: number): void {
    this.#builtDay = this.#day;
    for (const client of this.#clients) {
      this.#expose(client, atMs);
      if (atMs - client.idleSinceMs >= PAUSE_MS) this.#countPause(client, atMs);
    }
    this.#pauses.rebuild(
      this.#clients.map(({ pauses }) => pauses),
      this.#weight,
    );
    for (const [isJob, rates] of this.#groups) {
      const group = this.#clients.filter((client) => client.isJob === isJob);
      if (group.length > 0) rates.build(group, this.#weight);
    }
  }
}

/** True where a calendar or an opening may say something of a client's idle time from a moment on. */
function isSignalled({ spans, openedAtMs, idleSinceMs }: ClientTally, fromMs: number): boolean {
  return (spans.length > 0 && (spans.at(-1) as BusySpan).toMs + SIGNAL_LASTS_MS > fromMs) || openedAtMs >= idleSinceMs;
}

/** What signals say of a client at a moment, if it does not come meanwhile. */
function phaseOf({ idleSinceMs, openedAtMs, spans, openContext }: ClientTally, atMs: number): SignalPhase {
  return phaseAt(atMs, idleSinceMs, openedAtMs, spans, openContext);
}

function isInPause({ isPausing }: ClientTally, ageMs: number): boolean {
  return isPausing && ageMs < PAUSE_MS;
}

function roundTo(value: number, step: number): number {
  return Math.round(value / step) * step;
}

function ageBin(ageMs: number): number {
  let bin = 0;
  while (bin < AGE_BIN_MS.length && ageMs >= (AGE_BIN_MS[bin] as number)) bin += 1;
  return bin;
}

function kindOf(age: number, isConnected: boolean): number {
  return age * STATES + (isConnected && age < AGES - 1 ? 1 : 0);
}

function addClientRates(
  client: ClientTally,
  pauses: PauseModel,
  atMs: number,
  quarters: Uint8Array,
  sums: Float64Array,
  steps: number,
): void {
  const ageMs = atMs - client.idleSinceMs;
  const { rates } = client;
  let step = isInPause(client, ageMs) ? addPauseRates(client, pauses, ageMs, sums, steps) : 0;
  for (let age = ageBin(step > 0 ? PAUSE_MS : ageMs); step < steps; age += 1) {
    const endStep = age < AGES - 1 ? Math.min(steps, firstStepFrom((AGE_BIN_MS[age] as number) - ageMs)) : steps;
    const row = kindOf(age, client.isConnected) * WEEK_QUARTERS;
    for (; step < endStep; step += 1) {
      sums[step] = (sums[step] as number) + (rates[row + (quarters[step] as number)] as number);
    }
  }
}

/** Returns the first step at which it is no pause any more. */
function addPauseRates(
  client: ClientTally,
  pauses: PauseModel,
  fromAgeMs: number,
  sums: Float64Array,
  steps: number,
): number {
  const share = client.pauses.shares[client.pausedQuarter] as number;
  let step = 0;
  for (let ageMs = fromAgeMs; ageMs < PAUSE_MS && step < steps; ageMs = pauseRateUntilMs(ageMs)) {
    const rate = pauses.rate(share, ageMs);
    const endStep = Math.min(steps, firstStepFrom(pauseRateUntilMs(ageMs) - fromAgeMs));
    for (; step < endStep; step += 1) sums[step] = (sums[step] as number) + rate;
  }
  return step;
}

/** A cell's number on disk, where quarters come first. */
function keptCell(cell: number): number {
  return (cell % WEEK_QUARTERS) * KEPT_KINDS + Math.floor(cell / WEEK_QUARTERS);
}

function cellKept(kept: number): number {
  const kind = Math.min(kept % KEPT_KINDS, KINDS - 1);
  return kind * WEEK_QUARTERS + Math.floor(kept / KEPT_KINDS);
}

// ------------------------------------------------------------------------------------------------ shrinkage

/** Sums over a group, and its rates from coarse to fine: each is drawn towards the coarser one as far as little was seen. */
class GroupRates {
  readonly events = new Float64Array(CELLS);
  readonly exposureMs = new Float64Array(CELLS);
  /** By cell, for a client of whom nothing is known. */
  readonly rates = new Float64Array(CELLS);

  build(group: readonly ClientTally[], weight: number): void {
    this.events.fill(0);
    this.exposureMs.fill(0);
    for (const client of group) this.#add(client);
    this.#poolRates(weight);
    const trust = TRUST_IN_POOL * weight;
    for (const client of group) buildClientRates(client, this.rates, trust);
  }

  #add({ events, exposureMs }: ClientTally): void {
    for (let cell = 0; cell < CELLS; cell += 1) {
      this.events[cell] = (this.events[cell] as number) + (events[cell] as number);
      this.exposureMs[cell] = (this.exposureMs[cell] as number) + (exposureMs[cell] as number);
    }
  }

  #poolRates(weight: number): void {
    const trust = TRUST_IN_ALL * weight;
    for (let kind = 0; kind < KINDS; kind += 1) {
      const row = kind * WEEK_QUARTERS;
      const all = sumCells(this.events, this.exposureMs, row, row + WEEK_QUARTERS);
      const base = (all.events + weight) / (all.exposureMs + weight * UNSEEN_MS);
      for (let from = row; from < row + WEEK_QUARTERS; from += QUARTERS) {
        const ofDay = sumCells(this.events, this.exposureMs, from, from + QUARTERS);
        const daily = (ofDay.events + trust) / (ofDay.exposureMs + trust / base);
        for (let cell = from; cell < from + QUARTERS; cell += 1) this.#poolCell(cell, row, daily, trust);
      }
    }
  }

  #poolCell(cell: number, row: number, daily: number, trust: number): void {
    const { events, exposureMs } = this;
    const side = SIDE_OF_ALL;
    const before = Math.max(row, cell - 1);
    const after = Math.min(row + WEEK_QUARTERS - 1, cell + 1);
    const seen = (events[cell] as number) + side * ((events[before] as number) + (events[after] as number));
    const ms = (exposureMs[cell] as number) + side * ((exposureMs[before] as number) + (exposureMs[after] as number));
    this.rates[cell] = (seen + trust) / (ms + trust / daily);
  }
}

function sumCells(events: Float64Array, exposureMs: Float64Array, from: number, to: number) {
  const sums = { events: 0, exposureMs: 0 };
  for (let cell = from; cell < to; cell += 1) {
    sums.events += events[cell] as number;
    sums.exposureMs += exposureMs[cell] as number;
  }
  return sums;
}

function buildClientRates({ events, exposureMs, rates }: ClientTally, pooled: Float64Array, trust: number): void {
  for (let row = 0; row < CELLS; row += WEEK_QUARTERS) {
    const last = row + WEEK_QUARTERS - 1;
    for (let cell = row; cell <= last; cell += 1) {
      const before = cell > row ? cell - 1 : cell;
      const after = cell < last ? cell + 1 : cell;
      const ms = (exposureMs[cell] as number) + SIDE * ((exposureMs[before] as number) + (exposureMs[after] as number));
      const pool = pooled[cell] as number;
      if (ms === 0) {
        rates[cell] = pool;
        continue;
      }
      const seen = (events[cell] as number) + SIDE * ((events[before] as number) + (events[after] as number));
      rates[cell] = (seen + trust) / (ms + trust / pool);
    }
  }
}
