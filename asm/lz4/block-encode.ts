// LZ4 block compression: greedy, one hash probe per position. Leaves linked blocks and frames to others.
// Source: LZ4 Block Format Description (lz4_Block_format.md).
import { isLiveRange } from '../arena';
import {
  STATUS_BAD_ARGUMENT,
  STATUS_BAD_RANGE,
  STATUS_LZ4_INPUT_TOO_LARGE,
  STATUS_LZ4_OUTPUT_TOO_SMALL,
} from '../status';
import {
  LAST_LITERALS,
  LAST_MATCH_DISTANCE,
  MAX_INPUT_BYTES,
  MAX_OFFSET,
  MIN_COMPRESSIBLE,
  MIN_MATCH,
  RUN_MASK,
} from './constants';
import { copyForward, rangesOverlap } from './copy';
import { clearTable, entryFor } from './hash-table';

/** After 2^6 probes without a match the step grows by 1 for each further 2^6: incompressible input is passed over quickly. */
const SKIP_SHIFT: u32 = 6;

/**
 * Largest size to which `bytes` can compress: all of it as literals, whose count takes a byte per 255.
 * STATUS_LZ4_INPUT_TOO_LARGE above MAX_INPUT_BYTES.
 */
export function compressBound(bytes: u32): i32 {
  if (bytes > MAX_INPUT_BYTES) return STATUS_LZ4_INPUT_TOO_LARGE;
  return bytes + bytes / 255 + 16;
}

/**
 * Compresses `srcBytes` into one block; answers its bytes, or a negative status. With `dstCapacity` of
 * `compressBound(srcBytes)` it always fits. Beyond the block the destination's content is unspecified, up to its capacity.
 */
export function compressBlock(src: usize, srcBytes: u32, dst: usize, dstCapacity: u32): i32 {
  if (srcBytes > MAX_INPUT_BYTES) return STATUS_LZ4_INPUT_TOO_LARGE;
  if (!isLiveRange(src, srcBytes) || !isLiveRange(dst, dstCapacity)) return STATUS_BAD_RANGE;
  if (rangesOverlap(src, srcBytes, dst, dstCapacity)) return STATUS_BAD_ARGUMENT;

  const srcEnd = src + srcBytes;
  const dstEnd = dst + dstCapacity;
  let anchor = src;
  let out = dst;
  if (srcBytes >= MIN_COMPRESSIBLE) {
    const lastStart = srcEnd - LAST_MATCH_DISTANCE;
    const matchLimit = srcEnd - LAST_LITERALS;
    clearTable();
    // Position 0 is what an empty table entry means: it may be found, but it is not searched for.
    let probe = findMatch(src + 1, src, lastStart);
    while (probe <= lastStart) {
      let start = probe;
      let match = foundMatch;
      while (start > anchor && match > src && load<u8>(start - 1) === load<u8>(match - 1)) {
        --start;
        --match;
      }
      const matchEnd = endOfMatch(probe + MIN_MATCH, foundMatch + MIN_MATCH, matchLimit);
      out = writeSequence(anchor, start, start - match, matchEnd - start, srcEnd, out, dstEnd);
      if (out === 0) return STATUS_LZ4_OUTPUT_TOO_SMALL;
      anchor = matchEnd;
      if (matchEnd > lastStart) break;
      store<u32>(entryFor(matchEnd - 2), <u32>(matchEnd - 2 - src));
      probe = findMatch(matchEnd, src, lastStart);
    }
  }
  out = writeLiterals(anchor, srcEnd, srcEnd, 0, out, dstEnd);
  return out === 0 ? STATUS_LZ4_OUTPUT_TOO_SMALL : <i32>(out - dst);
}

/** The second result of `findMatch`: where the earlier occurrence starts. */
let foundMatch: usize = 0;

/** The first position from `probe` on whose 4 bytes occurred within reach; beyond `lastStart` if there is none. */
function findMatch(probe: usize, src: usize, lastStart: usize): usize {
  let misses: u32 = 1 << SKIP_SHIFT;
  while (probe <= lastStart) {
    const entry = entryFor(probe);
    const candidate = src + load<u32>(entry);
    store<u32>(entry, <u32>(probe - src));
    if (probe - candidate <= MAX_OFFSET && load<u32>(candidate) === load<u32>(probe)) {
      foundMatch = candidate;
      return probe;
    }
    probe += misses >> SKIP_SHIFT;
    ++misses;
  }
  return probe;
}

/** Where the bytes from `position` stop being those from `match`; `limit` at most. */
function endOfMatch(position: usize, match: usize, limit: usize): usize {
  while (position + 8 <= limit) {
    const difference = load<u64>(position) ^ load<u64>(match);
    if (difference !== 0) return position + <usize>(ctz(difference) >> 3);
    position += 8;
    match += 8;
  }
  while (position < limit && load<u8>(position) === load<u8>(match)) {
    ++position;
    ++match;
  }
  return position;
}

/** Writes literals, offset and match length. Answers the end of the output, or 0 where it does not fit. */
function writeSequence(
  anchor: usize,
  start: usize,
  offset: usize,
  matchBytes: usize,
  srcEnd: usize,
  out: usize,
  dstEnd: usize,
): usize {
  const field = <u32>matchBytes - MIN_MATCH;
  out = writeLiterals(anchor, start, srcEnd, field < RUN_MASK ? field : RUN_MASK, out, dstEnd);
  if (out === 0 || dstEnd - out < 2 + <usize>lengthBytes(field)) return 0;
  store<u16>(out, <u16>offset);
  return writeLength(out + 2, field);
}

/** Writes a token with `matchField` in its low half, and the literals. Answers the end, or 0 where it does not fit. */
function writeLiterals(from: usize, to: usize, srcEnd: usize, matchField: u32, out: usize, dstEnd: usize): usize {
  const count = <u32>(to - from);
  if (<usize>1 + lengthBytes(count) + count > dstEnd - out) return 0;
  store<u8>(out, <u8>(((count < RUN_MASK ? count : RUN_MASK) << 4) | matchField));
  out = writeLength(out + 1, count);
  copyForward(out, from, count, dstEnd, srcEnd);
  return out + count;
}

/** How many bytes follow the token for a length field of this value. */
function lengthBytes(value: u32): u32 {
  return value < RUN_MASK ? 0 : (value - RUN_MASK) / 255 + 1;
}

/** "Each byte adds 0 to 255; a byte of 255 is followed by another": writes what a token's field of 15 left over. */
function writeLength(out: usize, value: u32): usize {
  if (value < RUN_MASK) return out;
  let rest = value - RUN_MASK;
  while (rest >= 255) {
    store<u8>(out++, 255);
    rest -= 255;
  }
  store<u8>(out, <u8>rest);
  return out + 1;
}
