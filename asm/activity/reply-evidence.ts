// Evidence that packets of one size are replies: they come at a learned delay after the server's bytes, as many as it calls for,
// and no more. Leaves timers to timer-evidence.ts, and the sizes to learner.ts.
//
// A reply record is 8 bytes: u8 bits; u8 usual and seen in this burst (4 bits each); u8 surplus and peak (4 bits each); u8 delay
// (DELAY_UNIT_TICKS each); u8 half the window's width in ticks; u8 bursts passed and the trigger's bits (4 bits each); u16
// trigger: the server's size that calls for it.

export const REPLY_BYTES: u32 = 8;
const COUNTS: usize = 1;
const STRAYS: usize = 2;
const DELAY: usize = 3;
const HALF_WINDOW: usize = 4;
const TRIGGER_BITS: usize = 5;
const TRIGGER: usize = 6;

const DELAY_UNIT_TICKS: u32 = 2;
const MOST_DELAY_TICKS: u32 = 255 * DELAY_UNIT_TICKS;
const MOST_HALF_TICKS: u32 = 255;
const LEAST_HALF_TICKS: u32 = 10;
/** A first reply may be this late: a long round trip. */
const FIRST_DELAY_TICKS: u32 = 240;

/** At so many bits replies are explained. */
const ENOUGH_BITS: u32 = 12;
const MOST_BITS: u32 = 48;
/** What one reply can add, however rare the server's bytes are. */
const MOST_BITS_AT_ONCE: u32 = 4;
/** What bursts without a reply can take. */
const BITS_LOST_BY_PASS: u32 = 2;
const MOST_BITS_LOST: u32 = 12;
const BITS_LOST_BY_STRAY: u32 = 3;
/** The server spoke first where the client had been silent at least that long: then the client did not cause it. */
const LEAST_LEAD_TICKS: u32 = 30;
/** A server's size that was followed by so many replies in a row calls for them alone. */
const TRIGGER_SURE: u32 = 4;
const TRIGGER_MOST: u32 = 12;
const MOST_COUNT: u32 = 15;
/** So many surplus packets, close to each other, are the new usual. */
const SURPLUS_IS_USUAL: u32 = 3;

/** What a packet of this size is, as replies go. */
export const REPLY_NO: u32 = 0;
export const REPLY_YES: u32 = 1;
/** In the window, but more of them than usual. */
export const REPLY_SURPLUS: u32 = 2;
/** In the window, but the evidence is weak. */
export const REPLY_LEARNING: u32 = 3;

/** Takes note of a packet `delayTicks` after the server's last bytes, before which the client had been silent for `leadTicks`. */
export function noteReply(reply: usize, serverSize: u16, leadTicks: u32, delayTicks: u32): u32 {
  const count = min((<u32>load<u8>(reply, COUNTS) & 15) + 1, MOST_COUNT);
  const usual = <u32>load<u8>(reply, COUNTS) >> 4;
  setCounts(reply, usual, count);
  const isFree = leadTicks >= LEAST_LEAD_TICKS && delayTicks < leadTicks;
  const bits = <u32>load<u8>(reply);
  if (bits === 0) {
    if (isFree && delayTicks <= FIRST_DELAY_TICKS) begin(reply, serverSize, leadTicks, delayTicks, count);
    return REPLY_NO;
  }
  const delay = <u32>load<u8>(reply, DELAY) * DELAY_UNIT_TICKS;
  const half = <u32>load<u8>(reply, HALF_WINDOW);
  const off = delayTicks > delay ? delayTicks - delay : delay - delayTicks;
  const isCalled = noteTrigger(reply, serverSize, count, off <= half);
  if (off > half || !isCalled) {
    takeStray(reply, bits, half, isFree && isCalled && off <= half * 2 + 20);
    return REPLY_NO;
  }
  if (count === 1 && isFree) takeReply(reply, bits, leadTicks, delayTicks);
  if (bits < ENOUGH_BITS) {
    setCounts(reply, max(usual, count), count);
    return REPLY_LEARNING;
  }
  return judgeCount(reply, usual, count);
}

export function replyBits(reply: usize): u32 {
  return load<u8>(reply);
}

/** The server has spoken anew, with so many bytes: counts start over, and it is noted that a reply may be due. */
export function expectReply(reply: usize, serverSize: u16, isLapse: bool): void {
  store<u8>(reply, load<u8>(reply, COUNTS) & 0xf0, COUNTS);
  const trigger = load<u8>(reply, TRIGGER_BITS);
  const mayCall = (<u32>trigger & 15) < TRIGGER_SURE || load<u16>(reply, TRIGGER) === serverSize;
  if (mayCall && trigger < 0xf0) store<u8>(reply, trigger + 0x10, TRIGGER_BITS);
  if (!isLapse) return;
  // What was usual and did not happen any more is forgotten, one step at a time.
  const surplus = <u32>load<u8>(reply, STRAYS) >> 4;
  const peak = load<u8>(reply, STRAYS) & 15;
  const usual = <u32>load<u8>(reply, COUNTS) >> 4;
  if (peak !== 0 && usual > <u32>peak) setCounts(reply, usual - 1, 0);
  store<u8>(reply, <u8>((surplus === 0 ? 0 : surplus - 1) << 4), STRAYS);
}

