// One socket's reading and writing through lent buffers: who reads where, what happens at the bounds, and what is given back.
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadCore } from '../../src/core/stream-core.ts';
import { DirectReads } from '../../src/streams/direct-reads.ts';
import { Listener, type ListenerOptions } from '../../src/streams/listener.ts';
import { detectRawSockets } from '../../src/streams/raw-trial.ts';
import {
  BUSY_BYTES,
  ReadBuffers,
  reservedBytes,
  SCRATCH_BYTES,
  SILENT_MS,
  SLOT_BYTES,
} from '../../src/streams/read-buffers.ts';
import { type PortOwner, SocketPort } from '../../src/streams/socket-port.ts';
import type { StreamSocket } from '../../src/streams/stream-socket.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { noise, SocketReader } from './support/socket-reader.ts';

const MIB = 1024 * 1024;

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** How the near ends are carried. */
let way: 'raw' | 'direct' = 'direct';

async function makeBuffers(slots: number, busyBuffers: number, clock = new FakeClock()): Promise<ReadBuffers> {
  const core = await loadCore({
    maxStreams: 1,
    heapBytes: 256 * 1024,
    reservableBytes: reservedBytes(slots, busyBuffers),
  });
  const [direct, raw] = [await DirectReads.detect(), way === 'raw' ? await detectRawSockets() : null];
  return new ReadBuffers({ core, clock, direct, raw, slots, busyBuffers });
}

/** Two connected sockets: one that the code under test has accepted, and the far end. */
async function connectPair(buffers: ReadBuffers): Promise<{ near: StreamSocket; far: Socket }> {
  let accept: (client: StreamSocket) => void = () => {};
  const accepted = new Promise<StreamSocket>((resolve) => {
    accept = resolve;
  });
  const listener = new Listener(LISTENER, (client) => accept(client), buffers.raw);
  await listener.open();
  const far = connect({ host: '127.0.0.1', port: listener.endpoint.port, allowHalfOpen: true });
  const near = await accepted;
  for (const socket of [near, far]) socket.on('error', () => {});
  closers.push(() => {
    near.destroy();
    far.destroy();
    return listener.close();
  });
  return { near, far };
}

const LISTENER: ListenerOptions = {
  listen: { host: '127.0.0.1', port: 0 },
  target: { host: '127.0.0.1', port: 9 },
  vm: 'alice',
  protocol: 'raw',
  device: 'desktop',
  wakeOn: 'connect',
  maxStreams: null,
};

const NOBODY: PortOwner = { onChunk() {}, onDrained() {}, onEnd() {}, onClose() {} };

interface Relay {
  readonly from: SocketPort;
  readonly source: Socket;
  readonly sink: Socket;
  /** Bytes of each chunk, and where it lay. */
  readonly chunks: Array<{ bytes: number; inScratch: boolean }>;
}

/** Passes what `source` sends to `sink`, with backpressure. */
async function startRelay(buffers: ReadBuffers): Promise<Relay> {
  const one = await connectPair(buffers);
  const other = await connectPair(buffers);
  const chunks: Relay['chunks'] = [];
  const to = new SocketPort(other.near, buffers, { ...NOBODY, onDrained: () => from.resume() });
  const from: SocketPort = new SocketPort(one.near, buffers, {
    ...NOBODY,
    onChunk: (chunk) => {
      chunks.push({ bytes: chunk.length, inScratch: chunk.byteOffset === buffers.scratch.byteOffset });
      if (!from.pass(to)) from.pause();
    },
  });
  return { from, source: one.far, sink: other.far, chunks };
}

