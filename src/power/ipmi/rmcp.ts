// The RMCP header and the ASF presence ping and pong: the outermost layer of every packet. What an IPMI packet holds is rmcp-plus.ts.
import { ByteReader, concatBytes } from './byte-reader.ts';

/** UDP port of the primary RMCP bus. Source: IPMI v2.0 section 13.1.2. */
export const RMCP_PORT = 623;

const RMCP_VERSION = 0x06;
/** "No RMCP acknowledge wanted": IPMI packets carry no RMCP sequence number. Source: IPMI v2.0 table 13-2. */
const SEQUENCE_NO_ACK = 0xff;
const CLASS_ASF = 0x06;
const CLASS_IPMI = 0x07;
/** ASF-RMCP's enterprise number (4542) as the ping carries it, most significant byte first. */
const ASF_IANA = Uint8Array.of(0x00, 0x00, 0x11, 0xbe);
const ASF_PING = 0x80;
const ASF_PONG = 0x40;

/** One RMCP message without its header. */
export interface RmcpMessage {
  readonly messageClass: 'asf' | 'ipmi';
  readonly body: Uint8Array;
}

/** 4 bytes before `body`: version 06h, reserved, sequence FFh, class. Source: IPMI v2.0 table 13-1. */
export function encodeRmcp(messageClass: RmcpMessage['messageClass'], body: Uint8Array): Uint8Array {
  const classByte = messageClass === 'asf' ? CLASS_ASF : CLASS_IPMI;
  return concatBytes(Uint8Array.of(RMCP_VERSION, 0x00, SEQUENCE_NO_ACK, classByte), body);
}

/**
 * Reads the RMCP header. Throws ERR_IPMI_PROTOCOL on anything but an ASF or IPMI message of RMCP 1.0; RMCP
 * acknowledges (class bit 7) count among the rest, they carry nothing.
 */
export function decodeRmcp(packet: Uint8Array): RmcpMessage {
  const reader = new ByteReader(packet, 'RMCP packet');
  const version = reader.u8();
  if (version !== RMCP_VERSION) reader.refuse(`version ${version}, expected ${RMCP_VERSION}`);
  reader.skip(2);
  const classByte = reader.u8();
  if (classByte !== CLASS_ASF && classByte !== CLASS_IPMI) reader.refuse(`message class ${classByte} is not known`);
  return { messageClass: classByte === CLASS_ASF ? 'asf' : 'ipmi', body: reader.rest() };
}

/** "Is an RMCP device there?": 12 bytes, whole packet. Source: ASF 2.0 section 3.2.4.1, IPMI v2.0 section 13.2.3. */
export function encodePresencePing(tag: number): Uint8Array {
  return encodeRmcp('asf', concatBytes(ASF_IANA, Uint8Array.of(ASF_PING, tag & 0xff, 0x00, 0x00)));
}

/** The answer to a ping. `supportsIpmi` is bit 7 of the supported entities. */
export interface PresencePong {
  readonly tag: number;
  readonly supportsIpmi: boolean;
}

/** Whole packet, 28 bytes. Source: IPMI v2.0 table 13-6. */
export function encodePresencePong(pong: PresencePong): Uint8Array {
  const data = new Uint8Array(16);
  data.set(ASF_IANA, 0);
  data[8] = pong.supportsIpmi ? 0x81 : 0x01;
  return encodeRmcp('asf', concatBytes(ASF_IANA, Uint8Array.of(ASF_PONG, pong.tag & 0xff, 0x00, 16), data));
}

/** The body of an ASF message; throws ERR_IPMI_PROTOCOL on what is neither ping nor pong. */
export function decodeAsf(body: Uint8Array): { readonly type: 'ping'; readonly tag: number } | AsfPong {
  const reader = new ByteReader(body, 'ASF message');
  const iana = reader.take(4);
  if (!ASF_IANA.every((byte, index) => iana[index] === byte)) reader.refuse('not the ASF enterprise number');
  const type = reader.u8();
  const tag = reader.u8();
  reader.skip(1);
  const data = new ByteReader(reader.take(reader.u8()), 'ASF message data');
  if (type === ASF_PING) return { type: 'ping', tag };
  if (type !== ASF_PONG) reader.refuse(`message type ${type} is neither ping nor pong`);
  data.skip(8);
  return { type: 'pong', tag, supportsIpmi: (data.u8() & 0x80) !== 0 };
}

/** A decoded pong. */
export interface AsfPong extends PresencePong {
  readonly type: 'pong';
}
