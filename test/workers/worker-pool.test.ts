// Streams in real worker processes that share a listener: bytes, holds, bounds and deaths, seen from the main process.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { noise, SocketReader } from '../streams/support/socket-reader.ts';
import { VmServer } from '../streams/support/stream-rig.ts';
import { eventually } from '../support/eventually.ts';
import { whileStopped } from '../support/stopped.ts';
import { PoolRig, type PoolRigOptions } from './support/pool-rig.ts';

const NEVER = new AbortController().signal;
const STREAMS = 24;
/** Of each worker. */
const STREAMS_EACH = 4;
const BOUND_MS = 10_000;

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(options: Partial<PoolRigOptions> = {}): Promise<{ rig: PoolRig; vm: VmServer }> {
  const vm = await VmServer.start((socket) => socket.pipe(socket));
  closers.push(() => vm.close());
  const rig = await PoolRig.start({ targetPort: vm.port, ...options });
  closers.push(() => rig.close());
  return { rig, vm };
}

/** Connections of every worker: its fellows are stopped until it has told of its own. */
async function connectToAll(rig: PoolRig): Promise<Socket[]> {
  const sockets: Socket[] = [];
  const workers = [...rig.pool.present];
  for (const worker of workers) {
    const fellows = workers.filter((other) => other !== worker).map(({ pid }) => pid as number);
    await whileStopped(fellows, async () => {
      sockets.push(...(await Promise.all(Array.from({ length: STREAMS_EACH }, () => rig.connect()))));
      await eventually('the streams to be told of', () => rig.workerOf.size === sockets.length);
    });
  }
  expect(new Set(rig.workerOf.values()).size).toBe(workers.length);
  return sockets;
}

/** Of a connection that is cut or ended from the other side. */
function closeOf(socket: Socket): Promise<unknown> {
  socket.resume();
  return new Promise((resolve) => socket.once('close', resolve));
}

const nameOf = (socket: Socket) => `127.0.0.1:${socket.localPort}`;

/** One socket of each worker. */
function onePerWorker(rig: PoolRig, sockets: readonly Socket[]): Socket[] {
  const byWorker = new Map(sockets.map((socket) => [rig.workerOf.get(nameOf(socket)) as string, socket]));
  return [...byWorker.values()];
}

