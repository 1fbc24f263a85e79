// HTTP/2 in the clear: a client's frames. Pings, settings, window updates and priorities are the library's; a request, and a body of its
// own size and bytes, is a poll where it keeps a period, and somebody's else. Source: RFC 9113 sections 3.4, 4.1 and 6. Leaves the inside
// of header blocks to header-block.ts and the periods to polls.ts. Answers are not read: a long poll counts, unless it keeps a period.
//
// Message state: u8 phase, u8 bytes kept of the preface or a frame's header, u8 payload bytes before what it carries, u8 padding after it,
// u32 payload bytes left, u32 tick at which the frame began, or the block that it goes on with, u32 key of a body, u32 bytes of a body or a
// header block, u32 stream of the last header block, u32 its key, u32 tick of the server's last bytes, u8 whether there were any, u8 whether a
// header block is open, then the frame's header, then the state of header-block.ts.

import { judgePoll, mixPoll, pollKey } from '../polls';
import { REASON_HANDSHAKE, REASON_INPUT, REASON_UNKNOWN_MESSAGE } from '../reasons';
import { giveActive, giveProtocol, giveWork } from '../verdict';
import { blockKey, isWholeBlock, openBlock, readBlock, usesTable } from './header-block';

const PHASE: usize = 0;
const HAVE: usize = 1;
const LEAD: usize = 2;
const PADDING: usize = 3;
const LEFT: usize = 4;
const BEGAN_AT: usize = 8;
const BODY_KEY: usize = 12;
const BYTES: usize = 16;
const BLOCK_STREAM: usize = 20;
const BLOCK_KEY: usize = 24;
const SERVER_AT: usize = 28;
const HAS_SERVER: usize = 32;
const IS_BLOCK_OPEN: usize = 33;
const FRAME_HEADER: usize = 34;
const BLOCK: usize = 44;

const PHASE_PREFACE: u8 = 0;
const PHASE_HEADER: u8 = 1;
const PHASE_PAYLOAD: u8 = 2;

const PREFACE_BYTES: u8 = 24;

const HEADER_BYTES: u8 = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const FLAG_END_HEADERS: u8 = 4;
const FLAG_PADDED: u8 = 8;
const FLAG_PRIORITY: u8 = 0x20;
const PRIORITY_BYTES: u32 = 5;
const SETTING_BYTES: u32 = 6;
const LEAST_GOAWAY_BYTES: u32 = 8;
/** What a connection begins with as the largest payload. No client's settings and farewells need more. Section 6.5.2. */
const LARGEST_CONTROL_BYTES: u32 = 16384;

/** A larger body is an upload, a larger header block is no poll's. */
const LARGEST_POLL_BODY_BYTES: u32 = 1024;
const LARGEST_POLL_BLOCK_BYTES: u32 = 16384;
/** Programs write a frame at once: what of it comes later than this is not waited for. */
const SLOW_TICKS: u32 = 1000;
/** What tells the keys of prefaces, bodies and cancellations from those of header blocks. */
const PREFACE_KEY: u32 = 0x50524546;
const BODY_START_KEY: u32 = 0x44415441;
const CANCEL_KEY: u32 = 0x43414e43;

/** Takes note of a server's bytes. */
export function noteHttp2Server(message: usize, now: u32): void {
  store<u32>(message, now, SERVER_AT);
  store<u8>(message, 1, HAS_SERVER);
}

/** Judges the client's bytes from `from` to `end`. Answers false where they are none of HTTP/2. */
export function judgeHttp2(message: usize, family: u32, from: usize, end: usize, now: u32): bool {
  let at = from;
  while (at < end) {
    const phase = load<u8>(message, PHASE);
    if (phase === PHASE_PAYLOAD) {
      const taken = takePayload(message, at, end, now);
      if (taken === 0) return false;
      at += taken;
    } else {
      const byte = load<u8>(at);
      ++at;
      if (!(phase === PHASE_PREFACE ? takePreface(message, family, byte, now) : takeHeader(message, family, byte, now)))
        return false;
    }
    if (load<u8>(message, PHASE) === PHASE_PAYLOAD && load<u32>(message, LEFT) === 0) {
      store<u8>(message, PHASE_HEADER, PHASE);
      if (!endFrame(message, now)) return false;
    }
  }
  if (load<u8>(message, PHASE) === PHASE_PREFACE) giveActive(REASON_HANDSHAKE, load<u8>(message, HAVE));
  return true;
}

