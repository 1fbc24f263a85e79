// Connections on Node's bare handles against ordinary sockets at the far end: bytes, FIN, RST, refusals, and what listeners pass on.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { CLIENT_KEEPALIVE_MS, Listener } from '../../src/streams/listener.ts';
import type { TcpHandle } from '../../src/streams/raw-binding.ts';
import { type RawSocket, RawSockets } from '../../src/streams/raw-socket.ts';
import { detectRawSockets } from '../../src/streams/raw-trial.ts';
import { resetSocket } from '../../src/streams/reset-socket.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/ports.ts';
import { noise, SocketReader } from './support/socket-reader.ts';

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function detect(): Promise<RawSockets> {
  const sockets = await detectRawSockets();
  if (sockets === null) throw new Error(`no raw sockets under Node ${process.version}`);
  return sockets;
}

/** A server whose sockets are ordinary ones. */
async function listen(host = '127.0.0.1'): Promise<{ server: Server; port: number; accepted: Socket[] }> {
  const accepted: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    accepted.push(socket);
    socket.on('error', () => {});
    closers.push(() => socket.destroy());
  });
  server.listen(0, host);
  await once(server, 'listening');
  closers.push(() => server.close());
  return { server, port: (server.address() as AddressInfo).port, accepted };
}

/** What a socket tells, in its order; what it reads is kept. */
class Watch {
  readonly events: string[] = [];
  received = Buffer.alloc(0);
  readonly #buffer: Buffer;

  constructor(socket: RawSocket, bufferBytes = 64 * 1024) {
    this.#buffer = Buffer.alloc(bufferBytes);
    for (const event of ['connect', 'drain', 'finish', 'end', 'close'] as const)
      socket.on(event, () => this.events.push(event));
    socket.on('error', (error: NodeJS.ErrnoException) => this.events.push(`error ${error.code}`));
  }

