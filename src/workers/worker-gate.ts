// One platform's StreamGate in the main process, over streams that workers carry. Sends orders, keeps a mirror; carries no byte.
import { isDeepStrictEqual } from 'node:util';
import { formatEndpoint } from '../platform/endpoint.ts';
import type { TorporError } from '../platform/errors.ts';
import type { CarriedBytes, Clock, DrainReport, StreamName, StreamStatus } from '../platform/ports.ts';
import { addRefused, type RefusedClients } from '../platform/refusal.ts';
import type { InheritedSockets, PassedSocket, ReceivedSocket } from '../streams/inherited-sockets.ts';
import {
  claimSocket,
  DEFAULT_MAX_PER_SOURCE,
  DEFAULT_MAX_STREAMS,
  type ListenerOptions,
  listenerLabel,
} from '../streams/listener.ts';
import { keysOf, type StreamSetChange } from '../streams/stream-set.ts';
import type { FromWorker, Look, Told, ToWorker, WorkerPlatform } from './messages.ts';
import { SharedAddress } from './shared-address.ts';
import type { CarriedOptions, CarriedStreams } from './stream-carrier.ts';
import type { WorkerProcess } from './worker-process.ts';

/** A worker has this long to say what it has. */
const LOOK_BOUND_MS = 1000;
/**
 * After a worker died nobody knows what its connections still have on their way, so that nothing counts as drained: the kernel gives
 * most of it up, or has it acknowledged, in this time.
 */
export const DEATH_SETTLE_MS = 5_000;
/** Workers are told of each other's streams when these changed by that share of a listener's bound. */
const ELSEWHERE_SHARE = 1 / 64;

/** A stream that was told of and is not over. */
interface Entry {
  readonly stream: StreamName;
  readonly worker: WorkerProcess;
  isActive: boolean;
  isClosed: boolean;
  /** As its worker saw it last; null: not yet. */
  status: StreamStatus | null;
}

type StreamMessage = Exclude<FromWorker, { question: number } | { kind: 'began' | 'failed' | 'log' }>;

type Changeable<T> = { -readonly [Key in keyof T]: T[Key] };

/** One listener on its way into the gate. */
interface Place {
  readonly options: ListenerOptions;
  /** null: it is reached through another's. */
  readonly address: SharedAddress | null;
  readonly count: ListenerCount;
  readonly isNew: boolean;
}

/** What a gate needs of the pool. */
export interface WorkerCrew {
  readonly clock: Clock;
  readonly wanted: number;
  /** Those that run, or are about to. */
  readonly present: Iterable<WorkerProcess>;
  refresh(withStreams: boolean, boundMs: number): Promise<void>;
  /** Resolves when each worker has done what it was told before, or at the bound. */
  reached(boundMs: number): Promise<void>;
}

export class WorkerGate implements CarriedStreams {
  readonly #options: Changeable<CarriedOptions>;
  readonly #index: number;
  readonly #crew: WorkerCrew;
  readonly #inherited: InheritedSockets | null;
  readonly #heldVms: Set<string>;
  readonly #entries = new Map<string, Entry>();
  readonly #knownBy = new WeakSet<WorkerProcess>();
  readonly #looks = new Map<WorkerProcess, Look>();
  /** Their last word. */
  readonly #carriedByTheDead = { fromClients: 0, toClients: 0 };
  #refusedByTheDead: RefusedClients = {};
  #counts: ListenerCount[];
  /** Of each listener; null: it is reached through another's. */
  #addresses: Array<SharedAddress | null> = [];
  /** Places of the listeners, by what their streams call them. */
  #places: ReadonlyMap<string, number> = new Map();
  #unknownUntilMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;
  /** Everything was released, and nothing held since. */
  #isFlowing = false;

  /** `index`: its place among the platforms. */
  constructor(options: CarriedOptions, index: number, crew: WorkerCrew, inherited: InheritedSockets | null = null) {
    this.#options = { ...options };
    this.#index = index;
    this.#crew = crew;
    this.#inherited = inherited;
    this.#heldVms = new Set(options.listeners.map(({ vm }) => vm));
    this.#counts = options.listeners.map(({ maxStreams }) => new ListenerCount(maxStreams ?? DEFAULT_MAX_STREAMS));
  }

