// The stream core as TypeScript uses it: copies bytes in and out, turns statuses into errors. Holds no state of a stream.
import { TorporError } from '../platform/errors.ts';
import type { StreamPolicy } from '../platform/stream-policy.ts';
import * as abi from './abi.ts';
import { LinkCodec, type LinkCodecOptions } from './link-codec.ts';
import { LinkPool, type LinkPoolOptions } from './link-pool.ts';
import { instantiateCore, type WasmBytes } from './load.ts';

declare const streamHandleBrand: unique symbol;

/** Names one open stream of one core. A handle is refused once its stream was released, even if the slot is used again. */
export type StreamHandle = number & { readonly [streamHandleBrand]: true };

/** Who sent a chunk, seen from the client connection; `held`: the client, while its bytes are kept back and nobody can answer. */
export type Direction = 'client' | 'server' | 'held';

/** What has passed through a stream since it was opened. */
export interface StreamTally {
  readonly clientBytes: number;
  readonly clientChunks: number;
  readonly serverBytes: number;
  readonly serverChunks: number;
}

/** What a stream speaks: a hint of a configuration, or what was told from its bytes. */
export type ProtocolName = (typeof abi.PROTOCOL_NAMES)[number];
/** Why a client's chunk was judged as it was. */
export type ReasonName = (typeof abi.REASON_NAMES)[number];

/** What is known of a stream before its first byte. */
export interface StreamHints {
  /** `raw`: every client byte is activity. `auto` (default): told from the first bytes. */
  readonly protocol?: ProtocolName;
  /** The target's port, for protocols whose first bytes say nothing. */
  readonly port?: number;
  /** A number other than 0 that streams of one client share: what was learned of one's polls holds for the others. */
  readonly family?: number;
  /** What its owner decided. */
  readonly policy?: StreamPolicy;
}

/** What a stream was told to be, and the verdict on its client's last chunk. */
export interface StreamVerdict {
  readonly protocol: ProtocolName;
  /** The protocol was told from the bytes, or they did not contradict the hint. */
  readonly isTold: boolean;
  /** A parser lost its place: everything counts. */
  readonly isLost: boolean;
  readonly reason: ReasonName;
  /** Size of the packet that decided, 0 where there was none. */
  readonly packetBytes: number;
  /** How often its like was seen, and its period; 0 where that means nothing. */
  readonly seen: number;
  readonly periodTicks: number;
}

/** Sizes of a core, fixed when it is loaded. */
export interface LoadCoreOptions {
  /** Streams that can be open at once, 1 to 65,536. Default 16,384. */
  readonly maxStreams?: number;
  /** Memory for buffers, which bounds the largest LZ4 block: 256 KiB to 1 GiB. Default 48 MiB; touched only as used. */
  readonly heapBytes?: number;
  /** Memory for what `reserve` gives away, beside `heapBytes`. Default 0. Both together are 1 GiB at most. */
  readonly reservableBytes?: number;
  /** The module's bytes. Default: the package's own build/torpor-core.wasm. */
  readonly wasm?: WasmBytes;
}

const WAYS: Readonly<Record<Direction, number>> = {
  client: abi.DIRECTION_CLIENT,
  server: abi.DIRECTION_SERVER,
  held: abi.DIRECTION_CLIENT | abi.DIRECTION_HELD,
};

const DEFAULT_MAX_STREAMS = 16_384;
const DEFAULT_HEAP_BYTES = 48 * 1024 * 1024;
const MIN_HEAP_BYTES = 256 * 1024;
/** Bytes of one piece in which a chunk is shown to the core. */
const SCRATCH_BYTES = 64 * 1024;
/** What SCRATCH_BYTES can compress to: their literals' length bytes, and what `lz4_compress_bound` adds. */
const OUTPUT_BYTES = SCRATCH_BYTES + Math.floor(SCRATCH_BYTES / 255) + 16;
/** Views of results up to here are kept: making one costs more than compressing a short message. */
const KEPT_VIEW_BYTES = 1024;
/** How far behind its result a decoder may write, within its capacity. */
const DECODER_SPILL_BYTES = 64;
/** Expired streams that one call into the module reports; also the unit of its work. */
const EXPIRY_BATCH = 256;
const TALLY_BYTES = 32;
/** Unit in which the core gives memory away; GRANULE_BYTES of asm/layout.ts. */
const RESERVE_UNIT_BYTES = 256;
/** Kept from the heap when the largest block is computed: the core's own buffers, and rounding of six. */
const HEAP_RESERVE_BYTES = SCRATCH_BYTES + OUTPUT_BYTES + EXPIRY_BATCH * 4 + TALLY_BYTES + 6 * 256;
/** The most an LZ4 block can grow: one length byte of 255 per 255 bytes. */
const MAX_EXPANSION = 255;

