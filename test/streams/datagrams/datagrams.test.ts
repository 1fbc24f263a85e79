// UDP listeners over real sockets: relayed both ways, held with bounds, counted as their listener says, and never more than there is room for.
import { type RemoteInfo, Socket } from 'node:dgram';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseNetwork } from '../../../src/config/network.ts';
import { DEFAULT_DATAGRAM_RULE } from '../../../src/platform/datagram-rule.ts';
import { HOLD_MAX_DATAGRAMS } from '../../../src/streams/datagrams/datagram-hold.ts';
import { QUIET_MS, SWEEP_MS } from '../../../src/streams/datagrams/datagram-port.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { UdpEnd, UdpWorld, udpAt } from './support.ts';

const world = new UdpWorld();
afterEach(async () => {
  vi.restoreAllMocks();
  await world.close();
});

const got = (end: UdpEnd, count: number) => eventually(`${count} datagrams`, () => end.got.length >= count);

describe('UDP listeners', () => {
  it('a datagram to a VM that runs -> passed on, answered from the listener, one active stream in the table', async () => {
    const [vm, client] = [await world.end(), await world.end()];
    const rig = await world.rig(vm);
    await client.send('hello', rig.port());
    await got(vm, 1);
    await vm.send('welcome', vm.from[0]?.port ?? 0);
    await got(client, 1);
    expect([vm.got, client.got, client.from[0]?.port]).toEqual([['hello'], ['welcome'], rig.port()]);
    expect(rig.set.streams()).toMatchObject([
      {
        client: `127.0.0.1:${client.port}`,
        listener: `udp:127.0.0.1:${rig.port()}`,
        target: `udp:127.0.0.1:${vm.port}`,
        protocol: 'raw',
        mode: 'flowing',
        active: true,
        bytesFromClient: 5,
        bytesToClient: 7,
      },
    ]);
    expect(rig.set.carriedBytes()).toEqual({ fromClients: 5, toClients: 7 });
    expect(rig.seen.told).toEqual(['opened', 'active: connected']);
  });

  it('a datagram without a source port (RFC 768: it awaits no reply) -> passed on, and what the VM answers is for nobody', async () => {
    const [vm, client, other] = [await world.end(), await world.end(), await world.end()];
    const rig = await world.rig(vm);
    const { emit } = Socket.prototype;
    // What a raw socket would send: no other can.
    vi.spyOn(Socket.prototype, 'emit').mockImplementation(function (this: Socket, event: string | symbol, ...what) {
      const [, from] = what as [unknown, RemoteInfo];
      const isTold = event === 'message' && from.port === client.port;
      return isTold
        ? emit.call(this, event, what[0], { ...from, port: 0 })
        : (emit as (...all: unknown[]) => boolean).call(this, event, ...what);
    });
    await client.send('a line of a log', rig.port());
    await got(vm, 1);
    await vm.send('who are you?', vm.from[0]?.port ?? 0);
    await eventually('the answer', () => rig.set.carriedBytes().toClients === 12);
    await other.send('hello', rig.port());
    await got(vm, 2);
    await vm.send('welcome', vm.from[1]?.port ?? 0);
    await got(other, 1);
    expect([vm.got, client.got, other.got]).toEqual([['a line of a log', 'hello'], [], ['welcome']]);
  });

  it('a stranger who sends to the socket towards the VM -> reaches no client', async () => {
    const [vm, client, stranger] = [await world.end(), await world.end(), await world.end()];
    const rig = await world.rig(vm);
    await client.send('hello', rig.port());
    await got(vm, 1);
    await stranger.send('forged', vm.from[0]?.port ?? 0);
    await vm.send('true', vm.from[0]?.port ?? 0);
    await got(client, 1);
    expect(client.got).toEqual(['true']);
  });

  it('datagrams to a sleeper -> it is asked for, nobody answers; after the wake they arrive in order', async () => {
    const [vm, client] = [await world.end(), await world.end()];
    const rig = await world.rig(vm, {}, { initiallyHeld: true });
    for (const text of ['one', 'two', 'three']) await client.send(text, rig.port());
    await eventually('held bytes', () => rig.set.heldBytes().heldBytes === 11);
    expect(rig.set.waitingVms()).toEqual(['alice']);
    expect(rig.set.streams()).toMatchObject([{ mode: 'holding', heldBytes: 11 }]);
    expect(rig.seen.of('held-activity').length).toBeGreaterThan(0);
    rig.set.release(null);
    await got(vm, 3);
    await vm.send('all three', vm.from[0]?.port ?? 0);
    await got(client, 1);
    expect([vm.got, client.got]).toEqual([['one', 'two', 'three'], ['all three']]);
    expect(rig.seen.of('delivered')).toMatchObject([{ why: '11' }]);
    expect([rig.set.heldBytes().heldBytes, rig.set.waitingVms()]).toEqual([0, []]);
  });

  it('datagrams: count -> keep awake, and wake nobody; ignore -> relayed only', async () => {
    for (const datagrams of ['count', 'ignore'] as const) {
      const [vm, client] = [await world.end(), await world.end()];
      const rig = await world.rig(vm, { udp: { ...DEFAULT_DATAGRAM_RULE, datagrams } }, { initiallyHeld: true });
      await client.send('held', rig.port());
      await eventually('held bytes', () => rig.set.heldBytes().heldBytes === 4);
      expect([rig.set.waitingVms(), rig.seen.told]).toEqual([[], ['opened']]);
      rig.set.release(null);
      await got(vm, 1);
      expect(rig.set.streams()).toMatchObject([{ active: false }]);
      await client.send('awake', rig.port());
      await got(vm, 2);
      expect([datagrams, vm.got]).toEqual([datagrams, ['held', 'awake']]);
      expect(rig.set.streams()).toMatchObject([{ active: datagrams === 'count' }]);
    }
  });

  it('more than is held, or for longer -> the oldest are dropped and counted', async () => {
    const clock = new FakeClock();
    const [vm, client] = [await world.end(), await world.end()];
    const rig = await world.rig(vm, {}, { clock, initiallyHeld: true });
    const dropped = () => rig.set.refusedClients().datagram ?? 0;
    for (let at = 0; at < HOLD_MAX_DATAGRAMS + 3; at += 1) {
      await client.send(String(at), rig.port());
      // One after the other, so that no queue of the kernel decides.
      await eventually(`datagram ${at}`, () => rig.set.streams()[0]?.bytesFromClient === textBytes(at), { everyMs: 1 });
    }
    expect(dropped()).toBe(3);
    await clock.advance(DEFAULT_DATAGRAM_RULE.holdForMs + SWEEP_MS);
    expect([dropped(), rig.set.heldBytes().heldBytes]).toEqual([HOLD_MAX_DATAGRAMS + 3, 0]);
    await client.send('late', rig.port());
    await eventually('it to be held', () => rig.set.heldBytes().heldBytes === 4);
    rig.set.release(null);
    await got(vm, 1);
    expect(vm.got).toEqual(['late']);
  });

  it('many ports of one source -> bounded; a quiet flow gives its place to a newcomer', async () => {
    const clock = new FakeClock();
    const vm = await world.end();
    const rig = await world.rig(vm, { maxStreams: 4 }, { clock, initiallyHeld: true });
    const clients: UdpEnd[] = [];
    for (let at = 0; at < 40; at += 1) {
      const client = await world.end();
      clients.push(client);
      await client.send('flood', rig.port());
    }
    await eventually('all of them', () => rig.set.refusedClients()['max-streams'] === 36);
    expect(rig.set.streams().map(({ client }) => client)).toEqual(
      clients.slice(0, 4).map(({ port }) => `127.0.0.1:${port}`),
    );
    await clock.advance(QUIET_MS);
    await clients[0]?.send('still here', rig.port());
    await eventually('it', () => rig.set.streams().some(({ bytesFromClient }) => bytesFromClient === 15));
    await clients[39]?.send('flood', rig.port());
    const open = () => rig.set.streams().filter(({ mode }) => mode !== 'closed');
    await eventually('the newcomer', () => open().some(({ client }) => client === `127.0.0.1:${clients[39]?.port}`));
    expect(open().map(({ client }) => client)).toEqual(
      expect.arrayContaining([clients[0], clients[2], clients[3], clients[39]].map((c) => `127.0.0.1:${c?.port}`)),
    );
    expect(open()).toHaveLength(4);
    expect(rig.seen.of('closed')).toMatchObject([{ why: expect.stringContaining('made room for a newer flow') }]);
    expect(rig.log.lines.length).toBeLessThan(5);
  });

  it('maxPerSource, allowFrom, wakeRate -> refused without a word to the client, counted by why', async () => {
    const vm = await world.end();
    const clients = [await world.end(), await world.end(), await world.end()];
    const sendAll = async (port: number) => {
      for (const client of clients) await client.send('x', port);
    };
    const bound = await world.rig(vm, { maxPerSource: 1 });
    await sendAll(bound.port());
    await eventually('two refused', () => bound.set.refusedClients()['per-source'] === 2);
    const elsewhere = await world.rig(vm, { allowFrom: [parseNetwork('10.0.0.0/8')] });
    await sendAll(elsewhere.port());
    await eventually('three refused', () => elsewhere.set.refusedClients()['allow-from'] === 3);
    expect([elsewhere.set.streams(), elsewhere.seen.told]).toEqual([[], []]);
    const rare = await world.rig(vm, { wakeRate: { count: 1, perMs: 3_600_000 } }, { initiallyHeld: true });
    await clients[0]?.send('x', rare.port());
    await eventually('a wake', () => rare.set.waitingVms().length === 1);
    rare.set.release(null);
    rare.set.hold();
    await clients[1]?.send('x', rare.port());
    await eventually('one refused', () => rare.set.refusedClients()['wake-rate'] === 1);
    expect(clients.flatMap((client) => client.got)).toEqual([]);
  });

  it('quiet for the idle timeout -> it leaves the pool; without a datagram for flowIdle -> it ends', async () => {
    const clock = new FakeClock();
    const [vm, client] = [await world.end(), await world.end()];
    const rig = await world.rig(vm, {}, { clock, idleTimeoutMs: 300_000 });
    await client.send('x', rig.port());
    await got(vm, 1);
    await clock.advance(200_000);
    expect(rig.set.streams()).toMatchObject([{ active: true, mode: 'flowing' }]);
    await client.send('y', rig.port());
    await got(vm, 2);
    await clock.advance(310_000);
    expect(rig.set.streams()).toEqual([]);
    expect(rig.seen.told).toEqual([
      'opened',
      'active: connected',
      'idle: no activity for 5m',
      'closed: no datagram for 2m (2 B from the client, 0 B to it)',
    ]);
  });

  it('giving up on a sleeper -> its waiting flows end with what they hold', async () => {
    const [vm, client] = [await world.end(), await world.end()];
    const rig = await world.rig(vm, {}, { initiallyHeld: true });
    await client.send('x', rig.port());
    await eventually('it to wait', () => rig.set.waitingVms().length === 1);
    rig.set.giveUp(null, 'no wake');
    expect([rig.set.waitingVms(), rig.set.heldBytes().heldBytes]).toEqual([[], 0]);
    expect(rig.seen.of('closed')).toMatchObject([{ why: 'gave up: no wake (1 B from the client, 0 B to it)' }]);
  });

  it('another target -> flows end, the port stays; a listener less -> the port is free', async () => {
    const [vm, other, client] = [await world.end(), await world.end(), await world.end()];
    const port = await freePort();
    const rig = await world.rig(vm, { listen: udpAt('127.0.0.1', port) });
    await client.send('first', port);
    await got(vm, 1);
    const own = { vm: 'alice', protocol: 'raw', device: 'desktop', wakeOn: 'connect', maxStreams: null } as const;
    const change = {
      idleTimeoutMs: 600_000,
      disconnectGraceMs: 5000,
      hold: { perStreamBytes: 1_000_000, perPlatformBytes: 2_000_000 },
    };
    const moved = { ...own, listen: udpAt('127.0.0.1', port), target: udpAt('127.0.0.1', other.port) };
    expect(await rig.set.update({ ...change, listeners: [moved] })).toEqual([]);
    await client.send('second', port);
    await got(other, 1);
    expect([vm.got, other.got]).toEqual([['first'], ['second']]);
    expect(await rig.set.update({ ...change, listeners: [] })).toEqual([]);
    expect(rig.seen.of('closed').map(({ why }) => why.replace(/ \(.*/, ''))).toEqual([
      'its listener leads elsewhere now',
      'its listener is closed',
    ]);
    const again = await world.rig(vm, { listen: udpAt('127.0.0.1', port) });
    expect(again.port()).toBe(port);
  });

  it('a port that is taken -> ERR_STREAM_LISTEN, which names the way to find out by whom', async () => {
    const [vm, other] = [await world.end(), await world.end()];
    const rig = world.rig(vm, { listen: udpAt('127.0.0.1', other.port) });
    await expect(rig).rejects.toMatchObject({
      code: 'ERR_STREAM_LISTEN',
      message: expect.stringContaining(`ss -lunp sport = :${other.port}`),
    });
  });

  it('a listener for both families -> an IPv4 client is known by its IPv4 address', async () => {
    const [vm, client] = [await world.end(), await world.end()];
    const rig = await world.rig(vm, { listen: udpAt('::', 0) });
    await client.send('x', rig.port());
    await got(vm, 1);
    await vm.send('y', vm.from[0]?.port ?? 0);
    await got(client, 1);
    expect(rig.set.streams()).toMatchObject([{ client: `127.0.0.1:${client.port}` }]);
  });
});

/** Of the texts of all numbers up to this one. */
function textBytes(last: number): number {
  return Array.from({ length: last + 1 }, (_, at) => String(at).length).reduce((sum, length) => sum + length, 0);
}

async function freePort(): Promise<number> {
  const end = await UdpEnd.start();
  const { port } = end;
  await new Promise<void>((resolve) => end.socket.close(() => resolve()));
  return port;
}
