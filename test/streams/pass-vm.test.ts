// A VM that was moved to another platform, over real sockets: its streams and its port go over, and nobody's connection notices.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { PoolRule } from '../../src/platform/placement.ts';
import { Broker } from '../../src/streams/broker.ts';
import type { ListenerOptions } from '../../src/streams/listener.ts';
import type { StreamSet } from '../../src/streams/stream-set.ts';
import { StreamHost } from '../../src/workers/stream-host.ts';
import { comesTrue } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { KeptLog } from '../support/kept-log.ts';
import { SocketReader } from './support/socket-reader.ts';
import { SeenEvents, VmServer } from './support/stream-rig.ts';

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const RULES = { protocol: 'raw', device: 'desktop', wakeOn: 'connect', maxStreams: null } as const;
const BOUNDS = {
  idleTimeoutMs: 60_000,
  disconnectGraceMs: 5_000,
  hold: { perStreamBytes: 65_536, perPlatformBytes: 1_048_576 },
};

/** Two platforms of one process, both awake; alice and bob at the first, carol at the second. */
async function startPair(more: Partial<ListenerOptions> = {}) {
  const clock = new FakeClock();
  const broker = new Broker();
  const host = await StreamHost.open({ record: null, maxStreams: 100, clock, log: new KeptLog(), broker });
  closers.push(() => host.close());
  const vm = await VmServer.start((socket) => socket.pipe(socket));
  closers.push(() => vm.close());
  const at = (name: string, change: Partial<ListenerOptions> = {}): ListenerOptions => ({
    ...RULES,
    vm: name,
    listen: { host: '127.0.0.1', port: 0 },
    target: { host: '127.0.0.1', port: vm.port },
    ...change,
  });
  const carry = async (platform: string, listeners: readonly ListenerOptions[]) => {
    const seen = new SeenEvents();
    const set = host.carry({ platform, observer: seen, ...BOUNDS, listeners, spoolFolder: null });
    closers.push(() => set.close());
    await set.open();
    set.release(null);
    return { set, seen, listeners };
  };
  const first = await carry('vdi-01', [at('alice', more), at('bob')]);
  const second = await carry('vdi-02', [at('carol')]);
  return { clock, broker, vm, first, second };
}

async function clientOf(set: StreamSet, index: number): Promise<{ client: Socket; reader: SocketReader }> {
  const port = Number(set.endpoints()[index]?.split(':').at(-1));
  const client = connect({ host: '127.0.0.1', port, noDelay: true });
  client.on('error', () => {});
  closers.push(() => client.destroy());
  await once(client, 'connect');
  return { client, reader: new SocketReader(client) };
}

const vmsOf = ({ set }: { readonly set: StreamSet }) => set.streams().map(({ vm, platform }) => `${platform}/${vm}`);

