// Which session an edge goes on with when its window, a peer's fault or a gate that leaves comes at an awkward moment. The gate is one
// that greets by hand.
import { connect, type Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LinkEdge } from '../../src/link/link-edge.ts';
import { makeLinkKeys } from '../../src/link/link-keys.ts';
import {
  decodeGreeting,
  decodeOpening,
  encodeAck,
  encodeGreeting,
  encodeRecord,
  FIRST_NUMBERED_TYPE,
  type LinkGreeting,
  type LinkRecord,
  RECORD_HEADER_BYTES,
  RECORD_TYPES,
  RecordReader,
} from '../../src/link/link-records.ts';
import { type LinkKeyFiles, readLinkKeys, tlsRules } from '../../src/link/link-tls.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { KeptLog } from '../support/kept-log.ts';
import { TempFolder } from '../support/temp-folder.ts';

const LOOPBACK = '127.0.0.1';
/** Shorter than a gate may take to greet. */
const RESUME_MS = 5_000;
/** Longer than the pause before the next attempt to reach the gate. */
const PAUSE_MS = 1_000;
const LEAVE_LOOK_MS = 1_000;

let folder: TempFolder;
let keys: { gate: LinkKeyFiles; edge: LinkKeyFiles };

beforeAll(async () => {
  folder = new TempFolder('edge-sessions');
  const names = [
    { name: 'gate', role: 'gate' },
    { name: 'edge', role: 'edge' },
  ] as const;
  await makeLinkKeys(folder.path, names, Date.now());
  keys = { gate: await readLinkKeys(folder.path, 'gate'), edge: await readLinkKeys(folder.path, 'edge') };
}, 60_000);
afterAll(() => folder[Symbol.dispose]());

/** One connection of the edge at the gate that greets by hand. */
class Visit {
  readonly records: Array<{ type: number; stream: number; payload: Buffer }> = [];
  isClosed = false;
  readonly #socket: TLSSocket;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    const reader = new RecordReader();
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
    });
    socket.on('data', (chunk: Buffer) =>
      reader.push(chunk, ({ type, stream, payload }) => {
        this.records.push({ type, stream, payload: Buffer.from(payload) });
        return true;
      }),
    );
  }

  get hello(): LinkGreeting | null {
    const [record] = this.records;
    return record === undefined ? null : decodeGreeting(record as LinkRecord);
  }

  get clients(): number {
    const openings = this.records.filter(({ type }) => type === RECORD_TYPES.open);
    return openings.map((record) => decodeOpening(record as LinkRecord)).length;
  }

  welcome(): void {
    const { session, isResumed } = this.hello as LinkGreeting;
    const welcome = { session, isResumed, receivedBytes: 0, historyBytes: 1_000_000, creditBytes: 262_144 };
    this.send(encodeGreeting(RECORD_TYPES.welcome, welcome));
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  drop(): void {
    this.#socket.destroy();
  }
}

class Scene {
  readonly log = new KeptLog();
  readonly clock = new FakeClock();
  readonly visits: Visit[] = [];
  readonly sockets: Socket[] = [];
  server!: Server;
  edge!: LinkEdge;

  async begin(): Promise<void> {
    this.server = createServer({ ...tlsRules(keys.gate), requestCert: true }, (socket) => {
      this.visits.push(new Visit(socket));
    });
    await new Promise<void>((resolve) => this.server.listen(0, LOOPBACK, resolve));
    const { port } = this.server.address() as { port: number };
    this.edge = await LinkEdge.start({
      gate: { host: LOOPBACK, port },
      keys: keys.edge,
      listeners: [{ listen: { host: LOOPBACK, port: 0 }, service: 'desktop', compress: true }],
      resumeMs: RESUME_MS,
      clock: this.clock,
      log: this.log,
    });
  }

  /** The connection of this number, once its hello has come. */
  async visit(n: number): Promise<Visit> {
    await eventually(`hello ${n}`, () => this.visits[n]?.hello ?? null);
    return this.visits[n] as Visit;
  }

  client(): { readonly socket: Socket; isOver: boolean } {
    const [address] = this.edge.addresses;
    const socket = connect({ port: address?.port ?? 0, host: LOOPBACK });
    this.sockets.push(socket);
    const kept = { socket, isOver: false };
    socket.on('error', () => {});
    socket.on('close', () => {
      kept.isOver = true;
    });
    return kept;
  }

