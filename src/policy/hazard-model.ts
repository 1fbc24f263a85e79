// How likely each client is to come back: learned rates by weekday or weekend, quarter of an hour, own idle age and connection.

import { DayOff } from './day-off.ts';
import { NOTE_BEGIN, NOTE_CONNECT, NOTE_DISCONNECT, NOTE_END, type NoteKind } from './interval-list.ts';
import { type LocalOffset, localDay, QUARTER_MS, QUARTERS, quarterOfWeek, weekQuarter } from './local-time.ts';
import { firstStepFrom, GRID_STEPS, STEP_MIDDLE_MS } from './plan-grid.ts';

const MINUTE_MS = 60_000;
/** A kind of absence that was never seen to end is taken to end once in this time. */
const UNSEEN_MS = 200 * 3_600_000;
/** Upper ends of the bins of a client's own idle age; above the last there is one more. */
const AGE_BIN_MS = [2, 4, 8, 15, 30, 60, 120, 240, 600, 1200].map((minutes) => minutes * MINUTE_MS);
const AGES = AGE_BIN_MS.length + 1;
const STATES = 2;
/** Ages and connection together: a cell is [kind][quarter of the week], so that a plan reads neighbours in the order of time. */
const KINDS = AGES * STATES;
const WEEK_QUARTERS = 2 * QUARTERS;
const CELLS = KINDS * WEEK_QUARTERS;
/** Idle times up to this are no absence: see IDLE_JOIN_MS. */
const ABSENCE_FROM_MS = 60_000;
/** What was seen a day earlier counts this much less. */
const KEPT_PER_DAY = 0.975;
/** Rates are rebuilt each day of the first four weeks, every third one up to the twelfth week, then once a week. */
const DAILY_UNTIL_DAYS = 28;
const OFTEN_UNTIL_DAYS = 84;
const OFTEN_DAYS = 3;
const SELDOM_DAYS = 7;
/** Events worth of trust in the coarser rate, per level. */
const TRUST_IN_POOL = 1;
const TRUST_IN_ALL = 1;

/** How much the quarters of an hour before and after count beside one's own: of one client, and of all. */
const SIDE = 0.5;
const SIDE_OF_ALL = 0.6;

class ClientTally {
  readonly name: string;
  readonly isJob: boolean;
  readonly events = new Float64Array(CELLS);
  readonly exposureMs = new Float64Array(CELLS);
  /** Rates per millisecond, as of the last rebuild. */
  readonly rates = new Float64Array(CELLS);
  isConnected = false;
  isActive = false;
  idleSinceMs = Number.NaN;
  countedUntilMs = Number.NaN;

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
  const { name, isJob, idle, cells } = value as Record<string, unknown>;
  if (typeof name !== 'string' || typeof isJob !== 'boolean' || !Array.isArray(cells)) return false;
  if (idle !== null && !(Array.isArray(idle) && idle.length === 2 && idle.every(Number.isFinite))) return false;
  return cells.every(
    (cell) =>
      Array.isArray(cell) &&
      cell.length === 3 &&
      cell.every((number) => Number.isFinite(number) && number >= 0) &&
      Number.isInteger(cell[0]) &&
      cell[0] < CELLS,
  );
}

/** Clients beyond this many share one tally: memory is bounded, 100 KB each. */
export const LEARNED_CLIENTS_MAX = 256;

/** Learns from notes; answers expected arrivals over the grid of a plan. */
export class HazardModel {
  readonly #clients: ClientTally[] = [];
  readonly #offset: LocalOffset;
  readonly #quarters = new Uint8Array(GRID_STEPS);
  readonly #dayOff = new DayOff();
  readonly #groups = new Map([false, true].map((isJob) => [isJob, new GroupRates()]));
  /** Weight of what is seen now: grows day by day instead of letting everything else shrink. */
  #weight = 1;
  #day = Number.NaN;
  #firstDay = Number.POSITIVE_INFINITY;
  #builtDay = Number.NEGATIVE_INFINITY;

  constructor(offset: LocalOffset) {
    this.#offset = offset;
  }

  /** The client's index; a name that is known keeps its own. */
  addClient(name: string, isJob: boolean): number {
    const known = this.#clients.findIndex((client) => client.name === name);
    if (known >= 0) return known;
    if (this.#clients.length < LEARNED_CLIENTS_MAX) this.#clients.push(new ClientTally(name, isJob));
    return this.#clients.length - 1;
  }

  snapshot(): HazardSnapshot {
    const clients = this.#clients.map((client) => {
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
      return { name, isJob, idle: isKnown ? ([idleSinceMs, countedUntilMs] as const) : null, cells };
    });
    return { day: this.#day, clients };
  }

  restore({ day, clients }: HazardSnapshot): void {
    this.#day = day;
    this.#weight = 1;
    this.#builtDay = Number.NEGATIVE_INFINITY;
    this.#clients.length = 0;
    for (const { name, isJob, idle, cells } of clients.slice(0, LEARNED_CLIENTS_MAX)) {
      const client = new ClientTally(name, isJob);
      if (idle !== null) [client.idleSinceMs, client.countedUntilMs] = idle;
      for (const [kept, events, exposureS] of cells) {
        const cell = cellKept(kept);
        client.events[cell] = events;
        client.exposureMs[cell] = exposureS * 1000;
      }
      this.#clients.push(client);
    }
  }

