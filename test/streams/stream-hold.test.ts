// Streams of a platform that is not awake: what clients send is kept, nothing is sent, and after the wake it arrives once.
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { HOLD_BLOCK_BYTES } from '../../src/streams/hold-codec.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { bothEndsEstablished } from '../support/kernel-tcp.ts';
import { freePort } from '../support/ports.ts';
import { noise, SocketReader } from './support/socket-reader.ts';
import { type RigOptions, StreamRig, VmServer } from './support/stream-rig.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startVm(port = 0, onSocket?: (socket: Socket) => void): Promise<VmServer> {
  const vm = await VmServer.start(onSocket, port);
  closers.push(() => vm.close());
  return vm;
}

async function startRig(options: RigOptions): Promise<StreamRig> {
  const rig = await StreamRig.start(options);
  closers.push(() => rig.close());
  return rig;
}

/** One stream that flowed, readers on both far ends, and then its platform held. */
async function startHeld(options: RigOptions = {}) {
  const vm = await startVm();
  const rig = await startRig({ target: vm.port, ...options });
  const client = await rig.connect();
  const server = await eventually('the VM to accept', () => vm.sockets[0], { everyMs: 2 });
  const atVm = new SocketReader(server);
  const atClient = new SocketReader(client);
  client.write('before ');
  await atVm.until(7);
  rig.set.hold();
  return { vm, rig, client, server, atVm, atClient };
}

function received(rig: StreamRig, bytes: number, stream = 0) {
  const what = `${bytes} bytes in Torpor`;
  return eventually(what, () => rig.set.streams()[stream]?.bytesFromClient === bytes, { everyMs: 2 });
}

