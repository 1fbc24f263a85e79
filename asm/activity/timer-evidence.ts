// Evidence that something comes by a timer: a learned period, and how many bits speak for it. Leaves to its callers what it is
// that comes, and the wheel of deadlines to timers/.
//
// A timer is 12 bytes: u32 tick of the last one on the grid; u24 period in ticks and u8 seen; u8 bits; u8 misses in a row (3 bits)
// and strays (5 bits); u16 how long after the grid's last one the last stray came, STRAY_UNIT_TICKS each.

import { BEAT_BITS, ENOUGH_BITS, MOST_BITS, USE_TICKS } from './thresholds';

const PERIOD_TICKS: usize = 4;
const EVIDENCE: usize = 8;
const MISSES: usize = 9;
const SEEN: usize = 7;
const LAST_STRAY: usize = 10;

const STRAY_UNIT_TICKS: u32 = 4;
const PERIOD_MASK: u32 = 0xffffff;
/** Strays that cost nothing: the first intervals have no grid yet. */
const FREE_STRAYS: u32 = 3;

const LONGEST_TICKS: u32 = 3_600_000;
/** A period is kept to 1 / TOLERANCE_PART of itself, within the bounds below. */
const TOLERANCE_PART: u32 = 150;
const LEAST_TOLERANCE_TICKS: u32 = 12;
const MOST_TOLERANCE_TICKS: u32 = 120;
/** An interval that is nearer to its period than that is rarer, a bit for each halving; clocks of programs are not exact to less. */
const MOST_EXACT_BITS: u32 = 4;
const LEAST_OFF_TICKS: u32 = 4;
/** Timers are set to whole seconds, and to multiples of five of them: an interval that is one is evidence before it repeats. */
const ROUND_TICKS: u32 = 5000;
const ROUND_TOLERANCE_TICKS: u32 = 20;
const MINUTE_TICKS: u32 = 60_000;
const ROUND_BITS: u32 = 6;
/** The same of one that is a whole number of seconds, or nearly a multiple of five. */
const ROUGHLY_ROUND_BITS: u32 = 4;
/** The same of whole minutes, to LEAST_OFF_TICKS, or halves of them, to half as much: by chance one of 14 / 60,000 intervals is that. */
const MINUTE_BITS: u32 = 12;
const HALF_MINUTE_TICKS: u32 = 30_000;
/** What a beat is worth beside BEAT_BITS that is a multiple of five seconds to LEAST_OFF_TICKS, though its period is not. */
const ROUND_BEAT_BITS: u32 = 3;
const SECOND_TOLERANCE_TICKS: u32 = 15;
/** Timers drift: a keepalive of a minute may come this part of it late. */
const ROUND_DRIFT_PART: u32 = 400;
/** Ticks of the grid that may be missing, because the timer is held back while other bytes flow. */
const MISSING_BEATS: u32 = 3;
/** After so many in a row that are off the grid, the period is learned anew. */
const MOST_MISSES: u8 = 4;
const MISSES_MASK: u8 = 7;
/**
 * What was often off every grid is somebody's, and needs that much more evidence: a stray counts one bit, and a beat takes one back.
 */
const MOST_STRAYS: u32 = 9;

/**
 * Takes note of one at `now`, and answers whether a timer explains it. `silentTicks`: since the other side last spoke, as some
 * keepalives count from there. `shortestTicks`: intervals below it are no timer's here, but what people do. `keepsSeconds`: timers may count in whole seconds (SSH).
 */
export function noteTimer(timer: usize, now: u32, silentTicks: u32, shortestTicks: u32, keepsSeconds: bool): bool {
  const seen = load<u8>(timer, SEEN);
  if (seen < 0xff) store<u8>(timer, seen + 1, SEEN);
  if (seen === 0) {
    store<u32>(timer, now);
    return false;
  }
  const gap = now - load<u32>(timer);
  const period = periodOf(timer);
  const sinceStray = gap - min<u32>(<u32>load<u16>(timer, LAST_STRAY) * STRAY_UNIT_TICKS, gap);
  if (period !== 0) {
    if (isOnGrid(gap, period)) return takeBeat(timer, now, gap, period);
    if (silentTicks < gap && isNear(silentTicks, period)) return takeBeat(timer, now, silentTicks, period);
    if (keepsSeconds && silentTicks < gap && isDue(timer, silentTicks)) return takeEarlyBeat(timer, now);
    // The timer was set anew when the last stray came: a page that polls from its last click on.
    if (sinceStray < gap && isNear(sinceStray, period)) return takeBeat(timer, now, sinceStray, period);
  }
  // One of many close to each other says nothing about the timer, but that somebody is there.
  const isUse = sinceStray < USE_TICKS && (period === 0 || sinceStray < period / 2);
  takeStray(timer, gap, isUse);
  if (isUse) return false;
  if (gap < shortestTicks) {
    takeMiss(timer);
    return false;
  }
  if (load<u8>(timer, EVIDENCE) >= <u8>BEAT_BITS && takeMiss(timer)) return false;
  // After use it counts from there: many timers are set anew by it. Or from the answer, if that makes whole seconds.
  const counted = sinceStray >= shortestTicks ? sinceStray : gap;
  const isFromAnswer =
    silentTicks < counted && silentTicks >= shortestTicks && !isWhole(counted) && isWhole(silentTicks);
  startOver(timer, now, isFromAnswer ? silentTicks : counted);
  return !isFromAnswer && isExplained(timer);
}