  async open(): Promise<void> {
    try {
      for (const { listen, vm, routed = null, socketMode } of this.#options.listeners) {
        if (routed !== null) {
          this.#addresses.push(null);
          continue;
        }
        const given = claimSocket(listen, this.#inherited);
        const bound = given === null ? await SharedAddress.bind(listen, vm, socketMode) : null;
        this.#addresses.push(bound ?? SharedAddress.inherited(listen, given as ReceivedSocket));
      }
      this.#setPlaces();
    } catch (error) {
      this.#closeAddresses();
      throw error;
    }
    // Before the pool has started there is nobody to be told.
    const options = this.describe(null);
    for (const worker of this.#crew.present) {
      for (const address of this.#addresses)
        if (address !== null) worker.send({ kind: 'socket', endpoint: address.endpoint }, address.handle);
      // One that was started while the addresses were bound knows the platform without them.
      if (this.#knownBy.has(worker)) worker.send({ kind: 'update', platform: this.#index, change: options });
      else worker.send({ kind: 'carry', options });
      this.welcome(worker);
    }
    await this.#crew.reached(LOOK_BOUND_MS);
  }

  endpoints(): string[] {
    return this.#addresses.map((address, index) => {
      const { listen, routed = null } = this.#options.listeners[index] as ListenerOptions;
      return listenerLabel(address?.endpoint ?? listen, routed);
    });
  }

  /** As StreamSet.update; each worker gets new sockets first, then what to do with them, and does both before anything later. */
  async update(change: StreamSetChange): Promise<TorporError[]> {
    const { listeners, idleTimeoutMs, disconnectGraceMs, hold } = this.#options;
    const isSame = isDeepStrictEqual(change, { listeners, idleTimeoutMs, disconnectGraceMs, hold });
    if (isSame && this.#addresses.length === listeners.length) return [];
    this.stopListening(change.listeners);
    // An answer says that each worker has closed what it was told to: only then is an address free.
    await this.#crew.reached(LOOK_BOUND_MS);
    const before = new Map(keysOf(this.#options.listeners).map((key, at) => [key, at]));
    const next: Place[] = [];
    const problems: TorporError[] = [];
    for (const [at, key] of keysOf(change.listeners).entries()) {
      const options = change.listeners[at] as ListenerOptions;
      try {
        next.push(await this.#placeOf(options, before.get(key)));
      } catch (error) {
        problems.push(error as TorporError);
      }
    }
    this.#goOver({ ...change, listeners: next.map(({ options }) => options) }, next);
    await this.#crew.reached(LOOK_BOUND_MS);
    return problems;
  }

  async #placeOf(options: ListenerOptions, at: number | undefined): Promise<Place> {
    const maxStreams = options.maxStreams ?? DEFAULT_MAX_STREAMS;
    const address = at === undefined ? undefined : this.#addresses[at];
    if (address !== undefined) {
      const count = this.#counts[at as number] as ListenerCount;
      count.maxStreams = maxStreams;
      address?.setSocketMode(options.socketMode);
      return { options, address, count, isNew: false };
    }
    const isRouted = (options.routed ?? null) !== null;
    const { listen, vm, socketMode } = options;
    const bound = isRouted ? null : await SharedAddress.bind(listen, vm, socketMode);
    return { options, address: bound, count: new ListenerCount(maxStreams), isNew: true };
  }

  /** All at once: a worker that is started before or after it knows all or nothing of it. */
  #goOver(change: StreamSetChange, next: readonly Place[]): void {
    Object.assign(this.#options, change);
    this.#addresses = next.map(({ address }) => address);
    this.#counts = next.map(({ count }) => count);
    this.#setPlaces();
    if (!this.#isFlowing) for (const { vm } of change.listeners) this.#heldVms.add(vm);
    const { listeners, hold } = this.describe(null);
    const { idleTimeoutMs, disconnectGraceMs } = change;
    for (const worker of this.#crew.present) {
      for (const { address, isNew } of next) {
        if (isNew && address !== null) worker.send({ kind: 'socket', endpoint: address.endpoint }, address.handle);
      }
      const told = { listeners, hold, idleTimeoutMs, disconnectGraceMs };
      worker.send({ kind: 'update', platform: this.#index, change: told });
      this.welcome(worker);
    }
  }

  /** Who carries a link's clients is one process: see link-checks.ts. */
  enter(): boolean {
    return false;
  }

  stopListening(but: readonly ListenerOptions[] = []): void {
    const kept = new Set(keysOf(but));
    const keys = keysOf(this.#options.listeners);
    const isKept = (_: unknown, at: number) => kept.has(keys[at] as string);
    if (this.#addresses.every(isKept)) return;
    for (const [at, address] of this.#addresses.entries()) if (!isKept(address, at)) address?.close();
    this.#options.listeners = this.#options.listeners.filter(isKept);
    this.#addresses = this.#addresses.filter(isKept);
    this.#counts = this.#counts.filter(isKept);
    this.#setPlaces();
    this.#tellAll({ kind: 'stopListening', platform: this.#index, but: this.describe(null).listeners });
    for (const worker of this.#crew.present) this.welcome(worker);
  }

  #setPlaces(): void {
    this.#places = new Map(this.endpoints().map((endpoint, place) => [endpoint, place]));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#closeAddresses();
    this.#tellAll({ kind: 'close', platform: this.#index });
  }

  // ------------------------------------------------------------------------------------------ StreamGate

  get workers(): { wanted: number; running: number } {
    return { wanted: this.#crew.wanted, running: [...this.#crew.present].length };
  }

  hold(): void {
    this.#isFlowing = false;
    for (const { vm } of this.#options.listeners) this.#heldVms.add(vm);
    this.#tellAll({ kind: 'hold', platform: this.#index });
  }

  /**
   * A worker answers after it has obeyed every `hold` before the question, and the machine has heard everything it told before its
   * answer. One that does not answer, or died of late, leaves unknown what is on its way: not drained.
   */
  async drain(boundMs: number, signal: AbortSignal): Promise<DrainReport> {
    const ask = (worker: WorkerProcess) =>
      worker.ask((question) => ({ kind: 'drain', platform: this.#index, question, boundMs }), boundMs, signal);
    const answers = await Promise.all([...this.#crew.present].map(ask));
    let drained = this.#crew.clock.nowMs() >= this.#unknownUntilMs;
    let unackedBytes = 0;
    let unansweredRequests = 0;
    let source: DrainReport['source'] = 'proc';
    for (const answer of answers) {
      const report = answer?.kind === 'drained' ? answer.report : null;
      if (report?.drained !== true) drained = false;
      if (report?.source !== 'proc') source = 'process';
      unackedBytes += report?.unackedBytes ?? 0;
      unansweredRequests += report?.unansweredRequests ?? 0;
    }
    return { drained, unackedBytes, source, ...(unansweredRequests > 0 && { unansweredRequests }) };
  }

  release(vm: string | null): void {
    if (vm === null) this.#isFlowing = true;
    if (vm === null) this.#heldVms.clear();
    else this.#heldVms.delete(vm);
    this.#tellAll({ kind: 'release', platform: this.#index, vm });
  }

  giveUp(vm: string | null, why: string): void {
    this.#tellAll({ kind: 'giveUp', platform: this.#index, vm, why });
  }

  loseSessions(vm: string | null, why: string): void {
    this.#tellAll({ kind: 'loseSessions', platform: this.#index, vm, why });
  }

  refresh(detail: 'sums' | 'streams' = 'sums'): Promise<void> {
    return this.#crew.refresh(detail === 'streams', LOOK_BOUND_MS);
  }

  streams(): StreamStatus[] {
    const nowMs = this.#crew.clock.nowMs();
    return [...this.#entries.values()].map((entry) => entry.status ?? this.#guess(entry, nowMs));
  }

  waitingVms(): string[] {
    return [...new Set([...this.#looks.values()].flatMap(({ waitingVms }) => waitingVms))];
  }

  heldBytes(): { heldBytes: number; heldStoredBytes: number } {
    let [heldBytes, heldStoredBytes] = [0, 0];
    for (const look of this.#looks.values()) {
      heldBytes += look.heldBytes;
      heldStoredBytes += look.heldStoredBytes;
    }
    return { heldBytes, heldStoredBytes };
  }

  carriedBytes(): CarriedBytes {
    let { fromClients, toClients } = this.#carriedByTheDead;
    for (const { carried } of this.#looks.values()) {
      fromClients += carried.fromClients;
      toClients += carried.toClients;
    }
    return { fromClients, toClients };
  }

  refusedClients(): RefusedClients {
    let all = this.#refusedByTheDead;
    for (const { refused } of this.#looks.values()) all = addRefused(all, refused);
    return all;
  }

  // ------------------------------------------------------------------------------------------ for the pool

  get sockets(): PassedSocket[] {
    return this.#addresses.flatMap((address) => address?.passed ?? []);
  }

  /** CarriedStreams: with several workers nobody listens for datagrams. */
  readonly flowSockets = [];

  leaveFlows(): void {}

  leaveFiles(): void {
    for (const address of this.#addresses) address?.leaveFile();
  }

  get fds(): number[] {
    return this.#addresses.flatMap((address) => (address === null ? [] : [address.fd]));
  }

  /** What a worker must know. `firstFd`: under which number it inherits the first of `fds`; null: it is sent them. */
  describe(firstFd: number | null): WorkerPlatform {
    const { observer: _, hold, ...options } = this.#options;
    const listeners = this.#addresses.map((address, index): ListenerOptions => {
      const configured = options.listeners[index] as ListenerOptions;
      const { maxStreams, maxPerSource = null } = configured;
      const usual =
        maxStreams === null && address?.isUnix !== true ? Math.ceil(DEFAULT_MAX_PER_SOURCE / this.#crew.wanted) : null;
      const listener = { ...configured, maxPerSource: maxPerSource ?? usual };
      if (address === null) return listener;
      const placed = { ...listener, listen: address.endpoint };
      const before = this.#addresses.slice(0, index).filter((each) => each !== null).length;
      return firstFd === null ? placed : { ...placed, fd: firstFd + before };
    });
    const vms = new Set(listeners.map(({ vm }) => vm));
    // Each worker has its share, so that all together keep the platform's bound.
    const shareOf = (bytes: number) => Math.max(1, Math.floor(bytes / this.#crew.wanted));
    const perPlatformBytes = shareOf(hold.perPlatformBytes);
    const perSourceBytes = shareOf(hold.perSourceBytes ?? hold.perPlatformBytes);
    return {
      ...options,
      listeners,
      hold: { ...hold, perPlatformBytes, perSourceBytes },
      isFlowing: this.#isFlowing,
      releasedVms: [...vms].filter((vm) => !this.#heldVms.has(vm)),
    };
  }

  /** What a worker must know besides, as soon as it was described to it. */
  welcome(worker: WorkerProcess): void {
    this.#knownBy.add(worker);
    for (const listener of this.#counts.keys()) this.#tellElsewhere(listener, worker);
  }

  /** One message of a worker about this platform. */
  take(message: StreamMessage, worker: WorkerProcess): void {
    if (this.#isClosed) return;
    const { observer } = this.#options;
    if (message.kind === 'opened') {
      const { stream } = message;
      this.#entries.set(stream.id, { stream, worker, isActive: false, isClosed: false, status: null });
      this.#count(stream, worker, 1);
      observer.streamOpened(stream);
    } else if (message.kind === 'asked') {
      for (const other of this.#crew.present) if (other !== worker) other.send(message);
    } else {
      const entry = this.#entries.get(message.id);
      if (entry === undefined) return;
      if (message.kind === 'delivered') observer.streamDelivered(entry.stream, message.heldBytes);
      else this.#tell(message.kind, entry, message.why);
    }
  }

  look(look: Look, worker: WorkerProcess): void {
    this.#looks.set(worker, look);
    for (const status of look.streams ?? []) {
      const entry = this.#entries.get(status.id);
      if (entry !== undefined) entry.status = status;
    }
  }

  /** Its connections are gone with it: their streams are closed, and leave the pool after the grace of any that closes. */
  workerDied(worker: WorkerProcess, why: string): void {
    const carried = this.#looks.get(worker)?.carried;
    this.#carriedByTheDead.fromClients += carried?.fromClients ?? 0;
    this.#carriedByTheDead.toClients += carried?.toClients ?? 0;
    this.#refusedByTheDead = addRefused(this.#refusedByTheDead, this.#looks.get(worker)?.refused ?? {});
    this.#looks.delete(worker);
    this.#unknownUntilMs = this.#crew.clock.nowMs() + DEATH_SETTLE_MS;
    for (const entry of [...this.#entries.values()]) {
      if (entry.worker !== worker) continue;
      if (!entry.isClosed) this.#tell('closed', entry, why);
      if (entry.isActive) {
        this.#crew.clock.schedule(this.#options.disconnectGraceMs, () => this.#tell('idle', entry, 'disconnected'));
      }
    }
  }

  // ------------------------------------------------------------------------------------------ the mirror

  #tell(kind: Told, entry: Entry, why: string): void {
    if (this.#isClosed) return;
    const { observer } = this.#options;
    const { stream } = entry;
    if (kind === 'active') entry.isActive = true;
    if (kind === 'idle') entry.isActive = false;
    if (kind === 'closed') {
      entry.isClosed = true;
      this.#count(stream, entry.worker, -1);
    }
    if (entry.isClosed && !entry.isActive) this.#entries.delete(stream.id);
    if (kind === 'active') observer.streamActive(stream, why);
    else if (kind === 'activityWhileHeld') observer.activityWhileHeld(stream, why);
    else if (kind === 'keepaliveOverdue') observer.keepaliveOverdue(stream, why);
    else if (kind === 'idle') observer.streamIdle(stream, why);
    else observer.streamClosed(stream, why);
  }

  #count(stream: StreamName, worker: WorkerProcess, change: number): void {
    const listener = this.#places.get(stream.listener);
    if (listener === undefined || this.#counts[listener]?.change(worker, change) !== true) return;
    for (const each of this.#crew.present) this.#tellElsewhere(listener, each);
  }

  #tellElsewhere(listener: number, worker: WorkerProcess): void {
    const streams = this.#counts[listener]?.besides(worker) ?? 0;
    worker.send({ kind: 'elsewhere', platform: this.#index, listener, streams });
  }

  /** Of a stream that no worker was asked about yet. */
  #guess({ stream, isActive, isClosed }: Entry, nowMs: number): StreamStatus {
    const options = this.#options.listeners.find(({ vm }) => vm === stream.vm);
    return {
      ...stream,
      target: options === undefined ? '' : formatEndpoint(options.target),
      device: options?.device ?? 'desktop',
      speaks: stream.protocol,
      verdict: 'no bytes judged yet',
      mode: isClosed ? 'closed' : 'connecting',
      active: isActive,
      openedAtMs: nowMs,
      lastActiveAtMs: nowMs,
      lastActiveWhy: '',
      idleAtMs: isActive ? nowMs + (options?.idleTimeoutMs ?? this.#options.idleTimeoutMs) : null,
      bytesFromClient: 0,
      bytesToClient: 0,
      heldBytes: 0,
      heldStoredBytes: 0,
    };
  }

  #tellAll(message: ToWorker): void {
    for (const worker of this.#crew.present) worker.send(message);
  }

  #closeAddresses(): void {
    for (const address of this.#addresses) address?.close();
    this.#addresses = [];
  }
}

/** How many streams of one listener each worker has open, and what was last told of it. */
class ListenerCount {
  #stepStreams = 1;
  readonly #byWorker = new Map<WorkerProcess, number>();
  #all = 0;
  #toldAll = 0;

  constructor(maxStreams: number) {
    this.maxStreams = maxStreams;
  }

  /** What is told from now on is told in steps of it. */
  set maxStreams(maxStreams: number) {
    this.#stepStreams = Math.max(1, Math.floor(maxStreams * ELSEWHERE_SHARE));
  }

  /** True: it is to be told. */
  change(worker: WorkerProcess, change: number): boolean {
    const streams = (this.#byWorker.get(worker) ?? 0) + change;
    if (streams === 0) this.#byWorker.delete(worker);
    else this.#byWorker.set(worker, streams);
    this.#all += change;
    if (Math.abs(this.#all - this.#toldAll) < this.#stepStreams) return false;
    this.#toldAll = this.#all;
    return true;
  }

  besides(worker: WorkerProcess): number {
    return this.#all - (this.#byWorker.get(worker) ?? 0);
  }
}
