// What counts of HTTP/2 in the clear: polls and health checks by what they ask, whatever the header table makes of their bytes.
import { beforeEach, describe, expect, it } from 'vitest';
import { FLAG_ACTIVE, FLAG_LOST, FLAG_WORK } from '../../src/core/abi.ts';
import { loadCore, type StreamCore, type StreamHandle } from '../../src/core/stream-core.ts';
import { ascii, HTTP2_PREFACE, hex, http2Frame, WHOLE_REQUEST } from './support/dialogues.ts';

const SETTINGS = http2Frame(4, 0, 0, hex(''));
const PING = http2Frame(6, 0, 0, hex('0102030405060708'));
const GOAWAY = http2Frame(7, 0, 0, hex('00000000 00000000'));
const END_HEADERS = 4;
const END_STREAM = 1;

/** A text without Huffman coding. RFC 7541 section 5.2. */
const text = (value: string) => Buffer.concat([Buffer.from([value.length]), ascii(value)]);
/** GET, http, and a path that is inserted into the table (index 4 is ":path"). RFC 7541 section 6.2.1. */
const insertPath = (path: string) => Buffer.concat([hex('82 86 44'), text(path)]);
/** The same where the path is the `nth` newest entry of the table. Section 6.1. */
const namePath = (nth: number) => Buffer.concat([hex('82 86'), Buffer.from([0x80 | (62 + nth)])]);
/** GET, http, and a path that is not inserted. Section 6.2.2. */
const literalPath = (path: string) => Buffer.concat([hex('82 86 04'), text(path)]);

let core: StreamCore;
beforeEach(async () => {
  core = await loadCore({ maxStreams: 8, heapBytes: 256 * 1024 });
});

/** One connection, and the streams that its client opens on it. */
class Client {
  readonly stream: StreamHandle;
  #next = 1;

  constructor(at: number, family = 0) {
    this.stream = core.openStream(60_000, at, { protocol: 'http', family });
  }

  /** Whether it counts. */
  send(bytes: Buffer, at: number): boolean {
    const flags = core.observe(this.stream, 'client', bytes, at);
    expect(flags & FLAG_LOST).toBe(0);
    return (flags & FLAG_ACTIVE) !== 0;
  }

  start(at: number): boolean {
    return this.send(Buffer.concat([HTTP2_PREFACE, SETTINGS]), at);
  }

  ask(block: Buffer, at: number, body: Buffer | null = null): boolean {
    const stream = this.#next;
    this.#next += 2;
    const asked = http2Frame(1, body === null ? WHOLE_REQUEST : END_HEADERS, stream, block);
    return this.send(body === null ? asked : Buffer.concat([asked, http2Frame(0, END_STREAM, stream, body)]), at);
  }
}

