// The compressed link's records, version 1: how they are written, and read back from a stream that is cut anywhere. docs/link.md
// describes the same for others. Knows nothing of sessions.
import { isIP } from 'node:net';
import type { Endpoint } from '../platform/endpoint.ts';
import { TorporError } from '../platform/errors.ts';
import type { StateName } from '../platform/status.ts';

export const LINK_VERSION = 1;
/** What both ends ask for in TLS (RFC 7301). */
export const LINK_ALPN = `torpor-link/${LINK_VERSION}`;
/** u8 type, u8 flags, u16 bytes of the payload, u32 stream; all numbers big-endian. */
export const RECORD_HEADER_BYTES = 8;
export const MAX_PAYLOAD_BYTES = 65_535;
export const SESSION_ID_BYTES = 16;
/** Longest service name and client address in `open`. */
export const MAX_NAME_BYTES = 255;

/** From here on a record is numbered: it is kept until the peer has it, and repeated on the next connection if the link breaks. */
export const FIRST_NUMBERED_TYPE = 16;

export const RECORD_TYPES = {
  hello: 1,
  welcome: 2,
  refused: 3,
  ack: 4,
  ping: 5,
  pong: 6,
  notice: 7,
  leave: 8,
  open: 16,
  data: 17,
  end: 18,
  reset: 19,
  credit: 20,
  forget: 21,
} as const;

export interface LinkRecord {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  /** Of what is read: as long as its reader's callback runs. */
  readonly payload: Buffer;
}

/** What each end tells of itself as a connection begins. */
export interface LinkGreeting {
  readonly session: Buffer;
  /** `welcome`: the gate still knew the session. `hello`: the edge has been connected before. */
  readonly isResumed: boolean;
  /** Bytes of numbered records of the peer that have arrived, headers included. Exact up to 2^48. */
  readonly receivedBytes: number;
  /** What the peer's encoders may make this end keep in histories, all streams together. */
  readonly historyBytes: number;
  /** What a new stream may send before credit comes, each way. */
  readonly creditBytes: number;
}

export interface LinkOpening {
  readonly service: string;
  readonly client: string;
}

/** An opening's client by its address: `192.0.2.1:4000`, `[2001:db8::1]:4000`. null: it has none. */
export function readClient(client: string): Endpoint | null {
  const colon = client.lastIndexOf(':');
  const host = client.slice(0, Math.max(0, colon)).replace(/^\[(.*)\]$/, '$1');
  return isIP(host) === 0 ? null : { host, port: Number(client.slice(colon + 1)) };
}

/** What the gate tells of a stream: whether its client counts as active, and what its platform does. */
export interface LinkNotice {
  readonly isActive: boolean;
  /** null: a state that this Torpor does not know, or none. */
  readonly state: StateName | null;
}

/** Of `notice`; others are ignored. */
export const NOTICE_VERSION = 1;
/** u8 version, u8 flags (bit 0: active), u8 state. */
const NOTICE_BYTES = 3;
/** On the wire a state is its place here, from 1 on: further ones come at the end. */
const NOTICE_STATES: readonly StateName[] = [
  'starting',
  'awake',
  'drowsy',
  'saving',
  'suspending',
  'asleep',
  'waking',
  'failed',
];

// ------------------------------------------------------------------------------------------ writing

export function writeHeader(into: Buffer, at: number, type: number, flags: number, bytes: number, stream: number) {
  into[at] = type;
  into[at + 1] = flags;
  into.writeUInt16BE(bytes, at + 2);
  into.writeUInt32BE(stream, at + 4);
}

export function encodeRecord(type: number, stream = 0, payload: Uint8Array = EMPTY, flags = 0): Buffer {
  const record = Buffer.allocUnsafe(RECORD_HEADER_BYTES + payload.length);
  writeHeader(record, 0, type, flags, payload.length, stream);
  record.set(payload, RECORD_HEADER_BYTES);
  return record;
}

const EMPTY = new Uint8Array(0);
/** u8 version, u8 resumed, id, u48 received, u32 history, u32 credit. */
const GREETING_BYTES = 2 + SESSION_ID_BYTES + 6 + 4 + 4;

export function encodeGreeting(type: number, greeting: LinkGreeting): Buffer {
  const payload = Buffer.alloc(GREETING_BYTES);
  payload[0] = LINK_VERSION;
  payload[1] = greeting.isResumed ? 1 : 0;
  greeting.session.copy(payload, 2);
  payload.writeUIntBE(greeting.receivedBytes, 2 + SESSION_ID_BYTES, 6);
  payload.writeUInt32BE(greeting.historyBytes, 8 + SESSION_ID_BYTES);
  payload.writeUInt32BE(greeting.creditBytes, 12 + SESSION_ID_BYTES);
  return encodeRecord(type, 0, payload);
}

/** Names longer than MAX_NAME_BYTES are a mistake of the caller's. */
export function encodeOpening(stream: number, opening: LinkOpening): Buffer {
  const service = Buffer.from(opening.service);
  const client = Buffer.from(opening.client);
  if (service.length > MAX_NAME_BYTES || client.length > MAX_NAME_BYTES)
    throw new RangeError(`a name of more than ${MAX_NAME_BYTES} bytes`);
  return encodeRecord(
    RECORD_TYPES.open,
    stream,
    Buffer.concat([Buffer.of(service.length), service, Buffer.of(client.length), client]),
  );
}

/** `ack`: u48. */
export function encodeAck(receivedBytes: number): Buffer {
  const payload = Buffer.alloc(6);
  payload.writeUIntBE(receivedBytes, 0, 6);
  return encodeRecord(RECORD_TYPES.ack, 0, payload);
}

