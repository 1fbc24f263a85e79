// The three probes that connect: tcp, banner, exchange. Against real loopback servers, with bounds on a fake clock.
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { BannerProbe } from '../../src/probes/banner-probe.ts';
import { ExchangeProbe } from '../../src/probes/exchange-probe.ts';
import type { BoundedProbe } from '../../src/probes/question.ts';
import { TcpProbe } from '../../src/probes/tcp-probe.ts';
import { ANSWER_MAX_BYTES } from '../../src/probes/tcp-question.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { freePort } from '../support/ports.ts';

const NEVER = new AbortController().signal;
const clock = new FakeClock();

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
  expect(clock.pending).toBe(0);
});

/** A service on a free port, and what it saw of its clients. */
async function serve(onSocket: (socket: Socket) => void = () => {}) {
  const seen = { received: '', ends: [] as Array<'fin' | 'rst'> };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('data', (chunk) => {
      seen.received += chunk;
    });
    socket.on('end', () => {
      seen.ends.push('fin');
      socket.end();
    });
    socket.on('error', () => seen.ends.push('rst'));
    onSocket(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  return { target: { host: '127.0.0.1', port: (server.address() as AddressInfo).port }, seen };
}

/** Asks, and tells once the service has the connection that the bound is over. */
async function askUntilBound(probe: BoundedProbe): Promise<boolean> {
  const before = sockets.length;
  const answer = probe.ask(NEVER);
  await eventually('the connection', () => sockets.length > before, { everyMs: 2 });
  await clock.advance(probe.timeoutMs);
  return answer;
}

describe('TcpProbe', () => {
  it('a service that listens -> true, and the connection is closed by FIN at once', async () => {
    const { target, seen } = await serve();
    expect(await new TcpProbe(clock, target).ask(NEVER)).toBe(true);
    await eventually('the end', () => seen.ends.length > 0, { everyMs: 2 });
    expect(seen).toEqual({ received: '', ends: ['fin'] });
  });

  it('nothing listens -> false at once', async () => {
    expect(await new TcpProbe(clock, { host: '127.0.0.1', port: await freePort() }).ask(NEVER)).toBe(false);
  });

  it('a signal that has aborted -> false, and nothing is asked', async () => {
    const { target } = await serve();
    expect(await new TcpProbe(clock, target).ask(AbortSignal.abort())).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(sockets).toEqual([]);
  });

  it('its name -> tells kind and target', () => {
    expect(new TcpProbe(clock, { host: '10.0.1.21', port: 3389 }).name).toBe('tcp 10.0.1.21:3389');
  });
});

describe('BannerProbe', () => {
  it('a service that speaks first -> true', async () => {
    const { target, seen } = await serve((socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'));
    expect(await new BannerProbe(clock, target, null).ask(NEVER)).toBe(true);
    await eventually('the end', () => seen.ends.length > 0, { everyMs: 2 });
    expect(seen).toEqual({ received: '', ends: ['fin'] });
  });

  it('what is expected comes in two pieces -> true', async () => {
    const { target } = await serve((socket) => {
      socket.write('220 mail.exa');
      setTimeout(() => socket.write('mple ESMTP\r\n'), 10);
    });
    expect(await new BannerProbe(clock, target, 'example ESMTP').ask(NEVER)).toBe(true);
  });

  it('an address translator that connects and says nothing -> false at the bound', async () => {
    const { target } = await serve();
    expect(await askUntilBound(new BannerProbe(clock, target, null, 2000))).toBe(false);
  });

  it('another banner, then silence -> false at the bound', async () => {
    const { target } = await serve((socket) => socket.write('RFB 003.008\n'));
    expect(await askUntilBound(new BannerProbe(clock, target, 'SSH-'))).toBe(false);
  });

  it('a service that closes without a word -> false at once', async () => {
    const { target } = await serve((socket) => socket.end());
    expect(await new BannerProbe(clock, target, null).ask(NEVER)).toBe(false);
  });

  it('a service that resets -> false at once', async () => {
    const { target } = await serve((socket) => socket.resetAndDestroy());
    expect(await new BannerProbe(clock, target, null).ask(NEVER)).toBe(false);
  });

  it('the signal aborts while it waits -> false at once, and the connection is closed', async () => {
    const { target, seen } = await serve();
    const abort = new AbortController();
    const answer = new BannerProbe(clock, target, null).ask(abort.signal);
    await eventually('the connection', () => sockets.length === 1, { everyMs: 2 });
    abort.abort();
    expect(await answer).toBe(false);
    await eventually('the end', () => seen.ends.length > 0, { everyMs: 2 });
  });

  it('endless other bytes -> false at the bound of what is read', async () => {
    const { target } = await serve((socket) => socket.write(Buffer.alloc(4 * ANSWER_MAX_BYTES, 'no ')));
    expect(await new BannerProbe(clock, target, 'yes').ask(NEVER)).toBe(false);
  });
});

describe('ExchangeProbe', () => {
  it('a service that answers a line -> true; it got the line', async () => {
    const { target, seen } = await serve((socket) => socket.on('data', () => socket.write('pong\n')));
    expect(await new ExchangeProbe(clock, target, { send: 'ping\n', expect: 'pong' }).ask(NEVER)).toBe(true);
    expect(seen.received).toBe('ping\n');
  });

  it('nothing is said what to send -> an empty line, and any byte is an answer', async () => {
    const { target, seen } = await serve((socket) => socket.on('data', () => socket.write('?')));
    expect(await new ExchangeProbe(clock, target, { send: null, expect: null }).ask(NEVER)).toBe(true);
    expect(seen.received).toBe('\n');
  });

  it('a frozen VM behind an address translator: connects, takes the line, is silent -> false at the bound', async () => {
    const { target, seen } = await serve();
    const probe = new ExchangeProbe(clock, target, { send: null, expect: null }, 500);
    const answer = probe.ask(NEVER);
    await eventually('the line', () => seen.received === '\n', { everyMs: 2 });
    await clock.advance(500);
    expect(await answer).toBe(false);
  });
});
