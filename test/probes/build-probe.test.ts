import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { buildProbe } from '../../src/compose-probe.ts';
import type { ListenerConfig, ProbeKind } from '../../src/config/torpor-config.ts';
import { systemClock } from '../../src/system-clock.ts';
import { comesTrue } from '../support/eventually.ts';

const closers: Array<() => unknown> = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A server that answers PONG behind a PROXY header, and what it was sent. */
async function startTarget() {
  const got: string[] = [];
  const server = createServer((socket: Socket) => {
    const place = got.push('') - 1;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      got[place] += chunk.toString('latin1');
      if (got[place]?.endsWith('ping\n')) socket.end('PONG');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  closers.push(() => server.close());
  const address = server.address();
  return { port: typeof address === 'object' && address !== null ? address.port : 0, got };
}

function listenerOf(port: number, kind: ProbeKind, send: 'v1' | 'v2' | null): ListenerConfig {
  const probe = { kind, send: 'ping\n', expect: 'PONG', command: null, timeoutMs: 10_000 };
  return { target: { host: '127.0.0.1', port }, probe, proxyProtocol: { acceptFrom: null, send } } as ListenerConfig;
}

describe('probe of a target that expects a PROXY header', () => {
  it.each([
    ['tcp', 'v1', 'PROXY UNKNOWN\r\n'],
    ['exchange', 'v1', 'PROXY UNKNOWN\r\nping\n'],
    ['exchange', 'v2', '\r\n\r\n\0\r\nQUIT\n\x20\0\0\0ping\n'],
    ['exchange', null, 'ping\n'],
  ] as const)('%s, send: %s -> answered, and the header says a check', async (kind, send, expected) => {
    const { port, got } = await startTarget();
    const probe = buildProbe(systemClock, listenerOf(port, kind, send));
    expect(await probe?.ask(new AbortController().signal)).toBe(true);
    await comesTrue(() => expect(got).toEqual([expected]));
  });
});
