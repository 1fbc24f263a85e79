// One port for several VMs: who is asked for, by name, gets the stream and is woken; who is unknown gets a clean refusal or the default.
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { BehindName } from '../../src/streams/behind-name.ts';
import { DOORSTEP_BOUND_MS } from '../../src/streams/doorstep.ts';
import type { ListenerOptions } from '../../src/streams/listener.ts';
import { RouteTable } from '../../src/streams/route-table.ts';
import { comesTrue } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { SocketReader } from './support/socket-reader.ts';
import { type RigOptions, StreamRig, VmServer } from './support/stream-rig.ts';

const KEY = 'shared:443';
const REQUEST = (host: string) => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startVm(): Promise<VmServer> {
  const vm = await VmServer.start();
  closers.push(() => vm.close());
  return vm;
}

async function startRig(listeners: RigOptions['listeners'] & object, options: RigOptions = {}): Promise<StreamRig> {
  const rig = await StreamRig.start({ readUnacked: async () => new Map(), ...options, listeners });
  closers.push(() => rig.close());
  return rig;
}

function behind(vm: string, target: VmServer, names: { hosts?: string[]; rdp?: string[] }): Partial<ListenerOptions> {
  return {
    vm,
    target: { host: '127.0.0.1', port: target.port },
    listen: { host: '0.0.0.0', port: 443 },
    routed: { door: KEY, hosts: names.hosts ?? [], rdp: names.rdp ?? [] },
  };
}

/** A port in front of alice, behind which bob and carol are reached by name. All sleep, if asked to. */
async function startDoor(otherwise: 'serve' | 'refuse', options: RigOptions = {}) {
  const [alice, bob, carol] = [await startVm(), await startVm(), await startVm()];
  const clock = new FakeClock();
  const rig = await startRig(
    [
      { vm: 'alice', target: { host: '127.0.0.1', port: alice.port }, door: { key: KEY, otherwise } },
      behind('bob', bob, { hosts: ['bob.example', '*.bob.example'] }),
      behind('carol', carol, { hosts: ['*.example', 'x.bob.example'], rdp: ['carol'] }),
    ],
    { clock, ...options },
  );
  return { rig, alice, bob, carol, clock };
}

async function sent(rig: StreamRig, bytes: string | Buffer): Promise<{ client: Socket; reader: SocketReader }> {
  const client = await rig.connect();
  client.write(bytes);
  return { client, reader: new SocketReader(client) };
}

