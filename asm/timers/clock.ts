// Host time made monotone and wide: u32 ticks that wrap become u64 ticks that do not. Nothing else in the core sees a wrap.

/** Starts one wrap above zero, so that a host clock that steps back cannot reach below it. */
const ORIGIN: u64 = 1 << 32;

/** The latest tick seen. */
let latest: u64 = ORIGIN;

/**
 * The wide tick meant by `now`: of all ticks with these low 32 bits the one nearest to the latest seen, so `now` may be up
 * to 2^31-1 ahead of it, or behind it.
 */
export function widen(now: u32): u64 {
  const step = <i64>(<i32>(now - <u32>latest));
  const tick = latest + step;
  if (step > 0) latest = tick;
  return tick;
}

/** Takes `now` for a later tick, however far: for a time of which nothing is pending, so that no gap is too long. */
export function restart(now: u32): u64 {
  latest += <u64>(now - <u32>latest);
  return latest;
}
