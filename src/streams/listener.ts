// One listening address of a VM, TCP or a Unix socket: accepts clients and hands each over. What becomes of a client is left to the StreamSet.
import { type AddressInfo, createServer, type Server, type ServerOpts } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import type { DatagramRule } from '../platform/datagram-rule.ts';
import type { DeferRule } from '../platform/defer-rule.ts';
import {
  type Endpoint,
  formatEndpoint,
  isNamedEndpoint,
  systemdNameOf,
  udpAddressOf,
  unixPathOf,
} from '../platform/endpoint.ts';
import { TorporError } from '../platform/errors.ts';
import type { IpNetwork } from '../platform/ip-network.ts';
import type { ActivityRule, Device, KeepaliveRule, Protocol } from '../platform/ports.ts';
import { DEFAULT_STREAM_POLICY, type StreamPolicy } from '../platform/stream-policy.ts';
import type { WebSocketRule } from '../platform/web-socket-rule.ts';
import { type InheritedSockets, missingError, type PassedSocket, type ReceivedSocket } from './inherited-sockets.ts';
import type { ProxyVersion } from './proxy-header.ts';
import { listenHandleOf, type TcpHandle } from './raw-binding.ts';
import type { RawSockets } from './raw-socket.ts';
import type { RoomBounds } from './room.ts';
import type { DoorRule, RouteNames } from './route-table.ts';
import { BannerMemory } from './server-banner.ts';
import { DEFAULT_SOCKET_MODE, SocketFile, socketFileAdvice } from './socket-file.ts';
import { PORT_HIGH_WATER_BYTES } from './socket-port.ts';
import { SourceGuard, type WakeRate } from './source-guard.ts';
import type { StreamRoute } from './stream.ts';
import type { WakeOn } from './stream-activity.ts';
import type { StreamSocket } from './stream-socket.ts';
import type { WaitingPageRule } from './waiting-page.ts';

/** Streams one listener keeps open at once, where its owner does not say. */
export const DEFAULT_MAX_STREAMS = 10_000;
/** Of one source: it does not fill a listener alone. */
export const DEFAULT_MAX_PER_SOURCE = 5000;
/** A client that does not answer is asked by TCP keepalive after this long. Never done towards targets. */
export const CLIENT_KEEPALIVE_MS = 60_000;
/** A held keepalive waits this long where its listener does not say. */
export const DEFAULT_KEEPALIVE_WAIT_MS = 30_000;
/** Connections the kernel completes before they are accepted here; it caps this at net.core.somaxconn. */
const BACKLOG = 4096;

const NOTHING = () => {};
export interface ProxyProtocolRule {
  /** Who begins each connection with a PROXY header, and is believed; everybody else is reset. null: no header is read. */
  readonly acceptFrom: readonly IpNetwork[] | null;
  /** What the target is sent first; null: nothing. */
  readonly send: ProxyVersion | null;
}

