// Peers: the HTTP/2 clients of Node (nghttp2) and curl. What they really send, requests on a period and by hand, judged as it was cut.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2, createServer } from 'node:http2';
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from 'node:net';
import { promisify } from 'node:util';
import { afterEach, expect, it } from 'vitest';
import { FLAG_ACTIVE, FLAG_CHATTER, FLAG_LOST } from '../../src/core/abi.ts';
import { loadCore, type StreamCore, type StreamHandle } from '../../src/core/stream-core.ts';
import { eventually } from '../support/eventually.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { ascii, hex, http2Frame } from './support/dialogues.ts';

interface Chunk {
  readonly side: 'client' | 'server';
  readonly bytes: Buffer;
}

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** A server that answers everything, and a port in front of it that keeps what passes, per connection. */
async function startTap(): Promise<{ port: number; connections: Chunk[][] }> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.end('fine'));
  });
  const target = await listen(server as unknown as Server);
  const connections: Chunk[][] = [];
  const tap = createTcpServer((client) => {
    const chunks: Chunk[] = [];
    connections.push(chunks);
    const onward = connect({ host: '127.0.0.1', port: target });
    client.on('data', (bytes) => chunks.push({ side: 'client', bytes }) && onward.write(bytes));
    onward.on('data', (bytes) => chunks.push({ side: 'server', bytes }) && client.write(bytes));
    for (const socket of [client, onward]) socket.on('error', () => {});
    client.on('close', () => onward.destroy());
    onward.on('close', () => client.destroy());
  });
  const port = await listen(tap);
  closers.push(
    () => server.close(),
    () => tap.close(),
  );
  return { port, connections };
}

/** What came since the last call, judged as if all of it had come at `atMs`; answers all flags together. */
class Judge {
  readonly #core: StreamCore;
  readonly #chunks: readonly Chunk[];
  readonly stream: StreamHandle;
  #shown = 0;

  constructor(core: StreamCore, chunks: readonly Chunk[], hints = {}) {
    this.#core = core;
    this.#chunks = chunks;
    this.stream = core.openStream(60_000, 0, hints);
  }

  show(atMs: number): number {
    let flags = 0;
    for (; this.#shown < this.#chunks.length; this.#shown += 1) {
      const { side, bytes } = this.#chunks[this.#shown] as Chunk;
      const given = this.#core.observe(this.stream, side, bytes, atMs);
      flags |= side === 'client' ? given : 0;
    }
    expect(flags & FLAG_LOST).toBe(0);
    return flags & (FLAG_ACTIVE | FLAG_CHATTER);
  }
}

const newCore = () => loadCore({ maxStreams: 64, heapBytes: 256 * 1024 });

async function openSession(port: number): Promise<ClientHttp2Session> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  closers.push(() => session.destroy());
  await once(session, 'remoteSettings');
  return session;
}

async function finish(stream: ClientHttp2Stream): Promise<void> {
  stream.resume();
  await once(stream, 'close');
}

const get = (session: ClientHttp2Session, path: string) => finish(session.request({ ':path': path }));

async function post(session: ClientHttp2Session, path: string, body: Buffer): Promise<void> {
  const stream = session.request({ ':path': path, ':method': 'POST' });
  stream.end(body);
  await finish(stream);
}

const ping = (session: ClientHttp2Session) =>
  new Promise<void>((resolve, reject) => session.ping((error) => (error === null ? resolve() : reject(error))));

