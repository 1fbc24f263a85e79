// One stream as the lines of a trace: what passed, when, and how large; of encrypted streams no payload. Writes no file.
//
// The format is the one that trace-replay.ts reads; README, "Traces", describes it. What is left out of an encrypted stream does
// not change a verdict on it: of SSH only sizes are judged, of TLS only record headers.
import type { Direction } from '../core/stream-core.ts';
import { SshEnvelope, startsSsh } from './ssh-envelope.ts';
import { findClientHello, startsTlsRecord, type TlsHeader, TlsRecords } from './tls-records.ts';

/** Bytes at the start of each read that are kept where they are no secret. */
export const HEAD_BYTES = 16;
/** Reads of a client in the clear are kept whole up to this size: a parser that judges them needs them. */
export const FULL_MOST_BYTES = 4096;
/** TLS records that one line names. */
export const LINE_RECORDS_MAX = 20;
/** Lines that may wait for the rest of a TLS header. Beyond it the line goes out without that record. */
export const WAITING_LINES_MAX = 64;

const TPKT_VERSION = 3;

type Dir = 'c2s' | 's2c';

interface Line {
  readonly t_ms: number;
  readonly dir: Dir;
  readonly n: number;
  readonly head_hex: string;
  readonly full?: string;
  readonly tls?: readonly number[];
}

interface WaitingLine {
  readonly line: Line;
  /** The records whose headers begin in this line; the last may not be known yet. */
  readonly records: readonly TlsHeader[];
}

/** How the bytes of one direction are to be read. unknown: none has come. */
interface Side {
  form: 'unknown' | 'plain' | 'ssh' | 'tls';
  readonly ssh: SshEnvelope;
  readonly tls: TlsRecords;
}

/** Makes the lines of one connection, in the order of its reads. Constant memory but for WAITING_LINES_MAX lines. */
export class TraceLines {
  readonly #startMs: number;
  readonly #client = newSide();
  readonly #server = newSide();
  /** The client has begun TLS: from its next record on, so does the server. */
  #isTls = false;
  /** Sizes and first bytes are kept; whole reads of RDP hold names, and nobody judges them. */
  #isRdp = false;
  #waiting: WaitingLine[] = [];

  /** `startMs`: the connection's start, clock milliseconds since the Unix epoch. */
  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  /** The first line of a trace. */
  meta(listenPort: number, targetPort: number): string {
    return toText({ meta: 1, wall: Math.round(this.#startMs), listen: listenPort, target: targetPort });
  }

  /** Takes note of one read; answers the lines that are complete now. */
  note(direction: Direction, chunk: Uint8Array, nowMs: number): string[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const tMs = this.#sinceStart(nowMs);
    if (direction === 'server') {
      if (this.#isTls && this.#server.form !== 'tls' && startsTlsRecord(bytes)) this.#server.form = 'tls';
      this.#add('s2c', this.#server, bytes, tMs);
    } else {
      const helloAt = this.#client.form === 'tls' || this.#client.form === 'ssh' ? -1 : findClientHello(bytes);
      // A line says nothing of TLS that begins within it: what comes before is a line of its own.
      if (helloAt > 0) this.#add('c2s', this.#client, bytes.subarray(0, helloAt), tMs);
      if (helloAt >= 0) this.#client.form = 'tls';
      this.#isTls ||= helloAt >= 0;
      this.#add('c2s', this.#client, helloAt > 0 ? bytes.subarray(helloAt) : bytes, tMs);
    }
    return this.#takeComplete();
  }

  /** The lines that still wait, when nothing more comes, and who ended the connection; null: nobody did, the trace ends before it. */
  end(by: Direction | null, nowMs: number): string[] {
    const rest = this.#waiting.map(complete);
    this.#waiting = [];
    if (by === null) return rest;
    return [...rest, toText({ t_ms: this.#sinceStart(nowMs), end: by === 'client' ? 'c' : 's' })];
  }

  #sinceStart(nowMs: number): number {
    return Math.round((nowMs - this.#startMs) * 10) / 10;
  }

  #add(dir: Dir, side: Side, bytes: Buffer, tMs: number): void {
    if (side.form === 'unknown') this.#begin(dir, side, bytes);
    const line = { t_ms: tMs, dir, n: bytes.length };
    if (side.form === 'tls') {
      const { plainBytes, headers } = side.tls.read(bytes);
      const head_hex = hexOf(bytes, Math.min(HEAD_BYTES, plainBytes));
      this.#waiting.push({ line: { ...line, head_hex }, records: headers.slice(0, LINE_RECORDS_MAX) });
      return;
    }
    const plainBytes = side.form === 'ssh' ? side.ssh.read(bytes) : bytes.length;
    const head_hex = hexOf(bytes, Math.min(HEAD_BYTES, plainBytes));
    const isWhole = side.form === 'plain' && dir === 'c2s' && !this.#isRdp && bytes.length > HEAD_BYTES;
    const isKept = isWhole && bytes.length <= FULL_MOST_BYTES;
    this.#waiting.push({
      line: { ...line, head_hex, ...(isKept ? { full: hexOf(bytes, bytes.length) } : {}) },
      records: [],
    });
  }

  /** The first bytes of either side tell SSH, for both. */
  #begin(dir: Dir, side: Side, bytes: Buffer): void {
    side.form = 'plain';
    if (startsSsh(bytes)) {
      this.#client.form = 'ssh';
      this.#server.form = 'ssh';
    } else if (dir === 'c2s' && bytes[0] === TPKT_VERSION && bytes[1] === 0) {
      this.#isRdp = true;
    }
  }

  #takeComplete(): string[] {
    const ready: string[] = [];
    while (this.#waiting.length > 0) {
      const [first] = this.#waiting as [WaitingLine];
      const isComplete = first.records.at(-1)?.length !== null;
      if (!isComplete && this.#waiting.length <= WAITING_LINES_MAX) break;
      this.#waiting.shift();
      ready.push(complete(first));
    }
    return ready;
  }
}

function newSide(): Side {
  return { form: 'unknown', ssh: new SshEnvelope(), tls: new TlsRecords() };
}

function complete({ line, records }: WaitingLine): string {
  const tls = records.flatMap(({ type, length }) => (length === null ? [] : [type, length]));
  return toText(tls.length === 0 ? line : { ...line, tls });
}

function hexOf(bytes: Buffer, count: number): string {
  return bytes.subarray(0, count).toString('hex');
}

function toText(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
