// Listening sockets that this process was given: by systemd (socket activation) or by the Torpor before it. Who listens on them is left to others.
import net, { isIP } from 'node:net';
import { type Endpoint, formatEndpoint } from '../platform/endpoint.ts';

/** What is used of a listening handle; the Node types do not declare it. */
export interface ListeningHandle {
  readonly fd: number;
  getsockname(into: { address?: string; port?: number }): number;
  close(): void;
}

type OpenHandle = (address: null, port: 0, family: -1, fd: number) => ListeningHandle | number;

/** systemd's first descriptor. Source: sd_listen_fds(3). */
const SYSTEMD_FIRST_FD = 3;
/** How one Torpor tells the next which descriptors are listening sockets: `4:7` are 4 to 10. */
export const INHERITED_FDS_VARIABLE = 'TORPOR_LISTEN_FDS';
/** Far above the listeners of any configuration; a variable that says more is not believed. */
const MAX_FDS = 4096;

export interface ReceivedSocket {
  readonly endpoint: Endpoint;
  readonly handle: ListeningHandle;
}

export class InheritedSockets {
  #sockets: readonly ReceivedSocket[];

  constructor(sockets: readonly ReceivedSocket[]) {
    this.#sockets = sockets;
  }

  /** Takes what the environment tells of, and takes it out of the environment: children of this process inherit none of it. */
  static take(env: Record<string, string | undefined>, pid: number): InheritedSockets {
    const fds = [...systemdFds(env, pid), ...formerFds(env)];
    for (const name of ['LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES', INHERITED_FDS_VARIABLE]) delete env[name];
    return new InheritedSockets(fds.flatMap(openSocket));
  }

  /** Where the sockets that nobody took are bound. */
  get left(): string[] {
    return this.#sockets.map(({ endpoint }) => formatEndpoint(endpoint));
  }

  /** The socket that is bound there, once; null: none was given. A wildcard is met by a wildcard: systemd binds `::` for both families. */
  claim(listen: Endpoint): ListeningHandle | null {
    const found = this.#sockets.find(({ endpoint }) => isSame(endpoint, listen));
    if (found === undefined) return null;
    this.#sockets = this.#sockets.filter((socket) => socket !== found);
    return found.handle;
  }

  /** Those that nobody took. */
  close(): void {
    for (const { handle } of this.#sockets) handle.close();
    this.#sockets = [];
  }
}

/** systemd names the process it means: a variable that was passed on by another one is none of ours. */
function systemdFds(env: Readonly<Record<string, string | undefined>>, pid: number): number[] {
  if (env.LISTEN_PID !== String(pid)) return [];
  return range(SYSTEMD_FIRST_FD, Number(env.LISTEN_FDS));
}

function formerFds(env: Readonly<Record<string, string | undefined>>): number[] {
  const match = /^(\d{1,5}):(\d{1,5})$/.exec(env[INHERITED_FDS_VARIABLE] ?? '');
  return match === null ? [] : range(Number(match[1]), Number(match[2]));
}

function range(first: number, count: number): number[] {
  if (!Number.isInteger(count) || count < 0 || count > MAX_FDS) return [];
  return Array.from({ length: count }, (_, index) => first + index);
}

/** Nothing where the descriptor is no TCP socket. */
function openSocket(fd: number): ReceivedSocket[] {
  const open = (net as unknown as { _createServerHandle?: OpenHandle })._createServerHandle;
  const handle = open?.(null, 0, -1, fd);
  if (handle === undefined || typeof handle === 'number') return [];
  const bound: { address?: string; port?: number } = {};
  if (typeof handle.getsockname !== 'function' || handle.getsockname(bound) !== 0 || bound.port === undefined) {
    handle.close();
    return [];
  }
  return [{ endpoint: { host: bound.address ?? '', port: bound.port }, handle }];
}

function isSame(bound: Endpoint, wanted: Endpoint): boolean {
  if (bound.port !== wanted.port || wanted.port === 0) return false;
  const host = wanted.host.toLowerCase();
  if (bound.host.toLowerCase() === host) return true;
  if (isIP(host) === 0) return host === 'localhost' && (bound.host === '127.0.0.1' || bound.host === '::1');
  const isWildcard = host === '0.0.0.0' || host === '::';
  return isWildcard && bound.host === '::';
}
