// A trace as the cost model sees it: its idle intervals, and who came at the end of each. Made once, replayed often.
import type { ActivityTrace, ConnectionSpan } from './activity-trace.ts';
import { BusyCalendar, type BusyTimes } from './busy-times.ts';
import { type CostModel, idleLagMs } from './cost-model.ts';
import { DAY_MS } from './local-time.ts';

export const NOTE_BEGIN = 0;
export const NOTE_END = 1;
export const NOTE_CONNECT = 2;
export const NOTE_DISCONNECT = 3;
/** The client's machine opened, which a first action may follow. */
export const NOTE_OPEN = 4;
export type NoteKind =
  | typeof NOTE_BEGIN
  | typeof NOTE_END
  | typeof NOTE_CONNECT
  | typeof NOTE_DISCONNECT
  | typeof NOTE_OPEN;

/** What happened, in order, as a policy that learns is told it. Arrays of equal length; a client is its index. */
export interface NoteList {
  readonly atMs: Float64Array;
  readonly client: Uint16Array;
  readonly kind: Uint8Array;
}

/** Idle intervals of one platform in order, as arrays of equal length. */
export interface IntervalList {
  readonly platform: string;
  readonly clients: readonly string[];
  readonly isJob: readonly boolean[];
  readonly fromMs: number;
  readonly toMs: number;
  /** Begin of each interval: the lag after the last activity. */
  readonly beginMs: Float64Array;
  /** Its end: the next activity, or the end of the record. */
  readonly endMs: Float64Array;
  /** 0 where the record ended, and nobody came. */
  readonly hasArrival: Uint8Array;
  /** First actions of distinct people after the end of interval i: waiterMs[waiterStart[i] … waiterStart[i + 1]), since its end. */
  readonly waiterStart: Uint32Array;
  readonly waiterMs: Float64Array;
  readonly notes: NoteList;
  /** What calendars say; null where there are none. */
  readonly busy: BusyTimes | null;
  /** Time with at least one active client, gaps and lag left out, by day since `fromMs`. */
  readonly busyMsByDay: Float64Array;
}

/** How far behind an interval's end actions are kept: no resume takes longer, with a suspend before it. */
function waitWindowMs(costs: CostModel): number {
  return costs.suspendMs + costs.resumeMs;
}

/** Clients beyond this many share the last one's index. */
export const CLIENTS_MAX = 65_535;

/** Cuts a trace into its idle intervals. */
export function listIntervals(trace: ActivityTrace, costs: CostModel): IntervalList {
  const lagMs = idleLagMs(costs);
  const clients = indexClients(trace);
  const begin: number[] = [];
  const end: number[] = [];
  const waiterStart: number[] = [0];
  const waiterMs: number[] = [];
  let activeUntilMs = Number.NEGATIVE_INFINITY;
  const busyMsByDay = new Float64Array(Math.max(1, Math.ceil((trace.toMs - trace.fromMs) / DAY_MS)));
  for (const [index, span] of trace.spans.entries()) {
    if (index > 0 && span.fromMs > activeUntilMs + lagMs) {
      begin.push(activeUntilMs + lagMs);
      end.push(span.fromMs);
      pushWaiters(trace, index, waitWindowMs(costs), waiterMs);
      waiterStart.push(waiterMs.length);
    }
    addByDay(busyMsByDay, Math.max(span.fromMs, activeUntilMs) - trace.fromMs, span.toMs - trace.fromMs);
    activeUntilMs = Math.max(activeUntilMs, span.toMs);
  }
  const hasArrival = new Array<number>(begin.length).fill(1);
  if (trace.spans.length > 0 && trace.toMs > activeUntilMs + lagMs) {
    begin.push(activeUntilMs + lagMs);
    end.push(trace.toMs);
    waiterStart.push(waiterMs.length);
    hasArrival.push(0);
  }
  return {
    platform: trace.platform,
    clients: [...clients.keys()],
    isJob: jobClients(trace, clients),
    fromMs: trace.fromMs,
    toMs: trace.toMs,
    beginMs: Float64Array.from(begin),
    endMs: Float64Array.from(end),
    hasArrival: Uint8Array.from(hasArrival),
    waiterStart: Uint32Array.from(waiterStart),
    waiterMs: Float64Array.from(waiterMs),
    notes: listNotes(trace, clients),
    busy: busyTimes(trace),
    busyMsByDay,
  };
}