describe.each(['raw', 'direct'] as const)('SocketPort, %s', (reading) => {
  beforeEach(() => {
    way = reading;
  });

  it('small chunks: one after the other -> read into the scratch, nothing stays lent', async () => {
    const buffers = await makeBuffers(2, 2);
    const { source, sink, chunks } = await startRelay(buffers);
    const atSink = new SocketReader(sink);
    for (let key = 1; key <= 50; key += 1) {
      source.write('key');
      await atSink.until(3 * key);
    }
    expect(chunks.every(({ inScratch }) => inScratch)).toBe(true);
    expect(buffers.lent).toEqual({ slots: 0, busy: 0 });
  });

  it('a transfer: -> is read into a busy buffer from its second read on, which a small chunk gives back', async () => {
    const buffers = await makeBuffers(2, 2);
    const { source, sink, chunks } = await startRelay(buffers);
    const atSink = new SocketReader(sink);
    const sent = noise(8 * MIB);
    source.write(sent);
    await atSink.until(sent.length);
    expect(chunks[0]?.inScratch).toBe(true);
    expect(chunks.some(({ bytes, inScratch }) => bytes > SCRATCH_BYTES && !inScratch)).toBe(true);
    expect(chunks.every(({ bytes }) => bytes <= BUSY_BYTES)).toBe(true);
    source.write('k');
    await atSink.until(sent.length + 1);
    expect(buffers.lent).toEqual({ slots: 0, busy: 0 });
    expect(atSink.received.subarray(0, sent.length).equals(sent)).toBe(true);
  });

  it('no buffer left: ten transfers with one busy buffer and one slot, sinks that wait -> every byte, and one read each way at a time', async () => {
    const buffers = await makeBuffers(1, 1);
    const relays = await Promise.all(Array.from({ length: 10 }, () => startRelay(buffers)));
    const readers = relays.map(({ sink }) => new SocketReader(sink));
    for (const reader of readers) reader.pause();
    const sent = relays.map((_, index) => noise(14 * MIB + index, index + 1));
    for (const [index, { source }] of relays.entries()) source.write(sent[index] as Buffer);
    await eventually('all sources to be stopped', () => relays.every(({ from }) => from.isPaused));
    for (const reader of readers) reader.resume();
    for (const [index, reader] of readers.entries()) {
      await reader.until((sent[index] as Buffer).length);
      expect(reader.received.equals(sent[index] as Buffer)).toBe(true);
    }
  });

  it('resumed while its chunk still waits to be sent -> reads on elsewhere, what waits arrives unchanged', async () => {
    const buffers = await makeBuffers(2, 2);
    const { from, source, sink, chunks } = await startRelay(buffers);
    const atSink = new SocketReader(sink);
    atSink.pause();
    const sent = noise(16 * MIB);
    source.write(sent);
    await eventually('the source to be stopped', () => from.isPaused && buffers.lent.busy === 1);
    const before = chunks.length;
    // As where a VM is held: what comes now is not passed on, but must be read.
    from.resume();
    await eventually('the next read', () => chunks.length > before);
    expect(chunks[before]?.inScratch).toBe(true);
    atSink.resume();
    await atSink.until(sent.length);
    expect(atSink.received.equals(sent)).toBe(true);
  });

  it('a busy buffer whose direction fell silent: another one is busy -> gets it after SILENT_MS, both go on', async () => {
    const clock = new FakeClock();
    const buffers = await makeBuffers(2, 1, clock);
    const [first, second] = [await startRelay(buffers), await startRelay(buffers)];
    const readers = [new SocketReader(first.sink), new SocketReader(second.sink)] as const;
    const piece = noise(3 * SLOT_BYTES);
    first.source.write(piece);
    await readers[0].until(piece.length);
    expect(buffers.lent.busy).toBe(1);
    const sendSecond = async () => {
      const before = readers[1].receivedBytes;
      second.source.write(piece);
      await readers[1].until(before + piece.length);
    };
    await sendSecond();
    await sendSecond();
    expect(second.chunks.every(({ inScratch }) => inScratch)).toBe(true);
    await clock.advance(SILENT_MS + 1);
    await sendSecond();
    await sendSecond();
    expect(second.chunks.at(-1)?.inScratch).toBe(false);
    first.source.write(piece);
    await readers[0].until(2 * piece.length);
    expect(readers[0].received.equals(Buffer.concat([piece, piece]))).toBe(true);
    expect(readers[1].received.equals(Buffer.concat([piece, piece, piece, piece]))).toBe(true);
  });

  it('closed: with a chunk that waits to be sent -> its buffers are given back, and hold nothing of it any more', async () => {
    const buffers = await makeBuffers(2, 2);
    const { from, source, sink } = await startRelay(buffers);
    sink.pause();
    source.write(Buffer.alloc(32 * MIB, 'secret'));
    await eventually('the source to be stopped', () => from.isPaused && buffers.lent.busy === 1);
    sink.resetAndDestroy();
    source.resetAndDestroy();
    from.resume();
    from.socket.destroy();
    await eventually('all buffers back', () => buffers.lent.busy === 0 && buffers.lent.slots === 0);
    expect(buffers.scratch.includes('secret')).toBe(false);
    const busy = [buffers.lendBusy({ giveBack: () => false }), buffers.lendBusy({ giveBack: () => false })];
    expect(busy.map((each) => each?.bytes.includes('secret'))).toEqual([false, false]);
  });

  it('a source that never pauses: -> another socket is read between its turns', async () => {
    const buffers = await makeBuffers(4, 4);
    const bulk = await startRelay(buffers);
    const echo = await startRelay(buffers);
    bulk.sink.resume();
    const zeros = Buffer.alloc(MIB);
    let isOver = false;
    closers.push(() => {
      isOver = true;
    });
    const pump = () => {
      while (!isOver && bulk.source.write(zeros));
    };
    bulk.source.on('drain', pump);
    pump();
    const atEcho = new SocketReader(echo.sink);
    for (let key = 1; key <= 20; key += 1) {
      echo.source.write('k');
      await atEcho.until(key);
    }
    expect(bulk.chunks.length).toBeGreaterThan(0);
  });
});

describe('DirectReads', () => {
  it('detect: this Node -> reads of an accepted socket go where they are told', async () => {
    expect(await DirectReads.detect()).toBeInstanceOf(DirectReads);
  });
});
