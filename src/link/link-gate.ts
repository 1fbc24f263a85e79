// The gate of a compressed link: next to the platforms. Takes edges' connections, and keeps their sessions while a connection is missing.
// What their streams are connected to is its services'.
import type { TLSSocket } from 'node:tls';
import type { LinkCodec } from '../core/link-codec.ts';
import { loadCore } from '../core/stream-core.ts';
import type { Endpoint } from '../platform/endpoint.ts';
import { errorText, TorporError } from '../platform/errors.ts';
import type { Clock, Logger } from '../platform/ports.ts';
import type { LinkStatus } from '../platform/status.ts';
import { EdgeLedger } from './edge-ledger.ts';
import { GateServer } from './gate-server.ts';
import type { GateServices } from './gate-services.ts';
import {
  decodeGreeting,
  encodeGreeting,
  encodeRecord,
  LINK_ALPN,
  type LinkGreeting,
  RECORD_TYPES,
} from './link-records.ts';
import { type LinkFigures, LinkSession } from './link-session.ts';
import { joinConnection, type LinkKeyFiles, readGreeting } from './link-tls.ts';
import { SharedReads } from './shared-reads.ts';

/** A link that breaks is resumed within so long; then its streams end by reset. */
export const RESUME_WINDOW_MS = 60_000;
/** Edges at once, those that are away within their window included. */
export const MAX_SESSIONS = 1024;
/** Histories of one session, each way. */
export const SESSION_HISTORY_BYTES = 24 * 1024 * 1024;

/** What of a gate may change while its links stand. */
export interface GateRules {
  readonly listen: Endpoint;
  readonly keys: LinkKeyFiles;
  readonly resumeMs: number;
}

export interface LinkGateOptions extends GateRules {
  readonly services: GateServices;
  readonly clock: Clock;
  readonly log: Logger;
  /** Default: MAX_SESSIONS. */
  readonly maxSessions?: number;
}

interface Held {
  readonly session: LinkSession;
  /** SHA-256 of the edge's certificate: nobody else takes the session over. */
  readonly fingerprint: string;
  readonly edge: string;
  cancelEnd: () => void;
}

/** A gate that listens. */
export class LinkGate {
  readonly #options: LinkGateOptions;
  readonly #reads: SharedReads;
  readonly #ledger = new EdgeLedger();
  readonly #sessions = new Map<string, Held>();
  #rules: GateRules;
  #server: GateServer;
  #isLeaving = false;
  /** The one at work and those that only see their connections to their end. */
  readonly #servers = new Set<GateServer>();

  /** Throws ERR_LINK_LISTEN, and ERR_LINK_KEYS where keys and certificates do not belong together. */
  static async start(options: LinkGateOptions): Promise<LinkGate> {
    let gate: LinkGate | null = null;
    const onSecure = (socket: TLSSocket) => gate?.take(socket);
    const reads = await SharedReads.open();
    const server = await GateServer.listen(options.listen, options.keys, options.log, onSecure);
    gate = new LinkGate(options, reads, server);
    return gate;
  }

  private constructor(options: LinkGateOptions, reads: SharedReads, server: GateServer) {
    this.#options = options;
    this.#reads = reads;
    this.#rules = options;
    this.#server = server;
    this.#keep(server);
  }

  get address(): Endpoint {
    return this.#server.address;
  }

  /** Listeners that have not seen their last connection to its end: the one at work among them. */
  get listenerCount(): number {
    return this.#servers.size;
  }

