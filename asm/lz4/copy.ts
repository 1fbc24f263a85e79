// Moving bytes within the module in steps of 16, with SIMD where the build has it and as two words where not. A step may write
// past what is asked for: callers say how far, and keep it within the capacity. Leaves every check to the callers.

/** Bytes that one step moves. */
export const STEP_BYTES: usize = 16;
/** From here on a call of memory.copy is worth its price. */
const LONG_BYTES: usize = 2048;

/**
 * For a match with an offset below 16, at 16 * offset: which of the pattern's bytes stand in the next 16, `i % offset`.
 * Row 0 is no offset.
 */
const PATTERN_ROWS: usize = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0,
  1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1,
  2, 3, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 0, 1, 2, 3, 4,
  5, 6, 0, 1, 2, 3, 4, 5, 6, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2,
  3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 1, 2, 3, 4, 0, 1, 2,
  3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 1, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8,
  9, 10, 11, 12, 13, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0,
]);
/** Per offset below 16: the largest multiple of it that is 16 or less, by which the pattern moves on unchanged. */
const PATTERN_STRIDES: usize = memory.data<u8>([0, 16, 16, 15, 16, 15, 12, 14, 16, 9, 10, 11, 12, 13, 14, 15]);

/** Whether two ranges share a byte. Empty ranges share none. */
export function rangesOverlap(a: usize, aBytes: u32, b: usize, bBytes: u32): bool {
  return aBytes !== 0 && bBytes !== 0 && a < b + bBytes && b < a + aBytes;
}

/** False where two ranges share no byte; true where they do, or where one is empty and begins within the other. Without a branch. */
export function mayOverlap(a: usize, aBytes: u32, b: usize, bBytes: u32): bool {
  return (u32(b - a < aBytes) | u32(a - b < bBytes)) !== 0;
}

/**
 * The 1 to 16 bytes from `from` on, and zeros behind them. Read from before them, so that no byte from beyond is seen, and moved down
 * to the first lane.
 */
export function loadPadded(from: usize, count: usize): v128 {
  const lanes = i8x16.add(
    i8x16.splat(<i8>(STEP_BYTES - count)),
    i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
  );
  return v128.swizzle(v128.load(from + count - STEP_BYTES), lanes);
}

/** Moves 16 bytes between ranges that do not overlap. */
export function copyStep(to: usize, from: usize): void {
  if (ASC_FEATURE_SIMD) {
    v128.store(to, v128.load(from));
  } else {
    const low = load<u64>(from);
    const high = load<u64>(from, 8);
    store<u64>(to, low);
    store<u64>(to, high, 8);
  }
}

/** Copies in steps until `end` is reached or passed by up to 15 bytes. `to` is ahead of `from` by 16 or more, or apart. */
export function copySteps(to: usize, from: usize, end: usize): void {
  do {
    copyStep(to, from);
    to += STEP_BYTES;
    from += STEP_BYTES;
  } while (to < end);
}

/** Copies exactly `count` bytes between ranges that end at `toEnd` and `fromEnd` and do not overlap. */
export function copyForward(to: usize, from: usize, count: usize, toEnd: usize, fromEnd: usize): void {
  if (count < LONG_BYTES && min(toEnd - to, fromEnd - from) >= count + (STEP_BYTES - 1)) {
    if (count !== 0) copySteps(to, from, to + count);
  } else if (count < STEP_BYTES) {
    copyShort(to, from, count);
  } else {
    memory.copy(to, from, count);
  }
}

/** Copies exactly `count` bytes between ranges apart, and touches nothing beyond either: the last step overlaps the others. */
export function copyExactly(to: usize, from: usize, count: usize): void {
  if (count < STEP_BYTES) {
    copyShort(to, from, count);
    return;
  }
  if (count >= LONG_BYTES) {
    memory.copy(to, from, count);
    return;
  }
  const last = to + count - STEP_BYTES;
  const lastFrom = from + count - STEP_BYTES;
  while (to < last) {
    copyStep(to, from);
    to += STEP_BYTES;
    from += STEP_BYTES;
  }
  copyStep(last, lastFrom);
}

/**
 * Copies `count` bytes between ranges apart, and zeros up to the next whole step where there is room for it before `toEnd`:
 * without a branch on the count's low bits, which are not to be foreseen, and without showing a byte from beyond the source.
 */
export function copyPadded(to: usize, from: usize, count: usize, toEnd: usize): void {
  if (ASC_FEATURE_SIMD) {
    // An empty range may have any pointer: nothing is read before it.
    if (count - 1 < LONG_BYTES - 1 && toEnd - to >= count + STEP_BYTES) {
      while (count > STEP_BYTES) {
        copyStep(to, from);
        to += STEP_BYTES;
        from += STEP_BYTES;
        count -= STEP_BYTES;
      }
      v128.store(to, loadPadded(from, count));
      return;
    }
  }
  copyExactly(to, from, count);
}

/** 0 to 15 bytes between ranges apart, without a loop and without a byte beyond. */
function copyShort(to: usize, from: usize, count: usize): void {
  if (count >= 8) {
    const tail = load<u64>(from + count - 8);
    store<u64>(to, load<u64>(from));
    store<u64>(to + count - 8, tail);
  } else if (count >= 4) {
    const tail = load<u32>(from + count - 4);
    store<u32>(to, load<u32>(from));
    store<u32>(to + count - 4, tail);
  } else if (count !== 0) {
    const middle = load<u8>(from + (count >> 1));
    const tail = load<u8>(from + count - 1);
    store<u8>(to, load<u8>(from));
    store<u8>(to + (count >> 1), middle);
    store<u8>(to + count - 1, tail);
  }
}

/**
 * Repeats `count` bytes that start `offset` (1 or more) before `to`, in a range that ends at `toEnd`. The source may run into
 * what is being written; then what lies between is a pattern that repeats.
 */
export function copyMatch(to: usize, offset: usize, count: usize, toEnd: usize): void {
  const end = to + count;
  if (toEnd - end < 2 * STEP_BYTES) copyMatchExactly(to, offset, end);
  else if (offset >= STEP_BYTES) copySteps(to, to - offset, end);
  else copyPattern(to, offset, end);
}

/** Repeats a pattern of 1 to 15 bytes before `to` until `end` is reached or passed by up to 31 bytes. */
export function copyPattern(to: usize, offset: usize, end: usize): void {
  if (ASC_FEATURE_SIMD) {
    const pattern = v128.swizzle(v128.load(to - offset), v128.load(PATTERN_ROWS + (offset << 4)));
    const stride = <usize>load<u8>(PATTERN_STRIDES + offset);
    do {
      v128.store(to, pattern);
      v128.store(to + stride, pattern);
      to += stride << 1;
    } while (to < end);
  } else {
    copyMatchExactly(to, offset, end);
  }
}

/** Repeats byte for byte near the end of the capacity, in doubling pieces where it is long. */
function copyMatchExactly(to: usize, offset: usize, end: usize): void {
  let from = to - offset;
  if (end - to <= 64) {
    while (to < end) store<u8>(to++, load<u8>(from++));
    return;
  }
  while (to < end) {
    const step = min(to - from, end - to);
    memory.copy(to, from, step);
    to += step;
  }
}
