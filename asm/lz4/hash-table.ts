// The encoder's memory of where four bytes were seen last. One table, used by one call at a time and cleared before it.
import { LZ4_TABLE_BASE } from '../layout';

/** 2^13 positions of 4 bytes: 32 KiB, which stays in a first-level cache beside source and destination. */
const HASH_BITS: u64 = 13;
const TABLE_BYTES: usize = 4 << (<usize>HASH_BITS);
/** Multiplicative hash of the low 5 bytes; the constant is the largest prime below 2^40 / golden ratio. */
const HASH_MULTIPLIER: u64 = 679535556989;

/** Forgets everything. An empty entry then reads as position 0, so the encoder never searches at position 0 itself. */
export function clearTable(): void {
  memory.fill(LZ4_TABLE_BASE, 0, TABLE_BYTES);
}

/** Address of the entry for the bytes at `position`. Reads 8 bytes there. */
export function entryFor(position: usize): usize {
  const hash = ((load<u64>(position) << 24) * HASH_MULTIPLIER) >> (64 - HASH_BITS);
  return LZ4_TABLE_BASE + ((<usize>hash) << 2);
}
