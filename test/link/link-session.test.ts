// A session over one wire: bytes, ends, resets, credit, order, what is quick, what is compressed.
import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { encodeOpening, encodeRecord, RECORD_TYPES } from '../../src/link/link-records.ts';
import {
  HISTORY_IDLE_MS,
  MAX_SESSION_PENDING_BYTES,
  MAX_SESSION_STREAMS,
  SILENCE_MS,
} from '../../src/link/link-session.ts';
import { MAX_PENDING_BYTES } from '../../src/link/link-stream.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { type KeptEnd, SessionPair } from './support/session-pair.ts';

const LINE = Buffer.from('GET /status HTTP/1.1\r\nHost: example.org\r\n\r\n');
const TEXT = Buffer.from(Array.from({ length: 4000 }, (_, n) => `line ${n} of a text that repeats itself\n`).join(''));

let clock: FakeClock;
let pair: SessionPair;

beforeEach(async () => {
  clock = new FakeClock();
  pair = await SessionPair.make(clock);
});

const WIRE = { delayMs: 5 };

describe('link session', () => {
  it('bytes both ways, then both ends: each arrives, and the stream is gone', async () => {
    pair.connect(WIRE);
    const { stream, end } = pair.open();
    stream.push(Buffer.from(LINE));
    await clock.advance(20);
    const arrived = pair.arrived.get(stream.id) as KeptEnd;
    expect(arrived.bytes).toEqual(LINE);
    expect(pair.lastOpening).toEqual({ service: 'desktop', client: '192.0.2.1:4000' });
    arrived.stream?.push(Buffer.from(TEXT));
    arrived.stream?.finish();
    await clock.advance(100);
    expect(end.bytes.equals(TEXT)).toBe(true);
    expect(end.hasEnded).toBe(true);
    expect(pair.edge.streamCount).toBe(1);
    stream.finish();
    await clock.advance(100);
    expect(arrived.hasEnded).toBe(true);
    expect([pair.edge.streamCount, pair.gate.streamCount]).toEqual([0, 0]);
  });

  it('a text: goes compressed; what does not shrink, and TLS: as it is', async () => {
    pair.connect(WIRE);
    const { stream } = pair.open();
    stream.push(Buffer.from(TEXT));
    await clock.advance(100);
    expect(stream.codedBytesSent).toBeLessThan(TEXT.length / 4);
    const noise = randomBytes(200_000);
    const other = pair.open();
    other.stream.push(noise);
    await clock.advance(100);
    expect(other.stream.codedBytesSent).toBe(noise.length);
    const tls = pair.open();
    tls.stream.push(Buffer.concat([Buffer.of(22, 3, 1, 2, 0, 1), TEXT]));
    await clock.advance(200);
    expect(tls.stream.codedBytesSent).toBe(TEXT.length + 6);
    expect(pair.arrived.get(other.stream.id)?.bytes.equals(noise)).toBe(true);
    expect(pair.arrived.get(tls.stream.id)?.bytes.length).toBe(TEXT.length + 6);
  });

  it('a service that must not be compressed: goes as it is', async () => {
    pair.connect(WIRE);
    const { stream } = pair.open({ service: 'plain', client: 'x' });
    stream.push(Buffer.from(TEXT));
    await clock.advance(100);
    expect(stream.codedBytesSent).toBe(TEXT.length);
  });

  it('the gate refuses: the edge hears why', async () => {
    pair.connect(WIRE);
    pair.refuse = 'no such service';
    const { stream, end } = pair.open();
    stream.push(Buffer.from(LINE));
    await clock.advance(20);
    expect(end.resetBy).toBe('no such service');
    expect([pair.edge.streamCount, pair.gate.streamCount]).toEqual([0, 0]);
  });

  it('a local side that takes nothing: its stream stops at its credit, others go on, and all comes when it takes', async () => {
    pair.connect(WIRE);
    const slow = pair.open();
    slow.stream.push(Buffer.from(LINE));
    await clock.advance(20);
    const arrived = pair.arrived.get(slow.stream.id) as KeptEnd;
    arrived.isSlow = true;
    const bulk = randomBytes(1_000_000);
    expect(slow.stream.push(bulk)).toBe(false);
    await clock.advance(500);
    expect(arrived.bytes.length).toBeLessThanOrEqual(256 * 1024);
    const other = pair.open();
    other.stream.push(Buffer.from(TEXT));
    await clock.advance(200);
    expect(pair.arrived.get(other.stream.id)?.bytes.equals(TEXT)).toBe(true);
    arrived.isSlow = false;
    arrived.takeAll();
    await clock.advance(500);
    expect(arrived.bytes.subarray(LINE.length).equals(bulk)).toBe(true);
    expect(slow.end.rooms).toBeGreaterThan(0);
  });

  it('a key under a bulk transfer over a slow link: waits a few milliseconds, not for the transfer', async () => {
    pair.connect({ delayMs: 25, bytesPerMs: 2500 });
    const bulk = pair.open();
    const typist = pair.open();
    typist.stream.push(Buffer.from('first'));
    let leftBytes = 20_000_000;
    const feed = () => {
      while (leftBytes > 0) {
        leftBytes -= 65_536;
        if (!bulk.stream.push(randomBytes(65_536))) return;
      }
    };
    bulk.end.onRoom = feed;
    feed();
    await clock.advance(2000);
    const arrived = pair.arrived.get(typist.stream.id) as KeptEnd;
    const waits: number[] = [];
    for (let key = 0; key < 20; key += 1) {
      const sentAtMs = clock.nowMs();
      const before = arrived.bytes.length;
      typist.stream.push(Buffer.from('k'));
      while (arrived.bytes.length === before) await clock.advance(1);
      waits.push(clock.nowMs() - sentAtMs);
      await clock.advance(50);
    }
    expect(leftBytes).toBeGreaterThan(0);
    expect(Math.max(...waits)).toBeLessThan(60);
    // And the link is used: 2.5 MB a second, random bytes.
    const movedBytes = pair.arrived.get(bulk.stream.id)?.bytes.length ?? 0;
    expect(movedBytes / (clock.nowMs() - 1_700_000_000_000)).toBeGreaterThan(2500 * 0.8);
  });

  it('a stream that rests: both ends give its history back, and what follows arrives', async () => {
    pair.connect(WIRE);
    const { stream } = pair.open();
    stream.push(Buffer.from(TEXT));
    await clock.advance(50);
    expect(pair.edge.figures().historyBytes).toBeGreaterThan(0);
    expect(pair.gate.figures().historyBytes).toBeGreaterThan(0);
    await clock.advance(HISTORY_IDLE_MS + 5000);
    expect(pair.edge.figures().historyBytes).toBe(0);
    expect(pair.gate.figures().historyBytes).toBe(0);
    stream.push(Buffer.from(TEXT));
    await clock.advance(50);
    expect(pair.arrived.get(stream.id)?.bytes.length).toBe(2 * TEXT.length);
  });

  it('no memory for a history at the other end: goes as it is', async () => {
    pair = await SessionPair.make(clock, 20_000);
    pair.connect(WIRE);
    const first = pair.open();
    const second = pair.open();
    for (const { stream } of [first, second]) stream.push(Buffer.from(LINE));
    await clock.advance(20);
    for (const { stream } of [first, second]) stream.push(Buffer.from(TEXT));
    await clock.advance(200);
    for (const { stream } of [first, second])
      expect(pair.arrived.get(stream.id)?.bytes.equals(Buffer.concat([LINE, TEXT]))).toBe(true);
    expect(pair.gate.figures().historyBytes).toBeLessThanOrEqual(20_000);
  });

  it('reset by the local side: the other end hears why, and bytes that still come are dropped', async () => {
    pair.connect(WIRE);
    const { stream } = pair.open();
    stream.push(Buffer.from(LINE));
    await clock.advance(20);
    const arrived = pair.arrived.get(stream.id) as KeptEnd;
    arrived.stream?.push(Buffer.from(TEXT));
    stream.reset('its client reset the connection');
    await clock.advance(50);
    expect(arrived.resetBy).toBe('its client reset the connection');
    expect([pair.edge.streamCount, pair.gate.streamCount]).toEqual([0, 0]);
    expect(pair.edge.figures().historyBytes).toBe(0);
  });

  it('a peer that says nothing: the connection is given up, and the streams stay', async () => {
    pair.connect({ delayMs: 10 * SILENCE_MS });
    const { stream, end } = pair.open();
    stream.push(Buffer.from(LINE));
    await clock.advance(SILENCE_MS + 5000);
    expect(pair.breaks.length).toBeGreaterThan(0);
    expect(end.resetBy).toBe(null);
    pair.connect(WIRE);
    await clock.advance(50);
    expect(pair.arrived.get(stream.id)?.bytes).toEqual(LINE);
  });

  it('a session that is full: the edge opens no more, the gate resets what comes beyond, and room is made by an end', async () => {
    pair.connect(WIRE);
    const first = pair.open();
    for (let n = 1; n < MAX_SESSION_STREAMS; n += 1) pair.edge.open({ service: 'desktop', client: 'c' });
    await clock.advance(200);
    expect([pair.edge.streamCount, pair.gate.streamCount]).toEqual([MAX_SESSION_STREAMS, MAX_SESSION_STREAMS]);
    expect(pair.edge.open({ service: 'desktop', client: 'c' })).toBe(null);
    first.stream.push(Buffer.from(LINE));
    first.stream.finish();
    pair.arrived.get(first.stream.id)?.stream?.finish();
    await clock.advance(200);
    expect(pair.arrived.get(first.stream.id)?.bytes).toEqual(LINE);
    expect(pair.edge.open({ service: 'desktop', client: 'c' })).not.toBe(null);
    await clock.advance(200);
    // An edge that does not keep the bound: the number before was taken by the one that came when there was room.
    const beyond = encodeOpening(MAX_SESSION_STREAMS + 2, { service: 'desktop', client: 'c' });
    pair.gate.receive(beyond);
    expect(pair.gate.streamCount).toBe(MAX_SESSION_STREAMS);
    expect(pair.arrived.has(MAX_SESSION_STREAMS + 2)).toBe(false);
    expect(pair.breaks).toEqual([]);
  });

  it('a stream that has ended both ways: its session is busy until the other end has all of it', async () => {
    pair.connect(WIRE);
    const { stream } = pair.open();
    await clock.advance(100);
    const there = pair.arrived.get(stream.id)?.stream;
    stream.finish();
    await clock.advance(100);
    expect([pair.edge.isBusy, pair.gate.isBusy]).toEqual([true, true]);
    there?.push(Buffer.from(LINE));
    there?.finish();
    await clock.advance(1);
    expect([pair.gate.streamCount, pair.gate.isBusy]).toEqual([0, true]);
    await clock.advance(100);
    expect([pair.edge.isBusy, pair.gate.isBusy]).toEqual([false, false]);
  });

  it('all that may wait does: a stream that reads no more for that, and has nothing else to send, is told of room when there is some', async () => {
    const chunk = Buffer.alloc(MAX_PENDING_BYTES);
    const bulk = Array.from({ length: MAX_SESSION_PENDING_BYTES / MAX_PENDING_BYTES }, () => pair.open());
    for (const { stream } of bulk) stream.push(chunk);
    const [one, other] = [pair.open(), pair.open()];
    expect(one.stream.push(Buffer.from(LINE))).toBe(false);
    bulk.pop()?.stream.reset('gone');
    await clock.advance(0);
    expect(one.end.rooms).toBe(1);
    expect(one.stream.push(chunk)).toBe(false);
    expect(other.stream.push(Buffer.from(LINE))).toBe(false);
    pair.connect(WIRE);
    await clock.advance(2000);
    expect(pair.edge.isFull).toBe(false);
    expect(other.end.rooms).toBe(1);
    expect(one.end.rooms).toBe(2);
    for (const { end } of bulk) expect(end.rooms).toBe(1);
  });

  it('pushed on where no more should have been: room is told of all the same', async () => {
    pair.connect(WIRE);
    const { stream, end } = pair.open();
    await clock.advance(20);
    expect(stream.push(randomBytes(MAX_PENDING_BYTES))).toBe(false);
    while (stream.pendingBytes > MAX_PENDING_BYTES - 1000) await clock.advance(1);
    expect([stream.pendingBytes > MAX_PENDING_BYTES / 2, end.rooms]).toEqual([true, 0]);
    stream.push(Buffer.from(LINE));
    await clock.advance(500);
    expect([stream.pendingBytes, end.rooms]).toEqual([0, 1]);
  });

  it('what the gate tells of a stream: the edge hears it, again after a break, and no stream gets a byte of it', async () => {
    pair.connect(WIRE);
    const { stream, end } = pair.open();
    await clock.advance(20);
    const arrived = pair.arrived.get(stream.id) as KeptEnd;
    arrived.stream?.tell({ isActive: true, state: 'awake' });
    await clock.advance(20);
    expect(stream.notice).toEqual({ isActive: true, state: 'awake' });
    pair.cut();
    arrived.stream?.tell({ isActive: false, state: 'asleep' });
    await clock.advance(20);
    expect(stream.notice).toEqual({ isActive: true, state: 'awake' });
    pair.connect(WIRE);
    await clock.advance(20);
    expect(stream.notice).toEqual({ isActive: false, state: 'asleep' });
    expect([end.bytes.length, arrived.bytes.length, stream.rawBytesReceived]).toEqual([0, 0, 0]);
  });

  it('a peer of the version before, that knows no notice: takes it for nothing; a later version of it: likewise', async () => {
    pair.connect(WIRE);
    const { stream } = pair.open();
    await clock.advance(20);
    pair.edge.receive(encodeRecord(RECORD_TYPES.notice, stream.id, Buffer.of(2, 1, 2, 3, 4)));
    pair.edge.receive(encodeRecord(15, stream.id, Buffer.of(1)));
    expect([stream.notice, pair.edge.isClosed]).toEqual([null, false]);
  });

  it('nothing but pings for an hour: the connection stays, and no stream hears of it', async () => {
    pair.connect(WIRE);
    const { stream } = pair.open();
    stream.push(Buffer.from(LINE));
    await clock.advance(3_600_000);
    expect(pair.breaks).toEqual([]);
    expect(pair.arrived.get(stream.id)?.bytes).toEqual(LINE);
  });
});
