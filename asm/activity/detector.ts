// A stream's detector: the way of a chunk through recogniser, parser or learner. Each of those lies in its own file; deadlines
// and life stay in streams.ts, and the fields of its memory in state.ts.

import { HEAD_SCRATCH } from '../layout';
import {
  DIRECTION_SERVER,
  FLAG_ACTIVE,
  FLAG_CHATTER,
  FLAG_LOST,
  FLAG_RECOGNISED,
  POLICY_PERIODIC_INPUT,
  POLICY_PERIODIC_MOVES,
  POLICY_PERIODIC_REQUESTS,
} from './flags';
import { judgeEncrypted, noteServer } from './learner';
import { judgeHttp2, noteHttp2Server } from './parsers/http2';
import { judgeLines } from './parsers/lines';
import { judgeMessages, OUTCOME_LOST, OUTCOME_TLS, stoppedAt } from './parsers/messages';
import { judgePrint } from './parsers/print';
import { judgeRequest, noteResponse } from './parsers/requests';
import { noteRfbServer } from './parsers/rfb';
import { judgeTelnet } from './parsers/telnet';
import { isFirstFrame, judgeWebSocket } from './parsers/websocket';
import { judgeInput, tellPolls } from './polls';
import {
  PROTOCOL_AUTO,
  PROTOCOL_HTTP,
  PROTOCOL_HTTP2,
  PROTOCOL_IRC,
  PROTOCOL_MYSQL,
  PROTOCOL_POSTGRES,
  PROTOCOL_PRINT,
  PROTOCOL_RAW,
  PROTOCOL_RDP,
  PROTOCOL_RDP_TLS,
  PROTOCOL_RFB,
  PROTOCOL_RFB_TLS,
  PROTOCOL_SSH,
  PROTOCOL_TELNET,
  PROTOCOL_TLS,
  PROTOCOL_UNKNOWN,
  PROTOCOL_WEBSOCKET,
} from './protocols';
import { REASON_BYTES, REASON_HANDSHAKE, REASON_LOST } from './reasons';
import { HEAD_BYTES, isTls, PROTOCOL_PENDING, protocolOfPort, recogniseClient, recogniseServer } from './recognise';
import {
  BIT_LOST,
  BIT_MOVES,
  BIT_PERIODIC,
  BIT_REQUESTS,
  BIT_SERVER_TOLD,
  BIT_TOLD,
  BITS,
  CLIENT_HEAD,
  FAMILY,
  FAMILY_BYTES,
  MESSAGE,
  MESSAGE_BYTES,
  PERIOD,
  PERIOD_MASK,
  PORT,
  PROTOCOL,
  REASON,
  SEEN,
  SIZE,
} from './state';
import {
  clearVerdict,
  giveActive,
  isInputAlone,
  isMoveAlone,
  verdictFlags,
  verdictPeriod,
  verdictReason,
  verdictSeen,
  verdictSize,
} from './verdict';

/** Where a message's header lies in the message state; see parsers/step.ts. */
const HEADER_AT: u32 = 12;
/** Where first bytes wait in the message state: the client's, then the server's, then how many of the latter. */
const SERVER_HEAD: usize = HEAD_BYTES;
const SERVER_HAVE: usize = HEAD_BYTES + 8;
const SERVER_HEAD_BYTES: u32 = 8;
/** An answer that leaves HTTP: "HTTP/1.1 101". RFC 9110 section 15.2.2. */
const SWITCHING_BYTES: u32 = 12;
/** "P". */
const FIRST_OF_PREFACE: u8 = 0x50;
const TAG_HTTP: u32 = 0x50545448;
const TAG_101: u32 = 0x31303120;

/** `switches`: POLICY_ bits of flags.ts, in place of those before. */
export function setPolicy(detector: usize, switches: u32): void {
  const input = (switches & POLICY_PERIODIC_INPUT) !== 0 ? BIT_PERIODIC : 0;
  const requests = (switches & POLICY_PERIODIC_REQUESTS) !== 0 ? BIT_REQUESTS : 0;
  const moves = (switches & POLICY_PERIODIC_MOVES) !== 0 ? BIT_MOVES : 0;
  const others = load<u8>(detector, BITS) & ~(BIT_PERIODIC | BIT_REQUESTS | BIT_MOVES);
  store<u8>(detector, others | input | requests | moves, BITS);
}

