// One UDP address that clients send to, and the flows behind it, bounded. What a flow does with a datagram is the flow's.
import { createSocket, type Socket } from 'node:dgram';
import { closeSync } from 'node:fs';
import { isIP } from 'node:net';
import { type DatagramRule, DEFAULT_DATAGRAM_RULE } from '../../platform/datagram-rule.ts';
import { type Endpoint, formatEndpoint, formatUdp, systemdNameOf, udpAddressOf } from '../../platform/endpoint.ts';
import { errorText } from '../../platform/errors.ts';
import type { RefusalReason } from '../../platform/refusal.ts';
import { plainAddress, sourceOf } from '../client-source.ts';
import type { PassedSocket, ReceivedSocket } from '../inherited-sockets.ts';
import { type Listener, listenError } from '../listener.ts';
import type { StreamHome, StreamRoute } from '../stream.ts';
import { descriptorOf } from './datagram-descriptor.ts';
import { DatagramFlow, type FlowClient, type FlowOwner } from './datagram-flow.ts';
import { type DatagramTarget, SEND_QUEUE_MAX_BYTES } from './datagram-target.ts';
import type { GivenFlow, LeavingFlows } from './flow-record.ts';

/** Flows of one listener, and of one source there, where it does not say: each has a socket, and an address is easily made up. */
export const DEFAULT_MAX_FLOWS = 1024;
export const DEFAULT_MAX_FLOWS_PER_SOURCE = 256;
/** A flow that was quiet for this long gives its place to a newcomer at the bound. */
export const QUIET_MS = 1000;
/** Between two looks at what is too old. */
export const SWEEP_MS = 1000;

const NOTHING = () => {};

export interface DatagramPortOptions {
  readonly home: StreamHome;
  readonly listener: Listener;
  readonly nextId: () => string;
  /** Streams of all listeners are at their bound. */
  readonly isFull: () => boolean;
  readonly onEntered: (route: StreamRoute, source: string) => void;
  readonly onGone: (route: StreamRoute, source: string) => void;
}

export class DatagramPort implements FlowOwner {
  readonly #options: DatagramPortOptions;
  readonly #given: ReceivedSocket | null;
  readonly #socket: Socket;
  /** By the client's address and port; the one that was quiet for longest first. */
  readonly #flows = new Map<string, DatagramFlow>();
  /** The same of each source. */
  readonly #bySource = new Map<string, Set<DatagramFlow>>();
  /** Those that have no place any more, and are in the pool yet. */
  readonly #leaving = new Set<DatagramFlow>();
  #cancelSweep = NOTHING;
  #isClosed = false;

  /** `given`: the socket to read; what came to it before is read first. Default: it binds one. */
  constructor(options: DatagramPortOptions, given: ReceivedSocket | null = null) {
    this.#options = options;
    this.#given = given;
    const { host } = this.#address;
    this.#socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4');
    this.#socket.on('message', (bytes, { address, port }) => this.#receive(bytes, address, port));
  }

  get #address(): Endpoint {
    const { listen } = this.#options.listener.options;
    return udpAddressOf(this.#given?.endpoint ?? listen) ?? listen;
  }

