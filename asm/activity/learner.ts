// Streams whose content cannot be read: sizes, directions and times are learned, per size of packet. A packet is ignored only
// where a timer or a reply explains it and the evidence is strong; anything else is activity at once. Leaves the two kinds of
// evidence to timer-evidence.ts and reply-evidence.ts, framing to frames.ts, and its memory to learner-state.ts.
import { echoTicks, isQuiet, isRefusal, takeEcho, takeQuiet } from './echo-evidence';
import { FRAME_BROKEN, FRAME_FOUND, frameAt, frameBytes, isBetweenFrames, nextFrame, wholeRecord } from './frames';
import {
  AWAITED,
  AWAITED_AMID,
  AWAITED_CLASS,
  AWAITED_IGNORED,
  AWAITED_TIMED,
  AWAITED_WEAK,
  BIT_CLIENT_LAST,
  BIT_CLIENT_SPOKE,
  BIT_FIRST_KEPT,
  CLASS_BYTES,
  CLASS_SIZE,
  CLASSES,
  CLIENT_AT,
  CLIENT_BUCKET,
  COUNTERS,
  classAt,
  FRAME_TYPE,
  LEARNER_BITS,
  REPLY,
  SERVER_BUCKET,
  SILENCE,
  WEAK,
  WINDOW_USED,
  WINDOW_USUAL,
} from './learner-state';
import { PROTOCOL_RDP, PROTOCOL_SSH } from './protocols';
import {
  REASON_ECHO,
  REASON_HANDSHAKE,
  REASON_LEARNING,
  REASON_LOST,
  REASON_REPLY,
  REASON_SURPLUS,
  REASON_TIMER,
  REASON_UNEXPLAINED,
} from './reasons';
import {
  expectReply,
  isTriggered,
  noteFurtherReply,
  noteReply,
  REPLY_FIRST,
  REPLY_LEARNING,
  REPLY_NO,
  REPLY_SURPLUS,
  REPLY_YES,
  replyBits,
} from './reply-evidence';
import {
  BURST_PAUSE_TICKS,
  isPromptDelay,
  isSpeaking,
  isStarting,
  noteBurst,
  noteExchange,
  sinceServer,
} from './server-bursts';
import { ALONE_TICKS } from './thresholds';
import {
  countTimer,
  isDue,
  isRoundInSeconds,
  isRoundInterval,
  noteTimer,
  timerBits,
  timerGap,
  timerPeriod,
  timerSeen,
} from './timer-evidence';
import { giveActive, giveChatter, giveWork, isChunkHeld } from './verdict';

/** In the learner's bits: how many window adjustments came when they were due. */
const ADJUSTED_SHIFT: u8 = 5;
const ADJUSTED_MOST: u8 = 7;
const ADJUSTED_ENOUGH: u8 = 2;
const WINDOW_UNIT_BYTES: u32 = 64;
/** No SSH client adjusts its window for less. */
const LEAST_WINDOW: u32 = (16 << 10) / WINDOW_UNIT_BYTES;
/**
 * OpenSSH adjusts the window of a terminal after 48 kB of output (three packets of 16 kB, channels.c), which are up to half as much more on
 * the wire.
 */
const FIRST_WINDOW: u32 = (48 << 10) / WINDOW_UNIT_BYTES;
/** The bytes from one adjustment to the next are the same to a twelfth. */
const WINDOW_PART: u32 = 12;

/** Every fourth burst, counts that were not reached any more are forgotten: what somebody typed among the replies hides no later key. */
const BURSTS_MASK: u8 = 3;
/** Keepalives of encrypted streams that come more often are not told from a person's keys. */
const SHORTEST_TICKS: u32 = 4500;
/** Keepalives that the server answers with their own size come no more often than this. */
const SHORTEST_ANSWERED_TICKS: u32 = 10_000 - 20;
/** Nothing larger is a keepalive or a reply. */
const LARGEST_CHATTER_BYTES: u32 = 1400;
/** So many packets in a row are ignored on weak evidence at most: whoever finds a way to look like a keepalive is soon seen. */
const MOST_WEAK: u8 = 2;
const ABOUT_PART: u32 = 16;
const WEAK_MASK: u8 = 3;
/** In the same byte, PACE_TICKS each: how long the client is usually silent before packets that follow the server's by chance. */
const PACE_SHIFT: u8 = 2;
const PACE_MOST: u32 = 63;
const PACE_TICKS: u32 = 512;
/** What comes this part earlier than usual is a key. */
const PACE_PART: i32 = 8;
/** No keepalive of SSH, no answer to one and no window adjustment is larger. */
const LARGEST_KEEPALIVE_BYTES: u32 = 160;