/** Prepares the zero-filled detector of a new stream. */
export function openDetector(detector: usize, hint: u32, port: u32, family: u32): void {
  store<u8>(detector, <u8>hint, PROTOCOL);
  store<u8>(detector, <u8>protocolOfPort(port), PORT);
  store<u32>(detector, family, FAMILY);
}

/** The stream whose chunk is judged, by its handle: what was learned of its like is never taken for a later one's in its place. */
let streamUnderWay: u32 = 0;

/**
 * Judges one chunk of `stream`, a handle, or a further piece of one; answers FLAG_ bits. `before`: bytes its sender had sent before these.
 */
export function judgeChunk(
  detector: usize,
  stream: u32,
  direction: u32,
  before: u64,
  chunk: usize,
  bytes: u32,
  now: u32,
): u32 {
  streamUnderWay = stream;
  clearVerdict(direction);
  tellPolls((load<u8>(detector, BITS) & BIT_REQUESTS) !== 0);
  if ((direction & DIRECTION_SERVER) !== 0) judgeServer(detector, before, chunk, bytes, now);
  else judgeClient(detector, chunk, chunk + bytes, now);
  const bits = load<u8>(detector, BITS);
  if ((bits & (BIT_PERIODIC | BIT_MOVES)) !== 0 && isOfJiggler(bits)) judgeInput(streamUnderWay, bytes, now);
  note(detector);
  let flags = verdictFlags;
  if ((flags & FLAG_ACTIVE) !== 0) flags &= ~FLAG_CHATTER;
  if ((bits & BIT_TOLD) !== 0 && load<u8>(detector, PROTOCOL) !== PROTOCOL_UNKNOWN) flags |= FLAG_RECOGNISED;
  if ((bits & BIT_LOST) !== 0) flags |= FLAG_LOST;
  return flags;
}

/** Whether the chunk is what its stream's owner says that a mouse jiggler may have sent. */
function isOfJiggler(bits: u8): bool {
  return (bits & BIT_PERIODIC) !== 0 ? isInputAlone() : isMoveAlone();
}

/** Keeps why the last chunk was judged as it was. A chunk that ends within a header has no verdict of its own. */
function note(detector: usize): void {
  if (verdictReason === 0) return;
  store<u8>(detector, <u8>verdictReason, REASON);
  store<u16>(detector, <u16>min<u32>(verdictSize, 0xffff), SIZE);
  store<u8>(detector, <u8>min<u32>(verdictSeen, 0xff), SEEN);
  const beside = load<u32>(detector, PERIOD) & ~PERIOD_MASK;
  store<u32>(detector, beside | min(verdictPeriod, PERIOD_MASK), PERIOD);
}

function learnClient(detector: usize, protocol: u8, from: usize, end: usize, now: u32): void {
  if (!judgeEncrypted(detector + MESSAGE, protocol, from, end, now)) lose(detector, end - from);
}

function judgeClient(detector: usize, from: usize, end: usize, now: u32): void {
  const bits = load<u8>(detector, BITS);
  const protocol = load<u8>(detector, PROTOCOL);
  if (protocol === PROTOCOL_RAW) giveActive(REASON_BYTES, <u32>(end - from));
  // A short way for the chunks that cost most; `judgeTold` comes to the same.
  else if (isOfLearner(protocol) && (bits & (BIT_TOLD | BIT_LOST)) === BIT_TOLD)
    learnClient(detector, protocol, from, end, now);
  else if ((bits & BIT_LOST) !== 0) giveActive(REASON_LOST, <u32>(end - from));
  else if ((bits & BIT_TOLD) === 0) tellClient(detector, from, end, now);
  else judgeTold(detector, from, end, now);
}

/** Gathers first bytes until the protocol is told, then shows all of them to its parser. Until then they count. */
function tellClient(detector: usize, from: usize, end: usize, now: u32): void {
  const message = detector + MESSAGE;
  let at = from;
  let have = <u32>load<u8>(detector, CLIENT_HEAD);
  let protocol = PROTOCOL_PENDING;
  while (at < end && protocol === PROTOCOL_PENDING && have < HEAD_BYTES) {
    store<u8>(message + have, load<u8>(at));
    ++have;
    ++at;
    protocol = recogniseClient(message, have);
  }
  const kept = <u32>load<u8>(detector, CLIENT_HEAD);
  store<u8>(detector, <u8>have, CLIENT_HEAD);
  if (protocol === PROTOCOL_PENDING && have < HEAD_BYTES) {
    giveActive(REASON_HANDSHAKE, <u32>(end - from));
    return;
  }
  memory.copy(HEAD_SCRATCH, message, kept);
  settle(detector, protocol);
  if (kept !== 0) judgeTold(detector, HEAD_SCRATCH, HEAD_SCRATCH + kept, now);
  if (from < end) judgeClient(detector, from, end, now);
}