/**
 * Loads the stream core: one WASM instance with its own fixed memory. Throws ERR_CORE_LOAD, ERR_CORE_ABI, and
 * ERR_CORE_MEMORY where the sizes are out of bounds or the memory is not to be had.
 */
export async function loadCore(options: LoadCoreOptions = {}): Promise<StreamCore> {
  const maxStreams = options.maxStreams ?? DEFAULT_MAX_STREAMS;
  const heapBytes = options.heapBytes ?? DEFAULT_HEAP_BYTES;
  const reservableBytes = options.reservableBytes ?? 0;
  const exports = await instantiateCore(options.wasm);
  const status =
    [maxStreams, heapBytes, reservableBytes].every(Number.isInteger) &&
    heapBytes >= MIN_HEAP_BYTES &&
    reservableBytes >= 0
      ? exports.init(maxStreams, heapBytes + reservableBytes)
      : abi.STATUS_BAD_ARGUMENT;
  if (status === abi.STATUS_BAD_ARGUMENT) {
    throw new TorporError(
      'ERR_CORE_MEMORY',
      `a stream core for ${maxStreams} streams and ${heapBytes} + ${reservableBytes} bytes of buffers is out of bounds: choose 1 to 65536 streams and ${MIN_HEAP_BYTES} to 1073741824 bytes`,
    );
  }
  if (status < 0) {
    throw new TorporError(
      'ERR_CORE_MEMORY',
      `the memory for ${maxStreams} streams and ${heapBytes + reservableBytes} bytes of buffers was not granted (status ${status}): choose smaller sizes or free memory on this machine`,
    );
  }
  return new StreamCore(exports, reservableBytes);
}

/**
 * One stream core. Time is in ticks (`tickMs` each) of any clock that only moves forward; fractions are cut and values
 * above 2^32 wrap. Calls are synchronous; nothing here waits, logs or schedules.
 */
export class StreamCore {
  /** Milliseconds per tick. */
  readonly tickMs: number;
  readonly maxStreams: number;
  /** The most bytes `compressBlock` takes and `decompressBlock` restores. Bound by `heapBytes`, from which `openLinks` takes too. */
  readonly maxBlockBytes: number;

  readonly #exports: abi.CoreAbi;
  /** What `maxBlockBytes` can compress to. */
  readonly #maxPackedBytes: number;
  readonly #memory: Uint8Array;
  readonly #view: DataView;
  readonly #scratch: number;
  readonly #output: number;
  /** The output's first bytes, by how many; at most KEPT_VIEW_BYTES views. */
  readonly #outputViews: Uint8Array[] = [];
  readonly #expired: number;
  readonly #tally: number;
  /** How much of scratch and output has held bytes since they were wiped. */
  #scratchUsedBytes = 0;
  #outputUsedBytes = 0;
  #reservableBytes: number;

  /** Takes a module that is laid out already; use `loadCore`. */
  constructor(exports: abi.CoreAbi, reservableBytes = 0) {
    this.#exports = exports;
    this.#reservableBytes = reservableBytes;
    this.tickMs = exports.abi_tick_ms();
    this.maxStreams = exports.stream_capacity();
    // The memory never grows after its layout, so these views stay valid.
    this.#memory = new Uint8Array(exports.memory.buffer);
    this.#view = new DataView(exports.memory.buffer);
    this.#scratch = this.#allocate(SCRATCH_BYTES);
    this.#output = this.#allocate(OUTPUT_BYTES);
    this.#expired = this.#allocate(EXPIRY_BATCH * 4);
    this.#tally = this.#allocate(TALLY_BYTES);
    this.maxBlockBytes = largestBlockBytes(exports.heap_capacity() - reservableBytes - HEAP_RESERVE_BYTES);
    this.#maxPackedBytes = exports.lz4_compress_bound(this.maxBlockBytes);
  }

