// All streams of one platform and their listeners: what its controller holds, drains, releases and gives up.
import { type Endpoint, formatEndpoint, isNamedEndpoint } from '../platform/endpoint.ts';
import { errorText, type TorporError } from '../platform/errors.ts';
import { containsAddress } from '../platform/ip-network.ts';
import type { PoolRule } from '../platform/placement.ts';
import type {
  CarriedBytes,
  Clock,
  DrainReport,
  Logger,
  StreamGate,
  StreamObserver,
  StreamStatus,
} from '../platform/ports.ts';
import type { RefusedClients } from '../platform/refusal.ts';
import type { SpoolKeeper } from '../platform/spool.ts';
import type { WebSocketRule } from '../platform/web-socket-rule.ts';
import { Admission } from './admission.ts';
import type { Arrival } from './arrival.ts';
import type { BehindName } from './behind-name.ts';
import type { Broker, Seat } from './broker.ts';
import { sourceAt, whoIs } from './client-name.ts';
import { DatagramSet, isDatagramListener } from './datagrams/datagram-set.ts';
import type { FlowSocket, LeavingFlows } from './datagrams/flow-record.ts';
import type { DoorstepRule } from './doorstep.ts';
import { Doorway } from './doorway.ts';
import { Farewells } from './farewells.ts';
import { HoldBudget } from './hold-budget.ts';
import { HoldCodec } from './hold-codec.ts';
import type { InheritedSockets, PassedSocket } from './inherited-sockets.ts';
import { Listener, type ListenerOptions } from './listener.ts';
import type { ReadBuffers } from './read-buffers.ts';
import { Refusals } from './refusals.ts';
import { resetSocket } from './reset-socket.ts';
import type { Occupant } from './room.ts';
import { RouteTable } from './route-table.ts';
import { SendQueues } from './send-queues.ts';
import { SentWaits } from './sent-waits.ts';
import { SourceHolds } from './source-holds.ts';
import { Spool } from './spool/spool.ts';
import { Stream, type StreamHome, type StreamRoute } from './stream.ts';
import type { StreamRegistry } from './stream-registry.ts';
import type { StreamSocket } from './stream-socket.ts';
import { CONNECT_BOUND_MS, type ConnectPace, TargetConnector } from './target-connector.ts';
import type { TraceRecorder } from './trace-recorder.ts';
import type { ReadUnacked } from './unacked-table.ts';
import type { WakeNotice } from './waiting-page-html.ts';
import type { WebDoor } from './web-door.ts';

/** Whose the connections of a believed proxy are, until their headers tell. */
const PROXY_SOURCE = 'a proxy';
const NO_BYTES = new Uint8Array();
/** For this long after a release, connections to a VM are made eagerly (see TargetConnector). */
export const EAGER_AFTER_RELEASE_MS = CONNECT_BOUND_MS;

export interface StreamSetOptions {
  /** The platform's name, first part of its streams' ids. */
  readonly platform: string;
  readonly registry: StreamRegistry;
  /** Shared by the streams of all platforms, like the registry. */
  readonly buffers: ReadBuffers;
  readonly clock: Clock;
  /** Called synchronously, also from within `hold`, `release` and `giveUp`; it may call those in turn. */
  readonly observer: StreamObserver;
  readonly log: Logger;
  /** From a stream's last activity until it leaves the pool. */
  readonly idleTimeoutMs: number;
  /** From a stream's close until it leaves the pool. */
  readonly disconnectGraceMs: number;
  /** Bounds of what is kept, in stored bytes (after compression). */
  readonly hold: {
    readonly perStreamBytes: number;
    readonly perPlatformBytes: number;
    /** Of one source (see sourceOf); default: as much as the platform's. */
    readonly perSourceBytes?: number;
  };
  /** Streams of all sets of a process, and how many there may be. Default: each listener's bound alone. */
  readonly total?: { open: number; readonly max: number };
  /** True where nothing may be sent to the VMs until the first release, because their state is not known yet. */
  readonly initiallyHeld: boolean;
  readonly listeners: readonly ListenerOptions[];
  /** Records the streams of listeners that ask for it. Default: none are. */
  readonly recorder?: TraceRecorder | null;
  /** Sockets that this process was given to listen on. Default: none. */
  readonly inherited?: InheritedSockets | null;
  /** Where listeners that defer keep what waits, the platform's own. Default, and null: nothing is deferred. */
  readonly spoolFolder?: string | null;
  /** First part of its streams' ids. Default: the platform's name and a hyphen. */
  readonly idPrefix?: string;
  /** A client of this listener (its place among the listeners) was the first to ask for a sleeping VM: see noteAsked. */
  readonly onAsked?: (listener: number, address: string) => void;
  /** Shared by all sets of a process. Default: one of its own. */
  readonly routes?: RouteTable<BehindName>;
  /** Who leads the clients of a pool's ports to its VMs; shared by all sets of a process. Default: nobody, they are refused. */
  readonly broker?: Broker | null;
  /** Who lets in the clients of listeners that speak WebSocket. Default: nobody, they are refused. */
  readonly web?: WebDoor | null;
  /** Default: the kernel's tables in /proc. */
  readonly readUnacked?: ReadUnacked;
  /** Shared by all sets of a process. Default: one of its own. */
  readonly sentWaits?: SentWaits;
}

