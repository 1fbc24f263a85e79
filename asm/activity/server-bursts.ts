// When a server spoke, in bursts, and how long its client takes to answer them. Leaves what follows from it to reply-evidence.ts.
//
// Clients answer by themselves a round trip after the server's bytes; people do not. The round trip is measured on the first
// exchanges of a connection, which programs make and nobody types.
import {
  BIT_CAUSED,
  BIT_CLIENT_LAST,
  BIT_CLIENT_SPOKE,
  BIT_ODD,
  BIT_SERVER_SPOKE,
  BURST_BEFORE,
  BURST_BEFORE_THAT,
  CLIENT_AT,
  COUNTERS,
  DELAY_UNIT_TICKS,
  LEARNER_BITS,
  ROUND_TRIP,
  SERVER_AT,
  SERVER_SIZE,
  SILENCE,
} from './learner-state';
import { ANSWER_TICKS, CLIENT_WORK_TICKS, PROMPT_TICKS } from './thresholds';

/** The server's bytes after such a pause are a new burst. */
export const BURST_PAUSE_TICKS: u32 = 8;
/** The exchanges that tell the round trip: both sides of SSH speak at once in the first two. */
const EXCHANGES_SKIPPED: u8 = 2;
const EXCHANGES: u8 = 10;
/** Once the client was silent for so long, the connection is set up. */
const LONGEST_EXCHANGE_TICKS: u32 = 4500;
/** Until the round trip is known, a reply may be this late. */
const LONGEST_ROUND_TRIP_TICKS: u32 = 240;
/** The part of the round trip that an answer may be early, with some ticks, and late. */
const EARLY_PART: u32 = 8;
const EARLY_TICKS: u32 = 4;
const LATE_PART: u32 = 4;
/** "Longer ago" of a burst, and "never". */
const LONG_AGO: u32 = 255;

/** Takes note of `bytes` of the server; answers whether they begin a burst. */
export function noteBurst(learner: usize, bytes: u32, now: u32): bool {
  const bits = load<u8>(learner, LEARNER_BITS);
  const pauseTicks = (bits & BIT_SERVER_SPOKE) !== 0 ? now - load<u32>(learner, SERVER_AT) : 0xffff;
  const isNew = (bits & BIT_CLIENT_LAST) !== 0 || pauseTicks > BURST_PAUSE_TICKS;
  let caused = bits & BIT_CAUSED;
  if (isNew) {
    const leadTicks = (bits & BIT_CLIENT_SPOKE) !== 0 ? now - load<u32>(learner, CLIENT_AT) : 0xffff;
    caused = leadTicks < ANSWER_TICKS ? BIT_CAUSED : 0;
    store<u16>(learner, <u16>min<u32>(pauseTicks, 0xffff), SILENCE);
    store<u8>(learner, load<u8>(learner, BURST_BEFORE), BURST_BEFORE_THAT);
    store<u8>(learner, 0, BURST_BEFORE);
    const counters = load<u8>(learner, COUNTERS);
    store<u8>(learner, (counters & 0xf0) | ((counters + 1) & 15), COUNTERS);
  }
  age(learner + BURST_BEFORE, pauseTicks, !isNew);
  age(learner + BURST_BEFORE_THAT, pauseTicks, true);
  store<u16>(learner, <u16>min<u32>(bytes, 0xffff), SERVER_SIZE);
  store<u32>(learner, now, SERVER_AT);
  store<u8>(learner, (bits & ~(BIT_CLIENT_LAST | BIT_CAUSED)) | BIT_SERVER_SPOKE | caused, LEARNER_BITS);
  return isNew;
}

/** A burst before the last one is so much older now. 0 is "none" where `isKnown`. */
function age(at: usize, ticks: u32, isKnown: bool): void {
  const before = <u32>load<u8>(at);
  if (isKnown && isUntold(before)) return;
  store<u8>(at, <u8>min<u32>(before + (ticks + DELAY_UNIT_TICKS / 2) / DELAY_UNIT_TICKS, LONG_AGO));
}

