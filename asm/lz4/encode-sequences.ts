// The fast search of the encoder: greedy, one probe of a table of 16-bit positions per step. Leaves ranges, tables and history
// to its callers.
import { LAST_LITERALS, LAST_MATCH_DISTANCE, MIN_COMPRESSIBLE, MIN_MATCH, RUN_MASK } from './constants';
import { STEP_BYTES } from './copy';
import { entryFor } from './hash-table';
import { endOfMatch } from './match-length';
import { SHORT_MATCH, SHORT_SEQUENCE_ROOM, writeLiterals, writeSequence, writeShortSequence } from './sequence-writer';

/**
 * After 40 probes without a match the step is 2, and it grows by 1 for each further 2^6: incompressible input is passed over
 * quickly. What the longer hash finds more than a hash of 4 bytes pays for the early second step.
 */
const SKIP_SHIFT: u32 = 6;
const FIRST_MISSES: usize = (1 << SKIP_SHIFT) + 24;

// How an entry of the table is read, decided when the module is compiled (by the size of the type, see `candidateOf`).
/** A block of up to 64 KiB and a table of its own: every entry is an earlier position of it, or 0. No check at all. */
export type FirstPosition = u8;
/** The same in a table that small blocks share: entries below the block's first position are old, and read as that one. */
export type SharedTable = u16;
/** Positions beyond 16 bits: an entry holds the low bits, and means the last position that has them. */
export type SlidingWindow = u32;

/**
 * Compresses `src` to `srcEnd` into `dst`; answers the end of the output, or 0 where it does not fit. Positions are counted
 * from `base`; a match may start at `lowest` or above, which is `src` or before it.
 */
export function encodeSequences<Positions>(
  src: usize,
  srcEnd: usize,
  dst: usize,
  dstEnd: usize,
  table: usize,
  base: usize,
  lowest: usize,
): usize {
  let anchor = src;
  let out = dst;
  if (srcEnd - src >= MIN_COMPRESSIBLE) {
    const lastStart = srcEnd - LAST_MATCH_DISTANCE;
    const matchLimit = srcEnd - LAST_LITERALS;
    const stepLimit = srcEnd - STEP_BYTES;
    // Position 0 is what an empty entry means: it may be found, but it is not searched for.
    let at = src === lowest ? src + 1 : src;
    let entry = entryFor(table, at);
    while (at <= lastStart) {
      let match = candidateOf<Positions>(entry, at, base, src);
      store<u16>(entry, <u16>(at - base));
      if (!isMatch<Positions>(match, at, lowest)) {
        let misses = FIRST_MISSES;
        let next = at + 1;
        entry = entryFor(table, next);
        do {
          at = next;
          next += misses >> SKIP_SHIFT;
          ++misses;
          if (next > lastStart) return writeLiterals(anchor, srcEnd, srcEnd, 0, out, dstEnd);
          match = candidateOf<Positions>(entry, at, base, src);
          store<u16>(entry, <u16>(at - base));
          entry = entryFor(table, next);
        } while (!isMatch<Positions>(match, at, lowest));
      }
      let matchEnd = at + MIN_MATCH;
      if (at < stepLimit) {
        const difference = load<u64>(matchEnd) ^ load<u64>(match, MIN_MATCH);
        if (difference !== 0) matchEnd += <usize>ctz(difference) >> 3;
        else matchEnd = endOfMatch(matchEnd + 8, match + MIN_MATCH + 8, matchLimit);
      } else {
        matchEnd = endOfMatch(matchEnd, match + MIN_MATCH, matchLimit);
      }
      while (at > anchor && match > lowest && load<u8>(at - 1) === load<u8>(match - 1)) {
        --at;
        --match;
      }
      const matchBytes = matchEnd - at;
      if (at - anchor < RUN_MASK && matchBytes < SHORT_MATCH && at < stepLimit && dstEnd - out >= SHORT_SEQUENCE_ROOM) {
        out = writeShortSequence(anchor, at - anchor, at - match, matchBytes, out);
      } else {
        out = writeSequence(anchor, at, at - match, matchBytes, srcEnd, out, dstEnd);
        if (out === 0) return 0;
      }
      anchor = matchEnd;
      at = matchEnd;
      if (at > lastStart) break;
      store<u16>(entryFor(table, at - 2), <u16>(at - 2 - base));
      entry = entryFor(table, at);
    }
  }
  return writeLiterals(anchor, srcEnd, srcEnd, 0, out, dstEnd);
}

function isMatch<Positions>(match: usize, at: usize, lowest: usize): bool {
  if (load<u32>(match) !== load<u32>(at)) return false;
  return sizeof<Positions>() !== sizeof<SlidingWindow>() || at - match - 1 < at - lowest;
}

/** Address of the earlier occurrence that an entry names. */
function candidateOf<Positions>(entry: usize, at: usize, base: usize, src: usize): usize {
  if (sizeof<Positions>() === sizeof<SlidingWindow>()) return at - ((at - base - load<u16>(entry)) & 0xffff);
  if (sizeof<Positions>() === sizeof<SharedTable>()) return max(base + load<u16>(entry), src);
  return base + load<u16>(entry);
}