describe('http/2 in the clear', () => {
  it('a request every 10 s -> a poll from the second on; another path, and the same one off its period, count', () => {
    const client = new Client(0);
    expect(client.start(0)).toBe(true);
    const counted = Array.from({ length: 10 }, (_, beat) => client.ask(literalPath('/status'), beat * 10_000));
    expect(counted[0]).toBe(true);
    expect(counted.slice(1)).not.toContain(true);
    expect(core.verdict(client.stream)).toMatchObject({ protocol: 'http2', reason: 'poll', periodTicks: 10_000 });
    expect(client.ask(literalPath('/orders'), 94_000)).toBe(true);
    expect(client.ask(literalPath('/status'), 97_000)).toBe(true);
  });

  it('entries inserted between two polls, so that their bytes differ -> still polls', () => {
    const client = new Client(0);
    client.start(0);
    client.ask(insertPath('/status'), 0);
    const counted = [];
    for (let beat = 1; beat <= 20; beat += 1) {
      counted.push(client.ask(namePath(beat - 1), beat * 10_000));
      expect(client.ask(insertPath(`/page/${beat}`), beat * 10_000 + 3456)).toBe(true);
    }
    expect(counted.slice(4)).not.toContain(true);
  });

  it('a click just when a poll is due, whose bytes are those that the poll had before -> counts', () => {
    const client = new Client(0);
    client.start(0);
    client.ask(insertPath('/status'), 0);
    for (let beat = 1; beat <= 10; beat += 1) client.ask(namePath(0), beat * 10_000);
    expect(client.ask(namePath(0), 110_000)).toBe(false);
    client.ask(insertPath('/orders'), 113_000);
    expect(client.ask(namePath(0), 120_000)).toBe(true);
    expect(client.ask(namePath(1), 120_010)).toBe(false);
  });

  it('the same bytes on two connections of a client, with other entries in their tables -> what one polls counts on the other', () => {
    const [polls, clicks] = [new Client(0, 7), new Client(0, 7)];
    for (const [client, path] of [
      [polls, '/status'],
      [clicks, '/orders'],
    ] as const) {
      client.start(0);
      client.ask(insertPath(path), 0);
    }
    for (let beat = 1; beat <= 10; beat += 1) polls.ask(namePath(0), beat * 10_000);
    expect(polls.ask(namePath(0), 110_000)).toBe(false);
    expect(clicks.ask(namePath(0), 120_000)).toBe(true);
  });

  it('a health check with a connection each, every 10 s -> chatter, its preface and farewell included', () => {
    const counted = [];
    for (let check = 0; check < 10; check += 1) {
      const at = check * 10_000;
      const client = new Client(at, 9);
      const isStart = client.start(at);
      counted.push(isStart || client.ask(insertPath('/health'), at + 1) || client.send(GOAWAY, at + 5));
      core.releaseStream(client.stream);
    }
    expect(counted.slice(0, 2)).toEqual([true, true]);
    expect(counted.slice(4)).not.toContain(true);
  });

  it('gRPC: a health check with the same body every 5 s, and pings between -> chatter; another body counts', () => {
    const client = new Client(0);
    client.start(0);
    const check = hex('00 00000005 0a 03 666f6f');
    const counted = [];
    for (let beat = 0; beat < 12; beat += 1) {
      counted.push(client.ask(literalPath('/grpc.health.v1.Health/Check'), beat * 5000, check));
      expect(client.send(PING, beat * 5000 + 1234)).toBe(false);
    }
    expect(counted.slice(4)).not.toContain(true);
    expect(client.ask(literalPath('/grpc.health.v1.Health/Check'), 60_000, hex('00 00000005 0a 03 626172'))).toBe(true);
  });

  it('gRPC: keepalive pings for an hour, idle otherwise -> never active', () => {
    const client = new Client(0);
    client.start(0);
    for (let beat = 1; beat <= 360; beat += 1) expect(client.send(PING, beat * 10_000)).toBe(false);
  });

  it('an upload in frames of 16 KiB -> work with every piece of it', () => {
    const client = new Client(0);
    client.start(0);
    client.send(http2Frame(1, END_HEADERS, 1, literalPath('/upload')), 10);
    const frame = http2Frame(0, 0, 1, Buffer.alloc(16_384));
    for (let piece = 0, at = 20; piece < frame.length; piece += 1000, at += 70_000)
      expect(core.observe(client.stream, 'client', frame.subarray(piece, piece + 1000), at) & FLAG_WORK).toBe(
        FLAG_WORK,
      );
  });

  it('frames of any kind whose bytes trickle in -> each of them counts', () => {
    const client = new Client(0);
    client.start(0);
    const frames = [
      http2Frame(1, END_HEADERS, 1, literalPath('/a')),
      http2Frame(0, END_STREAM, 1, ascii('name=value')),
      // RFC 9113 section 6.1: a body without a byte, and 20 bytes of padding.
      http2Frame(0, 8, 3, Buffer.from([20, ...Buffer.alloc(20)])),
      http2Frame(7, 0, 0, Buffer.alloc(100)),
    ];
    let at = 0;
    for (const frame of frames) {
      client.send(frame.subarray(0, 10), at);
      for (const byte of frame.subarray(10)) {
        at += 50_000;
        expect(client.send(Buffer.of(byte), at)).toBe(true);
      }
    }
  });

  it('a preface cut short -> counts, as a handshake does', () => {
    const client = new Client(0);
    expect(client.send(HTTP2_PREFACE.subarray(0, 20), 0)).toBe(true);
    expect(core.verdict(client.stream).reason).toBe('handshake');
  });
});
