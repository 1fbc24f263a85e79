// Windows of linked blocks: which stream's encoder has one, how large it is, and what all of them may take together. Knows
// neither what the bytes are nor how pieces are kept or sent.
import { TorporError } from '../platform/errors.ts';
import type { Clock } from '../platform/ports.ts';
import { type CoreAbi, LINK_TIERS, type LinkTier } from './abi.ts';

/** The most that one piece holds, so that the smallest tier keeps its window. */
export const MAX_PIECE_BYTES = 4096;
/** The most that is restored in one go: a chain of pieces from the one that began a history. */
export const MAX_CHAIN_BYTES = 65_536;
/** Bound of all windows of a pool together, unless it is told another: 910 small streams, or 227 busy ones. */
export const LINK_LIMIT_BYTES = 16 * 1024 * 1024;
/** An encoder that was given nothing for so long gives its window back, half of it later at most. */
export const LINK_IDLE_MS = 10_000;

/** Share of the core's heap that windows may take at most: the rest stays in one piece, whatever the order of their sizes. */
const HEAP_SHARE = 1 / 3;
/** The most a piece can grow: its literals' length bytes and token. */
const PACKED_ROOM_BYTES = MAX_PIECE_BYTES + 64;
/** Header, the longest history that an encoder can reach back, and a piece. */
const DECODER_BYTES = 32 + MAX_CHAIN_BYTES + MAX_PIECE_BYTES;

export interface LinkPoolOptions {
  readonly clock: Clock;
  /** Bound of all windows together; a third of the core's heap at most. Default LINK_LIMIT_BYTES. */
  readonly limitBytes?: number;
  readonly idleMs?: number;
}

/** One compressed piece. */
export interface LinkedPiece {
  /** The block, or the piece itself where it does not shrink. */
  readonly bytes: Uint8Array;
  readonly isStored: boolean;
  /** A history begins with it: no piece before it is needed to restore it. */
  readonly isFirst: boolean;
}

/**
 * The windows of one core. An encoder takes one when it is first used and gives it back when it has been idle. Where the
 * bound leaves no room a new encoder gets none, and one that would grow stays as it is: nobody else loses a window.
 */
export class LinkPool {
  readonly limitBytes: number;
  readonly #exports: CoreAbi;
  readonly #memory: Uint8Array;
  readonly #clock: Clock;
  readonly #idleMs: number;
  /** Encoders that have a window, the longest idle first, and when each was last used. */
  readonly #lastUsedMs = new Map<LinkEncoder, number>();
  readonly #raw: number;
  readonly #packed: number;
  readonly #decoder: number;
  #usedBytes = 0;
  #cancelRest: (() => void) | null = null;

  /** Use `StreamCore.openLinks`. Throws ERR_CORE_MEMORY. */
  constructor(exports: CoreAbi, options: LinkPoolOptions) {
    this.#exports = exports;
    this.#memory = new Uint8Array(exports.memory.buffer);
    this.#clock = options.clock;
    this.#idleMs = options.idleMs ?? LINK_IDLE_MS;
    this.limitBytes = Math.min(options.limitBytes ?? LINK_LIMIT_BYTES, exports.heap_capacity() * HEAP_SHARE);
    // What restoring needs is taken at once: bytes that were kept must come back whatever else the heap holds by then.
    this.#raw = this.#mustAllocate(MAX_PIECE_BYTES);
    this.#packed = this.#mustAllocate(Math.max(MAX_CHAIN_BYTES, PACKED_ROOM_BYTES));
    this.#decoder = this.#mustAllocate(DECODER_BYTES);
  }

  /** What all windows take now. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Encoders that have a window now. */
  get windows(): number {
    return this.#lastUsedMs.size;
  }

  openEncoder(): LinkEncoder {
    return new LinkEncoder(this);
  }

