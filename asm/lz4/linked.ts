// Linked blocks: both ends of a stream keep the same last bytes, and a block may repeat from them. Keeps that history for one
// direction of one stream, in a buffer of the host's. Leaves to the host which messages it sends stored, and how large a
// state it gives to whom.
//
// A state is one live buffer, from its start:
//   0   capacity of the area in bytes   4   window: bytes of history that stay when the area is full, and (in an area above
//       64 KiB) how far an encoder reaches back
//   8   bytes in the area               12  position of the area's first byte      16  bits of the encoder's table, or 0
//   32  the encoder's table, then the area: history, and behind it the bytes of the block at work
import { bufferBytesAt, isInLastSource, isInLastTarget, isLiveRange, isLiveSource, isLiveTarget } from '../arena';
import { STATUS_BAD_ARGUMENT, STATUS_BAD_RANGE, STATUS_LZ4_OUTPUT_TOO_SMALL, STATUS_OK } from '../status';
import { decodeSequences } from './block-decode';
import { MIN_COMPRESSIBLE } from './constants';
import { copyExactly, copyPadded, loadPadded, mayOverlap, rangesOverlap, STEP_BYTES } from './copy';
import { encodeSequences, SlidingWindow, SmallWindow } from './encode-sequences';
import { BLOCK_TABLE_BITS, clearTable, copyTable, slideTable, tableBytes } from './hash-table';

const HEADER_BYTES: u32 = 32;
const MIN_WINDOW_BYTES: u32 = 256;
const MAX_WINDOW_BYTES: u32 = 65536;
/** An area up to here is reached by offsets and by 16-bit positions as a whole. */
const SMALL_AREA_BYTES: u32 = 65536;
const MIN_TABLE_BITS: u32 = 8;

/**
 * Makes the `stateBytes` at `state` a link for an encoder (`encodes` 1) or a decoder (0). Beyond 32 bytes and an encoder's
 * table (see `tableBitsFor`) they hold bytes of the stream; when they are full all but the last `windowBytes` (256 to 65,536)
 * are dropped, and fewer stay where a block needs the room.
 *
 * An encoder reaches back over all that it holds (over `windowBytes`, where that is more than 64 KiB). A decoder follows it if
 * it is in step: as many bytes beyond table and header, the same `windowBytes`, and told each block's exact size. Or if it
 * holds 65,536 bytes beside the largest block, with `windowBytes` 65,536: such a one follows any encoder.
 */
export function initLink(state: usize, stateBytes: u32, windowBytes: u32, encodes: u32): i32 {
  if (windowBytes < MIN_WINDOW_BYTES || windowBytes > MAX_WINDOW_BYTES || encodes > 1) return STATUS_BAD_ARGUMENT;
  const bits = encodes === 0 ? 0 : tableBitsFor(stateBytes);
  const fixed = HEADER_BYTES + <u32>tableBytesOf(bits);
  if (stateBytes <= fixed + windowBytes || stateBytes > 1 << 30) return STATUS_BAD_ARGUMENT;
  if (stateBytes > bufferBytesAt(state)) return STATUS_BAD_RANGE;
  store<u32>(state, stateBytes - fixed);
  store<u32>(state, windowBytes, 4);
  store<u32>(state, bits, 16);
  forgetHistory(state);
  return STATUS_OK;
}

/** Begins anew, without history: what follows does not depend on what went before. */
export function resetLink(state: usize): i32 {
  if (areaOf(state) === 0) return STATUS_BAD_RANGE;
  forgetHistory(state);
  return STATUS_OK;
}

/**
 * Compresses a block that may repeat from the history, and takes its bytes into it. Answers the block's bytes, or a negative
 * status. After STATUS_LZ4_OUTPUT_TOO_SMALL the bytes are in the history all the same: they are to be sent stored.
 */
