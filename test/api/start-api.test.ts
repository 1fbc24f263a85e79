// Where the API listens and how it ends.
import { connect, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { CLOSE_GRACE_MS, startApi } from '../../src/api/start-api.ts';
import { KeptLog } from '../support/kept-log.ts';
import { FakeFarm } from './fakes/fake-farm.ts';

const ends: Array<() => Promise<void> | void> = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function start(host: string, port = 0) {
  const api = await startApi(new FakeFarm(), { listen: { host, port }, log: new KeptLog(), version: '0' });
  ends.push(() => api.close());
  return api;
}

function occupy(): Promise<{ server: Server; port: number }> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen({ host: '127.0.0.1', port: 0 }, () => {
      ends.push(() => void server.close());
      resolve({ server, port: (server.address() as { port: number }).port });
    });
  });
}

describe('API', () => {
  it.each(['127.0.0.1', 'localhost'])('listen on %s -> answers there', async (host) => {
    const { url } = await start(host);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it.each(['0.0.0.0', '10.0.0.5', '::', 'torpor.example', '128.0.0.1'])(
    'listen on %s (not loopback) without tokens -> ERR_API_LISTEN that says what to do',
    async (host) => {
      await expect(start(host)).rejects.toMatchObject({
        code: 'ERR_API_LISTEN',
        message: expect.stringMatching(/without tokens.*torpor token add.*api\.tokensFile.*127\.0\.0\.1:7070/),
      });
    },
  );

  it('port in use -> ERR_API_LISTEN that says what to do, and the other program is left alone', async () => {
    const { port, server } = await occupy();
    await expect(start('127.0.0.1', port)).rejects.toMatchObject({
      code: 'ERR_API_LISTEN',
      message: expect.stringMatching(new RegExp(`127\\.0\\.0\\.1:${port}: the port is taken.*free port`)),
    });
    expect(server.listening).toBe(true);
  });

  it('closed twice -> once, and the port is free again', async () => {
    const api = await start('127.0.0.1');
    const port = Number(new URL(api.url).port);
    await fetch(`${api.url}/healthz`);
    await Promise.all([api.close(), api.close()]);
    await expect(fetch(`${api.url}/healthz`)).rejects.toThrow();
    await start('127.0.0.1', port);
  });

  it('closed while a request never ends -> done within the grace and a little', async () => {
    const api = await start('127.0.0.1');
    const { hostname, port } = new URL(api.url);
    const socket = connect({ host: hostname, port: Number(port) });
    socket.on('error', () => {});
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    await new Promise<void>((resolve) => socket.write('POST /api/v1/plat', () => resolve()));
    const before = performance.now();
    await api.close();
    expect(performance.now() - before).toBeLessThan(CLOSE_GRACE_MS + 60_000);
    socket.destroy();
  });
});
