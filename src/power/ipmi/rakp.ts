// The payloads of session activation (Open Session and RAKP messages 1 to 4) and their authentication codes. Which comes when is handshake.ts.
import { ByteReader, concatBytes, u32Bytes } from './byte-reader.ts';
import type { CipherSuite, SessionAlgorithms } from './cipher-suite.ts';
import { type BmcCredentials, MAX_USER_NAME_BYTES } from './credentials.ts';
import { RMCP_STATUS } from './rmcp-status.ts';

/** Length of both sides' random numbers and of the managed system's GUID. Source: IPMI v2.0 tables 13-11 and 13-12. */
export const RANDOM_BYTES = 16;
/** Bit 4 of the role byte: look the user up by name alone, not by name and privilege. Source: IPMI v2.0 table 13-11. */
export const NAME_ONLY_LOOKUP = 0x10;

// -------------------------------------------------------------------------------------- Open Session

/** Source: IPMI v2.0 table 13-9. 32 bytes. */
export interface OpenSessionRequest {
  readonly tag: number;
  /** 0 asks for the highest the user may have. */
  readonly privilege: number;
  readonly consoleSessionId: number;
  readonly algorithms: SessionAlgorithms;
}

function encodeAlgorithms(algorithms: SessionAlgorithms): Uint8Array {
  const { authentication, integrity, confidentiality } = algorithms;
  const record = (type: number, algorithm: number) => [type, 0, 0, 8, algorithm, 0, 0, 0];
  return Uint8Array.from([...record(0, authentication), ...record(1, integrity), ...record(2, confidentiality)]);
}

function decodeAlgorithms(reader: ByteReader): SessionAlgorithms {
  const record = (type: number): number => {
    const got = reader.u8();
    if (got !== type) reader.refuse(`algorithm record of type ${got} where ${type} belongs`);
    reader.skip(2);
    // Length 0 is the null field, "choose for me": then the number after it means nothing. Torpor never sends one.
    const lengthBytes = reader.u8();
    if (lengthBytes !== 8) reader.refuse(`algorithm record of length ${lengthBytes}, expected 8`);
    const algorithm = reader.u8() & 0x3f;
    reader.skip(3);
    return algorithm;
  };
  return { authentication: record(0), integrity: record(1), confidentiality: record(2) };
}

export function encodeOpenSessionRequest(message: OpenSessionRequest): Uint8Array {
  const head = Uint8Array.of(message.tag, message.privilege & 0x0f, 0, 0);
  return concatBytes(head, u32Bytes(message.consoleSessionId), encodeAlgorithms(message.algorithms));
}

export function decodeOpenSessionRequest(payload: Uint8Array): OpenSessionRequest {
  const reader = new ByteReader(payload, 'Open Session Request');
  const tag = reader.u8();
  const privilege = reader.u8() & 0x0f;
  reader.skip(2);
  return { tag, privilege, consoleSessionId: reader.u32(), algorithms: decodeAlgorithms(reader) };
}

/** Source: IPMI v2.0 table 13-10. 36 bytes, or 8 where `status` is not 00h; `accepted` is null then. */
export interface OpenSessionResponse {
  readonly tag: number;
  readonly status: number;
  readonly privilege: number;
  readonly consoleSessionId: number;
  readonly accepted: { readonly managedSessionId: number; readonly algorithms: SessionAlgorithms } | null;
}

export function encodeOpenSessionResponse(message: OpenSessionResponse): Uint8Array {
  const head = Uint8Array.of(message.tag, message.status, message.privilege & 0x0f, 0);
  const consoleId = u32Bytes(message.consoleSessionId);
  if (message.accepted === null) return concatBytes(head, consoleId);
  const { managedSessionId, algorithms } = message.accepted;
  return concatBytes(head, consoleId, u32Bytes(managedSessionId), encodeAlgorithms(algorithms));
}

