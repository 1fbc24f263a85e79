// LZ4 block decompression, safe on any input: every length and offset is checked against what is left before it is used.
// Leaves linked blocks and frames to others. Source: LZ4 Block Format Description (lz4_Block_format.md).
//
// Two things hold at every step, and all checks rest on them: next <= srcEnd, and dst <= out <= dstEnd. So `srcEnd - next`
// and `dstEnd - out` never underflow, and a length is compared with a difference, never added to a pointer first.
import { isLiveRange } from '../arena';
import {
  STATUS_BAD_ARGUMENT,
  STATUS_BAD_RANGE,
  STATUS_LZ4_BAD_OFFSET,
  STATUS_LZ4_INPUT_TOO_LARGE,
  STATUS_LZ4_OUTPUT_TOO_SMALL,
  STATUS_LZ4_TRUNCATED,
} from '../status';
import { MAX_INPUT_BYTES, MIN_MATCH, RUN_MASK } from './constants';
import { copyForward, copyMatch, rangesOverlap } from './copy';

/**
 * Restores one block of `srcBytes`; answers the bytes restored, or a negative status. What the destination holds beyond the
 * answered bytes, or after a refusal, is unspecified, up to its capacity. Blocks whose last literals are fewer than an
 * encoder has to leave are accepted, as the format allows a decoder to.
 */
export function decompressBlock(src: usize, srcBytes: u32, dst: usize, dstCapacity: u32): i32 {
  if (srcBytes > MAX_INPUT_BYTES + MAX_INPUT_BYTES / 255 + 16) return STATUS_LZ4_INPUT_TOO_LARGE;
  if (!isLiveRange(src, srcBytes) || !isLiveRange(dst, dstCapacity)) return STATUS_BAD_RANGE;
  if (rangesOverlap(src, srcBytes, dst, dstCapacity)) return STATUS_BAD_ARGUMENT;

  const srcEnd = src + srcBytes;
  const dstEnd = dst + dstCapacity;
  let next = src;
  let out = dst;
  while (next < srcEnd) {
    const token: u32 = load<u8>(next++);

    let count = token >> 4;
    if (count === RUN_MASK) {
      next = readLength(next, srcEnd, srcBytes);
      if (next === 0) return STATUS_LZ4_TRUNCATED;
      count += lengthRead;
    }
    if (count > <u32>(srcEnd - next)) return STATUS_LZ4_TRUNCATED;
    if (count > <u32>(dstEnd - out)) return STATUS_LZ4_OUTPUT_TOO_SMALL;
    copyForward(out, next, count, dstEnd, srcEnd);
    next += count;
    out += count;
    if (next === srcEnd) return <i32>(out - dst);

    if (srcEnd - next < 2) return STATUS_LZ4_TRUNCATED;
    const offset: u32 = load<u16>(next);
    next += 2;
    if (offset === 0 || offset > <u32>(out - dst)) return STATUS_LZ4_BAD_OFFSET;

    let length = token & RUN_MASK;
    if (length === RUN_MASK) {
      next = readLength(next, srcEnd, dstCapacity);
      if (next === 0) return lengthRead > dstCapacity ? STATUS_LZ4_OUTPUT_TOO_SMALL : STATUS_LZ4_TRUNCATED;
      length += lengthRead;
    }
    length += MIN_MATCH;
    if (length > <u32>(dstEnd - out)) return STATUS_LZ4_OUTPUT_TOO_SMALL;
    copyMatch(out, offset, length, dstEnd);
    out += length;
  }
  // The block is empty, or ends with a match: "the last sequence contains only literals".
  return STATUS_LZ4_TRUNCATED;
}

/** The second result of `readLength`: the sum of the length bytes. */
let lengthRead: u32 = 0;

/**
 * Sums length bytes up to the first that is not 255. Answers where they end, or 0 where the input ends before, or the sum
 * exceeds `limit` (below 2^31, so that the sum cannot overflow whatever the input).
 */
function readLength(next: usize, srcEnd: usize, limit: u32): usize {
  lengthRead = 0;
  while (next < srcEnd) {
    const step: u32 = load<u8>(next++);
    lengthRead += step;
    if (lengthRead > limit) return 0;
    if (step !== 255) return next;
  }
  return 0;
}