  async end(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await this.edge.close();
    for (const visit of this.visits) visit.drop();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

describe('an edge’s sessions', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = new Scene();
    await scene.begin();
  });
  afterEach(() => scene.end());

  it('its window ends while the gate takes its time to greet -> the next client is served by a new session', async () => {
    const first = await scene.visit(0);
    const early = scene.client();
    await eventually('the early client', () => scene.edge.status().streams.length === 1);
    await scene.clock.advance(RESUME_MS);
    await eventually('the window to end', () => early.isOver);
    first.welcome();
    await eventually('the connection to be given up', () => first.isClosed);
    await scene.clock.advance(PAUSE_MS);
    const next = await scene.visit(1);
    expect(next.hello?.session.equals((first.hello as LinkGreeting).session)).toBe(false);
    next.welcome();
    await eventually('the link', () => scene.edge.isConnected);
    scene.client();
    await eventually('the client', () => next.clients === 1);
  });

  it('its window ends while a gate is about to refuse to resume -> clients that have come since stay', async () => {
    const first = await scene.visit(0);
    first.welcome();
    await eventually('the link', () => scene.edge.isConnected);
    const early = scene.client();
    await eventually('the client', () => first.clients === 1);
    first.drop();
    await eventually('the break', () => !scene.edge.isConnected);
    await scene.clock.advance(PAUSE_MS);
    const second = await scene.visit(1);
    expect(second.hello?.isResumed).toBe(true);
    await scene.clock.advance(RESUME_MS);
    await eventually('the window to end', () => early.isOver);
    const late = scene.client();
    await eventually('the late client', () => scene.edge.status().streams.length === 1);
    second.send(encodeRecord(RECORD_TYPES.refused, 0, Buffer.from('the session is over')));
    await eventually('the connection to be given up', () => second.isClosed);
    await scene.clock.advance(PAUSE_MS);
    const third = await scene.visit(2);
    third.welcome();
    await eventually('the late client', () => third.clients === 1);
    expect(late.isOver).toBe(false);
  });

  it('a gate that leaves, whose last stream has ended -> its connection stays until it has all of it', async () => {
    const first = await scene.visit(0);
    first.welcome();
    await eventually('the link', () => scene.edge.isConnected);
    const client = scene.client();
    client.socket.end('the last words');
    await eventually('the end', () => first.records.some(({ type }) => type === RECORD_TYPES.end));
    const stream = first.records.find(({ type }) => type === RECORD_TYPES.open)?.stream;
    first.send(Buffer.concat([encodeRecord(RECORD_TYPES.leave), encodeRecord(RECORD_TYPES.end, stream)]));
    await eventually('the client to be done', () => client.isOver);
    await scene.clock.advance(4 * LEAVE_LOOK_MS);
    first.send(encodeRecord(RECORD_TYPES.ping));
    await eventually('an answer', () => first.records.some(({ type }) => type === RECORD_TYPES.pong));
    const numbered = first.records.filter(({ type }) => type >= FIRST_NUMBERED_TYPE);
    first.send(encodeAck(numbered.reduce((sum, { payload }) => sum + RECORD_HEADER_BYTES + payload.length, 0)));
    await eventually('the end of the connection', async () => {
      await scene.clock.advance(LEAVE_LOOK_MS);
      return first.isClosed;
    });
  });

  it('a gate that breaks the protocol -> a new session, and its clients are served', async () => {
    const first = await scene.visit(0);
    first.welcome();
    await eventually('the link', () => scene.edge.isConnected);
    const early = scene.client();
    await eventually('the client', () => first.clients === 1);
    first.send(encodeRecord(99));
    await eventually('the reset', () => early.isOver);
    await scene.clock.advance(PAUSE_MS);
    const next = await scene.visit(1);
    expect(next.hello?.isResumed).toBe(false);
    next.welcome();
    await eventually('the link', () => scene.edge.isConnected);
    scene.client();
    await eventually('the next client', () => next.clients === 1);
    const said = scene.log.lines.map((line) => JSON.stringify(line)).join('\n');
    expect(said).toMatch(/the link is broken: a record of the unknown type 99/);
    expect(said).toMatch(/streams end by reset: a record of the unknown type 99/);
  });
});
