// High compression of one block, a segment at a time: search, plan, write. Leaves ranges and history to its callers.
import { LAST_LITERALS, LAST_MATCH_DISTANCE, MAX_OFFSET, MIN_COMPRESSIBLE } from './constants';
import { nextEntry, setNextEntry } from './hc-chains';
import { planSteps, stepBytes, stepOffset } from './hc-plan';
import { findReaches, NODE_BYTES } from './hc-reaches';
import { writeHcSequence } from './hc-writer';
import { endOfMatch } from './match-length';

/** Positions that are planned at once. */
const SEGMENT_BYTES: usize = 8192;
/** How far the search follows a match out of its segment. Lengths of steps have 16 bits. */
const OVERHANG_BYTES: usize = 1024;
/** 64 KiB: a node per position. */
export const PLAN_BYTES: usize = SEGMENT_BYTES * NODE_BYTES;

/**
 * Compresses `src` to `srcEnd` into `dst`; answers the end of the output, or 0 where it does not fit. Positions are counted
 * from `base`; a match may start at `lowest` or above, which is `src` or before it.
 */
export function encodeHc(
  src: usize,
  srcEnd: usize,
  dst: usize,
  dstEnd: usize,
  tables: usize,
  shift: u32,
  plan: usize,
  base: usize,
  lowest: usize,
): usize {
  if (srcEnd - src < MIN_COMPRESSIBLE) return writeHcSequence(src, srcEnd, 0, 0, dst, dstEnd);
  const lastStart = srcEnd - LAST_MATCH_DISTANCE;
  const matchLimit = srcEnd - LAST_LITERALS;
  let anchor = src;
  let at = src;
  let out = dst;
  while (at <= lastStart) {
    const from = at;
    const to = min(at + SEGMENT_BYTES, lastStart + 1);
    // What is out of reach need not be entered: the inside of a match that is longer than an offset.
    setNextEntry(tables, max(nextEntry(tables), at - MAX_OFFSET));
    findReaches(plan, tables, shift, base, lowest, from, to, min(to + OVERHANG_BYTES, matchLimit));
    planSteps(plan, <u32>(to - from));
    while (at < to) {
      const step = plan + (at - from) * NODE_BYTES;
      const offset = stepOffset(step);
      let end = at + stepBytes(step);
      if (offset !== 0) {
        if (end > to) end = endOfMatch(end, end - offset, matchLimit);
        out = writeHcSequence(anchor, at, offset, end - at, out, dstEnd);
        if (out === 0) return 0;
        anchor = end;
      }
      at = end;
    }
  }
  return writeHcSequence(anchor, srcEnd, 0, 0, out, dstEnd);
}
