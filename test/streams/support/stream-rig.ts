// One platform's StreamSet between real loopback sockets: a VM that is a TCP server, clients, and an observer that remembers.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { loadCore } from '../../../src/core/stream-core.ts';
import type { Clock, StreamName, StreamObserver, StreamStatus } from '../../../src/platform/ports.ts';
import type { BehindName } from '../../../src/streams/behind-name.ts';
import type { Broker } from '../../../src/streams/broker.ts';
import { DirectReads } from '../../../src/streams/direct-reads.ts';
import type { InheritedSockets } from '../../../src/streams/inherited-sockets.ts';
import type { ListenerOptions } from '../../../src/streams/listener.ts';
import { detectRawSockets } from '../../../src/streams/raw-trial.ts';
import { ReadBuffers, type ReadBuffersOptions, reservedBytes } from '../../../src/streams/read-buffers.ts';
import type { RouteTable } from '../../../src/streams/route-table.ts';
import { SentWaits } from '../../../src/streams/sent-waits.ts';
import type { Stream } from '../../../src/streams/stream.ts';
import { StreamRegistry } from '../../../src/streams/stream-registry.ts';
import { StreamSet } from '../../../src/streams/stream-set.ts';
import type { TraceRecorder } from '../../../src/streams/trace-recorder.ts';
import type { ReadUnacked } from '../../../src/streams/unacked-table.ts';
import { systemClock } from '../../../src/system-clock.ts';
import type { TunnelSubprotocol } from '../../../src/web/tunnel-codec.ts';
import { WebGate } from '../../../src/web/web-gate.ts';
import { KeptLog } from '../../support/kept-log.ts';

export interface SeenEvent {
  readonly kind: 'opened' | 'active' | 'held-activity' | 'keepalive' | 'idle' | 'closed' | 'delivered';
  readonly id: string;
  readonly why: string;
  readonly status: StreamStatus;
}

/** Remembers every call; `onEvent` may act on the gate from within one, as a controller does. */
export class SeenEvents implements StreamObserver {
  readonly events: SeenEvent[] = [];
  onEvent: (event: SeenEvent) => void = () => {};

  streamOpened(name: StreamName): void {
    this.#add('opened', name, '');
  }
  streamActive(name: StreamName, why: string): void {
    this.#add('active', name, why);
  }
  activityWhileHeld(name: StreamName, why: string): void {
    this.#add('held-activity', name, why);
  }
  keepaliveOverdue(name: StreamName, why: string): void {
    this.#add('keepalive', name, why);
  }
  streamIdle(name: StreamName, why: string): void {
    this.#add('idle', name, why);
  }
  streamClosed(name: StreamName, why: string): void {
    this.#add('closed', name, why);
  }
  streamDelivered(name: StreamName, heldBytes: number): void {
    this.#add('delivered', name, String(heldBytes));
  }

  /** The kinds in order, each with its reason: `active: connected`. */
  get told(): string[] {
    return this.events.map(({ kind, why }) => (why === '' ? kind : `${kind}: ${why}`));
  }

  of(kind: SeenEvent['kind']): SeenEvent[] {
    return this.events.filter((event) => event.kind === kind);
  }

  #add(kind: SeenEvent['kind'], name: StreamName, why: string): void {
    const event = { kind, id: name.id, why, status: (name as Stream).status() };
    this.events.push(event);
    this.onEvent(event);
  }
}

/** A TCP server that stands for a VM. Ports are free ones of 127.0.0.1. */
export class VmServer {
  readonly sockets: Socket[] = [];
  readonly #server: Server;

  private constructor(onSocket: (socket: Socket) => void) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.sockets.push(socket);
      socket.on('error', () => {});
      onSocket(socket);
    });
  }

  static async start(onSocket: (socket: Socket) => void = () => {}, port = 0): Promise<VmServer> {
    const server = new VmServer(onSocket);
    server.#server.listen({ host: '127.0.0.1', port, backlog: 4096 });
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Stops listening; open connections stay. */
  async stopListening(): Promise<void> {
    if (!this.#server.listening) return;
    const unbound = new Promise<void>((resolve) => setImmediate(resolve));
    this.#server.close();
    await unbound;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.sockets) socket.destroy();
  }
}

export interface RigOptions {
  readonly clock?: Clock;
  readonly initiallyHeld?: boolean;
  readonly idleTimeoutMs?: number;
  readonly disconnectGraceMs?: number;
  readonly perStreamBytes?: number;
  readonly perPlatformBytes?: number;
  readonly perSourceBytes?: number;
  readonly total?: { open: number; readonly max: number };
  readonly maxCoreStreams?: number;
  readonly readUnacked?: ReadUnacked;
  readonly recorder?: TraceRecorder;
  readonly slots?: number;
  readonly busyBuffers?: number;
  /** Makes the buffers; a test may give some that break a rule. */
  readonly makeBuffers?: (options: ReadBuffersOptions) => ReadBuffers;
  /** One listener each; what is missing is filled in. */
  readonly listeners?: ReadonlyArray<Partial<ListenerOptions>>;
  readonly target?: number;
  /** Of web clients, beyond `binary`. */
  readonly subprotocols?: readonly TunnelSubprotocol[];
  readonly spoolFolder?: string;
  /** Shared with another rig: its names are reached through this one's ports. */
  readonly routes?: RouteTable<BehindName>;
  readonly broker?: Broker;
  readonly inherited?: InheritedSockets;
}

