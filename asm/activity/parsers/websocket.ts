// WebSocket frames of a client, unmasked while they are looked at, and what is inside: RFB, or messages that keep a period.
// Source: RFC 6455 section 5. Pings, pongs and closes are the library's. The bytes are left as they came: they are passed on.
//
// Message state: u8 header bytes kept, u8 unused, u8 kind of content, u8 payload bytes in the key, u32 payload bytes left,
// u32 mask turned to the next byte, u32 key, u32 payload bytes, then the header, then RFB's own message state.

import { judgePoll, mixPoll, pollKey } from '../polls';
import { PROTOCOL_RFB } from '../protocols';
import { REASON_INPUT } from '../reasons';
import { giveActive, giveProtocol } from '../verdict';
import { judgeMessages, OUTCOME_DONE } from './messages';

const HAVE: usize = 0;
const KIND: usize = 2;
const KEYED: usize = 3;
const LEFT: usize = 4;
const MASK: usize = 8;
const KEY: usize = 12;
const PAYLOAD: usize = 16;
const FRAME_HEADER: usize = 20;
const INNER: usize = 36;
const INNER_HEADER_BYTES: u32 = 12;

const KIND_NEW: u8 = 0;
const KIND_RFB: u8 = 1;
const KIND_MESSAGES: u8 = 2;

const OPCODE_CONTROL: u8 = 8;
const OPCODE_LAST: u8 = 10;
const MASKED: u8 = 0x80;
/** Payload bytes that make a message's key, and the longest message that may be a ping of the application's. */
const KEY_BYTES: u32 = 16;
const PING_BYTES: u32 = 64;
const TAG_RFB: u32 = 0x20424652;

/** Whether the client has sent no frame of content yet, and is within none. */
export function isFirstFrame(message: usize): bool {
  return load<u8>(message, KIND) === KIND_NEW && load<u8>(message, HAVE) === 0 && load<u32>(message, LEFT) === 0;
}

/** Judges the client's bytes from `from` to `end`. Answers false where they are no masked frames. */
export function judgeWebSocket(message: usize, family: u32, from: usize, end: usize, now: u32): bool {
  let at = from;
  while (at < end) {
    const left = load<u32>(message, LEFT);
    if (left !== 0) {
      const taken = <u32>min<usize>(left, end - at);
      store<u32>(message, left - taken, LEFT);
      if (!takePayload(message, at, taken)) return false;
      at += taken;
    } else {
      const have = <u32>load<u8>(message, HAVE) + 1;
      store<u8>(message + have - 1, load<u8>(at), FRAME_HEADER);
      store<u8>(message, <u8>have, HAVE);
      ++at;
      if (!takeHeader(message, family, have)) return false;
    }
    if (load<u32>(message, LEFT) === 0 && load<u8>(message, HAVE) === 0) endFrame(message, now);
  }
  return true;
}

/** Reads the header when it is whole: then HAVE is 0 and LEFT the payload's length. */
function takeHeader(message: usize, family: u32, have: u32): bool {
  const header = message + FRAME_HEADER;
  const opcode = load<u8>(header) & 15;
  if (opcode > OPCODE_LAST || (opcode > 2 && opcode < OPCODE_CONTROL) || (load<u8>(header) & 0x30) !== 0) return false;
  if (have < 2) return true;
  const short = <u32>load<u8>(header, 1) & 0x7f;
  if ((load<u8>(header, 1) & MASKED) === 0) return false;
  const lengthBytes: u32 = short === 127 ? 8 : short === 126 ? 2 : 0;
  if (have < 2 + lengthBytes + 4) return true;
  if (lengthBytes === 8 && load<u32>(header, 2) !== 0) return false;
  const bytes: u32 =
    lengthBytes === 8 ? bswap(load<u32>(header, 6)) : lengthBytes === 2 ? bswap(load<u16>(header, 2)) : short;
  store<u8>(message, 0, HAVE);
  store<u8>(message, 0, KEYED);
  store<u32>(message, bytes, LEFT);
  store<u32>(message, bytes, PAYLOAD);
  store<u32>(message, load<u32>(header + 2 + lengthBytes), MASK);
  store<u32>(message, mixPoll(mixPoll(pollKey(family), opcode), bytes), KEY);
  if (opcode >= OPCODE_CONTROL) giveProtocol(bytes);
  else if (bytes > PING_BYTES && load<u8>(message, KIND) !== KIND_RFB) giveActive(REASON_INPUT, bytes);
  return true;
}

/** Unmasks a piece of payload for as long as what is inside looks at it, and masks it again. */
function takePayload(message: usize, from: usize, bytes: u32): bool {
  const opcode = load<u8>(message, FRAME_HEADER) & 15;
  if (opcode >= OPCODE_CONTROL) return true;
  const mask = load<u32>(message, MASK);
  store<u32>(message, applyMask(mask, from, bytes), MASK);
  const fits = judgePayload(message, from, bytes);
  applyMask(mask, from, bytes);
  return fits;
}

/** Masks or unmasks, which is the same; answers the mask turned to the next byte. RFC 6455 section 5.3. */
function applyMask(mask: u32, from: usize, bytes: u32): u32 {
  for (let index: u32 = 0; index < bytes; ++index) {
    const at = from + index;
    store<u8>(at, load<u8>(at) ^ <u8>mask);
    mask = rotr(mask, 8);
  }
  return mask;
}

/** Shows plain payload to what is inside. Answers false where that loses its place. */
function judgePayload(message: usize, from: usize, bytes: u32): bool {
  if (load<u8>(message, KIND) === KIND_NEW) {
    store<u8>(message, bytes >= 4 && load<u32>(from) === TAG_RFB ? KIND_RFB : KIND_MESSAGES, KIND);
  }
  if (load<u8>(message, KIND) === KIND_RFB) {
    return judgeMessages(PROTOCOL_RFB, message + INNER, INNER_HEADER_BYTES, from, from + bytes) === OUTCOME_DONE;
  }
  if (load<u32>(message, PAYLOAD) > PING_BYTES) giveActive(REASON_INPUT, bytes);
  let keyed = <u32>load<u8>(message, KEYED);
  for (let index: u32 = 0; index < bytes && keyed < KEY_BYTES; ++index, ++keyed) {
    store<u32>(message, mixPoll(load<u32>(message, KEY), load<u8>(from + index)), KEY);
  }
  store<u8>(message, <u8>keyed, KEYED);
  return true;
}

/** A short message is judged at its end, when its key is whole. */
function endFrame(message: usize, now: u32): void {
  const bytes = load<u32>(message, PAYLOAD);
  const isControl = (load<u8>(message, FRAME_HEADER) & 15) >= OPCODE_CONTROL;
  if (isControl || bytes > PING_BYTES || load<u8>(message, KIND) === KIND_RFB) return;
  judgePoll(load<u32>(message, KEY), bytes, now, 0xffffffff, false);
}