/** Buckets count in units of 16 bytes and leak so many of them a tick, over 16. */
const BUCKET_SHIFT: u32 = 4;
/** A full bucket holds a quarter more than it takes to be full: a transfer that ended does not count for long. */
const BUCKET_SPARE: u32 = 4;
/** A client that sends more than 4 kB/s for some seconds, whatever it is, has work done. */
const CLIENT_LEAK: u32 = 4;
const CLIENT_FULL: u32 = (24 << 10) >> BUCKET_SHIFT;
/** A server that sends more than 128 kB/s for some seconds over SSH is asked for a file. */
const SERVER_LEAK: u32 = 128;
const SERVER_FULL: u32 = (640 << 10) >> BUCKET_SHIFT;

const TLS_APPLICATION_DATA: u8 = 23;

/** Takes note of the server's bytes; answers through the verdict where they are work, or the echo of what was ignored. */
export function noteServer(learner: usize, protocol: u8, bytes: u32, now: u32): void {
  const pauseTicks = min(sinceServer(learner, now), 0xffff);
  if (protocol === PROTOCOL_SSH) takeAnswer(learner, bytes, pauseTicks, now);
  if (noteBurst(learner, bytes, now)) enterBurst(learner, bytes);
  const used = <u32>load<u16>(learner, WINDOW_USED) + (bytes + WINDOW_UNIT_BYTES - 1) / WINDOW_UNIT_BYTES;
  store<u16>(learner, <u16>min<u32>(used, 0xffff), WINDOW_USED);
  if (fill(learner + SERVER_BUCKET, bytes, pauseTicks, SERVER_LEAK, SERVER_FULL) && protocol === PROTOCOL_SSH)
    giveWork(bytes);
}

/** The server speaks anew: every class starts to count the replies to it. */
function enterBurst(learner: usize, bytes: u32): void {
  const isLapse = (load<u8>(learner, COUNTERS) & BURSTS_MASK) === 0;
  for (let index: u32 = 0; index < CLASSES; ++index) {
    const reply = classAt(learner, index) + REPLY;
    if (replyBits(reply) !== 0) expectReply(reply, bytes, load<u16>(learner, SILENCE), isLapse);
  }
}

/** Of the client's bytes under way, those of packets that are explained. */
let explainedBytes: u32 = 0;

/** Judges a client's bytes from `from` to `end`. Answers false where they are not framed as `protocol` frames them. */
export function judgeEncrypted(learner: usize, protocol: u8, from: usize, end: usize, now: u32): bool {
  noteExchange(learner, now);
  explainedBytes = 0;
  const isFramed = judgeUnits(learner, protocol, from, end, now);
  const bits = load<u8>(learner, LEARNER_BITS);
  // What is explained is no work, however much it is: sixty pictures a second are answered by many small packets.
  const bytes = <u32>(end - from) - min(explainedBytes, <u32>(end - from));
  if (fill(learner + CLIENT_BUCKET, bytes, sinceClient(learner, now), CLIENT_LEAK, CLIENT_FULL)) giveWork(bytes);
  store<u32>(learner, now, CLIENT_AT);
  store<u8>(learner, bits | BIT_CLIENT_SPOKE | BIT_CLIENT_LAST, LEARNER_BITS);
  return isFramed;
}

function sinceClient(learner: usize, now: u32): u32 {
  return (load<u8>(learner, LEARNER_BITS) & BIT_CLIENT_SPOKE) !== 0 ? now - load<u32>(learner, CLIENT_AT) : 0xffff;
}

