// PROXY headers in and out at real loopback sockets: whose are believed, what is kept of them, what is refused, and what the target gets.
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { IpNetwork } from '../../src/platform/ip-network.ts';
import { DOORSTEP_BOUND_MS } from '../../src/streams/doorstep.ts';
import type { ListenerOptions } from '../../src/streams/listener.ts';
import { REFUSAL_LOG_MS } from '../../src/streams/refusals.ts';
import { comesTrue } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { SocketReader } from './support/socket-reader.ts';
import { type RigOptions, StreamRig, VmServer } from './support/stream-rig.ts';

const LOOPBACK: IpNetwork = { bytes: Uint8Array.of(127, 0, 0, 0), prefixBits: 8 };
const ELSEWHERE: IpNetwork = { bytes: Uint8Array.of(10, 0, 0, 0), prefixBits: 8 };
const HEADER = 'PROXY TCP4 192.0.2.33 203.0.113.7 51234 443\r\n';
const LOCAL = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function startRig(listener: Partial<ListenerOptions>, options: RigOptions = {}) {
  const vm = await VmServer.start();
  closers.push(() => vm.close());
  const clock = new FakeClock();
  const proxyProtocol = { acceptFrom: [LOOPBACK], send: null };
  const rig = await StreamRig.start({
    target: vm.port,
    clock,
    readUnacked: async () => new Map(),
    listeners: [{ proxyProtocol, ...listener }],
    ...options,
  });
  closers.push(() => rig.close());
  return { rig, vm, clock };
}

async function atVm(vm: VmServer, place = 0): Promise<SocketReader> {
  await comesTrue(() => expect(vm.sockets.length).toBeGreaterThan(place));
  return new SocketReader(vm.sockets[place] as Socket);
}

