// UDP sockets by their descriptors: what a process needs to take one over, or to leave one to the next. Reads and sends nothing.
import type { Socket } from 'node:dgram';
import { closeSync, fstatSync, readFileSync } from 'node:fs';
import { SocketAddress } from 'node:net';
import { endianness } from 'node:os';
import type { Endpoint } from '../../platform/endpoint.ts';

/** One line of a bound, unconnected socket: its address, its port and its inode. Source: Linux, net/ipv4/udp.c, udp4_format_sock. */
const BOUND_LINE = /^ *\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) 0+:0000 07(?: +\S+){5} +(\d+) /gm;
const TABLES = ['/proc/net/udp', '/proc/net/udp6'];

/** Open, and not read yet: what comes waits in the kernel. Shaped as a listening handle. */
export class DatagramDescriptor {
  readonly fd: number;
  readonly #bound: Endpoint;

  constructor(fd: number, bound: Endpoint) {
    this.fd = fd;
    this.#bound = bound;
  }

  getsockname(into: { address?: string; port?: number }): number {
    into.address = this.#bound.host;
    into.port = this.#bound.port;
    return 0;
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** Where it is bound; null: it is no UDP socket that takes datagrams of everybody, or this system does not tell. */
export function boundDatagrams(fd: number): Endpoint | null {
  try {
    const { ino } = fstatSync(fd);
    for (const table of TABLES) {
      const found = findBound(readFileSync(table, 'latin1'), ino);
      if (found !== null) return found;
    }
  } catch {
    // A system without such tables.
  }
  return null;
}

/** In the text of such a table. Exported for its test. */
export function findBound(table: string, inode: number, endian: 'LE' | 'BE' = endianness()): Endpoint | null {
  for (const [, hex = '', port = '', own] of table.matchAll(BOUND_LINE)) {
    if (Number(own) === inode) return { host: toAddress(hex, endian), port: Number.parseInt(port, 16) };
  }
  return null;
}

/** Each 4 bytes stand as one 32-bit word in the machine's byte order. */
function toAddress(hex: string, endian: 'LE' | 'BE'): string {
  const bytes = Buffer.from(hex, 'hex');
  if (endian === 'LE') bytes.swap32();
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at).toString(16));
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}

interface SocketState {
  readonly handle?: { readonly fd?: number } | null;
  connectState?: number;
}

/** Source: Node, lib/dgram.js, CONNECT_STATE_CONNECTED. */
const CONNECTED = 2;

/** Node shows it nowhere but in the socket's state. null: this Node does not, or the socket is closed. */
export function descriptorOf(socket: Socket): number | null {
  const fd = stateOf(socket)?.handle?.fd ?? -1;
  return fd >= 0 ? fd : null;
}

/**
 * Reads and sends on a descriptor that is connected already; Node itself takes it for one that is not, and then can send nothing there. False: this
 * Node cannot, or it is connected to nobody; then the socket is of no use.
 */
export function takeConnected(socket: Socket, fd: number): boolean {
  try {
    socket.bind({ fd, exclusive: true });
    const state = stateOf(socket);
    if (state === undefined || descriptorOf(socket) !== fd) return false;
    state.connectState = CONNECTED;
    return socket.remoteAddress().port > 0;
  } catch {
    return false;
  }
}

function stateOf(socket: Socket): SocketState | undefined {
  const key = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'state symbol');
  return key === undefined ? undefined : (socket as unknown as Record<symbol, SocketState | undefined>)[key];
}
