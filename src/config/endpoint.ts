// Reads a network endpoint as people write it, `host:port` or `[v6]:port`. Resolving names is left to who connects.
import { isIP } from 'node:net';
import {
  type Endpoint,
  formatUdp,
  isNamedEndpoint,
  systemdNameOf,
  UDP_PREFIX,
  UNIX_PREFIX,
  udpAddressOf,
} from '../platform/endpoint.ts';
import { TorporError } from '../platform/errors.ts';

const MAX_PORT = 65_535;
/** RFC 1123 section 2.1: letters, digits and hyphens per label, 63 octets each; underscores are tolerated, as resolvers do. */
const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}))*\.?$/;
/** A socket's path has 107 bytes (unix(7)), and is bound under another name beside it first. */
const MAX_SOCKET_PATH_BYTES = 90;
/** systemd.socket(5), FileDescriptorName=: what fits into a list that colons divide. */
const SYSTEMD_NAME = /^[A-Za-z0-9_.@-]{1,255}$/;
const ALL_NUMERIC = /^[0-9.]+$/;

/** Whether the text is an IP address or a host name, without a port and without brackets. */
export function isHost(text: string): boolean {
  if (isIP(text) !== 0) return true;
  return HOST_NAME.test(text) && !ALL_NUMERIC.test(text);
}

/**
 * Reads `10.0.1.21:3389`, `vdi-01.example:22` or `[::1]:7070`. Port 0 is read too: to a listener it means "any free port".
 * Throws ERR_CONFIG_INVALID where the text is none.
 */
export function parseEndpoint(text: string): Endpoint {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text.trim());
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  const hostIsRight = match?.[1] === undefined ? isHost(host) : isIP(host) === 6;
  if (match === null || !hostIsRight || port > MAX_PORT) {
    throw new TorporError('ERR_CONFIG_INVALID', `"${text}" is no address: ${explainEndpoint(text)}`);
  }
  return { host, port };
}

/**
 * Where a listener listens: as parseEndpoint, or `unix:/run/torpor/alice.sock`, or `systemd:alice`, or `udp:0.0.0.0:3391`, or `udp:systemd:alice`.
 * Throws ERR_CONFIG_INVALID.
 */
export function parseListen(text: string): Endpoint {
  const trimmed = text.trim();
  const name = systemdNameOf({ host: trimmed, port: 0 });
  if (name === null) return parseTarget(trimmed);
  if (SYSTEMD_NAME.test(name)) return { host: trimmed, port: 0 };
  const what = 'write systemd: and the FileDescriptorName= of a .socket unit, such as systemd:alice';
  throw new TorporError('ERR_CONFIG_INVALID', `"${text}" names no socket: ${what}`);
}

/** Where a VM is reached: as parseEndpoint, or `unix:/run/vm/alice.sock`, or `udp:10.0.1.21:3391`. Throws ERR_CONFIG_INVALID. */
export function parseTarget(text: string): Endpoint {
  const trimmed = text.trim();
  if (trimmed.startsWith(UDP_PREFIX)) return formatUdp(parseEndpoint(trimmed.slice(UDP_PREFIX.length)));
  if (!trimmed.startsWith(UNIX_PREFIX)) return parseEndpoint(trimmed);
  const path = trimmed.slice(UNIX_PREFIX.length);
  const isPath = path.startsWith('/') && !path.endsWith('/') && !path.includes('\0');
  if (isPath && Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return { host: trimmed, port: 0 };
  const what = `write unix: and an absolute path of at most ${MAX_SOCKET_PATH_BYTES} bytes, such as unix:/run/torpor/alice.sock`;
  throw new TorporError('ERR_CONFIG_INVALID', `"${text}" is no path of a socket: ${what}`);
}

/**
 * Whether two listening endpoints cannot both be bound: the same port on the same address, or on a wildcard that covers
 * it. Port 0 never clashes. Node binds `::` for IPv4 too.
 */
export function endpointsClash(a: Endpoint, b: Endpoint): boolean {
  const datagramsA = udpAddressOf(a);
  const datagramsB = udpAddressOf(b);
  if (datagramsA !== null && datagramsB !== null) return endpointsClash(datagramsA, datagramsB);
  if (isNamedEndpoint(a) || isNamedEndpoint(b)) return a.host === b.host;
  if (a.port !== b.port || a.port === 0) return false;
  const hostA = a.host.toLowerCase();
  const hostB = b.host.toLowerCase();
  return hostA === hostB || covers(hostA, hostB) || covers(hostB, hostA);
}

/** Whether the host is the loopback of this machine: 127.0.0.0/8, ::1 or `localhost`. */
export function isLoopbackHost(host: string): boolean {
  const plain = host.toLowerCase();
  return plain === 'localhost' || plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}

function covers(wildcard: string, host: string): boolean {
  if (wildcard === '::') return true;
  return wildcard === '0.0.0.0' && (isIP(host) === 4 || host === 'localhost');
}

function explainEndpoint(text: string): string {
  const colons = text.split(':').length - 1;
  if (colons > 1 && !text.includes('[')) return 'an IPv6 address stands in brackets, such as [::1]:7070';
  if (colons === 0) return 'the port is missing; write host:port, such as 10.0.1.21:3389';
  if (text.trim().startsWith(':')) return 'the host is missing; write 0.0.0.0 for every IPv4 address of this machine';
  return 'write host:port, such as 10.0.1.21:3389 or [::1]:7070, with a port up to 65535';
}
