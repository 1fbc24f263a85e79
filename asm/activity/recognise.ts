// Tells a protocol from its first bytes. Keeps no state: it is shown everything a side has sent so far, up to HEAD_BYTES.
import {
  PROTOCOL_HTTP,
  PROTOCOL_HTTP2,
  PROTOCOL_IRC,
  PROTOCOL_ISCSI,
  PROTOCOL_MQTT,
  PROTOCOL_MYSQL,
  PROTOCOL_NBD,
  PROTOCOL_POSTGRES,
  PROTOCOL_PRINT,
  PROTOCOL_RDP,
  PROTOCOL_RFB,
  PROTOCOL_SPICE,
  PROTOCOL_SSH,
  PROTOCOL_TELNET,
  PROTOCOL_TLS,
  PROTOCOL_UNKNOWN,
} from './protocols';

/** No protocol here needs more first bytes than this to be told. */
export const HEAD_BYTES: u32 = 16;
/** All bytes so far fit a protocol, and more are needed to tell. */
export const PROTOCOL_PENDING: u8 = 255;

// Tags are four bytes as a little-endian number.
const TAG_SSH: u32 = 0x2d485353; // "SSH-", RFC 4253 section 4.2
const TAG_RFB: u32 = 0x20424652; // "RFB ", RFC 6143 section 7.1.1
const TAG_SPICE: u32 = 0x51444552; // "REDQ", SPICE protocol, RedLinkMess
const TAG_UEL: u32 = 0x312d251b; // ESC "%-1", PJL Technical Reference, Universal Exit Language
const TAG_PJL: u32 = 0x4c4a5040; // "@PJL"
const TAG_PS: u32 = 0x53502125; // "%!PS"
const TAG_NBD: u32 = 0x4d44424e; // "NBDM"AGIC, NBD protocol, handshake
const TAG_NICK: u32 = 0x4b43494e; // RFC 1459 section 4.1
const TAG_USER: u32 = 0x52455355;
const TAG_PASS: u32 = 0x53534150;
const TAG_CAP: u32 = 0x20504143; // IRCv3 capability negotiation
const TAG_PG_VERSION: u32 = 0x00000300; // protocol 3.0, PostgreSQL "Message Formats", StartupMessage
const TAG_PG_SSL: u32 = 0x2f16d204; // SSLRequest
const TAG_PG_GSS: u32 = 0x3016d204; // GSSENCRequest
const TAG_PRI: u32 = 0x20495250; // "PRI ", a method that only the preface of HTTP/2 has, RFC 9113 sections 3.4 and 11.6
const LONGEST_METHOD: u32 = 8;

/** The protocol of a client whose first `have` bytes lie at `head`: a number, PROTOCOL_PENDING or PROTOCOL_UNKNOWN. */
export function recogniseClient(head: usize, have: u32): u8 {
  const first = load<u8>(head);
  if (first === 0x16)
    return have < 3 ? pendingIf(have < 2 || load<u8>(head, 1) === 3) : toldIf(isTls(head), PROTOCOL_TLS);
  if (first === 0xff) return have < 2 ? PROTOCOL_PENDING : toldIf(load<u8>(head, 1) >= 0xec, PROTOCOL_TELNET);
  if (have < 4) return PROTOCOL_PENDING;
  const tag = load<u32>(head);
  if (tag === TAG_SSH) return PROTOCOL_SSH;
  if (tag === TAG_PRI) return PROTOCOL_HTTP2;
  if (tag === TAG_RFB) return PROTOCOL_RFB;
  if (tag === TAG_SPICE) return PROTOCOL_SPICE;
  if (tag === TAG_UEL || tag === TAG_PJL || tag === TAG_PS) return PROTOCOL_PRINT;
  if (tag === TAG_NICK || tag === TAG_USER || tag === TAG_PASS || tag === TAG_CAP) return PROTOCOL_IRC;
  if (first === 3) return have < 6 ? PROTOCOL_PENDING : toldIf(isConnectionRequest(head), PROTOCOL_RDP);
  // iSCSI Login Request, immediate: opcode 43h, version 0. RFC 7143 section 11.12.
  if (first === 0x43 && (tag & 0xffff3000) === 0) return PROTOCOL_ISCSI;
  if (first === 0x10) return have < 8 ? PROTOCOL_PENDING : toldIf(isMqttConnect(head), PROTOCOL_MQTT);
  if (first === 0) return have < 8 ? PROTOCOL_PENDING : toldIf(isPostgres(head), PROTOCOL_POSTGRES);
  return recogniseMethod(head, have);
}

/** The protocol of a server that speaks first. */
export function recogniseServer(head: usize, have: u32): u8 {
  const first = load<u8>(head);
  if (first === 0xff) return have < 2 ? PROTOCOL_PENDING : toldIf(load<u8>(head, 1) >= 0xec, PROTOCOL_TELNET);
  if (have < 6) return PROTOCOL_PENDING;
  const tag = load<u32>(head);
  if (tag === TAG_SSH) return PROTOCOL_SSH;
  if (tag === TAG_RFB) return PROTOCOL_RFB;
  if (tag === TAG_NBD) return PROTOCOL_NBD;
  // MySQL greeting: u24 length, sequence 0, protocol 10, and the version's first digit.
  if (tag >> 16 === 0 && load<u8>(head, 4) === 10 && load<u8>(head, 5) - 0x30 < 10) return PROTOCOL_MYSQL;
  return PROTOCOL_UNKNOWN;
}

/** What a port says about a client whose bytes say nothing. */
export function protocolOfPort(port: u32): u8 {
  if (port === 23) return PROTOCOL_TELNET;
  if (port === 9100) return PROTOCOL_PRINT;
  if (port === 3260) return PROTOCOL_ISCSI;
  if (port === 10809) return PROTOCOL_NBD;
  return PROTOCOL_UNKNOWN;
}

function pendingIf(fits: bool): u8 {
  return fits ? PROTOCOL_PENDING : PROTOCOL_UNKNOWN;
}

function toldIf(fits: bool, protocol: u8): u8 {
  return fits ? protocol : PROTOCOL_UNKNOWN;
}

/** A TLS handshake record. RFC 8446 section 5.1. */
export function isTls(head: usize): bool {
  return load<u8>(head) === 0x16 && load<u8>(head, 1) === 3 && load<u8>(head, 2) <= 4;
}

/** TPKT version 3, then an X.224 Connection Request. [MS-RDPBCGR] 2.2.1.1. */
function isConnectionRequest(head: usize): bool {
  return load<u8>(head, 1) === 0 && (load<u8>(head, 5) & 0xf0) === 0xe0;
}

/** CONNECT with a remaining length of one or two bytes, then the protocol's name. MQTT 3.1.1 section 3.1. */
function isMqttConnect(head: usize): bool {
  const name = head + ((load<u8>(head, 1) & 0x80) !== 0 ? 5 : 4);
  return load<u8>(name) === 0x4d && load<u8>(name, 1) === 0x51;
}

function isPostgres(head: usize): bool {
  const code = load<u32>(head, 4);
  return code === TAG_PG_VERSION || code === TAG_PG_SSL || code === TAG_PG_GSS;
}

/** A method in capitals, and a space. RFC 9112 section 3. */
function recogniseMethod(head: usize, have: u32): u8 {
  for (let index: u32 = 0; index < have; ++index) {
    const byte = load<u8>(head + index);
    if (byte === 0x20) return toldIf(index >= 3, PROTOCOL_HTTP);
    if (byte < 0x41 || byte > 0x5a || index === LONGEST_METHOD) return PROTOCOL_UNKNOWN;
  }
  return PROTOCOL_PENDING;
}
