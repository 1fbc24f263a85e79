// Connects one stream to its target, by several overlapping attempts where a lost SYN must not cost a second. Sends no byte.
import { connect, type NetConnectOpts } from 'node:net';
import { names } from '../name-lookup.ts';
import { type Endpoint, formatEndpoint, unixPathOf } from '../platform/endpoint.ts';
import { TorporError } from '../platform/errors.ts';
import type { Clock } from '../platform/ports.ts';
import { CommonBound, type Wait } from './common-bound.ts';
import type { RawOpener, RawSocket, RawSockets } from './raw-socket.ts';
import { PORT_HIGH_WATER_BYTES } from './socket-port.ts';
import type { StreamSocket } from './stream-socket.ts';

/**
 * ordinary: one attempt, as any client would make; the kernel repeats a lost SYN after a second, and a refusal is final.
 * eager, for the moments after a wake: further attempts start beside those that are still open, and a refusal is not
 * final, because a service may come up a little after its VM.
 */
export type ConnectPace = 'ordinary' | 'eager';

/** Bound on the whole of it, either pace. */
export const CONNECT_BOUND_MS = 10_000;
/** Eager: pause before the second attempt; it doubles up to EAGER_STAGGER_MAX_MS. */
export const EAGER_STAGGER_MS = 50;
export const EAGER_STAGGER_MAX_MS = 500;
/** Eager: attempts that may be open at once. At the bound the next one waits until one ends. */
export const ATTEMPTS_OPEN_MAX = 8;

export interface TargetConnectorOptions {
  readonly target: Endpoint;
  readonly pace: ConnectPace;
  readonly clock: Clock;
  readonly owner: ConnectOwner;
  /** Of all that share it; see TargetConnector.boundBy. */
  readonly bound: CommonBound<TargetConnector>;
  /** Default, and null: sockets are net.Socket. So are those to a name, which has to be looked up first. */
  readonly raw?: RawSockets | null;
}

export interface ConnectOwner {
  /** Runs once, with the first connection that came up; the other attempts are gone. It keeps both directions half-open. */
  onConnected(socket: StreamSocket): void;
  /** Runs once instead, with ERR_STREAM_TARGET. */
  onConnectFailed(error: TorporError): void;
}

const CONNECTOR = Symbol('connector');

/** Of a net.Socket. null: it is over. */
type PlainAttempt = StreamSocket & { [CONNECTOR]: TargetConnector | null };

const NOTHING = () => {};

/** Starts on construction. Of its owner's two exactly one runs, later, unless `abort` comes first. */
export class TargetConnector implements RawOpener {
  readonly #options: TargetConnectorOptions;
  /** At most ATTEMPTS_OPEN_MAX. */
  readonly #open: StreamSocket[] = [];
  readonly #wait: Wait<TargetConnector>;
  #staggerMs = EAGER_STAGGER_MS;
  #lastError: unknown = null;
  #isSettled = false;
  #cancelNext: () => void = NOTHING;

  constructor(options: TargetConnectorOptions) {
    this.#options = options;
    this.#wait = options.bound.add(this);
    this.#attempt();
  }

  /** One for all connectors that share a clock. */
  static boundBy(clock: Clock): CommonBound<TargetConnector> {
    return new CommonBound(clock, CONNECT_BOUND_MS, (connector) => connector.#fail());
  }

  /** Drops all attempts; nothing runs afterwards. */
  abort(): void {
    this.#settle(null);
  }

  #attempt(): void {
    if (this.#open.length < ATTEMPTS_OPEN_MAX) this.#start();
    if (this.#options.pace === 'ordinary') return;
    const { clock } = this.#options;
    this.#cancelNext = clock.schedule(this.#staggerMs, () => {
      // A turn of the event loop later: a connection that came up while this process was busy is seen first.
      this.#cancelNext = clock.schedule(0, () => this.#attempt());
    });
    this.#staggerMs = Math.min(this.#staggerMs * 2, EAGER_STAGGER_MAX_MS);
  }

