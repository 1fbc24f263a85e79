// The records of several platforms of one pool as one: their VMs, who uses them, and what happened, in order. Decides nothing.
import type { ActivityTrace, ConnectionSpan } from '../activity-trace.ts';
import { BusyCalendar, type BusyTimes, EVERYBODY } from '../busy-times.ts';
import { NOTE_CONNECT, NOTE_DISCONNECT, NOTE_OPEN } from '../interval-list.ts';

/** A client, as one platform's record names it. Platforms, VMs and clients are their indices. */
export interface PoolClient {
  readonly name: string;
  readonly home: number;
  /** Null: jobs alone, which are the platform's own (a backup of the host) and stay there. */
  readonly vm: number | null;
}

export interface PoolVm {
  readonly name: string;
  readonly home: number;
}

/** Somebody began to be active, at a moment. */
export interface PoolAct {
  readonly atMs: number;
  readonly toMs: number;
  readonly client: number;
  readonly isJob: boolean;
}

/** What a policy that learns is told besides. */
export interface PoolNote {
  readonly atMs: number;
  readonly client: number;
  readonly kind: typeof NOTE_CONNECT | typeof NOTE_DISCONNECT | typeof NOTE_OPEN;
}

export interface PoolActivity {
  /** Each to the end of the whole record, so that all are counted for as long with VMs moved as without. */
  readonly traces: readonly ActivityTrace[];
  readonly toMs: number;
  readonly clients: readonly PoolClient[];
  readonly vms: readonly PoolVm[];
  readonly acts: readonly PoolAct[];
  readonly notes: readonly PoolNote[];
}

/** A client is its own VM's user, unless its record names the VM. */
export function joinTraces(traces: readonly ActivityTrace[]): PoolActivity {
  const toMs = Math.max(...traces.map((trace) => trace.toMs));
  const clients: PoolClient[] = [];
  const vms: PoolVm[] = [];
  const acts: PoolAct[] = [];
  const notes: PoolNote[] = [];
  for (const [home, trace] of traces.entries()) {
    const known = addClients(trace, home, clients, vms);
    for (const { client, isJob, fromMs, toMs: endMs } of trace.spans)
      acts.push({ atMs: fromMs, toMs: endMs, client: known.get(client) as number, isJob });
    for (const { client, fromMs, toMs: endMs } of joinConnections(trace.connections)) {
      const index = known.get(client) as number;
      notes.push({ atMs: fromMs, client: index, kind: NOTE_CONNECT });
      if (endMs < trace.toMs) notes.push({ atMs: endMs, client: index, kind: NOTE_DISCONNECT });
    }
    for (const { client, atMs } of trace.openings ?? []) {
      const index = known.get(client);
      if (index !== undefined) notes.push({ atMs, client: index, kind: NOTE_OPEN });
    }
  }
  acts.sort((one, other) => one.atMs - other.atMs);
  notes.sort((one, other) => one.atMs - other.atMs || one.kind - other.kind);
  return { traces: traces.map((trace) => ({ ...trace, toMs })), toMs, clients, vms, acts, notes };
}

/** What calendars say at one platform: its own, and those of clients who may be moved there. */
export function busyAt({ traces }: PoolActivity, platform: number): BusyTimes | null {
  const entries = traces.flatMap(({ calendar = [] }, index) =>
    index === platform ? calendar : calendar.filter(({ client }) => client !== EVERYBODY),
  );
  if (entries.length === 0) return null;
  const busy = new BusyCalendar();
  busy.replace('record', entries);
  return busy;
}

/** In the order in which a replay of the platform alone knows them. */
function addClients(trace: ActivityTrace, home: number, clients: PoolClient[], vms: PoolVm[]): Map<string, number> {
  const people = new Set(trace.spans.filter(({ isJob }) => !isJob).map(({ client }) => client));
  const jobs = new Set(trace.spans.filter(({ isJob }) => isJob).map(({ client }) => client));
  const known = new Map<string, number>();
  const vmOf = new Map<string, number>();
  for (const { client } of [...trace.spans, ...trace.connections]) {
    if (known.has(client)) continue;
    known.set(client, clients.length);
    if (jobs.has(client) && !people.has(client)) {
      clients.push({ name: client, home, vm: null });
      continue;
    }
    const name = trace.vms?.get(client) ?? client;
    const vm = vmOf.get(name) ?? vms.length;
    if (vm === vms.length) vms.push({ name, home });
    vmOf.set(name, vm);
    clients.push({ name: client, home, vm });
  }
  return known;
}

/** Each client's connections, joined where they overlap or meet. */
function joinConnections(spans: readonly ConnectionSpan[]): ConnectionSpan[] {
  const joined: ConnectionSpan[] = [];
  const last = new Map<string, number>();
  for (const span of spans) {
    const index = last.get(span.client);
    const before = index === undefined ? undefined : joined[index];
    if (before !== undefined && span.fromMs <= before.toMs) {
      joined[index as number] = { ...before, toMs: Math.max(before.toMs, span.toMs) };
    } else {
      last.set(span.client, joined.length);
      joined.push(span);
    }
  }
  return joined;
}

/** A VM is in use, or not any more. */
export interface VmUse {
  readonly atMs: number;
  readonly vm: number;
  readonly isUsed: boolean;
}

/** Use of all VMs: each from an action until `activeForMs` after the last one, as their streams are in the active pool. */
export function listVmUses({ acts, clients, vms }: PoolActivity, activeForMs: number): VmUse[] {
  const uses: VmUse[] = [];
  const usedUntilMs = vms.map(() => Number.NEGATIVE_INFINITY);
  const close = (vm: number) => uses.push({ atMs: usedUntilMs[vm] as number, vm, isUsed: false });
  for (const { atMs, toMs, client } of acts) {
    const { vm } = clients[client] as PoolClient;
    if (vm === null) continue;
    const untilMs = usedUntilMs[vm] as number;
    if (atMs > untilMs) {
      if (Number.isFinite(untilMs)) close(vm);
      uses.push({ atMs, vm, isUsed: true });
    }
    usedUntilMs[vm] = Math.max(untilMs, toMs + activeForMs);
  }
  for (const [vm, untilMs] of usedUntilMs.entries()) if (Number.isFinite(untilMs)) close(vm);
  return uses.sort((one, other) => one.atMs - other.atMs);
}
