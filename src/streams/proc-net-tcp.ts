// Reads the kernel's send queues from the text of /proc/net/tcp and /proc/net/tcp6. Opens no file itself.

import { isIPv4, isIPv6 } from 'node:net';
import { endianness } from 'node:os';

/** The two ends of one TCP connection, addresses as Node gives them. */
export interface SocketPair {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** Identifies a connection in the kernel's notation; IPv4 and IPv4-mapped IPv6 addresses are the same. */
export type SocketKey = string;

/** Prefix of an IPv4-mapped address (::ffff:0:0/96, RFC 4291 section 2.5.5.2) as words of a little-endian kernel. */
const MAPPED_PREFIX = { LE: '0000000000000000FFFF0000', BE: '00000000000000000000FFFF' } as const;
/**
 * A line with a non-empty tx_queue: both ends, and the bytes. 0A is a listening socket, whose tx_queue is something else. Most lines of a
 * busy machine are of connections that are over (TIME_WAIT), by the ten thousand: they fail at their queue. Source: include/net/tcp_states.h.
 */
const UNACKED_LINE =
  /^ *\d+: ([0-9A-F]{8,32}:[0-9A-F]{4}) ([0-9A-F]{8,32}:[0-9A-F]{4}) (?!0A)[0-9A-F]{2} (?!00000000)([0-9A-F]{8}):[0-9A-F]{8}/gm;

/** The key of a connection, or null where an address is none (a socket that lost its handle). */
export function socketKey(pair: SocketPair, endian: 'LE' | 'BE' = endianness()): SocketKey | null {
  const local = hexAddress(pair.localAddress, endian);
  const remote = hexAddress(pair.remoteAddress, endian);
  if (local === null || remote === null) return null;
  return `${local}:${hexPort(pair.localPort)} ${remote}:${hexPort(pair.remotePort)}`;
}

/**
 * Adds to `unacked` each connection with a non-empty send queue, with its bytes: those the peer has not acknowledged,
 * sent or not; a FIN counts as one. Lines that are not a socket are skipped.
 * Source: Linux, Documentation/networking/proc_net_tcp.rst; net/ipv4/tcp_ipv4.c prints each 32-bit word of an address in
 * the byte order of the machine, and write_seq - snd_una as tx_queue.
 */
export function addUnacked(text: string, unacked: Map<SocketKey, number>, endian: 'LE' | 'BE' = endianness()): void {
  for (const [, local, remote, queue] of text.matchAll(UNACKED_LINE)) {
    const ends = `${unmap(local as string, endian)} ${unmap(remote as string, endian)}`;
    unacked.set(ends, Number.parseInt(queue as string, 16));
  }
}

function unmap(hexEndpoint: string, endian: 'LE' | 'BE'): string {
  return hexEndpoint.startsWith(MAPPED_PREFIX[endian]) && hexEndpoint.length === 37
    ? hexEndpoint.slice(24)
    : hexEndpoint;
}

function hexPort(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0');
}

function hexAddress(address: string, endian: 'LE' | 'BE'): string | null {
  const zoneless = address.replace(/%.*$/, '');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(zoneless);
  const plain = mapped === null ? zoneless : (mapped[1] as string);
  if (isIPv4(plain)) return hexWords(plain.split('.').map(Number), endian);
  return isIPv6(plain) ? hexWords(ipv6Bytes(plain), endian) : null;
}

/** Each 4 bytes as one 32-bit word in the machine's byte order. */
function hexWords(bytes: readonly number[], endian: 'LE' | 'BE'): string {
  let hex = '';
  for (let word = 0; word < bytes.length; word += 4) {
    const four = bytes.slice(word, word + 4);
    if (endian === 'LE') four.reverse();
    for (const byte of four) hex += byte.toString(16).toUpperCase().padStart(2, '0');
  }
  return hex;
}

/** The 16 bytes of a valid IPv6 address without zone. */
function ipv6Bytes(address: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const text =
    dotted === null
      ? address
      : `${dotted[1]}${pairHex(dotted[2] as string, dotted[3] as string)}:${pairHex(dotted[4] as string, dotted[5] as string)}`;
  const [head = '', tail] = text.split('::');
  const headGroups = head === '' ? [] : head.split(':');
  const tailGroups = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array<string>(8 - headGroups.length - tailGroups.length).fill('0');
  return [...headGroups, ...zeros, ...tailGroups].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

function pairHex(high: string, low: string): string {
  return ((Number(high) << 8) | Number(low)).toString(16);
}