const LISTENER: Omit<ListenerOptions, 'target'> = {
  listen: { host: '127.0.0.1', port: 0 },
  vm: 'alice',
  protocol: 'raw',
  device: 'desktop',
  wakeOn: 'connect',
  maxStreams: null,
};

/** raw: on Node's bare handles, as this Node can. direct: on net.Socket, into the core's memory. plain: what is done where neither can. */
export type ReadingWay = 'raw' | 'direct' | 'plain';

export class StreamRig {
  /** How the rigs of a test file carry their connections. */
  static reading: ReadingWay = 'raw';
  readonly buffers: ReadBuffers;
  readonly set: StreamSet;
  readonly registry: StreamRegistry;
  readonly seen = new SeenEvents();
  readonly log = new KeptLog();
  readonly clients: Socket[] = [];
  /** The port of the target that listeners have by default. */
  readonly target: number;
  /** As it began with them, for a reload. */
  readonly listeners: readonly ListenerOptions[];

  private constructor(registry: StreamRegistry, buffers: ReadBuffers, options: RigOptions) {
    this.registry = registry;
    this.buffers = buffers;
    this.target = options.target ?? 1;
    const target = { host: '127.0.0.1', port: this.target };
    this.listeners = (options.listeners ?? [{}]).map((listener) => ({ ...LISTENER, target, ...listener }));
    this.set = new StreamSet({
      platform: 'vdi-01',
      registry,
      buffers,
      clock: options.clock ?? systemClock,
      observer: this.seen,
      log: this.log,
      idleTimeoutMs: options.idleTimeoutMs ?? 600_000,
      disconnectGraceMs: options.disconnectGraceMs ?? 5000,
      hold: {
        perStreamBytes: options.perStreamBytes ?? 1024 * 1024,
        perPlatformBytes: options.perPlatformBytes ?? 64 * 1024 * 1024,
        ...(options.perSourceBytes === undefined ? {} : { perSourceBytes: options.perSourceBytes }),
      },
      initiallyHeld: options.initiallyHeld ?? false,
      listeners: this.listeners,
      recorder: options.recorder ?? null,
      web: new WebGate({ clock: options.clock ?? systemClock, subprotocols: options.subprotocols ?? [] }),
      ...(options.readUnacked === undefined ? {} : { readUnacked: options.readUnacked }),
      // The kernel keeps real time, whatever the streams' clock says.
      sentWaits: new SentWaits(systemClock, options.readUnacked),
      ...(options.total === undefined ? {} : { total: options.total }),
      spoolFolder: options.spoolFolder ?? null,
      ...(options.routes === undefined ? {} : { routes: options.routes }),
      inherited: options.inherited ?? null,
      ...(options.broker === undefined ? {} : { broker: options.broker }),
    });
  }

  static async start(options: RigOptions = {}): Promise<StreamRig> {
    const { clock = systemClock, slots = 32, busyBuffers = 8, makeBuffers = (all) => new ReadBuffers(all) } = options;
    const core = await loadCore({
      maxStreams: options.maxCoreStreams ?? 4096,
      heapBytes: 4 * 1024 * 1024,
      reservableBytes: reservedBytes(slots, busyBuffers),
    });
    const registry = new StreamRegistry({ core, clock });
    registry.start();
    const direct = StreamRig.reading === 'plain' ? null : await DirectReads.detect();
    const raw = StreamRig.reading === 'raw' ? await detectRawSockets() : null;
    const isAsWanted =
      (direct !== null || StreamRig.reading === 'plain') && (raw !== null || StreamRig.reading !== 'raw');
    if (!isAsWanted) throw new Error(`no ${StreamRig.reading} reads under Node ${process.version}`);
    const rig = new StreamRig(registry, makeBuffers({ core, clock, direct, raw, slots, busyBuffers }), options);
    await rig.set.open();
    return rig;
  }

  port(listener = 0): number {
    return Number(this.set.endpoints()[listener]?.split(':').at(-1));
  }

  /** A connected client, half-open. */
  async connect(listener = 0): Promise<Socket> {
    const socket = this.attempt(listener);
    await once(socket, 'connect');
    return socket;
  }

  /** A client that connects, or is reset while it does. */
  attempt(listener = 0): Socket {
    const socket = connect({ host: '127.0.0.1', port: this.port(listener), allowHalfOpen: true, noDelay: true });
    socket.on('error', () => {});
    this.clients.push(socket);
    return socket;
  }

  async close(): Promise<void> {
    for (const client of this.clients) client.destroy();
    await this.set.close();
    this.registry.stop();
  }
}
