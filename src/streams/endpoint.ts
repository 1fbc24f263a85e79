// A TCP address as configuration and sockets give it, and as people read it. Parses nothing, resolves nothing.

/** Where to listen or connect. `host` is a name or an address without brackets; port 0 is "any free port" to listen on. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** `10.0.1.21:3389`, `[2001:db8::1]:3389`. */
export function formatEndpoint(endpoint: Endpoint): string {
  return endpoint.host.includes(':') ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`;
}
