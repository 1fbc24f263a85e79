// Streams whose content cannot be read: sizes, directions and times are learned, per size of packet. A packet is ignored only
// where a timer or a reply explains it and the evidence is strong; anything else is activity at once. Leaves the two kinds of
// evidence to timer-evidence.ts and reply-evidence.ts.
//
// State, from `learner`: u16 bytes left of a frame or, within its header, its
// length; u8 header bytes kept, u8 frame type, u16 lead ticks, u16 server
// size, u8 burst, u8 bits, u32 server's last tick, u32 client's last tick, u16 client bucket, u16 server bucket, u16 server bytes
// since the last window adjustment and u16 what it usually takes (WINDOW_UNIT_BYTES each); then CLASSES of
// CLASS_BYTES each: a timer, a reply record, u16 size.
import { PROTOCOL_RDP, PROTOCOL_SSH } from './protocols';
import {
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
  noteReply,
  REPLY_BYTES,
  REPLY_LEARNING,
  REPLY_SURPLUS,
  REPLY_YES,
  replyBits,
} from './reply-evidence';
import { noteTimer, TIMER_BYTES, timerBits, timerPeriod, timerSeen } from './timer-evidence';
import { giveActive, giveChatter, giveWork } from './verdict';

const FRAME_LEFT: usize = 0;
const FRAME_HAVE: usize = 2;
const FRAME_TYPE: usize = 3;
const FRAME_LENGTH: usize = FRAME_LEFT;
const LEAD: usize = 4;
const SERVER_SIZE: usize = 6;
const BURST: usize = 8;
const LEARNER_BITS: usize = 9;
const SERVER_AT: usize = 10;
const CLIENT_AT: usize = 14;
const CLIENT_BUCKET: usize = 18;
const SERVER_BUCKET: usize = 20;
const WINDOW_USED: usize = 22;
const WINDOW_USUAL: usize = 24;
const CLASSES_AT: usize = 26;

const CLASSES: u32 = 4;
const REPLY: usize = TIMER_BYTES;
const CLASS_SIZE: usize = TIMER_BYTES + REPLY_BYTES;
const CLASS_BYTES: u32 = TIMER_BYTES + REPLY_BYTES + 2;

const BIT_SERVER_SPOKE: u8 = 1;
const BIT_CLIENT_SPOKE: u8 = 2;
/** The client has spoken since the server did: the server's next bytes are a new burst. */
const BIT_CLIENT_LAST: u8 = 4;

/** High half of the learner's bits: how many window adjustments came when they were due. */
const ADJUSTED_SHIFT: u8 = 4;
const ADJUSTED_MOST: u8 = 15;
const ADJUSTED_ENOUGH: u8 = 2;
const WINDOW_UNIT_BYTES: u32 = 64;
/** No SSH client adjusts its window for less. */
const LEAST_WINDOW: u32 = (16 << 10) / WINDOW_UNIT_BYTES;
/** The bytes from one adjustment to the next are the same to a twelfth. */
const WINDOW_PART: u32 = 12;

/** The server's bytes after such a pause are a new burst. */
const BURST_PAUSE_TICKS: u32 = 20;
/** Every sixteenth burst, counts that were not reached any more are forgotten. */
const BURSTS_MASK: u8 = 15;
/** Keepalives of encrypted streams that come more often are not told from a person's keys. */
const SHORTEST_TICKS: u32 = 4500;
/** Nothing larger is a keepalive or a reply. */
const LARGEST_CHATTER_BYTES: u32 = 1400;

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
const TLS_TYPE_FIRST: u8 = 20;
const TLS_TYPE_LAST: u8 = 24;
const TLS_HEADER_BYTES: u32 = 5;
const TPKT_VERSION: u8 = 3;

/** Takes note of the server's bytes; answers through the verdict where they are work. */
export function noteServer(learner: usize, protocol: u8, bytes: u32, now: u32): void {
  const bits = load<u8>(learner, LEARNER_BITS);
  const pauseTicks = (bits & BIT_SERVER_SPOKE) !== 0 ? now - load<u32>(learner, SERVER_AT) : 0xffff;
  if ((bits & BIT_CLIENT_LAST) !== 0 || pauseTicks > BURST_PAUSE_TICKS) {
    const leadTicks = (bits & BIT_CLIENT_SPOKE) !== 0 ? now - load<u32>(learner, CLIENT_AT) : 0xffff;
    store<u16>(learner, <u16>min<u32>(leadTicks, 0xffff), LEAD);
    enterBurst(learner, <u16>min<u32>(bytes, 0xffff));
  }
  store<u16>(learner, <u16>min<u32>(bytes, 0xffff), SERVER_SIZE);
  store<u32>(learner, now, SERVER_AT);
  store<u8>(learner, (bits | BIT_SERVER_SPOKE) & ~BIT_CLIENT_LAST, LEARNER_BITS);
  const used = <u32>load<u16>(learner, WINDOW_USED) + (bytes + WINDOW_UNIT_BYTES - 1) / WINDOW_UNIT_BYTES;
  store<u16>(learner, <u16>min<u32>(used, 0xffff), WINDOW_USED);
  if (fill(learner + SERVER_BUCKET, bytes, pauseTicks, SERVER_LEAK, SERVER_FULL) && protocol === PROTOCOL_SSH)
    giveWork(bytes);
}

