// The session layer of an IPMI packet: headers of IPMI v1.5 (session-less only) and v2.0, and the v2.0 trailer. Knows no keys.
import { ByteReader, concatBytes, u16Bytes, u32Bytes } from './byte-reader.ts';

const AUTH_TYPE_NONE = 0x00;
const AUTH_TYPE_RMCP_PLUS = 0x06;
/** The only value of the trailer's Next Header field. Source: IPMI v2.0 table 13-8. */
const NEXT_HEADER = 0x07;
const ENCRYPTED = 0x80;
const AUTHENTICATED = 0x40;

/** Payload types. Source: IPMI v2.0 table 13-16. */
export const PAYLOAD = {
  ipmi: 0x00,
  openSessionRequest: 0x10,
  openSessionResponse: 0x11,
  rakp1: 0x12,
  rakp2: 0x13,
  rakp3: 0x14,
  rakp4: 0x15,
} as const;

/** A packet of the IPMI v1.5 format without authentication: what commands before a session travel in. */
export interface LegacyPacket {
  readonly format: 'v1.5';
  readonly sessionId: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** A packet of the RMCP+ format. `payload` is still encrypted where `encrypted` says so. */
export interface RmcpPlusPacket {
  readonly format: 'v2.0';
  readonly payloadType: number;
  readonly encrypted: boolean;
  readonly authenticated: boolean;
  readonly sessionId: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
  /** What follows the payload: integrity pad, pad length, next header, code. Empty where not authenticated. */
  readonly trailer: Uint8Array;
}

/** 10 bytes before `payload`: no authentication, sequence 0, session 0, length. Source: IPMI v2.0 table 13-8, IPMI v1.5. */
export function encodeLegacyPacket(payload: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(AUTH_TYPE_NONE), new Uint8Array(8), Uint8Array.of(payload.length), payload);
}

/** The v2.0 header, 12 bytes, without payload. */
function encodeHeader(typeByte: number, sessionId: number, sequence: number, payloadBytes: number): Uint8Array {
  return concatBytes(
    Uint8Array.of(AUTH_TYPE_RMCP_PLUS, typeByte),
    u32Bytes(sessionId),
    u32Bytes(sequence),
    u16Bytes(payloadBytes),
  );
}

/** A v2.0 packet outside any session (Open Session, RAKP): ids and sequence are zero. Source: IPMI v2.0 section 13.6. */
export function encodeSetupPacket(payloadType: number, payload: Uint8Array): Uint8Array {
  return concatBytes(encodeHeader(payloadType, 0, 0, payload.length), payload);
}

/**
 * Everything of an authenticated v2.0 packet that its integrity code covers: header, payload, and a pad of
 * FFh that makes it a multiple of 4 long with pad length and next header. Source: IPMI v2.0 table 13-8.
 */
export function encodeProtectedPacket(fields: {
  readonly sessionId: number;
  readonly sequence: number;
  /** Encrypted already where `encrypted` says so. */
  readonly payload: Uint8Array;
  readonly encrypted: boolean;
}): Uint8Array {
  const { sessionId, sequence, payload, encrypted } = fields;
  const typeByte = PAYLOAD.ipmi | AUTHENTICATED | (encrypted ? ENCRYPTED : 0);
  const covered = concatBytes(encodeHeader(typeByte, sessionId, sequence, payload.length), payload);
  const padBytes = (4 - ((covered.length + 2) % 4)) % 4;
  const pad = new Uint8Array(padBytes).fill(0xff);
  return concatBytes(covered, pad, Uint8Array.of(padBytes, NEXT_HEADER));
}

/**
 * Reads the session layer of an IPMI-class RMCP body. Throws ERR_IPMI_PROTOCOL on v1.5 packets with authentication (no
 * such session is ever opened), on OEM payloads, and where a length is not covered by the packet.
 */
export function decodeSessionPacket(body: Uint8Array): LegacyPacket | RmcpPlusPacket {
  const reader = new ByteReader(body, 'IPMI session packet');
  const authType = reader.u8();
  if (authType === AUTH_TYPE_RMCP_PLUS) return decodeRmcpPlus(reader);
  if (authType !== AUTH_TYPE_NONE) reader.refuse(`authentication type ${authType} of IPMI v1.5`);
  const sequence = reader.u32();
  const sessionId = reader.u32();
  // A pad byte may follow the payload (v1.5 "legacy pad" against a LAN controller's bug); it means nothing.
  return { format: 'v1.5', sessionId, sequence, payload: reader.take(reader.u8()) };
}

function decodeRmcpPlus(reader: ByteReader): RmcpPlusPacket {
  const typeByte = reader.u8();
  const payloadType = typeByte & 0x3f;
  if (payloadType === 0x02) reader.refuse('OEM payloads are not spoken here');
  const sessionId = reader.u32();
  const sequence = reader.u32();
  const payload = reader.take(reader.u16());
  return {
    format: 'v2.0',
    payloadType,
    encrypted: (typeByte & ENCRYPTED) !== 0,
    authenticated: (typeByte & AUTHENTICATED) !== 0,
    sessionId,
    sequence,
    payload,
    trailer: reader.rest(),
  };
}

/**
 * The integrity code at the end of an authenticated packet, or null where the trailer is not pad, pad length, next
 * header and a code of `codeBytes`.
 */
export function integrityCodeOf(packet: RmcpPlusPacket, codeBytes: number): Uint8Array | null {
  const fixedBytes = 2 + codeBytes;
  const { trailer } = packet;
  if (trailer.length < fixedBytes) return null;
  const padBytes = trailer.length - fixedBytes;
  if (trailer[padBytes] !== padBytes || trailer[padBytes + 1] !== NEXT_HEADER) return null;
  return trailer.subarray(padBytes + 2);
}
