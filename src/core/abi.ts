// The binary interface of the stream core (build/torpor-core.wasm) in one place: exports, statuses, flags. Calls nothing.

/** The version of this interface. The module answers it from `abi_version`; load.ts refuses any other. */
export const ABI_VERSION = 2;

/**
 * Everything the module exports. All parameters and results are 32-bit integers unless a line says otherwise; pointers
 * are byte offsets into `memory`. A negative result is one of the `STATUS_` constants; no call traps on a wrong argument.
 *
 * Ranges handed in (`pointer`, `lengthBytes`) must lie within one live buffer of `buffer_alloc`, else the answer is
 * STATUS_BAD_RANGE; an empty range may have any pointer. Time (`now`) is a u32 of ticks that may wrap; two successive
 * calls may be at most 2^31-1 ticks apart, and a `now` that steps back expires nothing early.
 */
export interface CoreAbi {
  /** Starts at 64 MiB of address space and grows at most once, in `init`. */
  readonly memory: { readonly buffer: ArrayBuffer };
  abi_version(): number;
  /** Length of one tick in milliseconds. */
  abi_tick_ms(): number;
  /**
   * Lays out the memory for `maxStreams` (1..65,536) and `heapBytes` (1..1 GiB) of buffers. May be called once, before
   * anything was opened or allocated; without it the first such call takes the default layout.
   * Answers 0, STATUS_BAD_ARGUMENT, STATUS_ALREADY_LAID_OUT or STATUS_NO_MEMORY.
   */
  init(maxStreams: number, heapBytes: number): number;
  /** Stream slots of the layout; 0 before there is one. */
  stream_capacity(): number;
  /** Bytes of the layout that buffers share; 0 before there is one. */
  heap_capacity(): number;

  /** A zero-filled buffer, 256-byte aligned, or 0 where no free range is large enough. Zero bytes make a valid buffer. */
  buffer_alloc(bytes: number): number;
  /** Wipes a buffer and gives it back. 0, or STATUS_NOT_A_BUFFER (freed before, never allocated, inside a buffer). */
  buffer_free(pointer: number): number;

  /** Largest size to which `bytes` can compress, or STATUS_LZ4_INPUT_TOO_LARGE above 2,113,929,216. */
  lz4_compress_bound(bytes: number): number;
  /**
   * Compresses into one LZ4 block; answers its bytes. Source and destination must not overlap. Beyond the answered
   * bytes the destination's content is unspecified, within its capacity.
   */
  lz4_compress_block(src: number, srcBytes: number, dst: number, dstCapacityBytes: number): number;
  /** Restores one LZ4 block; answers its bytes. Safe on any input: never reads or writes outside the two ranges. */
  lz4_decompress_block(src: number, srcBytes: number, dst: number, dstCapacityBytes: number): number;

  /**
   * Makes a live buffer the window of one direction of one stream of linked blocks: `windowBytes` (256..65,536) of
   * history, for an encoder (`encodes` 1) or a decoder (0). The largest block is what is left of `stateBytes` beyond
   * the window, 32 bytes and an encoder's 16 KiB.
   */
  lz4_link_init(state: number, stateBytes: number, windowBytes: number, encodes: number): number;
  /** Forgets the history. */
  lz4_link_reset(state: number): number;
  /**
   * Compresses a block against the window and takes its bytes into it; answers the block's bytes. After
   * STATUS_LZ4_OUTPUT_TOO_SMALL the bytes are in the window too: send them stored, and the peer appends them.
   */
  lz4_link_compress(state: number, src: number, srcBytes: number, dst: number, dstCapacityBytes: number): number;
  /** Restores a linked block of at most `maxBytes` into the window; answers its bytes, which lie at `lz4_link_output`. */
  lz4_link_decompress(state: number, src: number, srcBytes: number, maxBytes: number): number;
  /** Takes bytes that came stored into the window. */
  lz4_link_append(state: number, src: number, srcBytes: number): number;
  /** Where the window's last `lastBytes` lie, until the next call on it; 0 where it holds fewer. */
  lz4_link_output(state: number, lastBytes: number): number;
  /** Makes 64 bytes of a live buffer the XXH32 of nothing yet. */
  xxh32_init(state: number, seed: number): number;
  xxh32_update(state: number, src: number, srcBytes: number): number;
  /** The checksum so far, as a signed number of the same 32 bits. */
  xxh32_digest(state: number): number;

