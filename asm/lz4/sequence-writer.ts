// Writes sequences of an LZ4 block: token, length bytes, literals, offset. Never past the capacity; whole steps where there is
// room for them. Source: LZ4 Block Format Description (lz4_Block_format.md).
import { MIN_MATCH, RUN_MASK } from './constants';
import { copyForward, copyStep, copySteps, STEP_BYTES } from './copy';

/** Room behind token and literals with which a sequence without length bytes needs no exact check: two steps, an offset. */
const SLACK_BYTES: usize = 2 * STEP_BYTES + 4;
const LONG_LITERALS: usize = 1024;
/** Room with which a sequence without any length byte can be written in one step. */
export const SHORT_SEQUENCE_ROOM: usize = 1 + STEP_BYTES + 2;
/** From this length on a match has length bytes. */
export const SHORT_MATCH: usize = MIN_MATCH + RUN_MASK;

/** Writes a sequence of fewer than 15 literals and fewer than SHORT_MATCH bytes of match; reads a step at `anchor`. */
export function writeShortSequence(anchor: usize, count: usize, offset: usize, matchBytes: usize, out: usize): usize {
  store<u8>(out, <u8>((count << 4) | (matchBytes - MIN_MATCH)));
  copyStep(out + 1, anchor);
  store<u16>(out + count, <u16>offset, 1);
  return out + count + 3;
}

/** Writes literals, offset and match length. Answers the end of the output, or 0 where it does not fit. */
export function writeSequence(
  anchor: usize,
  start: usize,
  offset: usize,
  matchBytes: usize,
  srcEnd: usize,
  out: usize,
  dstEnd: usize,
): usize {
  const field = <u32>matchBytes - MIN_MATCH;
  const count = start - anchor;
  if (count < LONG_LITERALS && srcEnd - start >= STEP_BYTES && dstEnd - out >= count + (count >> 7) + SLACK_BYTES) {
    const token = out++;
    let literalField = count << 4;
    if (count < RUN_MASK) {
      copyStep(out, anchor);
    } else {
      literalField = RUN_MASK << 4;
      if (count < RUN_MASK + 255) store<u8>(out++, <u8>(count - RUN_MASK));
      else out = writeLength(out, <u32>count);
      copySteps(out, anchor, out + count);
    }
    out += count;
    store<u16>(out, <u16>offset);
    out += 2;
    if (field < RUN_MASK) {
      store<u8>(token, <u8>(literalField | field));
      return out;
    }
    store<u8>(token, <u8>(literalField | RUN_MASK));
    if (field < RUN_MASK + 255) {
      store<u8>(out, <u8>(field - RUN_MASK));
      return out + 1;
    }
    return dstEnd - out < lengthBytes(field) ? 0 : writeLength(out, field);
  }
  out = writeLiterals(anchor, start, srcEnd, field < RUN_MASK ? field : RUN_MASK, out, dstEnd);
  if (out === 0 || dstEnd - out < 2 + <usize>lengthBytes(field)) return 0;
  store<u16>(out, <u16>offset);
  return writeLength(out + 2, field);
}

/** Writes a token with `matchField` in its low half, and the literals. Answers the end, or 0 where it does not fit. */
export function writeLiterals(
  from: usize,
  to: usize,
  srcEnd: usize,
  matchField: u32,
  out: usize,
  dstEnd: usize,
): usize {
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
