// The gate's listening socket: TLS by the link's own rules, and all connections that it has taken. What they are for is link-gate.ts's.
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { type Endpoint, formatEndpoint } from '../platform/endpoint.ts';
import { errorText, TorporError } from '../platform/errors.ts';
import type { Logger } from '../platform/ports.ts';
import { type LinkKeyFiles, tlsRules } from './link-tls.ts';

/** At once, those included that have not shown who they are: the process's other listeners need descriptors, too. At the bound the next is closed. */
export const MAX_CONNECTIONS = 4096;
/** For the TLS handshake: whoever only connects keeps no place. */
export const HANDSHAKE_BOUND_MS = 10_000;

export class GateServer {
  readonly address: Endpoint;
  readonly #server: Server;
  /** Every connection, from before its TLS handshake. */
  readonly #open = new Set<Socket>();
  /** Resolves when it listens no more and its last connection has ended. */
  readonly closed: Promise<void>;

  /** Throws ERR_LINK_LISTEN, and ERR_LINK_KEYS where keys and certificates do not belong together. */
  static async listen(
    listen: Endpoint,
    keys: LinkKeyFiles,
    log: Logger,
    onSecure: (socket: TLSSocket) => void,
    maxConnections = MAX_CONNECTIONS,
  ): Promise<GateServer> {
    const rules = { ...tlsRules(keys), requestCert: true, handshakeTimeout: HANDSHAKE_BOUND_MS };
    const server = withKeys(() => createServer(rules));
    server.maxConnections = maxConnections;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => {
        const what = `the gate cannot listen on ${formatEndpoint(listen)}: ${errorText(cause)}`;
        reject(new TorporError('ERR_LINK_LISTEN', what, { cause }));
      });
      server.listen(listen.port, listen.host, resolve);
    });
    return new GateServer(server, log, onSecure);
  }

  private constructor(server: Server, log: Logger, onSecure: (socket: TLSSocket) => void) {
    this.#server = server;
    const { address, port } = server.address() as { address: string; port: number };
    this.address = { host: address, port };
    this.closed = new Promise((resolve) => server.once('close', resolve));
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
      onSecure(socket);
    });
  }

  /** For connections that come from now on. Throws ERR_LINK_KEYS, and then the former stay. */
  useKeys(keys: LinkKeyFiles): void {
    withKeys(() => this.#server.setSecureContext(tlsRules(keys)));
  }

  /** Takes no more connections; those that it has stay. */
  stopListening(): void {
    if (this.#server.listening) this.#server.close();
  }

  /** And ends them. Resolves when the port is free. */
  async close(): Promise<void> {
    this.stopListening();
    for (const socket of this.#open) socket.destroy();
    await this.closed;
  }
}

function withKeys<T>(use: () => T): T {
  try {
    return use();
  } catch (cause) {
    const what = `the gate's keys cannot be used (${errorText(cause)}): make new ones`;
    throw new TorporError('ERR_LINK_KEYS', what, { cause });
  }
}
