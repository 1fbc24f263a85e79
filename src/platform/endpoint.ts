// A network address as configuration and sockets give it, and as people read it. Parsing is left to config, resolving to who connects.

/** An address and a port. `host` is an IP address (IPv6 without brackets) or a host name; port 0 is "any free port" to listen on. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** The endpoint as it is written in a configuration: `10.0.1.21:3389`, `[2001:db8::1]:3389`. */
export function formatEndpoint(endpoint: Endpoint): string {
  return endpoint.host.includes(':') ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`;
}
