// How long two places of the source go on alike.

/** Where the bytes from `position` stop being those from `match`; `limit` at most, beyond which nothing is read. */
export function endOfMatch(position: usize, match: usize, limit: usize): usize {
  if (position >= limit) return limit;
  if (ASC_FEATURE_SIMD) {
    while (limit - position >= 16) {
      const alike = i8x16.bitmask(i8x16.eq(v128.load(position), v128.load(match)));
      if (alike !== 0xffff) return position + <usize>ctz(~alike);
      position += 16;
      match += 16;
    }
  }
  while (limit - position >= 8) {
    const difference = load<u64>(position) ^ load<u64>(match);
    if (difference !== 0) return position + <usize>(ctz(difference) >> 3);
    position += 8;
    match += 8;
  }
  while (position < limit && load<u8>(position) === load<u8>(match)) {
    ++position;
    ++match;
  }
  return position;
}
