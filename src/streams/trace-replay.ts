// Replays recorded streams through a stream core: trace lines become the bytes they stand for. Reads no file and prints nothing.
//
// A trace is JSON lines: first `{"meta":1,"wall":MS}`, then one line per read with `t_ms`, `dir`, `n`, `head_hex` and, where they
// were kept, `full` (the whole read) and `tls` (type and length of each TLS record whose header lies in the read).
import { FLAG_ACTIVE, FLAG_WORK } from '../core/abi.ts';
import type { Direction, ProtocolName, StreamCore, StreamHandle } from '../core/stream-core.ts';
import { TorporError } from '../platform/errors.ts';
import { DEFAULT_STREAM_POLICY, type StreamPolicy } from '../platform/stream-policy.ts';
import { describeVerdict } from './verdict-text.ts';

/** One moment at which a replayed stream showed activity. */
export interface ReplayedActivity {
  /** Milliseconds since the first connection's start. */
  readonly t_ms: number;
  readonly active: true;
  /** Which of the given traces, from 0. */
  readonly connection: number;
  readonly protocol: ProtocolName;
  readonly why: string;
}

export interface ReplayOptions {
  readonly core: StreamCore;
  readonly protocol?: ProtocolName;
  readonly port?: number;
  /** Default: DEFAULT_STREAM_POLICY. */
  readonly policy?: StreamPolicy;
}

/** One connection: a name for errors, and its lines. */
export interface Trace {
  readonly name: string;
  readonly text: string;
}

/** One read of a recorded connection, as the bytes it stands for. */
export interface TraceRead {
  /** Milliseconds since the first connection's start. */
  readonly atMs: number;
  /** Which of the given traces, from 0. */
  readonly connection: number;
  readonly direction: Exclude<Direction, 'held'>;
  readonly bytes: Uint8Array;
  /** No TLS record reaches from this read into the next one of its connection and direction. */
  readonly endsRecord: boolean;
}

interface TraceLine {
  readonly meta?: number;
  readonly wall?: number;
  readonly t_ms?: number;
  readonly dir?: 'c2s' | 's2c';
  readonly n?: number;
  readonly head_hex?: string;
  readonly full?: string;
  readonly tls?: readonly number[];
}

/** Longer than any trace: a replayed stream is judged, it does not expire. */
const NO_TIMEOUT_TICKS = 0x7fff_ffff;
/** A read of a trace is one read of a socket. */
const MOST_READ_BYTES = 64 << 20;
const TLS_HEADER_BYTES = 5;
const TLS_APPLICATION_DATA = 23;
const HEX = /^(?:[0-9a-f]{2})*$/i;
let families = 0;

/**
 * Replays the connections of one session, first one first, in the order of their reads. Throws ERR_TRACE_INVALID at the first line that
 * is none of a trace.
 */
export function replayTraces(traces: readonly Trace[], options: ReplayOptions): ReplayedActivity[] {
  const { core } = options;
  const reads = readTraces(traces);
  families += 1;
  const { protocol = 'auto', port = 0, policy = DEFAULT_STREAM_POLICY } = options;
  const hints = { protocol, port, policy, family: families };
  const streams = new Map<number, StreamHandle>();
  const found: ReplayedActivity[] = [];
  try {
    for (const read of reads) {
      const nowTicks = read.atMs / core.tickMs;
      let stream = streams.get(read.connection);
      if (stream === undefined) {
        stream = core.openStream(NO_TIMEOUT_TICKS, nowTicks, hints);
        streams.set(read.connection, stream);
      }
      const flags = core.observe(stream, read.direction, read.bytes, nowTicks);
      if ((flags & (FLAG_ACTIVE | FLAG_WORK)) === 0) continue;
      const verdict = core.verdict(stream);
      const why = describeVerdict(verdict);
      const { connection, atMs } = read;
      found.push({ t_ms: atMs, active: true, connection, protocol: verdict.protocol, why });
    }
  } finally {
    for (const stream of streams.values()) core.releaseStream(stream);
  }
  return found;
}