  /** An edge that is connected has streams, or does not have all that was sent to it. */
  get isBusy(): boolean {
    return [...this.#sessions.values()].some(({ session }) => session.isConnected && session.isBusy);
  }

  /** What each edge's session does now. */
  figures(): readonly { readonly edge: string; readonly isConnected: boolean; readonly figures: LinkFigures }[] {
    return [...this.#sessions.values()].map(({ session, edge }) => ({
      edge,
      isConnected: session.isConnected,
      figures: session.figures(),
    }));
  }

  /** One for each edge that ever had a link, a bounded number of them. */
  status(): LinkStatus[] {
    return this.#ledger.status();
  }

  /**
   * Other rules, without ending a link: keys count for the next connections, an address from now on. Throws as `start`, and then all
   * stays as it was.
   */
  async change(rules: GateRules): Promise<void> {
    const { listen } = this.#rules;
    if (listen.host === rules.listen.host && listen.port === rules.listen.port) this.#server.useKeys(rules.keys);
    else await this.#listen(rules);
    this.#rules = rules;
  }

  /** Takes no more links and asks edges to open their next streams elsewhere; those that are open go on. */
  leave(): void {
    this.#isLeaving = true;
    this.#server.stopListening();
    for (const { session } of this.#sessions.values()) session.askToLeave();
  }

  /** Back from `leave`. Throws ERR_LINK_LISTEN. */
  async takeBack(): Promise<void> {
    await this.#listen(this.#rules);
    this.#isLeaving = false;
  }

  /** Ends all streams and stops listening. */
  async close(): Promise<void> {
    for (const held of [...this.#sessions.values()]) this.#end(held, 'the gate stops');
    await Promise.all([...this.#servers].map((server) => server.close()));
  }

  async #listen({ listen, keys }: GateRules): Promise<void> {
    const next = await GateServer.listen(listen, keys, this.#options.log, (socket) => this.take(socket));
    this.#server.stopListening();
    this.#server = next;
    this.#keep(next);
  }

  #keep(server: GateServer): void {
    this.#servers.add(server);
    void server.closed.then(() => this.#servers.delete(server));
  }

  // ------------------------------------------------------------------------------------------ edges

  /** A connection whose TLS handshake has passed. */
  take(socket: TLSSocket): void {
    this.#welcome(socket).catch((error) => {
      const facts = { from: socket.remoteAddress, error: errorText(error) };
      this.#options.log.warn(facts, 'a connection to the gate ended before it was a link');
      socket.destroy();
    });
  }

  async #welcome(socket: TLSSocket): Promise<void> {
    const { clock, log } = this.#options;
    if (socket.alpnProtocol !== LINK_ALPN)
      throw new TorporError('ERR_LINK_PEER', `the peer does not speak ${LINK_ALPN}`);
    const { record, rest } = await readGreeting(socket, clock);
    if (record.type !== RECORD_TYPES.hello)
      throw new TorporError('ERR_LINK_PEER', 'the peer does not greet as an edge');
    const hello = decodeGreeting(record);
    const certificate = socket.getPeerCertificate();
    const edge = String(certificate.subject?.CN ?? '?');
    const from = socket.remoteAddress ?? null;
    const held =
      this.#known(hello, certificate.fingerprint256) ?? (await this.#begin(hello, certificate.fingerprint256, edge));
    if (typeof held === 'string') {
      log.warn({ edge, from }, `an edge was refused: ${held}`);
      socket.end(encodeRecord(RECORD_TYPES.refused, 0, Buffer.from(held)));
      return;
    }
    const { session } = held;
    const isResumed = held.cancelEnd !== NOTHING || session.isConnected;
    held.cancelEnd();
    held.cancelEnd = NOTHING;
    log.info({ edge, from, streams: session.streamCount }, isResumed ? 'the link goes on' : 'a link begins');
    this.#ledger.noteConnected(edge, session, from, isResumed, clock.nowMs());
    // Its own greeting goes before everything that the session has to send.
    socket.write(encodeGreeting(RECORD_TYPES.welcome, session.greeting(hello.isResumed)));
    joinConnection(
      socket,
      this.#reads,
      session,
      (connection) => session.attach(connection, hello),
      rest,
      (why) => this.#onGone(held, why),
    );
    // It had connected before nobody could any more.
    if (this.#isLeaving) session.askToLeave();
  }

  #known(hello: LinkGreeting, fingerprint: string): Held | null {
    const known = this.#sessions.get(hello.session.toString('hex'));
    return known !== undefined && known.fingerprint === fingerprint && !known.session.isClosed ? known : null;
  }

  /** A new session, or why there is none. */
  async #begin(hello: LinkGreeting, fingerprint: string, edge: string): Promise<Held | string> {
    const key = hello.session.toString('hex');
    const early = this.#refusalOf(hello);
    if (early !== null) return early;
    const core = await loadCore({ maxStreams: 1, heapBytes: 2 * SESSION_HISTORY_BYTES + 1024 * 1024 });
    // Others may have come meanwhile.
    const late = this.#refusalOf(hello);
    if (late !== null) return late;
    const limits = { encoderLimitBytes: SESSION_HISTORY_BYTES, decoderLimitBytes: SESSION_HISTORY_BYTES };
    const session = this.#makeSession(hello.session, core.openLinkCodec(limits), edge);
    const held: Held = { session, fingerprint, edge, cancelEnd: NOTHING };
    this.#sessions.set(key, held);
    return held;
  }

  #refusalOf(hello: LinkGreeting): string | null {
    const { maxSessions = MAX_SESSIONS } = this.#options;
    if (this.#sessions.has(hello.session.toString('hex'))) return 'the session is another edge’s';
    if (hello.isResumed) return 'the session is over: it was away for too long, or the gate was started anew';
    return this.#sessions.size >= maxSessions ? `the gate has ${maxSessions} sessions` : null;
  }

  #makeSession(id: Buffer, codec: LinkCodec, edge: string): LinkSession {
    const { clock, log, services } = this.#options;
    return new LinkSession({
      id,
      role: 'gate',
      codec,
      clock,
      defer: setImmediate,
      historyBytes: SESSION_HISTORY_BYTES,
      accept: (stream, opening) => services.accept(stream, opening),
      compresses: (service) => services.compresses(service),
      onBroken: (why) => {
        const held = this.#sessions.get(id.toString('hex'));
        if (held !== undefined) this.#onGone(held, why);
        else log.warn({ edge }, why);
      },
    });
  }

  #onGone(held: Held, why: string): void {
    const { clock, log } = this.#options;
    // Of a connection that another one has replaced, or that was ended here.
    if (held.session.isConnected || !this.#sessions.has(held.session.id.toString('hex'))) return;
    this.#ledger.noteBroken(held.edge, clock.nowMs());
    const { resumeMs } = this.#rules;
    log.warn({ edge: held.edge, streams: held.session.streamCount, resumeMs }, `the link is broken: ${why}`);
    if (held.session.isClosed) {
      this.#end(held, why);
      return;
    }
    held.cancelEnd();
    held.cancelEnd = clock.schedule(resumeMs, () => this.#end(held, 'the link was away for too long'));
  }

  #end(held: Held, why: string): void {
    const { log, clock } = this.#options;
    held.cancelEnd();
    this.#sessions.delete(held.session.id.toString('hex'));
    if (held.session.streamCount > 0)
      log.warn({ edge: held.edge, streams: held.session.streamCount }, `streams end by reset: ${why}`);
    held.session.close(why);
    this.#ledger.noteOver(held.edge, held.session, clock.nowMs());
  }
}

const NOTHING = () => {};
