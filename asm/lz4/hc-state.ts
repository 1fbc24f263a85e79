// The state of high compression, in a buffer of the host's: tables and plan, and for linked blocks the window too. Whether a
// block stands alone or repeats from those before it is said when the state is made. Leaves the search to hc-encode.ts.
//
// A state is one live buffer; releasing it wipes it:
//   0   capacity of the area in bytes   4   window: bytes of history that a block may reach back, 0 where each stands alone
//   8   bytes in the area               12  position of the area's first byte, which slides on
//   64  tables, plan, then the area: history, and behind it the bytes of the block at work. None where blocks stand alone.
import { isLiveRange } from '../arena';
import {
  STATUS_BAD_ARGUMENT,
  STATUS_BAD_RANGE,
  STATUS_LZ4_INPUT_TOO_LARGE,
  STATUS_LZ4_OUTPUT_TOO_SMALL,
  STATUS_OK,
} from '../status';
import { MAX_INPUT_BYTES } from './constants';
import { rangesOverlap } from './copy';
import { CHAIN_TABLES_BYTES, clearChains, FIRST_POSITION, hashShift, nextEntry, setNextEntry } from './hc-chains';
import { encodeHc, PLAN_BYTES } from './hc-encode';

const TABLES_AT: usize = 64;
const PLAN_AT: usize = TABLES_AT + CHAIN_TABLES_BYTES;
const AREA_AT: usize = PLAN_AT + PLAN_BYTES;
const MIN_WINDOW_BYTES: u32 = 256;
const MAX_WINDOW_BYTES: u32 = 65536;
const MAX_AREA_BYTES: u32 = 1 << 30;

/**
 * Bytes of a state for blocks of up to `maxBlockBytes` with a window of `windowBytes` (256 to 65,536), or for blocks of any
 * size that stand alone (0). STATUS_BAD_ARGUMENT for another window, or where it would not fit into any heap.
 */
export function hcStateBytes(windowBytes: u32, maxBlockBytes: u32): i32 {
  if (windowBytes === 0) return <i32>AREA_AT;
  if (!isWindow(windowBytes) || maxBlockBytes > MAX_AREA_BYTES - <u32>AREA_AT - windowBytes) return STATUS_BAD_ARGUMENT;
  return <i32>(<u32>AREA_AT + windowBytes + maxBlockBytes);
}

/** Makes the `stateBytes` at `state` one of `hcStateBytes`; more of them let the window slide less often. */
export function initHc(state: usize, stateBytes: u32, windowBytes: u32): i32 {
  if (windowBytes !== 0 && !isWindow(windowBytes)) return STATUS_BAD_ARGUMENT;
  if (stateBytes < <u32>AREA_AT + windowBytes || stateBytes > MAX_AREA_BYTES) return STATUS_BAD_ARGUMENT;
  if (!isLiveRange(state, stateBytes)) return STATUS_BAD_RANGE;
  store<u32>(state, windowBytes === 0 ? 0 : stateBytes - <u32>AREA_AT);
  store<u32>(state, windowBytes, 4);
  forgetHistory(state);
  return STATUS_OK;
}

/** Begins anew, without history: what follows does not depend on what went before. */
export function resetHc(state: usize): i32 {
  if (!isHcState(state)) return STATUS_BAD_RANGE;
  forgetHistory(state);
  return STATUS_OK;
}

/**
 * Compresses into one block; answers its bytes, or a negative status. Where the state has a window the block may repeat from
 * it, and its bytes enter the window, also after STATUS_LZ4_OUTPUT_TOO_SMALL: they are to be sent stored.
 */
export function compressHc(state: usize, src: usize, srcBytes: u32, dst: usize, dstCapacity: u32): i32 {
  if (srcBytes > MAX_INPUT_BYTES) return STATUS_LZ4_INPUT_TOO_LARGE;
  if (!isHcState(state) || !isLiveRange(src, srcBytes) || !isLiveRange(dst, dstCapacity)) return STATUS_BAD_RANGE;
  if (overlapsState(state, src, srcBytes) || overlapsState(state, dst, dstCapacity)) return STATUS_BAD_ARGUMENT;
  if (rangesOverlap(src, srcBytes, dst, dstCapacity)) return STATUS_BAD_ARGUMENT;
  const end =
    load<u32>(state, 4) === 0
      ? encodeAlone(state, src, srcBytes, dst, dst + dstCapacity)
      : encodeLinked(state, src, srcBytes, dst, dst + dstCapacity);
  if (end === NO_ROOM) return STATUS_BAD_ARGUMENT;
  return end === 0 ? STATUS_LZ4_OUTPUT_TOO_SMALL : <i32>(end - dst);
}

