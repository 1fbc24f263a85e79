// Sockets of listeners that this process was given: by systemd (socket activation) or by the Torpor before it. Who listens on them is left to others.
import { fstatSync, readFileSync } from 'node:fs';
import net, { isIP } from 'node:net';
import {
  type Endpoint,
  formatEndpoint,
  formatUdp,
  isDatagramEndpoint,
  isNamedEndpoint,
  systemdNameOf,
  UNIX_PREFIX,
  udpAddressOf,
} from '../platform/endpoint.ts';
import { TorporError } from '../platform/errors.ts';
import { boundDatagrams, DatagramDescriptor } from './datagrams/datagram-descriptor.ts';
import { type FlowRecord, GivenFlows } from './datagrams/flow-record.ts';
import { SocketFile } from './socket-file.ts';

/** What is used of a listening handle; the Node types do not declare it. */
export interface ListeningHandle {
  readonly fd: number;
  getsockname(into: { address?: string; port?: number }): number;
  close(): void;
}

type OpenHandle = (address: null, port: 0, family: -1, fd: number) => Partial<ListeningHandle> | number;

/** systemd's first descriptor. Source: sd_listen_fds(3). */
const SYSTEMD_FIRST_FD = 3;
/** How one Torpor tells the next which descriptors are listening sockets: `4:7` are 4 to 10. */
const INHERITED_FDS_VARIABLE = 'TORPOR_LISTEN_FDS';
/** And which of them have a name in place of an address: JSON of descriptors and PassedName. */
const INHERITED_NAMES_VARIABLE = 'TORPOR_LISTEN_NAMES';
/** And which descriptors are sockets of flows of datagrams, as `4:7`; of what flows it tells when it lets go. */
const INHERITED_FLOWS_VARIABLE = 'TORPOR_FLOW_FDS';
/** Far above the listeners of any configuration; a variable that says more is not believed. */
const MAX_FDS = 4096;
/** SO_ACCEPTCON and SOCK_STREAM in /proc/net/unix. Source: Linux, net/unix/af_unix.c, unix_seq_show. */
const LISTENS = 0x10000;
const STREAM_TYPE = '0001';

export interface ReceivedSocket {
  readonly endpoint: Endpoint;
  /** Of datagrams: a descriptor that nobody reads yet. */
  readonly handle: ListeningHandle;
  /** As systemd calls it. Source: sd_listen_fds_with_names(3). Default: it has no name. */
  readonly name?: string;
  /** The file of a Unix socket goes with it: nobody else takes it away. Default: it does not. */
  readonly ownsFile?: boolean;
}

/**
 * A listener's socket on its way to another process. `name`: a named endpoint as its listener is configured, of datagrams where it is bound; null: its
 * address tells.
 */
export interface PassedSocket {
  readonly fd: number;
  readonly name: string | null;
  readonly ownsFile: boolean;
}

type Environment = Record<string, string | undefined>;

export class InheritedSockets {
  #sockets: readonly ReceivedSocket[];
  readonly #flowFds: readonly number[];
  #flows: GivenFlows | null = null;

  constructor(sockets: readonly ReceivedSocket[], flowFds: readonly number[] = []) {
    this.#sockets = sockets;
    this.#flowFds = flowFds;
  }

  /** What the former Torpor said of its flows. */
  takeFlows(records: readonly FlowRecord[]): void {
    this.#flows = new GivenFlows(records, this.#flowFds);
  }

  get flows(): GivenFlows {
    this.#flows ??= new GivenFlows([], this.#flowFds);
    return this.#flows;
  }

