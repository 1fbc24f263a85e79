// IPv6 on both sides, and IPv4 clients of a listener for both: addresses as people know them, lists that match, headers that carry them.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { parseNetwork } from '../../src/config/network.ts';
import type { ListenerOptions } from '../../src/streams/listener.ts';
import { comesTrue } from '../support/eventually.ts';
import { SocketReader } from './support/socket-reader.ts';
import { StreamRig } from './support/stream-rig.ts';

const HAS_IPV6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A VM on ::1 that sends everything back. */
async function startVm(): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  server.listen({ host: '::1', port: 0 });
  await once(server, 'listening');
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

async function startRig(listener: Partial<ListenerOptions>) {
  const vm = await startVm();
  const rig = await StreamRig.start({ listeners: [{ target: { host: '::1', port: vm.port }, ...listener }] });
  closers.push(() => rig.close());
  return { rig, vm };
}

function from(rig: StreamRig, host: string): { socket: Socket; reader: SocketReader } {
  const socket = connect({ host, port: rig.port() });
  socket.on('error', () => {});
  rig.clients.push(socket);
  return { socket, reader: new SocketReader(socket) };
}

const ANY = { host: '::', port: 0 };

describe.skipIf(!HAS_IPV6)('IPv6', () => {
  it('listener and target on ::1 -> bytes both ways, addresses in brackets', async () => {
    const { rig } = await startRig({ listen: { host: '::1', port: 0 } });
    const { socket, reader } = from(rig, '::1');
    socket.write('hello');
    await reader.until(5);
    expect(rig.set.streams()[0]?.client).toBe(`[::1]:${socket.localPort}`);
    expect(rig.set.endpoints()[0]).toMatch(/^\[::1\]:\d+$/);
  });

  it('a listener for both families -> an IPv4 client is told by its IPv4 address, as allowFrom and the target know it', async () => {
    const { rig, vm } = await startRig({
      listen: ANY,
      allowFrom: [parseNetwork('127.0.0.0/8')],
      proxyProtocol: { acceptFrom: null, send: 'v1' },
    });
    const { socket, reader } = from(rig, '127.0.0.1');
    const header = `PROXY TCP4 127.0.0.1 127.0.0.1 ${await once(socket, 'connect').then(() => socket.localPort)} ${rig.port()}\r\n`;
    await reader.until(header.length);
    expect(reader.text).toBe(header);
    expect(rig.set.streams()[0]?.client).toBe(`127.0.0.1:${socket.localPort}`);
    const stranger = from(rig, '::1');
    await comesTrue(() => expect(stranger.reader.end).toBe('rst'));
    expect(vm.sockets.length).toBe(1);
  });

  it('allowFrom of an IPv6 network -> its clients are served, IPv4 clients are not', async () => {
    const { rig } = await startRig({ listen: ANY, allowFrom: [parseNetwork('::1/128')] });
    const inside = from(rig, '::1');
    inside.socket.write('x');
    await inside.reader.until(1);
    const outside = from(rig, '127.0.0.1');
    await comesTrue(() => expect(outside.reader.end).toBe('rst'));
    expect(rig.set.refusedClients()).toEqual({ 'allow-from': 1 });
  });

  it('maxPerSource on a listener for both families -> one client by two forms of its address is one source', async () => {
    const { rig } = await startRig({ listen: ANY, maxPerSource: 1 });
    from(rig, '127.0.0.1');
    await comesTrue(() => expect(rig.set.streams().length).toBe(1));
    const mapped = from(rig, '::ffff:127.0.0.1');
    await comesTrue(() => expect(mapped.reader.end).toBe('rst'));
    from(rig, '::1');
    await comesTrue(() => expect(rig.set.streams().length).toBe(2));
  });

  it('PROXY TCP6 -> its client in brackets, and the same to the target', async () => {
    const loopback = [parseNetwork('::1')];
    const { rig } = await startRig({
      listen: { host: '::1', port: 0 },
      proxyProtocol: { acceptFrom: loopback, send: 'v1' },
    });
    const header = 'PROXY TCP6 2001:db8::21 2001:db8::7 51234 443\r\n';
    const { socket, reader } = from(rig, '::1');
    socket.write(`${header}x`);
    await reader.until(header.length + 1);
    expect(reader.text).toBe(`${header}x`);
    expect(rig.set.streams()[0]?.client).toBe('[2001:db8::21]:51234');
  });
});