describeWhere(null, "Node's client of HTTP/2", () => {
  it('pings -> chatter; a request every 10 s, with others between -> a poll from the fifth on, the others count', async () => {
    const { port, connections } = await startTap();
    const session = await openSession(port);
    await get(session, '/first');
    const core = await newCore();
    const judge = new Judge(core, connections[0] as Chunk[]);
    expect(judge.show(0) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    expect(core.verdict(judge.stream).protocol).toBe('http2');
    const polls: number[] = [];
    for (let beat = 1; beat <= 10; beat += 1) {
      const atMs = beat * 10_000;
      await get(session, '/status');
      polls.push(judge.show(atMs) & FLAG_ACTIVE);
      await ping(session);
      expect(judge.show(atMs + 2000)).toBe(FLAG_CHATTER);
      await get(session, `/page/${beat}`);
      expect(judge.show(atMs + 3456) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    }
    expect(polls.slice(5)).not.toContain(FLAG_ACTIVE);
    await get(session, '/status');
    expect(judge.show(106_000) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
  });

  it('the same body every 10 s -> a poll; another body, an upload and a request called off count', async () => {
    const { port, connections } = await startTap();
    const session = await openSession(port);
    const core = await newCore();
    const judge = new Judge(core, connections[0] as Chunk[]);
    const polls: number[] = [];
    for (let beat = 0; beat < 10; beat += 1) {
      await post(session, '/grpc.health.v1.Health/Check', hex('00 00000000'));
      polls.push(judge.show(beat * 10_000) & FLAG_ACTIVE);
    }
    expect(polls.slice(5)).not.toContain(FLAG_ACTIVE);
    await post(session, '/grpc.health.v1.Health/Check', hex('00 00000001 61'));
    expect(judge.show(93_000) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    await post(session, '/upload', Buffer.alloc(200_000, 7));
    expect(judge.show(94_000) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    const stream = session.request({ ':path': '/slow' }).on('error', () => {});
    stream.close(8);
    await once(stream, 'close');
    await ping(session);
    expect(judge.show(95_000) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
  });

  it('ten requests at once -> the place is kept', async () => {
    const { port, connections } = await startTap();
    const session = await openSession(port);
    await Promise.all(Array.from({ length: 10 }, (_, index) => post(session, `/p/${index}`, Buffer.alloc(50_000))));
    await ping(session);
    const core = await newCore();
    const judge = new Judge(core, connections[0] as Chunk[], { protocol: 'http' });
    expect(judge.show(0) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    await ping(session);
    expect(judge.show(1000)).toBe(FLAG_CHATTER);
  });
});

describeWhere(requires(['curl']), 'curl', () => {
  const curl = (args: readonly string[]) => promisify(execFile)('curl', ['--silent', '--show-error', ...args]);

  it('--http2-prior-knowledge every 10 s, a connection each -> a health check from the fifth on; another path counts', async () => {
    const { port, connections } = await startTap();
    const core = await newCore();
    const ask = async (path: string, atMs: number) => {
      await curl(['--http2-prior-knowledge', `http://127.0.0.1:${port}${path}`]);
      const judge = new Judge(core, connections.at(-1) as Chunk[], { family: 5 });
      const flags = judge.show(atMs) & FLAG_ACTIVE;
      expect(core.verdict(judge.stream).protocol).toBe('http2');
      core.releaseStream(judge.stream);
      return flags;
    };
    const checks: number[] = [];
    for (let beat = 0; beat < 10; beat += 1) checks.push(await ask('/health', beat * 10_000));
    expect(checks.slice(5)).not.toContain(FLAG_ACTIVE);
    expect(await ask('/orders', 93_000)).toBe(FLAG_ACTIVE);
  });

  it('--http2, which asks by HTTP/1.1 for the change -> recognised at the preface, and no byte lost', async () => {
    // No server at hand changes over; this one says what RFC 7540 section 3.2 has it say: 101, its settings, ":status: 204" on stream 1.
    const chunks: Chunk[] = [];
    const answer = Buffer.concat([
      ascii('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'),
      http2Frame(4, 0, 0, hex('')),
      http2Frame(1, 5, 1, hex('89')),
    ]);
    const server = createTcpServer((client) => {
      client.on('error', () => {});
      client.on('data', (bytes) => {
        chunks.push({ side: 'client', bytes });
        if (chunks.length > 1) return;
        chunks.push({ side: 'server', bytes: answer });
        client.write(answer);
      });
    });
    const port = await listen(server);
    closers.push(() => server.close());
    const { stdout } = await curl([
      '--http2',
      '--output',
      '/dev/null',
      '--write-out',
      '%{http_version} %{http_code}',
      `http://127.0.0.1:${port}/`,
    ]);
    expect(stdout).toBe('2 204');
    await eventually('what curl sent', () => chunks.filter(({ side }) => side === 'client').length > 1);
    const core = await newCore();
    const judge = new Judge(core, chunks);
    expect(judge.show(0) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    expect(core.verdict(judge.stream)).toMatchObject({ protocol: 'http2', isLost: false });
  });
});