export function decodeOpenSessionResponse(payload: Uint8Array): OpenSessionResponse {
  const reader = new ByteReader(payload, 'Open Session Response');
  const tag = reader.u8();
  const status = reader.u8();
  // Deviation: some BMCs end an error response after the status, so the ids of one are read only where they are there.
  if (status !== RMCP_STATUS.ok && reader.remaining < 6) {
    return { tag, status, privilege: 0, consoleSessionId: 0, accepted: null };
  }
  const privilege = reader.u8() & 0x0f;
  reader.skip(1);
  const consoleSessionId = reader.u32();
  if (status !== RMCP_STATUS.ok) return { tag, status, privilege, consoleSessionId, accepted: null };
  const accepted = { managedSessionId: reader.u32(), algorithms: decodeAlgorithms(reader) };
  return { tag, status, privilege, consoleSessionId, accepted };
}

// -------------------------------------------------------------------------------------- RAKP messages

/** Source: IPMI v2.0 table 13-11. 28 bytes and the user name. */
export interface Rakp1 {
  readonly tag: number;
  readonly managedSessionId: number;
  readonly consoleRandom: Uint8Array;
  /** Requested privilege in bits 3:0, NAME_ONLY_LOOKUP in bit 4: the whole byte goes into the codes. */
  readonly role: number;
  readonly userName: Uint8Array;
}

export function encodeRakp1(message: Rakp1): Uint8Array {
  return concatBytes(
    Uint8Array.of(message.tag, 0, 0, 0),
    u32Bytes(message.managedSessionId),
    message.consoleRandom,
    Uint8Array.of(message.role, 0, 0, message.userName.length),
    message.userName,
  );
}

export function decodeRakp1(payload: Uint8Array): Rakp1 {
  const reader = new ByteReader(payload, 'RAKP message 1');
  const tag = reader.u8();
  reader.skip(3);
  const managedSessionId = reader.u32();
  const consoleRandom = reader.take(RANDOM_BYTES);
  const role = reader.u8();
  reader.skip(2);
  const lengthBytes = reader.u8();
  if (lengthBytes > MAX_USER_NAME_BYTES) reader.refuse(`a user name of ${lengthBytes} bytes`);
  return { tag, managedSessionId, consoleRandom, role, userName: reader.take(lengthBytes) };
}

/** Source: IPMI v2.0 table 13-12. 40 bytes and the code, or 8 where `status` is not 00h; `accepted` is null then. */
export interface Rakp2 {
  readonly tag: number;
  readonly status: number;
  readonly consoleSessionId: number;
  readonly accepted: {
    readonly managedRandom: Uint8Array;
    readonly guid: Uint8Array;
    readonly code: Uint8Array;
  } | null;
}

/** RAKP messages 3 and 4 share one shape; `sessionId` is the receiver's, `code` is null where `status` is not 00h. */
export interface RakpConfirm {
  readonly tag: number;
  readonly status: number;
  readonly sessionId: number;
  readonly code: Uint8Array | null;
}

function encodeRakpHead(tag: number, status: number, sessionId: number): Uint8Array {
  return concatBytes(Uint8Array.of(tag, status, 0, 0), u32Bytes(sessionId));
}

function decodeRakpHead(reader: ByteReader): { tag: number; status: number; sessionId: number } {
  const tag = reader.u8();
  const status = reader.u8();
  // Deviation: as with Open Session, an error may end after its status.
  if (status !== RMCP_STATUS.ok && reader.remaining < 6) return { tag, status, sessionId: 0 };
  reader.skip(2);
  return { tag, status, sessionId: reader.u32() };
}

export function encodeRakp2(message: Rakp2): Uint8Array {
  const head = encodeRakpHead(message.tag, message.status, message.consoleSessionId);
  if (message.accepted === null) return head;
  return concatBytes(head, message.accepted.managedRandom, message.accepted.guid, message.accepted.code);
}

export function decodeRakp2(payload: Uint8Array, suite: CipherSuite): Rakp2 {
  const reader = new ByteReader(payload, 'RAKP message 2');
  const { tag, status, sessionId } = decodeRakpHead(reader);
  if (status !== RMCP_STATUS.ok) return { tag, status, consoleSessionId: sessionId, accepted: null };
  const managedRandom = reader.take(RANDOM_BYTES);
  const guid = reader.take(RANDOM_BYTES);
  const accepted = { managedRandom, guid, code: reader.take(suite.rakpCodeBytes) };
  return { tag, status, consoleSessionId: sessionId, accepted };
}

