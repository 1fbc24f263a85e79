// Evidence that packets of one size are replies: they come at a learned delay after the server's bytes, as many as it calls for,
// and no more. Leaves timers to timer-evidence.ts, the server's bursts to server-bursts.ts, and the sizes to learner.ts.
//
// A reply record is 8 bytes: u8 bits; u8 usual and seen in this burst + COUNT_BIAS (4 bits each); u8 surplus and peak (4 bits
// each); u8 delay (DELAY_UNIT_TICKS each); u8 half the window's width in ticks; u8 what the server does after it (echo-evidence.ts)
// and the trigger's bits (3 bits); u16 trigger: the server's size that calls for it.
import { ECHO, ECHO_MASK } from './echo-evidence';
import { BIT_CAUSED, DELAY_UNIT_TICKS, LEARNER_BITS, SERVER_SIZE, SILENCE } from './learner-state';
import { delayNearest, distance, isAnswerDelay, isPromptDelay, promptTicks, roundTrip } from './server-bursts';
import {
  BITS_LOST_BY_STRAY,
  BITS_LOST_NEARBY,
  ENOUGH_BITS,
  ENOUGH_ECHOED_BITS,
  HALF_PART,
  LEAST_HALF_TICKS,
  MOST_BITS,
  MOST_BITS_AT_ONCE,
  SURE_BITS,
} from './thresholds';

const COUNTS: usize = 1;
const STRAYS: usize = 2;
const DELAY: usize = 3;
const HALF_WINDOW: usize = 4;
const TRIGGER_BITS: usize = ECHO;
const TRIGGER: usize = 6;

/** What is so much further off than twice the window's half is no late reply. */
const NEAR_TICKS: u32 = 30;
const MOST_DELAY_TICKS: u32 = 255 * DELAY_UNIT_TICKS;
/** No window is wider on either side, a quarter of the round trip apart. */
const MOST_HALF_TICKS: u32 = 40;
/** A server's size that is mostly followed by replies calls for them alone. */
const TRIGGER_SURE: u32 = 4;
const TRIGGER_MOST: u32 = 7;
/** What a reply to the trigger gives; each trigger takes one. */
const TRIGGER_GAIN: u32 = 2;
/** Counts go from -COUNT_BIAS, where replies are still under way, to MOST_COUNT. */
const COUNT_BIAS: i32 = 4;
const MOST_COUNT: i32 = 11;
/** So many surplus packets, close to each other, are the new usual. */
const SURPLUS_IS_USUAL: u32 = 3;

/** What a packet of this size is, as replies go. */
export const REPLY_NO: u32 = 0;
export const REPLY_YES: u32 = 1;
/** In the window, but more of them than usual. */
export const REPLY_SURPLUS: u32 = 2;
/** In the window, but the evidence is weak. */
export const REPLY_LEARNING: u32 = 3;
/** In a protocol with echoes: at first sight it looks like one by more than chance. */
export const REPLY_FIRST: u32 = 5;
/** Just outside the window. */
export const REPLY_NEAR: u32 = 4;

/**
 * Takes note of a packet of this record's size, `silentTicks` after the server's last bytes. `isEchoed`: the protocol answers what is typed
 * with its echo.
 */
export function noteReply(reply: usize, learner: usize, silentTicks: u32, isEchoed: bool): u32 {
  const usual = usualOf(reply);
  const count = min(countOf(reply) + 1, MOST_COUNT);
  const bits = <u32>load<u8>(reply);
  const isAfterEcho = isEchoed && (load<u8>(learner, LEARNER_BITS) & BIT_CAUSED) !== 0;
  const wanted = bits === 0 ? roundTrip(learner) : <u32>load<u8>(reply, DELAY) * DELAY_UNIT_TICKS;
  const delayTicks = delayNearest(learner, silentTicks, wanted);
  if (bits === 0) {
    setCounts(reply, usual, count);
    return isAfterEcho ? REPLY_NO : begin(reply, learner, count, delayTicks, isEchoed);
  }
  const half = <u32>load<u8>(reply, HALF_WINDOW);
  const isWithin = distance(delayTicks, wanted) <= half;
  const isLast = delayTicks === silentTicks;
  const isCalled =
    !isEchoed || noteTrigger(reply, load<u16>(learner, SERVER_SIZE), count <= 1 && isLast && isWithin, isLast);
  // What follows an echo is typing: it says nothing about replies.
  if (isAfterEcho && isLast) {
    setCounts(reply, usual, count);
    return REPLY_NO;
  }
  if (!isWithin || !isCalled) {
    setCounts(reply, usual, count);
    const isNear = isCalled && distance(delayTicks, wanted) <= half * 2 + NEAR_TICKS;
    takeStray(reply, learner, bits, half, isNear);
    if (isEchoed) return isNear ? REPLY_NEAR : REPLY_NO;
    return isNear && bits >= SURE_BITS && count <= usual ? judgeCount(reply, usual, count) : REPLY_NO;
  }
  const known = count <= 1 ? takeReply(reply, learner, bits, half, <i32>wanted, delayTicks) : bits;
  if (known >= (isEchoed ? ENOUGH_ECHOED_BITS : ENOUGH_BITS)) {
    setCounts(reply, usual, count);
    return judgeCount(reply, usual, count);
  }
  setCounts(reply, max(usual, count), count);
  return REPLY_LEARNING;
}