function judge(message: usize, key: u32, bytes: u32, now: u32): void {
  const isKnown = load<u8>(message, HAS_SERVER) !== 0;
  judgePoll(key, bytes, now, isKnown ? now - load<u32>(message, SERVER_AT) : 0xffffffff, false);
}

/** Some clients ask nothing before the server has spoken: so a preface counts, except that of a health check. */
function takePreface(message: usize, family: u32, byte: u8, now: u32): bool {
  const have = load<u8>(message, HAVE);
  if (byte !== <u8>(prefaceWord(have >> 2) >> ((have & 3) * 8))) return false;
  store<u8>(message, have + 1, HAVE);
  if (have + 1 < PREFACE_BYTES) return true;
  store<u8>(message, 0, HAVE);
  store<u8>(message, PHASE_HEADER, PHASE);
  judge(message, mixPoll(pollKey(family), PREFACE_KEY), PREFACE_BYTES, now);
  return true;
}

/** Four bytes each, little-endian, of "PRI * HTTP/2.0", an empty line, "SM" and an empty line. Section 3.4. */
function prefaceWord(index: u8): u32 {
  if (index === 0) return 0x20495250;
  if (index === 1) return 0x5448202a;
  if (index === 2) return 0x322f5054;
  if (index === 3) return 0x0a0d302e;
  return index === 4 ? 0x4d530a0d : 0x0a0d0a0d;
}

function frameType(message: usize): u8 {
  return load<u8>(message + FRAME_HEADER, 3);
}

function frameFlags(message: usize): u8 {
  return load<u8>(message + FRAME_HEADER, 4);
}

function frameStream(message: usize): u32 {
  return bswap(load<u32>(message + FRAME_HEADER, 5)) & 0x7fffffff;
}

function takeHeader(message: usize, family: u32, byte: u8, now: u32): bool {
  const have = load<u8>(message, HAVE) + 1;
  store<u8>(message + have - 1, byte, FRAME_HEADER);
  store<u8>(message, have, HAVE);
  if (have < HEADER_BYTES) return true;
  store<u8>(message, 0, HAVE);
  store<u8>(message, PHASE_PAYLOAD, PHASE);
  store<u8>(message, 0, PADDING);
  const length = bswap(load<u32>(message, FRAME_HEADER)) >> 8;
  store<u32>(message, length, LEFT);
  return startFrame(message, family, frameType(message), length, frameStream(message), now);
}

/** Answers false where a client sends no such frame. */
function startFrame(message: usize, family: u32, type: u8, length: u32, stream: u32, now: u32): bool {
  const isBlockOpen = load<u8>(message, IS_BLOCK_OPEN) !== 0;
  if (isBlockOpen !== (type === CONTINUATION)) return false;
  if (type !== CONTINUATION) store<u32>(message, now, BEGAN_AT);
  if (type > CONTINUATION) {
    giveActive(REASON_UNKNOWN_MESSAGE, HEADER_BYTES + length);
    return true;
  }
  if (!isFrame(type, length, stream)) return false;
  if (type === DATA || type === HEADERS || type === RST_STREAM) startContent(message, family, type, stream);
  const lead = leadOf(type, frameFlags(message));
  store<u8>(message, <u8>lead, LEAD);
  if (type === CONTINUATION) return stream === load<u32>(message, BLOCK_STREAM);
  if (type !== DATA && type !== HEADERS && type !== RST_STREAM) giveProtocol(HEADER_BYTES + length);
  return lead <= length;
}

/** Whether a frame of a known type has a length and a stream that its type allows. Section 6. */
function isFrame(type: u8, length: u32, stream: u32): bool {
  switch (type) {
    case PRIORITY:
      return stream !== 0 && length === PRIORITY_BYTES;
    case RST_STREAM:
      return stream !== 0 && length === 4;
    case SETTINGS:
      return stream === 0 && length % SETTING_BYTES === 0 && length <= LARGEST_CONTROL_BYTES;
    case PUSH_PROMISE:
      return false;
    case PING:
      return stream === 0 && length === 8;
    case GOAWAY:
      return stream === 0 && length >= LEAST_GOAWAY_BYTES && length <= LARGEST_CONTROL_BYTES;
    case WINDOW_UPDATE:
      return length === 4;
    default:
      // A client opens streams of odd numbers only. Section 5.1.1.
      return (stream & 1) !== 0;
  }
}

/** Payload bytes before what the frame carries: the length of its padding, and a priority. Sections 6.1 and 6.2. */
function leadOf(type: u8, flags: u8): u32 {
  if (type !== DATA && type !== HEADERS) return 0;
  const padded: u32 = (flags & FLAG_PADDED) !== 0 ? 1 : 0;
  return type === HEADERS && (flags & FLAG_PRIORITY) !== 0 ? padded + PRIORITY_BYTES : padded;
}

