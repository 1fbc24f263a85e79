// Finds the frames in the bytes of an encrypted client: TLS records, or TPKT and fast-path frames of RDP. Keeps a frame's place
// across chunks in the learner's state; leaves what a frame means to learner.ts.
import { FRAME_HAVE, FRAME_LEFT, FRAME_LENGTH, FRAME_TYPE } from './learner-state';
import { PROTOCOL_RDP } from './protocols';

const TLS_TYPE_FIRST: u8 = 20;
const TLS_TYPE_LAST: u8 = 24;
const TLS_HEADER_BYTES: u32 = 5;
const TPKT_VERSION: u8 = 3;

/** Where the walk stands: behind the bytes taken, which are a header, and its body where that lies whole in the chunk. */
export let frameAt: usize = 0;
/** Whole length of the frame that was found last. */
export let frameBytes: u32 = 0;

export const FRAME_NONE: u32 = 0;
/** A frame's header is whole. */
export const FRAME_FOUND: u32 = 1;
/** The bytes are not framed as the protocol frames them. */
export const FRAME_BROKEN: u32 = 2;

/** Whether no frame is under way. */
export function isBetweenFrames(learner: usize): bool {
  return load<u16>(learner, FRAME_LEFT) === 0 && load<u8>(learner, FRAME_HAVE) === 0;
}

/** Length of the TLS record that begins at `at` and lies whole before `end`; 0 where none does, which `nextFrame` looks into. */
export function wholeRecord(at: usize, end: usize): u32 {
  if (end - at < TLS_HEADER_BYTES) return 0;
  const type = load<u8>(at);
  if (type < TLS_TYPE_FIRST || type > TLS_TYPE_LAST || load<u8>(at, 1) !== 3) return 0;
  const bytes = TLS_HEADER_BYTES + <u32>bswap(load<u16>(at, 3));
  return <usize>bytes <= end - at ? bytes : 0;
}

/** Walks from `from` to the end of the next header, at most to `end`. Answers a FRAME_ number. */
export function nextFrame(learner: usize, protocol: u8, from: usize, end: usize): u32 {
  frameAt = from;
  return isAtHeader(learner, protocol, from, end) ? takeRecord(learner, end) : walkToFrame(learner, protocol, end);
}

/** Whether a TLS header begins at `from` and lies whole before `end`. */
function isAtHeader(learner: usize, protocol: u8, from: usize, end: usize): bool {
  if (protocol === PROTOCOL_RDP || end - from < TLS_HEADER_BYTES) return false;
  return isBetweenFrames(learner);
}

/** The same byte by byte, from `frameAt`, after the rest of a body. */
function walkToFrame(learner: usize, protocol: u8, end: usize): u32 {
  while (frameAt < end) {
    const left = <u32>load<u16>(learner, FRAME_LEFT);
    if (left !== 0 && load<u8>(learner, FRAME_HAVE) === 0) {
      const taken = <u32>min<usize>(left, end - frameAt);
      store<u16>(learner, <u16>(left - taken), FRAME_LEFT);
      frameAt += taken;
      if (isAtHeader(learner, protocol, frameAt, end)) return takeRecord(learner, end);
      continue;
    }
    const whole = takeHeaderByte(learner, protocol, load<u8>(frameAt));
    ++frameAt;
    if (whole === 0) continue;
    const have = load<u8>(learner, FRAME_HAVE);
    store<u8>(learner, 0, FRAME_HAVE);
    if (whole < 0) return FRAME_BROKEN;
    frameBytes = <u32>whole;
    store<u16>(learner, <u16>(frameBytes - have), FRAME_LEFT);
    return FRAME_FOUND;
  }
  return FRAME_NONE;
}

/** A TLS header that lies whole at `frameAt`, as most do. Of a body that lies whole behind it nothing is kept: the walk is past it. */
function takeRecord(learner: usize, end: usize): u32 {
  const type = load<u8>(frameAt);
  if (type < TLS_TYPE_FIRST || type > TLS_TYPE_LAST || load<u8>(frameAt, 1) !== 3) return FRAME_BROKEN;
  const length = <u32>bswap(load<u16>(frameAt, 3));
  store<u8>(learner, type, FRAME_TYPE);
  frameBytes = TLS_HEADER_BYTES + length;
  const isWhole = <usize>frameBytes <= end - frameAt;
  if (!isWhole) store<u16>(learner, <u16>length, FRAME_LEFT);
  frameAt += isWhole ? frameBytes : TLS_HEADER_BYTES;
  return FRAME_FOUND;
}

/** One more header byte: the frame's whole length, 0 while that is not known, -1 where it is no header. */
function takeHeaderByte(learner: usize, protocol: u8, byte: u8): i32 {
  const have = <u32>load<u8>(learner, FRAME_HAVE) + 1;
  if (have === 1) {
    store<u8>(learner, byte, FRAME_TYPE);
    store<u16>(learner, 0, FRAME_LENGTH);
  }
  store<u8>(learner, <u8>have, FRAME_HAVE);
  return protocol === PROTOCOL_RDP ? takeRdpHeader(learner, have, byte) : takeTlsHeader(learner, have, byte);
}

/** TLS: u8 type, u16 version, u16 length. RFC 8446 section 5.1. */
function takeTlsHeader(learner: usize, have: u32, byte: u8): i32 {
  if (have === 1) return byte >= TLS_TYPE_FIRST && byte <= TLS_TYPE_LAST ? 0 : -1;
  if (have === 2) return byte === 3 ? 0 : -1;
  if (have < 4) return 0;
  store<u16>(learner, (load<u16>(learner, FRAME_LENGTH) << 8) | byte, FRAME_LENGTH);
  return have < TLS_HEADER_BYTES ? 0 : <i32>TLS_HEADER_BYTES + load<u16>(learner, FRAME_LENGTH);
}

/** RDP: TPKT (RFC 1006 section 6) or a fast-path frame ([MS-RDPBCGR] 2.2.8.1.2). */
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