/**
 * The same for a further packet of this record's size at the same tick as the last, in a protocol without echoes: shorter, where replies are
 * learned. The delay that is nearest to the usual one is within the window where any is, and of a further packet nothing else is asked.
 */
export function noteFurtherReply(reply: usize, learner: usize, silentTicks: u32): u32 {
  const counts = <i32>load<u8>(reply, COUNTS);
  const count = min((counts & 15) - COUNT_BIAS + 1, MOST_COUNT);
  const isWithin =
    distance(silentTicks, <u32>load<u8>(reply, DELAY) * DELAY_UNIT_TICKS) <= <u32>load<u8>(reply, HALF_WINDOW);
  if (counts === 0 || count <= 1 || !isWithin || load<u8>(reply) < <u8>ENOUGH_BITS)
    return noteReply(reply, learner, silentTicks, false);
  const usual = counts >> 4;
  setCounts(reply, usual, count);
  return judgeCount(reply, usual, count);
}

/** Whether one size of the server's calls for these replies. */
export function isTriggered(reply: usize): bool {
  return <u32>(load<u8>(reply, TRIGGER_BITS) & ~ECHO_MASK) >= TRIGGER_SURE;
}

export function replyBits(reply: usize): u32 {
  return load<u8>(reply);
}

/** The server speaks anew. `isLapse`: it is time to forget counts that were not reached any more. */
export function expectReply(reply: usize, serverSize: u32, pauseTicks: u32, isLapse: bool): void {
  const byte = load<u8>(reply, TRIGGER_BITS);
  if (<u32>load<u16>(reply, TRIGGER) === serverSize && (byte & ~ECHO_MASK) !== 0)
    store<u8>(reply, byte - 1, TRIGGER_BITS);
  const usual = usualOf(reply);
  const window = <u32>load<u8>(reply, DELAY) * DELAY_UNIT_TICKS + load<u8>(reply, HALF_WINDOW);
  // Replies to the burst before may still be under way: they are owed.
  setCounts(reply, usual, pauseTicks < window ? max(countOf(reply) - usual, -min(usual, COUNT_BIAS)) : 0);
  if (!isLapse) return;
  const surplus = <u32>load<u8>(reply, STRAYS) >> 4;
  const peak = load<u8>(reply, STRAYS) & 15;
  if (peak !== 0 && usual > <i32>peak) setCounts(reply, <i32>peak, countOf(reply));
  store<u8>(reply, <u8>((surplus === 0 ? 0 : surplus - 1) << 4), STRAYS);
}

/** The first packet that may be a reply: it sets the window. */
function begin(reply: usize, learner: usize, count: i32, delayTicks: u32, isEchoed: bool): u32 {
  if (!isAnswerDelay(learner, delayTicks)) return REPLY_NO;
  const half = leastHalf(learner);
  const bits = rarity(load<u16>(learner, SILENCE), half + min(half, delayTicks));
  const first = max(1, count);
  store<u8>(reply, <u8>(min(delayTicks, MOST_DELAY_TICKS) / DELAY_UNIT_TICKS), DELAY);
  store<u8>(reply, <u8>half, HALF_WINDOW);
  store<u8>(reply, <u8>max<u32>(1, bits));
  store<u8>(reply, load<u8>(reply, TRIGGER_BITS) & ECHO_MASK, TRIGGER_BITS);
  store<u16>(reply, load<u16>(learner, SERVER_SIZE), TRIGGER);
  setCounts(reply, first, first);
  return isEchoed && isFirstAnswer(learner, delayTicks) ? REPLY_FIRST : REPLY_LEARNING;
}

/** Whether one whose delay is not learned yet is an answer by more than chance, which might have hit any delay of an answer. */
function isFirstAnswer(learner: usize, delayTicks: u32): bool {
  if (!isPromptDelay(learner, delayTicks)) return false;
  return rarity(load<u16>(learner, SILENCE), promptTicks(learner)) >= ENOUGH_ECHOED_BITS;
}

