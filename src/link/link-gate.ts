// The gate of a compressed link: next to the platforms. Takes edges' connections, keeps their sessions while a connection is missing,
// and connects their streams to the services that it was told.
import { connect, isIP, type Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { LinkCodec } from '../core/link-codec.ts';
import { loadCore } from '../core/stream-core.ts';
import { type Endpoint, formatEndpoint } from '../platform/endpoint.ts';
import { errorText, TorporError } from '../platform/errors.ts';
import type { Clock, Logger } from '../platform/ports.ts';
import { encodeProxyHeader, type ProxyVersion } from '../streams/proxy-header.ts';
import {
  decodeGreeting,
  encodeGreeting,
  encodeRecord,
  LINK_ALPN,
  type LinkGreeting,
  type LinkOpening,
  RECORD_TYPES,
} from './link-records.ts';
import { type LinkFigures, LinkSession } from './link-session.ts';
import type { LinkStream } from './link-stream.ts';
import { joinConnection, type LinkKeyFiles, readGreeting, tlsRules } from './link-tls.ts';
import { SocketEnd } from './socket-end.ts';

/** A link that breaks is resumed within so long; then its streams end by reset. */
export const RESUME_WINDOW_MS = 60_000;
/** Edges at once, those that are away within their window included. */
export const MAX_SESSIONS = 1024;
/** Histories of one session, each way. */
export const SESSION_HISTORY_BYTES = 24 * 1024 * 1024;

export interface GateService {
  readonly name: string;
  readonly target: Endpoint;
  readonly compress: boolean;
  /** Its connections begin with a PROXY header that names the edge's client; null: they do not. */
  readonly proxyProtocol: ProxyVersion | null;
}

export interface LinkGateOptions {
  readonly listen: Endpoint;
  readonly keys: LinkKeyFiles;
  readonly services: readonly GateService[];
  readonly resumeMs: number;
  readonly clock: Clock;
  readonly log: Logger;
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
  readonly address: Endpoint;
  readonly #options: LinkGateOptions;
  readonly #server: Server;
  readonly #services: ReadonlyMap<string, GateService>;
  readonly #sessions = new Map<string, Held>();
  /** Every connection, from before its TLS handshake. */
  readonly #open = new Set<Socket>();

  /** Throws ERR_LINK_LISTEN, and ERR_LINK_KEYS where keys and certificates do not belong together. */
  static async start(options: LinkGateOptions): Promise<LinkGate> {
    let server: Server;
    try {
      server = createServer({ ...tlsRules(options.keys), requestCert: true });
    } catch (cause) {
      throw new TorporError('ERR_LINK_KEYS', `the gate's keys cannot be used (${errorText(cause)}): make new ones`, {
        cause,
      });
    }
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => {
        const where = formatEndpoint(options.listen);
        reject(
          new TorporError('ERR_LINK_LISTEN', `the gate cannot listen on ${where}: ${errorText(cause)}`, { cause }),
        );
      });
      server.listen(options.listen.port, options.listen.host, resolve);
    });
    return new LinkGate(options, server);
  }

  private constructor(options: LinkGateOptions, server: Server) {
    this.#options = options;
    this.#server = server;
    this.#services = new Map(options.services.map((service) => [service.name, service]));
    const { address, port } = server.address() as { address: string; port: number };
    this.address = { host: address, port };
    const { log } = options;
    server.on('error', (error) => log.error({ error: error.message }, 'the gate’s listener failed'));
    server.on('connection', (socket: Socket) => {
      this.#open.add(socket);
      socket.once('close', () => this.#open.delete(socket));
    });
    server.on('tlsClientError', (error, socket) =>
      log.warn({ from: socket.remoteAddress, error: error.message }, 'a connection that is no link’s was refused'),
    );
    server.on('secureConnection', (socket) => {
      socket.on('error', () => {});
      this.#welcome(socket).catch((error) => {
        log.warn(
          { from: socket.remoteAddress, error: errorText(error) },
          'a connection to the gate ended before it was a link',
        );
        socket.destroy();
      });
    });
  }

  /** What each edge's session does now. */
  figures(): readonly { readonly edge: string; readonly isConnected: boolean; readonly figures: LinkFigures }[] {
    return [...this.#sessions.values()].map(({ session, edge }) => ({
      edge,
      isConnected: session.isConnected,
      figures: session.figures(),
    }));
  }

  /** Ends all streams and stops listening. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const held of [...this.#sessions.values()]) this.#end(held, 'the gate stops');
    for (const socket of this.#open) socket.destroy();
    await closed;
  }

  async #welcome(socket: TLSSocket): Promise<void> {
    if (socket.alpnProtocol !== LINK_ALPN)
      throw new TorporError('ERR_LINK_PEER', `the peer does not speak ${LINK_ALPN}`);
    const { record, rest } = await readGreeting(socket, this.#options.clock);
    if (record.type !== RECORD_TYPES.hello)
      throw new TorporError('ERR_LINK_PEER', 'the peer does not greet as an edge');
    const hello = decodeGreeting(record);
    const certificate = socket.getPeerCertificate();
    const held = await this.#find(hello, certificate.fingerprint256, String(certificate.subject?.CN ?? '?'), socket);
    if (held === null) return;
    const { session } = held;
    const isResumed = held.cancelEnd !== NOTHING || session.isConnected;
    held.cancelEnd();
    held.cancelEnd = NOTHING;
    const facts = { edge: held.edge, from: socket.remoteAddress, streams: session.streamCount };
    this.#options.log.info(facts, isResumed ? 'the link goes on' : 'a link begins');
    // Its own greeting goes before everything that the session has to send.
    socket.write(encodeGreeting(RECORD_TYPES.welcome, session.greeting(hello.isResumed)));
    joinConnection(
      socket,
      session,
      (connection) => session.attach(connection, hello),
      rest,
      (why) => this.#onGone(held, why),
    );
  }

  /** The session that an edge asks for, or a new one; null where it was refused. */
  async #find(hello: LinkGreeting, fingerprint: string, edge: string, socket: TLSSocket): Promise<Held | null> {
    const key = hello.session.toString('hex');
    const known = this.#sessions.get(key);
    if (known !== undefined && known.fingerprint === fingerprint && !known.session.isClosed) return known;
    const refusal =
      known !== undefined
        ? 'the session is another edge’s'
        : hello.isResumed
          ? 'the session is over: it was away for too long, or the gate was started anew'
          : this.#sessions.size >= MAX_SESSIONS
            ? `the gate has ${MAX_SESSIONS} sessions`
            : null;
    if (refusal !== null) {
      this.#options.log.warn({ edge, from: socket.remoteAddress }, `an edge was refused: ${refusal}`);
      socket.end(encodeRecord(RECORD_TYPES.refused, 0, Buffer.from(refusal)));
      return null;
    }
    const core = await loadCore({ maxStreams: 1, heapBytes: 2 * SESSION_HISTORY_BYTES + 1024 * 1024 });
    const codec = core.openLinkCodec({
      encoderLimitBytes: SESSION_HISTORY_BYTES,
      decoderLimitBytes: SESSION_HISTORY_BYTES,
    });
    const held: Held = {
      session: this.#makeSession(hello.session, codec, edge),
      fingerprint,
      edge,
      cancelEnd: NOTHING,
    };
    this.#sessions.set(key, held);
    return held;
  }

  #makeSession(id: Buffer, codec: LinkCodec, edge: string): LinkSession {
    const { clock, log } = this.#options;
    return new LinkSession({
      id,
      role: 'gate',
      codec,
      clock,
      defer: setImmediate,
      historyBytes: SESSION_HISTORY_BYTES,
      accept: (stream, opening) => this.#accept(stream, opening),
      compresses: (service) => this.#services.get(service)?.compress ?? false,
      onBroken: (why) => {
        const held = this.#sessions.get(id.toString('hex'));
        if (held !== undefined) this.#onGone(held, why);
        else log.warn({ edge }, why);
      },
    });
  }

  #accept(stream: LinkStream, opening: LinkOpening): SocketEnd {
    const service = this.#services.get(opening.service);
    if (service === undefined) throw new TorporError('ERR_LINK_PEER', `the gate has no service "${opening.service}"`);
    const socket: Socket = connect({ ...service.target, allowHalfOpen: true });
    socket.once('error', (error) => {
      const facts = { service: service.name, target: formatEndpoint(service.target), client: opening.client };
      this.#options.log.warn({ ...facts, error: error.message }, 'a stream of the link could not go on');
    });
    if (service.proxyProtocol !== null) socket.write(headerFor(service.proxyProtocol, opening.client, service.target));
    return new SocketEnd(socket, stream);
  }

  #onGone(held: Held, why: string): void {
    if (held.session.isClosed) {
      this.#end(held, why);
      return;
    }
    const { resumeMs, clock, log } = this.#options;
    log.warn({ edge: held.edge, streams: held.session.streamCount, resumeMs }, `the link is broken: ${why}`);
    held.cancelEnd();
    held.cancelEnd = clock.schedule(resumeMs, () => this.#end(held, 'the link was away for too long'));
  }

  #end(held: Held, why: string): void {
    held.cancelEnd();
    this.#sessions.delete(held.session.id.toString('hex'));
    if (held.session.streamCount > 0)
      this.#options.log.warn({ edge: held.edge, streams: held.session.streamCount }, `streams end by reset: ${why}`);
    held.session.close(why);
  }
}

/** Where the client connected to is the edge's business: the service stands for it. A client that is no address is not known. */
function headerFor(version: ProxyVersion, client: string, target: Endpoint): Uint8Array {
  const at = client.lastIndexOf(':');
  const host = client.slice(0, Math.max(0, at)).replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) === 0) return encodeProxyHeader(version, null);
  const server = isIP(target.host) === 0 ? '0.0.0.0' : target.host;
  return encodeProxyHeader(version, {
    client: { host, port: Number(client.slice(at + 1)) },
    server: { host: server, port: target.port },
  });
}

const NOTHING = () => {};
