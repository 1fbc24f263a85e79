// The edge of a compressed link: next to the clients. Listens for them, keeps one link to the gate, and dials again when it breaks.
import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { LinkCodec } from '../core/link-codec.ts';
import { loadCore } from '../core/stream-core.ts';
import { type Endpoint, formatEndpoint } from '../platform/endpoint.ts';
import { errorText, TorporError } from '../platform/errors.ts';
import type { Clock, Logger } from '../platform/ports.ts';
import type { StateName } from '../platform/status.ts';
import { resetSocket } from '../streams/reset-socket.ts';
import { SESSION_HISTORY_BYTES } from './link-gate.ts';
import {
  decodeGreeting,
  encodeGreeting,
  LINK_ALPN,
  type LinkNotice,
  RECORD_TYPES,
  SESSION_ID_BYTES,
} from './link-records.ts';
import { type LinkFigures, LinkSession } from './link-session.ts';
import type { LinkStream } from './link-stream.ts';
import { joinConnection, type LinkKeyFiles, readGreeting, tlsRules } from './link-tls.ts';
import { SharedReads } from './shared-reads.ts';
import { SocketEnd } from './socket-end.ts';

/** Between attempts to reach the gate, doubled up to the second. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** For one attempt, TLS included. */
const DIAL_BOUND_MS = 10_000;
/** Between two looks at whether a link to a gate that goes has streams left. */
const LEAVE_LOOK_MS = 1_000;

export interface EdgeListener {
  readonly listen: Endpoint;
  /** What the gate calls it. */
  readonly service: string;
  readonly compress: boolean;
}

export interface LinkEdgeOptions {
  readonly gate: Endpoint;
  readonly keys: LinkKeyFiles;
  readonly listeners: readonly EdgeListener[];
  /** A link that breaks is taken up again within so long; then its streams end by reset. */
  readonly resumeMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** One client of an edge, and what the gate last told of it. */
export interface EdgeStreamStatus {
  readonly service: string;
  readonly client: string;
  /** Whether it counts as active; null: the gate has told nothing, as one before other services than `torpor run` does. */
  readonly active: boolean | null;
  /** What its platform does, such as `asleep` or `waking`. */
  readonly platform: StateName | null;
}

export interface EdgeStatus {
  readonly gate: string;
  readonly connected: boolean;
  readonly sinceMs: number;
  readonly streams: readonly EdgeStreamStatus[];
}

/** An edge whose listeners are open. Clients may come before the gate was ever reached: their bytes wait. */
export class LinkEdge {
  readonly #options: LinkEdgeOptions;
  readonly #codec: LinkCodec;
  readonly #reads: SharedReads;
  readonly #servers: Server[] = [];
  readonly #refused = new Set<string>();
  /** To a gate that goes: they only see their streams to their end. */
  readonly #leaving = new Set<LinkSession>();
  /** What was last logged of each service's platform. */
  readonly #saidOf = new Map<string, StateName>();
  #session: LinkSession;
  #sinceMs: number;
  #hasBeenConnected = false;
  #isClosed = false;
  #pauseMs = FIRST_PAUSE_MS;
  #cancelDial: () => void = NOTHING;
  #cancelEnd: () => void = NOTHING;
  #cancelLook: () => void = NOTHING;
  #dialling: TLSSocket | null = null;

  /** Throws ERR_LINK_LISTEN, and ERR_LINK_KEYS where keys and certificates do not belong together. */
  static async start(options: LinkEdgeOptions): Promise<LinkEdge> {
    const core = await loadCore({ maxStreams: 1, heapBytes: 2 * SESSION_HISTORY_BYTES + 1024 * 1024 });
    const limits = { encoderLimitBytes: SESSION_HISTORY_BYTES, decoderLimitBytes: SESSION_HISTORY_BYTES };
    const edge = new LinkEdge(options, core.openLinkCodec(limits), await SharedReads.open());
    try {
      for (const listener of options.listeners) await edge.#listen(listener);
      edge.#dial();
    } catch (error) {
      await edge.close();
      throw error;
    }
    return edge;
  }

  private constructor(options: LinkEdgeOptions, codec: LinkCodec, reads: SharedReads) {
    this.#options = options;
    this.#reads = reads;
    this.#codec = codec;
    this.#session = this.#makeSession();
    this.#sinceMs = options.clock.nowMs();
  }