/** An SSH read is one packet or several written at once; the others say where their frames are. */
function judgeUnits(learner: usize, protocol: u8, from: usize, end: usize, now: u32): bool {
  if (protocol === PROTOCOL_SSH) {
    judgePacket(learner, protocol, <u32>(end - from), now);
    return true;
  }
  let at = protocol === PROTOCOL_RDP ? from : judgeWholeRecords(learner, from, end, now);
  while (at < end) {
    const found = nextFrame(learner, protocol, at, end);
    if (found === FRAME_BROKEN) {
      giveActive(REASON_LOST, <u32>(end - from));
      return false;
    }
    if (found !== FRAME_FOUND) return true;
    if (protocol !== PROTOCOL_RDP && load<u8>(learner, FRAME_TYPE) !== TLS_APPLICATION_DATA)
      giveActive(REASON_HANDSHAKE, frameBytes);
    else judgePacket(learner, protocol, frameBytes, now);
    at = frameAt;
  }
  return true;
}

/** The records of TLS that lie whole in their chunk, as most do, from its start on. Answers where others begin. */
function judgeWholeRecords(learner: usize, from: usize, end: usize, now: u32): usize {
  let at = from;
  if (!isBetweenFrames(learner)) return at;
  let kind: usize = 0;
  let bytesBefore: u32 = 0;
  while (true) {
    const bytes = wholeRecord(at, end);
    if (bytes === 0) return at;
    if (load<u8>(at) !== TLS_APPLICATION_DATA) giveActive(REASON_HANDSHAKE, bytes);
    else if (bytes === bytesBefore) judgeFurther(learner, kind, bytes, now);
    else if (bytes > LARGEST_CHATTER_BYTES) giveActive(REASON_UNEXPLAINED, bytes);
    else {
      kind = classAt(learner, findClass(learner, bytes, now));
      bytesBefore = bytes;
      judgeUnechoed(learner, kind, bytes, now);
    }
    at += bytes;
  }
}

/** The verdict on one packet. */
function judgePacket(learner: usize, protocol: u8, bytes: u32, now: u32): void {
  if (bytes > LARGEST_CHATTER_BYTES) {
    giveActive(REASON_UNEXPLAINED, bytes);
    return;
  }
  const index = findClass(learner, bytes, now);
  if (protocol === PROTOCOL_SSH) judgeEchoed(learner, index, bytes, now);
  else judgeUnechoed(learner, classAt(learner, index), bytes, now);
}

/** Of a protocol of which nothing is known but sizes and times. */
function judgeUnechoed(learner: usize, kind: usize, bytes: u32, now: u32): void {
  const silentTicks = sinceServer(learner, now);
  const isTimed = noteTimer(kind, now, silentTicks, SHORTEST_TICKS, false);
  const reply = isStarting(learner) ? REPLY_NO : noteReply(kind + REPLY, learner, silentTicks, false);
  giveUnechoed(kind, reply, isTimed, bytes);
}

/** The same for one of the size of the packet just before it, in the same chunk. */
function judgeFurther(learner: usize, kind: usize, bytes: u32, now: u32): void {
  countTimer(kind);
  const reply = isStarting(learner) ? REPLY_NO : noteFurtherReply(kind + REPLY, learner, sinceServer(learner, now));
  giveUnechoed(kind, reply, false, bytes);
}

function giveUnechoed(kind: usize, reply: u32, isTimed: bool, bytes: u32): void {
  if (reply === REPLY_YES || isTimed) {
    explainedBytes += bytes;
    if (reply === REPLY_YES) giveChatter(REASON_REPLY, bytes, timerSeen(kind), 0);
    else giveChatter(REASON_TIMER, bytes, timerSeen(kind), timerPeriod(kind));
  } else {
    giveActive(whyNot(reply), bytes);
  }
}

/** Why a packet counts that may have been a reply. */
function whyNot(reply: u32): u32 {
  if (reply === REPLY_SURPLUS) return REASON_SURPLUS;
  return reply === REPLY_LEARNING || reply === REPLY_FIRST ? REASON_LEARNING : REASON_UNEXPLAINED;
}