/** `credit`: u32. */
export function encodeCredit(stream: number, bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return encodeRecord(RECORD_TYPES.credit, stream, payload);
}

export function encodeNotice(stream: number, { isActive, state }: LinkNotice): Buffer {
  const code = state === null ? 0 : NOTICE_STATES.indexOf(state) + 1;
  return encodeRecord(RECORD_TYPES.notice, stream, Uint8Array.of(NOTICE_VERSION, isActive ? 1 : 0, code));
}

// ------------------------------------------------------------------------------------------ reading

/** Each throws ERR_LINK_PROTOCOL where the payload is not what its type says. */
export function decodeGreeting({ payload }: LinkRecord): LinkGreeting {
  if (payload.length < 1) throw malformed('a greeting without a version');
  if (payload[0] !== LINK_VERSION)
    throw malformed(`the peer speaks version ${payload[0]} of the link, this Torpor ${LINK_VERSION}: update the older`);
  if (payload.length < GREETING_BYTES) throw malformed(`a greeting of ${payload.length} bytes`);
  return {
    session: Buffer.from(payload.subarray(2, 2 + SESSION_ID_BYTES)),
    isResumed: payload[1] === 1,
    receivedBytes: payload.readUIntBE(2 + SESSION_ID_BYTES, 6),
    historyBytes: payload.readUInt32BE(8 + SESSION_ID_BYTES),
    creditBytes: payload.readUInt32BE(12 + SESSION_ID_BYTES),
  };
}

export function decodeOpening({ payload }: LinkRecord): LinkOpening {
  const serviceBytes = payload[0] ?? 0;
  const clientBytes = payload[1 + serviceBytes];
  if (clientBytes === undefined || payload.length !== 2 + serviceBytes + clientBytes)
    throw malformed('a stream is opened with names that do not fit their record');
  return {
    service: payload.toString('utf8', 1, 1 + serviceBytes),
    client: payload.toString('utf8', 2 + serviceBytes),
  };
}

export function decodeAck({ payload }: LinkRecord): number {
  if (payload.length !== 6) throw malformed(`an ack of ${payload.length} bytes`);
  return payload.readUIntBE(0, 6);
}

export function decodeCredit({ payload }: LinkRecord): number {
  if (payload.length !== 4) throw malformed(`a credit of ${payload.length} bytes`);
  return payload.readUInt32BE(0);
}

/** null where a later version says something else. */
export function decodeNotice({ payload }: LinkRecord): LinkNotice | null {
  if (payload[0] !== NOTICE_VERSION) return null;
  if (payload.length < NOTICE_BYTES) throw malformed(`a notice of ${payload.length} bytes`);
  const [, flags = 0, code = 0] = payload;
  return { isActive: (flags & 1) !== 0, state: NOTICE_STATES[code - 1] ?? null };
}

/** Of records that only control something. */
const SHORT_PART_BYTES = 512;

export function malformed(what: string): TorporError {
  return new TorporError('ERR_LINK_PROTOCOL', `${what}: the other end of the link does not keep its protocol`);
}

/** Cuts what arrives into records. What is kept is less than one record. */
export class RecordReader {
  /** Of a record that has begun in an earlier chunk; of the longest from the first that was long. */
  #part = Buffer.alloc(SHORT_PART_BYTES);
  #partBytes = 0;

  /** Calls back for each record that is whole now; stops where `onRecord` answers false, and forgets the rest. */
  push(chunk: Buffer, onRecord: (record: LinkRecord) => boolean): void {
    let at = 0;
    if (this.#partBytes > 0) {
      at = this.#complete(chunk);
      const wantedBytes = recordBytesAt(this.#part, 0, this.#partBytes);
      if (wantedBytes === null || this.#partBytes < wantedBytes) return;
      this.#partBytes = 0;
      if (!onRecord(recordAt(this.#part, 0, wantedBytes))) return;
    }
    for (;;) {
      const bytes = recordBytesAt(chunk, at, chunk.length);
      if (bytes === null || at + bytes > chunk.length) break;
      if (!onRecord(recordAt(chunk, at, bytes))) return;
      at += bytes;
    }
    if (at < chunk.length) this.#complete(chunk.subarray(at));
  }

  /** Adds what the record that has begun still lacks, its header first; answers how much of the chunk that took. */
  #complete(chunk: Buffer): number {
    let at = 0;
    for (;;) {
      const wantedBytes = recordBytesAt(this.#part, 0, this.#partBytes) ?? RECORD_HEADER_BYTES;
      if (wantedBytes > this.#part.length) this.#lengthen();
      const missing = wantedBytes - this.#partBytes;
      const copied = missing <= 0 ? 0 : chunk.copy(this.#part, this.#partBytes, at, at + missing);
      this.#partBytes += copied;
      at += copied;
      if (copied === 0 || at === chunk.length) return at;
    }
  }

  #lengthen(): void {
    const longest = Buffer.allocUnsafeSlow(RECORD_HEADER_BYTES + MAX_PAYLOAD_BYTES);
    this.#part.copy(longest, 0, 0, this.#partBytes);
    this.#part = longest;
  }
}

/** Header and payload; null where the header is not whole. */
function recordBytesAt(bytes: Buffer, at: number, end: number): number | null {
  return end - at < RECORD_HEADER_BYTES ? null : RECORD_HEADER_BYTES + bytes.readUInt16BE(at + 2);
}

function recordAt(bytes: Buffer, at: number, length: number): LinkRecord {
  return {
    type: bytes[at] as number,
    flags: bytes[at + 1] as number,
    stream: bytes.readUInt32BE(at + 4),
    payload: bytes.subarray(at + RECORD_HEADER_BYTES, at + length),
  };
}