export interface ListenerOptions {
  /** Port 0: any free port; `endpoint` says which. */
  readonly listen: Endpoint;
  /** A socket that this process inherited, bound to `listen` already. Default: it binds one itself. */
  readonly fd?: number;
  /** Of a Unix socket's file; default: DEFAULT_SOCKET_MODE. */
  readonly socketMode?: number;
  readonly target: Endpoint;
  readonly vm: string;
  readonly protocol: Protocol;
  readonly device: Device;
  readonly wakeOn: WakeOn;
  /** Default: every byte of the client's counts. */
  readonly activity?: ActivityRule;
  /** Default: the whole set's. */
  readonly idleTimeoutMs?: number;
  /** Default: DEFAULT_STREAM_POLICY. */
  readonly policy?: StreamPolicy;
  /** Whether its streams are recorded (see TraceRecorder). Default: not. */
  readonly record?: boolean;
  /** Networks whose clients are served; all others are reset. Default, and null: everybody is served. */
  readonly allowFrom?: readonly IpNetwork[] | null;
  /** How often one source may wake a sleeper. Default, and null: without bound. */
  readonly wakeRate?: WakeRate | null;
  /** serve: clients of a sleeper are greeted with the banner that the server was last seen to send. Default: none. */
  readonly banner?: 'none' | 'serve';
  /** Which requests to a sleeper are answered in its place. Default: off. */
  readonly waitingPage?: WaitingPageRule;
  /** Streams for a sleeper wait on disk, bounded so. Default, and null: they are held, and wake it. */
  readonly defer?: DeferRule | null;
  /** Of one that listens for datagrams (`udp:`), which its owner does in its place. Default: DEFAULT_DATAGRAM_RULE. */
  readonly udp?: DatagramRule;
  /** Default: hold. */
  readonly onKeepalive?: KeepaliveRule;
  /** Default: DEFAULT_KEEPALIVE_WAIT_MS. */
  readonly keepaliveWaitMs?: number;
  /** Default: no PROXY header is read and none is sent. */
  readonly proxyProtocol?: ProxyProtocolRule;
  /** Its clients come by WebSocket; what is in their messages is the stream. Default, and null: they bring the stream's bytes as they are. */
  readonly webSocket?: WebSocketRule | null;
  /** Its port is shared: clients say by name whom they want. Default, and null: all are its own target's. */
  readonly door?: DoorRule | null;
  /** It has no port of its own, and is reached through that of another listener by these names. `listen` is that one's. Default: null. */
  readonly routed?: RouteNames | null;
  /** Clients of this service of the link are its own, too. Default, and null: none is. */
  readonly link?: { readonly service: string } | null;
  /** Of one source at once (see sourceOf); default, and null: maxStreams where that is given, else DEFAULT_MAX_PER_SOURCE; at a Unix socket no bound. */
  readonly maxPerSource?: number | null;
  /** null: DEFAULT_MAX_STREAMS. A client beyond the bound is reset. */
  readonly maxStreams: number | null;
}

export class Listener {
  #maxStreams: number;
  #options: ListenerOptions;
  readonly #server: Server;
  #guard: SourceGuard;
  #banner: BannerMemory | null;
  #endpoint: Endpoint;
  #route: StreamRoute | null = null;
  /** Where it listens on a path of its own. */
  #file: SocketFile | null = null;
  #isUnix = false;
  #onClient: (client: StreamSocket, listener: Listener) => void;
  readonly #raw: RawSockets | null;
  /** Accepted sockets that the server does not know of, and who waits for them to be gone. */
  #openRaw = 0;
  #onRawGone: () => void = NOTHING;
  readonly #forgetRaw = () => {
    this.#openRaw -= 1;
    if (this.#openRaw === 0) this.#onRawGone();
  };

  /** `onClient` gets each accepted socket: half-open, without delay, with keepalive, not read yet. */
  constructor(
    options: ListenerOptions,
    onClient: (client: StreamSocket, listener: Listener) => void,
    raw: RawSockets | null = null,
  ) {
    this.#onClient = onClient;
    this.#raw = raw;
    this.#options = options;
    this.#endpoint = options.listen;
    this.#guard = guardOf(options);
    this.#banner = bannerOf(options);
    this.#maxStreams = options.maxStreams ?? DEFAULT_MAX_STREAMS;
    const serverOptions: ServerOpts = {
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: CLIENT_KEEPALIVE_MS,
      highWaterMark: PORT_HIGH_WATER_BYTES,
    };
    this.#server = createServer(serverOptions, (client) => this.#onClient(client, this));
  }

  /** Its clients are another set's from now on. It listens on all the while. */
  passTo(onClient: (client: StreamSocket, listener: Listener) => void): void {
    this.#onClient = onClient;
  }

  get options(): ListenerOptions {
    return this.#options;
  }