/** Of SSH, whose servers echo: that allows to ignore on weaker evidence, and takes back what was wrongly ignored. */
function judgeEchoed(learner: usize, index: u32, bytes: u32, now: u32): void {
  const kind = classAt(learner, index);
  const isSmall = bytes <= LARGEST_KEEPALIVE_BYTES;
  const isTold = isSmall && !isChunkHeld;
  const mayBeWeak = isTold && weakOf(learner) < MOST_WEAK;
  const isFirstKept = isTold && isFirstKeepalive(learner, kind, now);
  const mayBeKept = isFirstKept || (mayBeWeak && mayBeKeepalive(learner, kind, now));
  const silentTicks = sinceServer(learner, now);
  const isTimed = noteTimer(kind, now, silentTicks, SHORTEST_TICKS, true);
  let reply = isStarting(learner) ? REPLY_NO : noteReply(kind + REPLY, learner, silentTicks, true);
  const isFirst = mayBeWeak && reply === REPLY_FIRST;
  const isFirstAdjustment = mayBeWeak && reply === REPLY_LEARNING && mayBeAdjustment(learner, silentTicks);
  const isWeak = mayBeKept || isFirst || isFirstAdjustment;
  const isAdjustment = isSmall && reply !== REPLY_NO && noteAdjustment(learner);
  // Where windows are adjusted on time, what comes at another is none of them.
  if (reply === REPLY_YES && !isTriggered(kind + REPLY) && (isAdjusted(learner) || !isPaced(learner, now)))
    reply = REPLY_LEARNING;
  const isStrong = reply === REPLY_YES || isAdjustment || isTimed;
  if (isStrong) explainedBytes += bytes;
  if (reply === REPLY_YES || isAdjustment || isFirst || isFirstAdjustment)
    giveChatter(REASON_REPLY, bytes, timerSeen(kind), 0);
  else if (isTimed || mayBeKept) giveChatter(REASON_TIMER, bytes, timerSeen(kind), isTimed ? timerPeriod(kind) : 0);
  else giveActive(whyNot(reply), bytes);
  countWeak(learner, isStrong, !isFirstKept && isWeak);
  // Had it been a key, the adjustment that is due would follow, and count.
  if (isChunkHeld || isAdjustment) store<u8>(learner, 0, AWAITED);
  else awaitAnswer(learner, index, howIgnored(reply, isTimed, isStrong, isWeak), isFirstAdjustment, now);
}

/**
 * SSH: a small packet by itself that may be a keepalive before its period is known: a round number of seconds after either side spoke
 * last, or of a kind that was never echoed. Whatever is typed just then is told by its echo.
 */
function mayBeKeepalive(learner: usize, kind: usize, now: u32): bool {
  const silentTicks = sinceClient(learner, now);
  if (silentTicks < ALONE_TICKS || isSpeaking(learner, now)) return false;
  const period = timerPeriod(kind);
  if (isQuiet(kind + REPLY) && (period === 0 || isAbout(timerGap(kind, now), period))) return true;
  const serverTicks = sinceServer(learner, now);
  if (isDue(kind, serverTicks) || isRoundInterval(silentTicks) || isRoundInterval(serverTicks)) return true;
  return timerSeen(kind) !== 0 && isRoundInterval(timerGap(kind, now));
}

/**
 * SSH: once per connection, a small packet by itself, the first of its size, that comes when a client would send its first keepalive that
 * counts from the second in which the server spoke last.
 */
function isFirstKeepalive(learner: usize, kind: usize, now: u32): bool {
  const bits = load<u8>(learner, LEARNER_BITS);
  if ((bits & BIT_FIRST_KEPT) !== 0 || timerSeen(kind) !== 0 || isStarting(learner)) return false;
  if (sinceClient(learner, now) < ALONE_TICKS || !isRoundInSeconds(sinceServer(learner, now))) return false;
  store<u8>(learner, bits | BIT_FIRST_KEPT, LEARNER_BITS);
  return true;
}

/** A timer that is put off or brought forward once in a while is not off by more. */
function isAbout(gap: u32, period: u32): bool {
  return gap + period / ABOUT_PART >= period && gap <= period + period / ABOUT_PART;
}

function weakOf(learner: usize): u8 {
  return load<u8>(learner, WEAK) & WEAK_MASK;
}

function countWeak(learner: usize, isStrong: bool, isWeak: bool): void {
  const weak = load<u8>(learner, WEAK);
  if (isStrong) store<u8>(learner, weak & ~WEAK_MASK, WEAK);
  else if (isWeak) store<u8>(learner, weak + 1, WEAK);
}

