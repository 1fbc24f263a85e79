// The packets of MQTT 3.1.1 that a client at QoS 0 needs, as bytes and back. Source: OASIS MQTT Version 3.1.1. Sends nothing.
import { Buffer } from 'node:buffer';

/** Packet types, section 2.2.1, in the upper four bits. */
const CONNECT = 0x10;
const CONNACK = 0x20;
const PUBLISH = 0x30;
const SUBSCRIBE = 0x82;
const SUBACK = 0x90;
const PINGRESP = 0xd0;

/** What a broker sends a client at QoS 0, but for the bits that tell a repetition and retained messages. */
const FROM_BROKER: ReadonlySet<number> = new Set([CONNACK, PUBLISH, SUBACK, PINGRESP]);

/** Bits of the connect flags, section 3.1.2.3. */
const CLEAN_SESSION = 0x02;
const WILL = 0x04;
const WILL_RETAIN = 0x20;
const PASSWORD = 0x40;
const USER_NAME = 0x80;

/** What a broker may send at once; one that sends more is cut off. The protocol's own bound is 256 MiB. */
export const PACKET_MAX_BYTES = 64 * 1024;

export interface MqttMessage {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
}

export interface ConnectOptions {
  readonly clientId: string;
  readonly keepAliveSeconds: number;
  readonly user: string | null;
  readonly password: string | null;
  /** The broker publishes it where this connection ends without a disconnect. */
  readonly will: MqttMessage;
}

/** Section 3.1. A session of its own begins: nothing is queued for this client while it is away. */
export function encodeConnect({ clientId, keepAliveSeconds, user, password, will }: ConnectOptions): Buffer {
  const flags =
    CLEAN_SESSION |
    WILL |
    (will.retain ? WILL_RETAIN : 0) |
    (user === null ? 0 : USER_NAME) |
    (password === null ? 0 : PASSWORD);
  const texts = [
    clientId,
    will.topic,
    will.payload,
    ...(user === null ? [] : [user]),
    ...(password === null ? [] : [password]),
  ];
  const head = Buffer.from([4, flags, keepAliveSeconds >> 8, keepAliveSeconds & 0xff]);
  return packet(CONNECT, [text('MQTT'), head, ...texts.map(text)]);
}

/** Section 3.3, at QoS 0: no identifier. */
export function encodePublish({ topic, payload, retain }: MqttMessage): Buffer {
  return packet(PUBLISH | (retain ? 1 : 0), [text(topic), Buffer.from(payload)]);
}

/** Section 3.8, all at QoS 0. */
export function encodeSubscribe(id: number, topics: readonly string[]): Buffer {
  const filters = topics.flatMap((topic) => [text(topic), Buffer.from([0])]);
  return packet(SUBSCRIBE, [Buffer.from([id >> 8, id & 0xff]), ...filters]);
}

/** Sections 3.12 and 3.14. */
export const PINGREQ = Buffer.from([0xc0, 0]);
export const DISCONNECT = Buffer.from([0xe0, 0]);

export type BrokerPacket =
  /** `code` 0: accepted; else see CONNACK_TEXTS. */
  | { readonly kind: 'connack'; readonly code: number }
  | { readonly kind: 'publish'; readonly topic: string; readonly payload: string; readonly retain: boolean }
  /** A filter that was refused has 0x80. */
  | { readonly kind: 'suback'; readonly refused: boolean }
  | { readonly kind: 'pingresp' };

/** Section 3.2.2.3. */
export const CONNACK_TEXTS: readonly string[] = [
  'accepted',
  'the broker does not speak MQTT 3.1.1',
  'the broker refuses this clientId',
  'the broker is not available',
  'user or password is wrong',
  'the user may not connect',
];

/** Makes packets of what comes, however it is split. */
export class PacketReader {
  #rest: Buffer = Buffer.alloc(0);

  /** Throws where it is no MQTT, or larger than PACKET_MAX_BYTES: then the connection is useless. */
  push(chunk: Buffer): BrokerPacket[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const packets: BrokerPacket[] = [];
    for (let next = this.#next(); next !== null; next = this.#next()) packets.push(next);
    return packets;
  }

  #next(): BrokerPacket | null {
    const first = this.#rest[0];
    // Before its length is believed: what is no broker may never send so much.
    if (first !== undefined && !FROM_BROKER.has(first & 0xf6))
      throw new Error(`no packet of a broker (${first.toString(16)}h)`);
    const length = readLength(this.#rest);
    if (length === null) return null;
    const { bytes, at } = length;
    if (bytes > PACKET_MAX_BYTES) throw new Error(`a packet of ${bytes} bytes`);
    if (this.#rest.length < at + bytes) return null;
    const packet = decode(this.#rest[0] as number, this.#rest.subarray(at, at + bytes));
    this.#rest = this.#rest.subarray(at + bytes);
    return packet;
  }
}

/** Section 2.2.3: seven bits a byte, least significant first, four bytes at most. Null: not all there yet. */
function readLength(buffer: Buffer): { bytes: number; at: number } | null {
  let bytes = 0;
  for (let index = 0; index < 4; index += 1) {
    const byte = buffer[1 + index];
    if (byte === undefined) return null;
    bytes += (byte & 0x7f) * 128 ** index;
    if ((byte & 0x80) === 0) return { bytes, at: 2 + index };
  }
  throw new Error('a length of more than four bytes');
}

function decode(first: number, body: Buffer): BrokerPacket {
  const type = first & 0xf0;
  if (type === CONNACK && body.length === 2) return { kind: 'connack', code: body[1] as number };
  if (type === SUBACK && body.length >= 3) return { kind: 'suback', refused: body.subarray(2).includes(0x80) };
  if (type === PINGRESP && body.length === 0) return { kind: 'pingresp' };
  if (type === PUBLISH && (first & 0x06) === 0 && body.length >= 2) {
    const topicBytes = body.readUInt16BE(0);
    if (body.length < 2 + topicBytes) throw new Error('a topic longer than its packet');
    const topic = body.subarray(2, 2 + topicBytes).toString();
    return { kind: 'publish', topic, payload: body.subarray(2 + topicBytes).toString(), retain: (first & 1) !== 0 };
  }
  throw new Error(`a packet that was not asked for (${first.toString(16)}h, ${body.length} bytes)`);
}

function packet(first: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const head = [first];
  let left = body.length;
  do {
    const digit = left % 128;
    left = Math.floor(left / 128);
    head.push(left > 0 ? digit | 0x80 : digit);
  } while (left > 0);
  return Buffer.concat([Buffer.from(head), body]);
}

/** Section 1.5.3: two bytes of length, then UTF-8. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}