describe('WorkerPool', { timeout: 60_000 }, () => {
  it('bytes: many streams over two workers -> each gets its own back, and is told of once', async () => {
    const { rig } = await start();
    rig.gate.release(null);
    const sockets = await Promise.all(Array.from({ length: STREAMS }, () => rig.connect()));
    const sent = sockets.map((_, index) => noise(100_000 + index * 1000, index + 1));
    const readers = sockets.map((socket) => new SocketReader(socket));
    for (const [index, socket] of sockets.entries()) socket.end(sent[index] as Buffer);
    await Promise.all(readers.map((reader, index) => reader.until((sent[index] as Buffer).length)));
    for (const [index, reader] of readers.entries()) expect(reader.received.equals(sent[index] as Buffer)).toBe(true);
    await eventually(
      'all to be closed and out of the pool',
      () => rig.active.size === 0 && rig.gate.streams().length === 0,
    );
    const count = (kind: string) => rig.told.filter((what) => what.startsWith(kind)).length;
    expect([count('opened'), count('active'), count('closed'), count('idle')]).toEqual(Array(4).fill(STREAMS));
  });

  it('held: bytes of both workers -> nothing reaches the VM until the release, then all of it', async () => {
    const { rig, vm } = await start();
    rig.gate.release(null);
    const sockets = onePerWorker(rig, await connectToAll(rig));
    const readers = sockets.map((socket) => new SocketReader(socket));
    for (const socket of sockets) socket.write('before ');
    await Promise.all(readers.map((reader) => reader.until(7)));
    rig.gate.hold();
    expect(await rig.gate.drain(BOUND_MS, NEVER)).toMatchObject({ drained: true, unackedBytes: 0 });
    let arrivedBytes = 0;
    for (const socket of vm.sockets) socket.on('data', (chunk: Buffer) => (arrivedBytes += chunk.length));
    for (const socket of sockets) socket.write('held');
    await eventually(
      'both to be told of',
      () => rig.told.filter((what) => what.startsWith('held-activity')).length >= 2,
    );
    await rig.gate.refresh('streams');
    expect(rig.gate.heldBytes().heldBytes).toBe(8);
    expect(rig.gate.waitingVms()).toEqual(['alice']);
    expect(rig.gate.streams().filter(({ mode }) => mode === 'holding').length).toBe(rig.gate.streams().length);
    expect(arrivedBytes).toBe(0);
    rig.gate.release('alice');
    await Promise.all(readers.map((reader) => reader.until(11)));
    expect(readers.map((reader) => reader.received.toString())).toEqual(['before held', 'before held']);
    await rig.gate.refresh();
    expect([rig.gate.heldBytes().heldBytes, rig.gate.waitingVms()]).toEqual([0, []]);
  });

  it('drain: activity just before the hold -> told before the answer, in every one of fifty rounds', async () => {
    const { rig } = await start({ idleTimeoutMs: 1 });
    rig.gate.release(null);
    const sockets = onePerWorker(rig, await connectToAll(rig));
    for (let round = 0; round < 50; round += 1) {
      await eventually('nobody to be active', () => rig.active.size === 0);
      const told = rig.told.length;
      const socket = sockets[round % sockets.length] as Socket;
      socket.write('k');
      // Whether the key comes before the hold or after it in its worker, its activity must be known with the answer at the latest
      // where it reached the VM.
      rig.gate.hold();
      const drained = rig.gate.drain(BOUND_MS, NEVER);
      const [echo] = await Promise.race([
        once(socket, 'data') as Promise<[Buffer]>,
        drained.then(() => [null] as [null]),
      ]);
      const { drained: isDrained } = await drained;
      expect(isDrained).toBe(true);
      if (echo !== null) expect(rig.told.slice(told).some((what) => what.startsWith('active'))).toBe(true);
      rig.gate.release(null);
      if (echo === null) await once(socket, 'data');
    }
  });

  it('activity in one worker -> the pool knows at once, and forgets it after the timeout', async () => {
    const { rig } = await start({ idleTimeoutMs: 300 });
    rig.gate.release(null);
    const sockets = onePerWorker(rig, await connectToAll(rig));
    await eventually('all to be idle', () => rig.active.size === 0);
    for (const socket of sockets) {
      const told = rig.told.length;
      const since = (kind: string) => rig.told.slice(told).filter((what) => what.startsWith(kind)).length;
      socket.write('k');
      await eventually('it to be told active, then idle', () => since('idle') === 1);
      expect([since('active'), rig.active.size]).toEqual([1, 0]);
    }
  });

  it('a worker is killed: -> its streams are closed and leave the pool, nothing counts as drained, another takes its place', async () => {
    const { rig } = await start();
    rig.gate.release(null);
    const sockets = await connectToAll(rig);
    const [victim] = rig.pool.present;
    const serial = String(victim?.serial);
    const [dying, living] = [true, false].map((dies) =>
      sockets.filter((socket) => (rig.workerOf.get(nameOf(socket)) === serial) === dies),
    ) as [Socket[], Socket[]];
    const ends = dying.map(closeOf);
    for (const socket of dying) socket.on('end', () => socket.end());
    process.kill(victim?.pid as number, 'SIGKILL');
    await Promise.all(ends);
    await eventually('the pool to be corrected', () => rig.active.size === living.length);
    const closed = rig.told.filter((what) => what.startsWith('closed: a worker process ended (SIGKILL)'));
    expect(closed).toHaveLength(dying.length);
    rig.gate.hold();
    expect(await rig.gate.drain(BOUND_MS, NEVER)).toMatchObject({ drained: false });
    await eventually('another worker', () => rig.gate.workers.running === 2);
    // It has taken over what is held: a client of either waits.
    const reader = new SocketReader(await rig.connect());
    rig.gate.release(null);
    (rig.clients.at(-1) as Socket).write('again');
    await reader.until(5);
    expect(rig.log.lines.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
      'a worker process ended (SIGKILL): its connections are gone, another one takes its place',
    ]);
  });

  it('maxStreams: over both workers -> clients beyond it are reset, and served again when others have left', async () => {
    const { rig } = await start({ listener: { maxStreams: 8 } });
    rig.gate.release(null);
    const served: Socket[] = [];
    for (let each = 0; each < 8; each += 1) {
      served.push(await rig.connect());
      await eventually('it to be told of', () => rig.told.filter((what) => what === 'opened').length === each + 1);
      // The other worker hears of it on its way, before anything that is asked afterwards is answered.
      await rig.gate.refresh();
    }
    const beyond = rig.attempt();
    await closeOf(beyond);
    expect(rig.gate.streams()).toHaveLength(8);
    served[0]?.destroy();
    await eventually('it to be closed', () => rig.told.some((what) => what.startsWith('closed')));
    await rig.gate.refresh();
    const reader = new SocketReader(await rig.connect());
    (rig.clients.at(-1) as Socket).write('k');
    await reader.until(1);
  });

  it('an address in use -> ERR_STREAM_LISTEN before a worker is started', async () => {
    const { rig, vm } = await start();
    const taken = { listen: { host: '127.0.0.1', port: vm.port } };
    const other = PoolRig.start({ targetPort: vm.port, listener: taken });
    await expect(other).rejects.toMatchObject({ code: 'ERR_STREAM_LISTEN' });
    expect(rig.gate.workers).toEqual({ wanted: 2, running: 2 });
  });

  it('wakeRate: one source, two workers -> its wakes are counted together', async () => {
    const wakeRate = { count: 1, perMs: 3_600_000 };
    const { rig } = await start({ listener: { wakeRate } });
    const asks: string[] = [];
    rig.onTold = (what, stream) => {
      if (what.startsWith('held-activity')) asks.push(stream.id);
    };
    await rig.connect();
    await eventually('the first to ask', () => asks.length === 1);
    rig.gate.release(null);
    rig.gate.hold();
    await rig.gate.refresh();
    // Held anew: the source has had its share, whichever worker accepts.
    const refused = Array.from({ length: 8 }, () => rig.attempt());
    await Promise.all(refused.map(closeOf));
    expect(asks).toHaveLength(1);
  });
});
