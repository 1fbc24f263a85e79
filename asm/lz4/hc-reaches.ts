// The search of the high-compression encoder: for each position of a segment, the match from there that reaches furthest. What
// the positions make of it is the plan's.
//
// All offsets cost the same, so of the matches from one position only the longest counts, and a match that starts later counts
// only where it reaches further. What reaches beyond R holds the five bytes that end with the one at R: one walk along their
// chain, each place of it extended both ways, finds the best match for every position up to there at once.
import { MAX_OFFSET, MIN_MATCH } from './constants';
import { CHAIN_KEY_BYTES, enterPositions, isSameKey, previousPlace, shortPlace } from './hc-chains';
import { endOfMatch } from './match-length';

/** A node per position: u32 offset, u32 end of the match as a distance from the segment's start. 0 where there is no match. */
export const NODE_BYTES: usize = 8;
/** Places of one chain that are looked at: the bound on the time that repetitive input takes. */
const MAX_STEPS: u32 = 96;
/** After 64 positions without a match the search goes on by 2, after 128 by 3, up to 8: random input is passed over quickly. */
const SKIP_SHIFT: usize = 6;
const MAX_SKIP: usize = 7;

/**
 * Fills the nodes of the positions from `from` to `to`. Matches begin at `lowest` or above and end at `limit` at most, behind
 * which 5 bytes can be read.
 */
export function findReaches(
  nodes: usize,
  tables: usize,
  shift: u32,
  base: usize,
  lowest: usize,
  from: usize,
  to: usize,
  limit: usize,
): void {
  // Nodes below `edge` are final, and `known` is the one that reaches furthest of all that begin at `edge` or before.
  let known: u64 = 0;
  let edge = from;
  let at = from;
  let misses: usize = 0;
  while (edge < to && at + CHAIN_KEY_BYTES <= limit) {
    let found = known;
    if (at === edge) {
      enterPositions(tables, shift, base, at);
      const short = shortMatch(tables, shift, base, lowest, at, from);
      enterPositions(tables, shift, base, at + 1);
      const near = nearestMatch(tables, base, lowest, at, from, limit);
      found = max(known, max(short, near));
      store<u64>(nodeOf(nodes, from, at), found);
      // The nearest is seldom the longest. The walk at its end looks at the others, and so begins at this edge once more.
      if (near === 0) ++edge;
    } else {
      enterPositions(tables, shift, base, at + 1);
      const settled = min(at + 1, to);
      fillNodes(nodes, from, edge, settled, known);
      widenReaches(nodes, tables, base, lowest, at, edge, settled, from, limit);
      found = load<u64>(nodeOf(nodes, from, settled - 1));
      edge = at + 1;
    }
    misses = found === known ? misses + 1 : 0;
    known = found;
    const skip = min(misses >> SKIP_SHIFT, MAX_SKIP);
    at = max(at + 1 + skip, from + <usize>(known >> 32) - (CHAIN_KEY_BYTES - 1));
  }
  if (edge < to) fillNodes(nodes, from, edge, to, known);
}

/** A match of four bytes, as a node: what the chains do not hold, and where any place is as good as any other. */
function shortMatch(tables: usize, shift: u32, base: usize, lowest: usize, at: usize, from: usize): u64 {
  const word = load<u32>(at);
  const distance = <usize>((<u32>(at - base) - shortPlace(tables, shift, word)) & MAX_OFFSET);
  if (distance === 0 || distance > at - lowest || load<u32>(at - distance) !== word) return 0;
  return packNode(at + MIN_MATCH - from, distance);
}

/** The nearest match of five bytes or more, as a node, or 0. */
function nearestMatch(tables: usize, base: usize, lowest: usize, at: usize, from: usize, limit: usize): u64 {
  const word = load<u64>(at);
  const room = min(at - lowest, <usize>MAX_OFFSET);
  const position = <u32>(at - base);
  let place = position;
  let before: usize = 0;
  for (let left = MAX_STEPS; left > 0; --left) {
    place = previousPlace(tables, place);
    const distance = <usize>((position - place) & MAX_OFFSET);
    if (distance <= before || distance > room) return 0;
    before = distance;
    if (isSameKey(load<u64>(at - distance), word)) {
      const end = endOfMatch(at + CHAIN_KEY_BYTES, at + CHAIN_KEY_BYTES - distance, limit);
      return packNode(end - from, distance);
    }
  }
  return 0;
}

