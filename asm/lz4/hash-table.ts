// The encoder's memory of where five bytes were seen last: 2^bits positions of 16 bits. Leaves the positions' meaning to callers.
import { LZ4_TABLE_BASE } from '../layout';

/** The table of whole blocks. Its 16 KiB stay in a first-level cache beside source and destination. */
export const BLOCK_TABLE: usize = LZ4_TABLE_BASE;
export const BLOCK_TABLE_BITS: u32 = 13;
export const BLOCK_SHIFT: u64 = 63 - <u64>BLOCK_TABLE_BITS;
/** Multiplicative hash of the low 5 bytes; the constant is the largest prime below 2^40 / golden ratio. */
const HASH_MULTIPLIER: u64 = 679535556989;
/** Up to here a block shares the table with those before it: clearing it would take a notable part of the time. */
export const SHARING_BYTES: u32 = 8192;
const POSITIONS: u32 = 65536;

/** The position that the next small block's first byte gets. What the table holds below it belongs to blocks before. */
let nextPosition: u32 = POSITIONS;

/**
 * Makes the one table for whole blocks ready for `bytes` (up to 64 KiB) and answers the position of the first byte. A small
 * block goes on counting where the one before ended, so that whatever is lower is known to be old without being cleared.
 */
export function claimPositions(bytes: u32): u32 {
  if (bytes > SHARING_BYTES || nextPosition + bytes > POSITIONS) {
    clearTable(BLOCK_TABLE, BLOCK_TABLE_BITS);
    nextPosition = 0;
  }
  const first = nextPosition;
  nextPosition = min(first + bytes, POSITIONS);
  return first;
}

/** Forgets everything in the table for whole blocks, for a block whose positions need more than 16 bits. */
export function claimTable(): void {
  clearTable(BLOCK_TABLE, BLOCK_TABLE_BITS);
  nextPosition = POSITIONS;
}

/** Forgets everything in a table of 2^bits positions. An empty entry reads as position 0. */
export function clearTable(table: usize, bits: u32): void {
  memory.fill(table, 0, tableBytes(bits));
}

/** What a table of 2^bits positions takes. */
export function tableBytes(bits: u32): usize {
  return (<usize>2) << bits;
}

/** Moves all positions of a table down by `distance` after what they name was moved; those below it read as position 0. */
export function slideTable(table: usize, bits: u32, distance: u32): void {
  const end = table + tableBytes(bits);
  if (ASC_FEATURE_SIMD) {
    const lanes = i16x8.splat(<i16>distance);
    for (; table < end; table += 16) v128.store(table, i16x8.sub_sat_u(v128.load(table), lanes));
  } else {
    for (; table < end; table += 2) store<u16>(table, <u16>max(<i32>load<u16>(table) - <i32>distance, 0));
  }
}

/**
 * Enters the positions of one table, less `distance`, into another of any size, which is empty. They name places of the
 * `bytes` at `area`; where two want the same entry the later one gets it.
 */
export function copyTable(
  from: usize,
  fromBits: u32,
  to: usize,
  toBits: u32,
  area: usize,
  bytes: u32,
  distance: u32,
): void {
  const end = from + tableBytes(fromBits);
  for (; from < end; from += 2) {
    const position = <u32>load<u16>(from) - distance;
    if (bytes < 8 || position > bytes - 8) continue;
    const slot = slotIn(load<u64>(area + position) << 24, to, 63 - <u64>toBits);
    if (load<u16>(slot) < position) store<u16>(slot, <u16>position);
  }
}

/** Address of the entry for five bytes, which are the high ones of `bytes`. `shift` is 63 less the table's bits. */
export function slotIn(bytes: u64, table: usize, shift: u64): usize {
  return table + (<usize>((bytes * HASH_MULTIPLIER) >> shift) & ~1);
}