/** Takes note that the client speaks: its first packets after the server's tell the round trip. */
export function noteExchange(learner: usize, now: u32): void {
  const bits = load<u8>(learner, LEARNER_BITS);
  const counters = load<u8>(learner, COUNTERS);
  const exchanges = <u8>(counters >> 4);
  if (exchanges >= EXCHANGES) return;
  const isLate = (bits & BIT_CLIENT_SPOKE) !== 0 && now - load<u32>(learner, CLIENT_AT) > LONGEST_EXCHANGE_TICKS;
  if (isLate) {
    store<u8>(learner, (counters & 15) | (EXCHANGES << 4), COUNTERS);
    store<u8>(learner, bits & ~BIT_ODD, LEARNER_BITS);
  }
  if (isLate || (bits & BIT_SERVER_SPOKE) === 0 || (bits & BIT_CLIENT_LAST) !== 0) return;
  store<u8>(learner, counters + 0x10, COUNTERS);
  if (exchanges < EXCHANGES_SKIPPED) return;
  const ticks = min(now - load<u32>(learner, SERVER_AT), LONGEST_ROUND_TRIP_TICKS * 2);
  const units = ticks / DELAY_UNIT_TICKS + 1;
  const known = <u32>load<u8>(learner, ROUND_TRIP);
  // One that is far shorter answered something earlier, unless the next one is so too.
  const isOdd = units * 2 < known && (bits & BIT_ODD) === 0;
  const isLast = exchanges === EXCHANGES - 1;
  store<u8>(learner, isOdd && !isLast ? bits | BIT_ODD : bits & ~BIT_ODD, LEARNER_BITS);
  if (!isOdd && (known === 0 || units < known)) store<u8>(learner, <u8>units, ROUND_TRIP);
}

/** Whether the connection is still being set up: nothing of that comes again. */
export function isStarting(learner: usize): bool {
  return <u8>(load<u8>(learner, COUNTERS) >> 4) < EXCHANGES;
}

/** Ticks since the server last spoke; 2^32-1 where it never did. */
export function sinceServer(learner: usize, now: u32): u32 {
  return (load<u8>(learner, LEARNER_BITS) & BIT_SERVER_SPOKE) !== 0 ? now - load<u32>(learner, SERVER_AT) : 0xffffffff;
}

/** Whether the server's last burst may still go on. */
export function isSpeaking(learner: usize, now: u32): bool {
  return sinceServer(learner, now) <= BURST_PAUSE_TICKS;
}

/** Of the ticks since the server's last bursts, those nearest to `wanted`: with a long round trip several are under way. `last`: since the last. */
export function delayNearest(learner: usize, last: u32, wanted: u32): u32 {
  const before = <u32>load<u8>(learner, BURST_BEFORE);
  if (isUntold(before)) return last;
  const best = nearer(last, last + before * DELAY_UNIT_TICKS, wanted);
  const beforeThat = <u32>load<u8>(learner, BURST_BEFORE_THAT);
  return isUntold(beforeThat) ? best : nearer(best, last + beforeThat * DELAY_UNIT_TICKS, wanted);
}

/** Whether a byte says of a burst that there was none, or that it was too long ago. */
function isUntold(units: u32): bool {
  return units === 0 || units === LONG_AGO;
}

/** Of two delays the one nearer to `wanted`, the first where they are alike. */
function nearer(first: u32, second: u32, wanted: u32): u32 {
  return distance(second, wanted) < distance(first, wanted) ? second : first;
}

/** The round trip in ticks, as far as it is known; 0 where it is not. */
export function roundTrip(learner: usize): u32 {
  const units = <u32>load<u8>(learner, ROUND_TRIP);
  return units === 0 ? 0 : (units - 1) * DELAY_UNIT_TICKS;
}

/** Whether a client may answer by itself after `delayTicks`. */
export function isAnswerDelay(learner: usize, delayTicks: u32): bool {
  return isWithin(learner, delayTicks, CLIENT_WORK_TICKS);
}

/** The same for a client that has nothing to draw first. */
export function isPromptDelay(learner: usize, delayTicks: u32): bool {
  return isWithin(learner, delayTicks, PROMPT_TICKS);
}

/** How many ticks `isPromptDelay` allows. */
export function promptTicks(learner: usize): u32 {
  return mostAnswerTicks(learner, PROMPT_TICKS) - leastAnswerTicks(learner);
}

function isWithin(learner: usize, delayTicks: u32, workTicks: u32): bool {
  return delayTicks >= leastAnswerTicks(learner) && delayTicks <= mostAnswerTicks(learner, workTicks);
}

function leastAnswerTicks(learner: usize): u32 {
  const trip = roundTrip(learner);
  const early = trip / EARLY_PART + EARLY_TICKS;
  return trip > early ? trip - early : 0;
}

function mostAnswerTicks(learner: usize, workTicks: u32): u32 {
  if (load<u8>(learner, ROUND_TRIP) === 0) return LONGEST_ROUND_TRIP_TICKS;
  const trip = roundTrip(learner);
  return trip + trip / LATE_PART + workTicks;
}

export function distance(a: u32, b: u32): u32 {
  return a > b ? a - b : b - a;
}
