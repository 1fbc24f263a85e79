// What the streams of one process need together: core, registry, read buffers, recorder. Knows no platform.
import { loadCore, type StreamCore } from '../core/stream-core.ts';
import type { Clock, Logger } from '../platform/ports.ts';
import { STREAMS_PER_PROCESS_MAX } from '../platform/stream-policy.ts';
import type { BehindName } from '../streams/behind-name.ts';
import type { Broker } from '../streams/broker.ts';
import { DirectReads } from '../streams/direct-reads.ts';
import type { InheritedSockets } from '../streams/inherited-sockets.ts';
import { detectRawSockets } from '../streams/raw-trial.ts';
import { ReadBuffers, reservedBytes } from '../streams/read-buffers.ts';
import { RouteTable } from '../streams/route-table.ts';
import { SentWaits } from '../streams/sent-waits.ts';
import { StreamRegistry } from '../streams/stream-registry.ts';
import { StreamSet, type StreamSetOptions } from '../streams/stream-set.ts';
import { TraceRecorder, type TraceRecorderOptions } from '../streams/trace-recorder.ts';
import { Lz4Tunnels } from '../web/lz4-tunnel.ts';
import { WebGate } from '../web/web-gate.ts';
import { limitFor, readDescriptors, streamsWithin } from './descriptor-room.ts';
import type { StreamCarrier } from './stream-carrier.ts';

/** Where streams are recorded; null: no listener asks for it. */
export type RecordOptions = Pick<TraceRecorderOptions, 'folder' | 'maxFiles' | 'maxFileBytes' | 'sharers'> | null;

export interface StreamHostOptions {
  readonly record: RecordOptions;
  /** Streams of all its sets together; fewer where the limit on open files leaves room for fewer. */
  readonly maxStreams: number;
  /** What else of this process stays open besides its streams: listening sockets, BMCs. Default: nothing. */
  readonly otherDescriptors?: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly inherited?: InheritedSockets | null;
  /** Default: listeners lead to no pool. */
  readonly broker?: Broker;
}

type HostedOptions = Omit<
  StreamSetOptions,
  | 'registry'
  | 'buffers'
  | 'clock'
  | 'log'
  | 'recorder'
  | 'initiallyHeld'
  | 'routes'
  | 'total'
  | 'web'
  | 'broker'
  | 'sentWaits'
>;

/**
 * A core with as many seats as there can be: streams that are closed keep theirs for their grace, and thousands of short connections a second are
 * as many more. A seat costs memory once it is taken.
 */
export function loadHostCore(): Promise<StreamCore> {
  return loadCore({ maxStreams: STREAMS_PER_PROCESS_MAX, reservableBytes: reservedBytes() });
}

export class StreamHost implements StreamCarrier {
  readonly #options: StreamHostOptions;
  readonly #registry: StreamRegistry;
  readonly #buffers: ReadBuffers;
  readonly #recorder: TraceRecorder | null;
  readonly #routes = new RouteTable<BehindName>();
  readonly #sentWaits: SentWaits;
  readonly #web: WebGate;
  readonly #total: { open: number; readonly max: number };

  private constructor(
    options: StreamHostOptions,
    registry: StreamRegistry,
    buffers: ReadBuffers,
    recorder: TraceRecorder | null,
    web: WebGate,
  ) {
    this.#options = options;
    this.#total = { open: 0, max: roomFor(options) };
    this.#sentWaits = new SentWaits(options.clock);
    this.#web = web;
    this.#registry = registry;
    this.#buffers = buffers;
    this.#recorder = recorder;
  }

  /** Rejects with ERR_CORE_… or ERR_TRACE_FOLDER. */
  static async open(options: StreamHostOptions): Promise<StreamHost> {
    const { record, clock, log } = options;
    const core = await loadHostCore();
    const direct = await DirectReads.detect();
    if (direct === null) {
      const facts = { node: process.version };
      const why = 'sockets cannot read into the stream core under this Node: bytes are copied, transfers are slower';
      log.warn(facts, why);
    }
    const raw = direct === null ? null : await detectRawSockets();
    if (direct !== null && raw === null) {
      const facts = { node: process.version };
      log.warn(facts, 'connections cannot be carried on bare handles under this Node: many short ones are slower');
    }
    const buffers = new ReadBuffers({ core, clock, direct, raw });
    const recorder = record === null ? null : await TraceRecorder.open({ ...record, clock, log });
    const registry = new StreamRegistry({ core, clock });
    registry.start();
    const web = new WebGate({ clock, subprotocols: [await Lz4Tunnels.load({ clock })] });
    return new StreamHost(options, registry, buffers, recorder, web);
  }

  carry(options: HostedOptions): StreamSet {
    const { clock, log } = this.#options;
    return new StreamSet({
      ...options,
      registry: this.#registry,
      buffers: this.#buffers,
      clock,
      log,
      recorder: this.#recorder,
      inherited: options.inherited ?? this.#options.inherited ?? null,
      routes: this.#routes,
      broker: this.#options.broker ?? null,
      web: this.#web,
      total: this.#total,
      sentWaits: this.#sentWaits,
      initiallyHeld: true,
    });
  }

  /** Each set accepts clients as soon as it is open. */
  async start(): Promise<void> {}

  async close(): Promise<void> {
    this.#registry.stop();
    await this.#recorder?.close();
  }
}

function roomFor({ maxStreams, otherDescriptors = 0, log }: StreamHostOptions): number {
  const descriptors = readDescriptors();
  if (descriptors === null) return maxStreams;
  const room = streamsWithin(descriptors, otherDescriptors);
  if (room >= maxStreams) return maxStreams;
  const facts = { maxStreams, streams: room, openFiles: descriptors.limit };
  const enough = limitFor(maxStreams, descriptors, otherDescriptors);
  const advice = `raise its limit to ${enough} (LimitNOFILE, ulimit -n), or write a smaller maxStreams`;
  log.warn(facts, `this process may not open files for maxStreams: it carries ${room} at most; ${advice}`);
  return room;
}