  /**
   * Restores a chain of pieces that begins with a first one: `packed` holds them one behind the other, `sizes` their bytes
   * (below zero: stored). Throws ERR_LZ4_MALFORMED where they do not restore to `rawBytes` (MAX_CHAIN_BYTES at most).
   */
  restore(packed: Uint8Array, sizes: readonly number[], rawBytes: number): Uint8Array {
    if (packed.length > MAX_CHAIN_BYTES || rawBytes > MAX_CHAIN_BYTES) throw chainError(rawBytes);
    const { lz4_link_init, lz4_link_append, lz4_link_decompress, lz4_link_output } = this.#exports;
    this.#memory.set(packed, this.#packed);
    lz4_link_init(this.#decoder, DECODER_BYTES, MAX_CHAIN_BYTES, 0);
    let from = this.#packed;
    let restoredBytes = 0;
    for (const size of sizes) {
      const bytes =
        size < 0
          ? lz4_link_append(this.#decoder, from, -size) || -size
          : lz4_link_decompress(this.#decoder, from, size, MAX_PIECE_BYTES);
      if (bytes < 0) break;
      restoredBytes += bytes;
      from += Math.abs(size);
    }
    const at = lz4_link_output(this.#decoder, rawBytes);
    const raw = restoredBytes === rawBytes && at !== 0 ? this.#memory.slice(at, at + rawBytes) : null;
    this.#memory.fill(0, this.#packed, this.#packed + packed.length);
    this.#memory.fill(0, this.#decoder, this.#decoder + DECODER_BYTES);
    if (raw === null) throw chainError(rawBytes);
    return raw;
  }

  /** Gives all windows back. The pool can be used again. */
  close(): void {
    for (const encoder of [...this.#lastUsedMs.keys()]) encoder.close();
    this.#cancelRest?.();
    this.#cancelRest = null;
  }

  // ------------------------------------------------------------------------------------------ for encoders

  /** A window of a tier, or 0. */
  takeWindow(encoder: LinkEncoder, tier: LinkTier): number {
    if (this.#usedBytes + tier.encoderBytes > this.limitBytes) return 0;
    const state = this.#exports.buffer_alloc(tier.encoderBytes);
    if (state === 0) return 0;
    this.#exports.lz4_link_init(state, tier.encoderBytes, tier.windowBytes, 1);
    this.#usedBytes += tier.encoderBytes;
    this.noteUse(encoder);
    return state;
  }

  /** A window of a larger tier with the same history, or 0, and then the smaller one stays. */
  growWindow(encoder: LinkEncoder, state: number, from: LinkTier, to: LinkTier): number {
    const larger = this.takeWindow(encoder, to);
    if (larger === 0) return 0;
    this.#exports.lz4_link_move(state, larger, to.encoderBytes, to.windowBytes);
    this.#dropWindow(state, from);
    return larger;
  }

  giveBack(encoder: LinkEncoder, state: number, tier: LinkTier): void {
    this.#lastUsedMs.delete(encoder);
    this.#dropWindow(state, tier);
  }

  /** Forgets the history of a window. */
  restart(state: number): void {
    this.#exports.lz4_link_reset(state);
  }

  noteUse(encoder: LinkEncoder): void {
    this.#lastUsedMs.delete(encoder);
    this.#lastUsedMs.set(encoder, this.#clock.nowMs());
    this.#cancelRest ??= this.#clock.schedule(this.#idleMs, () => this.#restIdle());
  }

  /** Compresses a piece against a window; null where it does not shrink. */
  compress(state: number, raw: Uint8Array): Uint8Array | null {
    this.#memory.set(raw, this.#raw);
    const bytes = this.#exports.lz4_link_compress(state, this.#raw, raw.length, this.#packed, PACKED_ROOM_BYTES);
    const packed = bytes >= 0 && bytes < raw.length ? this.#memory.slice(this.#packed, this.#packed + bytes) : null;
    this.#memory.fill(0, this.#raw, this.#raw + raw.length);
    this.#memory.fill(0, this.#packed, this.#packed + PACKED_ROOM_BYTES);
    return packed;
  }

  /** Takes the windows of encoders that have been idle; looks again when half the idle time has passed. */
  #restIdle(): void {
    this.#cancelRest = null;
    const dueMs = this.#clock.nowMs() - this.#idleMs;
    for (const [encoder, lastUsedMs] of this.#lastUsedMs) {
      if (lastUsedMs > dueMs) break;
      encoder.close();
    }
    if (this.#lastUsedMs.size === 0) return;
    this.#cancelRest = this.#clock.schedule(this.#idleMs / 2, () => this.#restIdle());
  }

  /** The buffer is wiped as it is given back. */
  #dropWindow(state: number, tier: LinkTier): void {
    this.#exports.buffer_free(state);
    this.#usedBytes -= tier.encoderBytes;
  }

  #mustAllocate(bytes: number): number {
    const pointer = this.#exports.buffer_alloc(bytes);
    if (pointer !== 0) return pointer;
    throw new TorporError(
      'ERR_CORE_MEMORY',
      `the stream core has no ${bytes} bytes left to restore linked blocks: load it with larger heapBytes`,
    );
  }
}

/** One direction of one stream. It has a window from its first piece until it is closed or has been idle. */
export class LinkEncoder {
  readonly #pool: LinkPool;
  #state = 0;
  #tierIndex = 0;
  /** Of the history at work, dropped ones included. */
  #historyBytes = 0;

  constructor(pool: LinkPool) {
    this.#pool = pool;
  }

  /** The tier of its window, 0 to 2; null while it has none. */
  get tier(): number | null {
    return this.#state === 0 ? null : this.#tierIndex;
  }

  /** Compresses a piece of 1 to MAX_PIECE_BYTES; null where it has no window and the pool's bound leaves none. */
  add(raw: Uint8Array): LinkedPiece | null {
    if (raw.length > MAX_PIECE_BYTES) throw new RangeError(`a piece of ${raw.length} bytes is over ${MAX_PIECE_BYTES}`);
    if (!this.#makeRoom(raw.length)) return null;
    const isFirst = this.#historyBytes === 0;
    this.#historyBytes += raw.length;
    const packed = this.#pool.compress(this.#state, raw);
    return { bytes: packed ?? raw, isStored: packed === null, isFirst };
  }

  /** The next piece begins a history. The window stays. */
  restart(): void {
    this.#historyBytes = 0;
    if (this.#state !== 0) this.#pool.restart(this.#state);
  }

  /** Gives the window back, wiped. The next piece takes a small one again. */
  close(): void {
    if (this.#state !== 0) this.#pool.giveBack(this, this.#state, this.#tier);
    this.#state = 0;
    this.#tierIndex = 0;
    this.#historyBytes = 0;
  }

  get #tier(): LinkTier {
    return LINK_TIERS[this.#tierIndex] as LinkTier;
  }

  /** A window is taken at the first piece, and a larger one where the history would have to slide. */
  #makeRoom(bytes: number): boolean {
    if (this.#state === 0) {
      this.#state = this.#pool.takeWindow(this, this.#tier);
      return this.#state !== 0;
    }
    this.#pool.noteUse(this);
    const next = LINK_TIERS[this.#tierIndex + 1];
    if (next === undefined || this.#historyBytes + bytes <= this.#tier.windowBytes + this.#tier.blockBytes) return true;
    const larger = this.#pool.growWindow(this, this.#state, this.#tier, next);
    if (larger === 0) return true;
    this.#state = larger;
    this.#tierIndex += 1;
    return true;
  }
}

function chainError(rawBytes: number): TorporError {
  return new TorporError(
    'ERR_LZ4_MALFORMED',
    `linked blocks did not restore to the ${rawBytes} bytes that were kept: this process's memory is damaged`,
  );
}
