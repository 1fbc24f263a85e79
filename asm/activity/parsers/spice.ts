// SPICE client messages. Source: the SPICE protocol, "Common protocol definition" and spice-protocol's enums. Leaves chunk
// boundaries to messages.ts. A message's verdict hangs on its type; only the inputs channel has types that are a person's.
import { REASON_HANDSHAKE, REASON_INPUT, REASON_UNKNOWN_MESSAGE } from '../reasons';
import { giveActive, giveMove, giveProtocol } from '../verdict';
import { LOST, NEED_MORE, NOTE, PHASE, WIDE_NOTE } from './step';

const PHASE_LINK: u8 = 0;
const PHASE_MECHANISM: u8 = 1;
const PHASE_TICKET: u8 = 2;
const PHASE_MESSAGES: u8 = 3;

/** RedLinkHeader: magic, major, minor, size. */
const LINK_HEADER_BYTES: u32 = 16;
/** RedLinkMess: connection id, channel type and id, counts of capability words, their offset. */
const LINK_BYTES: u32 = 18;
const CAPS_AUTH_SELECTION: u32 = 1 << 0;
const CAPS_MINI_HEADER: u32 = 1 << 3;
const MECHANISM_TICKET: u32 = 1;
/** RSA with a key of 1,024 bits. */
const TICKET_BYTES: u32 = 128;
const MINI_HEADER_BYTES: u32 = 6;
const HEADER_BYTES: u32 = 18;
const LARGEST_MESSAGE_BYTES: u32 = 64 << 20;

const CHANNEL_MAIN: u8 = 1;
const CHANNEL_DISPLAY: u8 = 2;
const CHANNEL_INPUTS: u8 = 3;
/** SPICE_MSGC_MAIN_AGENT_TOKEN: the client has taken what the agent said. */
const AGENT_TOKEN: u32 = 108;
/** SPICE_MSGC_DISPLAY_STREAM_REPORT: how well a film plays. */
const STREAM_REPORT: u32 = 102;
/** SPICE_MSGC_INPUTS_MOUSE_MOTION: i32 dx, i32 dy, u16 buttons; MOUSE_POSITION: u32 x, u32 y, u16 buttons, u8 display. */
const MOUSE_MOTION: u32 = 111;
const MOUSE_POSITION: u32 = 112;
const MOTION_BYTES: u32 = 10;
const POSITION_BYTES: u32 = 11;
const BUTTONS_AT: usize = 8;
/** ACK_SYNC, ACK, PONG, MIGRATE_FLUSH_MARK, MIGRATE_DATA, DISCONNECTING: of every channel, sent by the client itself. */
const LAST_COMMON_TYPE: u32 = 6;

/** One step through a client's bytes; see messages.ts. */
export function stepSpice(message: usize, header: usize, have: u32): i64 {
  const phase = load<u8>(message, PHASE);
  if (phase === PHASE_MESSAGES) return stepMessage(message, header, have);
  giveActive(REASON_HANDSHAKE, have);
  if (phase === PHASE_LINK) return stepLink(message, header, have);
  if (phase === PHASE_MECHANISM) {
    if (have < 4) return NEED_MORE;
    store<u8>(message, PHASE_TICKET, PHASE);
    return load<u32>(header) === MECHANISM_TICKET ? 4 : LOST;
  }
  store<u8>(message, PHASE_MESSAGES, PHASE);
  return TICKET_BYTES;
}

/** Keeps the channel's type and the first word of common capabilities, which decides on the form of all that follows. */
function stepLink(message: usize, header: usize, have: u32): i64 {
  if (have < LINK_HEADER_BYTES + LINK_BYTES) return NEED_MORE;
  const bytes = load<u32>(header, 12);
  const capsOffset = load<u32>(header, LINK_HEADER_BYTES + 14);
  const hasCaps = load<u32>(header, LINK_HEADER_BYTES + 6) !== 0;
  if (bytes < LINK_BYTES || bytes > 4096 || capsOffset !== LINK_BYTES) return LOST;
  if (hasCaps && have < LINK_HEADER_BYTES + LINK_BYTES + 4) return NEED_MORE;
  const caps = hasCaps ? load<u32>(header, LINK_HEADER_BYTES + LINK_BYTES) : 0;
  store<u8>(message, load<u8>(header, LINK_HEADER_BYTES + 4), NOTE);
  store<u32>(message, caps, WIDE_NOTE);
  store<u8>(message, (caps & CAPS_AUTH_SELECTION) !== 0 ? PHASE_MECHANISM : PHASE_TICKET, PHASE);
  return LINK_HEADER_BYTES + bytes;
}

function stepMessage(message: usize, header: usize, have: u32): i64 {
  const isMini = (load<u32>(message, WIDE_NOTE) & CAPS_MINI_HEADER) !== 0;
  const headerBytes = isMini ? MINI_HEADER_BYTES : HEADER_BYTES;
  if (have < headerBytes) return NEED_MORE;
  const at = header + (isMini ? 0 : 8);
  const type = <u32>load<u16>(at);
  const bytes = load<u32>(at, 2);
  if (type === 0 || bytes > LARGEST_MESSAGE_BYTES) return LOST;
  const channel = load<u8>(message, NOTE);
  if (channel === CHANNEL_INPUTS && isMove(type, bytes)) {
    if (have < headerBytes + bytes) return NEED_MORE;
    if (load<u16>(header + headerBytes, BUTTONS_AT) === 0) giveMove(headerBytes + bytes);
    else giveActive(REASON_INPUT, headerBytes + bytes);
  } else if (type <= LAST_COMMON_TYPE || isOfClient(channel, type)) giveProtocol(headerBytes + bytes);
  else giveActive(channel === CHANNEL_INPUTS ? REASON_INPUT : REASON_UNKNOWN_MESSAGE, headerBytes + bytes);
  return headerBytes + <i64>bytes;
}

/** Whether a message of the inputs channel moves the pointer, and is as long as it has to be. */
function isMove(type: u32, bytes: u32): bool {
  return (type === MOUSE_MOTION && bytes === MOTION_BYTES) || (type === MOUSE_POSITION && bytes === POSITION_BYTES);
}

/** Whether a client sends such a message of a channel by itself. */
function isOfClient(channel: u8, type: u32): bool {
  if (channel === CHANNEL_MAIN) return type === AGENT_TOKEN;
  return channel === CHANNEL_DISPLAY && type === STREAM_REPORT;
}