  read(socket: RawSocket): void {
    const onRead = (bytes: number) => {
      this.received = Buffer.concat([this.received, this.#buffer.subarray(0, bytes)]);
      return true;
    };
    socket.readInto(this.#buffer, { onRead, nextBuffer: () => this.#buffer });
  }
}

async function connectRaw(port: number, host = '127.0.0.1'): Promise<{ socket: RawSocket; watch: Watch }> {
  const socket = (await detect()).connect({ host, port }) as RawSocket;
  const watch = new Watch(socket);
  closers.push(() => socket.destroy());
  await eventually('the connection', () => watch.events.length > 0);
  watch.events.splice(0);
  return { socket, watch };
}

async function connectPair() {
  const { port, accepted } = await listen();
  const { socket, watch } = await connectRaw(port);
  await eventually('the far end', () => accepted.length === 1);
  return { socket, watch, far: accepted[0] as Socket };
}

describe('RawSocket', () => {
  it('bytes: both ways -> arrive unchanged; names are those of the far end', async () => {
    const { socket, watch, far } = await connectPair();
    const atFar = new SocketReader(far);
    watch.read(socket);
    socket.write(Buffer.from('to the server'));
    far.write('to the client');
    await atFar.until(13);
    await eventually('the answer', () => watch.received.length === 13);
    expect([String(atFar.received), String(watch.received)]).toEqual(['to the server', 'to the client']);
    expect([socket.localPort, socket.remotePort]).toEqual([far.remotePort, far.localPort]);
    expect([socket.localAddress, socket.remoteAddress]).toEqual(['127.0.0.1', '127.0.0.1']);
  });

  it('IPv6: -> connects, names itself', async () => {
    const { port } = await listen('::1');
    const { socket } = await connectRaw(port, '::1');
    expect([socket.remoteAddress, socket.remotePort]).toEqual(['::1', port]);
  });

  it('a name instead of an address -> null: it is somebody else who looks it up', async () => {
    expect((await detect()).connect({ host: 'localhost', port: 9 })).toBeNull();
  });

  it('nobody listens -> ECONNREFUSED, then closed', async () => {
    const refused = (await detect()).connect({ host: '127.0.0.1', port: await freePort() }) as RawSocket;
    const events = new Watch(refused);
    await eventually('the refusal', () => events.events.includes('close'));
    expect(events.events).toEqual(['error ECONNREFUSED', 'close']);
  });

  it('destroyed while it connects -> closed, nothing else is told', async () => {
    const { port } = await listen();
    const socket = (await detect()).connect({ host: '127.0.0.1', port }) as RawSocket;
    const watch = new Watch(socket);
    socket.destroy();
    await eventually('the close', () => socket.closed);
    expect(watch.events).toEqual(['close']);
  });

  it('16 MiB to a reader that waits -> not done at once, drained once, every byte', async () => {
    const { socket, watch, far } = await connectPair();
    const atFar = new SocketReader(far);
    atFar.pause();
    const sent = noise(16 * 1024 * 1024);
    expect(socket.write(sent)).toBe(false);
    expect(socket.writableLength).toBe(sent.length);
    atFar.resume();
    await atFar.until(sent.length);
    await eventually('the drain', () => watch.events.length > 0);
    expect(watch.events).toEqual(['drain']);
    expect(socket.writableLength).toBe(0);
    expect(atFar.received.equals(sent)).toBe(true);
  });

  it('ended with bytes on their way -> FIN behind the last of them, and no drain', async () => {
    const { socket, watch, far } = await connectPair();
    const atFar = new SocketReader(far);
    atFar.pause();
    const sent = noise(16 * 1024 * 1024);
    socket.write(sent);
    socket.end(Buffer.from('end'));
    expect([socket.writableEnded, socket.writableFinished]).toEqual([true, false]);
    const ended = once(far, 'end');
    atFar.resume();
    await ended;
    expect(atFar.receivedBytes).toBe(sent.length + 3);
    expect(watch.events).toEqual(['finish']);
  });

  it('the far end ends first -> this side may still write, and closes with its own end', async () => {
    const { socket, watch, far } = await connectPair();
    watch.read(socket);
    const atFar = new SocketReader(far);
    far.end('last words');
    await eventually('its end', () => watch.events.includes('end'));
    expect(String(watch.received)).toBe('last words');
    socket.write(Buffer.from('answer'));
    const ended = once(far, 'end');
    socket.end();
    await ended;
    await eventually('the close', () => socket.closed);
    expect(String(atFar.received)).toBe('answer');
    expect(watch.events).toEqual(['end', 'finish', 'close']);
  });

  it('this side ends first -> closed by the far end’s FIN', async () => {
    const { socket, watch, far } = await connectPair();
    watch.read(socket);
    socket.end();
    await once(far.resume(), 'end');
    expect(socket.destroyed).toBe(false);
    far.end();
    await eventually('the close', () => socket.closed);
    expect(watch.events).toEqual(['finish', 'end', 'close']);
  });

  it.each([
    ['this side ended first: its FIN was acknowledged before the other came', 'near', true],
    ['the far end ended first: the FIN is behind the close', 'far', false],
  ] as const)(
    'remembers its ends, %s -> known after the close only where they are needed',
    async (_, first, isAcknowledged) => {
      const { socket, watch, far } = await connectPair();
      watch.read(socket);
      socket.remembersEnds = true;
      const names = [far.remoteAddress, far.remotePort, far.localAddress, far.localPort];
      if (first === 'near') socket.end();
      else far.end();
      await (first === 'near' ? once(far.resume(), 'end') : eventually('its end', () => watch.events.includes('end')));
      if (first === 'near') far.end();
      else socket.end();
      await eventually('the close', () => socket.closed);
      expect(socket.isAcknowledged).toBe(isAcknowledged);
      const known = [socket.localAddress, socket.localPort, socket.remoteAddress, socket.remotePort];
      if (!isAcknowledged) expect(known).toEqual(names);
    },
  );

  it('remembers its ends, destroyed behind its FIN: -> known after the close', async () => {
    const { socket, watch, far } = await connectPair();
    watch.read(socket);
    socket.remembersEnds = true;
    socket.end(Buffer.from('last'));
    await eventually('the FIN', () => socket.writableFinished);
    socket.destroy();
    await eventually('the close', () => socket.closed);
    expect([socket.isAcknowledged, socket.localPort, socket.remotePort]).toEqual([
      false,
      far.remotePort,
      far.localPort,
    ]);
  });

  it.each([
    ['three small ones', [1, 1, 1], ['write', 'no delay', 'write', 'write']],
    ['one that is not done at once', [16 * 1024 * 1024], ['write', 'no delay']],
    ['one alone', [1], ['write']],
  ] as const)('writes, %s -> Nagle’s algorithm is off before the second', async (_, writes, expected) => {
    const { binding } = await detect();
    const calls: string[] = [];
    class WatchedTcp extends binding.TCP {
      override setNoDelay(on: boolean): number {
        calls.push('no delay');
        return super.setNoDelay(on);
      }
      override writeBuffer(...args: Parameters<TcpHandle['writeBuffer']>): number {
        calls.push('write');
        return super.writeBuffer(...args);
      }
    }
    const { port } = await listen();
    const sockets = new RawSockets({ ...binding, TCP: WatchedTcp });
    const socket = sockets.connect({ host: '127.0.0.1', port }) as RawSocket;
    closers.push(() => socket.destroy());
    await new Promise<void>((resolve) => socket.on('connect', () => resolve()));
    for (const bytes of writes) socket.write(noise(bytes));
    expect(calls).toEqual(expected);
  });

  it('two sockets: what one asks of the kernel -> does not change what the other said', async () => {
    const one = await connectPair();
    const other = await connectPair();
    const { localPort } = one.socket;
    expect(other.socket.localPort).not.toBe(localPort);
    expect([one.socket.localPort, other.socket.localPort]).toEqual([one.far.remotePort, other.far.remotePort]);
  });

  it('paused: nothing is read until it is resumed, and then all', async () => {
    const { socket, watch, far } = await connectPair();
    watch.read(socket);
    socket.pause();
    far.write('waits');
    await new Promise((resolve) => far.write('!', resolve));
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    expect(watch.received.length).toBe(0);
    socket.resume();
    await eventually('the bytes', () => String(watch.received) === 'waits!');
  });

  it('reset by the far end -> ECONNRESET, no end', async () => {
    const { socket, watch, far } = await connectPair();
    watch.read(socket);
    far.resetAndDestroy();
    await eventually('the close', () => socket.closed);
    expect(watch.events).toEqual(['error ECONNRESET', 'close']);
  });

  it('bytes and a RST that wait together -> the bytes, then ECONNRESET and no end', async () => {
    const { socket, watch, far } = await connectPair();
    far.write('last');
    far.resetAndDestroy();
    await once(far, 'close');
    watch.read(socket);
    await eventually('the close', () => socket.closed);
    expect(String(watch.received)).toBe('last');
    expect(watch.events).toEqual(['error ECONNRESET', 'close']);
  });

  it('a write to one that was reset -> fails later, not from within the write', async () => {
    const { socket, watch, far } = await connectPair();
    far.resetAndDestroy();
    await once(far, 'close');
    socket.write(Buffer.from('one'));
    socket.write(Buffer.from('two'));
    expect(watch.events).toEqual([]);
    // A kernel that is busy may deliver the reset behind them: who writes on meets it.
    await eventually('the close', () => {
      if (watch.events.length === 0) socket.write(Buffer.from('more'));
      return socket.closed;
    });
    expect(watch.events[0]).toMatch(/^error (EPIPE|ECONNRESET)$/);
    expect(watch.events.at(-1)).toBe('close');
  });

  it.each([
    ['open', () => {}],
    ['whose FIN is on its way', (socket: RawSocket) => socket.end()],
    ['with bytes on their way', (socket: RawSocket) => void socket.write(noise(16 * 1024 * 1024))],
  ])('reset: one that is %s -> nothing can be written at the far end', async (_, before) => {
    const { socket, far } = await connectPair();
    const { localPort, remotePort } = far;
    before(socket);
    resetSocket(socket);
    await eventually('the close', () => socket.closed);
    // After a FIN alone the far end is still half open, and the first write goes out.
    await eventually('the reset', () => !isListed(localPort as number, remotePort as number));
    const error = await new Promise((resolve) => far.write('?', resolve));
    expect(error).toBeInstanceOf(Error);
  });
});

describe('Listener on bare handles', () => {
  const OPTIONS = { target: { host: '127.0.0.1', port: 9 }, vm: 'alice', protocol: 'raw', device: 'desktop' } as const;

  it('a client: -> has the keepalive of its listener; close waits for it', async () => {
    const clients: RawSocket[] = [];
    const listener = new Listener(
      { ...OPTIONS, listen: { host: '127.0.0.1', port: 0 }, wakeOn: 'connect', maxStreams: null },
      (client) => clients.push(client as RawSocket),
      await detect(),
    );
    await listener.open();
    const far = connect(listener.endpoint.port, '127.0.0.1');
    closers.push(() => far.destroy());
    await eventually('the client', () => clients.length === 1);
    const timer = timerOf(listener.endpoint.port, far.localPort as number);
    expect(timer.kind).toBe(KEEPALIVE_TIMER);
    expect(timer.inMs).toBeGreaterThan(CLIENT_KEEPALIVE_MS - 20_000);
    expect(timer.inMs).toBeLessThanOrEqual(CLIENT_KEEPALIVE_MS + 1000);
    let isClosed = false;
    const closed = listener.close().then(() => {
      isClosed = true;
    });
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    expect(isClosed).toBe(false);
    clients[0]?.destroy();
    await closed;
  });
});

/** The second number of `tr tm->when` in /proc/net/tcp. Source: Linux Documentation/networking/proc_net_tcp.rst. */
const KEEPALIVE_TIMER = 2;

/** Of a connection between two local ports, in a state: a line of the kernel's table. */
function lineOf(localPort: number, remotePort: number, state: string): string | undefined {
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');
  const pattern = new RegExp(`:${hex(localPort)} [0-9A-F]+:${hex(remotePort)} ${state} `);
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .find((text) => pattern.test(text));
}

/** Whether the kernel knows the connection still, in whatever state. */
function isListed(localPort: number, remotePort: number): boolean {
  return lineOf(localPort, remotePort, '[0-9A-F]{2}') !== undefined;
}

/** The timer that the kernel runs for the connection. */
function timerOf(localPort: number, remotePort: number): { kind: number; inMs: number } {
  const line = lineOf(localPort, remotePort, '01');
  const fields = (line ?? '').trim().split(/\s+/);
  const [kind, ticks] = (fields[5] ?? ':').split(':');
  return { kind: Number.parseInt(kind ?? '', 16), inMs: Number.parseInt(ticks ?? '', 16) * 10 };
}
