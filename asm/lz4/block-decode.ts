// LZ4 block decompression, safe on any input: every length and offset is checked against what is left before it is used.
// Leaves frames, and where a linked block's history lies, to others. Source: LZ4 Block Format Description.
//
// Two things hold at every step, and all checks rest on them: next <= srcEnd, and dst <= out <= dstEnd. So `srcEnd - next`
// and `dstEnd - out` never underflow, and a length is compared with a difference, never added to a pointer first.
import { isInLastSource, isInLastTarget, isLiveSource, isLiveTarget } from '../arena';
import {
  STATUS_BAD_ARGUMENT,
  STATUS_BAD_RANGE,
  STATUS_LZ4_BAD_OFFSET,
  STATUS_LZ4_INPUT_TOO_LARGE,
  STATUS_LZ4_OUTPUT_TOO_SMALL,
  STATUS_LZ4_TRUNCATED,
} from '../status';
import { MAX_INPUT_BYTES, MIN_MATCH, RUN_MASK } from './constants';
import { copyForward, copyMatch, copyPattern, copyStep, copySteps, rangesOverlap, STEP_BYTES } from './copy';

/** What one short sequence may write: 14 literals, then a pattern of 18 in strides, each rounded up to steps. */
const FAST_OUTPUT_BYTES: usize = 14 + 18 + 32;
/** What one short sequence may read: token, one step of literals, offset; and a length byte beyond. */
const FAST_INPUT_BYTES: usize = 20;

/**
 * Restores one block of `srcBytes`; answers the bytes restored, or a negative status. What the destination holds beyond the
 * answered bytes, or after a refusal, is unspecified, up to its capacity. Blocks whose last literals are fewer than an
 * encoder has to leave are accepted, as the format allows a decoder to.
 */
export function decompressBlock(src: usize, srcBytes: u32, dst: usize, dstCapacity: u32): i32 {
  if (srcBytes > MAX_INPUT_BYTES + MAX_INPUT_BYTES / 255 + 16) return STATUS_LZ4_INPUT_TOO_LARGE;
  if (!isInLastSource(src, srcBytes) && !isLiveSource(src, srcBytes)) return STATUS_BAD_RANGE;
  if (!isInLastTarget(dst, dstCapacity) && !isLiveTarget(dst, dstCapacity)) return STATUS_BAD_RANGE;
  if (rangesOverlap(src, srcBytes, dst, dstCapacity)) return STATUS_BAD_ARGUMENT;
  return decodeSequences(src, srcBytes, dst, dstCapacity, dst);
}

/**
 * `decompressBlock` without its checks of ranges, for ranges that are known to be good. A match may reach back to `lowest`,
 * which is `dst`, or lies before it where history stands directly before the destination.
 */
export function decodeSequences(src: usize, srcBytes: u32, dst: usize, dstCapacity: u32, lowest: usize): i32 {
  const srcEnd = src + srcBytes;
  const dstEnd = dst + dstCapacity;
  let next = src;
  let out = dst;

  // While there is room for whole steps behind both, a sequence without length bytes needs no other check of room.
  if (<usize>srcBytes > FAST_INPUT_BYTES && <usize>dstCapacity > FAST_OUTPUT_BYTES) {
    const fastIn = srcEnd - FAST_INPUT_BYTES;
    const fastOut = dstEnd - FAST_OUTPUT_BYTES;
    while (next < fastIn && out < fastOut) {
      const token: usize = load<u8>(next);
      let at = next + 1;
      let to = out;
      let count = token >> 4;
      if (count !== RUN_MASK) {
        copyStep(to, at);
      } else {
        let step: usize;
        do {
          step = load<u8>(at++);
          count += step;
        } while (step === 255 && at < fastIn && <i32>count >= 0);
        // No destination is as large as 2^31: a sum that would go on to wrap ends here.
        if (at >= fastIn || count >= fastIn - at || count >= fastOut - to) break;
        copySteps(to, at, to + count);
      }
      at += count;
      to += count;

      const offset = <usize>load<u16>(at);
      at += 2;
      if (offset - 1 >= to - lowest) return STATUS_LZ4_BAD_OFFSET;
      count = token & RUN_MASK;
      if (count !== RUN_MASK) {
        count += MIN_MATCH;
        if (offset >= STEP_BYTES) {
          copyStep(to, to - offset);
          copyStep(to + STEP_BYTES, to + STEP_BYTES - offset);
        } else {
          copyPattern(to, offset, to + count);
        }
      } else {
        let step: usize = 255;
        while (step === 255 && at < fastIn && <i32>count >= 0) {
          step = load<u8>(at++);
          count += step;
        }
        count += MIN_MATCH;
        if (at >= fastIn || to >= fastOut || count >= fastOut - to) break;
        if (offset >= STEP_BYTES) copySteps(to, to - offset, to + count);
        else copyPattern(to, offset, to + count);
      }
      next = at;
      out = to + count;
    }
  }
  return decodeTail(next, srcEnd, dst, out, dstEnd, lowest);
}

/** Restores what is left, sequence by sequence, with every length checked and no byte written that is not asked for. */
function decodeTail(next: usize, srcEnd: usize, dst: usize, out: usize, dstEnd: usize, lowest: usize): i32 {
  while (next < srcEnd) {
    const token: u32 = load<u8>(next++);

    let count = token >> 4;
    if (count === RUN_MASK) {
      next = readLength(next, srcEnd, <u32>(srcEnd - next));
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
    if (offset === 0 || offset > <u32>(out - lowest)) return STATUS_LZ4_BAD_OFFSET;

    let length = token & RUN_MASK;
    if (length === RUN_MASK) {
      const room = <u32>(dstEnd - out);
      next = readLength(next, srcEnd, room);
      if (next === 0) return lengthRead > room ? STATUS_LZ4_OUTPUT_TOO_SMALL : STATUS_LZ4_TRUNCATED;
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
