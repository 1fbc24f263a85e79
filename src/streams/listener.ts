// One listening TCP address of a VM: accepts clients and hands each over. What becomes of a client is left to the StreamSet.
import { type AddressInfo, createServer, type Server, type ServerOpts } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { type Endpoint, formatEndpoint } from '../platform/endpoint.ts';
import { TorporError } from '../platform/errors.ts';
import type { IpNetwork } from '../platform/ip-network.ts';
import type { ActivityRule, Device, KeepaliveRule, Protocol } from '../platform/ports.ts';
import { DEFAULT_STREAM_POLICY, type StreamPolicy } from '../platform/stream-policy.ts';
import type { InheritedSockets } from './inherited-sockets.ts';
import type { ProxyVersion } from './proxy-header.ts';
import { listenHandleOf, type TcpHandle } from './raw-binding.ts';
import type { RawSockets } from './raw-socket.ts';
import type { RoomBounds } from './room.ts';
import type { DoorRule, RouteNames } from './route-table.ts';
import { BannerMemory } from './server-banner.ts';
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
  /** Default: hold. */
  readonly onKeepalive?: KeepaliveRule;
  /** Default: DEFAULT_KEEPALIVE_WAIT_MS. */
  readonly keepaliveWaitMs?: number;
  /** Default: no PROXY header is read and none is sent. */
  readonly proxyProtocol?: ProxyProtocolRule;
  /** Its port is shared: clients say by name whom they want. Default, and null: all are its own target's. */
  readonly door?: DoorRule | null;
  /** It has no port of its own, and is reached through that of another listener by these names. `listen` is that one's. Default: null. */
  readonly routed?: RouteNames | null;
  /** Clients of this service of the link are its own, too. Default, and null: none is. */
  readonly link?: { readonly service: string } | null;
  /** Of one source at once (see sourceOf); default, and null: maxStreams where that is given, else DEFAULT_MAX_PER_SOURCE. */
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
  readonly #onClient: (client: StreamSocket, listener: Listener) => void;
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
    this.#server = createServer(serverOptions, (client) => onClient(client, this));
  }

  get options(): ListenerOptions {
    return this.#options;
  }

  get bounds(): RoomBounds {
    const { maxStreams, maxPerSource = null } = this.#options;
    const usual = maxStreams === null ? DEFAULT_MAX_PER_SOURCE : maxStreams;
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
    if (!isAlike(before, options, ['allowFrom', 'wakeRate'])) this.#guard = guardOf(options);
    const staysHome = isAlike(before, options, ['vm', 'target', 'protocol', 'device', 'proxyProtocol']);
    if (before.banner !== options.banner || !staysHome) this.#banner = bannerOf(options);
    const route = this.#makeRoute();
    this.#route = staysHome && this.#route !== null ? Object.assign(this.#route, route) : route;
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
    return { vm, target, protocol, device, listener, ...rules, guard: this.#guard, banner: this.#banner };
  }

  /** Starts to listen, on the socket that it was given if there is one. Rejects with ERR_STREAM_LISTEN. */
  open(inherited: InheritedSockets | null = null): Promise<void> {
    const { listen, vm, fd } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) => reject(listenError(listen, vm, error)));
      const handle = fd === undefined ? (inherited?.claim(listen) ?? null) : null;
      const where = fd === undefined ? { host: listen.host, port: listen.port } : { fd };
      // Node's documented form (handle, backlog, callback); its types know the other two only.
      const at = (handle === null ? where : { _handle: handle }) as { host: string; port: number };
      this.#server.listen(at as never, BACKLOG as never, () => {
        this.#server.removeAllListeners('error');
        // Nothing is reported on a listening TCP socket that would end it; a failed accept has cost its client only.
        this.#server.on('error', () => {});
        this.#acceptRaw();
        this.#route = null;
        this.#endpoint = { host: listen.host, port: (this.#server.address() as AddressInfo).port };
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
  get fd(): number | null {
    return (this.#server as unknown as { _handle: { fd: number } | null })._handle?.fd ?? null;
  }

  /** Accepts no more clients. Resolves when the port is free and every accepted socket is closed. Idempotent. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#server.listening) return resolve();
      this.#server.close(() => {
        if (this.#openRaw === 0) resolve();
        else this.#onRawGone = resolve;
      });
    });
  }
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
  return routed === null ? address : `${address} (${routed.hosts[0] ?? routed.rdp[0] ?? ''})`;
}

/** For people: why it cannot be listened there, and what to do. */
export function listenError(listen: Endpoint, vm: string, cause: Error): TorporError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown';
  const advice: Readonly<Record<string, string>> = {
    EADDRINUSE: `another program has that port ("ss -ltnp sport = :${listen.port}" names it): stop it, or listen on another port`,
    EACCES: 'ports below 1024 need a privilege: grant CAP_NET_BIND_SERVICE, or listen on a port from 1024 up',
    EADDRNOTAVAIL: 'no network interface of this machine has that address: use one that it has, or 0.0.0.0 for all',
    ENOTFOUND: 'the name is unknown: use an address of this machine',
  };
  return new TorporError(
    'ERR_STREAM_LISTEN',
    `could not listen on ${formatEndpoint(listen)} for the VM ${vm} (${code}): ${advice[code] ?? 'check the address'}`,
    { cause },
  );
}
