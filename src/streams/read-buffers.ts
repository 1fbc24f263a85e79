// The memory that sockets read into, all of it inside the stream core: one scratch, and a bounded pool that is lent out.
// Which socket reads where, and when a write is done, is its users' knowledge.
import type { StreamCore } from '../core/stream-core.ts';
import type { Clock } from '../platform/ports.ts';
import type { DirectReads } from './direct-reads.ts';
import type { RawSockets } from './raw-socket.ts';

/** Where every quiet direction reads. */
export const SCRATCH_BYTES = 64 * 1024;
/** Chunks of up to this are quiet: they are written from a slot, and the direction keeps no buffer. */
export const SLOT_BYTES = 16 * 1024;
/** What a busy direction reads into, and writes from. */
export const BUSY_BYTES = 256 * 1024;
/** Slots and busy buffers; at the bound chunks are copied to ordinary memory, one per direction at most. */
export const SLOTS = 128;
export const BUSY_BUFFERS = 64;
/** A busy buffer nothing was read into for so long may be taken from its reader where none is left. */
export const SILENT_MS = 10_000;

/** One lent buffer. It is free again when nobody reads into it and no write from it is under way. */
export interface ReadBuffer {
  readonly bytes: Buffer;
  /** Who reads into it, or its borrower's mark; null: nobody. */
  reader: BufferReader | null;
  /** A write from it is not done. */
  isPending: boolean;
  /** When it was last read into. */
  usedAtMs: number;
  /** How much of it has held bytes since it was wiped. */
  usedBytes: number;
}

/** Who has a busy buffer. */
export interface BufferReader {
  /** Asked to give up a buffer that it has not used for SILENT_MS. It does so, by `release`, or answers false. */
  giveBack(): boolean;
}

export interface ReadBuffersOptions {
  readonly core: StreamCore;
  readonly clock: Clock;
  /** null: sockets are read the plain way, and no memory is taken. */
  readonly direct: DirectReads | null;
  /** Default, and null: connections are net.Socket. Not without `direct`. */
  readonly raw?: RawSockets | null;
  /** Default SLOTS and BUSY_BUFFERS. */
  readonly slots?: number;
  readonly busyBuffers?: number;
}

/** What a core must be able to reserve for these buffers. */
export function reservedBytes(slots = SLOTS, busyBuffers = BUSY_BUFFERS): number {
  return SCRATCH_BYTES + slots * SLOT_BYTES + busyBuffers * BUSY_BYTES;
}

const BORROWED: BufferReader = { giveBack: () => false };

/** One for all streams of a process. The core's memory does not move, so each buffer is one view for good. */
export class ReadBuffers {
  readonly direct: DirectReads | null;
  /** null: connections are net.Socket. */
  readonly raw: RawSockets | null;
  readonly clock: Clock;
  /** Valid only until the next read of any socket. */
  readonly scratch: Buffer;
  readonly #slots: readonly ReadBuffer[];
  readonly #freeSlots: ReadBuffer[];
  readonly #freeBusy: ReadBuffer[];
  readonly #busy: readonly ReadBuffer[];
  #scratchUsedBytes = 0;
  /** Those that hold bytes of somebody. */
  #used: ReadBuffer[] = [];
  #turn = 0;
  #turnIsNoted = false;
  readonly #afterTurn: Array<() => void> = [];

  constructor(options: ReadBuffersOptions) {
    const { core, direct, clock } = options;
    const [slots, busyBuffers] =
      direct === null ? [0, 0] : [options.slots ?? SLOTS, options.busyBuffers ?? BUSY_BUFFERS];
    this.direct = direct;
    this.raw = direct === null ? null : (options.raw ?? null);
    this.clock = clock;
    this.scratch = direct === null ? Buffer.alloc(0) : asBuffer(core.reserve(SCRATCH_BYTES));
    this.#slots = Array.from({ length: slots }, () => makeBuffer(core, SLOT_BYTES));
    this.#freeSlots = [...this.#slots];
    this.#busy = Array.from({ length: busyBuffers }, () => makeBuffer(core, BUSY_BYTES));
    this.#freeBusy = [...this.#busy];
  }

