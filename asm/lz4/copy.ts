// Moving bytes within the module: in steps of 8 where there is provably room for whole steps, else exactly. Both copies may
// write past `count`, never past `toEnd`; what they write there is to be overwritten or ignored.

/** Most literals of a sequence fit into this, and it is copied without a loop. */
const STRAIGHT_LITERALS: u32 = 16;
/** The same for matches: 4..18 bytes is what a token holds without length bytes. */
const STRAIGHT_MATCH: u32 = 24;
/** Up to here a loop of 8-byte steps beats a call of memory.copy. */
const SHORT_BYTES: u32 = 64;

/** Whether two ranges share a byte. Empty ranges share none. */
export function rangesOverlap(a: usize, aBytes: u32, b: usize, bBytes: u32): bool {
  return aBytes !== 0 && bBytes !== 0 && a < b + bBytes && b < a + aBytes;
}

/** Copies `count` bytes between ranges that end at `toEnd` and `fromEnd` and do not overlap. */
export function copyForward(to: usize, from: usize, count: u32, toEnd: usize, fromEnd: usize): void {
  const room = min(toEnd - to, fromEnd - from);
  if (count <= STRAIGHT_LITERALS && room >= STRAIGHT_LITERALS) {
    store<u64>(to, load<u64>(from));
    store<u64>(to, load<u64>(from, 8), 8);
  } else if (count <= SHORT_BYTES && room >= <usize>count + 7) {
    copySteps(to, from, to + count);
  } else {
    memory.copy(to, from, count);
  }
}

/**
 * Repeats `count` bytes that start `offset` (1 or more) before `to`, in a range that ends at `toEnd`. The source may run into
 * what is being written; then what lies between is a pattern that repeats.
 */
export function copyMatch(to: usize, offset: u32, count: u32, toEnd: usize): void {
  const from = to - offset;
  const room = toEnd - to;
  if (count <= STRAIGHT_MATCH && offset >= 8 && room >= STRAIGHT_MATCH) {
    // In this order: with an offset below 24 a later load reads what an earlier store wrote.
    store<u64>(to, load<u64>(from));
    store<u64>(to, load<u64>(from, 8), 8);
    store<u64>(to, load<u64>(from, 16), 16);
  } else if (count <= offset && count > SHORT_BYTES) {
    memory.copy(to, from, count);
  } else if (offset >= 8 && room >= <usize>count + 7) {
    copySteps(to, from, to + count);
  } else if (offset === 1) {
    memory.fill(to, load<u8>(from), count);
  } else {
    copyPattern(to, from, count);
  }
}

/** Copies in steps of 8 until `end` is reached or passed. `to` is ahead of `from` by 8 or more, or the ranges are apart. */
function copySteps(to: usize, from: usize, end: usize): void {
  while (to < end) {
    store<u64>(to, load<u64>(from));
    to += 8;
    from += 8;
  }
}

/** Repeats the pattern between `from` and `to`. It doubles with every round, so no round's ranges overlap. */
function copyPattern(to: usize, from: usize, count: u32): void {
  const end = to + count;
  if (count < SHORT_BYTES) {
    while (to < end) store<u8>(to++, load<u8>(from++));
    return;
  }
  while (to < end) {
    const step = min(to - from, end - to);
    memory.copy(to, from, step);
    to += step;
  }
}
