// Linked blocks: both ends of a stream keep the same last bytes, and a block may repeat from them. Keeps that window for one
// direction of one stream, in a buffer of the host's. Leaves to the host which messages it sends stored.
//
// A state is one live buffer:
//   0   capacity of the area in bytes   4   window: bytes of history that a block may reach back
//   8   bytes in the area               12  position of the area's first byte, which slides on     16  1 for an encoder
//   32  the encoder's table, then the area: history, and behind it the bytes of the block at work
import { isLiveRange } from '../arena';
import { STATUS_BAD_ARGUMENT, STATUS_BAD_RANGE, STATUS_LZ4_OUTPUT_TOO_SMALL, STATUS_OK } from '../status';
import { decodeSequences } from './block-decode';
import { copyExactly, rangesOverlap } from './copy';
import { encodeSequences, SlidingWindow } from './encode-sequences';
import { clearTable, TABLE_BYTES } from './hash-table';

const HEADER_BYTES: usize = 32;
const MIN_WINDOW_BYTES: u32 = 256;
const MAX_WINDOW_BYTES: u32 = 65536;

/**
 * Makes the `stateBytes` at `state` a window of `windowBytes` (256 to 65,536) for an encoder (`encodes` 1) or a decoder (0).
 * What is left beyond 32 bytes, an encoder's table of 16 KiB and the window bounds the largest block.
 */
export function initLink(state: usize, stateBytes: u32, windowBytes: u32, encodes: u32): i32 {
  const fixed = <u32>HEADER_BYTES + (encodes !== 0 ? <u32>TABLE_BYTES : 0);
  if (windowBytes < MIN_WINDOW_BYTES || windowBytes > MAX_WINDOW_BYTES || encodes > 1) return STATUS_BAD_ARGUMENT;
  if (stateBytes <= fixed + windowBytes || stateBytes > 1 << 30) return STATUS_BAD_ARGUMENT;
  if (!isLiveRange(state, stateBytes)) return STATUS_BAD_RANGE;
  store<u32>(state, stateBytes - fixed);
  store<u32>(state, windowBytes, 4);
  store<u32>(state, encodes, 16);
  return forgetHistory(state);
}

/** Begins anew, without history: what follows does not depend on what went before. */
export function resetLink(state: usize): i32 {
  return isLink(state) ? forgetHistory(state) : STATUS_BAD_RANGE;
}

/**
 * Compresses a block that may repeat from the window, and takes its bytes into the window. Answers the block's bytes, or
 * a negative status. After STATUS_LZ4_OUTPUT_TOO_SMALL the bytes are in the window all the same: they are to be sent stored.
 */
export function compressLinked(state: usize, src: usize, srcBytes: u32, dst: usize, dstCapacity: u32): i32 {
  if (!isLink(state) || load<u32>(state, 16) !== 1) return STATUS_BAD_RANGE;
  if (!isLiveRange(src, srcBytes) || !isLiveRange(dst, dstCapacity)) return STATUS_BAD_RANGE;
  if (overlapsLink(state, src, srcBytes) || overlapsLink(state, dst, dstCapacity)) return STATUS_BAD_ARGUMENT;
  if (rangesOverlap(src, srcBytes, dst, dstCapacity) || !makeRoom(state, srcBytes)) return STATUS_BAD_ARGUMENT;
  const area = areaOf(state);
  const used = load<u32>(state, 8);
  const from = area + used;
  copyExactly(from, src, srcBytes);
  store<u32>(state, used + srcBytes, 8);
  const lowest = from - min(used, load<u32>(state, 4));
  const base = area - load<u32>(state, 12);
  const table = state + HEADER_BYTES;
  const end = encodeSequences<SlidingWindow>(from, from + srcBytes, dst, dst + dstCapacity, table, base, lowest);
  return end === 0 ? STATUS_LZ4_OUTPUT_TOO_SMALL : <i32>(end - dst);
}

/**
 * Restores a linked block into the window, at most `maxBytes`; answers its bytes, which lie at `linkOutput`, or a negative
 * status, after which the window is as before.
 */
export function decompressLinked(state: usize, src: usize, srcBytes: u32, maxBytes: u32): i32 {
  if (!isLink(state) || !isLiveRange(src, srcBytes)) return STATUS_BAD_RANGE;
  if (overlapsLink(state, src, srcBytes) || !makeRoom(state, maxBytes)) return STATUS_BAD_ARGUMENT;
  const used = load<u32>(state, 8);
  const out = areaOf(state) + used;
  const result = decodeSequences(src, srcBytes, out, maxBytes, out - min(used, load<u32>(state, 4)));
  if (result > 0) store<u32>(state, used + result, 8);
  return result;
}

/** Takes bytes that were sent or received stored into the window. */
export function appendLinked(state: usize, src: usize, bytes: u32): i32 {
  if (!isLink(state) || !isLiveRange(src, bytes)) return STATUS_BAD_RANGE;
  if (overlapsLink(state, src, bytes) || !makeRoom(state, bytes)) return STATUS_BAD_ARGUMENT;
  const used = load<u32>(state, 8);
  copyExactly(areaOf(state) + used, src, bytes);
  store<u32>(state, used + bytes, 8);
  return STATUS_OK;
}

/** Where the last `bytes` of the window lie; valid until the next call on it. 0 where it does not hold so many. */
export function linkOutput(state: usize, bytes: u32): usize {
  if (!isLink(state) || bytes > load<u32>(state, 8)) return 0;
  return areaOf(state) + load<u32>(state, 8) - bytes;
}

/** Whether `state` is a live buffer whose header can be believed as far as memory goes. */
function isLink(state: usize): bool {
  if (!isLiveRange(state, <u32>HEADER_BYTES)) return false;
  const capacity = load<u32>(state);
  const window = load<u32>(state, 4);
  if (capacity > 1 << 30 || window >= capacity || window > MAX_WINDOW_BYTES) return false;
  return (
    load<u32>(state, 8) <= capacity &&
    load<u32>(state, 16) <= 1 &&
    isLiveRange(state, <u32>(areaOf(state) - state) + capacity)
  );
}

function overlapsLink(state: usize, start: usize, bytes: u32): bool {
  return rangesOverlap(state, <u32>(areaOf(state) - state) + load<u32>(state), start, bytes);
}

function areaOf(state: usize): usize {
  return state + HEADER_BYTES + (load<u32>(state, 16) !== 0 ? TABLE_BYTES : 0);
}

/** Slides the window to the area's start where `bytes` do not fit behind it. False where they never will. */
function makeRoom(state: usize, bytes: u32): bool {
  const capacity = load<u32>(state);
  const used = load<u32>(state, 8);
  if (bytes <= capacity - used) return true;
  const kept = min(used, load<u32>(state, 4));
  if (bytes > capacity - kept) return false;
  const area = areaOf(state);
  const moved = used - kept;
  memory.copy(area, area + moved, kept);
  store<u32>(state, kept, 8);
  store<u32>(state, load<u32>(state, 12) + moved, 12);
  return true;
}

function forgetHistory(state: usize): i32 {
  if (load<u32>(state, 16) !== 0) clearTable(state + HEADER_BYTES);
  store<u32>(state, 0, 8);
  store<u32>(state, 0, 12);
  return STATUS_OK;
}