export function compressLinked(state: usize, src: usize, srcBytes: u32, dst: usize, dstCapacity: u32): i32 {
  const area = areaOf(state);
  if (area === 0 || load<u32>(state, 16) === 0) return STATUS_BAD_RANGE;
  if (!isInLastSource(src, srcBytes) && !isLiveSource(src, srcBytes)) return STATUS_BAD_RANGE;
  if (!isInLastTarget(dst, dstCapacity) && !isLiveTarget(dst, dstCapacity)) return STATUS_BAD_RANGE;
  const capacity = load<u32>(state);
  const stateBytes = <u32>(area - state) + capacity;
  const isClose =
    u32(mayOverlap(state, stateBytes, src, srcBytes)) |
    u32(mayOverlap(state, stateBytes, dst, dstCapacity)) |
    u32(mayOverlap(src, srcBytes, dst, dstCapacity));
  if (isClose !== 0 && anyOverlap(state, stateBytes, src, srcBytes, dst, dstCapacity)) return STATUS_BAD_ARGUMENT;
  if (srcBytes > capacity - load<u32>(state, 8) && !makeRoom(state, area, srcBytes)) return STATUS_BAD_ARGUMENT;

  const used = load<u32>(state, 8);
  const from = area + used;
  store<u32>(state, used + srcBytes, 8);
  const isRoomy = capacity - used >= <u32>STEP_BYTES;
  // Too short for a match: nothing to remember.
  if (srcBytes < MIN_COMPRESSIBLE) return takeShort(from, src, srcBytes, dst, dstCapacity, isRoomy);
  if (ASC_FEATURE_SIMD && srcBytes <= <u32>STEP_BYTES && isRoomy) v128.store(from, loadPadded(src, srcBytes));
  else copyPadded(from, src, srcBytes, area + capacity);
  const end = encodeLast(state, area, from, from + srcBytes, dst, dst + dstCapacity);
  return end === 0 ? STATUS_LZ4_OUTPUT_TOO_SMALL : <i32>(end - dst);
}

/** Puts a message of less than MIN_COMPRESSIBLE bytes at `to` and, as a block of literals, at `dst`. */
function takeShort(to: usize, src: usize, bytes: u32, dst: usize, dstCapacity: u32, isRoomy: bool): i32 {
  if (dstCapacity <= bytes) {
    copyExactly(to, src, bytes);
    return STATUS_LZ4_OUTPUT_TOO_SMALL;
  }
  store<u8>(dst, <u8>(bytes << 4));
  if (ASC_FEATURE_SIMD && isRoomy && dstCapacity > <u32>STEP_BYTES && bytes !== 0) {
    const padded = loadPadded(src, bytes);
    v128.store(to, padded);
    v128.store(dst, padded, 1);
  } else {
    copyExactly(to, src, bytes);
    copyExactly(dst + 1, src, bytes);
  }
  return bytes + 1;
}

function anyOverlap(a: usize, aBytes: u32, b: usize, bBytes: u32, c: usize, cBytes: u32): bool {
  return (
    rangesOverlap(a, aBytes, b, bBytes) || rangesOverlap(a, aBytes, c, cBytes) || rangesOverlap(b, bBytes, c, cBytes)
  );
}

/** Compresses the bytes from `from` on, which are the last of the area. */
function encodeLast(state: usize, area: usize, from: usize, end: usize, dst: usize, dstEnd: usize): usize {
  const table = state + HEADER_BYTES;
  const shift: u64 = 63 - <u64>load<u32>(state, 16);
  if (load<u32>(state) <= SMALL_AREA_BYTES) {
    return encodeSequences<SmallWindow>(from, end, dst, dstEnd, table, shift, area, area);
  }
  const lowest = from - min<usize>(from - area, load<u32>(state, 4));
  return encodeSequences<SlidingWindow>(from, end, dst, dstEnd, table, shift, area - load<u32>(state, 12), lowest);
}

/**
 * Restores a linked block of at most `maxBytes` into the history; answers its bytes, which lie at `linkOutput`, or a negative
 * status, after which no more than what is kept of the history has changed.
 */
export function decompressLinked(state: usize, src: usize, srcBytes: u32, maxBytes: u32): i32 {
  const area = areaOf(state);
  if (area === 0 || !isLiveRange(src, srcBytes)) return STATUS_BAD_RANGE;
  if (rangesOverlap(state, <u32>(area - state) + load<u32>(state), src, srcBytes)) return STATUS_BAD_ARGUMENT;
  if (!makeRoom(state, area, maxBytes)) return STATUS_BAD_ARGUMENT;
  const used = load<u32>(state, 8);
  const out = area + used;
  const result = decodeSequences(src, srcBytes, out, maxBytes, area);
  if (result > 0) store<u32>(state, used + result, 8);
  return result;
}

/**
 * Makes the `toBytes` at `to` a link that goes on where `state` stands, larger or smaller, with as much of the history as it
 * may keep. Both ends of a stream have to do so between the same two blocks. `state` stays as it is, the host's to free. For
 * encoders both areas are 64 KiB at most, else STATUS_BAD_ARGUMENT.
 */
