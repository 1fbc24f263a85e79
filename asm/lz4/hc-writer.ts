// Writes the sequences of the high-compression encoder: what is written costs little beside the search, so always byte-exact.
// Source: LZ4 Block Format Description (lz4_Block_format.md).
import { MIN_MATCH, RUN_MASK } from './constants';

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
  if (1 + lengthBytes(count) + count + matchRoom > dstEnd - out) return 0;
  store<u8>(out, <u8>((min(count, <usize>RUN_MASK) << 4) | min(field, <usize>RUN_MASK)));
  out = writeLength(out + 1, count);
  memory.copy(out, anchor, count);
  out += count;
  if (matchBytes === 0) return out;
  store<u16>(out, <u16>offset);
  return writeLength(out + 2, field);
}

/** How many bytes follow the token for a length field of this value. */
function lengthBytes(value: usize): usize {
  return value < <usize>RUN_MASK ? 0 : (value - RUN_MASK) / 255 + 1;
}

function writeLength(out: usize, value: usize): usize {
  if (value < <usize>RUN_MASK) return out;
  const rest = value - RUN_MASK;
  const full = rest / 255;
  memory.fill(out, 255, full);
  store<u8>(out + full, <u8>(rest % 255));
  return out + full + 1;
}
