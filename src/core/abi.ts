// The binary interface of the stream core (build/torpor-core.wasm) in one place: exports, statuses, flags. Calls nothing.

/** The version of this interface. The module answers it from `abi_version`; load.ts refuses any other. */
export const ABI_VERSION = 3;

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
   * Makes a live buffer, from its start, one direction of one stream of linked blocks: an encoder (`encodes` 1) or a decoder (0). It holds
   * `stateBytes` less 32 and an encoder's table of the stream's bytes; when they are full all but the last `windowBytes`
   * (256..65,536) are dropped. The table takes 512 bytes, doubled while `stateBytes` is above 4.5 times of it, 16 KiB at
   * most. LINK_TIERS has sizes that fit each other.
   *
   * An encoder reaches back over all that it holds (over `windowBytes` where that is more than 64 KiB). Its decoder is in
   * step if it holds as much, drops as much, and is told each block's exact size. A decoder that holds 65,536 bytes
   * beside the largest block, with `windowBytes` 65,536, follows any encoder.
   */
  lz4_link_init(state: number, stateBytes: number, windowBytes: number, encodes: number): number;
  /**
   * Makes a live buffer a link that goes on where another stands, larger or smaller; both ends do so between the same two
   * blocks. The other one stays as it is, to be freed by the host. Encoders: up to 64 KiB of bytes held.
   */
  lz4_link_move(state: number, to: number, toBytes: number, windowBytes: number): number;
  /** Forgets the history. */
  lz4_link_reset(state: number): number;
  /**
   * Compresses a block against the history and takes its bytes into it; answers the block's bytes. After
   * STATUS_LZ4_OUTPUT_TOO_SMALL the bytes are in the history too: send them stored, and the peer appends them. Room for
   * `lz4_compress_bound` is faster than a tight capacity.
   */
  lz4_link_compress(state: number, src: number, srcBytes: number, dst: number, dstCapacityBytes: number): number;
  /** Restores a linked block of at most `maxBytes` into the history; answers its bytes, which lie at `lz4_link_output`. */
  lz4_link_decompress(state: number, src: number, srcBytes: number, maxBytes: number): number;
  /** Takes bytes that came stored into the history. */
  lz4_link_append(state: number, src: number, srcBytes: number): number;
  /** Where the history's last `lastBytes` lie, until the next call on it; 0 where it holds fewer. */
  lz4_link_output(state: number, lastBytes: number): number;
  /**
   * Bytes that a state of high compression needs: for blocks of up to `maxBlockBytes` that repeat from a window of
   * `windowBytes` (256..65,536) before them, or for blocks of any size that stand alone (0). The rest of it is 393,296 bytes
   * of tables. STATUS_BAD_ARGUMENT for another window or more than 1 GiB.
   */
  lz4_hc_state_bytes(windowBytes: number, maxBlockBytes: number): number;
  /** Makes a live buffer such a state. What it has beyond `lz4_hc_state_bytes` lets the window slide less often. */
  lz4_hc_init(state: number, stateBytes: number, windowBytes: number): number;
  /** Forgets the history. */
  lz4_hc_reset(state: number): number;
  /**
   * Compresses into one LZ4 block as small as a search of many matches makes it; answers its bytes. With a window the block
   * repeats from it and enters it, also after STATUS_LZ4_OUTPUT_TOO_SMALL: then send it stored, and the peer appends it. Any
   * decoder reads it, `lz4_decompress_block` where blocks stand alone and `lz4_link_decompress` where not. State, source and
   * destination must not overlap. STATUS_BAD_ARGUMENT too where the block is larger than the state was made for.
   */
  lz4_hc_compress(state: number, src: number, srcBytes: number, dst: number, dstCapacityBytes: number): number;
  /** Takes bytes that were sent in another way into the window. */
  lz4_hc_append(state: number, src: number, srcBytes: number): number;
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
  /** What the stream's owner decides where bytes alone cannot tell: `POLICY_` bits, in place of those before; none at first. */
  stream_policy(stream: number, switches: number): number;
  /** Another idle timeout (0..2^31-1 ticks), from the last activity on. STATUS_STREAM_UNKNOWN, STATUS_BAD_ARGUMENT. */
  stream_timeout(stream: number, idleTimeoutTicks: number, now: number): number;
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

  /** Bytes of a table of `timers` (1..2^24), or STATUS_BAD_ARGUMENT. */
  timers_bytes(timers: number): number;
  /** Makes a live buffer of at least that size a table in which no timer runs. */
  timers_init(table: number, tableBytes: number, timers: number, now: number): number;
  /** Starts a timer, or starts it anew: `deadline` lies 0..2^31-1 ticks after `now`. */
  timers_start(table: number, timer: number, deadline: number, now: number): number;
  timers_stop(table: number, timer: number): number;
  /**
   * Where timer 0's deadline lies (u32), each further one 12 bytes behind; 0 where there is no table. A host puts off a timer that
   * runs by storing a later deadline there.
   */
  timers_deadlines(table: number): number;
  /** As `advance`: writes the numbers of the timers that expired to `out`, and handles `max` (1..65,536) timers at most. */
  timers_advance(table: number, now: number, out: number, max: number): number;
  timers_pending(table: number): number;
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
  'lz4_link_move',
  'lz4_link_reset',
  'lz4_link_compress',
  'lz4_link_decompress',
  'lz4_link_append',
  'lz4_link_output',
  'lz4_hc_state_bytes',
  'lz4_hc_init',
  'lz4_hc_reset',
  'lz4_hc_compress',
  'lz4_hc_append',
  'xxh32_init',
  'xxh32_update',
  'xxh32_digest',
  'stream_open',
  'stream_touch',
  'stream_policy',
  'stream_timeout',
  'stream_verdict',
  'stream_close',
  'stream_release',
  'stream_is_active',
  'stream_deadline',
  'stream_tally',
  'observe',
  'advance',
  'advance_pending',
  'timers_bytes',
  'timers_init',
  'timers_start',
  'timers_stop',
  'timers_deadlines',
  'timers_advance',
  'timers_pending',
] as const satisfies ReadonlyArray<Exclude<keyof CoreAbi, 'memory'>>;

