// The fast search of the encoder: greedy, one probe of a table of 16-bit positions per place. Leaves ranges, tables and history
// to its callers. What is common is written without a call: V8 inlines none.
import { LAST_LITERALS, LAST_MATCH_DISTANCE, MIN_COMPRESSIBLE, MIN_MATCH, RUN_MASK } from './constants';
import { copyStep, copySteps, loadPadded, STEP_BYTES } from './copy';
import { BLOCK_SHIFT, BLOCK_TABLE, SHARING_BYTES, slotIn } from './hash-table';
import { endOfMatch } from './match-length';
import { ONE_BYTE_FIELD, writeLiterals, writeSequence } from './sequence-writer';

/** Places probed without a gap after a match, two at a time. Then the gap grows by 1 for each further 2^SKIP_SHIFT probes. */
const DENSE_BYTES: usize = 32;
const SKIP_SHIFT: u32 = 6;
/** A small block has little to repeat from: its gap grows twice as fast, and that of a message up to SHORT_BYTES also sooner. */
const SHORT_BYTES: usize = 128;
const SHORT_DENSE_BYTES: usize = 16;
/** What a sequence of such fields takes beside its literals: token, two length bytes, offset; and a step that may run over. */
const SEQUENCE_ROOM: usize = 5 + STEP_BYTES;

// How an entry of the table is read, decided when the module is compiled (by the size of the type, see `candidateOf`).
/** A block of up to 64 KiB in the table of whole blocks, emptied before: every entry is an earlier place of it. */
export type OwnTable = u8;
/** The same, with entries left by blocks before: those below the block's first position read as that one. */
export type SharedTable = u16;
/** Positions beyond 16 bits: an entry holds the low bits, and means the last place that has them. */
export type SlidingWindow = u32;
/** History and block within 64 KiB, in a table of their own: every entry is an earlier place. */
export type SmallWindow = u64;

/**
 * Compresses `src` to `srcEnd` into `dst`; answers the end of the output, or 0 where it does not fit. Positions are counted
 * from `base`; a match may start at `lowest` or above, which is `src` or before it. `table` and `shift` are those of
 * `slotIn`; OwnTable and SharedTable take those of whole blocks.
 */
export function encodeSequences<Kind>(
  src: usize,
  srcEnd: usize,
  dst: usize,
  dstEnd: usize,
  table: usize,
  shift: u64,
  base: usize,
  lowest: usize,
): usize {
  let anchor = src;
  let out = dst;
  if (srcEnd - src < MIN_COMPRESSIBLE) return writeLast(anchor, srcEnd, out, dstEnd);
  const lastStart = srcEnd - LAST_MATCH_DISTANCE;
  const matchLimit = srcEnd - LAST_LITERALS;
  const stepLimit = srcEnd - STEP_BYTES;
  const vectorLimit = matchLimit - 2 * STEP_BYTES;
  // The first place is only remembered: a message's header is found again all the same, from its second byte backwards.
  setEntry<Kind>(slotOf<Kind>(load<u64>(src) << 24, table, shift), src - base);
  let at = src + 1;
  // By size alone, not by whether the table is shared: a block's bytes do not depend on the blocks before it.
  const isSmall = sizeof<Kind>() <= sizeof<SharedTable>() && srcEnd - src <= <usize>SHARING_BYTES;
  const denseBytes = isSmall && srcEnd - src <= SHORT_BYTES ? SHORT_DENSE_BYTES : DENSE_BYTES;
  const skipShift = isSmall ? SKIP_SHIFT - 1 : SKIP_SHIFT;
  while (true) {
    let match: usize = 0;
    const denseEnd = min(at + denseBytes, lastStart);
    while (at < denseEnd) {
      const bytes = load<u64>(at);
      const slot = slotOf<Kind>(bytes << 24, table, shift);
      const first = candidateOf<Kind>(slot, at, base, src);
      setEntry<Kind>(slot, at - base);
      const nextSlot = slotOf<Kind>((bytes >> 8) << 24, table, shift);
      const second = candidateOf<Kind>(nextSlot, at + 1, base, src);
      setEntry<Kind>(nextSlot, at + 1 - base);
      if (load<u32>(first) === <u32>bytes && isWithin<Kind>(first, at, lowest)) {
        match = first;
        break;
      }
      if (load<u32>(second) === <u32>(bytes >> 8) && isWithin<Kind>(second, at + 1, lowest)) {
        match = second;
        ++at;
        break;
      }
      at += 2;
    }
    if (match === 0) {
      let misses: usize = 2 << skipShift;
      let next = at;
      do {
        at = next;
        if (at > lastStart) return writeLast(anchor, srcEnd, out, dstEnd);
        next += misses >> skipShift;
        misses += 1 + (misses >> 9);
        const slot = slotOf<Kind>(load<u64>(at) << 24, table, shift);
        match = candidateOf<Kind>(slot, at, base, src);
        setEntry<Kind>(slot, at - base);
      } while (load<u32>(match) !== load<u32>(at) || !isWithin<Kind>(match, at, lowest));
    }

    const offset = at - match;
    // Eight bytes beyond the four: they lie within the source, since a match starts 12 before its end.
    const difference = load<u64>(at, MIN_MATCH) ^ load<u64>(match, MIN_MATCH);
    let matchEnd = at + MIN_MATCH;
    if (difference !== 0) matchEnd = min(matchEnd + <usize>(ctz(difference) >> 3), matchLimit);
    else {
      matchEnd += 8;
      if (ASC_FEATURE_SIMD) {
        let alike: u32 = -1;
        while (matchEnd <= vectorLimit) {
          alike = maskAlike(matchEnd, matchEnd - offset);
          if (~alike !== 0) break;
          matchEnd += 2 * STEP_BYTES;
        }
        if (~alike !== 0) matchEnd += <usize>ctz(~alike);
        else matchEnd = endOfMatch(matchEnd, matchEnd - offset, matchLimit);
      } else {
        matchEnd = endOfMatch(matchEnd, matchEnd - offset, matchLimit);
      }
    }
    while (at > anchor && match > lowest && load<u8>(at - 1) === load<u8>(match - 1)) {
      --at;
      --match;
    }

    const literals = at - anchor;
    const field = matchEnd - at - MIN_MATCH;
    if (
      literals < ONE_BYTE_FIELD &&
      field < ONE_BYTE_FIELD &&
      at <= stepLimit &&
      dstEnd - out >= literals + SEQUENCE_ROOM
    ) {
      // Length bytes are written in any case, and count where the field asks for them.
      store<u8>(out, <u8>(literals - RUN_MASK), 1);
      let to = out + 1 + usize(literals >= RUN_MASK);
      copyStep(to, anchor);
      if (literals > STEP_BYTES) copySteps(to + STEP_BYTES, anchor + STEP_BYTES, to + literals);
      to += literals;
      store<u16>(to, <u16>offset);
      store<u8>(to, <u8>(field - RUN_MASK), 2);
      store<u8>(out, <u8>((min<usize>(literals, RUN_MASK) << 4) | min<usize>(field, RUN_MASK)));
      out = to + 2 + usize(field >= RUN_MASK);
    } else {
      out = writeSequence(anchor, at, offset, matchEnd - at, out, dstEnd);
      if (out === 0) return 0;
    }
    anchor = matchEnd;
    at = matchEnd;
    if (at > lastStart) break;
    setEntry<Kind>(slotOf<Kind>(load<u64>(at - 2) << 24, table, shift), at - 2 - base);
  }
  return writeLast(anchor, srcEnd, out, dstEnd);
}