  /** Takes what the environment tells of, and takes it out of the environment: children of this process inherit none of it. */
  static take(env: Environment, pid: number): InheritedSockets {
    const sockets = [...systemdSockets(env, pid), ...formerSockets(env)];
    const flowFds = readRange(env[INHERITED_FLOWS_VARIABLE]);
    const ours = [INHERITED_FDS_VARIABLE, INHERITED_NAMES_VARIABLE, INHERITED_FLOWS_VARIABLE];
    for (const name of ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES', ...ours]) delete env[name];
    return new InheritedSockets(sockets, flowFds);
  }

  /** What tells the next Torpor of them, where it inherits them from `firstFd` on, and behind them so many of flows. */
  static tell(sockets: readonly PassedSocket[], firstFd: number, flowSockets = 0): Environment {
    const named = sockets.flatMap(({ name, ownsFile }, at) => (name === null ? [] : [[firstFd + at, name, ownsFile]]));
    return {
      [INHERITED_FDS_VARIABLE]: `${firstFd}:${sockets.length}`,
      ...(flowSockets === 0 ? {} : { [INHERITED_FLOWS_VARIABLE]: `${firstFd + sockets.length}:${flowSockets}` }),
      ...(named.length === 0 ? {} : { [INHERITED_NAMES_VARIABLE]: JSON.stringify(named) }),
    };
  }

  /** Where the sockets that nobody took are bound. */
  get left(): string[] {
    return this.#sockets.map(({ endpoint, name }) =>
      name === undefined || isNamedEndpoint(endpoint)
        ? formatEndpoint(endpoint)
        : `${formatEndpoint(endpoint)} (${name})`,
    );
  }

  /**
   * The socket that is bound there, or has the name that is asked for, once; null: none was given. A wildcard is met by a wildcard: systemd
   * binds `::` for both families. Throws ERR_STREAM_LISTEN where a name is none's, or several have it.
   */
  claim(listen: Endpoint): ReceivedSocket | null {
    const found = this.#find(listen);
    if (found === null) return null;
    this.#sockets = this.#sockets.filter((socket) => socket !== found);
    return found;
  }

  /** Those that nobody took. */
  close(): void {
    this.flows.close();
    for (const { endpoint, handle, ownsFile } of this.#sockets) {
      if (ownsFile === true) SocketFile.takeOver(endpoint.host.slice(UNIX_PREFIX.length)).remove();
      handle.close();
    }
    this.#sockets = [];
  }

  #find(listen: Endpoint): ReceivedSocket | null {
    const name = systemdNameOf(listen);
    if (name === null) return this.#sockets.find(({ endpoint }) => isSame(endpoint, listen)) ?? null;
    const handed = this.#sockets.find(({ endpoint }) => endpoint.host === listen.host);
    if (handed !== undefined) return handed;
    const ofKind = this.#sockets.filter(({ endpoint }) => isDatagramEndpoint(endpoint) === isDatagramEndpoint(listen));
    const named = ofKind.filter((socket) => socket.name === name);
    if (named.length > 1) throw nameError(listen, `systemd gave ${named.length} sockets of that name`, SPLIT_ADVICE);
    return named[0] ?? null;
  }

  /** For people: why there is none of that name. */
  missing(listen: Endpoint): TorporError {
    const names = this.#sockets.flatMap(({ name }) => name ?? []);
    const given = names.length === 0 ? 'systemd gave no socket with a name' : `systemd gave ${names.join(', ')}`;
    return missingError(listen, `${given}, and it is not taken twice`);
  }
}

const SPLIT_ADVICE =
  'write a .socket unit with one ListenStream= or ListenDatagram= for each name (FileDescriptorName=), or write the address in place of the name';

/** Where no sockets were given, or those are taken already that were. */
export function missingError(listen: Endpoint, given: string): TorporError {
  const name = systemdNameOf(listen);
  const kind = isDatagramEndpoint(listen) ? 'ListenDatagram=' : 'ListenStream=';
  const advice = `start Torpor by a .socket unit with ${kind} and FileDescriptorName=${name}; sockets are given at the start only, so a new one needs a restart`;
  return nameError(listen, given, advice);
}

function nameError(listen: Endpoint, what: string, advice: string): TorporError {
  return new TorporError('ERR_STREAM_LISTEN', `could not listen on ${formatEndpoint(listen)}: ${what}: ${advice}`);
}

/** systemd names the process it means: a variable that was passed on by another one is none of ours. */
function systemdSockets(env: Readonly<Environment>, pid: number): ReceivedSocket[] {
  if (env.LISTEN_PID !== String(pid)) return [];
  const names = (env.LISTEN_FDNAMES ?? '').split(':');
  return range(SYSTEMD_FIRST_FD, Number(env.LISTEN_FDS)).flatMap((fd, at) => {
    const socket = openSocket(fd);
    // What it calls a socket of which no unit says a name.
    const name = names[at] === '' || names[at] === 'unknown' ? undefined : names[at];
    return socket === null ? [] : [{ ...socket, ...(name === undefined ? {} : { name }) }];
  });
}

