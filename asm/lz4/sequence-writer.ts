// Writes sequences of an LZ4 block of any lengths: token, length bytes, literals, offset. Never past the capacity. The common
// ones are written where they are found. Source: LZ4 Block Format Description (lz4_Block_format.md).
import { MIN_MATCH, RUN_MASK } from './constants';
import { copyExactly, copyPadded, STEP_BYTES } from './copy';

/** A field of a token below this takes one length byte at most. */
export const ONE_BYTE_FIELD: u32 = RUN_MASK + 255;

/** Writes literals, offset and match length. Answers the end of the output, or 0 where it does not fit. */
export function writeSequence(
  anchor: usize,
  start: usize,
  offset: usize,
  matchBytes: usize,
  out: usize,
  dstEnd: usize,
): usize {
  const field = <u32>matchBytes - MIN_MATCH;
  out = writeLiterals(anchor, start, min(field, RUN_MASK), out, dstEnd);
  if (out === 0 || dstEnd - out < 2 + <usize>lengthBytes(field)) return 0;
  store<u16>(out, <u16>offset);
  return writeLength(out + 2, field);
}

/** Writes a token with `matchField` in its low half, and the literals. Answers the end, or 0 where it does not fit. */
export function writeLiterals(from: usize, to: usize, matchField: u32, out: usize, dstEnd: usize): usize {
  const count = <u32>(to - from);
  if (count < ONE_BYTE_FIELD && dstEnd - out >= <usize>count + 2 + STEP_BYTES) {
    store<u8>(out, <u8>(count - RUN_MASK), 1);
    store<u8>(out, <u8>((min<u32>(count, RUN_MASK) << 4) | matchField));
    out += 1 + usize(count >= RUN_MASK);
    copyPadded(out, from, count, dstEnd);
    return out + count;
  }
  if (<usize>1 + lengthBytes(count) + count > dstEnd - out) return 0;
  store<u8>(out, <u8>(((count < RUN_MASK ? count : RUN_MASK) << 4) | matchField));
  out = writeLength(out + 1, count);
  copyExactly(out, from, count);
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