/** Takes bytes that were sent in another way into the window. STATUS_BAD_ARGUMENT where the state has none. */
export function appendHc(state: usize, src: usize, bytes: u32): i32 {
  if (!isHcState(state) || !isLiveRange(src, bytes)) return STATUS_BAD_RANGE;
  if (overlapsState(state, src, bytes) || load<u32>(state, 4) === 0) return STATUS_BAD_ARGUMENT;
  return takeIn(state, src, bytes) === NO_ROOM ? STATUS_BAD_ARGUMENT : STATUS_OK;
}

/** No address: what a block larger than the state was made for gets. */
const NO_ROOM: usize = usize.MAX_VALUE;

function encodeAlone(state: usize, src: usize, srcBytes: u32, dst: usize, dstEnd: usize): usize {
  const tables = state + TABLES_AT;
  const shift = hashShift(srcBytes);
  clearChains(tables, shift, src);
  return encodeHc(src, src + srcBytes, dst, dstEnd, tables, shift, state + PLAN_AT, src - FIRST_POSITION, src);
}

function encodeLinked(state: usize, src: usize, srcBytes: u32, dst: usize, dstEnd: usize): usize {
  const from = takeIn(state, src, srcBytes);
  if (from === NO_ROOM) return NO_ROOM;
  const tables = state + TABLES_AT;
  const window = load<u32>(state, 4);
  const area = state + AREA_AT;
  const lowest = from - min(<u32>(from - area), window);
  const base = area - load<u32>(state, 12);
  return encodeHc(from, from + srcBytes, dst, dstEnd, tables, hashShift(window), state + PLAN_AT, base, lowest);
}

/** Copies bytes behind the history, which slides to the area's start where they do not fit; answers where they lie. */
function takeIn(state: usize, src: usize, bytes: u32): usize {
  const area = state + AREA_AT;
  const capacity = load<u32>(state);
  let used = load<u32>(state, 8);
  if (bytes > capacity - used) {
    const kept = min(used, load<u32>(state, 4));
    if (bytes > capacity - kept) return NO_ROOM;
    const moved = used - kept;
    memory.copy(area, area + moved, kept);
    store<u32>(state, load<u32>(state, 12) + moved, 12);
    setNextEntry(state + TABLES_AT, max(nextEntry(state + TABLES_AT), area + moved) - moved);
    used = kept;
  }
  // An empty range may have any pointer, also one that a copy of nothing traps on.
  if (bytes !== 0) memory.copy(area + used, src, bytes);
  store<u32>(state, used + bytes, 8);
  return area + used;
}

function forgetHistory(state: usize): void {
  const window = load<u32>(state, 4);
  store<u32>(state, 0, 8);
  store<u32>(state, FIRST_POSITION, 12);
  // Blocks that stand alone clear what they need themselves.
  if (window !== 0) clearChains(state + TABLES_AT, hashShift(window), state + AREA_AT);
}

function isWindow(bytes: u32): bool {
  return bytes >= MIN_WINDOW_BYTES && bytes <= MAX_WINDOW_BYTES;
}

/** Whether `state` is a live buffer whose header can be believed as far as memory goes. */
function isHcState(state: usize): bool {
  if (!isLiveRange(state, <u32>AREA_AT)) return false;
  const capacity = load<u32>(state);
  const window = load<u32>(state, 4);
  if (capacity > MAX_AREA_BYTES || window > capacity || load<u32>(state, 8) > capacity) return false;
  if (!isLiveRange(state, <u32>AREA_AT + capacity)) return false;
  const next = nextEntry(state + TABLES_AT);
  return window === 0 || (isWindow(window) && next >= state + AREA_AT && next <= state + AREA_AT + load<u32>(state, 8));
}

function overlapsState(state: usize, start: usize, bytes: u32): bool {
  return rangesOverlap(state, <u32>AREA_AT + load<u32>(state), start, bytes);
}
