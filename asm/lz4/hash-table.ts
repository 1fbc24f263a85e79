// The encoder's memory of where five bytes were seen last: 2^13 positions of 16 bits. Leaves the positions' meaning to callers.
import { LZ4_TABLE_BASE } from '../layout';

const HASH_BITS: u64 = 13;
/** 16 KiB: stays in a first-level cache beside source and destination. */
export const TABLE_BYTES: usize = 2 << (<usize>HASH_BITS);
/** Multiplicative hash of the low 5 bytes; the constant is the largest prime below 2^40 / golden ratio. */
const HASH_MULTIPLIER: u64 = 679535556989;
/** Up to here a block shares the table with those before it: clearing it would take a notable part of the time. */
const SHARING_BYTES: u32 = 8192;
const POSITIONS: u32 = 65536;

/** The position that the next small block's first byte gets. What the table holds below it belongs to blocks before. */
let nextPosition: u32 = POSITIONS;

/**
 * Makes the one table for whole blocks ready for `bytes` (up to 64 KiB) and answers the position of the first byte. A small
 * block goes on counting where the one before ended, so that whatever is lower is known to be old without being cleared.
 */
export function claimPositions(bytes: u32): u32 {
  if (bytes > SHARING_BYTES || nextPosition + bytes > POSITIONS) {
    clearTable(LZ4_TABLE_BASE);
    nextPosition = 0;
  }
  const first = nextPosition;
  nextPosition = min(first + bytes, POSITIONS);
  return first;
}

/** Forgets everything in the table for whole blocks, for a block whose positions need more than 16 bits. */
export function claimTable(): void {
  clearTable(LZ4_TABLE_BASE);
  nextPosition = POSITIONS;
}

/** Forgets everything. An empty entry reads as position 0. */
export function clearTable(table: usize): void {
  memory.fill(table, 0, TABLE_BYTES);
}

/** Address of the entry for the bytes at `address`. Reads 8 bytes there. */
export function entryFor(table: usize, address: usize): usize {
  return table + ((<usize>(((load<u64>(address) << 24) * HASH_MULTIPLIER) >> (64 - HASH_BITS))) << 1);
}
