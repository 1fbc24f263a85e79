// WebSocket frames of a client, unmasked while they are looked at, and what is inside: a protocol of its own (RFB, SPICE, MQTT), Guacamole,
// a terminal's messages, or messages that keep a period. Source: RFC 6455 section 5. Pings, pongs and closes are the library's. The bytes
// are left as they came: they are passed on.
//
// Message state: u8 header bytes kept, u8 first byte of the payload, u8 kind of content, u8 payload bytes in the key, u32 payload bytes left,
// u32 mask turned to the next byte, u32 key, u32 payload bytes, then the header, u8 first bytes of the first message that were kept, then
// those bytes, or the message state of what is inside.

import { HEAD_SCRATCH } from '../../layout';
import { judgePoll, mixPoll, pollKey } from '../polls';
import { PROTOCOL_MQTT, PROTOCOL_RFB, PROTOCOL_SPICE } from '../protocols';
import { REASON_INPUT } from '../reasons';
import { recogniseClient } from '../recognise';
import { giveActive, giveProtocol } from '../verdict';
import { endGuacamole, isGuacamole, judgeGuacamole } from './guacamole';
import { judgeMessages, OUTCOME_DONE } from './messages';

const HAVE: usize = 0;
const FIRST: usize = 1;
const KIND: usize = 2;
const KEYED: usize = 3;
const LEFT: usize = 4;
const MASK: usize = 8;
const KEY: usize = 12;
const PAYLOAD: usize = 16;
const FRAME_HEADER: usize = 20;
const HEADED: usize = 34;
const INNER: usize = 36;
/** What is left for the header of a message inside. */
const INNER_HEADER_BYTES: u32 = 64;

/** No message of content has come. */
const KIND_NEW: u8 = 0;
const KIND_MESSAGES: u8 = 1;
const KIND_GUACAMOLE: u8 = 2;
/** Its messages begin with 0 (keys), 1 (size), 2 (pause), 3 (resume). Source: ttyd, server.h. */
const KIND_TTYD: u8 = 3;
/** Its messages begin with 2 (ping), 3 (pong), 4 (message), 5 (upgrade), 6 (noop). Source: Engine.IO protocol, packet types. */
const KIND_ENGINE_IO: u8 = 4;
/** Added to the number of the protocol inside. */
const KIND_PROTOCOL: u8 = 0x80;

/** First bytes of a connection's first message that tell what is inside, and where they are shown to its parser. */
const HEAD_BYTES: u8 = 8;
const PAYLOAD_SCRATCH: usize = HEAD_SCRATCH + 64;
/** The first eight bytes of ttyd's first message, and the first message of Engine.IO: {"AuthTo, 2probe. Little-endian. */
const TTYD_FIRST: u32 = 0x7541227b;
const TTYD_SECOND: u32 = 0x6f546874;
const ENGINE_IO_FIRST: u32 = 0x6f727032;
const ENGINE_IO_SECOND: u32 = 0x6562;
const ENGINE_IO_BYTES: u8 = 6;

const OPCODE_CONTROL: u8 = 8;
const OPCODE_LAST: u8 = 10;
const MASKED: u8 = 0x80;
/** Payload bytes that make a message's key, and the longest message that may be a ping of the application's. */
const KEY_BYTES: u32 = 16;
const PING_BYTES: u32 = 64;
const DIGIT_2: u8 = 0x32;
const DIGIT_3: u8 = 0x33;
const DIGIT_5: u8 = 0x35;
const DIGIT_6: u8 = 0x36;
const OPCODE_TEXT: u8 = 1;

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
    if (load<u32>(message, LEFT) === 0 && load<u8>(message, HAVE) === 0 && !endFrame(message, now)) return false;
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
  else if (bytes > PING_BYTES && !isLookedInto(message)) giveActive(REASON_INPUT, bytes);
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

/** Whether what is inside is judged by its own parser, whatever the message's size. */
function isLookedInto(message: usize): bool {
  const kind = load<u8>(message, KIND);
  return kind >= KIND_PROTOCOL || kind === KIND_GUACAMOLE;
}

