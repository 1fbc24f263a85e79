// The memory map: where each table lies, how large it is, and the one call that decides it. Leaves the content to its owners.
//
//   0         never used, so that 0 is no buffer; the compiler's own constants, if it has any
//   65,536    the LZ4 encoder's hash table
//   131,072   polls               POLL_SETS sets, then HEAD_SCRATCH
//   196,864   stream records      STREAM_BYTES each
//             timing wheel        see timers/timing-wheel.ts; a node of links per stream
//             arena map           one u32 per granule of the heap
//             heap                buffers; then a page that is never used
import { STATUS_ALREADY_LAID_OUT, STATUS_BAD_ARGUMENT, STATUS_NO_MEMORY, STATUS_OK } from './status';
import { WHEEL_LINK_BYTES, WHEEL_NODES } from './timers/timing-wheel';

/** A handle keeps the stream's index in 16 bits. */
export const MAX_STREAMS: u32 = 65536;
/** All pointers stay below 2^31, so that a pointer is never mistaken for a status. */
export const MAX_HEAP_BYTES: u32 = 1 << 30;

/** Without `init`: sizes that fit into the memory the module starts with (64 MiB, see asconfig.json), so nothing grows. */
const DEFAULT_MAX_STREAMS: u32 = 16384;
const DEFAULT_HEAP_BYTES: u32 = 56 << 20;

export const LZ4_TABLE_BASE: usize = 0x10000;
export const LZ4_TABLE_MAX_BYTES: u32 = 0x10000;

/** Learned polls of all streams; activity/polls.ts owns their content. */
export const POLLS_BASE: usize = 0x20000;
export const POLL_SETS: u32 = 1024;
/** First bytes of a stream, while they are shown to the parser that they called for. */
export const HEAD_SCRATCH: usize = 0x30000;

const STREAMS_BASE: usize = 0x30100;
/** One stream's record; its fields stand in activity/streams.ts, tally.ts and state.ts. */
export const STREAM_BYTES: u32 = 192;

/** Unit in which the arena gives memory away. */
export const GRANULE_BYTES: u32 = 256;

const PAGE_BYTES: u32 = 65536;
/** Behind the heap: a position of 16 bits beyond a buffer, which a host wrote into a table, is read without a trap. */
const GUARD_PAGES: i32 = 1;

export let maxStreams: u32 = 0;
export const streamsBase: usize = STREAMS_BASE;
export let wheelBase: usize = 0;
export let arenaMapBase: usize = 0;
export let heapBase: usize = 0;
export let granules: u32 = 0;

/**
 * Lays out the memory for `streams` (1..MAX_STREAMS) stream slots and `heapBytes` (1..MAX_HEAP_BYTES, rounded up to
 * granules) of buffers; grows it where needed, for the only time. Once, and before anything was opened or allocated.
 */
export function init(streams: u32, heapBytes: u32): i32 {
  if (maxStreams !== 0) return STATUS_ALREADY_LAID_OUT;
  if (streams === 0 || streams > MAX_STREAMS) return STATUS_BAD_ARGUMENT;
  if (heapBytes === 0 || heapBytes > MAX_HEAP_BYTES) return STATUS_BAD_ARGUMENT;

  const wheel = STREAMS_BASE + streams * STREAM_BYTES;
  const map = wheel + WHEEL_NODES + streams * WHEEL_LINK_BYTES;
  const count = (heapBytes + GRANULE_BYTES - 1) / GRANULE_BYTES;
  const heap = alignUp(map + count * 4, 4096);
  const pages = <i32>((heap + count * GRANULE_BYTES + PAGE_BYTES - 1) / PAGE_BYTES) + GUARD_PAGES;
  const missing = pages - memory.size();
  if (missing > 0 && memory.grow(missing) < 0) return STATUS_NO_MEMORY;

  maxStreams = streams;
  wheelBase = wheel;
  arenaMapBase = map;
  heapBase = heap;
  granules = count;
  return STATUS_OK;
}

/** Takes the default layout where the host did not call `init`. False where there is no memory for it. */
export function ensureLayout(): bool {
  return maxStreams !== 0 || init(DEFAULT_MAX_STREAMS, DEFAULT_HEAP_BYTES) === STATUS_OK;
}

/** Stream slots of the layout; 0 before there is one. */
export function streamCapacity(): u32 {
  return maxStreams;
}

/** Bytes of the layout that buffers share; 0 before there is one. */
export function heapCapacity(): u32 {
  return granules * GRANULE_BYTES;
}

function alignUp(address: usize, alignment: usize): usize {
  return (address + alignment - 1) & ~(alignment - 1);
}