/** Raises the nodes from `edge` to `settled` by all matches that hold the bytes at `at`. */
function widenReaches(
  nodes: usize,
  tables: usize,
  base: usize,
  lowest: usize,
  at: usize,
  edge: usize,
  settled: usize,
  from: usize,
  limit: usize,
): void {
  const word = load<u32>(at);
  const room = min(at - lowest, <usize>MAX_OFFSET);
  const position = <u32>(at - base);
  const least = at + (MIN_MATCH - 1);
  // A place is of use only where it leads beyond the furthest end so far, or begins before the first start that leads there:
  // where it holds the word behind the one or the word before the other.
  let top = max(endOf(nodes, from, edge), least);
  let ahead = top - (MIN_MATCH - 1);
  let aheadWord = load<u32>(ahead);
  let behind = ahead;
  let behindWord = aheadWord;
  let place = position;
  let before: usize = 0;
  for (let left = MAX_STEPS; left > 0; --left) {
    place = previousPlace(tables, place);
    const distance = <usize>((position - place) & MAX_OFFSET);
    if (distance <= before || distance > room) return;
    before = distance;
    // One branch for both, as neither can be foretold. `behind` may read below `lowest`, where it decides nothing.
    if (min(load<u32>(ahead - distance) ^ aheadWord, load<u32>(behind - distance) ^ behindWord) !== 0) continue;
    const match = at - distance;
    if (load<u32>(match) !== word) continue;
    const start = max(startOfMatch(at, match, edge), lowest + distance);
    if (start >= settled) continue;
    const reached = max(endOf(nodes, from, start), least);
    if (load<u32>(reached - (MIN_MATCH - 1)) !== load<u32>(reached - (MIN_MATCH - 1) - distance)) continue;
    const end = endOfMatch(at + MIN_MATCH, match + MIN_MATCH, limit);
    if (end <= reached) continue;
    raiseNodes(nodes, from, start, settled, packNode(end - from, distance));
    if (end >= top) {
      if (end === limit && start === edge) return;
      top = end;
      ahead = end - (MIN_MATCH - 1);
      aheadWord = load<u32>(ahead);
      behind = start === edge ? ahead : start - 1;
      behindWord = load<u32>(behind);
    }
  }
}

/** Where the bytes before `at` begin to be those before `match`: `edge` or above. */
function startOfMatch(at: usize, match: usize, edge: usize): usize {
  while (at > edge) {
    const difference = load<u64>(at - 8) ^ load<u64>(match - 8);
    if (difference !== 0) return max(at - (<usize>clz(difference) >> 3), edge);
    at -= 8;
    match -= 8;
  }
  return edge;
}

function packNode(end: usize, offset: usize): u64 {
  return ((<u64>end) << 32) | <u64>offset;
}

function nodeOf(nodes: usize, from: usize, at: usize): usize {
  return nodes + (at - from) * NODE_BYTES;
}

function endOf(nodes: usize, from: usize, at: usize): usize {
  return from + <usize>load<u32>(nodeOf(nodes, from, at), 4);
}

function fillNodes(nodes: usize, from: usize, start: usize, end: usize, node: u64): void {
  const last = nodeOf(nodes, from, end);
  for (let each = nodeOf(nodes, from, start); each < last; each += NODE_BYTES) store<u64>(each, node);
}

/** Gives `node` to the positions from `start` as far as theirs reach less far: reaches never decrease. */
function raiseNodes(nodes: usize, from: usize, start: usize, end: usize, node: u64): void {
  const reach = <u32>(node >> 32);
  const last = nodeOf(nodes, from, end);
  for (let each = nodeOf(nodes, from, start); each < last && load<u32>(each, 4) < reach; each += NODE_BYTES) {
    store<u64>(each, node);
  }
}