export function moveLink(state: usize, to: usize, toBytes: u32, windowBytes: u32): i32 {
  const area = areaOf(state);
  if (area === 0) return STATUS_BAD_RANGE;
  const capacity = load<u32>(state);
  const bits = load<u32>(state, 16);
  if (rangesOverlap(state, <u32>(area - state) + capacity, to, toBytes)) return STATUS_BAD_ARGUMENT;
  const status = initLink(to, toBytes, windowBytes, bits === 0 ? 0 : 1);
  if (status !== STATUS_OK) return status;
  if (bits !== 0 && max(capacity, load<u32>(to)) > SMALL_AREA_BYTES) return STATUS_BAD_ARGUMENT;
  const used = load<u32>(state, 8);
  const kept = used <= load<u32>(to) ? used : windowBytes;
  const toArea = areaOf(to);
  memory.copy(toArea, area + used - kept, kept);
  store<u32>(to, kept, 8);
  if (bits !== 0)
    copyTable(state + HEADER_BYTES, bits, to + HEADER_BYTES, load<u32>(to, 16), toArea, kept, used - kept);
  return STATUS_OK;
}

/** Takes bytes that were sent or received stored into the history. */
export function appendLinked(state: usize, src: usize, bytes: u32): i32 {
  const area = areaOf(state);
  if (area === 0 || !isLiveRange(src, bytes)) return STATUS_BAD_RANGE;
  if (rangesOverlap(state, <u32>(area - state) + load<u32>(state), src, bytes)) return STATUS_BAD_ARGUMENT;
  if (!makeRoom(state, area, bytes)) return STATUS_BAD_ARGUMENT;
  const used = load<u32>(state, 8);
  copyPadded(area + used, src, bytes, area + load<u32>(state));
  store<u32>(state, used + bytes, 8);
  return STATUS_OK;
}

/** Where the last `bytes` of the history lie; valid until the next call on it. 0 where it does not hold so many. */
export function linkOutput(state: usize, bytes: u32): usize {
  const area = areaOf(state);
  if (area === 0 || bytes > load<u32>(state, 8)) return 0;
  return area + load<u32>(state, 8) - bytes;
}

/** Positions of an encoder's table, as bits: a small state gives it 2/9 of its bytes, which is where both sizes are best. */
function tableBitsFor(stateBytes: u32): u32 {
  let bits = MIN_TABLE_BITS;
  while (bits < BLOCK_TABLE_BITS && stateBytes > (<u32>9) << bits) ++bits;
  return bits;
}

function tableBytesOf(bits: u32): usize {
  // Without bits there is none.
  return tableBytes(bits) & ~3;
}

/** The area of the link at `state`, or 0 where that is no live buffer's start or its header cannot be believed as far as memory goes. */
function areaOf(state: usize): usize {
  const live = bufferBytesAt(state);
  if (live === 0) return 0;
  const capacity = load<u32>(state);
  const bits = load<u32>(state, 16);
  const area = HEADER_BYTES + <u32>tableBytesOf(bits);
  const isBeyond = u32(bits > BLOCK_TABLE_BITS) | u32(<u64>area + capacity > live);
  const isOff = u32(load<u32>(state, 8) > capacity) | u32(load<u32>(state, 4) > MAX_WINDOW_BYTES);
  return (isBeyond | isOff) !== 0 ? 0 : state + area;
}

/** Slides the history to the area's start where `bytes` do not fit behind it. False where they never will. */
function makeRoom(state: usize, area: usize, bytes: u32): bool {
  const capacity = load<u32>(state);
  const used = load<u32>(state, 8);
  if (bytes <= capacity - used) return true;
  if (bytes > capacity) return false;
  const kept = min(min(used, load<u32>(state, 4)), capacity - bytes);
  const moved = used - kept;
  memory.copy(area, area + moved, kept);
  store<u32>(state, kept, 8);
  const bits = load<u32>(state, 16);
  if (capacity > SMALL_AREA_BYTES) store<u32>(state, load<u32>(state, 12) + moved, 12);
  else if (bits !== 0) slideTable(state + HEADER_BYTES, bits, moved);
  return true;
}

function forgetHistory(state: usize): void {
  const bits = load<u32>(state, 16);
  if (bits !== 0) clearTable(state + HEADER_BYTES, bits);
  store<u32>(state, 0, 8);
  store<u32>(state, 0, 12);
}