describe('a shared port', () => {
  it.each([
    ['bob.example', 'bob'],
    ['www.bob.example', 'bob'],
    ['x.bob.example', 'carol'],
    ['dave.example', 'carol'],
    ['elsewhere.org', 'alice'],
  ])('Host %s -> %s', async (host, vm) => {
    const { rig } = await startDoor('serve');
    await sent(rig, REQUEST(host));
    await comesTrue(() => expect(rig.set.streams().map((stream) => stream.vm)).toEqual([vm]));
  });

  it('the whole of what was read -> reaches the VM, and its answer the client', async () => {
    const { rig, bob } = await startDoor('refuse');
    const { client, reader } = await sent(rig, REQUEST('bob.example').slice(0, 20));
    client.write(`${REQUEST('bob.example').slice(20)}more`);
    await comesTrue(() => expect(bob.sockets.length).toBe(1));
    const server = new SocketReader(bob.sockets[0] as Socket);
    await comesTrue(() => expect(server.text).toBe(`${REQUEST('bob.example')}more`));
    bob.sockets[0]?.end('HTTP/1.1 204 No Content\r\n\r\n');
    await comesTrue(() => expect([reader.text, reader.end]).toEqual(['HTTP/1.1 204 No Content\r\n\r\n', 'fin']));
  });

  it('VMs that sleep -> only the one that is asked for is, and is told by its name', async () => {
    const { rig } = await startDoor('serve', { initiallyHeld: true });
    await sent(rig, 'GET / HTTP/1.1\r\n');
    await rig.connect();
    await sent(rig, REQUEST('bob.example'));
    await comesTrue(() => expect(rig.set.waitingVms()).toEqual(['bob']));
    expect([...new Set(rig.seen.of('held-activity').map(({ status }) => status.vm))]).toEqual(['bob']);
    expect(rig.set.streams()[0]).toMatchObject({
      listener: '0.0.0.0:443 (bob.example)',
      heldBytes: REQUEST('bob.example').length,
    });
  });

  it('an RDP cookie -> its VM', async () => {
    const { rig, carol } = await startDoor('refuse');
    const cookie = Buffer.from('0300002b26e000000000', 'hex');
    const rest = Buffer.concat([
      Buffer.from([0]),
      Buffer.from('Cookie: mstshash=carol\r\n'),
      Buffer.from('0100080000000000', 'hex'),
    ]);
    const packet = Buffer.concat([cookie, rest]);
    packet.writeUInt16BE(packet.length, 2);
    await sent(rig, packet);
    await comesTrue(() => expect(carol.sockets.length).toBe(1));
  });

  it('another platform behind the port -> the stream is counted there, and its VM is woken there', async () => {
    const routes = new RouteTable<BehindName>();
    const [alice, dora] = [await startVm(), await startVm()];
    const clock = new FakeClock();
    const door = await startRig(
      [{ vm: 'alice', target: { host: '127.0.0.1', port: alice.port }, door: { key: KEY, otherwise: 'refuse' } }],
      { clock, routes, initiallyHeld: true },
    );
    const other = await startRig([behind('dora', dora, { hosts: ['dora.example'] })], {
      clock,
      routes,
      initiallyHeld: true,
    });
    const { reader } = await sent(door, REQUEST('dora.example'));
    await comesTrue(() => expect(other.set.waitingVms()).toEqual(['dora']));
    expect([door.set.streams(), door.seen.told]).toEqual([[], []]);
    other.set.release(null);
    await comesTrue(() => expect(dora.sockets.length).toBe(1));
    dora.sockets[0]?.write('at last');
    await comesTrue(() => expect(reader.text).toBe('at last'));
    await other.set.update({
      listeners: [],
      idleTimeoutMs: 1000,
      disconnectGraceMs: 1000,
      hold: { perStreamBytes: 4096, perPlatformBytes: 4096 },
    });
    await sent(door, REQUEST('dora.example'));
    await comesTrue(() => expect(door.set.refusedClients()).toEqual({ 'no-route': 1 }));
    expect(other.set.streams().length).toBe(1);
  });

  it('a name that nobody has -> HTTP: 421, TLS: an alert, else the end; counted, nobody woken', async () => {
    const { rig } = await startDoor('refuse', { initiallyHeld: true });
    const http = await sent(rig, REQUEST('elsewhere.org'));
    const tls = await sent(rig, Buffer.from('160301000402000000', 'hex'));
    const other = await sent(rig, Buffer.of(0xff));
    await comesTrue(() => expect([http, tls, other].map(({ reader }) => reader.end)).toEqual(['fin', 'fin', 'fin']));
    expect(http.reader.text).toMatch(/^HTTP\/1\.1 421 Misdirected Request\r\n/);
    expect(http.reader.text.split('\r\n\r\n')[1]).toHaveLength(31);
    expect(tls.reader.received.toString('hex')).toBe('15030300020270');
    expect(rig.set.refusedClients()).toEqual({ 'no-route': 3 });
    expect(rig.seen.told).toEqual([]);
  });

  it('slow clients: nothing, a byte now and then, 16 KiB of nothing -> reset at the bound', async () => {
    const { rig, clock } = await startDoor('serve', { initiallyHeld: true });
    const silent = new SocketReader(await rig.connect());
    const slow = await sent(rig, 'GET / HTTP/1.1\r\n');
    const long = await sent(rig, `GET / HTTP/1.1\r\n${'X: y\r\n'.repeat(3000)}`);
    await comesTrue(() => expect(long.reader.end).toBe('rst'));
    for (let times = 0; times < 9; times += 1) {
      slow.client.write('X');
      await clock.advance(DOORSTEP_BOUND_MS / 10);
    }
    expect([silent.end, slow.reader.end]).toEqual(['none', 'none']);
    await clock.advance(DOORSTEP_BOUND_MS / 10);
    await comesTrue(() => expect([silent.end, slow.reader.end]).toEqual(['rst', 'rst']));
    expect(rig.set.refusedClients()).toEqual({ 'first-bytes': 3 });
    expect(rig.seen.told).toEqual([]);
  });
});
