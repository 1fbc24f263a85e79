// Reads and writes headers of the PROXY protocol, versions 1 and 2: who the client of a proxy is. Whom to believe is its caller's.
// Source: HAProxy, doc/proxy-protocol.txt (2020/03/05). The sections named here are of that text.
import { isIP } from 'node:net';
import type { Endpoint } from '../platform/endpoint.ts';
import { formatIp, parseIp } from '../platform/ip-network.ts';
import { crc32c } from './crc32c.ts';

export type ProxyVersion = 'v1' | 'v2';

/** Both ends of a client's own connection. Both addresses are IP addresses; an IPv4-mapped one is told as its IPv4 address. */
export interface ConnectionEnds {
  readonly client: Endpoint;
  readonly server: Endpoint;
}

/** incomplete: all bytes so far fit. header: the first `bytes` are one; `ends` is null where it names no client (UNKNOWN, LOCAL, no IP address). */
export type ProxyReading =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'wrong'; readonly why: string }
  | { readonly kind: 'header'; readonly bytes: number; readonly ends: ConnectionEnds | null };

/** Section 2.1: the longest line, its CRLF included. */
export const V1_MAX_BYTES = 107;
/** Section 2.2 allows 65,551 bytes. Longer than this only a whole chain of certificates would make it. */
export const V2_MAX_BYTES = 8192;

const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a);
const V2_FIXED_BYTES = 16;
const V1_START = new TextEncoder().encode('PROXY ');
const TYPE_CRC32C = 0x03;
const CRC_BYTES = 4;

const INCOMPLETE: ProxyReading = { kind: 'incomplete' };

/**
 * Reads the header at the start of `bytes`, everything that came so far. An answer other than `incomplete` never changes when more
 * bytes follow, and comes with the first byte that tells. At most V2_MAX_BYTES are looked at.
 */
export function readProxyHeader(bytes: Uint8Array): ProxyReading {
  if (bytes.length === 0) return INCOMPLETE;
  if (bytes[0] === SIGNATURE[0]) return readV2(bytes);
  return readV1(bytes);
}

/** Whether it may be the start of a header, or is one. */
export function looksLikeProxyHeader(bytes: Uint8Array): boolean {
  return startsLike(bytes, SIGNATURE) || startsLike(bytes, V1_START);
}

// ---------------------------------------------------------------------------------------------- version 1

function readV1(bytes: Uint8Array): ProxyReading {
  if (!startsLike(bytes, V1_START)) return wrong('it does not begin with a PROXY header');
  const known = Math.min(bytes.length, V1_MAX_BYTES);
  for (let at = 0; at < known; at += 1) {
    const byte = bytes[at] as number;
    if (byte === 0x0d) {
      if (at + 1 === bytes.length) return at + 1 < V1_MAX_BYTES ? INCOMPLETE : wrong(TOO_LONG);
      if (at + 2 > V1_MAX_BYTES) return wrong(TOO_LONG);
      if (bytes[at + 1] !== 0x0a) return wrong('its PROXY line has a CR without LF');
      return readLine(Buffer.from(bytes.subarray(0, at)).toString('latin1'), at + 2);
    }
    if (byte < 0x20 || byte > 0x7e) return wrong('its PROXY line holds a byte that is no printable ASCII');
  }
  return known < V1_MAX_BYTES ? INCOMPLETE : wrong(TOO_LONG);
}

const TOO_LONG = `its PROXY line is longer than ${V1_MAX_BYTES} bytes`;

/** `line` without its CRLF. */
function readLine(line: string, bytes: number): ProxyReading {
  // Section 2.1: what follows UNKNOWN is to be ignored.
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { kind: 'header', bytes, ends: null };
  const match = /^PROXY TCP([46]) (\S+) (\S+) (\d{1,5}) (\d{1,5})$/.exec(line);
  if (match === null) return wrong('its PROXY line is none of TCP4, TCP6 and UNKNOWN with two addresses and two ports');
  const [family, ...parts] = match.slice(1) as [string, string, string, string, string];
  const client = readEnd(family, parts[0], parts[2]);
  const server = readEnd(family, parts[1], parts[3]);
  if (client === null || server === null) return wrong('an address or a port of its PROXY line is none');
  return { kind: 'header', bytes, ends: { client, server } };
}

function readEnd(family: string, host: string, port: string): Endpoint | null {
  const address = isIP(host) === Number(family) && !host.includes('%') ? parseIp(host) : null;
  const isPort = /^(?:0|[1-9]\d*)$/.test(port) && Number(port) <= 0xffff;
  return address === null || !isPort ? null : { host: formatIp(address), port: Number(port) };
}

// ---------------------------------------------------------------------------------------------- version 2

/** Bytes of one family's two addresses and ports. */
const INET_BYTES = 12;
const INET6_BYTES = 36;
const UNIX_BYTES = 216;
const ADDRESS_BYTES: readonly number[] = [0, INET_BYTES, INET6_BYTES, UNIX_BYTES];

