// Buffers: a first-fit allocator over the heap of the layout. Its book-keeping lies outside the buffers, in the arena map,
// so no write into a buffer can mislead it. It leaves to its callers what the bytes mean.
//
// The heap is cut into granules, and granules into runs: a live buffer or a free range, without gaps. Map entries:
//   first granule of a run   KIND_USED or KIND_FREE, and the run's granules
//   other granules           KIND_INNER, and the index of the run's first granule. Kept for every granule of a live
//                            buffer and for the last one of a free range; others may be out of date.
import { arenaMapBase, ensureLayout, GRANULE_BYTES, granules, heapBase, MAX_HEAP_BYTES } from './layout';
import { STATUS_NOT_A_BUFFER, STATUS_OK } from './status';

const KIND_FREE: u32 = 1 << 30;
const KIND_USED: u32 = 2 << 30;
const KIND_INNER: u32 = 3 << 30;
const KIND_MASK: u32 = 3 << 30;
const VALUE_MASK: u32 = ~KIND_MASK;
const GRANULE_BITS: u32 = ctz(GRANULE_BYTES);

/** No granule below this one starts a free range. */
let lowestFree: u32 = 0;
let ready: bool = false;

// The live buffers that were asked for last as a source and as a destination: most hosts use the same two again and again. Their sizes
// are those of the buffers, to granules, so nothing is taken for live that `isLiveRange` would refuse. 0 bytes: none.
let sourceStart: usize = 0;
let sourceBytes: u64 = 0;
let targetStart: usize = 0;
let targetBytes: u64 = 0;

/**
 * A zero-filled buffer of `bytes` (0 counts as 1), aligned to GRANULE_BYTES, or 0 where no free range is large enough. It
 * belongs to the caller until `freeBuffer`.
 */
export function allocateBuffer(bytes: u32): usize {
  if (bytes > MAX_HEAP_BYTES || !prepare()) return 0;
  const wanted = bytes === 0 ? <u32>1 : (bytes + GRANULE_BYTES - 1) / GRANULE_BYTES;
  let first = lowestFree;
  let passedFree = false;
  while (first < granules) {
    const entry = entryAt(first);
    const length = entry & VALUE_MASK;
    if ((entry & KIND_MASK) === KIND_FREE) {
      if (length >= wanted) {
        takeRun(first, length, wanted);
        if (!passedFree) lowestFree = first + wanted;
        return heapBase + <usize>first * GRANULE_BYTES;
      }
      passedFree = true;
    }
    first += length;
  }
  return 0;
}

/** Wipes a buffer and gives it back; its neighbours, if free, become one range with it. */
export function freeBuffer(pointer: usize): i32 {
  if (granules === 0 || pointer < heapBase || (pointer - heapBase) % GRANULE_BYTES !== 0) return STATUS_NOT_A_BUFFER;
  let first = <u32>((pointer - heapBase) / GRANULE_BYTES);
  if (first >= granules || (entryAt(first) & KIND_MASK) !== KIND_USED) return STATUS_NOT_A_BUFFER;
  sourceBytes = 0;
  targetBytes = 0;
  let length = entryAt(first) & VALUE_MASK;
  memory.fill(pointer, 0, <usize>length * GRANULE_BYTES);

  const after = first + length;
  if (after < granules && (entryAt(after) & KIND_MASK) === KIND_FREE) {
    length += entryAt(after) & VALUE_MASK;
    setEntry(after, 0);
  }
  if (first > 0) {
    const before = runOf(first - 1);
    if ((entryAt(before) & KIND_MASK) === KIND_FREE) {
      setEntry(first, 0);
      length += first - before;
      first = before;
    }
  }
  markFree(first, length);
  if (first < lowestFree) lowestFree = first;
  return STATUS_OK;
}

/**
 * Whether the `bytes` from `pointer` lie within one live buffer (to granules). An empty range always does. Constant time:
 * this is asked for every range that a host hands in, so that no call can reach from one buffer into the next.
 */
export function isLiveRange(pointer: usize, bytes: u32): bool {
  return bytes === 0 || bytes <= liveBytesAt(pointer);
}

/** Whether a range lies in the buffer of the last source: true without a look into the map, and else not known. */
export function isInLastSource(pointer: usize, bytes: u32): bool {
  return <u64>(pointer - sourceStart) + bytes <= sourceBytes;
}

/** The same for the last destination. */
export function isInLastTarget(pointer: usize, bytes: u32): bool {
  return <u64>(pointer - targetStart) + bytes <= targetBytes;
}

/** `isLiveRange` for a source; its buffer becomes the last one. */
export function isLiveSource(pointer: usize, bytes: u32): bool {
  if (bytes === 0) return true;
  const live = liveBytesAt(pointer);
  if (bytes > live) return false;
  sourceStart = pointer;
  sourceBytes = live;
  return true;
}

/** `isLiveRange` for a destination; its buffer becomes the last one. */
export function isLiveTarget(pointer: usize, bytes: u32): bool {
  if (bytes === 0) return true;
  const live = liveBytesAt(pointer);
  if (bytes > live) return false;
  targetStart = pointer;
  targetBytes = live;
  return true;
}

/** Bytes of the live buffer that begins at `pointer` (to granules); 0 where none does. */
export function bufferBytesAt(pointer: usize): u32 {
  // A pointer within a granule becomes a number far above all of them, as does one below the heap.
  const granule = rotr<u32>(<u32>(pointer - heapBase), GRANULE_BITS);
  if (granule >= granules) return 0;
  const length = entryAt(granule) ^ KIND_USED;
  return length <= VALUE_MASK ? length << GRANULE_BITS : 0;
}

/** Bytes from `pointer` to the end of the live buffer that it lies in (to granules); 0 where it lies in none. */
export function liveBytesAt(pointer: usize): u32 {
  const offset = <u32>(pointer - heapBase);
  const granule = offset / GRANULE_BYTES;
  // A pointer below the heap makes an offset far above it. Without a layout there are no granules.
  if (granule >= granules) return 0;
  const first = runOf(granule);
  const entry = entryAt(first);
  if ((entry & KIND_MASK) !== KIND_USED) return 0;
  // At most 2^30. A free range's inner granules may name a run that has become shorter since, which ends before them.
  const end = (first + (entry & VALUE_MASK)) * GRANULE_BYTES;
  return offset < end ? end - offset : 0;
}

function prepare(): bool {
  if (ready) return true;
  if (!ensureLayout()) return false;
  markFree(0, granules);
  ready = true;
  return true;
}

/** Makes the first `wanted` granules of a free run a live buffer, and the rest a shorter free run. */
function takeRun(first: u32, length: u32, wanted: u32): void {
  setEntry(first, KIND_USED | wanted);
  for (let inner = first + 1; inner < first + wanted; ++inner) setEntry(inner, KIND_INNER | first);
  if (length > wanted) markFree(first + wanted, length - wanted);
}

function markFree(first: u32, length: u32): void {
  setEntry(first, KIND_FREE | length);
  if (length > 1) setEntry(first + length - 1, KIND_INNER | first);
}

/** First granule of the run that holds `granule`: of any granule of a live buffer, and of a free range's two ends. */
function runOf(granule: u32): u32 {
  const entry = entryAt(granule);
  return (entry & KIND_MASK) === KIND_INNER ? entry & VALUE_MASK : granule;
}

function entryAt(granule: u32): u32 {
  return load<u32>(arenaMapBase + <usize>granule * 4);
}

function setEntry(granule: u32, entry: u32): void {
  store<u32>(arenaMapBase + <usize>granule * 4, entry);
}
