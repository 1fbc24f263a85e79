// Writes the sequences of the high-compression encoder, never past the capacity. Literals go in words where there is room.
// Source: LZ4 Block Format Description (lz4_Block_format.md).
import { MIN_MATCH, RUN_MASK } from './constants';

const WORD_BYTES: usize = 8;
/** From here on a call of memory.copy is worth its price. */
const LONG_BYTES: usize = 64;

/**
 * Writes the literals from `anchor` to `start` and a match of `matchBytes` at `offset`; 0 bytes for the last literals, which no
 * match follows. Answers the end of the output, or 0 where it does not fit.
 */
export function writeHcSequence(
  anchor: usize,
  start: usize,
  offset: usize,
  matchBytes: usize,
  out: usize,
  dstEnd: usize,
): usize {
  const count = start - anchor;
  const field: usize = matchBytes === 0 ? 0 : matchBytes - MIN_MATCH;
  const matchRoom: usize = matchBytes === 0 ? 0 : 2 + lengthBytes(field);
  const needed: usize = lengthBytes(count) + count + matchRoom + 1;
  if (needed > dstEnd - out) return 0;
  // A match begins at least 12 bytes before the end of the content, so that many can be read behind the literals before it.
  const inWords = matchBytes !== 0 && count < LONG_BYTES && dstEnd - out - needed >= WORD_BYTES;
  store<u8>(out, <u8>((min(count, <usize>RUN_MASK) << 4) | min(field, <usize>RUN_MASK)));
  out = writeLength(out + 1, count);
  if (inWords) copyWords(out, anchor, count);
  else if (count !== 0) memory.copy(out, anchor, count);
  out += count;
  if (matchBytes === 0) return out;
  store<u16>(out, <u16>offset);
  return writeLength(out + 2, field);
}

/** Copies `count` bytes, and up to 7 more. */
function copyWords(out: usize, from: usize, count: usize): void {
  for (let at: usize = 0; at < count; at += WORD_BYTES) store<u64>(out + at, load<u64>(from + at));
}

/** How many bytes follow the token for a length field of this value. */
function lengthBytes(value: usize): usize {
  return value < <usize>RUN_MASK ? 0 : (value - RUN_MASK) / 255 + 1;
}

function writeLength(out: usize, value: usize): usize {
  if (value < <usize>RUN_MASK) return out;
  let rest = value - RUN_MASK;
  for (; rest >= 255; rest -= 255) store<u8>(out++, 255);
  store<u8>(out, <u8>rest);
  return out + 1;
}