/** Sizes of one direction of a linked stream, in bytes. Encoder and decoder of one tier are in step. */
export interface LinkTier {
  readonly encoderBytes: number;
  readonly decoderBytes: number;
  readonly windowBytes: number;
  /** The largest block that leaves the window whole. */
  readonly blockBytes: number;
}

/** From a stream that has just begun to a busy one. An encoder's table takes 2/9. */
export const LINK_TIERS: readonly [LinkTier, LinkTier, LinkTier] = [
  { encoderBytes: 18_432, decoderBytes: 14_336, windowBytes: 8192, blockBytes: 6112 },
  { encoderBytes: 36_864, decoderBytes: 28_672, windowBytes: 16_384, blockBytes: 12_256 },
  { encoderBytes: 73_728, decoderBytes: 57_344, windowBytes: 32_768, blockBytes: 24_544 },
];

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

/** Input that keeps a period, as a mouse jiggler's does, does not count. */
export const POLICY_PERIODIC_INPUT = 1;
/** Requests count though they keep a period. */
export const POLICY_PERIODIC_REQUESTS = 2;
/** Movements of a pointer by themselves that keep a period do not count. */
export const POLICY_PERIODIC_MOVES = 4;

export const DIRECTION_CLIENT = 0;
export const DIRECTION_SERVER = 1;
/** Added to a direction: these bytes continue the chunk of the call before and do not count as another one. */
export const DIRECTION_CONTINUES = 2;
/** Added to the client's: these bytes are held back, so that no server can answer them. */
export const DIRECTION_HELD = 4;

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
  'http2',
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