  /** Its socket; null where this Node does not show it: then the next process binds anew. */
  get passed(): PassedSocket | null {
    const fd = descriptorOf(this.#socket);
    if (fd === null) return null;
    const { listen } = this.#options.listener.options;
    const { address, port } = this.#socket.address();
    const bound = systemdNameOf(listen) === null ? formatUdp({ host: address, port }) : listen;
    return { fd, name: formatEndpoint(bound), ownsFile: false };
  }

  get flows(): readonly DatagramFlow[] {
    return [...this.#flows.values(), ...this.#leaving];
  }

  /** FlowOwner. */
  get rule(): DatagramRule {
    return this.#options.listener.options.udp ?? DEFAULT_DATAGRAM_RULE;
  }

  /** Rejects with ERR_STREAM_LISTEN. Resolves with where it is. */
  async open(): Promise<Endpoint> {
    const { host, port } = this.#address;
    const { listen, vm } = this.#options.listener.options;
    const given = this.#given;
    await new Promise<void>((resolve, reject) => {
      this.#socket.once('error', (error) => {
        this.#socket.close();
        reject(listenError(listen, vm, error));
      });
      const at = given === null ? { address: host, port } : { fd: given.handle.fd };
      this.#socket.bind({ ...at, exclusive: true }, () => {
        this.#socket.removeAllListeners('error');
        // What ICMP says of a reply concerns its client only.
        this.#socket.on('error', NOTHING);
        resolve();
      });
    });
    this.#sweepLater();
    if (systemdNameOf(listen) !== null) return listen;
    const { host: asked } = udpAddressOf(listen) ?? listen;
    return formatUdp({ host: asked, port: this.#socket.address().port });
  }

  /** Other rules: flows to where it leads no more end, the others follow. */
  followRules(): void {
    const { route } = this.#options.listener;
    for (const flow of [...this.#flows.values()]) {
      if (flow.route !== route) flow.end('its listener leads elsewhere now');
      else flow.followRules();
    }
  }

  /** `why` null: without a word. */
  async close(why: string | null): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelSweep();
    for (const flow of this.flows) {
      if (why === null) flow.shutDown();
      else flow.end(why);
    }
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  /** The sockets towards its VM that another process can go on with. */
  get targets(): DatagramTarget[] {
    return [...this.#flows.values()].flatMap(({ target }) => (target?.fd == null ? [] : [target]));
  }

  /** Of each flow what another process must know to go on with it; they are to end here then. */
  leaveFlows(leaving: LeavingFlows): void {
    const { listen } = this.#options.listener.options;
    for (const flow of this.#flows.values())
      leaving.add((socket, maxBytes) => flow.leave(formatEndpoint(listen), socket, maxBytes), flow.target);
  }

  /** Flows of another process go on here, the one that was quiet for longest first. */
  goOnWith(given: readonly GivenFlow[]): void {
    for (const flow of given) {
      const { address, port } = flow.record;
      if (this.#admit(clientAt(address, port), flow) === null && flow.fd !== null) closeSync(flow.fd);
    }
  }

  // ------------------------------------------------------------------------------------------ FlowOwner

  reply({ from }: DatagramFlow, bytes: Uint8Array): void {
    // RFC 768: who sends from port 0 awaits no reply.
    if (this.#isClosed || from.port === 0 || this.#socket.getSendQueueSize() > SEND_QUEUE_MAX_BYTES) return;
    this.#socket.send(bytes, from.port, from.address, NOTHING);
  }

  touch(flow: DatagramFlow): void {
    const key = keyOf(flow.from);
    this.#flows.delete(key);
    this.#flows.set(key, flow);
    const own = this.#bySource.get(flow.from.source);
    own?.delete(flow);
    own?.add(flow);
  }

  ended(flow: DatagramFlow): void {
    const { source } = flow.from;
    this.#flows.delete(keyOf(flow.from));
    const own = this.#bySource.get(source);
    own?.delete(flow);
    if (own?.size === 0) this.#bySource.delete(source);
    this.#leaving.add(flow);
    this.#options.onGone(flow.route, source);
  }

  forget(flow: DatagramFlow): void {
    this.#leaving.delete(flow);
  }

  // ------------------------------------------------------------------------------------------ newcomers

  #receive(bytes: Uint8Array, address: string, port: number): void {
    if (this.#isClosed) return;
    const known = this.#flows.get(`${address} ${port}`);
    if (known !== undefined) {
      known.onDatagram(bytes);
      return;
    }
    this.#admit(clientAt(address, port))?.onDatagram(bytes);
  }

  /** null: it has no place, and nobody answers it. */
  #admit(from: FlowClient, given: GivenFlow | null = null): DatagramFlow | null {
    const { home, listener, nextId } = this.#options;
    const { route } = listener;
    if (!route.guard.allows(from.host)) {
      home.refusals.count('allow-from');
      return null;
    }
    const full = this.#findRoom(from.source);
    if (full !== null) return this.#refuse(from, full, 'as many flows are open as may be (maxStreams, maxPerSource)');
    const flow = new DatagramFlow(nextId(), home, route, from, this, given);
    this.#enter(flow);
    try {
      const refusal = flow.open();
      if (refusal === null) return flow;
      this.#withdraw(flow);
      return this.#refuse(from, refusal.reason, refusal.why);
    } catch (error) {
      this.#withdraw(flow);
      return this.#refuse(from, 'no-room', errorText(error));
    }
  }

  #enter(flow: DatagramFlow): void {
    const { source } = flow.from;
    this.#flows.set(keyOf(flow.from), flow);
    const own = this.#bySource.get(source) ?? new Set();
    this.#bySource.set(source, own.add(flow));
    this.#options.onEntered(flow.route, source);
  }

  #withdraw(flow: DatagramFlow): void {
    this.ended(flow);
    this.#leaving.delete(flow);
  }

  #refuse({ host, port }: FlowClient, reason: RefusalReason, why: string): null {
    const { home, listener } = this.#options;
    home.refusals.note(reason, listener.label, `${host} (port ${port})`, why);
    return null;
  }

  /** Why there is none. At a bound the quietest flow of the same source gives way, or the listener's, if its source has others. */
  #findRoom(source: string): RefusalReason | null {
    const { isFull, listener } = this.#options;
    const { maxStreams, maxPerSource = null } = listener.options;
    const maxFlows = maxStreams ?? DEFAULT_MAX_FLOWS;
    const usual = maxStreams ?? DEFAULT_MAX_FLOWS_PER_SOURCE;
    const perSource = maxPerSource ?? usual;
    const own = this.#bySource.get(source);
    if (own !== undefined && perSource < maxFlows && own.size >= perSource)
      return this.#replace(own) ? null : 'per-source';
    if (this.#flows.size < maxFlows && !isFull()) return null;
    if (own !== undefined) return this.#replace(own) ? null : 'max-streams';
    const [quietest] = this.#flows.values();
    const theirs = quietest === undefined ? undefined : this.#bySource.get(quietest.from.source);
    return theirs !== undefined && theirs.size > 1 && this.#replace(theirs) ? null : 'max-streams';
  }

  #replace(flows: ReadonlySet<DatagramFlow>): boolean {
    const [quietest] = flows;
    const nowMs = this.#options.home.clock.nowMs();
    if (quietest === undefined || nowMs - quietest.lastAtMs < QUIET_MS) return false;
    quietest.end('made room for a newer flow');
    return true;
  }

  #sweepLater(): void {
    this.#cancelSweep = this.#options.home.clock.schedule(SWEEP_MS, () => {
      for (const flow of [...this.#flows.values()]) flow.sweep();
      if (!this.#isClosed) this.#sweepLater();
    });
  }
}

function clientAt(address: string, port: number): FlowClient {
  const host = plainAddress(address);
  return { address, port, host, source: sourceOf(host) };
}

function keyOf({ address, port }: FlowClient): string {
  return `${address} ${port}`;
}