/**
 * SSH: whether the client had been silent for as long as it usually is before packets that follow the server's by chance: keepalives
 * of programs that look at the clock only when something comes. A key comes at any time.
 */
function isPaced(learner: usize, now: u32): bool {
  const byte = load<u8>(learner, WEAK);
  const usual = <i32>(byte >> PACE_SHIFT);
  const silence = <i32>min(sinceClient(learner, now) / PACE_TICKS, PACE_MOST);
  const isSoon = silence * PACE_PART < usual * (PACE_PART - 1);
  const first = silence - silence / PACE_PART;
  const moved = isSoon
    ? usual - max(usual / PACE_PART, 1)
    : usual === 0
      ? first
      : usual + (silence - usual) / PACE_PART;
  store<u8>(learner, (byte & WEAK_MASK) | <u8>(moved << PACE_SHIFT), WEAK);
  return !isSoon;
}

/** In what an answer is awaited with: whether a packet was ignored, and why. */
function howIgnored(reply: u32, isTimed: bool, isStrong: bool, isWeak: bool): u8 {
  if (isStrong) return isTimed && reply !== REPLY_YES ? AWAITED_IGNORED | AWAITED_TIMED : AWAITED_IGNORED;
  return isWeak ? AWAITED_IGNORED | AWAITED_WEAK : 0;
}

/**
 * SSH: what the server does next tells what this packet was. Where it is speaking anyway only for one that was ignored on weak evidence, as
 * that must never hide a key.
 */
function awaitAnswer(learner: usize, index: u32, how: u8, isFirstAdjustment: bool, now: u32): void {
  endAwaiting(learner);
  const isAmid = isSpeaking(learner, now);
  if (isAmid && (how & AWAITED_WEAK) === 0) return;
  store<u8>(learner, <u8>(index + 1) | how | (isAmid && isFirstAdjustment ? AWAITED_AMID : 0), AWAITED);
}

/** SSH: the server speaks after a packet. What may be the echo of one that was ignored makes up for that. */
function takeAnswer(learner: usize, bytes: u32, pauseTicks: u32, now: u32): void {
  const awaited = load<u8>(learner, AWAITED);
  if (awaited === 0) return;
  // How rarely the server speaks by itself: what it was silent before the last burst, or until this one.
  if (now - load<u32>(learner, CLIENT_AT) > echoTicks(max<u32>(load<u16>(learner, SILENCE), pauseTicks))) {
    endAwaiting(learner);
    return;
  }
  const kind = classAt(learner, (awaited & AWAITED_CLASS) - 1);
  const size = <u32>load<u16>(kind, CLASS_SIZE);
  // The same burst goes on, and not as a key comes back: the echo may still follow.
  if ((awaited & AWAITED_AMID) !== 0 && bytes !== size && pauseTicks <= BURST_PAUSE_TICKS) return;
  store<u8>(learner, 0, AWAITED);
  if (isRefusal(bytes, size)) {
    takeQuiet(kind + REPLY, true);
    store<u8>(learner, load<u8>(learner, WEAK) & ~WEAK_MASK, WEAK);
    return;
  }
  const isWeak = (awaited & AWAITED_WEAK) !== 0;
  const isIgnored = (awaited & AWAITED_IGNORED) !== 0;
  // However usual: what is repeated every few seconds, and comes back as it is, is typed.
  const isTyped = (awaited & AWAITED_TIMED) !== 0 && bytes === size && timerPeriod(kind) < SHORTEST_ANSWERED_TICKS;
  const isEcho = takeEcho(kind + REPLY, isIgnored && !isWeak);
  if (isWeak || isTyped || (isEcho && isIgnored)) giveActive(REASON_ECHO, size);
}

/** There was no echo of the packet whose answer was awaited. */
function endAwaiting(learner: usize): void {
  const awaited = load<u8>(learner, AWAITED);
  if (awaited === 0) return;
  store<u8>(learner, 0, AWAITED);
  // Among a flow of output an echo may have been there all the same.
  if ((awaited & AWAITED_AMID) === 0) takeQuiet(classAt(learner, (awaited & AWAITED_CLASS) - 1) + REPLY, false);
}