/** The protocol is told: by the configuration, which only TLS overrules, else by the bytes, else by the port. */
function settle(detector: usize, seen: u8): void {
  const hint = load<u8>(detector, PROTOCOL);
  let protocol = seen;
  // A WebSocket begins as a request to change over.
  const isUpgrade = hint === PROTOCOL_WEBSOCKET && seen === PROTOCOL_HTTP;
  const isHttp2 = seen === PROTOCOL_HTTP2 && (hint === PROTOCOL_HTTP || hint === PROTOCOL_WEBSOCKET);
  if (
    hint !== PROTOCOL_AUTO &&
    !isUpgrade &&
    !isHttp2 &&
    !(seen === PROTOCOL_TLS && hint !== PROTOCOL_SSH && hint !== PROTOCOL_TELNET)
  )
    protocol = hint;
  else if (seen === PROTOCOL_UNKNOWN || seen === PROTOCOL_PENDING) protocol = load<u8>(detector, PORT);
  become(detector, protocol);
}

function become(detector: usize, protocol: u8): void {
  store<u8>(detector, protocol, PROTOCOL);
  store<u8>(detector, load<u8>(detector, BITS) | BIT_TOLD, BITS);
  // The learner has no polls: it takes the family's place too.
  memory.fill(detector + MESSAGE, 0, isLearned(protocol) ? MESSAGE_BYTES : MESSAGE_BYTES - FAMILY_BYTES);
}

function judgeTold(detector: usize, from: usize, end: usize, now: u32): void {
  const protocol = load<u8>(detector, PROTOCOL);
  const message = detector + MESSAGE;
  const family = load<u32>(detector, FAMILY);
  switch (protocol) {
    case PROTOCOL_SSH:
    case PROTOCOL_TLS:
    case PROTOCOL_RDP_TLS:
    case PROTOCOL_RFB_TLS:
      if (!judgeEncrypted(message, protocol, from, end, now)) lose(detector, end - from);
      return;
    case PROTOCOL_RDP:
      judgeRdp(detector, from, end, now);
      return;
    case PROTOCOL_TELNET:
      judgeTelnet(message, from, end);
      return;
    case PROTOCOL_IRC:
      judgeLines(message, from, end);
      return;
    case PROTOCOL_HTTP2:
      if (!judgeHttp2(message, family, from, end, now)) lose(detector, end - from);
      return;
    case PROTOCOL_WEBSOCKET:
      if (from < end && load<u8>(from) === FIRST_OF_PREFACE && isFirstFrame(message)) {
        // No frame begins so: the request that the server agreed to was one for HTTP/2. RFC 7540 section 3.2.
        become(detector, PROTOCOL_HTTP2);
        judgeTold(detector, from, end, now);
        return;
      }
      if (!judgeWebSocket(message, family, from, end, now)) lose(detector, end - from);
      return;
    case PROTOCOL_PRINT:
      judgePrint(message, family, from, <u32>(end - from), now);
      return;
    case PROTOCOL_HTTP:
      judgeRequest(protocol, message, family, from, <u32>(end - from), now);
      return;
    case PROTOCOL_MYSQL:
    case PROTOCOL_UNKNOWN:
      // Connections of a pool keep a period each.
      judgeRequest(protocol, message, streamUnderWay, from, <u32>(end - from), now);
      return;
    case PROTOCOL_POSTGRES:
      if (end - from > 2 && isTls(from)) switchToTls(detector, PROTOCOL_TLS, from, end, now);
      else judgeRequest(protocol, message, streamUnderWay, from, <u32>(end - from), now);
      return;
    default:
      judgeBinary(detector, protocol, from, end, now);
  }
}

/** The protocols of binary messages. */
function judgeBinary(detector: usize, protocol: u8, from: usize, end: usize, now: u32): void {
  const outcome = judgeMessages(protocol, detector + MESSAGE, MESSAGE_BYTES - FAMILY_BYTES - HEADER_AT, from, end);
  if (outcome === OUTCOME_LOST) lose(detector, end - from);
  if (outcome === OUTCOME_TLS) switchToTls(detector, PROTOCOL_RFB_TLS, stoppedAt, end, now);
}