  /** Buffers that are lent at this moment. */
  get lent(): { slots: number; busy: number } {
    return {
      slots: this.#slots.length - this.#freeSlots.length,
      busy: this.#busy.length - this.#freeBusy.length,
    };
  }

  /** A slot for one write; `release` follows it. null: none is free. */
  borrowSlot(): ReadBuffer | null {
    const slot = this.#freeSlots.pop() ?? null;
    if (slot !== null) slot.reader = BORROWED;
    return slot;
  }

  /** A busy buffer for `reader`, if need be that of the longest silent one. null: all are in use. */
  lendBusy(reader: BufferReader): ReadBuffer | null {
    const buffer = this.#freeBusy.pop() ?? this.#reclaim();
    if (buffer !== null) buffer.reader = reader;
    return buffer;
  }

  /** Nobody reads into it any more. */
  release(buffer: ReadBuffer): void {
    buffer.reader = null;
    this.#freeIfUnused(buffer);
  }

  /** A write from it is under way: it keeps its bytes until `settle`. */
  keep(buffer: ReadBuffer): void {
    buffer.isPending = true;
  }

  /** The write from it is done. */
  settle(buffer: ReadBuffer): void {
    buffer.isPending = false;
    this.#freeIfUnused(buffer);
  }

  /** Takes note of bytes in the scratch (null) or in a buffer. */
  note(buffer: ReadBuffer | null, bytes: number): void {
    if (buffer === null) {
      if (bytes > this.#scratchUsedBytes) this.#scratchUsedBytes = bytes;
      return;
    }
    if (buffer.usedBytes === 0) this.#used.push(buffer);
    if (bytes > buffer.usedBytes) buffer.usedBytes = bytes;
    buffer.usedAtMs = this.clock.nowMs();
  }

  /** A stream is gone: what lies in memory that nobody uses is wiped. Not to be called from within a read. */
  wipe(): void {
    this.scratch.fill(0, 0, this.#scratchUsedBytes);
    this.#scratchUsedBytes = 0;
    if (this.#used.length > 0) this.#used = this.#used.filter((each) => !wipeUnused(each));
  }

  /** The number of the event loop's present turn, as far as somebody asks. */
  get turn(): number {
    if (!this.#turnIsNoted) {
      this.#turnIsNoted = true;
      setImmediate(() => this.#endTurn());
    }
    return this.#turn;
  }

  /** Runs when all sockets that can be read had their turn. */
  afterTurn(run: () => void): void {
    this.#afterTurn.push(run);
  }

  #endTurn(): void {
    this.#turn += 1;
    this.#turnIsNoted = false;
    for (const run of this.#afterTurn.splice(0)) run();
  }

  #reclaim(): ReadBuffer | null {
    const latestMs = this.clock.nowMs() - SILENT_MS;
    for (const { isPending, usedAtMs, reader } of this.#busy) {
      if (isPending || reader === null || usedAtMs > latestMs || !reader.giveBack()) continue;
      return this.#freeBusy.pop() ?? null;
    }
    return null;
  }

  #freeIfUnused(buffer: ReadBuffer): void {
    if (buffer.reader !== null || buffer.isPending) return;
    (buffer.bytes.length === SLOT_BYTES ? this.#freeSlots : this.#freeBusy).push(buffer);
  }
}

function makeBuffer(core: StreamCore, bytes: number): ReadBuffer {
  return { bytes: asBuffer(core.reserve(bytes)), reader: null, isPending: false, usedAtMs: 0, usedBytes: 0 };
}

/** False: it is in use. */
function wipeUnused(buffer: ReadBuffer): boolean {
  if (buffer.reader !== null || buffer.isPending) return false;
  buffer.bytes.fill(0, 0, buffer.usedBytes);
  buffer.usedBytes = 0;
  return true;
}

function asBuffer(bytes: Uint8Array<ArrayBuffer>): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
