// A network address as configuration and sockets give it, and as people read it. Parsing is left to config, resolving to who connects.

/**
 * An address and a port. `host` is an IP address (IPv6 without brackets) or a host name; port 0 is "any free port" to listen on. Or, with port 0, a
 * name without a port: `unix:` and the path of a Unix socket, `systemd:` and the name of a socket that systemd opens, or `udp:` and an address with
 * its port, or such a name, for datagrams.
 */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export const UNIX_PREFIX = 'unix:';
export const SYSTEMD_PREFIX = 'systemd:';
export const UDP_PREFIX = 'udp:';

/** The path of a Unix socket; null: it is none. */
export function unixPathOf({ host }: Endpoint): string | null {
  return host.startsWith(UNIX_PREFIX) ? host.slice(UNIX_PREFIX.length) : null;
}

/** The name of a socket that systemd opens, for connections or datagrams; null: it is none. */
export function systemdNameOf({ host }: Endpoint): string | null {
  const name = host.startsWith(UDP_PREFIX) ? host.slice(UDP_PREFIX.length) : host;
  return name.startsWith(SYSTEMD_PREFIX) ? name.slice(SYSTEMD_PREFIX.length) : null;
}

/** Whether it is meant for datagrams. */
export function isDatagramEndpoint({ host }: Endpoint): boolean {
  return host.startsWith(UDP_PREFIX);
}

/** Where datagrams go; null: it is not meant for datagrams, or only systemd knows. */
export function udpAddressOf(endpoint: Endpoint): Endpoint | null {
  const { host } = endpoint;
  if (!isDatagramEndpoint(endpoint) || systemdNameOf(endpoint) !== null) return null;
  const colon = host.lastIndexOf(':');
  return { host: host.slice(UDP_PREFIX.length, colon).replace(/^\[|\]$/g, ''), port: Number(host.slice(colon + 1)) };
}

/** The same address, meant for datagrams. */
export function formatUdp(address: Endpoint): Endpoint {
  return { host: `${UDP_PREFIX}${formatEndpoint(address)}`, port: 0 };
}

/** Whether it has a name in place of an address and a port. */
export function isNamedEndpoint({ host }: Endpoint): boolean {
  return [UNIX_PREFIX, SYSTEMD_PREFIX, UDP_PREFIX].some((prefix) => host.startsWith(prefix));
}

/** The address of a client written as `host:port` or `[v6]:port`; one without a port (`unix`) as it is. */
export function hostOfClient(client: string): string {
  const colon = client.lastIndexOf(':');
  // An IPv4 address and its port, by far the most, is asked for with each connection that comes.
  if (colon > 0 && client.indexOf(':') === colon && !client.startsWith('[') && hasDigitsFrom(client, colon + 1))
    return client.slice(0, colon);
  return client.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}

function hasDigitsFrom(text: string, start: number): boolean {
  for (let at = start; at < text.length; at += 1)
    if ((text[at] as string) < '0' || (text[at] as string) > '9') return false;
  return start < text.length;
}

/** The endpoint as it is written in a configuration: `10.0.1.21:3389`, `[2001:db8::1]:3389`, `unix:/run/alice.sock`, `udp:10.0.1.21:3391`. */
export function formatEndpoint(endpoint: Endpoint): string {
  if (isNamedEndpoint(endpoint)) return endpoint.host;
  return endpoint.host.includes(':') ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`;
}