/** Takes note of another one at the same tick as the last: no timer's, and it says nothing about one. */
export function countTimer(timer: usize): void {
  const seen = load<u8>(timer, SEEN);
  if (seen < 0xff) store<u8>(timer, seen + 1, SEEN);
}

/** Whether the evidence is enough: what was often off every grid needs more. */
function isExplained(timer: usize): bool {
  const strays = <u32>(load<u8>(timer, MISSES) >> 3);
  return <u32>load<u8>(timer, EVIDENCE) >= ENOUGH_BITS + max(strays, FREE_STRAYS) - FREE_STRAYS;
}

/** The learned period in ticks, or 0. */
export function timerPeriod(timer: usize): u32 {
  return load<u8>(timer, EVIDENCE) >= <u8>ENOUGH_BITS ? periodOf(timer) : 0;
}

/**
 * Whether the other side has been silent for the period, as a timer that keeps whole seconds takes it: it may be up to one early
 * (OpenSSH's ServerAliveInterval). Weaker than `noteTimer`.
 */
export function isDue(timer: usize, silentTicks: u32): bool {
  const period = periodOf(timer);
  if (period < ROUND_TICKS - ROUND_TOLERANCE_TICKS || load<u8>(timer, EVIDENCE) < <u8>BEAT_BITS) return false;
  const tolerance = toleranceOf(period);
  return silentTicks <= period + tolerance && silentTicks + tolerance + 1000 >= period;
}

/** Ticks since the last one on the grid. */
export function timerGap(timer: usize, now: u32): u32 {
  return now - load<u32>(timer);
}

export function timerSeen(timer: usize): u32 {
  return load<u8>(timer, SEEN);
}

/** How hard it would be to lose this timer. */
export function timerBits(timer: usize): u32 {
  return load<u8>(timer, EVIDENCE);
}

/** Ticks that `period` may be off. */
function toleranceOf(period: u32): u32 {
  return min(max(period / TOLERANCE_PART, LEAST_TOLERANCE_TICKS), MOST_TOLERANCE_TICKS);
}

function isNear(gap: u32, period: u32): bool {
  const off = gap > period ? gap - period : period - gap;
  return off <= toleranceOf(period);
}

function isOnGrid(gap: u32, period: u32): bool {
  if (isNear(gap, period)) return true;
  if (gap < period + period / 2) return false;
  const beats = (gap + period / 2) / period;
  return beats >= 2 && beats <= 1 + MISSING_BEATS && isNear(gap - (beats - 1) * period, period);
}

/** One that came on time. The period follows slowly, so that a wrong first one is corrected. */
function takeBeat(timer: usize, now: u32, gap: u32, period: u32): bool {
  // A beat after strays says nothing new: whoever types every three seconds is on a grid of six.
  const isClean = (load<u8>(timer, MISSES) & MISSES_MASK) === 0;
  const known = <u32>load<u8>(timer, EVIDENCE);
  const bits = isClean ? min(known + BEAT_BITS + exactness(gap, period), MOST_BITS) : known;
  const strays = load<u8>(timer, MISSES) >> 3;
  store<u32>(timer, now);
  store<u8>(timer, <u8>bits, EVIDENCE);
  const isTimed = isExplained(timer);
  store<u8>(timer, (strays === 0 || !isClean ? strays : strays - 1) << 3, MISSES);
  store<u16>(timer, 0, LAST_STRAY);
  if (isNear(gap, period)) setPeriod(timer, <u32>(<i32>period + (<i32>gap - <i32>period) / 4));
  return isTimed;
}

/** Bits by which an interval agrees with the period, or with a round number near it, better than it had to. */
function exactness(gap: u32, period: u32): u32 {
  const off = max(gap > period ? gap - period : period - gap, LEAST_OFF_TICKS);
  const round = isMultiple(gap, ROUND_TICKS, LEAST_OFF_TICKS) ? ROUND_BEAT_BITS : 0;
  let near: u32 = 0;
  for (let span = toleranceOf(period) / 2; near < MOST_EXACT_BITS && off <= span; span /= 2) ++near;
  return max(near, round);
}

