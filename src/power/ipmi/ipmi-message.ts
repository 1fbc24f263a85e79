// The IPMI LAN message: addresses, network function, rqSeq, command and two checksums around a body. Knows no command.
import { ByteReader, concatBytes } from './byte-reader.ts';

/** The BMC's own slave address. Source: IPMI v2.0 section 5.5 and IPMB v1.0. */
export const BMC_ADDRESS = 0x20;
/** Software ID of a remote console. Source: IPMI v2.0 table 5-4. */
export const REMOTE_CONSOLE_ADDRESS = 0x81;
/** rqSeq is 6 bits wide. */
export const RQ_SEQ_COUNT = 64;

/** A request as a remote console sends it to the BMC. */
export interface IpmiRequest {
  readonly netFn: number;
  /** Logical unit of the responder, 0 to 3. */
  readonly lun: number;
  readonly rqSeq: number;
  readonly command: number;
  readonly body: Uint8Array;
}

/** A response: the network function is the request's plus one; `body` is what follows the completion code. */
export interface IpmiResponse extends IpmiRequest {
  readonly completionCode: number;
}

/** Two's complement of the sum modulo 256, so that all bytes with it sum to zero. Source: IPMI v2.0 section 13.8. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum += byte;
  return -sum & 0xff;
}

function encodeMessage(head: readonly number[], tail: Uint8Array): Uint8Array {
  const first = Uint8Array.from(head);
  return concatBytes(first, Uint8Array.of(checksum(first)), tail, Uint8Array.of(checksum(tail)));
}

/** rsAddr, netFn/rsLUN, checksum, rqAddr, rqSeq/rqLUN, cmd, body, checksum. Source: IPMI v2.0 figure 13-4. */
export function encodeIpmiRequest(request: IpmiRequest): Uint8Array {
  const tail = Uint8Array.of(REMOTE_CONSOLE_ADDRESS, (request.rqSeq & 0x3f) << 2, request.command);
  return encodeMessage([BMC_ADDRESS, (request.netFn << 2) | (request.lun & 3)], concatBytes(tail, request.body));
}

/** rqAddr, netFn/rqLUN, checksum, rsAddr, rqSeq/rsLUN, cmd, completion code, body, checksum. */
export function encodeIpmiResponse(response: IpmiResponse): Uint8Array {
  const rqSeqLun = ((response.rqSeq & 0x3f) << 2) | (response.lun & 3);
  const tail = Uint8Array.of(BMC_ADDRESS, rqSeqLun, response.command, response.completionCode);
  return encodeMessage([REMOTE_CONSOLE_ADDRESS, response.netFn << 2], concatBytes(tail, response.body));
}

interface MessageFields {
  readonly netFn: number;
  readonly firstLun: number;
  readonly rqSeq: number;
  readonly secondLun: number;
  readonly command: number;
  readonly rest: Uint8Array;
}

function decodeMessage(payload: Uint8Array, subject: string, addressees: readonly number[]): MessageFields {
  const reader = new ByteReader(payload, subject);
  const head = reader.take(3);
  if (checksum(head) !== 0) reader.refuse('its header checksum is wrong');
  const tail = reader.rest();
  if (checksum(tail) !== 0) reader.refuse('its data checksum is wrong');
  const [address, netFnLun] = head as unknown as [number, number];
  if (!addressees.includes(address)) reader.refuse(`it is addressed to ${address}`);
  const body = new ByteReader(tail, subject);
  body.skip(1);
  const rqSeqLun = body.u8();
  const command = body.u8();
  if (body.remaining < 1) body.refuse('it ends before its checksum');
  const rest = body.take(body.remaining - 1);
  return { netFn: netFnLun >> 2, firstLun: netFnLun & 3, rqSeq: rqSeqLun >> 2, secondLun: rqSeqLun & 3, command, rest };
}

/** The managed system's side. Throws ERR_IPMI_PROTOCOL on a wrong length, checksum or address, or on a response. */
export function decodeIpmiRequest(payload: Uint8Array): IpmiRequest {
  const subject = 'IPMI request';
  const fields = decodeMessage(payload, subject, [BMC_ADDRESS]);
  if ((fields.netFn & 1) !== 0) new ByteReader(payload, subject).refuse('its network function is that of a response');
  const { netFn, firstLun, rqSeq, command, rest } = fields;
  return { netFn, lun: firstLun, rqSeq, command, body: rest };
}

/**
 * The remote console's side. Throws ERR_IPMI_PROTOCOL on a wrong length, checksum or address, or on a request.
 * The addressee is not compared with 81h: some BMCs answer to another software ID, and the session vouches for the rest.
 */
export function decodeIpmiResponse(payload: Uint8Array): IpmiResponse {
  const subject = 'IPMI response';
  const reader = new ByteReader(payload, subject);
  const fields = decodeMessage(payload, subject, [payload[0] ?? 0]);
  if ((fields.netFn & 1) === 0) reader.refuse('its network function is that of a request');
  const rest = new ByteReader(fields.rest, subject);
  const { netFn, secondLun, rqSeq, command } = fields;
  return { netFn, lun: secondLun, rqSeq, command, completionCode: rest.u8(), body: rest.rest() };
}
