// RFB client messages. Source: RFC 6143 section 7; the community's rfbproto for fences, continuous updates, QEMU's and
// extended clipboard messages, xvp, VeNCrypt and TightVNC's security type. Leaves chunk boundaries to messages.ts.
import { REASON_HANDSHAKE, REASON_INPUT } from '../reasons';
import { giveActive, giveMove, giveProtocol } from '../verdict';
import { GOES_TLS, LOST, NEED_MORE, NOTE, PHASE, WIDE_NOTE } from './step';

const PHASE_VERSION: u8 = 0;
const PHASE_SECURITY: u8 = 1;
const PHASE_VNC_AUTH: u8 = 2;
const PHASE_CLIENT_INIT: u8 = 3;
const PHASE_MESSAGES: u8 = 4;
const PHASE_VENCRYPT_VERSION: u8 = 5;
const PHASE_VENCRYPT_TYPE: u8 = 6;
const PHASE_TIGHT: u8 = 7;

const VERSION_BYTES: u32 = 12;
const VNC_AUTH_BYTES: u32 = 16;
const SECURITY_NONE: u32 = 1;
const SECURITY_VNC_AUTH: u32 = 2;
const SECURITY_TIGHT: u32 = 16;
const SECURITY_VENCRYPT: u32 = 19;
/** VeNCrypt subtypes from TLSNone to X509Plain; the others do not encrypt. */
const VENCRYPT_TLS_FIRST: u32 = 257;
const VENCRYPT_TLS_LAST: u32 = 264;

const SET_PIXEL_FORMAT: u8 = 0;
const SET_ENCODINGS: u8 = 2;
const UPDATE_REQUEST: u8 = 3;
const KEY_EVENT: u8 = 4;
const POINTER_EVENT: u8 = 5;
/** PointerEvent: u8 type, u8 buttons that are down, u16 x, u16 y. RFC 6143 section 7.5.5. */
const POINTER_BYTES: u32 = 6;
const BUTTONS_AT: usize = 1;
const CLIENT_CUT_TEXT: u8 = 6;
const CONTINUOUS_UPDATES: u8 = 150;
const CLIENT_FENCE: u8 = 248;
const XVP: u8 = 250;
const SET_DESKTOP_SIZE: u8 = 251;
const QEMU_CLIENT_MESSAGE: u8 = 255;

/** One step through a client's bytes; see messages.ts. */
export function stepRfb(message: usize, header: usize, have: u32): i64 {
  const phase = load<u8>(message, PHASE);
  if (phase === PHASE_MESSAGES) return stepMessage(header, have);
  giveActive(REASON_HANDSHAKE, have);
  switch (phase) {
    case PHASE_VERSION:
      return stepVersion(message, header, have);
    case PHASE_SECURITY:
      return chooseSecurity(message, load<u8>(header));
    case PHASE_VNC_AUTH:
      store<u8>(message, PHASE_CLIENT_INIT, PHASE);
      return VNC_AUTH_BYTES;
    case PHASE_CLIENT_INIT:
      store<u8>(message, PHASE_MESSAGES, PHASE);
      return 1;
    case PHASE_VENCRYPT_VERSION:
      store<u8>(message, PHASE_VENCRYPT_TYPE, PHASE);
      return 2;
    case PHASE_TIGHT:
      return chooseTight(message, header, have);
    default: {
      if (have < 4) return NEED_MORE;
      const type = bswap(load<u32>(header));
      return type >= VENCRYPT_TLS_FIRST && type <= VENCRYPT_TLS_LAST ? GOES_TLS : LOST;
    }
  }
}

/**
 * Notes the security type that a server of version 3.3 chose: the u32 after its version. `before`: bytes the server had sent
 * before these. Only the first 16 bytes are looked at.
 */
export function noteRfbServer(message: usize, before: u64, chunk: usize, bytes: u32): void {
  for (let at = before; at < 16 && at - before < bytes; ++at) {
    if (at < VERSION_BYTES) continue;
    store<u32>(message, (load<u32>(message, WIDE_NOTE) << 8) | load<u8>(chunk + <usize>(at - before)), WIDE_NOTE);
  }
}

/** "RFB 003.00x\n": from 3.7 on the client chooses its security type in a byte, before that the server does. */
function stepVersion(message: usize, header: usize, have: u32): i64 {
  if (have < VERSION_BYTES) return NEED_MORE;
  const minor = load<u8>(header, 10) - 0x30;
  store<u8>(message, minor, NOTE);
  store<u8>(message, PHASE_SECURITY, PHASE);
  return load<u8>(header, 11) === 0x0a ? VERSION_BYTES : LOST;
}