  get bounds(): RoomBounds {
    const { maxStreams, maxPerSource = null } = this.#options;
    // All clients of a Unix socket are one source.
    const usual = maxStreams === null && !this.#isUnix ? DEFAULT_MAX_PER_SOURCE : this.#maxStreams;
    return { maxStreams: this.#maxStreams, maxPerSource: maxPerSource ?? usual };
  }

  get maxStreams(): number {
    return this.#maxStreams;
  }

  /**
   * Other rules at the same address. Open streams follow where they still belong to the same VM, target and kind: by their next byte.
   * Those that do not keep the rules they began with. What sources did so far is forgotten where their bounds changed.
   */
  update(options: ListenerOptions): void {
    const before = this.#options;
    this.#options = options;
    this.#maxStreams = options.maxStreams ?? DEFAULT_MAX_STREAMS;
    if (!isAlike(before, options, ['socketMode'])) this.#file?.setMode(options.socketMode ?? DEFAULT_SOCKET_MODE);
    if (!isAlike(before, options, ['allowFrom', 'wakeRate'])) this.#guard = guardOf(options);
    const staysHome = isAlike(before, options, ['vm', 'target', 'protocol', 'device', 'proxyProtocol']);
    if (before.banner !== options.banner || !staysHome) this.#banner = bannerOf(options);
    const route = this.#makeRoute();
    this.#route = staysHome && this.#route !== null ? Object.assign(this.#route, route) : route;
  }

  /** Its clients come over a Unix socket: without an address. Known once it is open. */
  get isUnix(): boolean {
    return this.#isUnix;
  }

  /** Where it listens; with port 0 the real port, once it is open. */
  get endpoint(): Endpoint {
    return this.#endpoint;
  }

  /** As its streams and the log call it. */
  get label(): string {
    return listenerLabel(this.#endpoint, this.#options.routed ?? null);
  }

  /** One for all its streams. */
  get route(): StreamRoute {
    this.#route ??= this.#makeRoute();
    return this.#route;
  }

  #makeRoute(): StreamRoute {
    const { vm, target, protocol, device, wakeOn, activity = 'every-byte' } = this.#options;
    const listener = this.label;
    const { idleTimeoutMs = null, policy = DEFAULT_STREAM_POLICY, record = false } = this.#options;
    const { waitingPage = 'off' } = this.#options;
    const { onKeepalive = 'hold', keepaliveWaitMs = DEFAULT_KEEPALIVE_WAIT_MS } = this.#options;
    const sendProxy = this.#options.proxyProtocol?.send ?? null;
    const rules = {
      wakeOn,
      activity,
      onKeepalive,
      keepaliveWaitMs,
      idleTimeoutMs,
      policy,
      record,
      waitingPage,
      sendProxy,
    };
    const source = this.#isUnix ? listener : null;
    return { vm, target, protocol, device, listener, source, ...rules, guard: this.#guard, banner: this.#banner };
  }

  /** Its owner listens for it, there. */
  boundAt(endpoint: Endpoint): void {
    this.#endpoint = endpoint;
    this.#route = null;
  }

  /** Starts to listen, on the socket that it was given if there is one. Rejects with ERR_STREAM_LISTEN. */
  async open(inherited: InheritedSockets | null = null): Promise<void> {
    const { listen, vm, fd, socketMode = DEFAULT_SOCKET_MODE } = this.#options;
    const given = fd === undefined ? claimSocket(listen, inherited) : null;
    const path = unixPathOf(listen);
    try {
      if (path !== null && given?.ownsFile === true) this.#file = SocketFile.takeOver(path);
      else if (path !== null && given === null && fd === undefined) this.#file = await SocketFile.prepare(path);
      await this.#listen(given, this.#file?.bindPath ?? null);
      if (given === null) this.#file?.publish(socketMode);
      else this.#file?.setMode(socketMode);
    } catch (error) {
      this.#server.close();
      throw listenError(listen, vm, error as Error);
    }
    this.#acceptRaw();
    this.#route = null;
    const bound = this.#server.address() as AddressInfo | string | null;
    this.#isUnix = bound === null || typeof bound === 'string';
    const isNamed = isNamedEndpoint(listen) || bound === null || typeof bound === 'string';
    this.#endpoint = isNamed ? listen : { host: listen.host, port: bound.port };
  }

  #listen(given: ReceivedSocket | null, bindPath: string | null): Promise<void> {
    const { listen, fd } = this.#options;
    const where = bindPath === null || given !== null ? { host: listen.host, port: listen.port } : { path: bindPath };
    // Node's documented form (handle, backlog, callback); its types know the others only.
    const at = given !== null ? { _handle: given.handle } : fd === undefined ? where : { fd };
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(at as never, BACKLOG as never, () => {
        this.#server.removeAllListeners('error');
        // Nothing is reported on a listening socket that would end it; a failed accept has cost its client only.
        this.#server.on('error', () => {});
        resolve();
      });
    });
  }

  /** Has the server's handle give its clients to us, not to the server. They inherit the options of the socket that listens. */
  #acceptRaw(): void {
    const raw = this.#raw;
    const handle = raw === null ? null : listenHandleOf(this.#server);
    if (raw === null || handle === null) return;
    handle.setNoDelay(true);
    handle.setKeepAlive(true, CLIENT_KEEPALIVE_MS / 1000);
    handle.onconnection = (status: number, client: TcpHandle | undefined) => {
      // A failed accept has cost its client only.
      if (status !== 0 || client === undefined) return;
      this.#openRaw += 1;
      this.#onClient(raw.adopt(client).on('close', this.#forgetRaw), this);
    };
  }

  /** Its socket, for a process that is to listen in its place; null where it does not listen. */
  get socket(): PassedSocket | null {
    const fd = (this.#server as unknown as { _handle: { fd: number } | null })._handle?.fd ?? null;
    const { listen } = this.#options;
    if (fd === null) return null;
    return { fd, name: isNamedEndpoint(listen) ? formatEndpoint(listen) : null, ownsFile: this.#file !== null };
  }

  /** The file of its socket is another process's from now on: it stays when this one closes. */
  leaveFile(): void {
    this.#file?.leave();
    this.#file = null;
  }

  /** Accepts no more clients. Resolves when the address is free and every accepted socket is closed. Idempotent. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#server.listening) return resolve();
      this.#file?.remove();
      this.#file = null;
      this.#server.close(() => {
        if (this.#openRaw === 0) resolve();
        else this.#onRawGone = resolve;
      });
    });
  }
}

/** The one that is meant for the address; null: it is to be bound. Throws ERR_STREAM_LISTEN where only systemd could have bound it, and did not. */
export function claimSocket(listen: Endpoint, inherited: InheritedSockets | null): ReceivedSocket | null {
  const given = inherited?.claim(listen) ?? null;
  if (given !== null || systemdNameOf(listen) === null) return given;
  throw inherited?.missing(listen) ?? missingError(listen, 'no sockets were given');
}

function guardOf({ allowFrom = null, wakeRate = null }: ListenerOptions): SourceGuard {
  return new SourceGuard({ allowFrom, wakeRate });
}

function bannerOf({ banner }: ListenerOptions): BannerMemory | null {
  return banner === 'serve' ? new BannerMemory() : null;
}

function isAlike(a: ListenerOptions, b: ListenerOptions, keys: ReadonlyArray<keyof ListenerOptions>): boolean {
  return keys.every((key) => isDeepStrictEqual(a[key] ?? null, b[key] ?? null));
}

/** Where a listener is reached, for people: `0.0.0.0:443`, or `0.0.0.0:443 (alice.example)` through another's port. */
export function listenerLabel(endpoint: Endpoint, routed: RouteNames | null): string {
  const address = formatEndpoint(endpoint);
  return routed === null ? address : `${address} (${routed.pool ?? routed.hosts[0] ?? routed.rdp[0] ?? ''})`;
}

/** For people: why it cannot be listened there, and what to do. */
export function listenError(listen: Endpoint, vm: string, cause: Error): TorporError {
  if (cause instanceof TorporError) return cause;
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
  const path = unixPathOf(listen);
  const udp = udpAddressOf(listen);
  const ss = `ss -l${udp === null ? 't' : 'u'}np sport = :${(udp ?? listen).port}`;
  const advice: Readonly<Record<string, string>> = {
    EADDRINUSE: `another program has that port ("${ss}" names it): stop it, or listen on another port`,
    EACCES: 'ports below 1024 need a privilege: grant CAP_NET_BIND_SERVICE, or listen on a port from 1024 up',
    EADDRNOTAVAIL: 'no network interface of this machine has that address: use one that it has, or 0.0.0.0 for all',
    ENOTFOUND: 'the name is unknown: use an address of this machine',
  };
  const words = path === null ? (advice[code] ?? 'check the address') : socketFileAdvice(path, code);
  const what = `could not listen on ${formatEndpoint(listen)} for the VM ${vm} (${code}): ${words}`;
  return new TorporError('ERR_STREAM_LISTEN', what, { cause });
}