function busyTimes({ calendar = [] }: ActivityTrace): BusyTimes | null {
  if (calendar.length === 0) return null;
  const busy = new BusyCalendar();
  busy.replace('record', calendar);
  return busy;
}

function addByDay(byDay: Float64Array, fromMs: number, toMs: number): void {
  for (let atMs = fromMs; atMs < toMs; ) {
    const day = Math.min(Math.floor(atMs / DAY_MS), byDay.length - 1);
    const untilMs = day === byDay.length - 1 ? toMs : Math.min(toMs, (day + 1) * DAY_MS);
    byDay[day] = (byDay[day] as number) + untilMs - atMs;
    atMs = untilMs;
  }
}

function indexClients(trace: ActivityTrace): Map<string, number> {
  const clients = new Map<string, number>();
  for (const { client } of [...trace.spans, ...trace.connections]) {
    if (!clients.has(client)) clients.set(client, Math.min(clients.size, CLIENTS_MAX));
  }
  return clients;
}

/** A client all of whose spans are jobs is one. */
function jobClients(trace: ActivityTrace, clients: ReadonlyMap<string, number>): boolean[] {
  const people = new Set(trace.spans.filter((span) => !span.isJob).map((span) => span.client));
  const jobs = new Set(trace.spans.filter((span) => span.isJob).map((span) => span.client));
  return [...clients.keys()].map((client) => jobs.has(client) && !people.has(client));
}

/** The first action of each person within the window after the span at `first`, which ended an interval. */
function pushWaiters(trace: ActivityTrace, first: number, windowMs: number, waiterMs: number[]): void {
  const endMs = (trace.spans[first] as { fromMs: number }).fromMs;
  const seen = new Set<string>();
  for (let index = first; index < trace.spans.length; index += 1) {
    const span = trace.spans[index] as ActivityTrace['spans'][number];
    if (span.fromMs >= endMs + windowMs) break;
    if (span.isJob || seen.has(span.client)) continue;
    seen.add(span.client);
    waiterMs.push(span.fromMs - endMs);
  }
}

interface Note {
  readonly atMs: number;
  readonly client: number;
  readonly kind: NoteKind;
}

/** Each client's spans, joined where no more than a lag lies between them, and its connections, as one sequence. */
function listNotes(trace: ActivityTrace, clients: ReadonlyMap<string, number>): NoteList {
  const notes: Note[] = [];
  for (const { client, fromMs, toMs } of joinSpans(trace.spans, IDLE_JOIN_MS)) {
    notes.push({ atMs: fromMs, client: clients.get(client) as number, kind: NOTE_BEGIN });
    notes.push({ atMs: toMs, client: clients.get(client) as number, kind: NOTE_END });
  }
  for (const { client, fromMs, toMs } of joinSpans(trace.connections, 0)) {
    notes.push({ atMs: fromMs, client: clients.get(client) as number, kind: NOTE_CONNECT });
    if (toMs < trace.toMs) notes.push({ atMs: toMs, client: clients.get(client) as number, kind: NOTE_DISCONNECT });
  }
  for (const { client, atMs } of trace.openings ?? []) {
    const known = clients.get(client);
    // Who never connected and never acted is nobody yet.
    if (known !== undefined) notes.push({ atMs, client: known, kind: NOTE_OPEN });
  }
  notes.sort((one, other) => one.atMs - other.atMs || one.kind - other.kind);
  return {
    atMs: Float64Array.from(notes, ({ atMs }) => atMs),
    client: Uint16Array.from(notes, ({ client }) => client),
    kind: Uint8Array.from(notes, ({ kind }) => kind),
  };
}

/** Pauses of one client up to this length are no idleness of it. */
export const IDLE_JOIN_MS = 60_000;

/** Spans that ascend, each client's joined where no more than `gapMs` lie between them. */
export function joinSpans(spans: readonly ConnectionSpan[], gapMs: number): ConnectionSpan[] {
  const joined: ConnectionSpan[] = [];
  const last = new Map<string, number>();
  for (const { client, fromMs, toMs } of spans) {
    const index = last.get(client);
    const before = index === undefined ? undefined : joined[index];
    if (before !== undefined && fromMs <= before.toMs + gapMs) {
      joined[index as number] = { ...before, toMs: Math.max(before.toMs, toMs) };
    } else {
      last.set(client, joined.length);
      joined.push({ client, fromMs, toMs });
    }
  }
  return joined;
}
