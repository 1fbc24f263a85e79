// What a gate connects the link's streams to. Here: TCP services, for `torpor link gate`; those of `torpor run` are its listeners.
import { connect, isIP, type Socket } from 'node:net';
import { names } from '../name-lookup.ts';
import { type Endpoint, formatEndpoint } from '../platform/endpoint.ts';
import { TorporError } from '../platform/errors.ts';
import type { Logger } from '../platform/ports.ts';
import { encodeProxyHeader, type ProxyVersion } from '../streams/proxy-header.ts';
import { type LinkOpening, readClient } from './link-records.ts';
import type { LinkStream, StreamEnd } from './link-stream.ts';
import { SharedReads } from './shared-reads.ts';
import { SocketEnd } from './socket-end.ts';

export interface GateServices {
  /** The local side of a stream that begins. Throws ERR_LINK_PEER where there is no such service: the stream is reset with its text. */
  accept(stream: LinkStream, opening: LinkOpening): StreamEnd;
  /** Whether this end may compress what it sends of the service. */
  compresses(service: string): boolean;
}

export interface TcpService {
  readonly name: string;
  readonly target: Endpoint;
  readonly compress: boolean;
  /** Its connections begin with a PROXY header that names the edge's client; null: they do not. */
  readonly proxyProtocol: ProxyVersion | null;
}

export class TcpServices implements GateServices {
  readonly #services: ReadonlyMap<string, TcpService>;
  readonly #log: Logger;
  readonly #reads: SharedReads;

  /** `reads`: default, what its sockets read has memory of its own. */
  constructor(services: readonly TcpService[], log: Logger, reads = new SharedReads(null)) {
    this.#services = new Map(services.map((service) => [service.name, service]));
    this.#log = log;
    this.#reads = reads;
  }

  accept(stream: LinkStream, opening: LinkOpening): StreamEnd {
    const service = this.#services.get(opening.service);
    if (service === undefined) throw new TorporError('ERR_LINK_PEER', `the gate has no service "${opening.service}"`);
    const socket: Socket = connect({ ...service.target, lookup: names.lookup, allowHalfOpen: true });
    socket.once('error', (error) => {
      const facts = { service: service.name, target: formatEndpoint(service.target), client: opening.client };
      this.#log.warn({ ...facts, error: error.message }, 'a stream of the link could not go on');
    });
    if (service.proxyProtocol !== null) socket.write(headerFor(service.proxyProtocol, opening.client, service.target));
    return new SocketEnd(socket, stream, this.#reads);
  }

  compresses(service: string): boolean {
    return this.#services.get(service)?.compress ?? false;
  }
}

/** Where the client connected to is the edge's business: the service stands for it. A client that is no address is not known. */
function headerFor(version: ProxyVersion, client: string, target: Endpoint): Uint8Array {
  const from = readClient(client);
  if (from === null) return encodeProxyHeader(version, null);
  const server = isIP(target.host) === 0 ? '0.0.0.0' : target.host;
  return encodeProxyHeader(version, { client: from, server: { host: server, port: target.port } });
}