  /**
   * Opens a stream that is active, with its deadline `idleTimeoutTicks` (0..2^31-1) from now. `hint` is an index of
   * PROTOCOL_NAMES up to PROTOCOL_HINT_LAST (0: raw, every client byte is activity), `port` the target's (0: says nothing),
   * `family` what the streams of one client share (0: nothing). Answers its handle (positive), STATUS_STREAMS_EXHAUSTED or
   * STATUS_BAD_ARGUMENT.
   */
  stream_open(idleTimeoutTicks: number, now: number, hint?: number, port?: number, family?: number): number;
  /** Activity of which the bytes say nothing: moves the deadline. Answers 1 where the stream was idle, else 0. */
  stream_touch(stream: number, now: number): number;
  /**
   * Writes why the client's last chunk was judged as it was: u8 protocol, u8 reason, u8 bits (1: lost its place, 2: protocol
   * told), u8 0, u16 packet size, u16 seen, u32 period in ticks. Answers 12.
   */
  stream_verdict(stream: number, out: number): number;
  /**
   * The client connection is over. An active stream is reported by `advance` at now + graceTicks, an idle one by the
   * next `advance`; either exactly once. Closing twice changes nothing.
   */
  stream_close(stream: number, graceTicks: number, now: number): number;
  /** Forgets a stream in whatever state, wipes its slot and makes every copy of the handle stale. */
  stream_release(stream: number): number;
  /** 1 while the stream counts as active, 0 after it was reported. */
  stream_is_active(stream: number): number;
  /** 64-bit: the tick at which the stream goes idle (or went), 0..2^32-1, or a negative status. */
  stream_deadline(stream: number): bigint;
  /** Writes four 64-bit little-endian counts: client bytes, client chunks, server bytes, server chunks. Answers 32. */
  stream_tally(stream: number, out: number): number;
  /**
   * Takes note of one chunk; answers `FLAG_` bits. `direction` is a `DIRECTION_` constant. The chunk is left as it was, so
   * that it may lie in a buffer that it is sent on from.
   */
  observe(stream: number, direction: number, pointer: number, lengthBytes: number, now: number): number;
  /**
   * Moves time on and writes the handles of streams that expired to `out` (4 bytes each), `max` (1..65,536) at most;
   * answers how many. It handles at most `max` timers per call, so it may answer fewer while more are due: repeat with
   * the same `now` while `advance_pending` answers 1.
   */
  advance(now: number, out: number, max: number): number;
  advance_pending(): number;
}

/** The exports that are functions, by name: what a module must have to be the stream core. */
export const CORE_FUNCTIONS = [
  'abi_version',
  'abi_tick_ms',
  'init',
  'stream_capacity',
  'heap_capacity',
  'buffer_alloc',
  'buffer_free',
  'lz4_compress_bound',
  'lz4_compress_block',
  'lz4_decompress_block',
  'lz4_link_init',
  'lz4_link_reset',
  'lz4_link_compress',
  'lz4_link_decompress',
  'lz4_link_append',
  'lz4_link_output',
  'xxh32_init',
  'xxh32_update',
  'xxh32_digest',
  'stream_open',
  'stream_touch',
  'stream_verdict',
  'stream_close',
  'stream_release',
  'stream_is_active',
  'stream_deadline',
  'stream_tally',
  'observe',
  'advance',
  'advance_pending',
] as const satisfies ReadonlyArray<Exclude<keyof CoreAbi, 'memory'>>;

/** A number is outside its documented bounds, or source and destination overlap. */
export const STATUS_BAD_ARGUMENT = -1;
/** A pointer and length that do not lie within one live buffer. */
export const STATUS_BAD_RANGE = -2;
/** The host did not grant the memory that the layout needs. */
export const STATUS_NO_MEMORY = -3;
/** `init` after a layout exists. */
export const STATUS_ALREADY_LAID_OUT = -4;
/** `buffer_free` of something that is not a live buffer's start. */
export const STATUS_NOT_A_BUFFER = -5;
/** Every stream slot is taken. */
export const STATUS_STREAMS_EXHAUSTED = -6;
/** The handle is stale or was never given out. */
export const STATUS_STREAM_UNKNOWN = -7;
/** More bytes than the LZ4 block format's limit of 2,113,929,216. */
export const STATUS_LZ4_INPUT_TOO_LARGE = -16;
/** The result does not fit into the destination. */
export const STATUS_LZ4_OUTPUT_TOO_SMALL = -17;
/** The block ends inside a sequence, or a length runs past its end. */
export const STATUS_LZ4_TRUNCATED = -18;
/** A match with offset 0, or one that reaches before the first output byte. */
export const STATUS_LZ4_BAD_OFFSET = -19;

/** The chunk counts as a person's activity: the stream's deadline moved to now + its idle timeout. */
export const FLAG_ACTIVE = 1;
/** All of the chunk is explained without a person behind it. */
export const FLAG_CHATTER = 2;
/** Machine work that a person waits for, such as a file copy. Comes with FLAG_ACTIVE. */
export const FLAG_WORK = 4;
/** The stream's protocol is told. */
export const FLAG_RECOGNISED = 8;
/** A parser lost its place in the stream: all of this client's bytes count from then on. */
export const FLAG_LOST = 16;
/** The stream was idle and became active with this chunk. */
export const FLAG_ENTERED = 32;

export const DIRECTION_CLIENT = 0;
export const DIRECTION_SERVER = 1;
/** Added to a direction: these bytes continue the chunk of the call before and do not count as another one. */
export const DIRECTION_CONTINUES = 2;

/** Protocols by their number in the module. Up to PROTOCOL_HINT_LAST they may be hints of `stream_open`. */
export const PROTOCOL_NAMES = [
  'raw',
  'auto',
  'ssh',
  'rdp',
  'rfb',
  'spice',
  'telnet',
  'http',
  'websocket',
  'tls',
  'mqtt',
  'irc',
  'nbd',
  'iscsi',
  'print',
  'postgres',
  'mysql',
  'rdp-tls',
  'rfb-tls',
  'unknown',
] as const;
export const PROTOCOL_HINT_LAST = 16;

/** Reasons by their number in the module: asm/activity/reasons.ts says what each one means. */
export const REASON_NAMES = [
  'none',
  'bytes',
  'handshake',
  'input',
  'unknown-message',
  'lost',
  'unexplained',
  'learning',
  'surplus',
  'echo',
  'work',
  'protocol',
  'timer',
  'reply',
  'poll',
] as const;

/** Bits of a verdict. */
export const VERDICT_LOST = 1;
export const VERDICT_TOLD = 2;