/** Source: IPMI v2.0 table 13-13 (message 3) and 13-14 (message 4). */
export function encodeRakpConfirm(message: RakpConfirm): Uint8Array {
  const head = encodeRakpHead(message.tag, message.status, message.sessionId);
  return message.code === null ? head : concatBytes(head, message.code);
}

/** RAKP message 3, by the managed system. Source: IPMI v2.0 table 13-13. */
export function decodeRakp3(payload: Uint8Array, suite: CipherSuite): RakpConfirm {
  return decodeRakpConfirm(payload, 'RAKP message 3', suite.rakpCodeBytes);
}

/** RAKP message 4, by the remote console. Source: IPMI v2.0 table 13-14. */
export function decodeRakp4(payload: Uint8Array, suite: CipherSuite): RakpConfirm {
  return decodeRakpConfirm(payload, 'RAKP message 4', suite.integrityCodeBytes);
}

function decodeRakpConfirm(payload: Uint8Array, subject: string, codeBytes: number): RakpConfirm {
  const reader = new ByteReader(payload, subject);
  const head = decodeRakpHead(reader);
  return { ...head, code: head.status === RMCP_STATUS.ok ? reader.take(codeBytes) : null };
}

// -------------------------------------------------------------------------------------- codes

/** Everything both sides know after RAKP message 2, password aside. */
export interface RakpFacts {
  readonly consoleSessionId: number;
  readonly managedSessionId: number;
  readonly consoleRandom: Uint8Array;
  readonly managedRandom: Uint8Array;
  readonly guid: Uint8Array;
  readonly role: number;
  readonly userName: Uint8Array;
}

/** ROLEm, ULENGTHm and UNAMEm, which end the input of three of the four codes. */
function roleAndName(facts: RakpFacts): Uint8Array {
  return concatBytes(Uint8Array.of(facts.role, facts.userName.length), facts.userName);
}

/** HMAC K[UID] (SIDm, SIDc, Rm, Rc, GUIDc, ROLEm, ULENGTHm, UNAMEm). Source: IPMI v2.0 section 13.31. */
export function rakp2Code(suite: CipherSuite, credentials: BmcCredentials, facts: RakpFacts): Uint8Array {
  const ids = concatBytes(u32Bytes(facts.consoleSessionId), u32Bytes(facts.managedSessionId));
  const data = concatBytes(ids, facts.consoleRandom, facts.managedRandom, facts.guid, roleAndName(facts));
  return credentials.hmac(suite.hash, data);
}

/** HMAC K[UID] (Rc, SIDm, ROLEm, ULENGTHm, UNAMEm). Source: IPMI v2.0 section 13.31. */
export function rakp3Code(suite: CipherSuite, credentials: BmcCredentials, facts: RakpFacts): Uint8Array {
  const data = concatBytes(facts.managedRandom, u32Bytes(facts.consoleSessionId), roleAndName(facts));
  return credentials.hmac(suite.hash, data);
}

/**
 * The session integrity key: HMAC K[G] (Rm, Rc, ROLEm, ULENGTHm, UNAMEm), where K[UID] stands for an unset K[G]
 * ("one-key login"). Source: IPMI v2.0 section 13.31. The result is a secret.
 */
export function sessionIntegrityKey(suite: CipherSuite, credentials: BmcCredentials, facts: RakpFacts): Uint8Array {
  const data = concatBytes(facts.consoleRandom, facts.managedRandom, roleAndName(facts));
  return credentials.hmacWithBmcKey(suite.hash, data);
}

/** What RAKP message 4 authenticates with the session integrity key: Rm, SIDc, GUIDc. Source: IPMI v2.0 section 13.31. */
export function rakp4Data(facts: RakpFacts): Uint8Array {
  return concatBytes(facts.consoleRandom, u32Bytes(facts.managedSessionId), facts.guid);
}