  #start(): void {
    const { target, raw = null } = this.#options;
    this.#open.push(raw?.connect(target, this) ?? this.#startPlain());
  }

  #startPlain(): StreamSocket {
    const socket = connectPlain(this.#options.target) as PlainAttempt;
    socket[CONNECTOR] = this;
    socket.on('error', TargetConnector.listeners.error);
    socket.on('connect', TargetConnector.listeners.connect);
    return socket;
  }

  /** RawOpener. */
  onOpened(socket: RawSocket): void {
    this.#win(socket);
  }

  /** RawOpener. */
  onOpenFailed(socket: RawSocket, error: Error): void {
    this.#refused(socket, error);
  }

  /** One set of functions for all attempts, as of SocketPort. */
  static readonly listeners = {
    error(this: PlainAttempt, error: Error): void {
      const connector = this[CONNECTOR];
      if (connector) connector.#refused(this, error);
    },
    connect(this: PlainAttempt): void {
      const connector = this[CONNECTOR];
      if (!connector) return;
      this.removeListener('error', TargetConnector.listeners.error);
      this[CONNECTOR] = null;
      connector.#win(this);
    },
  };

  #win(socket: StreamSocket): void {
    if (this.#isSettled) return;
    this.#settle(socket);
    this.#options.owner.onConnected(socket);
  }

  #refused(socket: StreamSocket, error: Error): void {
    const at = this.#open.indexOf(socket);
    if (at >= 0) this.#open.splice(at, 1);
    this.#lastError = error;
    if (this.#options.pace === 'ordinary') this.#fail();
  }

  #fail(): void {
    if (this.#isSettled) return;
    this.#settle(null);
    this.#options.owner.onConnectFailed(targetError(this.#options.target, this.#lastError));
  }

  #settle(winner: StreamSocket | null): void {
    this.#isSettled = true;
    this.#options.bound.end(this.#wait);
    this.#cancelNext();
    for (const socket of this.#open) if (socket !== winner) socket.destroy();
    this.#open.length = 0;
  }
}

function connectPlain(target: Endpoint): StreamSocket {
  const path = unixPathOf(target);
  const where = path === null ? target : { path };
  const options = {
    ...where,
    lookup: names.lookup,
    allowHalfOpen: true,
    noDelay: true,
    // Never: a keepalive is a packet that a sleeper does not answer.
    keepAlive: false,
    writableHighWaterMark: PORT_HIGH_WATER_BYTES,
    readableHighWaterMark: PORT_HIGH_WATER_BYTES,
  };
  // Node hands them on to its streams; its types do not know.
  return connect(options as NetConnectOpts);
}

const TARGET_ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: start the service, or correct the target',
  EHOSTUNREACH: 'there is no way to that host: check its network and the route to it',
  ENETUNREACH: 'there is no way to that network: check the route to it',
  ENOTFOUND: 'the name is unknown: correct the target or the name service',
  EAI_AGAIN: 'the name service did not answer: try again, or use an address',
  ETIMEDOUT: 'it does not answer: check that it runs and that no firewall is between',
  EADDRNOTAVAIL: 'this machine has no free port left towards it: fewer streams, or a wider ip_local_port_range',
  EMFILE: 'this process has no file descriptors left: raise its limit (LimitNOFILE, ulimit -n)',
};

function targetError(target: Endpoint, cause: unknown): TorporError {
  const systemCode = cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? 'ETIMEDOUT') : 'ETIMEDOUT';
  const isMissing = systemCode === 'ENOENT' && unixPathOf(target) !== null;
  const advice = isMissing
    ? 'nothing stands at that path: start the service, or correct the target'
    : (TARGET_ADVICE[systemCode] ?? 'check that it runs and can be reached');
  const message = `could not connect to the target ${formatEndpoint(target)} (${systemCode}): ${advice}`;
  return new TorporError('ERR_STREAM_TARGET', message, { cause, retryable: true });
}
