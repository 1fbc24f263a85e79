// Streams of a platform that is awake: bytes, FIN, RST and backpressure, each way.
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { noise, SocketReader } from './support/socket-reader.ts';
import { type RigOptions, StreamRig, VmServer } from './support/stream-rig.ts';

const MIB = 1024 * 1024;

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startVm(onSocket?: (socket: Socket) => void): Promise<VmServer> {
  const vm = await VmServer.start(onSocket);
  closers.push(() => vm.close());
  return vm;
}

async function startRig(options: RigOptions): Promise<StreamRig> {
  const rig = await StreamRig.start(options);
  closers.push(() => rig.close());
  return rig;
}

/** A rig and its VM with one stream, and readers on both far ends. */
async function startPair(options: RigOptions = {}) {
  const vm = await startVm();
  const rig = await startRig({ target: vm.port, ...options });
  const client = await rig.connect();
  const server = await eventually('the VM to accept', () => vm.sockets[0], { everyMs: 2 });
  return { vm, rig, client, server, atClient: new SocketReader(client), atVm: new SocketReader(server) };
}

describe('Stream of an awake platform', () => {
  it('bytes: both ways -> arrive unchanged, are counted, and the observer hears of one active stream', async () => {
    const { rig, client, server, atClient, atVm } = await startPair();
    const up = noise(300_000, 1);
    const down = noise(200_000, 2);
    client.write(up);
    server.write(down);
    await Promise.all([atVm.until(up.length), atClient.until(down.length)]);
    expect([atVm.received.equals(up), atClient.received.equals(down)]).toEqual([true, true]);
    expect(rig.seen.told).toEqual(['opened', 'active: connected']);
    const [status] = rig.set.streams();
    expect(status).toMatchObject({
      id: 'vdi-01-1',
      platform: 'vdi-01',
      vm: 'alice',
      mode: 'flowing',
      active: true,
      listener: `127.0.0.1:${rig.port()}`,
      client: `127.0.0.1:${client.localPort}`,
      bytesFromClient: up.length,
      bytesToClient: down.length,
      heldBytes: 0,
    });
    expect([rig.set.waitingVms(), rig.set.heldBytes()]).toEqual([[], { heldBytes: 0, heldStoredBytes: 0 }]);
  });

  it('FIN of the client: the VM goes on talking -> gets the FIN, its words arrive, then one orderly close', async () => {
    const { rig, client, server, atClient, atVm } = await startPair();
    client.end('last words');
    await atVm.untilEnd('fin');
    expect(atVm.text).toBe('last words');
    server.write('answer after the FIN');
    await atClient.until(20);
    expect([atClient.end, rig.seen.of('closed')]).toEqual(['none', []]);
    server.end();
    await atClient.untilEnd('fin');
    await eventually('the close', () => rig.seen.of('closed').length === 1, { everyMs: 2 });
    expect(rig.seen.of('closed')[0]?.why).toBe('the client closed the connection (10 B from the client, 20 B to it)');
  });

  it('FIN of the VM: the client goes on talking -> gets the FIN, its words arrive, then one orderly close', async () => {
    const { rig, client, server, atClient, atVm } = await startPair();
    server.end('bye');
    await atClient.untilEnd('fin');
    client.write('not yet');
    await atVm.until(7);
    client.end();
    await atVm.untilEnd('fin');
    await eventually('the close', () => rig.seen.of('closed').length === 1, { everyMs: 2 });
    expect(rig.seen.of('closed')[0]?.why).toMatch(/^the target closed the connection/);
    expect([atVm.end, atClient.end]).toEqual(['fin', 'fin']);
  });

  it('RST of the client: after bytes -> the VM gets the bytes, then the RST', async () => {
    const { rig, client, atVm } = await startPair();
    client.write('bytes before');
    await eventually('the bytes in Torpor', () => rig.set.streams()[0]?.bytesFromClient === 12, { everyMs: 2 });
    client.resetAndDestroy();
    await atVm.untilEnd('rst');
    expect(atVm.text).toBe('bytes before');
    expect(rig.seen.of('closed')[0]?.why).toMatch(/^the client reset the connection \(ECONNRESET\)/);
  });

  it('RST of the VM: after bytes -> the client gets the bytes, then the RST', async () => {
    const { rig, server, atClient } = await startPair();
    server.write('bytes before');
    await eventually('the bytes in Torpor', () => rig.set.streams()[0]?.bytesToClient === 12, { everyMs: 2 });
    server.resetAndDestroy();
    await atClient.untilEnd('rst');
    expect(atClient.text).toBe('bytes before');
    expect(rig.seen.of('closed')[0]?.why).toMatch(/^the target 127\.0\.0\.1:\d+ reset the connection \(ECONNRESET\)/);
  });

  it('a VM that does not read: the client sends without end -> is stopped at a bound, and nothing is lost afterwards', async () => {
    const { rig, client, atVm } = await startPair();
    atVm.pause();
    const sent = noise(48 * MIB, 3);
    client.write(sent);
    await eventually('Torpor to stop reading', () => stoppedGrowing(() => taken(rig)), { everyMs: 150 });
    expect(taken(rig)).toBeLessThan(40 * MIB);
    const [stream] = rig.set.streams();
    expect(stream?.heldBytes).toBe(0);
    atVm.resume();
    await atVm.until(sent.length);
    expect(digest(atVm.received)).toBe(digest(sent));
  });

  it('a client that does not read: the VM sends without end -> is stopped at a bound, and nothing is lost afterwards', async () => {
    const { rig, server, atClient } = await startPair();
    atClient.pause();
    const sent = noise(48 * MIB, 4);
    server.write(sent);
    await eventually('Torpor to stop reading', () => stoppedGrowing(() => given(rig)), { everyMs: 150 });
    expect(given(rig)).toBeLessThan(40 * MIB);
    atClient.resume();
    await atClient.until(sent.length);
    expect(digest(atClient.received)).toBe(digest(sent));
  });

  it('RST of a client that Torpor did not read, behind bytes -> the VM gets the bytes, then a RST and no FIN', async () => {
    const { rig, client, atVm } = await startPair();
    atVm.pause();
    const sent = noise(16 * MIB, 5);
    client.write(sent);
    await eventually('Torpor to stop reading', () => stoppedGrowing(() => taken(rig)), { everyMs: 150 });
    client.resetAndDestroy();
    atVm.resume();
    await atVm.untilEnd('rst');
    expect(atVm.receivedBytes).toBe(rig.seen.of('closed')[0]?.status.bytesFromClient);
    expect(atVm.received.equals(sent.subarray(0, atVm.receivedBytes))).toBe(true);
    expect(rig.seen.of('closed')[0]?.why).toMatch(/^the client reset the connection/);
  });

  it('RST of a VM that Torpor did not read, behind bytes -> the client gets the bytes, then a RST and no FIN', async () => {
    const { rig, server, atClient } = await startPair();
    atClient.pause();
    const sent = noise(16 * MIB, 6);
    server.write(sent);
    await eventually('Torpor to stop reading', () => stoppedGrowing(() => given(rig)), { everyMs: 150 });
    server.resetAndDestroy();
    atClient.resume();
    await atClient.untilEnd('rst');
    expect(atClient.receivedBytes).toBe(rig.seen.of('closed')[0]?.status.bytesToClient);
    expect(atClient.received.equals(sent.subarray(0, atClient.receivedBytes))).toBe(true);
    expect(rig.seen.of('closed')[0]?.why).toMatch(/^the target .* reset the connection/);
  });

  it('a refused target: the client -> is reset, and the reason is told in the event and the log', async () => {
    const vm = await startVm();
    const port = vm.port;
    await vm.stopListening();
    const rig = await startRig({ target: port });
    const atClient = new SocketReader(await rig.connect());
    await atClient.untilEnd('rst');
    const why = `could not connect to the target 127.0.0.1:${port} (ECONNREFUSED): nothing listens there`;
    expect(rig.seen.of('closed')[0]?.why).toContain(why);
    expect(rig.log.lines).toMatchObject([{ level: 'warn', facts: { code: 'ERR_STREAM_TARGET', platform: 'vdi-01' } }]);
    expect(rig.log.lines[0]?.message).toContain(why);
  });

  it('2,000 streams at once: each echoes its own bytes -> every checksum matches, all are closed and forgotten', async () => {
    const streams = 2000;
    const clock = new FakeClock();
    const vm = await startVm((socket) => socket.pipe(socket));
    const rig = await startRig({ target: vm.port, clock, disconnectGraceMs: 0 });
    const readers = new Map<Socket, SocketReader>();
    for (let batch = 0; batch < streams; batch += 250) {
      const clients = await Promise.all(Array.from({ length: 250 }, () => rig.connect()));
      for (const client of clients) readers.set(client, new SocketReader(client));
    }
    const sent = new Map([...readers.keys()].map((client, index) => [client, noise(1000 + index * 7, index)]));
    for (const [client, bytes] of sent) client.end(bytes);
    await Promise.all([...readers.values()].map((reader) => reader.untilEnd('fin')));
    for (const [client, bytes] of sent) {
      expect(digest((readers.get(client) as SocketReader).received)).toBe(digest(bytes));
    }
    await eventually('all closes', () => rig.seen.of('closed').length === streams);
    await clock.advance(1000);
    expect([rig.set.streams(), rig.registry.size, rig.seen.of('idle').length]).toEqual([[], 0, streams]);
  });

  it('more clients than maxStreams: the one too many -> reset and told once, served again when there is room', async () => {
    const vm = await startVm();
    const rig = await startRig({ target: vm.port, listeners: [{ maxStreams: 2 }] });
    const first = await rig.connect();
    await rig.connect();
    await new SocketReader(rig.attempt()).untilEnd('rst');
    await new SocketReader(rig.attempt()).untilEnd('rst');
    expect(rig.log.lines.map(({ message }) => message)).toEqual([
      `clients of 127.0.0.1:${rig.port()} are reset until there is room again: 2 streams are open, its bound (maxStreams)`,
    ]);
    expect(rig.seen.of('opened')).toHaveLength(2);
    first.resetAndDestroy();
    await eventually('room', () => rig.seen.of('closed').length === 1, { everyMs: 5 });
    const atClient = new SocketReader(await rig.connect());
    await eventually('the third stream', () => rig.seen.of('opened').length === 3, { everyMs: 5 });
    expect(atClient.end).toBe('none');
  });

  it('a core without a free slot: a client -> reset, and the reason is told', async () => {
    const vm = await startVm();
    const rig = await startRig({ target: vm.port, maxCoreStreams: 1 });
    await rig.connect();
    await new SocketReader(rig.attempt()).untilEnd('rst');
    expect(rig.log.lines[0]?.message).toContain('all 1 slots of the core are taken');
    expect([rig.seen.of('opened').length, rig.set.streams().length]).toEqual([1, 1]);
  });

  it('close of the set: streams in every mode -> reset on both sides, ports free, no seat left', async () => {
    const { rig, atClient, atVm } = await startPair();
    rig.set.hold();
    const held = new SocketReader(await rig.connect());
    await eventually('the second stream', () => rig.set.streams().length === 2, { everyMs: 2 });
    await rig.set.close();
    await Promise.all([atClient.untilEnd('rst'), atVm.untilEnd('rst'), held.untilEnd('rst')]);
    expect([rig.set.streams(), rig.registry.size]).toEqual([[], 0]);
  });
});