describe('passVm', () => {
  it('an idle stream, then a byte -> same connections, and the other platform counts it and nobody else does', async () => {
    const { clock, first, second, vm } = await startPair();
    const { client, reader } = await clientOf(first.set, 0);
    client.write('one ');
    await comesTrue(() => expect(reader.text).toBe('one '));
    await clock.advance(BOUNDS.idleTimeoutMs + 1_000);
    expect(first.seen.of('idle')).toHaveLength(1);
    first.set.passVm('alice', second.set);
    expect([vmsOf(first), vmsOf(second)]).toEqual([[], ['vdi-02/alice']]);
    expect(second.seen.of('active')).toEqual([]);
    client.write('two');
    await comesTrue(() => expect(reader.text).toBe('one two'));
    expect([first.seen.of('active').length, second.seen.of('active').length]).toEqual([1, 1]);
    expect(vm.sockets).toHaveLength(1);
    client.end();
    await comesTrue(() => expect(second.seen.of('closed')).toHaveLength(1));
    await clock.advance(BOUNDS.disconnectGraceMs + 1_000);
    expect([vmsOf(first), vmsOf(second), first.seen.of('closed')]).toEqual([[], [], []]);
  });

  it('an active stream -> enters the other pool before it leaves the first: at no moment it counts nowhere', async () => {
    const { first, second } = await startPair();
    await clientOf(first.set, 0);
    await comesTrue(() => expect(first.seen.of('active')).toHaveLength(1));
    const order: string[] = [];
    first.seen.onEvent = ({ kind }) => order.push(`first ${kind}`);
    second.seen.onEvent = ({ kind }) => order.push(`second ${kind}`);
    first.set.passVm('alice', second.set);
    expect(order).toEqual(['second active', 'first idle']);
  });

  it('the first platform is held -> a moved stream flows; the second is held -> it waits, and comes with its release', async () => {
    const { first, second } = await startPair();
    const { client, reader } = await clientOf(first.set, 0);
    client.write('a');
    await comesTrue(() => expect(reader.text).toBe('a'));
    first.set.passVm('alice', second.set);
    first.set.hold();
    client.write('b');
    await comesTrue(() => expect(reader.text).toBe('ab'));
    second.set.hold();
    client.write('c');
    await comesTrue(() => expect(second.seen.of('held-activity')).toHaveLength(1));
    expect(second.set.waitingVms()).toEqual(['alice']);
    second.set.release('alice');
    await comesTrue(() => expect(reader.text).toBe('abc'));
  });

  it('moved while the other platform is held -> held as everything there; back again -> flows', async () => {
    const { first, second } = await startPair();
    const { client, reader } = await clientOf(first.set, 0);
    second.set.hold();
    first.set.passVm('alice', second.set);
    client.write('x');
    await comesTrue(() => expect(second.seen.of('held-activity').length).toBeGreaterThan(0));
    expect(reader.text).toBe('');
    second.set.passVm('alice', first.set);
    await comesTrue(() => expect(reader.text).toBe('x'));
    expect(vmsOf(first)).toEqual(['vdi-01/alice']);
  });

  it('new clients -> come by the same port, are the other platform`s, and follow its configuration; none is left over', async () => {
    const { first, second } = await startPair();
    const before = first.set.endpoints();
    first.set.passVm('alice', second.set);
    expect([first.set.endpoints(), second.set.endpoints()[1]]).toEqual([[before[1]], before[0]]);
    const [alice, bob] = first.listeners as [ListenerOptions, ListenerOptions];
    await first.set.update({ ...BOUNDS, listeners: [bob] });
    await second.set.update({ ...BOUNDS, listeners: [...second.listeners, alice] });
    expect(second.set.endpoints()[1]).toBe(before[0]);
    const { client, reader } = await clientOf(second.set, 1);
    client.write('here');
    await comesTrue(() => expect(reader.text).toBe('here'));
    expect([vmsOf(first), vmsOf(second)]).toEqual([[], ['vdi-02/alice']]);
  });

  it('both moved while the first platform goes over to other listeners -> are the other platform`s alone, and its next change closes neither', async () => {
    const { first, second } = await startPair();
    const [alice, bob] = first.set.endpoints();
    const [carol] = second.set.endpoints();
    const isDone = first.set.update({ ...BOUNDS, listeners: first.listeners });
    for (const vm of ['alice', 'bob']) first.set.passVm(vm, second.set);
    expect(await isDone).toEqual([]);
    expect([first.set.endpoints(), second.set.endpoints()]).toEqual([[], [carol, alice, bob]]);
    await first.set.update({ ...BOUNDS, listeners: [] });
    for (const place of [1, 2]) {
      const { client, reader } = await clientOf(second.set, place);
      client.write('here');
      await comesTrue(() => expect(reader.text).toBe('here'));
    }
  });

  it('moved while the other platform goes over to other listeners -> is its own when that is done', async () => {
    const { first, second } = await startPair();
    const [alice, bob] = first.set.endpoints();
    const [carol] = second.set.endpoints();
    const isDone = second.set.update({ ...BOUNDS, listeners: second.listeners });
    first.set.passVm('alice', second.set);
    expect(await isDone).toEqual([]);
    expect([first.set.endpoints(), second.set.endpoints()]).toEqual([[bob], [carol, alice]]);
  });

  it('a client on the doorstep, at a port for a pool -> its place is given back, it is led to where the VM is, and again after that', async () => {
    const pool: PoolRule = { name: 'office', stickyBy: 'user', sessionsPerPlatform: null };
    const { first, second } = await startPair({ protocol: 'auto', door: { key: 'k', otherwise: 'refuse', pool } });
    const { client, reader } = await clientOf(first.set, 0);
    const request = 'GET / HTTP/1.1\r\nHost: one.example\r\n\r\n';
    client.write(request.slice(0, 10));
    await comesTrue(() => expect(client.bytesWritten).toBe(10));
    first.set.passVm('alice', second.set);
    client.write(request.slice(10));
    await comesTrue(() => expect(reader.text).toBe(request));
    expect([vmsOf(first), vmsOf(second)]).toEqual([[], ['vdi-02/alice']]);
    first.seen.onEvent = () => {
      throw new Error('the first platform hears of it');
    };
    const again = await clientOf(second.set, 1);
    again.client.write(request);
    await comesTrue(() => expect(again.reader.text).toBe(request));
    expect(vmsOf(second)).toHaveLength(2);
  });

  it('a listener that defers -> said why its VM is bound to the platform; one that does not -> nothing', async () => {
    const defer = { maxBytes: 1_048_576, maxDelayMs: 60_000 } as unknown as NonNullable<ListenerOptions['defer']>;
    const { first } = await startPair({ defer });
    expect(first.set.whyFixed('alice')).toMatch(/^127\.0\.0\.1:\d+ defers$/);
    expect(first.set.whyFixed('bob')).toBeNull();
  });
});
