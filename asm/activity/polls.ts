// Requests that repeat: a table of timers by what was asked and by whose family it was, shared by all streams, so that what was
// learned is there when the next connection asks again. Bounded: the one that was idle longest gives way, and is then unknown,
// which is activity.
import { POLL_SETS, POLLS_BASE } from '../layout';
import { REASON_INPUT, REASON_POLL, REASON_TIMER } from './reasons';
import { isRoundStart, noteTimer, timerGap, timerPeriod, timerSeen } from './timer-evidence';
import { giveActive, giveChatter, takeBack } from './verdict';

/** An entry: u32 key, then a timer, whose first field is the tick it was last on time. */
const POLL_BYTES: u32 = 16;
const WAYS: u32 = 4;
/** The same request again after less than this is a person's, until told otherwise. */
const SHORTEST_TICKS: u32 = 1900;
/** Input on a shorter period is typed: jigglers only have to be faster than an idle timeout or a screen saver. */
const SHORTEST_INPUT_TICKS: u32 = 15_000;
const TIMER: usize = 4;
/** What tells a stream's input from its requests. */
const INPUT_KEY: u32 = 0x494e5055;
/** The steps of one movement come that close to each other. */
const STEP_TICKS: u32 = 250;

const FNV_START: u32 = 0x811c9dc5;
const FNV_PRIME: u32 = 0x01000193;

/** Whether the stream under way is one whose owner says that polls count like any request. */
let doPollsCount: bool = false;

export function tellPolls(doCount: bool): void {
  doPollsCount = doCount;
}

/** The start of a key: what belongs to one family. */
export function pollKey(family: u32): u32 {
  return mixPoll(FNV_START, family);
}

/** Adds a byte or a number to a key. FNV-1a over its four bytes at once: it spreads, it does not protect. */
export function mixPoll(key: u32, value: u32): u32 {
  const mixed = (key ^ value) * FNV_PRIME;
  return mixed ^ (mixed >>> 15);
}

/**
 * Judges one request of `bytes` bytes by its key: a poll where it keeps a period, else a person's. `silentTicks`: since the other side
 * last spoke, 2^32-1 where that means nothing; `isPoll`: it is known to be one.
 */
export function judgePoll(key: u32, bytes: u32, now: u32, silentTicks: u32, isPoll: bool): void {
  const entry = findPoll(key === 0 ? 1 : key, now);
  const isTimed = noteTimer(entry + TIMER, now, silentTicks, SHORTEST_TICKS, false);
  if ((isTimed || isPoll || isRoundStart(entry + TIMER)) && !doPollsCount) {
    giveChatter(REASON_POLL, bytes, timerSeen(entry + TIMER), timerPeriod(entry + TIMER));
  } else {
    giveActive(REASON_INPUT, bytes);
  }
}

/**
 * Judges a chunk of input where its owner says that periodic input is nobody's: one that keeps the period of the stream's input, or
 * follows such a one at once, as the second step of a jiggler does, is taken back.
 */
export function judgeInput(stream: u32, bytes: u32, now: u32): void {
  const key = mixPoll(pollKey(stream), INPUT_KEY);
  const timer = findPoll(key === 0 ? 1 : key, now) + TIMER;
  const isStep = timerPeriod(timer) !== 0 && timerSeen(timer) !== 0 && timerGap(timer, now) <= STEP_TICKS;
  if (!isStep && !noteTimer(timer, now, 0xffffffff, SHORTEST_INPUT_TICKS, false)) return;
  takeBack();
  giveChatter(REASON_TIMER, bytes, timerSeen(timer), timerPeriod(timer));
}

/** The entry of `key`, taken from the one that was idle longest where it has none. */
function findPoll(key: u32, now: u32): usize {
  const set = POLLS_BASE + <usize>(key % POLL_SETS) * (WAYS * POLL_BYTES);
  let oldest = set;
  let oldestTicks: u32 = 0;
  for (let way: u32 = 0; way < WAYS; ++way) {
    const entry = set + <usize>way * POLL_BYTES;
    const known = load<u32>(entry);
    if (known === key) return entry;
    const idleTicks = known === 0 ? 0xffffffff : now - load<u32>(entry, TIMER);
    if (idleTicks >= oldestTicks) {
      oldest = entry;
      oldestTicks = idleTicks;
    }
  }
  memory.fill(oldest, 0, POLL_BYTES);
  store<u32>(oldest, key);
  return oldest;
}