/** What of a set may change while its streams are open. */
export type StreamSetChange = Pick<StreamSetOptions, 'listeners' | 'idleTimeoutMs' | 'disconnectGraceMs' | 'hold'>;

/**
 * One platform's StreamGate. Each VM is held or not; a stream follows its VM. Construction opens nothing: `open` does.
 */
export class StreamSet implements StreamGate {
  readonly #options: StreamSetOptions;
  #listeners: readonly Listener[];
  readonly #home: StreamHome;
  readonly #budget: HoldBudget;
  readonly #sendQueues: SendQueues;
  readonly #sentWaits: SentWaits;
  readonly #farewells: Farewells;
  readonly #refusals: Refusals;
  readonly #admission: Admission;
  readonly #doorway: Doorway;
  readonly #routes: RouteTable<BehindName>;
  readonly #behind = new Map<Listener, BehindName>();
  readonly #seats = new Map<Listener, { readonly door: string; readonly seat: Seat }>();
  readonly #streams = new Map<string, Stream>();
  readonly #spool: Spool | null;
  readonly #datagrams: DatagramSet;
  readonly #carried = { fromClients: 0, toClients: 0 };
  readonly #sourceHolds: SourceHolds;
  /** VMs for which a client has asked since they were held: whoever comes after it wakes nobody. */
  readonly #askedVms = new Set<string>();
  readonly #heldVms: Set<string>;
  /** Released one by one since all were held. */
  readonly #releasedVms = new Set<string>();
  /** Of a change that is under way: listeners are opened one after the other, and their clients may come at once. */
  #comingVms: readonly string[] = [];
  readonly #releasedAtMs = new Map<string, number>();
  /** When somebody first asked for a VM that is held, and how long it took to come the last time. */
  readonly #askedAtMs = new Map<string, number>();
  readonly #lastWakeMs = new Map<string, number>();
  /** Listeners of VMs that were moved, and whose they are: clients who came to the door here may still be on the doorstep. */
  readonly #passedTo = new Map<Listener, StreamSet>();
  #lastNumber = 0;
  /** Everything was released, and nothing held since: a VM that comes anew flows at once. */
  #isFlowing: boolean;