/** At version 3.3 the byte is the client's next message already, and the server's choice says of which kind. */
function chooseSecurity(message: usize, byte: u8): i64 {
  const isServersChoice = load<u8>(message, NOTE) < 7;
  const type = isServersChoice ? load<u32>(message, WIDE_NOTE) : <u32>byte;
  if (type === SECURITY_NONE) {
    store<u8>(message, isServersChoice ? PHASE_MESSAGES : PHASE_CLIENT_INIT, PHASE);
    return 1;
  }
  if (type === SECURITY_VNC_AUTH) {
    store<u8>(message, isServersChoice ? PHASE_CLIENT_INIT : PHASE_VNC_AUTH, PHASE);
    return isServersChoice ? VNC_AUTH_BYTES : 1;
  }
  if (type === SECURITY_VENCRYPT && !isServersChoice) {
    store<u8>(message, PHASE_VENCRYPT_VERSION, PHASE);
    return 1;
  }
  if (type === SECURITY_TIGHT && !isServersChoice) {
    store<u8>(message, PHASE_TIGHT, PHASE);
    return 1;
  }
  return LOST;
}

/**
 * TightVNC: u32, a way to prove who one is, if the server wants any; else ClientInit at once, which without sharing is told from that by the
 * SetPixelFormat behind it. Tunnels, which no server is known to offer, are not understood. rfbproto, "Tight Security Type".
 */
function chooseTight(message: usize, header: usize, have: u32): i64 {
  if (load<u8>(header) === 1) {
    store<u8>(message, PHASE_MESSAGES, PHASE);
    return 1;
  }
  if (have < 4) return NEED_MORE;
  const way = bswap(load<u32>(header));
  if (way === SECURITY_NONE || way === SECURITY_VNC_AUTH) {
    store<u8>(message, way === SECURITY_NONE ? PHASE_CLIENT_INIT : PHASE_VNC_AUTH, PHASE);
    return 4;
  }
  if (way !== 0) return LOST;
  if (have < 6) return NEED_MORE;
  const pixelBits = load<u8>(header, 5);
  store<u8>(message, PHASE_MESSAGES, PHASE);
  return pixelBits === 8 || pixelBits === 16 || pixelBits === 32 ? 1 + 20 : LOST;
}

function stepMessage(header: usize, have: u32): i64 {
  switch (load<u8>(header)) {
    case KEY_EVENT:
      giveActive(REASON_INPUT, 8);
      return 8;
    case POINTER_EVENT:
      if (have < POINTER_BYTES) return NEED_MORE;
      if (load<u8>(header, BUTTONS_AT) === 0) giveMove(POINTER_BYTES);
      else giveActive(REASON_INPUT, POINTER_BYTES);
      return POINTER_BYTES;
    case UPDATE_REQUEST:
      giveProtocol(10);
      return 10;
    case CONTINUOUS_UPDATES:
      giveProtocol(10);
      return 10;
    case SET_PIXEL_FORMAT:
      giveProtocol(20);
      return 20;
    case SET_ENCODINGS:
      if (have < 4) return NEED_MORE;
      giveProtocol(4);
      return 4 + 4 * <i64>bswap(load<u16>(header, 2));
    case CLIENT_FENCE:
      if (have < 9) return NEED_MORE;
      giveProtocol(9);
      return 9 + <i64>load<u8>(header, 8);
    case CLIENT_CUT_TEXT:
      if (have === 1) giveActive(REASON_INPUT, 8);
      if (have < 8) return NEED_MORE;
      // A negative length is the extended clipboard's.
      return 8 + <i64>abs<i32>(<i32>bswap(load<u32>(header, 4)));
    case SET_DESKTOP_SIZE:
      if (have === 1) giveActive(REASON_INPUT, 8);
      if (have < 8) return NEED_MORE;
      return 8 + 16 * <i64>load<u8>(header, 6);
    case XVP:
      giveActive(REASON_INPUT, 4);
      return 4;
    case QEMU_CLIENT_MESSAGE:
      return stepQemu(header, have);
    default:
      return LOST;
  }
}

/** Extended key events count; what concerns sound is a viewer's own. */
function stepQemu(header: usize, have: u32): i64 {
  if (have < 4) return NEED_MORE;
  const kind = load<u8>(header, 1);
  if (kind === 0) {
    giveActive(REASON_INPUT, 12);
    return 12;
  }
  if (kind !== 1) return LOST;
  giveProtocol(4);
  return load<u8>(header, 3) === 2 ? 10 : 4;
}