/** All reads of the connections of one session, in time. Throws ERR_TRACE_INVALID at the first line that is none of a trace. */
export function readTraces(traces: readonly Trace[]): TraceRead[] {
  let originMs = Number.NaN;
  const reads: TraceRead[] = [];
  for (const [connection, trace] of traces.entries()) {
    let startMs = 0;
    const fillers = { c2s: new RecordFiller(), s2c: new RecordFiller() };
    for (const [index, text] of trace.text.split('\n').entries()) {
      if (text.trim() === '') continue;
      const line = parseLine(text, `${trace.name}, line ${index + 1}`);
      if (line.meta !== undefined) {
        if (Number.isNaN(originMs)) originMs = line.wall ?? 0;
        startMs = (line.wall ?? originMs) - originMs;
      } else if (line.dir !== undefined) {
        const filler = fillers[line.dir];
        const bytes = filler.fill(line);
        const direction = line.dir === 'c2s' ? 'client' : 'server';
        const atMs = Math.round((startMs + (line.t_ms ?? 0)) * 10) / 10;
        reads.push({ atMs, connection, direction, bytes, endsRecord: filler.endsRecord });
      }
    }
  }
  return reads.sort((a, b) => a.atMs - b.atMs);
}

function parseLine(text: string, where: string): TraceLine {
  let line: TraceLine | null = null;
  try {
    line = JSON.parse(text) as TraceLine | null;
  } catch {
    // Told below.
  }
  if (line === null || typeof line !== 'object') throw notTrace(where, 'it is no JSON object');
  if (line.dir === undefined) return line;
  if (line.dir !== 'c2s' && line.dir !== 's2c') throw notTrace(where, 'dir is neither c2s nor s2c');
  if (typeof line.t_ms !== 'number' || !Number.isFinite(line.t_ms)) throw notTrace(where, 't_ms is no number');
  const size = line.n;
  if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > MOST_READ_BYTES) {
    throw notTrace(where, `n is no count of bytes up to ${MOST_READ_BYTES}`);
  }
  if (!HEX.test(line.full ?? '') || !HEX.test(line.head_hex ?? '')) throw notTrace(where, 'its bytes are no hex');
  return line;
}

function notTrace(where: string, what: string): TorporError {
  return new TorporError('ERR_TRACE_INVALID', `${where} is no line of a trace: ${what}; see the README, "Traces"`);
}

/** Makes the bytes of one direction's reads. TLS records may reach from one read into the next. */
class RecordFiller {
  #header: number[] = [];
  #bodyBytes = 0;

  /** No record reaches beyond the bytes made so far. */
  get endsRecord(): boolean {
    return this.#bodyBytes === 0 && this.#header.length === 0;
  }

  fill(line: TraceLine): Uint8Array {
    const bytes = new Uint8Array(line.n ?? 0);
    const known = Buffer.from(line.full ?? line.head_hex ?? '', 'hex');
    bytes.set(known.subarray(0, bytes.length));
    if (line.tls === undefined && this.#bodyBytes === 0 && this.#header.length === 0) return bytes;
    let at = this.#put(bytes, 0);
    const records = line.tls ?? [];
    for (let index = 0; index + 1 < records.length && at < bytes.length; index += 2) {
      at = this.#startRecord(bytes, at, records[index] as number, records[index + 1] as number);
    }
    // A trace names so many records of a read at most; the rest stands for one more.
    if (at < bytes.length) {
      const rest = Math.max(0, bytes.length - at - TLS_HEADER_BYTES);
      this.#startRecord(bytes, at, TLS_APPLICATION_DATA, Math.min(rest, 0xffff));
    }
    return bytes;
  }

  #startRecord(bytes: Uint8Array, at: number, type: number, length: number): number {
    this.#header = [type, 3, 3, length >> 8, length & 0xff];
    this.#bodyBytes = length;
    return this.#put(bytes, at);
  }

  /** Puts what is left of the record under way; answers where the next one starts. */
  #put(bytes: Uint8Array, from: number): number {
    let at = from;
    while (this.#header.length > 0 && at < bytes.length) {
      bytes[at] = this.#header.shift() as number;
      at += 1;
    }
    const taken = Math.min(this.#bodyBytes, bytes.length - at);
    this.#bodyBytes -= taken;
    return at + taken;
  }
}
