// The cheapest way through a segment: for each position, from the last to the first, whether a literal or its match costs less.
//
// A later position never costs more than an earlier one, so a match is taken whole, or just short of its last length byte.
import { MIN_MATCH, RUN_MASK } from './constants';
import { NODE_BYTES } from './hc-reaches';

/** From this length on a match has a length byte, and one more for each further 255. */
const LONG_MATCH: u32 = MIN_MATCH + RUN_MASK;
/** Token and offset. */
const SEQUENCE_BYTES: u32 = 3;
/** What a match saves at most by leading out of the segment: a sequence there. */
const END_COST: u32 = SEQUENCE_BYTES + 1;

/**
 * Turns `count` nodes of the search into steps: u16 offset, u16 length; offset 0 is a run of literals. A match may lead out of
 * the segment, which saves half a byte for each byte there, as far as END_COST. Each node's other half becomes the cost from there on.
 */
export function planSteps(nodes: usize, count: u32): void {
  let cost = END_COST;
  let run: u32 = 0;
  // Literals that the next length byte is away.
  let runLeft: u32 = RUN_MASK;
  for (let position = count; position-- > 0; ) {
    const node = nodes + <usize>position * NODE_BYTES;
    const end = load<u32>(node, 4);
    cost += runLeft === 1 ? 2 : 1;
    let length = end - position;
    if (end >= position + MIN_MATCH) {
      let best = costFrom(nodes, count, end) + SEQUENCE_BYTES;
      if (length >= LONG_MATCH) {
        const more = (length - LONG_MATCH) / 255;
        const shorter = LONG_MATCH - 1 + 255 * more;
        const other = costFrom(nodes, count, position + shorter) + SEQUENCE_BYTES + more;
        best += 1 + more;
        if (other < best) {
          best = other;
          length = shorter;
        }
      }
      if (best <= cost) {
        cost = best;
        run = 0;
        runLeft = RUN_MASK;
        store<u16>(node, <u16>length, 2);
        store<u32>(node, cost, 4);
        continue;
      }
    }
    if (--runLeft === 0) runLeft = 255;
    store<u32>(node, ++run << 16);
    store<u32>(node, cost, 4);
  }
}

function costFrom(nodes: usize, count: u32, position: u32): u32 {
  if (position < count) return load<u32>(nodes + <usize>position * NODE_BYTES, 4);
  return END_COST - min((position - count) >> 1, END_COST);
}

/** The offset of a planned step, 0 for literals. */
export function stepOffset(node: usize): usize {
  return load<u16>(node);
}

/** The bytes of a planned step. */
export function stepBytes(node: usize): usize {
  return load<u16>(node, 2);
}