/** The first packet that may be a reply: it sets the window. */
function begin(reply: usize, serverSize: u16, leadTicks: u32, delayTicks: u32, count: u32): void {
  const half = min(delayTicks / 4 + 12, MOST_HALF_TICKS);
  store<u8>(reply, <u8>(delayTicks / DELAY_UNIT_TICKS), DELAY);
  store<u8>(reply, <u8>half, HALF_WINDOW);
  store<u8>(reply, <u8>max<u32>(1, rarity(leadTicks, half * 2)));
  store<u8>(reply, 0, TRIGGER_BITS);
  store<u16>(reply, serverSize, TRIGGER);
  setCounts(reply, count, count);
}

/** A reply in its window, to bytes that the client did not cause: the rarer those are, the more it says. */
function takeReply(reply: usize, bits: u32, leadTicks: u32, delayTicks: u32): void {
  const half = <u32>load<u8>(reply, HALF_WINDOW);
  const delay = <i32>load<u8>(reply, DELAY) * DELAY_UNIT_TICKS;
  const trigger = load<u8>(reply, TRIGGER_BITS);
  // One burst of those that passed is the one that this replies to.
  const passed = <u32>trigger >> 4;
  const lost = passed > 1 ? min((passed - 1) * BITS_LOST_BY_PASS, MOST_BITS_LOST) : 0;
  const gained = bits + rarity(leadTicks, half * 2);
  store<u8>(reply, <u8>min<u32>(gained > lost ? gained - lost : 1, MOST_BITS));
  store<u8>(reply, trigger & 15, TRIGGER_BITS);
  const off = <i32>delayTicks - delay;
  const moved = min<i32>(delay + (off >= 0 ? off + 4 : off - 4) / 8, MOST_DELAY_TICKS);
  store<u8>(reply, <u8>(max<i32>(moved, 0) / DELAY_UNIT_TICKS), DELAY);
  const wanted = <u32>abs<i32>(off) * 4 + LEAST_HALF_TICKS;
  if (wanted < half) store<u8>(reply, <u8>(half - (half - wanted + 31) / 32), HALF_WINDOW);
}

/** A packet that is no reply. One that was just outside widens the window a little. */
function takeStray(reply: usize, bits: u32, half: u32, isNear: bool): void {
  if (isNear) store<u8>(reply, <u8>min(half + half / 4 + 2, MOST_HALF_TICKS), HALF_WINDOW);
  const lost: u32 = isNear ? 1 : BITS_LOST_BY_STRAY;
  store<u8>(reply, bits > lost ? <u8>(bits - lost) : 0);
}

/** Whether the server's size is the one that calls for replies, or none has proven to be. */
function noteTrigger(reply: usize, serverSize: u16, count: u32, isInWindow: bool): bool {
  const byte = load<u8>(reply, TRIGGER_BITS);
  const sure = <u32>byte & 15;
  const fits = load<u16>(reply, TRIGGER) === serverSize;
  if (count === 1 && isInWindow) {
    if (fits) store<u8>(reply, (byte & 0xf0) | <u8>min(sure + 1, TRIGGER_MOST), TRIGGER_BITS);
    else if (sure > 0) store<u8>(reply, byte - 1, TRIGGER_BITS);
    else store<u16>(reply, serverSize, TRIGGER);
  }
  return fits || sure < TRIGGER_SURE;
}

/** Of learned replies: whether there are more than usual after one burst. */
function judgeCount(reply: usize, usual: u32, count: u32): u32 {
  const surplus = <u32>load<u8>(reply, STRAYS) >> 4;
  const peak = max(<u32>load<u8>(reply, STRAYS) & 15, count);
  store<u8>(reply, <u8>((surplus << 4) | peak), STRAYS);
  if (count <= usual) return REPLY_YES;
  if (surplus + 1 >= SURPLUS_IS_USUAL) {
    setCounts(reply, min(usual + 1, MOST_COUNT), count);
    store<u8>(reply, <u8>peak, STRAYS);
  } else {
    store<u8>(reply, <u8>(((surplus + 1) << 4) | peak), STRAYS);
  }
  return REPLY_SURPLUS;
}

function setCounts(reply: usize, usual: u32, count: u32): void {
  store<u8>(reply, <u8>((usual << 4) | count), COUNTS);
}

/** Bits by which it is rare that something at random falls into the window. */
function rarity(leadTicks: u32, windowTicks: u32): u32 {
  let bits: u32 = 0;
  let span = windowTicks * 2;
  while (bits < MOST_BITS_AT_ONCE && span <= leadTicks) {
    span <<= 1;
    ++bits;
  }
  return bits;
}
