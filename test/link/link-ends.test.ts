// An edge and a gate over real TLS and sockets, with a relay between them that breaks.
import { createHash, randomBytes } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EdgeStatusPage } from '../../src/link/edge-status-page.ts';
import { GateServer } from '../../src/link/gate-server.ts';
import { TcpServices } from '../../src/link/gate-services.ts';
import { LinkEdge } from '../../src/link/link-edge.ts';
import { LinkGate } from '../../src/link/link-gate.ts';
import { makeLinkKeys } from '../../src/link/link-keys.ts';
import {
  encodeGreeting,
  encodeRecord,
  LINK_ALPN,
  type LinkRecord,
  RECORD_TYPES,
  RecordReader,
  SESSION_ID_BYTES,
} from '../../src/link/link-records.ts';
import { type LinkKeyFiles, readLinkKeys } from '../../src/link/link-tls.ts';
import { systemClock } from '../../src/system-clock.ts';
import { eventually } from '../support/eventually.ts';
import { KeptLog } from '../support/kept-log.ts';
import { freePort } from '../support/ports.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { Relay } from './support/relay.ts';

const LOOPBACK = '127.0.0.1';
const RESUME_MS = 20_000;

let folder: TempFolder;
let keys: { gate: LinkKeyFiles; edge: LinkKeyFiles; stranger: LinkKeyFiles };

beforeAll(async () => {
  folder = new TempFolder('link');
  const own = folder.file('own');
  const other = folder.file('other');
  await makeLinkKeys(own, [{ name: 'gate', role: 'gate' }], Date.now());
  await makeLinkKeys(own, [{ name: 'edge', role: 'edge' }], Date.now());
  await makeLinkKeys(other, [{ name: 'edge', role: 'edge' }], Date.now());
  const stranger = await readLinkKeys(other, 'edge');
  keys = { gate: await readLinkKeys(own, 'gate'), edge: await readLinkKeys(own, 'edge'), stranger };
}, 60_000);
afterAll(() => folder[Symbol.dispose]());

/** What a test has open. */
class Scene {
  readonly log = new KeptLog();
  readonly sockets: Socket[] = [];
  target!: Server;
  gate!: LinkGate;
  edge!: LinkEdge;
  relay!: Relay;

  async begin(onClient: (socket: Socket) => void, resumeMs = RESUME_MS, edgeKeys = keys.edge): Promise<void> {
    this.target = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      this.sockets.push(socket);
      onClient(socket);
    });
    await new Promise<void>((resolve) => this.target.listen(0, LOOPBACK, resolve));
    const { port } = this.target.address() as { port: number };
    const common = { resumeMs, clock: systemClock, log: this.log };
    const closedPort = await freePort();
    this.gate = await LinkGate.start({
      ...common,
      listen: { host: LOOPBACK, port: 0 },
      keys: keys.gate,
      services: new TcpServices(
        [
          { name: 'desktop', target: { host: LOOPBACK, port }, compress: true, proxyProtocol: null },
          { name: 'closed', target: { host: LOOPBACK, port: closedPort }, compress: true, proxyProtocol: null },
          { name: 'named', target: { host: LOOPBACK, port }, compress: true, proxyProtocol: 'v1' },
        ],
        this.log,
      ),
    });
    this.relay = await Relay.start(this.gate.address.port);
    const listen = { host: LOOPBACK, port: 0 };
    this.edge = await LinkEdge.start({
      ...common,
      gate: { host: LOOPBACK, port: this.relay.port },
      keys: edgeKeys,
      listeners: ['desktop', 'closed', 'missing', 'named'].map((service) => ({ listen, service, compress: true })),
    });
  }

  client(service = 0): Socket {
    const socket = connect({
      port: (this.edge.addresses[service] as { port: number }).port,
      host: LOOPBACK,
      allowHalfOpen: true,
    });
    socket.on('error', () => {});
    this.sockets.push(socket);
    return socket;
  }

  async end(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await this.edge?.close();
    await this.gate?.close();
    await this.relay?.close();
    await new Promise((resolve) => this.target.close(resolve));
  }
}

const logText = ({ log }: Scene) => log.lines.map((line) => JSON.stringify(line)).join('\n');

const echo = (socket: Socket) => socket.pipe(socket);