/** Whether it is known after how many bytes of the server this client adjusts its window. */
function isAdjusted(learner: usize): bool {
  return <u8>(load<u8>(learner, LEARNER_BITS) >> ADJUSTED_SHIFT) >= ADJUSTED_ENOUGH;
}

/**
 * SSH: a packet where a reply would be, as the server has sent what makes a client adjust its window (RFC 4254 section 5.2). Of the same
 * size as a key, it is told by the bytes from one to the next.
 */
function noteAdjustment(learner: usize): bool {
  const used = <u32>load<u16>(learner, WINDOW_USED);
  const usual = <u32>load<u16>(learner, WINDOW_USUAL);
  const slack = usual / WINDOW_PART;
  const bits = load<u8>(learner, LEARNER_BITS);
  if (used < LEAST_WINDOW) {
    if (bits >> ADJUSTED_SHIFT !== 0) store<u8>(learner, bits - (1 << ADJUSTED_SHIFT), LEARNER_BITS);
    return false;
  }
  const isEarly = used + slack < usual;
  // Once the usual is known, what comes before its time is a key.
  if (isEarly && bits >> ADJUSTED_SHIFT >= ADJUSTED_ENOUGH) return false;
  const isDue = !isEarly && used <= usual + slack;
  const adjusted = isDue ? min<u8>((bits >> ADJUSTED_SHIFT) + 1, ADJUSTED_MOST) : 0;
  store<u8>(learner, (bits & 31) | (adjusted << ADJUSTED_SHIFT), LEARNER_BITS);
  store<u16>(learner, <u16>(isDue ? (usual * 3 + used) / 4 : used), WINDOW_USUAL);
  store<u16>(learner, 0, WINDOW_USED);
  return adjusted >= ADJUSTED_ENOUGH;
}

/** SSH: whether OpenSSH would adjust its window now, of a client that has not shown yet after how many bytes it does. */
function mayBeAdjustment(learner: usize, silentTicks: u32): bool {
  const used = <u32>load<u16>(learner, WINDOW_USED);
  const isUsed = used >= FIRST_WINDOW && used <= FIRST_WINDOW + FIRST_WINDOW / 2;
  return isUsed && !isAdjusted(learner) && isPromptDelay(learner, silentTicks);
}

/** The index of this size's class. */
function findClass(learner: usize, bytes: u32, now: u32): u32 {
  for (let index: u32 = 0; index < CLASSES; ++index) {
    if (<u32>load<u16>(classAt(learner, index), CLASS_SIZE) === bytes) return index;
  }
  return replaceClass(learner, bytes, now);
}

/** Makes room for a size: in place of the one about which least is known, the oldest of those. Answers its index. */
function replaceClass(learner: usize, bytes: u32, now: u32): u32 {
  let weakest: u32 = 0;
  let least: u32 = 0xffffffff;
  let oldest: u32 = 0;
  for (let index: u32 = 0; index < CLASSES; ++index) {
    const kind = classAt(learner, index);
    const size = <u32>load<u16>(kind, CLASS_SIZE);
    const worth: u32 = size === 0 ? 0 : 1 + timerBits(kind) + replyBits(kind + REPLY);
    const age = timerGap(kind, now);
    if (worth < least || (worth === least && age > oldest)) {
      oldest = age;
      least = worth;
      weakest = index;
    }
  }
  const kind = classAt(learner, weakest);
  memory.fill(kind, 0, CLASS_BYTES);
  store<u16>(kind, <u16>bytes, CLASS_SIZE);
  return weakest;
}

/** Pours bytes into a bucket that leaked since; answers whether it is full. */
function fill(bucket: usize, bytes: u32, pauseTicks: u32, leak: u32, full: u32): bool {
  const leaked = (min(pauseTicks, 0xffff) * leak) >> BUCKET_SHIFT;
  const level = <u32>load<u16>(bucket);
  const now = min((level > leaked ? level - leaked : 0) + ((bytes + 15) >> BUCKET_SHIFT), full + full / BUCKET_SPARE);
  store<u16>(bucket, <u16>now);
  return now >= full;
}