  /**
   * Opens a stream: active from now, idle `idleTimeoutTicks` (0 to 2^31-1) after its last activity.
   * Throws ERR_CORE_STREAMS_EXHAUSTED at `maxStreams`.
   */
  openStream(idleTimeoutTicks: number, nowTicks: number, hints: StreamHints = {}): StreamHandle {
    checkDelayTicks('idleTimeoutTicks', idleTimeoutTicks);
    const hint = abi.PROTOCOL_NAMES.indexOf(hints.protocol ?? 'auto');
    if (hint > abi.PROTOCOL_HINT_LAST)
      throw new RangeError(`${hints.protocol} is no protocol that a stream can be opened with`);
    const stream = this.#exports.stream_open(idleTimeoutTicks, nowTicks, hint, hints.port ?? 0, hints.family ?? 0);
    if (stream === abi.STATUS_STREAMS_EXHAUSTED) {
      throw new TorporError(
        'ERR_CORE_STREAMS_EXHAUSTED',
        `no stream could be opened: all ${this.maxStreams} slots of the core are taken; release streams or load the core with a larger maxStreams`,
        { retryable: true },
      );
    }
    const handle = this.#checkStream(stream, 'opened') as StreamHandle;
    if (hints.policy !== undefined) this.#exports.stream_policy(handle, switchesOf(hints.policy));
    return handle;
  }