/** A body belongs to the request before it, or to one that is known by its stream. */
function startContent(message: usize, family: u32, type: u8, stream: u32): void {
  store<u32>(message, 0, BYTES);
  if (type === HEADERS) {
    store<u32>(message, stream, BLOCK_STREAM);
    store<u8>(message, 1, IS_BLOCK_OPEN);
    openBlock(message + BLOCK, pollKey(family));
  } else if (type === RST_STREAM) {
    store<u32>(message, mixPoll(pollKey(family), CANCEL_KEY), BODY_KEY);
  } else {
    const isOfBlock = stream === load<u32>(message, BLOCK_STREAM);
    const request = isOfBlock ? load<u32>(message, BLOCK_KEY) : mixPoll(mixPoll(pollKey(family), <u32>message), stream);
    store<u32>(message, mixPoll(request, BODY_START_KEY), BODY_KEY);
  }
}

/** Takes a piece of payload; answers its bytes, 0 where they cannot be. */
function takePayload(message: usize, at: usize, end: usize, now: u32): u32 {
  const left = load<u32>(message, LEFT);
  const lead = load<u8>(message, LEAD);
  if (now - load<u32>(message, BEGAN_AT) >= SLOW_TICKS) giveActive(REASON_INPUT, left);
  if (lead !== 0) return takeLead(message, lead, left, load<u8>(at)) ? 1 : 0;
  const padding = <u32>load<u8>(message, PADDING);
  const most = left > padding ? left - padding : left;
  const taken = <u32>min<usize>(most, end - at);
  store<u32>(message, left - taken, LEFT);
  return left <= padding || takeContent(message, at, taken) ? taken : 0;
}

/** One byte before what the frame carries. Padding that leaves no room for anything is an error. */
function takeLead(message: usize, lead: u8, left: u32, byte: u8): bool {
  store<u32>(message, left - 1, LEFT);
  store<u8>(message, lead - 1, LEAD);
  const flags = frameFlags(message);
  if ((flags & FLAG_PADDED) === 0 || <u32>lead !== leadOf(frameType(message), flags)) return true;
  store<u8>(message, byte, PADDING);
  return <u32>byte + lead <= left;
}

function takeContent(message: usize, from: usize, bytes: u32): bool {
  const type = frameType(message);
  if (type > CONTINUATION) giveActive(REASON_UNKNOWN_MESSAGE, bytes);
  const isBlock = type === HEADERS || type === CONTINUATION;
  if (!isBlock && type !== DATA && type !== RST_STREAM) return true;
  const total = load<u32>(message, BYTES) + bytes;
  store<u32>(message, total, BYTES);
  const announced = total + load<u32>(message, LEFT) - load<u8>(message, PADDING);
  if (isBlock) {
    if (announced > LARGEST_POLL_BLOCK_BYTES) giveActive(REASON_INPUT, bytes);
    return readBlock(message + BLOCK, from, from + bytes);
  }
  if (announced > LARGEST_POLL_BODY_BYTES) giveWork(bytes);
  else mixBody(message, from, bytes);
  return true;
}

function mixBody(message: usize, from: usize, bytes: u32): void {
  let key = load<u32>(message, BODY_KEY);
  for (let index: u32 = 0; index < bytes; ++index) key = mixPoll(key, load<u8>(from + index));
  store<u32>(message, key, BODY_KEY);
}

/** Judges what a frame carried now that it is whole. Answers false where a header block ends within a field. */
function endFrame(message: usize, now: u32): bool {
  const type = frameType(message);
  const bytes = load<u32>(message, BYTES);
  if (type === DATA || type === RST_STREAM) {
    if (bytes <= LARGEST_POLL_BODY_BYTES) judge(message, mixPoll(load<u32>(message, BODY_KEY), bytes), bytes, now);
  } else if ((type === HEADERS || type === CONTINUATION) && (frameFlags(message) & FLAG_END_HEADERS) !== 0) {
    store<u8>(message, 0, IS_BLOCK_OPEN);
    if (!isWholeBlock(message + BLOCK)) return false;
    const key = blockKey(message + BLOCK);
    // An entry's number means something on this connection only.
    const own = usesTable(message + BLOCK) ? mixPoll(key, <u32>message) : key;
    store<u32>(message, own, BLOCK_KEY);
    judge(message, own, bytes, now);
  }
  return true;
}
