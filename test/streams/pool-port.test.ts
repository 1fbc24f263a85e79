// A port that leads to a pool, over real sockets: who goes where, and who goes there again.
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { PoolRule } from '../../src/platform/placement.ts';
import { Broker } from '../../src/streams/broker.ts';
import type { ListenerOptions } from '../../src/streams/listener.ts';
import { comesTrue } from '../support/eventually.ts';
import { SocketReader } from './support/socket-reader.ts';
import { StreamRig, VmServer } from './support/stream-rig.ts';

const KEY = '0.0.0.0:443';
const closers: Array<() => unknown> = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startPool(rule: Partial<PoolRule> = {}) {
  const broker = new Broker();
  const vms = [await VmServer.start(), await VmServer.start()];
  closers.push(...vms.map((vm) => () => vm.close()));
  const pool: PoolRule = { name: 'office', stickyBy: 'user', sessionsPerPlatform: null, ...rule };
  const [alice, bob] = vms.map(({ port }) => ({ host: '127.0.0.1', port })) as [
    { host: string; port: number },
    { host: string; port: number },
  ];
  const rules = { protocol: 'auto', device: 'desktop', wakeOn: 'connect', maxStreams: null } as const;
  const port: ListenerOptions = {
    ...rules,
    vm: 'alice',
    target: alice,
    listen: { host: '127.0.0.1', port: 0 },
    door: { key: KEY, otherwise: 'refuse', pool },
  };
  const behind: ListenerOptions = {
    ...rules,
    vm: 'bob',
    target: bob,
    listen: { host: '0.0.0.0', port: 443 },
    routed: { door: KEY, hosts: [], rdp: [], pool: 'office' },
  };
  const rig = await StreamRig.start({ readUnacked: async () => new Map(), broker, listeners: [port, behind] });
  closers.push(() => rig.close());
  const ask = async (user: string): Promise<Socket> => {
    const client = await rig.connect();
    client.write(`GET / HTTP/1.1\r\nHost: ${user}.example\r\n\r\n`);
    return client;
  };
  const open = () =>
    rig.set
      .streams()
      .filter(({ mode }) => mode !== 'closed')
      .map(({ vm }) => vm);
  const hold = { perStreamBytes: 1024 * 1024, perPlatformBytes: 64 * 1024 * 1024 };
  const bounds = { idleTimeoutMs: 600_000, disconnectGraceMs: 5_000, hold };
  /** Read again: it leads to its own VM from now on, or to the pool. */
  const follow = (isPool: boolean) =>
    rig.set.update({ ...bounds, listeners: isPool ? [port, behind] : [{ ...port, door: null }] });
  return { rig, broker, ask, open, follow };
}

describe('a port that leads to a pool', () => {
  it('users one after the other -> the emptiest VM; the second one again -> where it was, though the first VM would come first', async () => {
    const { ask, open } = await startPool();
    await ask('one');
    await comesTrue(() => expect(open()).toEqual(['alice']));
    await ask('two');
    await comesTrue(() => expect(open()).toEqual(['alice', 'bob']));
    await ask('two');
    await comesTrue(() => expect(open()).toEqual(['alice', 'bob', 'bob']));
    await ask('three');
    await comesTrue(() => expect(open()).toEqual(['alice', 'bob', 'bob', 'alice']));
  });

  it('told by source only -> not a byte is waited for, and all of one address go to one VM', async () => {
    const { rig, open } = await startPool({ stickyBy: 'source' });
    await rig.connect();
    await comesTrue(() => expect(open()).toEqual(['alice']));
    await rig.connect();
    await comesTrue(() => expect(open()).toEqual(['alice', 'alice']));
  });

  it('its platform takes nobody new -> reset and counted; who is there stays; taken again when it does', async () => {
    const { rig, broker, ask, open } = await startPool();
    await ask('one');
    await comesTrue(() => expect(open()).toEqual(['alice']));
    broker.close(new Set(rig.set.streams().map(({ platform }) => platform)));
    const refused = new SocketReader(await ask('one'));
    await comesTrue(() => expect(refused.end).toBe('rst'));
    expect(rig.set.refusedClients()).toEqual({ 'max-streams': 1 });
    expect(open()).toEqual(['alice']);
    broker.close(new Set());
    await ask('one');
    await comesTrue(() => expect(open()).toEqual(['alice', 'alice']));
  });

  it('at the bound of its platform -> reset, but for a user who was placed before', async () => {
    const { ask, open } = await startPool({ sessionsPerPlatform: 1 });
    await ask('one');
    await comesTrue(() => expect(open()).toEqual(['alice']));
    const refused = new SocketReader(await ask('two'));
    await comesTrue(() => expect(refused.end).toBe('rst'));
    await ask('one');
    await comesTrue(() => expect(open()).toEqual(['alice', 'alice']));
  });

  it('read again as a port of one VM, and of the pool again -> its own VM, then both', async () => {
    const { ask, open, follow } = await startPool({ stickyBy: 'none' });
    expect(await follow(false)).toEqual([]);
    await ask('one');
    await ask('two');
    await comesTrue(() => expect(open()).toEqual(['alice', 'alice']));
    expect(await follow(true)).toEqual([]);
    await ask('three');
    await comesTrue(() => expect(open()).toEqual(['alice', 'alice', 'bob']));
  });
});