  /** Where its listeners are, in the order of the options. */
  get addresses(): Endpoint[] {
    return this.#servers.map((server) => {
      const { address, port } = server.address() as { address: string; port: number };
      return { host: address, port };
    });
  }

  get isConnected(): boolean {
    return this.#session.isConnected;
  }

  status(): EdgeStatus {
    const streams = [this.#session, ...this.#leaving].flatMap((session) => [...session.streams]);
    return {
      gate: formatEndpoint(this.#options.gate),
      connected: this.isConnected,
      sinceMs: this.#sinceMs,
      streams: streams.map(({ service, client, notice }) => ({
        service,
        client,
        active: notice?.isActive ?? null,
        platform: notice?.state ?? null,
      })),
    };
  }

  figures(): LinkFigures {
    return this.#session.figures();
  }

  /** Ends all streams, stops listening and leaves the gate. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelDial();
    this.#cancelEnd();
    this.#cancelLook();
    this.#dialling?.destroy();
    for (const session of [this.#session, ...this.#leaving]) session.close('the edge stops');
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  // ------------------------------------------------------------------------------------------ clients

  async #listen(listener: EdgeListener): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket, listener));
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => {
        const where = formatEndpoint(listener.listen);
        reject(
          new TorporError('ERR_LINK_LISTEN', `the edge cannot listen on ${where}: ${errorText(cause)}`, { cause }),
        );
      });
      server.listen(listener.listen.port, listener.listen.host, resolve);
    });
    server.on('error', (error) => this.#options.log.error({ error: error.message }, 'a listener of the edge failed'));
    this.#servers.push(server);
  }

  #accept(socket: Socket, { service }: EdgeListener): void {
    const client = formatEndpoint({ host: socket.remoteAddress ?? 'unknown', port: socket.remotePort ?? 0 });
    const stream = this.#session.open({ service, client });
    if (stream === null) {
      resetSocket(socket);
      return;
    }
    stream.end = new SocketEnd(socket, stream, this.#reads);
    if (!this.#session.isConnected) this.#boundAbsence();
  }

  /** Nobody waits for the gate longer than a broken link is waited for. */
  #boundAbsence(): void {
    if (this.#cancelEnd !== NOTHING) return;
    const { resumeMs, clock } = this.#options;
    this.#cancelEnd = clock.schedule(resumeMs, () => this.#beginAnew('the link was away for too long'));
  }

  // ------------------------------------------------------------------------------------------ the gate

  #makeSession(): LinkSession {
    const { clock, listeners } = this.#options;
    const compressed = new Set(listeners.filter(({ compress }) => compress).map(({ service }) => service));
    const session: LinkSession = new LinkSession({
      id: randomBytes(SESSION_ID_BYTES),
      role: 'edge',
      codec: this.#codec,
      clock,
      defer: setImmediate,
      historyBytes: SESSION_HISTORY_BYTES,
      accept: () => {
        throw new TorporError('ERR_LINK_PROTOCOL', 'a gate opens no streams');
      },
      compresses: (service) => compressed.has(service),
      onBroken: (why) => this.#onGone(session, why),
      onNotice: (stream, notice) => this.#onNotice(stream, notice),
      onLeave: () => this.#onLeave(session),
    });
    return session;
  }

  /** Said once for each service and change: all its clients hear the same. */
  #onNotice({ service }: LinkStream, { state }: LinkNotice): void {
    if (state === null || this.#saidOf.get(service) === state) return;
    this.#saidOf.set(service, state);
    this.#options.log.info({ service, platform: state }, `the platform of ${service} is ${state}`);
  }

  /** New clients are for the gate that takes its place; those that are there stay as long as this connection does. */
  #onLeave(session: LinkSession): void {
    if (session !== this.#session) return;
    this.#options.log.info({ streams: session.streamCount }, 'the gate hands over: new clients get a new link');
    this.#leaving.add(session);
    this.#session = this.#makeSession();
    this.#hasBeenConnected = false;
    this.#sinceMs = this.#options.clock.nowMs();
    this.#again(null);
    this.#lookAtLeaving();
  }

  #lookAtLeaving(): void {
    this.#cancelLook();
    for (const session of this.#leaving) {
      // The last bytes of the last stream, too, are to arrive.
      if (session.isBusy) continue;
      this.#leaving.delete(session);
      session.close('none of its streams is left');
    }
    if (this.#leaving.size === 0) return;
    this.#cancelLook = this.#options.clock.schedule(LEAVE_LOOK_MS, () => this.#lookAtLeaving());
  }

  #dial(): void {
    const { gate, keys, clock } = this.#options;
    let isOver = false;
    const socket = connect({
      host: gate.host,
      port: gate.port,
      ...tlsRules(keys),
      // The authority signs for links alone, and an edge's key is no gate's by its extended key usage: the name says nothing more.
      checkServerIdentity: () => undefined,
    });
    this.#dialling = socket;
    const fail = (why: string) => {
      if (isOver) return;
      isOver = true;
      cancel();
      socket.destroy();
      this.#dialling = null;
      this.#again(why);
    };
    const cancel = clock.schedule(DIAL_BOUND_MS, () => fail('no answer in time'));
    socket.on('error', (error) => fail(error.message));
    socket.once('close', () => fail('the gate closed the connection'));
    socket.once('secureConnect', () => {
      this.#greet(socket).then(
        () => {
          isOver = true;
          cancel();
          this.#dialling = null;
        },
        (error) => fail(errorText(error)),
      );
    });
  }

  async #greet(socket: TLSSocket): Promise<void> {
    if (socket.alpnProtocol !== LINK_ALPN) throw new TorporError('ERR_LINK_PEER', `it does not speak ${LINK_ALPN}`);
    const session = this.#session;
    const isResumed = this.#hasBeenConnected;
    socket.write(encodeGreeting(RECORD_TYPES.hello, session.greeting(isResumed)));
    const { record, rest } = await readGreeting(socket, this.#options.clock);
    if (session !== this.#session)
      throw new TorporError('ERR_LINK_PEER', 'it greeted when the session was over', { retryable: true });
    if (record.type === RECORD_TYPES.refused) {
      const why = record.payload.toString('utf8');
      if (isResumed) this.#beginAnew(why);
      throw new TorporError('ERR_LINK_PEER', `the gate refused: ${why}`);
    }
    if (record.type !== RECORD_TYPES.welcome) throw new TorporError('ERR_LINK_PEER', 'it does not greet as a gate');
    const welcome = decodeGreeting(record);
    this.#cancelEnd();
    this.#cancelEnd = NOTHING;
    this.#hasBeenConnected = true;
    this.#sinceMs = this.#options.clock.nowMs();
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#refused.clear();
    const facts = { gate: formatEndpoint(this.#options.gate), streams: session.streamCount };
    this.#options.log.info(facts, isResumed ? 'the link goes on' : 'the link stands');
    joinConnection(
      socket,
      this.#reads,
      session,
      (connection) => session.attach(connection, welcome),
      rest,
      (why) => this.#onGone(session, why),
    );
  }

  #onGone(session: LinkSession, why: string): void {
    if (this.#isClosed) return;
    if (this.#leaving.delete(session)) session.close(`the gate has handed over, and is gone: ${why}`);
    if (session !== this.#session) return;
    this.#sinceMs = this.#options.clock.nowMs();
    const { resumeMs, log } = this.#options;
    log.warn({ streams: session.streamCount, resumeMs }, `the link is broken: ${why}`);
    if (session.isClosed) this.#beginAnew(why);
    else this.#boundAbsence();
    this.#again(null);
  }

  /** What the gate knew of the session is lost: its streams cannot go on. */
  #beginAnew(why: string): void {
    this.#cancelEnd();
    this.#cancelEnd = NOTHING;
    const streams = this.#session.streamCount;
    if (streams > 0) this.#options.log.warn({ streams }, `streams end by reset: ${why}`);
    this.#session.close(why);
    if (this.#isClosed) return;
    this.#session = this.#makeSession();
    this.#hasBeenConnected = false;
  }

  #again(why: string | null): void {
    if (this.#isClosed) return;
    // Once for each reason: a gate that is down for a night fills no log.
    if (why !== null && !this.#refused.has(why)) {
      this.#refused.add(why);
      this.#options.log.warn(
        { gate: formatEndpoint(this.#options.gate) },
        `the gate cannot be reached: ${why}; trying on`,
      );
    }
    this.#cancelDial();
    this.#cancelDial = this.#options.clock.schedule(this.#pauseMs, () => this.#dial());
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
  }
}

const NOTHING = () => {};
