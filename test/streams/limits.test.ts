// Bounds against abuse at real sockets: per source, per listener, in all, and of what is kept of one source.
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { ListenerOptions } from '../../src/streams/listener.ts';
import { comesTrue } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { noise, SocketReader } from './support/socket-reader.ts';
import { type RigOptions, StreamRig, VmServer } from './support/stream-rig.ts';

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startRig(listener: Partial<ListenerOptions>, options: RigOptions = {}): Promise<StreamRig> {
  const vm = await VmServer.start();
  closers.push(() => vm.close());
  const rig = await StreamRig.start({
    target: vm.port,
    clock: new FakeClock(),
    readUnacked: async () => new Map(),
    initiallyHeld: true,
    listeners: [listener],
    ...options,
  });
  closers.push(() => rig.close());
  return rig;
}

/** A client with a loopback address of its own. */
function from(rig: StreamRig, address: string): { socket: Socket; reader: SocketReader } {
  const socket = connect({ host: '127.0.0.1', port: rig.port(), localAddress: address });
  socket.on('error', () => {});
  rig.clients.push(socket);
  return { socket, reader: new SocketReader(socket) };
}

const streamsOf = (rig: StreamRig, address: string) =>
  rig.set.streams().filter(({ client, mode }) => mode !== 'closed' && client.startsWith(`${address}:`)).length;

describe('bounds against abuse', () => {
  it('maxPerSource -> one more of the same source is reset and counted, another source is served, and the first again later', async () => {
    const rig = await startRig({ maxPerSource: 2 });
    const first = [from(rig, '127.0.0.2'), from(rig, '127.0.0.2')];
    await comesTrue(() => expect(rig.set.streams().length).toBe(2));
    const third = from(rig, '127.0.0.2');
    await comesTrue(() => expect(third.reader.end).toBe('rst'));
    expect(rig.set.refusedClients()).toEqual({ 'per-source': 1 });
    from(rig, '127.0.0.3');
    await comesTrue(() => expect(streamsOf(rig, '127.0.0.3')).toBe(1));
    first[0]?.socket.resetAndDestroy();
    await comesTrue(() => expect(streamsOf(rig, '127.0.0.2')).toBe(1));
    from(rig, '127.0.0.2');
    await comesTrue(() => expect(streamsOf(rig, '127.0.0.2')).toBe(2));
  });

  it('maxStreams, full of one source’s silent clients -> another source’s client takes the place of the oldest', async () => {
    const rig = await startRig({ maxStreams: 4, wakeOn: 'preface', protocol: 'ssh' });
    const flood: Array<ReturnType<typeof from>> = [];
    for (let each = 1; each <= 4; each += 1) {
      flood.push(from(rig, '127.0.0.2'));
      await comesTrue(() => expect(rig.set.streams().length).toBe(each));
    }
    const guest = from(rig, '127.0.0.3');
    guest.socket.write('SSH-2.0-guest\r\n');
    await comesTrue(() => expect(rig.set.waitingVms()).toEqual(['alice']));
    await comesTrue(() => expect(flood.map(({ reader }) => reader.end)).toEqual(['rst', 'none', 'none', 'none']));
    expect(rig.set.refusedClients()).toEqual({ 'max-streams': 1 });
    const more = from(rig, '127.0.0.2');
    await comesTrue(() => expect(more.reader.end).toBe('rst'));
    expect([streamsOf(rig, '127.0.0.2'), streamsOf(rig, '127.0.0.3')]).toEqual([3, 1]);
  });

  it('maxStreams, full of clients that count -> nobody is sent away', async () => {
    const rig = await startRig({ maxStreams: 2 });
    const both = [from(rig, '127.0.0.2'), from(rig, '127.0.0.2')];
    await comesTrue(() => expect(rig.set.streams().length).toBe(2));
    const guest = from(rig, '127.0.0.3');
    await comesTrue(() => expect(guest.reader.end).toBe('rst'));
    expect(both.map(({ reader }) => reader.end)).toEqual(['none', 'none']);
  });

  it('the bound of all listeners -> counts both, and frees with those that leave', async () => {
    const rig = await startRig({}, { listeners: [{}, {}], total: { open: 0, max: 2 } });
    const [one, two] = [rig.attempt(0), rig.attempt(1)];
    await comesTrue(() => expect(rig.set.streams().length).toBe(2));
    const third = new SocketReader(rig.attempt(0));
    await comesTrue(() => expect(third.end).toBe('rst'));
    two?.resetAndDestroy();
    await comesTrue(() => expect(rig.set.streams().filter(({ mode }) => mode !== 'closed').length).toBe(1));
    rig.attempt(0);
    await comesTrue(() => expect(rig.set.streams().filter(({ mode }) => mode !== 'closed').length).toBe(2));
    expect(one?.destroyed).toBe(false);
  });

  it('hold of one source -> its clients are read no more at its bound, others are; delivered whole, and read again', async () => {
    const vm = await VmServer.start();
    closers.push(() => vm.close());
    const rig = await startRig({}, { target: vm.port, perSourceBytes: 64 * 1024, perPlatformBytes: 1024 * 1024 });
    const sent = [noise(200_000, 1), noise(200_000, 2)];
    for (const [at, bytes] of sent.entries()) from(rig, '127.0.0.2').socket.write(bytes, () => at);
    await comesTrue(() => expect(rig.set.heldBytes().heldStoredBytes).toBeGreaterThanOrEqual(64 * 1024));
    from(rig, '127.0.0.3').socket.write('somebody else');
    await comesTrue(() =>
      expect(rig.set.streams().find(({ client }) => client.startsWith('127.0.0.3'))?.heldBytes).toBe(13),
    );
    // Each chunk that was read when the bound came is kept whole: 64 KiB at most for each stream.
    expect(rig.set.heldBytes().heldStoredBytes).toBeLessThan(3 * 64 * 1024 + 13);
    expect(rig.seen.of('held-activity').some(({ why }) => why === 'holds of 127.0.0.2 reached 64 KiB')).toBe(true);
    rig.set.release(null);
    const readers: SocketReader[] = [];
    await comesTrue(() => expect(vm.sockets.length).toBe(3));
    for (const socket of vm.sockets) readers.push(new SocketReader(socket));
    await comesTrue(() =>
      expect(readers.map(({ receivedBytes }) => receivedBytes).sort((a, b) => a - b)).toEqual([13, 200_000, 200_000]),
    );
    for (const bytes of sent) expect(readers.some(({ received }) => received.equals(bytes))).toBe(true);
    expect(rig.set.heldBytes().heldStoredBytes).toBe(0);
  });
});