function formerSockets(env: Readonly<Environment>): ReceivedSocket[] {
  const names = readNames(env[INHERITED_NAMES_VARIABLE]);
  return readRange(env[INHERITED_FDS_VARIABLE]).flatMap((fd) => {
    const { name = '', ownsFile = false } = names.get(fd) ?? {};
    const named = { host: name, port: 0 };
    const systemdName = systemdNameOf(named);
    const socket = openSocket(fd, name === '' || systemdName !== null ? null : named);
    return socket === null ? [] : [{ ...socket, ownsFile, ...(systemdName === null ? {} : { name: systemdName }) }];
  });
}

/** Written by `tell`, of this version or another one. */
function readNames(text: string | undefined): Map<number, { name: string; ownsFile: boolean }> {
  const names = new Map<number, { name: string; ownsFile: boolean }>();
  if (text === undefined) return names;
  for (const [fd, name, ownsFile] of JSON.parse(text) as Array<[number, string, boolean]>)
    names.set(fd, { name, ownsFile });
  return names;
}

/** `4:7`: from 4 on, 7 of them. */
function readRange(text: string | undefined): number[] {
  const match = /^(\d{1,5}):(\d{1,5})$/.exec(text ?? '');
  return match === null ? [] : range(Number(match[1]), Number(match[2]));
}

function range(first: number, count: number): number[] {
  if (!Number.isInteger(count) || count < 0 || count > MAX_FDS) return [];
  return Array.from({ length: count }, (_, index) => first + index);
}

/**
 * null where the descriptor is no stream socket that listens, and none for datagrams. `known`: where it is found now; the kernel knows where it
 * was bound.
 */
function openSocket(fd: number, known: Endpoint | null = null): ReceivedSocket | null {
  const address = known === null ? null : udpAddressOf(known);
  if (known !== null && address !== null) return { endpoint: known, handle: new DatagramDescriptor(fd, address) };
  const open = (net as unknown as { _createServerHandle?: OpenHandle })._createServerHandle;
  const opened = open?.(null, 0, -1, fd);
  if (opened === undefined || typeof opened === 'number') {
    const bound = boundDatagrams(fd);
    return bound === null ? null : { endpoint: formatUdp(bound), handle: new DatagramDescriptor(fd, bound) };
  }
  const handle = opened as ListeningHandle;
  const endpoint = known ?? whereBound(handle);
  if (endpoint !== null) return { endpoint, handle };
  handle.close();
  return null;
}

function whereBound(handle: ListeningHandle): Endpoint | null {
  // Only TCP handles tell.
  if (typeof handle.getsockname !== 'function') {
    const path = unixPathOfFd(handle.fd);
    return path === null ? null : { host: `${UNIX_PREFIX}${path}`, port: 0 };
  }
  const bound: { address?: string; port?: number } = {};
  if (handle.getsockname(bound) !== 0 || bound.port === undefined) return null;
  return { host: bound.address ?? '', port: bound.port };
}

/** The path that a listening Unix socket was bound to; null: it is none. */
function unixPathOfFd(fd: number): string | null {
  try {
    const inode = String(fstatSync(fd).ino);
    for (const line of readFileSync('/proc/net/unix', 'utf8').split('\n')) {
      const [, , , flags = '', type, , own, path] = line.trim().split(/\s+/);
      const listens = (Number.parseInt(flags, 16) & LISTENS) !== 0;
      if (own === inode && type === STREAM_TYPE && listens && path !== undefined) return path;
    }
  } catch {
    // A system without such a table.
  }
  return null;
}

function isSame(bound: Endpoint, wanted: Endpoint): boolean {
  const [boundUdp, wantedUdp] = [udpAddressOf(bound), udpAddressOf(wanted)];
  if (boundUdp !== null && wantedUdp !== null) return isSame(boundUdp, wantedUdp);
  if (isNamedEndpoint(wanted) || isNamedEndpoint(bound)) return bound.host === wanted.host;
  if (bound.port !== wanted.port || wanted.port === 0) return false;
  const host = wanted.host.toLowerCase();
  if (bound.host.toLowerCase() === host) return true;
  if (isIP(host) === 0) return host === 'localhost' && (bound.host === '127.0.0.1' || bound.host === '::1');
  const isWildcard = host === '0.0.0.0' || host === '::';
  return isWildcard && bound.host === '::';
}
