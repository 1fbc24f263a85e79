// Torpor's own history as activity: rows of `torpor history export pool` and `events` of one platform, in their order, made into spans.
import { parseDurationMs } from '../platform/units.ts';
import type { ActivitySpan, ConnectionSpan, Opening } from './activity-trace.ts';
import { joinSpans } from './interval-list.ts';

/** A row of an export, as JSON lines have it. Of `pool` with a `change`, of `events` with a `kind`; others say nothing of clients. */
export interface RecordedRow {
  readonly at_ms: number;
  readonly [column: string]: unknown;
}

/** True of a line that is a row of any table but `runs`, which is of no platform. */
export function isRecordedRow(line: Readonly<Record<string, unknown>>): line is RecordedRow & { platform: string } {
  return typeof line.at_ms === 'number' && Number.isFinite(line.at_ms) && typeof line.platform === 'string';
}

/** Joins entries into the pool with exits, and openings of streams with their ends. */
export class RecordedHistory {
  readonly #pool = new Track();
  readonly #streams = new Track();
  readonly #vms = new Map<string, string>();
  readonly #opened: Array<{ readonly address: string; readonly atMs: number }> = [];

  push(row: RecordedRow): void {
    const { at_ms: atMs, change, kind } = row;
    if (change === 'enter') this.#pool.begin(String(row.stream), this.#clientOf(row), atMs);
    else if (change === 'exit') this.#pool.end(String(row.stream), atMs, idleTimeoutMs(String(row.why ?? '')));
    else if (typeof kind === 'string') this.#readEvent(kind, readFacts(row.facts), atMs);
  }

  /** All of it. What never ended ends with the last row of its table: the record does there, or Torpor did. */
  read(): {
    spans: ActivitySpan[];
    connections: ConnectionSpan[];
    openings: Opening[];
    vms: ReadonlyMap<string, string>;
  } {
    const spans = this.#pool.finish().map((span) => ({ ...span, isJob: false }));
    const connections = this.#streams.finish();
    return { spans, connections, openings: this.#openings(spans, connections), vms: this.#vms };
  }

  #readEvent(kind: string, facts: Readonly<Record<string, unknown>>, atMs: number): void {
    if (kind === 'stream-open') this.#streams.begin(String(facts.stream), this.#clientOf(facts), atMs);
    else if (kind === 'stream-closed') this.#streams.end(String(facts.stream), atMs, 0);
    else if (kind === 'client-opened') this.#opened.push({ address: String(facts.client), atMs });
  }

  /** As a live policy tells clients apart: an address at a VM. */
  #clientOf({ client, vm }: Readonly<Record<string, unknown>>): string {
    const name = `${String(client).replace(/:\d+$/, '')} ${String(vm)}`;
    this.#vms.set(name, String(vm));
    return name;
  }

  /** Of an address' clients that were not connected at the time, as live. */
  #openings(spans: readonly ConnectionSpan[], connections: readonly ConnectionSpan[]): Opening[] {
    const clients = new Set([...spans, ...connections].map(({ client }) => client));
    const atAddress = groupBy([...clients], (client) => client.slice(0, client.indexOf(' ')));
    const sorted = [...connections].sort((one, other) => one.fromMs - other.fromMs);
    const ofClient = groupBy(joinSpans(sorted, 0), ({ client }) => client);
    return this.#opened.flatMap(({ address, atMs }) =>
      (atAddress.get(address) ?? [])
        .filter((client) => !isWithin(ofClient.get(client) ?? [], atMs))
        .map((client) => ({ client, atMs })),
    );
  }
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

/** Whether a moment lies in one of these spans, which ascend and do not meet: years of them are asked for each opening. */
function isWithin(spans: readonly ConnectionSpan[], atMs: number): boolean {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle] as ConnectionSpan).fromMs <= atMs) low = middle + 1;
    else high = middle;
  }
  return low > 0 && atMs < (spans[low - 1] as ConnectionSpan).toMs;
}

/** Stretches of streams, by what one table says of their begins and ends. */
class Track {
  readonly #spans: ConnectionSpan[] = [];
  readonly #open = new Map<string, { readonly client: string; readonly fromMs: number }>();
  #lastMs = Number.NEGATIVE_INFINITY;

  /** A stream that begins again was begun by a Torpor that ended meanwhile: of it nothing is known after the row before. */
  begin(stream: string, client: string, atMs: number): void {
    this.#close(stream, this.#lastMs);
    this.#open.set(stream, { client, fromMs: atMs });
    this.#lastMs = Math.max(this.#lastMs, atMs);
  }

  end(stream: string, atMs: number, earlierMs: number): void {
    this.#close(stream, atMs - earlierMs);
    this.#lastMs = Math.max(this.#lastMs, atMs);
  }

  finish(): ConnectionSpan[] {
    for (const stream of [...this.#open.keys()]) this.#close(stream, this.#lastMs);
    return this.#spans;
  }

  #close(stream: string, toMs: number): void {
    const began = this.#open.get(stream);
    if (began === undefined) return;
    this.#open.delete(stream);
    this.#spans.push({ ...began, toMs: Math.max(began.fromMs, toMs) });
  }
}

/** The export of events holds facts as a text. */
function readFacts(facts: unknown): Record<string, unknown> {
  try {
    const value: unknown = typeof facts === 'string' ? JSON.parse(facts) : facts;
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** "no activity for 10m", as a stream says when it leaves the pool: it was active until that long before. Else 0. */
function idleTimeoutMs(why: string): number {
  const told = /^no activity for (\S.*)$/.exec(why)?.[1];
  try {
    return told === undefined ? 0 : parseDurationMs(told);
  } catch {
    return 0;
  }
}