function readV2(bytes: Uint8Array): ProxyReading {
  if (!startsLike(bytes, SIGNATURE)) return wrong('it does not begin with a PROXY header');
  const [version = 0x21, transport = 0] = bytes.subarray(SIGNATURE.length);
  const command = version & 0x0f;
  if (version >> 4 !== 2 || command > 1) return wrong(`its PROXY header has version and command ${hex(version)}`);
  const family = transport >> 4;
  // Section 2.2: the receiver of LOCAL ignores the family, and all that follows.
  const isLocal = command === 0;
  if (!isLocal && (family > 3 || (transport & 0x0f) > 2)) return wrong(`its PROXY header has family ${hex(transport)}`);
  if (bytes.length < V2_FIXED_BYTES) return INCOMPLETE;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = V2_FIXED_BYTES + view.readUInt16BE(14);
  if (headerBytes > V2_MAX_BYTES) return wrong(`its PROXY header has ${headerBytes} bytes, more than ${V2_MAX_BYTES}`);
  const addressBytes = ADDRESS_BYTES[family] as number;
  if (!isLocal && headerBytes < V2_FIXED_BYTES + addressBytes) return wrong('its PROXY header is too short');
  if (bytes.length < headerBytes) return INCOMPLETE;
  if (isLocal) return { kind: 'header', bytes: headerBytes, ends: null };
  const header = view.subarray(0, headerBytes);
  const problem = checkTypes(header, V2_FIXED_BYTES + addressBytes);
  if (problem !== null) return wrong(problem);
  return { kind: 'header', bytes: headerBytes, ends: readAddresses(header, family) };
}

function readAddresses(header: Buffer, family: number): ConnectionEnds | null {
  if (family !== 1 && family !== 2) return null;
  const size = family === 1 ? 4 : 16;
  const end = (at: number, portAt: number) => ({
    host: hostOf(header.subarray(at, at + size)),
    port: header.readUInt16BE(portAt),
  });
  const portsAt = V2_FIXED_BYTES + 2 * size;
  return { client: end(V2_FIXED_BYTES, portsAt), server: end(V2_FIXED_BYTES + size, portsAt + 2) };
}

function hostOf(address: Uint8Array): string {
  return formatIp(parseIp(formatIp(address)) ?? address);
}

/** What is wrong with the type-length-value triplets, or null. They are skipped but for a checksum. Sections 2.2.1 and 2.2.4. */
function checkTypes(header: Buffer, start: number): string | null {
  let at = start;
  while (at < header.length) {
    if (at + 3 > header.length) return 'a triplet (TLV) of its PROXY header is cut short';
    const valueAt = at + 3;
    const next = valueAt + header.readUInt16BE(at + 1);
    if (next > header.length) return 'a triplet (TLV) of its PROXY header is cut short';
    if (header[at] === TYPE_CRC32C && !hasChecksum(header, valueAt, next - valueAt))
      return 'the checksum (CRC32C) of its PROXY header is wrong';
    at = next;
  }
  return null;
}

function hasChecksum(header: Buffer, at: number, bytes: number): boolean {
  if (bytes !== CRC_BYTES) return false;
  const cleared = Buffer.from(header);
  cleared.fill(0, at, at + CRC_BYTES);
  return crc32c(cleared) === header.readUInt32BE(at);
}

// ---------------------------------------------------------------------------------------------- writing

/** The header of one connection; null: its client is not known, or is Torpor itself. */
export function encodeProxyHeader(version: ProxyVersion, ends: ConnectionEnds | null): Uint8Array {
  const pair = ends === null ? null : addressesOf(ends);
  return version === 'v1' ? encodeV1(pair, ends) : encodeV2(pair, ends);
}

/** In one family, which is all that a header has room for: IPv4 as IPv4-mapped where the other end is IPv6. null: an end is no IP address. */
function addressesOf({ client, server }: ConnectionEnds): readonly [Uint8Array, Uint8Array] | null {
  const [from, to] = [parseIp(client.host), parseIp(server.host)];
  if (from === null || to === null) return null;
  return from.length === to.length ? [from, to] : [toMapped(from), toMapped(to)];
}

function toMapped(address: Uint8Array): Uint8Array {
  return address.length === 16 ? address : Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...address);
}

function encodeV1(pair: readonly [Uint8Array, Uint8Array] | null, ends: ConnectionEnds | null): Uint8Array {
  if (pair === null || ends === null) return Buffer.from('PROXY UNKNOWN\r\n');
  const [from, to] = pair;
  const family = from.length === 4 ? 'TCP4' : 'TCP6';
  return Buffer.from(
    `PROXY ${family} ${formatIp(from)} ${formatIp(to)} ${ends.client.port} ${ends.server.port}\r\n`,
    'latin1',
  );
}

function encodeV2(pair: readonly [Uint8Array, Uint8Array] | null, ends: ConnectionEnds | null): Uint8Array {
  // LOCAL, of no family: Torpor's own connection, or one whose client has no IP address.
  if (pair === null || ends === null) return Uint8Array.of(...SIGNATURE, 0x20, 0x00, 0, 0);
  const [from, to] = pair;
  const isIpv4 = from.length === 4;
  const header = Buffer.alloc(V2_FIXED_BYTES + (isIpv4 ? INET_BYTES : INET6_BYTES));
  header.set(SIGNATURE);
  header.set([0x21, isIpv4 ? 0x11 : 0x21], SIGNATURE.length);
  header.writeUInt16BE(header.length - V2_FIXED_BYTES, 14);
  header.set(from, V2_FIXED_BYTES);
  header.set(to, V2_FIXED_BYTES + from.length);
  const portsAt = V2_FIXED_BYTES + 2 * from.length;
  header.writeUInt16BE(ends.client.port, portsAt);
  header.writeUInt16BE(ends.server.port, portsAt + 2);
  return header;
}

function startsLike(bytes: Uint8Array, expected: Uint8Array): boolean {
  const known = Math.min(bytes.length, expected.length);
  for (let at = 0; at < known; at += 1) if (bytes[at] !== expected[at]) return false;
  return true;
}

function wrong(why: string): ProxyReading {
  return { kind: 'wrong', why };
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}