/** One that came as `isDue` has it: it says nothing new, and the next one counts from it. */
function takeEarlyBeat(timer: usize, now: u32): bool {
  store<u32>(timer, now);
  store<u16>(timer, 0, LAST_STRAY);
  return load<u8>(timer, EVIDENCE) >= <u8>ENOUGH_BITS;
}

function periodOf(timer: usize): u32 {
  return load<u32>(timer, PERIOD_TICKS) & PERIOD_MASK;
}

function setPeriod(timer: usize, period: u32): void {
  store<u32>(timer, (load<u32>(timer, PERIOD_TICKS) & ~PERIOD_MASK) | period, PERIOD_TICKS);
}

function takeStray(timer: usize, gap: u32, isUse: bool): void {
  store<u16>(timer, <u16>min<u32>(gap / STRAY_UNIT_TICKS, 0xffff), LAST_STRAY);
  if (isUse) return;
  const byte = load<u8>(timer, MISSES);
  if (<u32>(byte >> 3) < MOST_STRAYS) store<u8>(timer, byte + 8, MISSES);
}

/** One off the grid: answers whether the grid is kept nevertheless. */
function takeMiss(timer: usize): bool {
  const byte = load<u8>(timer, MISSES);
  const misses = (byte & MISSES_MASK) + 1;
  if (misses < MOST_MISSES) {
    store<u8>(timer, (byte & ~MISSES_MASK) | misses, MISSES);
    return true;
  }
  store<u8>(timer, byte & ~MISSES_MASK, MISSES);
  const bits = load<u8>(timer, EVIDENCE);
  store<u8>(timer, bits > <u8>ENOUGH_BITS ? bits - <u8>ENOUGH_BITS : 0, EVIDENCE);
  return bits > <u8>ENOUGH_BITS * 2;
}

function startOver(timer: usize, now: u32, gap: u32): void {
  store<u32>(timer, now);
  store<u8>(timer, load<u8>(timer, MISSES) & ~MISSES_MASK, MISSES);
  store<u16>(timer, 0, LAST_STRAY);
  setPeriod(timer, gap <= LONGEST_TICKS ? gap : 0);
  store<u8>(timer, <u8>roundness(gap), EVIDENCE);
}

/** Bits by which an interval is one that somebody might have set a timer to. */
function roundness(gap: u32): u32 {
  if (isMultiple(gap, MINUTE_TICKS, LEAST_OFF_TICKS)) return MINUTE_BITS;
  if (isMultiple(gap, HALF_MINUTE_TICKS, LEAST_OFF_TICKS / 2)) return MINUTE_BITS;
  if (isMultiple(gap, ROUND_TICKS, LEAST_OFF_TICKS)) return ROUND_BITS + 2;
  if (isMultiple(gap, ROUND_TICKS, ROUND_TOLERANCE_TICKS)) return ROUND_BITS;
  return isRoundInterval(gap) ? ROUGHLY_ROUND_BITS : 0;
}

/** Whether somebody might have set a timer to this: whole seconds, or, less exactly, a multiple of five. */
export function isRoundInterval(gap: u32): bool {
  if (gap < ROUND_TICKS - ROUND_TOLERANCE_TICKS || gap > LONGEST_TICKS) return false;
  return (
    isMultiple(gap, 1000, SECOND_TOLERANCE_TICKS) ||
    isMultiple(gap, ROUND_TICKS, ROUND_TOLERANCE_TICKS + gap / ROUND_DRIFT_PART)
  );
}

/**
 * Whether somebody might have set a timer to this that counts in whole seconds from the second in which the other side spoke last, and so
 * comes up to one early (OpenSSH's ServerAliveInterval): to multiples of five seconds, or of a minute.
 */
export function isRoundInSeconds(gap: u32): bool {
  if (gap > LONGEST_TICKS) return false;
  const unit = gap > MINUTE_TICKS ? MINUTE_TICKS : ROUND_TICKS;
  const early = (gap + ROUND_TOLERANCE_TICKS + 1000) % unit;
  return gap + ROUND_TOLERANCE_TICKS + 1000 >= unit && early <= 1000 + 2 * ROUND_TOLERANCE_TICKS;
}

/** Whether the last one came, as the second of its kind, after an interval that hardly anybody keeps who has no clock. */
export function isRoundStart(timer: usize): bool {
  return load<u8>(timer, SEEN) === 2 && load<u8>(timer, EVIDENCE) >= <u8>ROUND_BITS + 2;
}

function isWhole(gap: u32): bool {
  return gap >= 1000 && isMultiple(gap, 1000, SECOND_TOLERANCE_TICKS);
}

function isMultiple(gap: u32, unit: u32, tolerance: u32): bool {
  const off = gap % unit;
  return gap + tolerance >= unit && (off <= tolerance || off + tolerance >= unit);
}
