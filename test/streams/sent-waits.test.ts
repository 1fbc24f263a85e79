import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { socketKey } from '../../src/streams/proc-net-tcp.ts';
import { SentWaits } from '../../src/streams/sent-waits.ts';
import { QUEUE_POLL_MS } from '../../src/streams/unacked-table.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { SocketReader } from './support/socket-reader.ts';
import { StreamRig, VmServer } from './support/stream-rig.ts';

const BOUND_MS = 2000;

/** The few properties of a socket that are looked at. */
class SocketLike {
  localAddress = '10.0.1.10';
  remoteAddress = '10.0.1.21';
  remotePort = 3389;
  writableLength = 0;
  writableEnded = false;
  destroyed = false;
  bytesWritten = 1;
  readonly localPort: number;

  constructor(localPort: number) {
    this.localPort = localPort;
  }

  get key(): string {
    return socketKey(this) as string;
  }
}

/** Waits whose kernel is a map that the test fills, and takes `tookMs` to read. */
function makeWaits(tookMs = 0) {
  const clock = new FakeClock();
  const kernel = new Map<string, number>();
  const readAtMs: number[] = [];
  const beganMs = clock.nowMs();
  const waits = new SentWaits(clock, async () => {
    readAtMs.push(clock.nowMs() - beganMs);
    const read = new Map(kernel);
    if (tookMs > 0) await new Promise<void>((resolve) => clock.schedule(tookMs, resolve));
    return read;
  });
  const done: number[] = [];
  const add = (port: number, how: Partial<SocketLike> = {}) => {
    const socket = Object.assign(new SocketLike(port), how);
    waits.add(socket as unknown as Socket, BOUND_MS, () => done.push(port));
    return socket;
  };
  return { clock, kernel, readAtMs, done, add };
}

describe('SentWaits', () => {
  it('many that wait -> one reading per round for all, each is done when its own queue is empty', async () => {
    const { clock, kernel, readAtMs, done, add } = makeWaits();
    const sockets = Array.from({ length: 100 }, (_, index) => {
      kernel.set(new SocketLike(1000 + index).key, 1);
      return add(1000 + index);
    });
    await clock.advance(QUEUE_POLL_MS * 4);
    expect([done, readAtMs.length]).toEqual([[], 5]);
    kernel.delete(sockets[7]?.key as string);
    await clock.advance(QUEUE_POLL_MS);
    expect(done).toEqual([]);
    await clock.advance(QUEUE_POLL_MS);
    expect(done).toEqual([1007]);
    (sockets[8] as SocketLike).destroyed = true;
    await clock.advance(QUEUE_POLL_MS);
    expect(done).toEqual([1007, 1008]);
    await clock.advance(BOUND_MS);
    expect(done).toHaveLength(100);
    expect(clock.pending).toBe(0);
  });

  it('nothing was ever written -> done at once, without a reading', async () => {
    const { clock, readAtMs, done, add } = makeWaits();
    add(1, { bytesWritten: 0 });
    await clock.advance(BOUND_MS);
    expect([done, readAtMs]).toEqual([[1], []]);
  });

  it('nothing but a FIN was written -> waits for that', async () => {
    const { clock, kernel, done, add } = makeWaits();
    kernel.set(new SocketLike(1).key, 1);
    add(1, { bytesWritten: 0, writableEnded: true });
    await clock.advance(QUEUE_POLL_MS);
    expect(done).toEqual([]);
    kernel.clear();
    await clock.advance(QUEUE_POLL_MS * 2);
    expect(done).toEqual([1]);
  });

  it('a line that one reading missed -> not taken for everything sent: two in a row have to miss it', async () => {
    const { clock, kernel, done, add } = makeWaits();
    const { key } = new SocketLike(1);
    kernel.set(key, 1);
    add(1);
    for (let round = 0; round < 5; round += 1) {
      await clock.advance(QUEUE_POLL_MS);
      kernel.delete(key);
      await clock.advance(QUEUE_POLL_MS);
      kernel.set(key, 1);
    }
    expect(done).toEqual([]);
    kernel.delete(key);
    await clock.advance(QUEUE_POLL_MS * 2);
    expect(done).toEqual([1]);
  });

  it('bytes that left the process while the table was read -> the next reading counts', async () => {
    const { clock, readAtMs, done, add } = makeWaits();
    const socket = add(1, { writableLength: 5 });
    await clock.advance(0);
    socket.writableLength = 0;
    expect([done, readAtMs]).toEqual([[], [0]]);
    await clock.advance(QUEUE_POLL_MS);
    expect([done, readAtMs]).toEqual([[], [0, QUEUE_POLL_MS]]);
    await clock.advance(QUEUE_POLL_MS);
    expect([done, readAtMs]).toEqual([[1], [0, QUEUE_POLL_MS, 2 * QUEUE_POLL_MS]]);
  });

  it('a table that takes 30 ms, a reset every 10 ms, one after the other -> two readings a second, nobody waits longer than for two pairs', async () => {
    const { clock, readAtMs, done, add } = makeWaits(30);
    for (let count = 0; count < 1000; count += 1) {
      add(count);
      await clock.advance(10);
    }
    expect(readAtMs.length).toBeLessThanOrEqual(20);
    await clock.advance(1030 + 55);
    expect(done).toHaveLength(1000);
    // The first of a pair, and 25 ms after its end the one that confirms it.
    for (const [index, atMs] of readAtMs.entries())
      if (index > 0) expect(atMs - Number(readAtMs[index - 1])).toBe(index % 2 === 0 ? 1030 : 55);
  });

  it('all that wait are gone before the next reading -> there is none', async () => {
    const { clock, kernel, readAtMs, done, add } = makeWaits(30);
    kernel.set(new SocketLike(1).key, 1);
    const socket = add(1);
    await clock.advance(30);
    socket.destroyed = true;
    await clock.advance(BOUND_MS);
    expect([done, readAtMs]).toEqual([[1], [0]]);
    expect(clock.pending).toBe(0);
  });
});

describe('a reset and the table of send queues', () => {
  it('a health check that connects and resets -> the VM is reset, the table is not read', async () => {
    const vm = await VmServer.start();
    let readings = 0;
    const readUnacked = async () => {
      readings += 1;
      return new Map();
    };
    const rig = await StreamRig.start({ target: vm.port, readUnacked });
    const client = await rig.connect();
    await eventually('the VM to accept', () => vm.sockets.length === 1, { everyMs: 2 });
    const atVm = new SocketReader(vm.sockets[0] as Socket);
    client.resetAndDestroy();
    await atVm.untilEnd('rst');
    expect(readings).toBe(0);
    await rig.close();
    vm.close();
  });
});