/** The server speaks anew: every class starts to count the replies to it. */
function enterBurst(learner: usize, size: u16): void {
  const burst = load<u8>(learner, BURST) + 1;
  store<u8>(learner, burst, BURST);
  for (let index: u32 = 0; index < CLASSES; ++index) {
    const reply = learner + CLASSES_AT + index * CLASS_BYTES + REPLY;
    if (replyBits(reply) !== 0) expectReply(reply, size, (burst & BURSTS_MASK) === 0);
  }
}

/** Judges a client's bytes from `from` to `end`. Answers false where they are not framed as `protocol` frames them. */
export function judgeEncrypted(learner: usize, protocol: u8, from: usize, end: usize, now: u32): bool {
  const bytes = <u32>(end - from);
  const isFramed = judgeUnits(learner, protocol, from, end, now);
  const bits = load<u8>(learner, LEARNER_BITS);
  const pauseTicks = (bits & BIT_CLIENT_SPOKE) !== 0 ? now - load<u32>(learner, CLIENT_AT) : 0xffff;
  if (fill(learner + CLIENT_BUCKET, bytes, pauseTicks, CLIENT_LEAK, CLIENT_FULL)) giveWork(bytes);
  store<u32>(learner, now, CLIENT_AT);
  store<u8>(learner, bits | BIT_CLIENT_SPOKE | BIT_CLIENT_LAST, LEARNER_BITS);
  return isFramed;
}

/** An SSH read is one packet or several written at once; the others say where their frames are. */
function judgeUnits(learner: usize, protocol: u8, from: usize, end: usize, now: u32): bool {
  if (protocol !== PROTOCOL_SSH) return judgeFrames(learner, protocol, from, end, now);
  judgePacket(learner, protocol, <u32>(end - from), now);
  return true;
}

/** Finds the frames in a client's bytes: TLS records, or TPKT and fast-path frames of RDP. */
function judgeFrames(learner: usize, protocol: u8, from: usize, end: usize, now: u32): bool {
  let at = from;
  while (at < end) {
    const left = <u32>load<u16>(learner, FRAME_LEFT);
    if (left !== 0 && load<u8>(learner, FRAME_HAVE) === 0) {
      const taken = <u32>min<usize>(left, end - at);
      store<u16>(learner, <u16>(left - taken), FRAME_LEFT);
      at += taken;
      continue;
    }
    const have = <u32>load<u8>(learner, FRAME_HAVE) + 1;
    const byte = load<u8>(at);
    ++at;
    if (have === 1) {
      store<u8>(learner, byte, FRAME_TYPE);
      store<u16>(learner, 0, FRAME_LENGTH);
    }
    store<u8>(learner, <u8>have, FRAME_HAVE);
    const whole = protocol === PROTOCOL_RDP ? takeRdpHeader(learner, have, byte) : takeTlsHeader(learner, have, byte);
    if (whole < 0) {
      store<u8>(learner, 0, FRAME_HAVE);
      // A frame of RDP is found again at the next read: until then everything counts.
      giveActive(REASON_LOST, <u32>(end - from));
      return false;
    }
    if (whole === 0) continue;
    store<u8>(learner, 0, FRAME_HAVE);
    store<u16>(learner, <u16>(<u32>whole - have), FRAME_LEFT);
    judgeFrame(learner, protocol, <u32>whole, now);
  }
  return true;
}

/** One more header byte of a TLS record: its whole length, 0 while that is not known, -1 where it is none. RFC 8446 section 5.1. */
function takeTlsHeader(learner: usize, have: u32, byte: u8): i32 {
  if (have === 1) return byte >= TLS_TYPE_FIRST && byte <= TLS_TYPE_LAST ? 0 : -1;
  if (have === 2) return byte === 3 ? 0 : -1;
  if (have < 4) return 0;
  store<u16>(learner, (load<u16>(learner, FRAME_LENGTH) << 8) | byte, FRAME_LENGTH);
  return have < TLS_HEADER_BYTES ? 0 : <i32>TLS_HEADER_BYTES + load<u16>(learner, FRAME_LENGTH);
}