  /**
   * Takes note of one chunk of any length; answers the `FLAG_` bits of abi.ts. A chunk within what `reserve` gave is judged
   * where it lies; any other is copied in first. A chunk of a closed stream is counted and answers 0. Throws
   * ERR_CORE_STREAM_UNKNOWN for a stale handle.
   */
  observe(stream: StreamHandle, direction: Direction, chunk: Uint8Array, nowTicks: number): number {
    let way: number = WAYS[direction];
    if (chunk.buffer === this.#memory.buffer) {
      return this.#checkStream(
        this.#exports.observe(stream, way, chunk.byteOffset, chunk.length, nowTicks),
        'observed',
      );
    }
    if (chunk.length <= SCRATCH_BYTES) return this.#observePiece(stream, way, chunk, nowTicks);
    let flags = 0;
    for (let start = 0; start < chunk.length; start += SCRATCH_BYTES) {
      flags |= this.#observePiece(stream, way, chunk.subarray(start, start + SCRATCH_BYTES), nowTicks);
      way |= abi.DIRECTION_CONTINUES;
    }
    return flags;
  }

  /**
   * Memory of the core itself, zero-filled, to read chunks into: `observe` does not copy them. It is given away for good, up to
   * the core's `reservableBytes`, a multiple of 256 bytes at a time; it never moves. Throws ERR_CORE_MEMORY beyond that.
   */
  reserve(bytes: number): Uint8Array<ArrayBuffer> {
    const grantedBytes = Math.ceil(bytes / RESERVE_UNIT_BYTES) * RESERVE_UNIT_BYTES;
    if (grantedBytes > this.#reservableBytes) {
      throw new TorporError(
        'ERR_CORE_MEMORY',
        `${bytes} bytes of the stream core could not be reserved: ${this.#reservableBytes} are left; load it with larger reservableBytes`,
      );
    }
    const pointer = this.#allocate(bytes);
    this.#reservableBytes -= grantedBytes;
    return new Uint8Array(this.#exports.memory.buffer, pointer, bytes);
  }

  /**
   * The client connection is over. An active stream stays active for `graceTicks` more and is then reported by
   * `advance`; an idle stream is reported by the next `advance`. Either way exactly once; closing twice changes nothing.
   */
  closeStream(stream: StreamHandle, graceTicks: number, nowTicks: number): void {
    checkDelayTicks('graceTicks', graceTicks);
    this.#checkStream(this.#exports.stream_close(stream, graceTicks, nowTicks), 'closed');
  }

  /** Forgets a stream in whatever state; it is not reported any more and its memory is wiped. The handle becomes stale. */
  releaseStream(stream: StreamHandle): void {
    this.#checkStream(this.#exports.stream_release(stream), 'released');
    this.#memory.fill(0, this.#scratch, this.#scratch + this.#scratchUsedBytes);
    this.#scratchUsedBytes = 0;
    this.#memory.fill(0, this.#output, this.#output + this.#outputUsedBytes);
    this.#outputUsedBytes = 0;
  }

  isActive(stream: StreamHandle): boolean {
    return this.#checkStream(this.#exports.stream_is_active(stream), 'read') === 1;
  }

  /** The tick (0 to 2^32-1) at which the stream goes idle if nothing comes, or at which it went. */
  deadlineTicks(stream: StreamHandle): number {
    return this.#checkStream(Number(this.#exports.stream_deadline(stream)), 'read');
  }

  /** Bytes and chunks per direction since the stream was opened. Exact up to 2^53. */
  tally(stream: StreamHandle): StreamTally {
    this.#checkStream(this.#exports.stream_tally(stream, this.#tally), 'read');
    const count = (index: number) => Number(this.#view.getBigUint64(this.#tally + index * 8, true));
    return { clientBytes: count(0), clientChunks: count(1), serverBytes: count(2), serverChunks: count(3) };
  }

  /** What the stream was told to be, and why its client's last chunk was judged as it was. */
  verdict(stream: StreamHandle): StreamVerdict {
    this.#checkStream(this.#exports.stream_verdict(stream, this.#tally), 'read');
    const at = this.#tally;
    const bits = this.#view.getUint8(at + 2);
    return {
      protocol: abi.PROTOCOL_NAMES[this.#view.getUint8(at)] ?? 'unknown',
      isTold: (bits & abi.VERDICT_TOLD) !== 0,
      isLost: (bits & abi.VERDICT_LOST) !== 0,
      reason: abi.REASON_NAMES[this.#view.getUint8(at + 1)] ?? 'none',
      packetBytes: this.#view.getUint16(at + 4, true),
      seen: this.#view.getUint16(at + 6, true),
      periodTicks: this.#view.getUint32(at + 8, true),
    };
  }

  /** Another idle timeout (0 to 2^31-1 ticks), counted from its last activity, and what its owner decides now. */
  changeStream(stream: StreamHandle, idleTimeoutTicks: number, policy: StreamPolicy, nowTicks: number): void {
    checkDelayTicks('idleTimeoutTicks', idleTimeoutTicks);
    this.#checkStream(this.#exports.stream_timeout(stream, idleTimeoutTicks, nowTicks), 'changed');
    this.#checkStream(this.#exports.stream_policy(stream, switchesOf(policy)), 'changed');
  }

  /** Makes the stream active without a byte of its own; what was learned stays. Answers whether it was idle. */
  touchStream(stream: StreamHandle, nowTicks: number): boolean {
    return this.#checkStream(this.#exports.stream_touch(stream, nowTicks), 'touched') === 1;
  }

  /**
   * Moves time on and calls back for each stream whose deadline passed: it is idle now, or its grace after the close is
   * over. At most `maxExpiries` (default: all that are due) are reported; the rest stays due for the next call. Answers how
   * many were. The callback may use the core in any way; where it throws, the others that are due are still reported and
   * the first error is thrown at the end.
   */
  advance(
    nowTicks: number,
    onExpired: (stream: StreamHandle) => void,
    maxExpiries: number = Number.POSITIVE_INFINITY,
  ): number {
    const failures: unknown[] = [];
    let reported = 0;
    let pending = true;
    while (pending && reported < maxExpiries) {
      const batch = this.#takeExpired(nowTicks, Math.min(EXPIRY_BATCH, maxExpiries - reported));
      pending = this.#exports.advance_pending() === 1;
      for (const stream of batch) {
        // A callback before this one may have released the stream, or fed it and made it active again.
        if (this.#exports.stream_is_active(stream) !== 0) continue;
        reported += 1;
        try {
          onExpired(stream);
        } catch (failure) {
          failures.push(failure);
        }
      }
    }
    if (failures.length > 0) throw failures[0];
    return reported;
  }

  /** The most bytes to which `bytes` can compress. Throws ERR_LZ4_INPUT_TOO_LARGE above the format's limit. */
  compressBound(bytes: number): number {
    const bound = Number.isInteger(bytes) && bytes >= 0 ? this.#exports.lz4_compress_bound(bytes) : -1;
    if (bound < 0 || bytes > 0x7fff_ffff) throw this.#lz4Error(abi.STATUS_LZ4_INPUT_TOO_LARGE, 'compress', bytes, 0);
    return bound;
  }

  /**
   * Compresses `src` into one LZ4 block at the start of `dst`; answers its bytes. `compressBound(src.length)` bytes always
   * suffice. Throws ERR_LZ4_OUTPUT_TOO_SMALL, and ERR_LZ4_INPUT_TOO_LARGE above `maxBlockBytes`.
   * Source: LZ4 Block Format Description, lz4_Block_format.md.
   */
  compressBlock(src: Uint8Array, dst: Uint8Array): number {
    return this.#compress(this.#exports.lz4_compress_block, src, dst);
  }

  /**
   * The same with high compression: smaller, at a tenth of the speed or less, and restored as fast by the same
   * `decompressBlock`. For slow links and stored data. Needs 385 KiB of the heap while it runs, wiped when it returns; throws
   * ERR_CORE_MEMORY too, where they are not there.
   */
  compressBlockHc(src: Uint8Array, dst: Uint8Array): number {
    const { lz4_hc_state_bytes, lz4_hc_init, lz4_hc_compress } = this.#exports;
    const stateBytes = lz4_hc_state_bytes(0, 0);
    const state = this.#allocate(stateBytes);
    try {
      lz4_hc_init(state, stateBytes, 0);
      return this.#compress((...ranges) => lz4_hc_compress(state, ...ranges), src, dst);
    } finally {
      this.#exports.buffer_free(state);
    }
  }

  /**
   * Restores one LZ4 block into the start of `dst`; answers its bytes. Throws ERR_LZ4_MALFORMED,
   * ERR_LZ4_OUTPUT_TOO_SMALL, and ERR_LZ4_INPUT_TOO_LARGE where the block restores to more than `maxBlockBytes`.
   */
  decompressBlock(src: Uint8Array, dst: Uint8Array): number {
    if (src.length > this.#maxPackedBytes) {
      throw this.#lz4Error(abi.STATUS_LZ4_INPUT_TOO_LARGE, 'restore', src.length, dst.length);
    }
    const capacity = Math.min(dst.length, this.maxBlockBytes, src.length * MAX_EXPANSION);
    let result: number;
    if (src.length <= SCRATCH_BYTES && capacity <= OUTPUT_BYTES) {
      this.#placeSource(src);
      result = this.#exports.lz4_decompress_block(this.#scratch, src.length, this.#output, capacity);
      this.#takeOutput(result, capacity, dst);
    } else {
      result = this.#transform(this.#exports.lz4_decompress_block, src, dst, capacity);
    }
    if (result < 0) {
      const beyondCore = result === abi.STATUS_LZ4_OUTPUT_TOO_SMALL && dst.length > this.maxBlockBytes;
      throw this.#lz4Error(beyondCore ? abi.STATUS_LZ4_INPUT_TOO_LARGE : result, 'restore', src.length, dst.length);
    }
    return result;
  }

  /**
   * Windows for linked blocks in this core's memory, of which they take a third at most, and 140 KiB to restore with. Blocks near
   * `maxBlockBytes` may then find no room. Throws ERR_CORE_MEMORY.
   */
  openLinks(options: LinkPoolOptions): LinkPool {
    return new LinkPool(this.#exports, options);
  }

  /** Histories of the streams of one compressed link, in this core's memory. Throws ERR_CORE_MEMORY. */
  openLinkCodec(options: LinkCodecOptions): LinkCodec {
    return new LinkCodec(this.#exports, options);
  }

  #observePiece(stream: StreamHandle, direction: number, piece: Uint8Array, nowTicks: number): number {
    this.#memory.set(piece, this.#scratch);
    if (piece.length > this.#scratchUsedBytes) this.#scratchUsedBytes = piece.length;
    return this.#checkStream(
      this.#exports.observe(stream, direction, this.#scratch, piece.length, nowTicks),
      'observed',
    );
  }

  #takeExpired(nowTicks: number, max: number): StreamHandle[] {
    const count = this.#exports.advance(nowTicks, this.#expired, Math.max(1, Math.trunc(max)));
    const batch: StreamHandle[] = [];
    for (let index = 0; index < count; index += 1) {
      batch.push(this.#view.getInt32(this.#expired + index * 4, true) as StreamHandle);
    }
    return batch;
  }

  #compress(run: abi.CoreAbi['lz4_compress_block'], src: Uint8Array, dst: Uint8Array): number {
    if (src.length > this.maxBlockBytes) {
      throw this.#lz4Error(abi.STATUS_LZ4_INPUT_TOO_LARGE, 'compress', src.length, dst.length);
    }
    let result: number;
    if (src.length <= SCRATCH_BYTES) {
      this.#placeSource(src);
      const capacity = Math.min(dst.length, OUTPUT_BYTES);
      result = run(this.#scratch, src.length, this.#output, capacity);
      this.#takeOutput(result, capacity, dst);
    } else {
      const capacity = Math.min(dst.length, this.#exports.lz4_compress_bound(src.length));
      result = this.#transform(run, src, dst, capacity);
    }
    if (result < 0) throw this.#lz4Error(result, 'compress', src.length, dst.length);
    return result;
  }

  #placeSource(src: Uint8Array): void {
    this.#memory.set(src, this.#scratch);
    if (src.length > this.#scratchUsedBytes) this.#scratchUsedBytes = src.length;
  }

  /** Copies a result out; where there is none the output may have been written to up to its capacity. */
  #takeOutput(result: number, capacity: number, dst: Uint8Array): void {
    const used = result < 0 ? capacity : Math.min(capacity, result + DECODER_SPILL_BYTES);
    if (used > this.#outputUsedBytes) this.#outputUsedBytes = used;
    if (result > 0) dst.set(result < KEPT_VIEW_BYTES ? this.#viewOutput(result) : this.#cutOutput(result));
  }

  #viewOutput(bytes: number): Uint8Array {
    while (this.#outputViews.length <= bytes) this.#outputViews.push(this.#cutOutput(this.#outputViews.length));
    return this.#outputViews[bytes] as Uint8Array;
  }

  #cutOutput(bytes: number): Uint8Array {
    return this.#memory.subarray(this.#output, this.#output + bytes);
  }

  /** Runs one LZ4 function over copies of `src` and `dst` in the core. Both copies are wiped when they are given back. */
  #transform(run: abi.CoreAbi['lz4_compress_block'], src: Uint8Array, dst: Uint8Array, capacity: number): number {
    const from = this.#allocate(src.length);
    try {
      const to = this.#allocate(capacity);
      try {
        this.#memory.set(src, from);
        const result = run(from, src.length, to, capacity);
        if (result > 0) dst.set(this.#memory.subarray(to, to + result));
        return result;
      } finally {
        this.#exports.buffer_free(to);
      }
    } finally {
      this.#exports.buffer_free(from);
    }
  }

  #allocate(bytes: number): number {
    const pointer = this.#exports.buffer_alloc(bytes);
    if (pointer === 0) {
      throw new TorporError(
        'ERR_CORE_MEMORY',
        `the stream core has no ${bytes} bytes left for a buffer: load it with larger heapBytes`,
      );
    }
    return pointer;
  }

  #checkStream(result: number, deed: string): number {
    if (result >= 0) return result;
    throw new TorporError(
      'ERR_CORE_STREAM_UNKNOWN',
      `a stream could not be ${deed}: its handle is stale or from another core (status ${result}); a handle is not to be used after releaseStream`,
    );
  }

  #lz4Error(status: number, deed: string, srcBytes: number, dstBytes: number): TorporError {
    if (status === abi.STATUS_LZ4_OUTPUT_TOO_SMALL) {
      const advice = deed === 'compress' ? 'give it compressBound(src.length) bytes' : 'give it a larger destination';
      return new TorporError(
        'ERR_LZ4_OUTPUT_TOO_SMALL',
        `could not ${deed} an LZ4 block of ${srcBytes} bytes: the result does not fit into ${dstBytes} bytes; ${advice}`,
      );
    }
    if (status === abi.STATUS_LZ4_INPUT_TOO_LARGE) {
      return new TorporError(
        'ERR_LZ4_INPUT_TOO_LARGE',
        `could not ${deed} an LZ4 block of ${srcBytes} bytes: this core's limit is ${this.maxBlockBytes} bytes of content; cut it into blocks or load the core with larger heapBytes`,
      );
    }
    const what = status === abi.STATUS_LZ4_BAD_OFFSET ? 'a match reaches before the first byte' : 'it is cut short';
    return new TorporError(
      'ERR_LZ4_MALFORMED',
      `could not ${deed} an LZ4 block of ${srcBytes} bytes: ${what} (status ${status}); the data is damaged or no LZ4 block`,
    );
  }
}

/** The largest n for which n bytes and their compressed bound fit into the heap beside each other. */
function largestBlockBytes(heapBytes: number): number {
  return Math.floor(((heapBytes - 16) * 255) / 511);
}

function checkDelayTicks(name: string, ticks: number): void {
  if (ticks >= 0 && ticks <= 0x7fff_ffff) return;
  throw new RangeError(`${name} is ${ticks}: a delay of a stream is 0 to 2147483647 ticks`);
}

const INPUT_SWITCHES = { active: 0, moves: abi.POLICY_PERIODIC_MOVES, ignore: abi.POLICY_PERIODIC_INPUT } as const;

/** Those of the policy's switches that the module knows, as its POLICY_ bits. */
function switchesOf(policy: StreamPolicy): number {
  const input = INPUT_SWITCHES[policy.periodicInput];
  return policy.periodicRequests === 'active' ? input | abi.POLICY_PERIODIC_REQUESTS : input;
}