/** Shows plain payload to what is inside. Answers false where that loses its place. */
function judgePayload(message: usize, from: usize, bytes: u32): bool {
  if (isLookedInto(message)) return judgeInside(message, from, bytes);
  if (load<u32>(message, PAYLOAD) > PING_BYTES) giveActive(REASON_INPUT, bytes);
  let keyed = <u32>load<u8>(message, KEYED);
  if (keyed === 0) store<u8>(message, load<u8>(from), FIRST);
  for (let index: u32 = 0; index < bytes && keyed < KEY_BYTES; ++index, ++keyed) {
    store<u32>(message, mixPoll(load<u32>(message, KEY), load<u8>(from + index)), KEY);
  }
  store<u8>(message, <u8>keyed, KEYED);
  return load<u8>(message, KIND) !== KIND_NEW || gatherHead(message, from, bytes);
}

function judgeInside(message: usize, from: usize, bytes: u32): bool {
  const kind = load<u8>(message, KIND);
  if (kind === KIND_GUACAMOLE) {
    judgeGuacamole(message + INNER, from, bytes);
    return true;
  }
  const protocol = kind - KIND_PROTOCOL;
  return judgeMessages(protocol, message + INNER, INNER_HEADER_BYTES, from, from + bytes) === OUTCOME_DONE;
}

/** Keeps the first bytes of the first message until they tell what is inside; the rest goes there at once. */
function gatherHead(message: usize, from: usize, bytes: u32): bool {
  let have = load<u8>(message, HEADED);
  let at = from;
  for (; at < from + bytes && have < HEAD_BYTES; ++at, ++have) store<u8>(message + INNER + have, load<u8>(at));
  store<u8>(message, have, HEADED);
  return (
    have < HEAD_BYTES ||
    (tellContent(message) && (!isLookedInto(message) || judgeInside(message, at, <u32>(from + bytes - at))))
  );
}

/** Settles what is inside, and shows it the first bytes. */
function tellContent(message: usize): bool {
  const head = message + INNER;
  const have = load<u8>(message, HEADED);
  store<u8>(message, kindOf(head, have), KIND);
  memory.copy(PAYLOAD_SCRATCH, head, have);
  memory.fill(head, 0, HEAD_BYTES);
  return !isLookedInto(message) || judgeInside(message, PAYLOAD_SCRATCH, have);
}

/** What a first message is of whose first `have` bytes lie at `head`, zeros behind them. */
function kindOf(head: usize, have: u8): u8 {
  const first = load<u32>(head);
  const second = load<u32>(head, 4);
  if (first === TTYD_FIRST && second === TTYD_SECOND) return KIND_TTYD;
  if (first === ENGINE_IO_FIRST && second === ENGINE_IO_SECOND && have === ENGINE_IO_BYTES) return KIND_ENGINE_IO;
  if (isGuacamole(head)) return KIND_GUACAMOLE;
  const protocol = recogniseClient(head, have);
  const isInside = protocol === PROTOCOL_RFB || protocol === PROTOCOL_SPICE || protocol === PROTOCOL_MQTT;
  return isInside ? KIND_PROTOCOL + protocol : KIND_MESSAGES;
}

/** A short message is judged at its end, when its key is whole. Answers false where what is inside loses its place. */
function endFrame(message: usize, now: u32): bool {
  const bytes = load<u32>(message, PAYLOAD);
  const opcode = load<u8>(message, FRAME_HEADER) & 15;
  if (opcode >= OPCODE_CONTROL) return true;
  if (load<u8>(message, KIND) === KIND_NEW && load<u8>(message, HEADED) !== 0 && !tellContent(message)) return false;
  if (load<u8>(message, KIND) === KIND_GUACAMOLE) endGuacamole(message + INNER, bytes);
  if (isLookedInto(message) || bytes > PING_BYTES) return true;
  if (bytes !== 0 && isOfLibrary(load<u8>(message, KIND), opcode, load<u8>(message, FIRST), bytes)) giveProtocol(bytes);
  else judgePoll(load<u32>(message, KEY), bytes, now, 0xffffffff, false);
  return true;
}

/** Whether a terminal's library sends such a message by itself. A piece of a message (opcode 0) says nothing by its first byte. */
function isOfLibrary(kind: u8, opcode: u8, first: u8, bytes: u32): bool {
  if (kind === KIND_TTYD) return opcode !== 0 && bytes === 1 && (first === DIGIT_2 || first === DIGIT_3);
  if (kind !== KIND_ENGINE_IO || opcode !== OPCODE_TEXT) return false;
  return first === DIGIT_2 || first === DIGIT_3 || first === DIGIT_5 || first === DIGIT_6;
}