/** A reply in its window: the longer the server was silent before, the more it says. Answers the evidence that there is now. */
function takeReply(reply: usize, learner: usize, bits: u32, half: u32, delay: i32, delayTicks: u32): u32 {
  let known = bits;
  if (known < MOST_BITS) {
    known = min(known + rarity(load<u16>(learner, SILENCE), half + min<u32>(half, delay)), MOST_BITS);
    store<u8>(reply, <u8>known);
  }
  const off = <i32>delayTicks - delay;
  const moved = min<i32>(delay + (off >= 0 ? off + 4 : off - 4) / 8, MOST_DELAY_TICKS);
  store<u8>(reply, <u8>(max<i32>(moved, 0) / DELAY_UNIT_TICKS), DELAY);
  const wanted = max(<u32>abs<i32>(off) * 4, leastHalf(learner));
  if (wanted < half) store<u8>(reply, <u8>(half - (half - wanted + 31) / 32), HALF_WINDOW);
  return known;
}

function leastHalf(learner: usize): u32 {
  return min(LEAST_HALF_TICKS + roundTrip(learner) / HALF_PART, MOST_HALF_TICKS);
}

/** A packet that is no reply. One that was just outside widens the window a little. */
function takeStray(reply: usize, learner: usize, bits: u32, half: u32, isNear: bool): void {
  const most = MOST_HALF_TICKS + roundTrip(learner) / 4;
  if (isNear) store<u8>(reply, <u8>min(half + half / 4 + 2, min(most, 255)), HALF_WINDOW);
  const lost = isNear ? BITS_LOST_NEARBY : BITS_LOST_BY_STRAY;
  store<u8>(reply, bits > lost ? <u8>(bits - lost) : 0);
}

/** In a protocol with echoes: whether the server's size is the one that calls for replies, or none has proven to be. */
function noteTrigger(reply: usize, serverSize: u16, isFirst: bool, isLast: bool): bool {
  const byte = load<u8>(reply, TRIGGER_BITS);
  const sure = <u32>(byte & ~ECHO_MASK);
  const fits = isLast && load<u16>(reply, TRIGGER) === serverSize;
  if (isFirst) {
    if (fits) store<u8>(reply, (byte & ECHO_MASK) | <u8>min(sure + TRIGGER_GAIN, TRIGGER_MOST), TRIGGER_BITS);
    else if (sure > 0) store<u8>(reply, byte - 1, TRIGGER_BITS);
    else store<u16>(reply, serverSize, TRIGGER);
  }
  return fits || sure < TRIGGER_SURE;
}

/** Of learned replies, `count` of which came where `usual` come: whether there are more than usual. */
function judgeCount(reply: usize, usual: i32, count: i32): u32 {
  const strays = <u32>load<u8>(reply, STRAYS);
  const peak = <u32>max(<i32>(strays & 15), count);
  if (count <= usual) {
    if (peak !== (strays & 15)) store<u8>(reply, <u8>((strays & 0xf0) | peak), STRAYS);
    return REPLY_YES;
  }
  const surplus = (strays >> 4) + 1;
  if (surplus >= SURPLUS_IS_USUAL) {
    setCounts(reply, min(usual + 1, MOST_COUNT), count);
    store<u8>(reply, <u8>peak, STRAYS);
  } else {
    store<u8>(reply, <u8>((surplus << 4) | peak), STRAYS);
  }
  return REPLY_SURPLUS;
}

function usualOf(reply: usize): i32 {
  return <i32>(load<u8>(reply, COUNTS) >> 4);
}

/** Seen since the server spoke; a record that was never used has seen none. */
function countOf(reply: usize): i32 {
  const biased = <i32>(load<u8>(reply, COUNTS) & 15);
  return load<u8>(reply, COUNTS) === 0 ? 0 : biased - COUNT_BIAS;
}

function setCounts(reply: usize, usual: i32, count: i32): void {
  store<u8>(reply, <u8>((usual << 4) | (count + COUNT_BIAS)), COUNTS);
}

/** Bits by which it is rare that something at random falls into a window that opens every `everyTicks`. */
function rarity(everyTicks: u32, windowTicks: u32): u32 {
  const span = windowTicks * 2;
  if (span === 0 || span > everyTicks) return span === 0 ? MOST_BITS_AT_ONCE : 0;
  const doublings = clz(span) - clz(everyTicks);
  return min(span << doublings <= everyTicks ? doublings + 1 : doublings, MOST_BITS_AT_ONCE);
}