/** The same for RDP: TPKT (RFC 1006 section 6) or a fast-path frame ([MS-RDPBCGR] 2.2.8.1.2). */
function takeRdpHeader(learner: usize, have: u32, byte: u8): i32 {
  const first = load<u8>(learner, FRAME_TYPE);
  if (have === 1) return first === TPKT_VERSION || (first & 3) === 0 ? 0 : -1;
  if (first === TPKT_VERSION) {
    if (have === 2) return byte === 0 ? 0 : -1;
    store<u16>(learner, (load<u16>(learner, FRAME_LENGTH) << 8) | byte, FRAME_LENGTH);
    if (have < 4) return 0;
  } else {
    if (have === 2 && (byte & 0x80) !== 0) {
      store<u16>(learner, byte & 0x7f, FRAME_LENGTH);
      return 0;
    }
    store<u16>(learner, have === 2 ? byte : (load<u16>(learner, FRAME_LENGTH) << 8) | byte, FRAME_LENGTH);
  }
  const length = <i32>load<u16>(learner, FRAME_LENGTH);
  return length >= <i32>have ? length : -1;
}

function judgeFrame(learner: usize, protocol: u8, bytes: u32, now: u32): void {
  if (protocol !== PROTOCOL_RDP && load<u8>(learner, FRAME_TYPE) !== TLS_APPLICATION_DATA)
    giveActive(REASON_HANDSHAKE, bytes);
  else judgePacket(learner, protocol, bytes, now);
}

/** The verdict on one packet. */
function judgePacket(learner: usize, protocol: u8, bytes: u32, now: u32): void {
  if (bytes > LARGEST_CHATTER_BYTES) {
    giveActive(REASON_UNEXPLAINED, bytes);
    return;
  }
  const kind = findClass(learner, bytes);
  const delayTicks =
    (load<u8>(learner, LEARNER_BITS) & BIT_SERVER_SPOKE) !== 0 ? now - load<u32>(learner, SERVER_AT) : 0xffffffff;
  const isTimed = noteTimer(kind, now, delayTicks, SHORTEST_TICKS);
  const lead = load<u16>(learner, LEAD);
  const reply = noteReply(kind + REPLY, load<u16>(learner, SERVER_SIZE), lead, delayTicks);
  const isAdjustment = protocol === PROTOCOL_SSH && reply === REPLY_LEARNING && noteAdjustment(learner);
  if (reply === REPLY_YES || isAdjustment) giveChatter(REASON_REPLY, bytes, timerSeen(kind), 0);
  else if (isTimed) giveChatter(REASON_TIMER, bytes, timerSeen(kind), timerPeriod(kind));
  else if (reply === REPLY_SURPLUS) giveActive(REASON_SURPLUS, bytes);
  else giveActive(reply === REPLY_LEARNING ? REASON_LEARNING : REASON_UNEXPLAINED, bytes);
}

/**
 * SSH: a packet where a reply would be, as the server has sent what makes a client adjust its window (RFC 4254 section 5.2). Of the same
 * size as a key, it is told by the bytes from one to the next.
 */
function noteAdjustment(learner: usize): bool {
  const used = <u32>load<u16>(learner, WINDOW_USED);
  const usual = <u32>load<u16>(learner, WINDOW_USUAL);
  if (used < LEAST_WINDOW) return false;
  const slack = usual / WINDOW_PART;
  const bits = load<u8>(learner, LEARNER_BITS);
  const isEarly = used + slack < usual;
  // Once the usual is known, what comes before its time is a key.
  if (isEarly && bits >> ADJUSTED_SHIFT >= ADJUSTED_ENOUGH) return false;
  const isDue = !isEarly && used <= usual + slack;
  const adjusted = isDue ? min<u8>((bits >> ADJUSTED_SHIFT) + 1, ADJUSTED_MOST) : 0;
  store<u8>(learner, (bits & 15) | (adjusted << ADJUSTED_SHIFT), LEARNER_BITS);
  store<u16>(learner, <u16>(isDue ? (usual * 3 + used) / 4 : used), WINDOW_USUAL);
  store<u16>(learner, 0, WINDOW_USED);
  return adjusted >= ADJUSTED_ENOUGH;
}

/** The class of this size; a new one takes the place of the one about which least is known. */
function findClass(learner: usize, bytes: u32): usize {
  let weakest: usize = 0;
  let least: u32 = 0xffffffff;
  for (let index: u32 = 0; index < CLASSES; ++index) {
    const kind = learner + CLASSES_AT + index * CLASS_BYTES;
    const size = load<u16>(kind, CLASS_SIZE);
    if (<u32>size === bytes) return kind;
    const worth: u32 = size === 0 ? 0 : 1 + timerBits(kind) + replyBits(kind + REPLY);
    if (worth < least) {
      least = worth;
      weakest = kind;
    }
  }
  memory.fill(weakest, 0, CLASS_BYTES);
  store<u16>(weakest, <u16>bytes, CLASS_SIZE);
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