describe('Stream and the active pool', () => {
  it('idle, then a key: timeout passes -> leaves the pool, enters again with the key, the connection untouched', async () => {
    const clock = new FakeClock();
    const { rig, client, atVm } = await startPair({ clock, idleTimeoutMs: 600_000 });
    await clock.advance(601_000);
    expect(rig.seen.told).toEqual(['opened', 'active: connected', 'idle: no activity for 10m']);
    expect(rig.set.streams()[0]).toMatchObject({ active: false, mode: 'flowing' });
    client.write('k');
    await atVm.until(1);
    expect(rig.seen.told.at(-1)).toBe('active: client bytes');
    expect(rig.set.streams()[0]).toMatchObject({ active: true, lastActiveAtMs: clock.nowMs() });
  });

  it('server bytes alone: screen updates all night -> do not keep the stream in the pool', async () => {
    const clock = new FakeClock();
    const { rig, server, atClient } = await startPair({ clock, idleTimeoutMs: 10_000 });
    for (let redraw = 1; redraw <= 5; redraw += 1) {
      server.write('redraw');
      await atClient.until(6 * redraw);
      await clock.advance(2500);
    }
    expect(rig.seen.told).toEqual(['opened', 'active: connected', 'idle: no activity for 10s']);
  });

  it('disconnect: an active stream -> closed at once, out of the pool after its grace', async () => {
    const clock = new FakeClock();
    const { rig, client, server } = await startPair({ clock });
    client.end();
    server.end();
    await eventually('the close', () => rig.seen.of('closed').length === 1, { everyMs: 2 });
    await clock.advance(4900);
    expect(rig.set.streams()).toMatchObject([{ mode: 'closed', active: true }]);
    await clock.advance(400);
    // Both ends close at the same moment: either may be seen first.
    expect(rig.seen.told.slice(-2)).toEqual([
      expect.stringMatching(/^closed: the (client|target) closed the connection/),
      'idle: disconnected',
    ]);
    expect([rig.set.streams(), rig.registry.size]).toEqual([[], 0]);
  });

  it('disconnect of an idle stream: no grace -> forgotten at once, out of the pool only once', async () => {
    const clock = new FakeClock();
    const { rig, client, server } = await startPair({ clock, idleTimeoutMs: 1000 });
    await clock.advance(1500);
    client.end();
    server.end();
    await eventually('the close', () => rig.seen.of('closed').length === 1, { everyMs: 2 });
    expect([rig.set.streams(), rig.registry.size, rig.seen.of('idle').length]).toEqual([[], 0, 1]);
  });
});

function taken(rig: StreamRig): number {
  return rig.set.streams()[0]?.bytesFromClient ?? 0;
}

function given(rig: StreamRig): number {
  return rig.set.streams()[0]?.bytesToClient ?? 0;
}

let lastCount = -1;
function stoppedGrowing(count: () => number): boolean {
  const stopped = count() > 0 && count() === lastCount;
  lastCount = count();
  return stopped;
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