/** RDP goes over to TLS after its first exchange, or stays in frames of its own. */
function judgeRdp(detector: usize, from: usize, end: usize, now: u32): void {
  if (end - from > 2 && isTls(from)) switchToTls(detector, PROTOCOL_RDP_TLS, from, end, now);
  // Frames are found again at the next read: sizes that are none are unexplained, and count.
  else judgeEncrypted(detector + MESSAGE, PROTOCOL_RDP, from, end, now);
}

function switchToTls(detector: usize, protocol: u8, from: usize, end: usize, now: u32): void {
  become(detector, protocol);
  giveActive(REASON_HANDSHAKE, <u32>(end - from));
  if (from < end && !judgeEncrypted(detector + MESSAGE, protocol, from, end, now)) lose(detector, end - from);
}

/** From here on everything of this stream's client counts. */
function lose(detector: usize, bytes: usize): void {
  giveActive(REASON_LOST, <u32>bytes);
  store<u8>(detector, load<u8>(detector, BITS) | BIT_LOST, BITS);
}

function judgeServer(detector: usize, before: u64, chunk: usize, bytes: u32, now: u32): void {
  const protocol = load<u8>(detector, PROTOCOL);
  if (protocol === PROTOCOL_RAW) return;
  if ((load<u8>(detector, BITS) & BIT_TOLD) === 0) {
    if (protocol === PROTOCOL_AUTO) tellServer(detector, chunk, bytes);
    if ((load<u8>(detector, BITS) & BIT_TOLD) === 0) return;
  }
  const told = load<u8>(detector, PROTOCOL);
  if (told === PROTOCOL_RFB) noteRfbServer(detector + MESSAGE, before, chunk, bytes);
  else if (told === PROTOCOL_HTTP && isSwitching(chunk, bytes)) become(detector, PROTOCOL_WEBSOCKET);
  else if (told === PROTOCOL_HTTP2) noteHttp2Server(detector + MESSAGE, now);
  else if (isOfRequests(told)) noteResponse(detector + MESSAGE, now);
  else if (isLearned(told)) noteServer(detector + MESSAGE, told, bytes, now);
}

function isOfRequests(protocol: u8): bool {
  return (
    protocol === PROTOCOL_HTTP ||
    protocol === PROTOCOL_MYSQL ||
    protocol === PROTOCOL_POSTGRES ||
    protocol === PROTOCOL_UNKNOWN
  );
}

function isLearned(protocol: u8): bool {
  return protocol === PROTOCOL_RDP || isOfLearner(protocol);
}

/** Whether all of the client's bytes go to the learner. */
function isOfLearner(protocol: u8): bool {
  return (
    protocol === PROTOCOL_SSH ||
    protocol === PROTOCOL_TLS ||
    protocol === PROTOCOL_RDP_TLS ||
    protocol === PROTOCOL_RFB_TLS
  );
}

/** A server that speaks before its client: its first bytes may tell the protocol. */
function tellServer(detector: usize, chunk: usize, bytes: u32): void {
  if ((load<u8>(detector, BITS) & BIT_SERVER_TOLD) !== 0 || load<u8>(detector, CLIENT_HEAD) !== 0) return;
  const head = detector + MESSAGE + SERVER_HEAD;
  let have = <u32>load<u8>(detector + MESSAGE, SERVER_HAVE);
  for (let index: u32 = 0; index < bytes; ++index) {
    store<u8>(head + have, load<u8>(chunk + index));
    ++have;
    const protocol = recogniseServer(head, have);
    if (protocol === PROTOCOL_PENDING && have < SERVER_HEAD_BYTES) continue;
    store<u8>(detector, load<u8>(detector, BITS) | BIT_SERVER_TOLD, BITS);
    if (protocol !== PROTOCOL_UNKNOWN && protocol !== PROTOCOL_PENDING) become(detector, protocol);
    return;
  }
  store<u8>(detector + MESSAGE, <u8>have, SERVER_HAVE);
}

function isSwitching(chunk: usize, bytes: u32): bool {
  return bytes >= SWITCHING_BYTES && load<u32>(chunk) === TAG_HTTP && load<u32>(chunk, 8) === TAG_101;
}