/** Writes the last literals, of which there are few most of the time. */
function writeLast(anchor: usize, srcEnd: usize, out: usize, dstEnd: usize): usize {
  if (ASC_FEATURE_SIMD) {
    const count = srcEnd - anchor;
    if (count - 1 < <usize>RUN_MASK - 1 && dstEnd - out > STEP_BYTES) {
      store<u8>(out, <u8>(count << 4));
      v128.store(out, loadPadded(anchor, count), 1);
      return out + 1 + count;
    }
  }
  return writeLiterals(anchor, srcEnd, 0, out, dstEnd);
}

/** Which of the next 32 bytes of two places are alike, one bit each. */
function maskAlike(one: usize, other: usize): u32 {
  const low = i8x16.bitmask(i8x16.eq(v128.load(one), v128.load(other)));
  return low | (i8x16.bitmask(i8x16.eq(v128.load(one, 16), v128.load(other, 16))) << 16);
}

/** Place of the entry for five bytes, which are the high ones of `bytes`: within the table of whole blocks, else its address. */
function slotOf<Kind>(bytes: u64, table: usize, shift: u64): usize {
  if (sizeof<Kind>() <= sizeof<SharedTable>()) return slotIn(bytes, 0, BLOCK_SHIFT);
  return slotIn(bytes, table, shift);
}

function entryIn<Kind>(slot: usize): usize {
  return sizeof<Kind>() <= sizeof<SharedTable>() ? load<u16>(slot, BLOCK_TABLE) : load<u16>(slot);
}

function setEntry<Kind>(slot: usize, position: usize): void {
  if (sizeof<Kind>() <= sizeof<SharedTable>()) store<u16>(slot, <u16>position, BLOCK_TABLE);
  else store<u16>(slot, <u16>position);
}

/** Address of the earlier place that an entry names. */
function candidateOf<Kind>(slot: usize, at: usize, base: usize, src: usize): usize {
  if (sizeof<Kind>() === sizeof<SlidingWindow>()) return at - ((at - base - entryIn<Kind>(slot)) & 0xffff);
  if (sizeof<Kind>() === sizeof<SharedTable>()) return max(base + entryIn<Kind>(slot), src);
  return base + entryIn<Kind>(slot);
}

/**
 * Whether an offset can name the distance, and the history reaches so far. Where entries cannot be old it needs no look, but
 * a table in a buffer of the host's is not trusted to name only places before.
 */
function isWithin<Kind>(match: usize, at: usize, lowest: usize): bool {
  if (sizeof<Kind>() === sizeof<SmallWindow>()) return match < at;
  return sizeof<Kind>() !== sizeof<SlidingWindow>() || at - match - 1 < at - lowest;
}