/** Everything that a socket receives, and how it ends. */
function collect(socket: Socket): { bytes(): Buffer; end: string | null } {
  const chunks: Buffer[] = [];
  const kept = { bytes: () => Buffer.concat(chunks), end: null as string | null };
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('end', () => {
    kept.end = 'fin';
  });
  socket.on('error', (error) => {
    kept.end = (error as NodeJS.ErrnoException).code ?? error.message;
  });
  return kept;
}

describe('edge and gate', () => {
  let scene: Scene;
  afterEach(() => scene.end());

  it('a client that says something and ends: echoed whole, with both FINs', async () => {
    scene = new Scene();
    await scene.begin(echo);
    const client = scene.client();
    const kept = collect(client);
    const text = Buffer.alloc(300_000, 'what is said comes back; ');
    client.end(text);
    await eventually('the end', () => kept.end);
    expect(kept.end).toBe('fin');
    expect(kept.bytes().equals(text)).toBe(true);
    const { figures } = scene.gate.figures()[0] as { figures: { rawBytesSent: number; wireBytesSent: number } };
    expect(figures.rawBytesSent).toBe(text.length);
    expect(figures.wireBytesSent).toBeLessThan(text.length / 4);
    await eventually('no stream', () => scene.edge.figures().streams === 0);
  });

  it('20 clients, 1 MB each way, over a relay that is cut ten times: every byte once, no connection closed', async () => {
    scene = new Scene();
    await scene.begin(echo);
    const clients = Array.from({ length: 20 }, (_, n) => {
      const socket = scene.client();
      const noise = randomBytes(500_000);
      const bytes =
        n % 2 === 0 ? noise : Buffer.concat([noise.subarray(0, 50_000), Buffer.alloc(950_000, `line ${n}; `)]);
      return { socket, bytes, kept: collect(socket) };
    });
    await eventually('the link', () => scene.edge.isConnected);
    let isDone = false;
    const sending = Promise.all(
      clients.map(async ({ socket, bytes }) => {
        for (let at = 0; at < bytes.length; at += 20_000) {
          socket.write(bytes.subarray(at, at + 20_000));
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        socket.end();
      }),
    ).then(() => {
      isDone = true;
    });
    let cuts = 0;
    while (!isDone || cuts < 10) {
      await new Promise((resolve) => setTimeout(resolve, 60));
      if (cuts < 10 && scene.edge.isConnected) {
        scene.relay.cut();
        cuts += 1;
      }
    }
    await sending;
    for (const { kept } of clients) await eventually('each end', () => kept.end, { withinMs: 60_000 });
    for (const { kept, bytes } of clients) {
      expect(kept.end).toBe('fin');
      expect(createHash('sha256').update(kept.bytes()).digest('hex')).toBe(
        createHash('sha256').update(bytes).digest('hex'),
      );
    }
    expect(scene.relay.connections).toBeGreaterThan(5);
  });

  it('away for longer than the window: both ends reset, and the next client is served by a new link', async () => {
    scene = new Scene();
    await scene.begin(echo, 500);
    // A client that comes before the link waits for it no longer than the window.
    await eventually('the link', () => scene.edge.isConnected);
    const client = scene.client();
    const kept = collect(client);
    client.write('first');
    await eventually('the echo', () => kept.bytes().length === 5);
    scene.relay.down();
    await eventually('the reset', () => kept.end);
    expect(kept.end).toBe('ECONNRESET');
    await eventually('the gate to forget', () => scene.gate.figures().length === 0);
    scene.relay.up();
    await eventually('the next link', () => scene.edge.isConnected);
    const next = scene.client();
    const nextKept = collect(next);
    next.write('second');
    await eventually('the echo', () => nextKept.bytes().toString() === 'second');
  });

  it('a client before the gate can be reached: waits, and is served when it can', async () => {
    scene = new Scene();
    await scene.begin(echo);
    scene.relay.down();
    await eventually('the break', () => !scene.edge.isConnected);
    const client = scene.client();
    const kept = collect(client);
    client.write('patience');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(kept.bytes().length).toBe(0);
    scene.relay.up();
    await eventually('the echo', () => kept.bytes().toString() === 'patience');
  });

  it('the status page: what the link and its streams do, to whoever reads', async () => {
    scene = new Scene();
    await scene.begin(echo);
    const page = await EdgeStatusPage.open({ host: LOOPBACK, port: 0 }, scene.edge);
    try {
      await eventually('the link', () => scene.edge.isConnected);
      const client = scene.client();
      client.write('hello');
      const url = `http://${LOOPBACK}:${page.address.port}/`;
      await eventually('the stream', () => scene.edge.status().streams.length === 1);
      expect(await (await fetch(url)).json()).toMatchObject({
        connected: true,
        streams: [{ service: 'desktop', client: `${LOOPBACK}:${client.localPort}`, active: null, platform: null }],
      });
      expect((await fetch(url, { method: 'POST' })).status).toBe(405);
    } finally {
      await page.close();
    }
  });

  it('a client that resets: its server sees a reset; a server that resets: its client does', async () => {
    scene = new Scene();
    const ends: string[] = [];
    await scene.begin((socket) => {
      socket.on('data', (bytes) => {
        if (bytes.toString() === 'reset me') socket.resetAndDestroy();
      });
      socket.on('error', (error) => ends.push((error as NodeJS.ErrnoException).code ?? ''));
    });
    const client = scene.client();
    client.write('hello');
    await eventually('the stream', () => scene.gate.figures()[0]?.figures.rawBytesReceived === 5);
    client.resetAndDestroy();
    await eventually('the reset', () => ends.length === 1);
    expect(ends).toEqual(['ECONNRESET']);
    const other = scene.client();
    const kept = collect(other);
    other.write('reset me');
    await eventually('the other reset', () => kept.end);
    expect(kept.end).toBe('ECONNRESET');
  });

  it('a service that refuses, one that the gate does not have: reset, and the log says which', async () => {
    scene = new Scene();
    await scene.begin(echo);
    for (const service of [1, 2]) {
      const client = scene.client(service);
      const kept = collect(client);
      client.write('anybody?');
      await eventually('the reset', () => kept.end);
      expect(kept.end).toBe('ECONNRESET');
    }
    expect(logText(scene)).toContain('ECONNREFUSED');
  });

  it('a service that is told of its clients: a PROXY header with the client’s own address comes first', async () => {
    scene = new Scene();
    let heard = '';
    await scene.begin((socket) => {
      socket.on('data', (bytes) => {
        heard += bytes.toString();
      });
    });
    const client = scene.client(3);
    client.write('hello');
    await eventually('both', () => heard.endsWith('hello'));
    const { localPort } = client;
    const { port } = scene.target.address() as { port: number };
    expect(heard).toBe(`PROXY TCP4 127.0.0.1 127.0.0.1 ${localPort} ${port}\r\nhello`);
  });

  it('an edge of another authority: never gets in, and both say so', async () => {
    scene = new Scene();
    await scene.begin(echo, RESUME_MS, keys.stranger);
    await eventually(
      'a word of it',
      () => /cannot be reached/.test(logText(scene)) && /was refused/.test(logText(scene)),
    );
    expect(scene.edge.isConnected).toBe(false);
    expect(scene.gate.figures()).toEqual([]);
  });

  it('an edge’s key at a gate’s place: no edge believes it', async () => {
    scene = new Scene();
    await scene.begin(echo);
    const impostor = await LinkGate.start({
      listen: { host: LOOPBACK, port: 0 },
      keys: keys.edge,
      services: new TcpServices([], scene.log),
      resumeMs: RESUME_MS,
      clock: systemClock,
      log: scene.log,
    });
    const { port } = impostor.address;
    const socket = connectTls({
      port,
      host: LOOPBACK,
      ...keys.edge,
      ALPNProtocols: [LINK_ALPN],
      checkServerIdentity: () => undefined,
    });
    const error = await new Promise<Error>((resolve) => socket.once('error', resolve));
    expect((error as NodeJS.ErrnoException).code).toBe('INVALID_PURPOSE');
    await impostor.close();
  });

  it('a gate that has all the sessions it may: the next edge is refused and told why, and gets in when one is over', async () => {
    scene = new Scene();
    await scene.begin(echo, 300);
    const gate = await LinkGate.start({
      listen: { host: LOOPBACK, port: 0 },
      keys: keys.gate,
      services: new TcpServices([], scene.log),
      resumeMs: 300,
      clock: systemClock,
      log: scene.log,
      maxSessions: 2,
    });
    const startEdge = () =>
      LinkEdge.start({
        gate: gate.address,
        keys: keys.edge,
        listeners: [],
        resumeMs: 300,
        clock: systemClock,
        log: scene.log,
      });
    const edges = [await startEdge(), await startEdge()];
    try {
      for (const edge of edges) await eventually('a link', () => edge.isConnected);
      const late = await startEdge();
      edges.push(late);
      await eventually('the refusal', () => /the gate refused: the gate has 2 sessions/.test(logText(scene)));
      expect([late.isConnected, gate.figures().length]).toEqual([false, 2]);
      await edges.shift()?.close();
      await eventually('the late edge to get in', () => late.isConnected);
      expect(gate.figures().length).toBe(2);
    } finally {
      for (const edge of edges) await edge.close();
      await gate.close();
    }
  });

  it('an edge that greets while the gate leaves: is asked to leave at once, and is not where the gate was taken back', async () => {
    scene = new Scene();
    await scene.begin(echo);
    const records: LinkRecord[] = [];
    const greet = async (whenSecure: () => void) => {
      const { port } = scene.gate.address;
      const rules = { ...keys.edge, ALPNProtocols: [LINK_ALPN], checkServerIdentity: () => undefined };
      const socket = connectTls({ port, host: LOOPBACK, ...rules });
      scene.sockets.push(socket);
      socket.on('error', () => {});
      const reader = new RecordReader();
      socket.on('data', (chunk: Buffer) => reader.push(chunk, (record) => records.push(record) > 0));
      await new Promise<void>((resolve) => socket.once('secureConnect', resolve));
      whenSecure();
      const session = randomBytes(SESSION_ID_BYTES);
      const hello = { session, isResumed: false, receivedBytes: 0, historyBytes: 0, creditBytes: 262_144 };
      socket.write(encodeGreeting(RECORD_TYPES.hello, hello));
      // Whatever the gate says of itself comes before its second answer.
      for (const pongs of [1, 2]) {
        socket.write(encodeRecord(RECORD_TYPES.ping));
        await eventually('an answer', () => records.filter(({ type }) => type === RECORD_TYPES.pong).length === pongs);
      }
    };
    await eventually('the link', () => scene.edge.isConnected);
    await greet(() => scene.gate.leave());
    expect(records.map(({ type }) => type)).toContain(RECORD_TYPES.leave);
    await scene.gate.takeBack();
    records.splice(0);
    await greet(() => {});
    expect(records.map(({ type }) => type)).toEqual([RECORD_TYPES.welcome, RECORD_TYPES.pong, RECORD_TYPES.pong]);
  });

  it('connections that say nothing: no more than may be, and a place is free when one is gone', async () => {
    scene = new Scene();
    await scene.begin(echo);
    const listen = { host: LOOPBACK, port: 0 };
    const server = await GateServer.listen(listen, keys.gate, scene.log, () => {}, 2);
    const dial = async () => {
      const socket = connect(server.address.port, LOOPBACK).on('error', () => {});
      scene.sockets.push(socket);
      let isClosed = false;
      socket.on('close', () => {
        isClosed = true;
      });
      socket.resume();
      await new Promise((resolve) => socket.once('connect', resolve));
      return { socket, isClosed: () => isClosed };
    };
    const silent = [await dial(), await dial()];
    const third = await dial();
    await eventually('the third to be closed', third.isClosed);
    expect(silent.map(({ isClosed }) => isClosed())).toEqual([false, false]);
    silent[0]?.socket.destroy();
    await eventually('a place', async () => {
      const next = connectTls({
        port: server.address.port,
        host: LOOPBACK,
        ...keys.edge,
        ALPNProtocols: [LINK_ALPN],
        checkServerIdentity: () => undefined,
      });
      scene.sockets.push(next);
      return new Promise<boolean>((resolve) => {
        next.once('secureConnect', () => resolve(true));
        next.once('error', () => resolve(false));
      });
    });
    await server.close();
  });

  it('whoever greets with anything else: is closed, and the gate serves on', async () => {
    scene = new Scene();
    await scene.begin(echo);
    for (const greeting of [
      randomBytes(300),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.alloc(40),
      Buffer.of(1, 0, 0, 1, 0, 0, 0, 0, 9),
    ]) {
      const socket = connectTls({
        port: scene.gate.address.port,
        host: LOOPBACK,
        ...keys.edge,
        ALPNProtocols: [LINK_ALPN],
        checkServerIdentity: () => undefined,
      });
      socket.on('error', () => {});
      let isClosed = false;
      socket.on('close', () => {
        isClosed = true;
      });
      socket.resume();
      socket.write(greeting);
      // A greeting that is not whole is waited for; this one hangs up itself.
      setTimeout(() => socket.end(), 300);
      await eventually('the close', () => isClosed);
    }
    const client = scene.client();
    const kept = collect(client);
    client.write('still there');
    await eventually('the echo', () => kept.bytes().toString() === 'still there');
  });
});