  constructor(options: StreamSetOptions) {
    this.#options = options;
    this.#isFlowing = !options.initiallyHeld;
    this.#heldVms = new Set(options.initiallyHeld ? options.listeners.map((listener) => listener.vm) : []);
    this.#listeners = options.listeners.map((listener) => this.#makeListener(listener));
    this.#budget = new HoldBudget(options.hold.perPlatformBytes, () => this.#updateReading());
    const { perPlatformBytes, perSourceBytes = perPlatformBytes } = options.hold;
    this.#sourceHolds = new SourceHolds(this.#budget, perSourceBytes, () => this.#updateReading());
    this.#sendQueues = new SendQueues(options.clock, options.readUnacked);
    this.#sentWaits = options.sentWaits ?? new SentWaits(options.clock, options.readUnacked);
    this.#farewells = new Farewells(this.#sentWaits, (vm) => this.#heldVms.has(vm));
    const { platform, clock, log, buffers } = options;
    this.#refusals = new Refusals({ platform, clock, log });
    const { total } = options;
    const occupantsAt = (listener: Listener) => this.#occupantsOf(listener);
    this.#admission = new Admission({ platform, clock, log, refusals: this.#refusals, total, occupantsAt });
    this.#doorway = new Doorway({
      clock,
      buffers,
      onOver: (route, { source }) => this.#admission.leave(route, source),
      onArrived: (client, listener, arrival) => this.#direct(client, listener, arrival),
      onRefused: (client, listener, reason, why) => this.#admission.refuse(client, listener, reason, why),
    });
    this.#routes = options.routes ?? new RouteTable();
    this.#home = this.#makeHome();
    this.#spool = this.#makeSpool();
    this.#datagrams = this.#makeDatagrams();
  }

  /** null: nothing can be deferred here. */
  get spool(): SpoolKeeper | null {
    return this.#spool;
  }

  /** Opens all listeners. Rejects with the first ERR_STREAM_LISTEN, and then none stays open. */
  async open(): Promise<void> {
    try {
      for (const listener of this.#listeners) await this.#openListener(listener, this.#options.inherited ?? null);
      await this.#spool?.noteLeft();
    } catch (error) {
      await Promise.all(this.#listeners.map((listener) => this.#closeListener(listener)));
      throw error;
    }
  }

  /**
   * Takes other listeners and bounds while streams are open, and ends none of them. Listeners are the same by their configured address:
   * one that is not wanted any more takes no clients from now on, one that stays follows `Listener.update`. New time-outs count
   * from a stream's last activity, new holds from the next hold. `inherited`: bound sockets for new listeners. Resolves with what could
   * not be listened on.
   */
  async update(change: StreamSetChange, inherited: InheritedSockets | null = null): Promise<TorporError[]> {
    this.stopListening(change.listeners);
    this.#comingVms = change.listeners.map(({ vm }) => vm);
    if (!this.#isFlowing) for (const vm of this.#comingVms) if (!this.#releasedVms.has(vm)) this.#heldVms.add(vm);
    const former = this.#listeners;
    const before = new Map(keysOf(former.map(({ options }) => options)).map((key, at) => [key, former[at]]));
    const problems: TorporError[] = [];
    const next: Listener[] = [];
    for (const [at, key] of keysOf(change.listeners).entries()) {
      const options = change.listeners[at] as ListenerOptions;
      const known = before.get(key);
      if (known !== undefined && !this.#listeners.includes(known)) continue;
      const listener = known ?? this.#makeListener(options);
      try {
        if (known === undefined) await this.#openListener(listener, inherited);
        else {
          known.update(options);
          this.#followSeat(known);
          await this.#spool?.adopt(known);
        }
        next.push(listener);
      } catch (error) {
        problems.push(error as TorporError);
      }
    }
    // Meanwhile VMs may have been moved, from here and to here.
    const stayed = next.filter((each) => !former.includes(each) || this.#listeners.includes(each));
    this.#listeners = [...stayed, ...this.#listeners.filter((each) => !former.includes(each))];
    this.#comingVms = [];
    this.#budget.limitBytes = change.hold.perPlatformBytes;
    this.#sourceHolds.limitBytes = change.hold.perSourceBytes ?? change.hold.perPlatformBytes;
    const { idleTimeoutMs, disconnectGraceMs, hold } = change;
    Object.assign(this.#home, { idleTimeoutMs, disconnectGraceMs, perStreamBytes: hold.perStreamBytes });
    for (const stream of this.#streams.values()) stream.followRules();
    this.#datagrams.followRules();
    return problems;
  }

  /** Takes no more clients, but where these listen; its streams go on. */
  stopListening(but: readonly ListenerOptions[] = []): void {
    const kept = new Set(keysOf(but));
    const keys = keysOf(this.#listeners.map(({ options }) => options));
    const wanted = this.#listeners.filter((_, at) => kept.has(keys[at] as string));
    for (const listener of this.#listeners) if (!wanted.includes(listener)) void this.#closeListener(listener);
    this.#listeners = wanted;
  }

  /** Why `passVm` cannot be: something of the VM's is bound to its platform. null: it can. */
  whyFixed(vm: string): string | null {
    for (const listener of this.#listeners) {
      if (listener.options.vm !== vm) continue;
      if (isDatagramListener(listener)) return `${listener.label} takes datagrams`;
      if (listener.options.defer != null) return `${listener.label} defers`;
    }
    return null;
  }

  /**
   * The VM runs on another platform from now on: its listeners and streams go over to that one's set, at once and without a gap. Their connections
   * stay open, and are held or flow as the other platform's do. Only where `whyFixed` says null.
   */
  passVm(vm: string, to: StreamSet): void {
    const why = `${vm} was moved from ${this.#options.platform} to ${to.#options.platform}`;
    const listeners = this.#listeners.filter(({ options }) => options.vm === vm);
    const streams = this.#streamsOf(vm);
    if (!to.#isFlowing) to.#heldVms.add(vm);
    for (const vms of [this.#heldVms, this.#releasedVms, this.#askedVms]) vms.delete(vm);
    for (const times of [this.#askedAtMs, this.#releasedAtMs, this.#lastWakeMs]) times.delete(vm);
    const routes = new Set([...listeners, ...streams].map(({ route }) => route));
    for (const route of routes) this.#admission.pass(route, to.#admission);
    for (const listener of listeners) this.#passListener(listener, to);
    for (const stream of streams) {
      this.#streams.delete(stream.id);
      to.#streams.set(stream.id, stream);
      stream.moveTo(to.#home, why);
    }
  }

  /** Where it listens, in the order of the configured listeners, as `host:port`. */
  endpoints(): string[] {
    return this.#listeners.map((listener) => listener.label);
  }

  /** The sockets that it listens on, for a process that is to do so in its place. */
  get sockets(): PassedSocket[] {
    return [...this.#listeners.flatMap(({ socket }) => socket ?? []), ...this.#datagrams.sockets];
  }

  get flowSockets(): readonly FlowSocket[] {
    return this.#datagrams.targets;
  }

  leaveFlows(leaving: LeavingFlows): void {
    this.#datagrams.leaveFlows(leaving);
  }

  leaveFiles(): void {
    for (const listener of this.#listeners) listener.leaveFile();
  }

  /**
   * Ends everything at once: each stream by RST on both sides, so that nobody takes the cut for an orderly end. What is
   * held is lost. The observer hears nothing of it.
   */
  async close(): Promise<void> {
    const closed = [this.#datagrams.close(), ...this.#listeners.map((listener) => this.#closeListener(listener))];
    for (const stream of [...this.#streams.values()]) stream.shutDown();
    this.#spool?.close();
    this.#doorway.close();
    this.#farewells.close();
    this.#refusals.close();
    await Promise.all(closed);
  }

  // ------------------------------------------------------------------------------------------ StreamGate

  hold(): void {
    this.#isFlowing = false;
    this.#releasedVms.clear();
    for (const { vm } of this.#allRoutes()) this.#heldVms.add(vm);
    for (const vm of this.#comingVms) this.#heldVms.add(vm);
    for (const stream of [...this.#streams.values()]) stream.hold();
    this.#datagrams.hold();
    this.#spool?.heldChanged();
  }

  /** Then also what disks' clients have asked for is answered: see docs/devices.md. */
  drain(boundMs: number, signal: AbortSignal): Promise<DrainReport> {
    const countUnanswered = () => {
      let count = 0;
      for (const stream of this.#streams.values()) count += stream.unansweredRequests;
      return count;
    };
    return this.#sendQueues.drain(boundMs, signal, countUnanswered);
  }

  release(vm: string | null): void {
    const nowMs = this.#options.clock.nowMs();
    if (vm === null) this.#isFlowing = true;
    else this.#releasedVms.add(vm);
    const released = vm === null ? [...this.#heldVms] : [vm].filter((name) => this.#heldVms.has(name));
    for (const name of released) {
      this.#heldVms.delete(name);
      this.#askedVms.delete(name);
      this.#releasedAtMs.set(name, nowMs);
      this.#noteWake(name, nowMs);
      this.#farewells.release(name);
    }
    for (const stream of this.#streamsOf(vm)) {
      if (!this.#heldVms.has(stream.route.vm)) stream.release();
    }
    this.#datagrams.release(vm);
    this.#spool?.heldChanged();
  }

  giveUp(vm: string | null, why: string): void {
    for (const name of vm === null ? [...this.#askedVms] : [vm]) {
      this.#askedVms.delete(name);
      this.#askedAtMs.delete(name);
    }
    for (const stream of this.#streamsOf(vm)) if (stream.isWaiting) stream.abandon(`gave up: ${why}`);
    this.#datagrams.giveUp(vm, why);
    this.#spool?.giveUp(vm, why);
  }

  /** Resets both sides, with what is held; flows of datagrams have no session to lose. A VM that is still held gets its RST when it is released. */
  loseSessions(vm: string | null, why: string): void {
    for (const stream of this.#streamsOf(vm)) if (stream.predatesHold) stream.abandon(why);
    this.#spool?.loseSessions(vm, why);
  }

  /** Closed streams are listed as long as they are in the pool. */
  streams(): StreamStatus[] {
    const streams = [...this.#streams.values()].map((stream) => stream.status());
    return [...streams, ...this.#datagrams.streams(), ...(this.#spool?.streams() ?? [])];
  }

  waitingVms(): string[] {
    const waiting = new Set([...this.#datagrams.waitingVms(), ...(this.#spool?.waitingVms() ?? [])]);
    for (const stream of this.#streams.values()) if (stream.isWaiting) waiting.add(stream.route.vm);
    return [...waiting];
  }

  readonly workers = { wanted: 1, running: 1 };

  /** All that is read here is up to date. */
  async refresh(): Promise<void> {}

  heldBytes(): { heldBytes: number; heldStoredBytes: number } {
    return { heldBytes: this.#budget.heldBytes, heldStoredBytes: this.#budget.storedBytes };
  }

  refusedClients(): RefusedClients {
    return this.#refusals.counts;
  }

  carriedBytes(): CarriedBytes {
    return { ...this.#carried };
  }

  /** A client that came over a link; its own address is known. False: no listener has the service. */
  enter(service: string, makeClient: (at: Endpoint) => StreamSocket): boolean {
    const listener = this.#listeners.find(({ options }) => options.link?.service === service);
    if (listener === undefined) return false;
    const client = makeClient(listener.endpoint);
    const asks = asksOf(listener.options);
    if (asks === 'nothing') this.#direct(client, listener, null);
    else this.#putOnDoorstep(client, listener, { header: false, asks });
    return true;
  }

  // ------------------------------------------------------------------------------------------ beside other processes

  /** A client of another process has asked for the listener's VM: it counts as a wake of its source, and wakes of others do not. */
  noteAsked(listener: number, address: string): void {
    const route = this.#listeners[listener]?.route;
    // Others may have heard earlier that it listens no more.
    if (route === undefined) return;
    if (!this.#heldVms.has(route.vm)) return;
    route.guard.takeWake(address, this.#options.clock.nowMs());
    this.#addAsked(route.vm);
  }

  /** So many streams of the listener are open in other processes: they count against its bound. */
  noteElsewhere(listener: number, streams: number): void {
    const route = this.#listeners[listener]?.route;
    if (route !== undefined) this.#admission.noteElsewhere(route, streams);
  }

  // ------------------------------------------------------------------------------------------ clients

  #accept(client: StreamSocket, listener: Listener): void {
    const acceptFrom = listener.options.proxyProtocol?.acceptFrom ?? null;
    const asks = asksOf(listener.options);
    if (acceptFrom === null && asks === 'nothing') this.#direct(client, listener, null);
    // Gone before it was accepted, as a proxy's check may be: nobody's address can be asked for any more.
    else if (acceptFrom !== null && client.remoteAddress === undefined) resetSocket(client);
    else if (acceptFrom !== null && !containsAddress(acceptFrom, client.remoteAddress ?? ''))
      this.#admission.refuse(
        client,
        listener,
        'proxy-header',
        'it is no proxy that is believed (proxyProtocol.acceptFrom)',
      );
    else this.#putOnDoorstep(client, listener, { header: acceptFrom !== null, asks });
  }

  /** Behind a proxy that is believed are many sources: it is none. */
  #putOnDoorstep(client: StreamSocket, listener: Listener, rule: Omit<DoorstepRule, 'source'>): void {
    const source = rule.header ? PROXY_SOURCE : sourceAt(whoIs(client, listener.route, null).host, listener.route);
    if (!this.#admission.hasRoom(client, listener, source)) return;
    this.#admission.enter(listener.route, source);
    this.#doorway.receive(client, listener, { ...rule, source });
  }

  /** To whom it asked for, perhaps at another platform. */
  #direct(client: StreamSocket, listener: Listener, arrival: Arrival | null): void {
    const now = this.#passedTo.get(listener);
    if (now !== undefined) {
      now.#direct(client, listener, arrival);
      return;
    }
    const { door = null, webSocket = null } = listener.options;
    if (door?.pool != null) {
      this.#place(client, listener, arrival, door.pool);
      return;
    }
    if (arrival === null) {
      this.#admit(client, listener, null);
      return;
    }
    const { asked } = arrival;
    if (webSocket !== null) {
      this.#admitWeb(client, listener, arrival, webSocket);
      return;
    }
    const behind = door === null || asked === null ? null : this.#routes.find(door.key, asked);
    if (behind !== null) behind.admit(client, arrival);
    else if (door === null || door.otherwise === 'serve') this.#admit(client, listener, arrival);
    else this.#admission.refuseName(client, listener, arrival);
  }

  /** To one of the pool's VMs, perhaps of another platform. */
  #place(client: StreamSocket, listener: Listener, arrival: Arrival | null, pool: PoolRule): void {
    const asked = arrival?.asked ?? null;
    const source = whoIs(client, listener.route, arrival).host;
    const user = pool.stickyBy === 'user' ? (asked?.rdp ?? asked?.host ?? source) : source;
    const door = listener.options.door?.key ?? '';
    const seat = this.#options.broker?.place(door, pool, pool.stickyBy === 'none' ? null : user) ?? null;
    if (seat !== null) {
      seat.admit(client, arrival);
      return;
    }
    const why = `no platform of the pool ${pool.name} takes anybody: all are full, drained, or cannot be woken`;
    this.#admission.turnAway(client, listener, 'max-streams', why);
  }

  /** Its request is answered once it is certain that there is room for it. */
  #admitWeb(client: StreamSocket, listener: Listener, arrival: Arrival, rule: WebSocketRule): void {
    const verdict = this.#options.web?.judge(client, arrival, rule) ?? null;
    if (verdict?.kind === 'stream') {
      this.#admit(client, listener, { ...arrival, port: null, firstBytes: NO_BYTES }, verdict.accept);
      return;
    }
    const from = arrival.ends?.client.host ?? client.remoteAddress ?? 'unknown';
    this.#refusals.note('web-request', listener.label, from, verdict?.why ?? 'nobody lets web clients in here');
    if (verdict === null) resetSocket(client);
    else this.#admission.endWith(client, verdict.answer);
  }

  /** Those who have said least first. */
  *#occupantsOf(listener: Listener): Iterable<Occupant> {
    yield* this.#doorway.at(listener);
    yield* this.#spool?.intakesAt(listener) ?? [];
    for (const stream of this.#streams.values()) if (stream.route === listener.route) yield stream;
  }

  /** `accept` makes of the client what its stream reads and writes. */
  #admit(client: StreamSocket, listener: Listener, arrival: Arrival | null, accept = () => client): void {
    const { route } = listener;
    const address = whoIs(client, route, arrival).host;
    if (!route.guard.allows(address)) {
      this.#admission.shutOut(client, listener, address);
      return;
    }
    if (!this.#admission.hasRoom(client, listener, sourceAt(address, route))) return;
    if (this.#spool?.admit(client, listener, arrival, ({ source }) => this.#admission.enter(route, source)) === true)
      return;
    this.#openStream(client, listener, arrival, accept);
  }

  /** null: there was no room, and the client is reset. */
  #openStream(client: StreamSocket, listener: Listener, arrival: Arrival | null, accept = () => client): Stream | null {
    const { route } = listener;
    const id = this.#nextId();
    try {
      const stream = new Stream(id, this.#home, route, accept(), arrival);
      this.#admission.enter(route, stream.source);
      this.#streams.set(id, stream);
      stream.open(arrival?.firstBytes ?? null);
      this.#admission.noteAdmitted(listener);
      return stream;
    } catch (error) {
      this.#streams.delete(id);
      this.#admission.turnAway(client, listener, 'no-room', errorText(error));
      return null;
    }
  }

  #nextId(): string {
    this.#lastNumber += 1;
    const { idPrefix = `${this.#options.platform}-` } = this.#options;
    return `${idPrefix}${this.#lastNumber}`;
  }

  #mayWake(route: StreamRoute, address: string): string | null {
    if (this.#askedVms.has(route.vm)) return null;
    if (!route.guard.takeWake(address, this.#options.clock.nowMs())) {
      return `${address} woke ${route.vm} too often (wakeRate of ${route.listener}): it has to wait`;
    }
    this.#addAsked(route.vm);
    this.#options.onAsked?.(
      this.#listeners.findIndex((listener) => listener.route === route),
      address,
    );
    return null;
  }

  #addAsked(vm: string): void {
    this.#askedVms.add(vm);
    if (!this.#askedAtMs.has(vm)) this.#askedAtMs.set(vm, this.#options.clock.nowMs());
  }

  #noteWake(vm: string, nowMs: number): void {
    const askedAtMs = this.#askedAtMs.get(vm);
    if (askedAtMs === undefined) return;
    this.#lastWakeMs.set(vm, nowMs - askedAtMs);
    this.#askedAtMs.delete(vm);
  }

  #wakeNotice(vm: string): WakeNotice {
    const nowMs = this.#options.clock.nowMs();
    const elapsedMs = nowMs - (this.#askedAtMs.get(vm) ?? nowMs);
    return { vm, elapsedMs, usualMs: this.#lastWakeMs.get(vm) ?? null };
  }

  #streamsOf(vm: string | null): Stream[] {
    return [...this.#streams.values()].filter((stream) => vm === null || stream.route.vm === vm);
  }

  /** Of all VMs that it has, or still has streams of. */
  #allRoutes(): StreamRoute[] {
    return [...this.#listeners, ...this.#streams.values()].map(({ route }) => route);
  }

  /** Of one that is reached through another's port, only its names are made known. */
  async #openListener(listener: Listener, inherited: InheritedSockets | null): Promise<void> {
    if (isDatagramListener(listener)) return this.#datagrams.open(listener, inherited);
    const { routed = null } = listener.options;
    await this.#spool?.adopt(listener);
    this.#followSeat(listener);
    if (routed === null) return listener.open(inherited);
    this.#followNames(listener);
  }

  /** Of one that is reached through another's port. */
  #followNames(listener: Listener): void {
    const { routed = null } = listener.options;
    if (routed === null) return;
    const behind = { admit: (client: StreamSocket, arrival: Arrival | null) => this.#admit(client, listener, arrival) };
    this.#behind.set(listener, behind);
    this.#routes.add(routed, behind);
  }

  #forgetNames(listener: Listener): void {
    const { routed = null } = listener.options;
    const behind = this.#behind.get(listener);
    if (routed !== null && behind !== undefined) this.#routes.remove(routed, behind);
    this.#behind.delete(listener);
  }

  #passListener(listener: Listener, to: StreamSet): void {
    this.#forgetNames(listener);
    const former = this.#seats.get(listener)?.seat.key;
    this.#leaveSeat(listener);
    this.#listeners = this.#listeners.filter((each) => each !== listener);
    this.#passedTo.set(listener, to);
    to.#passedTo.delete(listener);
    to.#listeners = [...to.#listeners, listener];
    listener.passTo((client, accepting) => to.#accept(client, accepting));
    to.#followNames(listener);
    to.#followSeat(listener);
    const next = to.#seats.get(listener)?.seat.key;
    if (former !== undefined && next !== undefined) this.#options.broker?.rename(former, next);
  }

  /** Where its port is a pool's, its own or another's, it is one of the pool's VMs. */
  #followSeat(listener: Listener): void {
    const { door = null, routed = null, vm } = listener.options;
    const at = door?.pool != null ? door.key : routed?.pool != null ? routed.door : null;
    const { platform } = this.#options;
    const key = `${platform}/${vm}`;
    const taken = this.#seats.get(listener);
    if (taken?.door === at && taken.seat.key === key) return;
    this.#leaveSeat(listener);
    if (at === null) return;
    const seat: Seat = {
      key,
      platform,
      admit: (client, arrival) => this.#admit(client, listener, arrival),
      look: () => ({
        stage: !this.#heldVms.has(vm) ? 'awake' : this.#askedVms.has(vm) ? 'waking' : 'asleep',
        platformSessions: this.#admission.total,
        sessions: this.#admission.at(listener.route),
      }),
    };
    this.#seats.set(listener, { door: at, seat });
    this.#options.broker?.add(at, seat);
  }

  #leaveSeat(listener: Listener): void {
    const taken = this.#seats.get(listener);
    if (taken !== undefined) this.#options.broker?.remove(taken.door, taken.seat);
    this.#seats.delete(listener);
  }

  #closeListener(listener: Listener): Promise<void> {
    if (isDatagramListener(listener)) return this.#datagrams.retire(listener);
    this.#leaveSeat(listener);
    this.#spool?.retire(listener);
    this.#forgetNames(listener);
    return listener.close();
  }

  #makeListener(options: ListenerOptions): Listener {
    return new Listener(options, (client, accepting) => this.#accept(client, accepting), this.#options.buffers.raw);
  }

  #updateReading(): void {
    for (const stream of this.#streams.values()) stream.updateReading();
  }

  #makeSpool(): Spool | null {
    const { spoolFolder = null } = this.#options;
    if (spoolFolder === null) return null;
    return new Spool({
      home: this.#home,
      folder: spoolFolder,
      nextId: () => this.#nextId(),
      onGone: (route, source) => this.#admission.leave(route, source),
      onPassed: (listener, client, arrival, hasEnded, source) => {
        this.#admission.leave(listener.route, source);
        const stream = this.#openStream(client, listener, arrival);
        if (hasEnded && arrival.port !== null) stream?.onEnd(arrival.port);
      },
    });
  }

  #makeDatagrams(): DatagramSet {
    const { total } = this.#options;
    return new DatagramSet({
      home: this.#home,
      nextId: () => this.#nextId(),
      isFull: () => total !== undefined && total.open >= total.max,
      onEntered: (route, source) => this.#admission.enter(route, source),
      onGone: (route, source) => this.#admission.leave(route, source),
    });
  }

  #makeHome(): StreamHome {
    const { platform, registry, buffers, clock, observer, log, idleTimeoutMs, disconnectGraceMs, hold } = this.#options;
    return {
      platform,
      registry,
      buffers,
      clock,
      observer,
      log,
      idleTimeoutMs,
      disconnectGraceMs,
      perStreamBytes: hold.perStreamBytes,
      codec: new HoldCodec(registry.core, registry.links),
      budget: this.#budget,
      sourceHolds: this.#sourceHolds,
      sendQueues: this.#sendQueues,
      sentWaits: this.#sentWaits,
      farewells: this.#farewells,
      connectBound: TargetConnector.boundBy(clock),
      refusals: this.#refusals,
      recorder: this.#options.recorder ?? null,
      carried: this.#carried,
      isHeld: (vm) => this.#heldVms.has(vm),
      connectPace: (vm) => this.#connectPace(vm),
      mayWake: (route, address) => this.#mayWake(route, address),
      wakeNotice: (vm) => this.#wakeNotice(vm),
      clientGone: ({ route, source }) => this.#admission.leave(route, source),
      forget: (stream) => this.#streams.delete(stream.id),
    };
  }

  #connectPace(vm: string): ConnectPace {
    const releasedAtMs = this.#releasedAtMs.get(vm);
    if (releasedAtMs === undefined) return 'ordinary';
    return this.#options.clock.nowMs() - releasedAtMs < EAGER_AFTER_RELEASE_MS ? 'eager' : 'ordinary';
  }
}

function asksOf({ door = null, webSocket = null }: ListenerOptions): DoorstepRule['asks'] {
  if (door?.pool != null) return door.pool.stickyBy === 'user' ? 'name' : 'nothing';
  if (webSocket !== null) return 'request';
  return door === null ? 'nothing' : 'name';
}

/** By which a listener is the same after a change: its address; without a port of its own, its VM and its place among such. */
export function keysOf(listeners: readonly ListenerOptions[]): string[] {
  const seen = new Map<string, number>();
  return listeners.map(({ listen, vm, routed = null }) => {
    const address = formatEndpoint(listen);
    if (routed?.pool != null) return `${address} ${routed.pool} ${vm}`;
    if (routed !== null) return `${address} ${routed.hosts.join()} ${routed.rdp.join()}`;
    if (listen.port !== 0 || isNamedEndpoint(listen)) return address;
    const key = `${address} ${vm}`;
    const place = seen.get(key) ?? 0;
    seen.set(key, place + 1);
    return `${key} ${place}`;
  });
}
