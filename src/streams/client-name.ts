// Who a client is: by what a proxy said of it, by its own address, or, at a Unix socket, by that alone. Asks nobody but the socket.
import { type Endpoint, formatEndpoint } from '../platform/endpoint.ts';
import type { Arrival } from './arrival.ts';
import { plainAddress, sourceOf } from './client-source.ts';
import type { ConnectionEnds, ProxyVersion } from './proxy-header.ts';
import type { StreamSocket } from './stream-socket.ts';

/** What the clients of a Unix socket are called: who they are (SO_PEERCRED) Node does not tell. */
const UNIX_CLIENT = 'unix';

/** What the clients of a Unix socket share; null at an address. */
interface ListenerName {
  readonly source: string | null;
}

/** Its address and port. An empty host: it is gone, and nobody can be asked any more. */
export function whoIs(client: StreamSocket, { source }: ListenerName, arrival: Arrival | null): Endpoint {
  const told = arrival?.ends?.client ?? null;
  if (told !== null) return told;
  const host = plainAddress(client.remoteAddress ?? '');
  return host === '' && source !== null ? { host: UNIX_CLIENT, port: 0 } : { host, port: client.remotePort ?? 0 };
}

/** For people. */
export function clientText({ host, port }: Endpoint): string {
  return host === UNIX_CLIENT ? UNIX_CLIENT : formatEndpoint({ host: host === '' ? 'unknown' : host, port });
}

/** Whose clients share its bounds: where they have no addresses, all of the listener's. */
export function sourceAt(host: string, { source }: ListenerName): string {
  return host === UNIX_CLIENT && source !== null ? source : sourceOf(host);
}

/** Both ends, as the target is told them by a PROXY header; null: it is told nothing, or that nobody is known. */
export function endsToSend(
  client: StreamSocket,
  { sendProxy }: { readonly sendProxy: ProxyVersion | null },
  arrival: Arrival | null,
): ConnectionEnds | null {
  if (sendProxy === null || arrival?.isCheck === true) return null;
  if (arrival?.ends) return arrival.ends;
  const { remoteAddress, remotePort, localAddress, localPort } = client;
  if (remoteAddress === undefined || localAddress === undefined) return null;
  return {
    client: { host: remoteAddress, port: remotePort ?? 0 },
    server: { host: localAddress, port: localPort ?? 0 },
  };
}