describe('Stream of a held platform', () => {
  it('bytes while held: then a release -> nothing reaches the VM before, all of it once and in order after', async () => {
    const { rig, client, atVm } = await startHeld();
    client.write('while ');
    await received(rig, 13);
    client.write('asleep ');
    await received(rig, 20);
    expect(rig.set.streams()[0]).toMatchObject({ mode: 'holding', heldBytes: 13, heldStoredBytes: 13 });
    expect([atVm.text, rig.set.waitingVms()]).toEqual(['before ', ['alice']]);
    rig.set.release(null);
    client.write('after');
    await atVm.until(25);
    expect(atVm.text).toBe('before while asleep after');
    expect(rig.set.streams()[0]).toMatchObject({ mode: 'flowing', heldBytes: 0, heldStoredBytes: 0 });
    expect([rig.set.waitingVms(), rig.seen.of('delivered').map(({ why }) => why)]).toEqual([[], ['13']]);
  });

  it('each chunk while held: of a stream that is in the pool -> is told as activity, not as a second entry', async () => {
    const { rig, client } = await startHeld();
    client.write('k');
    await received(rig, 8);
    client.write('e');
    await received(rig, 9);
    expect(rig.seen.told).toEqual([
      'opened',
      'active: connected',
      'held-activity: client bytes',
      'held-activity: client bytes',
    ]);
  });

  it('first key of an idle stream: while held -> enters the pool, then is told as activity', async () => {
    const clock = new FakeClock();
    const { rig, client } = await startHeld({ clock, idleTimeoutMs: 60_000 });
    await clock.advance(61_000);
    client.write('k');
    await received(rig, 8);
    expect(rig.seen.told.slice(2)).toEqual([
      'idle: no activity for 1m',
      'active: client bytes',
      'held-activity: client bytes',
    ]);
  });

  it('a wake that took longer than the idle timeout: who waited for it -> is in the pool again', async () => {
    const clock = new FakeClock();
    const { rig, client, atVm } = await startHeld({ clock, idleTimeoutMs: 1000 });
    client.write('waits');
    await received(rig, 12);
    await clock.advance(2000);
    expect(rig.set.streams()[0]?.active).toBe(false);
    rig.set.release(null);
    await atVm.until(12);
    expect(rig.seen.told.at(-1)).toBe('active: waited for the wake');
  });

  it('a wake that took longer than the idle timeout: who did not wait -> stays out of the pool', async () => {
    const clock = new FakeClock();
    const { rig } = await startHeld({ clock, idleTimeoutMs: 1000 });
    await clock.advance(2000);
    rig.set.release(null);
    expect(rig.seen.told.at(-1)).toBe('idle: no activity for 1s');
  });

  it('a controller that releases within the report of an activity: the chunk just told -> arrives once', async () => {
    const { rig, client, atVm } = await startHeld();
    rig.seen.onEvent = ({ kind }) => {
      if (kind === 'held-activity') rig.set.release(null);
    };
    client.write('key');
    await atVm.until(10);
    client.write('!');
    await atVm.until(11);
    expect(atVm.text).toBe('before key!');
  });

  it('what the VM still says while held -> reaches the client', async () => {
    const { server, atClient } = await startHeld();
    server.write('last screen update');
    await atClient.until(18);
    expect(atClient.text).toBe('last screen update');
  });

  it('FIN while held: then a release -> the VM gets bytes, FIN; its answer still reaches the client', async () => {
    const { rig, client, server, atVm, atClient } = await startHeld();
    client.end('print job');
    await received(rig, 16);
    await eventually('the FIN at Torpor', () => !isEstablished(client, rig.port()), { everyMs: 5 });
    expect(atVm.end).toBe('none');
    rig.set.release('alice');
    await atVm.untilEnd('fin');
    expect(atVm.text).toBe('before print job');
    server.end('done');
    await atClient.untilEnd('fin');
    expect(atClient.text).toBe('done');
  });

  it('RST while held, after bytes: then a release -> the VM gets the bytes, then the RST', async () => {
    const { rig, client, atVm } = await startHeld();
    client.write('typed and gone');
    await received(rig, 21);
    const port = client.localPort as number;
    client.resetAndDestroy();
    await eventually('the RST at Torpor', () => isGone(port, rig.port()), { everyMs: 5 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([atVm.end, rig.seen.of('closed')]).toEqual(['none', []]);
    rig.set.release(null);
    await atVm.untilEnd('rst');
    expect(atVm.text).toBe('before typed and gone');
    expect(rig.seen.of('closed')[0]?.why).toContain('what it sent before was delivered');
  });

  it('RST while held, and a VM that reads only after it has written: a release -> neither waits for the other', async () => {
    const { rig, client, server, atVm, atClient } = await startHeld({ perStreamBytes: 64 * MIB });
    atVm.pause();
    atClient.pause();
    server.write(noise(16 * MIB, 10), () => atVm.resume());
    const sent = noise(24 * MIB, 11);
    client.write(sent);
    await received(rig, 7 + sent.length);
    client.resetAndDestroy();
    rig.set.release(null);
    await atVm.untilEnd('rst');
    expect(atVm.received.subarray(7).equals(sent)).toBe(true);
  });

  it('RST while held, nothing held: the stream -> closed at once; the VM hears of it after the release only', async () => {
    const { rig, client, atVm } = await startHeld();
    client.resetAndDestroy();
    await eventually('the close', () => rig.seen.of('closed').length === 1, { everyMs: 2 });
    // Longer than a RST on loopback would take; RESET_FLUSH_MS is not what holds it back.
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect([atVm.end, rig.set.waitingVms()]).toEqual(['none', []]);
    rig.set.release(null);
    await atVm.untilEnd('rst');
  });

  it('FIN while held, then the client is gone: a release -> the VM gets the bytes, and a RST when it answers', async () => {
    const { rig, client, server, atVm } = await startHeld();
    client.end('a');
    await eventually('the FIN at Torpor', () => !isEstablished(client, rig.port()), { everyMs: 5 });
    client.resetAndDestroy();
    rig.set.release(null);
    await atVm.until(8);
    server.write('to nobody');
    await eventually('the close', () => rig.seen.of('closed').length === 1, { everyMs: 5 });
    expect(rig.seen.of('closed')[0]?.why).toMatch(/^the client reset the connection/);
    // After a FIN Node reads no more, and learns of a RST by writing.
    const isReset = () => {
      if (atVm.end !== 'rst') server.write('?');
      return atVm.end === 'rst';
    };
    await eventually('the RST at the VM', isReset, { everyMs: 5 });
    expect(atVm.text).toBe('before a');
  });

  it('the VM resets a held stream: the client -> is reset, and it is told what was lost', async () => {
    const { rig, client, server, atClient } = await startHeld();
    client.write('lost');
    await received(rig, 11);
    server.resetAndDestroy();
    await atClient.untilEnd('rst');
    expect(rig.seen.of('closed')[0]?.why).toContain('while its platform was not awake');
    expect(rig.log.lines).toMatchObject([{ level: 'warn', facts: { lostBytes: 4 } }]);
    expect(rig.set.heldBytes()).toEqual({ heldBytes: 0, heldStoredBytes: 0 });
  });

  it('hold and release: each again and again -> changes nothing more', async () => {
    const { rig, client, atVm } = await startHeld();
    client.write('x');
    await received(rig, 8);
    rig.set.hold();
    rig.set.release('no such VM');
    expect(rig.set.streams()[0]?.mode).toBe('holding');
    rig.set.release('alice');
    rig.set.release('alice');
    rig.set.release(null);
    await atVm.until(8);
    expect(rig.seen.of('delivered')).toHaveLength(1);
  });

  it('hold in the middle of a delivery: the rest -> stays held in order, is told to wait, and follows after', async () => {
    const { rig, client, atVm } = await startHeld({ perStreamBytes: 64 * MIB });
    const sent = noise(24 * MIB, 7);
    client.write(sent);
    await received(rig, 7 + sent.length);
    atVm.pause();
    rig.set.release(null);
    await eventually('a part on its way', () => {
      const held = rig.set.streams()[0]?.heldBytes ?? 0;
      return held > 0 && held < sent.length - MIB;
    });
    rig.set.hold();
    expect(rig.seen.told.at(-1)).toBe('held-activity: held bytes wait');
    const left = rig.set.streams()[0]?.heldBytes as number;
    atVm.resume();
    await atVm.until(7 + sent.length - left);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([atVm.receivedBytes, rig.set.streams()[0]?.heldBytes]).toEqual([7 + sent.length - left, left]);
    rig.set.release(null);
    await atVm.until(7 + sent.length);
    expect(atVm.received.subarray(7).equals(sent)).toBe(true);
    expect(rig.set.heldBytes()).toEqual({ heldBytes: 0, heldStoredBytes: 0 });
  });
});

describe('Hold bounds', () => {
  it('a stream reaches its bound: noise -> activity, the client is paused, nothing is lost', async () => {
    const clock = new FakeClock();
    const { rig, client, atVm } = await startHeld({ clock, perStreamBytes: 256 * KIB });
    const sent = noise(40 * MIB, 8);
    client.write(sent);
    const held = () => rig.set.streams()[0]?.heldStoredBytes ?? 0;
    await eventually('the bound', () => rig.seen.told.includes('held-activity: hold reached 256 KiB'), { everyMs: 5 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(held()).toBeGreaterThanOrEqual(256 * KIB);
    expect(held()).toBeLessThan(256 * KIB + HOLD_BLOCK_BYTES);
    expect(rig.seen.told.filter((line) => line.includes('hold reached'))).toHaveLength(1);
    rig.set.release(null);
    await atVm.until(7 + sent.length);
    expect(atVm.received.subarray(7).equals(sent)).toBe(true);
  });

  it('chatter that shrinks: far more than the bound in plain bytes -> the bound counts what is stored', async () => {
    const { rig, client, atVm } = await startHeld({ perStreamBytes: 256 * KIB });
    const sent = Buffer.alloc(8 * MIB, 'keepalive 0123456789 ');
    client.write(sent);
    await received(rig, 7 + sent.length);
    expect(rig.set.streams()[0]).toMatchObject({ heldBytes: sent.length });
    expect(rig.set.streams()[0]?.heldStoredBytes).toBeLessThan(256 * KIB);
    rig.set.release(null);
    await atVm.until(7 + sent.length);
    expect(atVm.received.subarray(7).equals(sent)).toBe(true);
  });

  it('the platform reaches its bound: by one stream -> activity, all clients are paused, all is delivered after', async () => {
    const vm = await startVm();
    const rig = await startRig({ target: vm.port, initiallyHeld: true, perPlatformBytes: 512 * KIB });
    const loud = await rig.connect();
    const quiet = await rig.connect();
    await eventually('both streams', () => rig.set.streams().length === 2, { everyMs: 2 });
    const sent = noise(16 * MIB, 9);
    loud.write(sent);
    const told = 'held-activity: holds of vdi-01 reached 512 KiB';
    await eventually('the bound', () => rig.seen.told.includes(told), { everyMs: 5 });
    quiet.write('key');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(rig.set.streams()[1]?.bytesFromClient).toBe(0);
    expect(rig.set.heldBytes().heldStoredBytes).toBeLessThanOrEqual(512 * KIB + 2 * HOLD_BLOCK_BYTES);
    rig.set.release(null);
    await eventually('two connections', () => vm.sockets.length === 2, { everyMs: 5 });
    const readers = vm.sockets.map((socket) => new SocketReader(socket));
    await eventually(
      'everything',
      () => readers.reduce((sum, reader) => sum + reader.receivedBytes, 0) === sent.length + 3,
    );
    expect(readers.map((reader) => reader.receivedBytes).sort((a, b) => a - b)).toEqual([3, sent.length]);
    expect(readers.find((reader) => reader.receivedBytes > 3)?.received.equals(sent)).toBe(true);
  });
});

describe('A client that comes to a held platform', () => {
  it('connects and writes: then a release -> connected once, everything in order', async () => {
    const vm = await startVm();
    const rig = await startRig({ target: vm.port, initiallyHeld: true });
    const client = await rig.connect();
    client.write('hello from before');
    await received(rig, 17);
    expect(rig.seen.told).toEqual([
      'opened',
      'active: connected',
      'held-activity: connected',
      'held-activity: client bytes',
    ]);
    expect([vm.sockets.length, rig.set.waitingVms(), rig.set.streams()[0]?.mode]).toEqual([0, ['alice'], 'holding']);
    rig.set.release(null);
    const atVm = new SocketReader(await eventually('the VM to accept', () => vm.sockets[0], { everyMs: 2 }));
    await atVm.until(17);
    expect([atVm.text, vm.sockets.length]).toEqual(['hello from before', 1]);
  });

  it('sends nothing and leaves: by FIN or RST -> forgotten, no connection to the VM is made', async () => {
    const clock = new FakeClock();
    const vm = await startVm();
    const rig = await startRig({ target: vm.port, initiallyHeld: true, clock });
    const first = await rig.connect();
    const atFirst = new SocketReader(first);
    const second = await rig.connect();
    await eventually('both streams', () => rig.set.streams().length === 2, { everyMs: 2 });
    first.end();
    second.resetAndDestroy();
    await eventually('both closes', () => rig.seen.of('closed').length === 2, { everyMs: 2 });
    await atFirst.untilEnd('fin');
    expect(rig.seen.of('closed')[0]?.why).toContain('left before it sent anything');
    expect(rig.set.waitingVms()).toEqual([]);
    await clock.advance(6000);
    expect([rig.set.streams(), rig.seen.of('idle').map(({ why }) => why)]).toEqual([
      [],
      ['disconnected', 'disconnected'],
    ]);
    rig.set.release(null);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(vm.sockets).toEqual([]);
  });

  it('a print job: bytes and FIN, the client is gone -> delivered with its FIN', async () => {
    const vm = await startVm();
    const rig = await startRig({ target: vm.port, initiallyHeld: true, listeners: [{ device: 'printer' }] });
    const client = await rig.connect();
    const job = Buffer.alloc(300_000, '%!PS-Adobe-3.0 ');
    client.end(job);
    await received(rig, job.length);
    rig.set.release(null);
    const atVm = new SocketReader(await eventually('the VM to accept', () => vm.sockets[0], { everyMs: 2 }));
    await atVm.untilEnd('fin');
    expect(atVm.received.equals(job)).toBe(true);
    expect(vm.sockets).toHaveLength(1);
  });

  it('the service comes up 300 ms after its VM: eager attempts -> connected without an error', async () => {
    const port = await freePort();
    const rig = await startRig({ target: port, initiallyHeld: true });
    const client = await rig.connect();
    client.write('patient');
    await received(rig, 7);
    rig.set.release(null);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const vm = await startVm(port);
    const atVm = new SocketReader(await eventually('the VM to accept', () => vm.sockets[0], { everyMs: 2 }));
    await atVm.until(7);
    expect(rig.seen.of('closed')).toEqual([]);
  });

  it('1,000 at once: then a release -> each is connected once, and gets its own bytes back', async () => {
    const streams = 1000;
    const vm = await startVm(0, (socket) => socket.pipe(socket));
    const rig = await startRig({ target: vm.port, initiallyHeld: true });
    const readers: SocketReader[] = [];
    for (let batch = 0; batch < streams; batch += 250) {
      const clients = await Promise.all(Array.from({ length: 250 }, () => rig.connect()));
      for (const client of clients) {
        readers.push(new SocketReader(client));
        client.end(noise(500, readers.length));
      }
    }
    await eventually('all bytes held', () => rig.set.heldBytes().heldBytes === streams * 500);
    rig.set.release(null);
    await Promise.all(readers.map((reader) => reader.untilEnd('fin')));
    expect(readers.every((reader, index) => reader.received.equals(noise(500, index + 1)))).toBe(true);
    expect(vm.sockets).toHaveLength(streams);
  });

  it('held again while it connects -> no connection is made until the next release', async () => {
    const port = await freePort();
    const rig = await startRig({ target: port, initiallyHeld: true });
    const client = await rig.connect();
    client.write('x');
    await received(rig, 1);
    rig.set.release(null);
    rig.set.hold();
    const vm = await startVm(port);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect([vm.sockets.length, rig.set.streams()[0]?.mode]).toEqual([0, 'holding']);
    rig.set.release(null);
    const atVm = new SocketReader(await eventually('the VM to accept', () => vm.sockets[0], { everyMs: 2 }));
    await atVm.until(1);
    expect(vm.sockets).toHaveLength(1);
  });

  it('one VM is released, another not yet: each stream -> follows its own VM', async () => {
    const alice = await startVm();
    const bob = await startVm();
    const target = (vm: VmServer) => ({ host: '127.0.0.1', port: vm.port });
    const rig = await startRig({
      initiallyHeld: true,
      listeners: [
        { vm: 'alice', target: target(alice) },
        { vm: 'bob', target: target(bob) },
      ],
    });
    (await rig.connect(0)).write('a');
    (await rig.connect(1)).write('b');
    await eventually('both waiting', () => rig.set.heldBytes().heldBytes === 2, { everyMs: 2 });
    rig.set.release('bob');
    const atBob = new SocketReader(await eventually('bob to accept', () => bob.sockets[0], { everyMs: 2 }));
    await atBob.until(1);
    expect([alice.sockets.length, rig.set.waitingVms()]).toEqual([0, ['alice']]);
    rig.set.release('alice');
    await eventually('alice to accept', () => alice.sockets[0], { everyMs: 2 });
  });
});

describe('giveUp', () => {
  it('streams that wait: reset, memory given back; one that waits for nothing -> goes on after the release', async () => {
    const { rig, client, atVm, vm } = await startHeld();
    const idle = await rig.connect();
    const atIdle = new SocketReader(idle);
    await eventually('the second stream', () => rig.set.streams().length === 2, { everyMs: 2 });
    rig.set.release(null);
    await eventually('its connection', () => vm.sockets.length === 2, { everyMs: 2 });
    rig.set.hold();
    const fresh = new SocketReader(await rig.connect());
    const atClient = new SocketReader(client);
    client.write('waits');
    await received(rig, 12);
    await eventually('the third stream', () => rig.set.streams().length === 3, { everyMs: 2 });
    rig.set.giveUp(null, 'vdi-01 did not wake');
    await Promise.all([atClient.untilEnd('rst'), fresh.untilEnd('rst')]);
    expect(rig.seen.of('closed').map(({ why }) => why.split(' (')[0])).toEqual([
      'gave up: vdi-01 did not wake',
      'gave up: vdi-01 did not wake',
    ]);
    expect([rig.set.heldBytes(), rig.set.waitingVms()]).toEqual([{ heldBytes: 0, heldStoredBytes: 0 }, []]);
    expect([atIdle.end, atVm.end]).toEqual(['none', 'none']);
    rig.set.release(null);
    await atVm.untilEnd('rst');
    idle.write('still here');
    const atVmOfIdle = new SocketReader(vm.sockets[1] as Socket);
    await atVmOfIdle.until(10);
    expect(atVm.text).toBe('before ');
  });

  it('one VM of two: only its streams -> end', async () => {
    const rig = await startRig({ initiallyHeld: true, listeners: [{ vm: 'alice' }, { vm: 'bob' }] });
    const alice = new SocketReader(await rig.connect(0));
    const bob = new SocketReader(await rig.connect(1));
    await eventually('both streams', () => rig.set.streams().length === 2, { everyMs: 2 });
    rig.set.giveUp('alice', 'no answer');
    await alice.untilEnd('rst');
    expect([bob.end, rig.set.waitingVms()]).toEqual(['none', ['bob']]);
  });

  it('two that wait leave the pool together, and the observer gives up at the first -> it hears of the second, too, that it left', async () => {
    const clock = new FakeClock();
    const rig = await startRig({ initiallyHeld: true, clock, idleTimeoutMs: 1000 });
    await Promise.all([rig.connect(), rig.connect()]);
    await eventually('both in the pool', () => rig.seen.of('active').length === 2, { everyMs: 2 });
    const pool = new Set(rig.seen.of('active').map(({ id }) => id));
    rig.seen.onEvent = ({ kind, id }) => {
      if (kind === 'idle') pool.delete(id);
      if (kind === 'idle') rig.set.giveUp(null, 'it does not come up');
    };
    await clock.advance(10_000);
    expect([rig.seen.of('closed').length, [...pool], rig.registry.size]).toEqual([2, [], 0]);
  });
});

describe('loseSessions', () => {
  it('memory was lost: connections from before -> reset with what they hold; one that came while held -> goes on', async () => {
    const { vm, rig, client, atVm, atClient } = await startHeld();
    client.write('typed into a lost session');
    await received(rig, 32);
    const fresh = await rig.connect();
    const atFresh = new SocketReader(fresh);
    fresh.write('new');
    await eventually('the new stream', () => rig.set.heldBytes().heldBytes === 28, { everyMs: 2 });
    rig.set.loseSessions(null, 'vdi-01 lost its memory');
    await atClient.untilEnd('rst');
    expect(rig.seen.of('closed').map(({ why }) => why.split(' (')[0])).toEqual(['vdi-01 lost its memory']);
    expect(rig.set.heldBytes().heldBytes).toBe(3);
    rig.set.release(null);
    await atVm.untilEnd('rst');
    const second = new SocketReader(await eventually('the new connection', () => vm.sockets[1], { everyMs: 2 }));
    await second.until(3);
    expect([second.text, atVm.text, atFresh.end]).toEqual(['new', 'before ', 'none']);
  });

  it('one VM of two lost its memory -> its streams are reset after what it had sent, the other VM’s go on', async () => {
    const [alice, bob] = [await startVm(), await startVm()];
    const target = (vm: VmServer) => ({ host: '127.0.0.1', port: vm.port });
    const rig = await startRig({
      listeners: [
        { vm: 'alice', target: target(alice) },
        { vm: 'bob', target: target(bob) },
      ],
    });
    const readers = [new SocketReader(await rig.connect(0)), new SocketReader(await rig.connect(1))] as const;
    await eventually('both connections', () => alice.sockets.length + bob.sockets.length === 2, { everyMs: 2 });
    rig.set.hold();
    bob.sockets[0]?.write('last words');
    rig.set.loseSessions('bob', 'VM bob lost its memory');
    await readers[1].untilEnd('rst');
    expect([readers[0].end, rig.set.streams().map(({ vm, mode }) => [vm, mode])]).toEqual([
      'none',
      [
        ['alice', 'holding'],
        ['bob', 'closed'],
      ],
    ]);
  });

  it('memory was lost, told after the release: a stream that reached the VM since -> goes on, one from before -> reset', async () => {
    const { vm, rig, client, atVm, atClient } = await startHeld();
    const fresh = await rig.connect();
    const atFresh = new SocketReader(fresh);
    fresh.write('new');
    await eventually('the new stream', () => rig.set.heldBytes().heldBytes === 3, { everyMs: 2 });
    rig.set.release(null);
    const second = new SocketReader(await eventually('the new connection', () => vm.sockets[1], { everyMs: 2 }));
    await second.until(3);
    rig.set.loseSessions(null, 'vdi-01 lost its memory');
    await Promise.all([atClient.untilEnd('rst'), atVm.untilEnd('rst')]);
    expect([client.destroyed, atFresh.end, second.end]).toEqual([true, 'none', 'none']);
  });
});

function isEstablished(client: Socket, port: number): boolean {
  return bothEndsEstablished(client.localPort as number, port);
}

/** Whether the kernel has forgotten both ends of the connection from a client port. */
function isGone(clientPort: number, port: number): boolean {
  const hex = (value: number) => value.toString(16).toUpperCase().padStart(4, '0');
  return !new RegExp(`:${hex(port)} [0-9A-F]{8}:${hex(clientPort)} `).test(readFileSync('/proc/net/tcp', 'latin1'));
}