describe('PROXY header in', () => {
  it('before the first bytes -> the client that it names, and the VM gets what follows', async () => {
    const { rig, vm } = await startRig({});
    const client = await rig.connect();
    client.write(`${HEADER}hello`);
    const server = await atVm(vm);
    await server.until(5);
    expect(server.text).toBe('hello');
    expect(rig.set.streams()[0]).toMatchObject({ client: '192.0.2.33:51234', bytesFromClient: 5 });
    expect(rig.seen.of('opened')[0]?.status.client).toBe('192.0.2.33:51234');
    vm.sockets[0]?.write('answer');
    const reader = new SocketReader(client);
    await reader.until(6);
  });

  it('byte by byte, then a FIN at once -> whole, and the FIN behind it', async () => {
    const { rig, vm } = await startRig({});
    const client = await rig.connect();
    for (const byte of Buffer.from(HEADER)) {
      client.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    client.end('last words');
    const server = await atVm(vm);
    await comesTrue(() => expect(server.end).toBe('fin'));
    expect(server.text).toBe('last words');
  });

  it('towards a sleeper -> the header alone wakes as a connection does, and its bytes are held', async () => {
    const { rig, vm } = await startRig({}, { initiallyHeld: true });
    const client = await rig.connect();
    client.write(HEADER.slice(0, 20));
    await comesTrue(() => expect(rig.set.streams()).toEqual([]));
    expect(rig.set.waitingVms()).toEqual([]);
    client.write(`${HEADER.slice(20)}typed`);
    await comesTrue(() => expect(rig.set.waitingVms()).toEqual(['alice']));
    expect(rig.set.streams()[0]).toMatchObject({ heldBytes: 5, client: '192.0.2.33:51234' });
    rig.set.release(null);
    const server = await atVm(vm);
    await server.until(5);
    expect(server.text).toBe('typed');
  });

  it("the proxy's own check (LOCAL, UNKNOWN) at a sleeper -> is connected, wakes nobody, until it sends", async () => {
    const { rig } = await startRig({}, { initiallyHeld: true });
    for (const header of [LOCAL, Buffer.from('PROXY UNKNOWN\r\n')]) (await rig.connect()).write(header);
    await comesTrue(() => expect(rig.set.streams().length).toBe(2));
    expect(rig.set.waitingVms()).toEqual([]);
    expect(rig.seen.of('held-activity')).toEqual([]);
    expect(rig.set.streams()[0]?.client).toMatch(/^127\.0\.0\.1:/);
    rig.clients[0]?.write('x');
    await comesTrue(() => expect(rig.seen.of('held-activity').length).toBe(1));
  });

  it('from somebody who is no proxy -> reset before a byte is read, counted, not believed', async () => {
    const { rig } = await startRig({ proxyProtocol: { acceptFrom: [ELSEWHERE], send: null } });
    const reader = new SocketReader(rig.attempt());
    await comesTrue(() => expect(reader.end).toBe('rst'));
    expect(rig.set.refusedClients()).toEqual({ 'proxy-header': 1 });
    expect(rig.seen.told).toEqual([]);
  });

  it('no header, a wrong one -> reset, counted', async () => {
    const { rig, vm } = await startRig({});
    for (const bytes of ['SSH-2.0-x\r\n', 'PROXY TCP4 1.2.3.4 nonsense 1 2\r\n']) {
      const client = await rig.connect();
      const reader = new SocketReader(client);
      client.write(bytes);
      await comesTrue(() => expect(reader.end).toBe('rst'));
    }
    expect(rig.set.refusedClients()).toEqual({ 'proxy-header': 2 });
    expect(vm.sockets).toEqual([]);
  });

  it('nothing, or a part, within the bound -> reset; a client that leaves before -> forgotten', async () => {
    const { rig, clock } = await startRig({});
    const [silent, slow, gone] = [await rig.connect(), await rig.connect(), await rig.connect()];
    slow.write(HEADER.slice(0, 9));
    gone.end();
    const readers = [silent, slow, gone].map((socket) => new SocketReader(socket as Socket));
    await comesTrue(() => expect(readers[2]?.end).toBe('rst'));
    await clock.advance(DOORSTEP_BOUND_MS - 1);
    expect(readers.map(({ end }) => end).slice(0, 2)).toEqual(['none', 'none']);
    await clock.advance(1);
    await comesTrue(() => expect(readers.map(({ end }) => end)).toEqual(['rst', 'rst', 'rst']));
    expect(rig.set.refusedClients()).toEqual({ 'proxy-header': 2 });
    expect(rig.seen.told).toEqual([]);
  });

  it('clients that have not said who they are -> count against maxStreams', async () => {
    const { rig } = await startRig({ maxStreams: 2 });
    await rig.connect();
    await rig.connect();
    const third = new SocketReader(rig.attempt());
    await comesTrue(() => expect(third.end).toBe('rst'));
    expect(rig.set.refusedClients()).toEqual({ 'max-streams': 1 });
    rig.clients[0]?.write(HEADER);
    await comesTrue(() => expect(rig.set.streams().length).toBe(1));
  });

  it('allowFrom, wakeRate -> judge the client behind the proxy', async () => {
    const { rig } = await startRig(
      { allowFrom: [{ bytes: Uint8Array.of(192, 0, 2, 0), prefixBits: 24 }], wakeRate: { count: 1, perMs: 60_000 } },
      { initiallyHeld: true },
    );
    const stranger = await rig.connect();
    const reader = new SocketReader(stranger);
    stranger.write(HEADER.replace('192.0.2.33', '198.51.100.1'));
    await comesTrue(() => expect(reader.end).toBe('rst'));
    (await rig.connect()).write(HEADER);
    await comesTrue(() => expect(rig.set.waitingVms()).toEqual(['alice']));
    rig.set.release(null);
    rig.set.hold();
    const again = await rig.connect();
    const second = new SocketReader(again);
    again.write(HEADER);
    await comesTrue(() => expect(second.end).toBe('rst'));
    expect(rig.set.refusedClients()).toEqual({ 'allow-from': 1, 'wake-rate': 1 });
  });

  it('a flood of refused clients -> one line at once, one with the number after a while', async () => {
    const { rig, clock } = await startRig({});
    for (let count = 1; count <= 20; count += 1) {
      (await rig.connect()).write('nonsense');
      await comesTrue(() => expect(rig.set.refusedClients()).toEqual({ 'proxy-header': count }));
    }
    const lines = () =>
      rig.log.lines.filter(({ message }) => message.includes('refused')).map(({ message }) => message);
    expect(lines()).toHaveLength(1);
    await clock.advance(REFUSAL_LOG_MS);
    expect(lines()).toHaveLength(2);
    expect(lines()[1]).toMatch(/^19 more clients of .* refused, the last 127\.0\.0\.1: it does not begin with a PROXY/);
  });
});

describe('PROXY header out', () => {
  it.each([
    ['v1', /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\nhello$/],
    ['v2', /^0d0a0d0a000d0a515549540a2111000c7f0000017f000001[0-9a-f]{8}68656c6c6f$/],
  ] as const)('send: %s -> the target gets it first, with both ends of the client', async (send, expected) => {
    const { rig, vm } = await startRig({ proxyProtocol: { acceptFrom: null, send } });
    const client = await rig.connect();
    client.write('hello');
    const server = await atVm(vm);
    const seen = () => (send === 'v1' ? server.text : server.received.toString('hex'));
    await comesTrue(() => expect(seen()).toMatch(expected));
    if (send === 'v1') expect(server.text).toContain(` ${client.localPort} ${rig.port()}\r\n`);
    expect(rig.set.streams()[0]?.bytesFromClient).toBe(5);
  });

  it('accepted and sent -> the target is told of the client behind the first proxy; of a check, that there is none', async () => {
    const { rig, vm } = await startRig({ proxyProtocol: { acceptFrom: [LOOPBACK], send: 'v1' } });
    (await rig.connect()).write(`${HEADER}x`);
    const server = await atVm(vm);
    await server.until(HEADER.length + 1);
    expect(server.text).toBe(`${HEADER}x`);
    (await rig.connect()).write(LOCAL);
    const check = await atVm(vm, 1);
    await comesTrue(() => expect(check.text).toBe('PROXY UNKNOWN\r\n'));
  });

  it('a sleeper that wakes -> the header once, then what was held', async () => {
    const { rig, vm } = await startRig(
      { proxyProtocol: { acceptFrom: [LOOPBACK], send: 'v1' } },
      { initiallyHeld: true },
    );
    (await rig.connect()).write(`${HEADER}held`);
    await comesTrue(() => expect(rig.set.heldBytes().heldBytes).toBe(4));
    rig.set.release(null);
    const server = await atVm(vm);
    await server.until(HEADER.length + 4);
    rig.set.hold();
    rig.clients[0]?.write(' more');
    await comesTrue(() => expect(rig.set.heldBytes().heldBytes).toBe(5));
    rig.set.release(null);
    await server.until(HEADER.length + 9);
    expect(server.text).toBe(`${HEADER}held more`);
  });
});
