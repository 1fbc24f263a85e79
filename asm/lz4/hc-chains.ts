// The high-compression encoder's memory of what came before: where the same four bytes stood last, and for the same five bytes a
// chain of all places within reach of an offset. Leaves to the search which places are worth a look.
//
// Positions are counted from a base and may wrap at 2^32. Tables, one behind the other:
//   heads    u32 per hash of five bytes: the last position
//   ring     u16 per position, modulo 65,536: the low bits of the position before it in its chain; its own where there is none
//   shorts   u16 per hash of four bytes: the low bits of the last position
//   next     u32: address of the first byte that is not entered yet
import { MAX_OFFSET } from './constants';

/** A chain holds places with the same five bytes: those with the same four are several times as many. */
export const CHAIN_KEY_BYTES: usize = 5;
const KEY_SHIFT: u64 = 64 - 8 * <u64>CHAIN_KEY_BYTES;

const MAX_HASH_BITS: u32 = 15;
const MIN_HASH_BITS: u32 = 8;
const HEADS_BYTES: usize = 4 << (<usize>MAX_HASH_BITS);
const RING_BYTES: usize = 2 * (<usize>MAX_OFFSET + 1);
const SHORTS_AT: usize = HEADS_BYTES + RING_BYTES;
const NEXT_AT: usize = SHORTS_AT + (2 << (<usize>MAX_HASH_BITS));
/** 320 KiB, and 16 bytes. */
export const CHAIN_TABLES_BYTES: usize = NEXT_AT + 16;

/** What positions start from, so that an empty head, which reads as position 0, is out of reach of all of them. */
export const FIRST_POSITION: u32 = MAX_OFFSET + 1;

/** Odd numbers near 2^40 and 2^32 by the golden ratio, for multiplicative hashes. */
const CHAIN_MULTIPLIER: u64 = 679535556989;
const SHORT_MULTIPLIER: u32 = 2654435761;

/** How far a hash is shifted for blocks of `bytes`: a small block is spared the clearing of large tables. */
export function hashShift(bytes: u32): u32 {
  return 32 - min(max(32 - clz(bytes | 1), MIN_HASH_BITS), MAX_HASH_BITS);
}

/** Forgets everything. The ring is read only from positions that were entered after this. */
export function clearChains(tables: usize, shift: u32, next: usize): void {
  memory.fill(tables, 0, (<usize>4) << (32 - shift));
  memory.fill(tables + SHORTS_AT, 0, (<usize>2) << (32 - shift));
  setNextEntry(tables, next);
}

/** The address that is entered next. */
export function nextEntry(tables: usize): usize {
  return load<u32>(tables, NEXT_AT);
}

/** Passes over what will not be searched any more, or follows content that was moved. */
export function setNextEntry(tables: usize, next: usize): void {
  store<u32>(tables, <u32>next, NEXT_AT);
}

/** Enters what is not entered yet below `end`; up to 7 bytes behind it are read. */
export function enterPositions(tables: usize, shift: u32, base: usize, end: usize): void {
  let next = nextEntry(tables);
  while (next < end) {
    const word = load<u64>(next);
    const position = <u32>(next - base);
    const head = tables + ((<usize>(((word << KEY_SHIFT) * CHAIN_MULTIPLIER) >> (<u64>shift + 32))) << 2);
    const before = load<u32>(head);
    store<u32>(head, position);
    store<u16>(ringEntry(tables, position), <u16>(position - before <= MAX_OFFSET ? before : position), HEADS_BYTES);
    store<u16>(shortEntry(tables, shift, <u32>word), <u16>position, SHORTS_AT);
    ++next;
  }
  setNextEntry(tables, next);
}

/** The low 16 bits of the position before `position` in its chain: a place further back than it, or the chain ends. */
export function previousPlace(tables: usize, position: u32): u32 {
  return load<u16>(ringEntry(tables, position), HEADS_BYTES);
}

/** The low 16 bits of where the four bytes of `word`, or others of the same hash, stood last. */
export function shortPlace(tables: usize, shift: u32, word: u32): u32 {
  return load<u16>(shortEntry(tables, shift, word), SHORTS_AT);
}

/** Whether the bytes of a chain's key are the same at two places, of which 8 bytes each were loaded. */
export function isSameKey(one: u64, other: u64): bool {
  return (one ^ other) << KEY_SHIFT === 0;
}

function ringEntry(tables: usize, position: u32): usize {
  return tables + ((<usize>(position & MAX_OFFSET)) << 1);
}

function shortEntry(tables: usize, shift: u32, word: u32): usize {
  return tables + ((<usize>((word * SHORT_MULTIPLIER) >> shift)) << 1);
}