  note(kind: NoteKind, index: number, atMs: number): void {
    const client = this.#clients[index] as ClientTally;
    this.#passDay(atMs);
    if (kind === NOTE_BEGIN) {
      this.#expose(client, atMs);
      if (!client.isActive && atMs - client.idleSinceMs > ABSENCE_FROM_MS) this.#countReturn(client, atMs);
      client.isActive = true;
    } else if (kind === NOTE_END) {
      client.isActive = false;
      client.idleSinceMs = atMs;
      client.countedUntilMs = atMs + ABSENCE_FROM_MS;
    } else if (kind === NOTE_CONNECT || kind === NOTE_DISCONNECT) {
      this.#expose(client, atMs);
      client.isConnected = kind === NOTE_CONNECT;
    }
  }

  /**
   * Rates of people and of jobs per millisecond in each step of a plan that is made at `atMs`. `isReview`: nobody has come since the
   * last call.
   */
  fillRates(atMs: number, isReview: boolean, people: Float64Array, jobs: Float64Array): void {
    this.#passDay(atMs);
    if (this.#day - this.#builtDay >= this.#rebuildDays()) this.#rebuild(atMs);
    const quarters = this.#stepQuarters(atMs);
    people.fill(0);
    jobs.fill(0);
    for (const client of this.#clients) {
      if (client.isActive || Number.isNaN(client.idleSinceMs)) continue;
      addClientRates(client, atMs, quarters, client.isJob ? jobs : people);
    }
    this.#dayOff.apply(atMs, atMs + this.#offset(atMs), isReview, people);
  }

  #stepQuarters(atMs: number): Uint8Array {
    const localMs = atMs + this.#offset(atMs);
    let quarter = Math.floor(localMs / QUARTER_MS);
    for (let step = 0; step < GRID_STEPS; ) {
      const endsInMs = (quarter + 1) * QUARTER_MS - localMs;
      const ofWeek = weekQuarter(quarter);
      for (; step < GRID_STEPS && (STEP_MIDDLE_MS[step] as number) < endsInMs; step += 1) this.#quarters[step] = ofWeek;
      quarter += 1;
    }
    return this.#quarters;
  }

  #passDay(atMs: number): void {
    const day = localDay(atMs + this.#offset(atMs));
    if (day === this.#day) return;
    if (!Number.isNaN(this.#day)) this.#weight *= KEPT_PER_DAY ** -Math.max(0, day - this.#day);
    this.#day = day;
    this.#firstDay = Math.min(this.#firstDay, day);
  }

  /** Counts the client's idle time up to a moment into the cells through which it passed. */
  #expose(client: ClientTally, untilMs: number): void {
    if (client.isActive || Number.isNaN(client.idleSinceMs)) return;
    const offsetMs = this.#offset(untilMs);
    const { exposureMs, idleSinceMs } = client;
    const state = client.isConnected ? 1 : 0;
    let atMs = client.countedUntilMs;
    let age = ageBin(atMs - idleSinceMs);
    let quarter = Math.floor((atMs + offsetMs) / QUARTER_MS);
    while (atMs < untilMs) {
      const quarterEndMs = (quarter + 1) * QUARTER_MS - offsetMs;
      const ageEndMs = age < AGES - 1 ? idleSinceMs + (AGE_BIN_MS[age] as number) : Number.POSITIVE_INFINITY;
      const endMs = Math.min(untilMs, quarterEndMs, ageEndMs);
      const cell = (age * STATES + state) * WEEK_QUARTERS + weekQuarter(quarter);
      exposureMs[cell] = (exposureMs[cell] as number) + (endMs - atMs) * this.#weight;
      if (endMs === ageEndMs) age += 1;
      if (endMs === quarterEndMs) quarter += 1;
      atMs = endMs;
    }
    client.countedUntilMs = Math.max(client.countedUntilMs, untilMs);
  }

  #countReturn(client: ClientTally, atMs: number): void {
    const age = ageBin(atMs - client.idleSinceMs);
    const kind = age * STATES + (client.isConnected ? 1 : 0);
    const cell = kind * WEEK_QUARTERS + quarterOfWeek(atMs + this.#offset(atMs));
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
    for (const client of this.#clients) this.#expose(client, atMs);
    for (const [isJob, rates] of this.#groups) {
      const group = this.#clients.filter((client) => client.isJob === isJob);
      if (group.length > 0) rates.build(group, this.#weight);
    }
  }
}

function roundTo(value: number, step: number): number {
  return Math.round(value / step) * step;
}

function ageBin(ageMs: number): number {
  let bin = 0;
  while (bin < AGE_BIN_MS.length && ageMs >= (AGE_BIN_MS[bin] as number)) bin += 1;
  return bin;
}

function addClientRates(client: ClientTally, atMs: number, quarters: Uint8Array, sums: Float64Array): void {
  const ageMs = atMs - client.idleSinceMs;
  const { rates } = client;
  const state = client.isConnected ? 1 : 0;
  let age = ageBin(ageMs);
  for (let step = 0; step < GRID_STEPS; age += 1) {
    const endStep = age < AGES - 1 ? firstStepFrom((AGE_BIN_MS[age] as number) - ageMs) : GRID_STEPS;
    const row = (age * STATES + state) * WEEK_QUARTERS;
    for (; step < endStep; step += 1) {
      sums[step] = (sums[step] as number) + (rates[row + (quarters[step] as number)] as number);
    }
  }
}

/** A cell's number on disk, where quarters come first. */
function keptCell(cell: number): number {
  return (cell % WEEK_QUARTERS) * KINDS + Math.floor(cell / WEEK_QUARTERS);
}

function cellKept(kept: number): number {
  return (kept % KINDS) * WEEK_QUARTERS + Math.floor(kept / KINDS);
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
