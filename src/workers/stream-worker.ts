// A worker's side: the StreamSets of all platforms, driven by the main process's messages, and what they tell it. Decides nothing.
import { errorText, type TorporError } from '../platform/errors.ts';
import type { Clock, Logger, StreamName, StreamObserver } from '../platform/ports.ts';
import { InheritedSockets, type ListeningHandle, type ReceivedSocket } from '../streams/inherited-sockets.ts';
import type { StreamSet } from '../streams/stream-set.ts';
import type { FromWorker, LogLevel, Look, Told, ToWorker, WorkerPlatform } from './messages.ts';
import { StreamHost } from './stream-host.ts';

type Begin = Extract<ToWorker, { kind: 'begin' }>;
type Order = Exclude<ToWorker, { kind: 'begin' | 'end' | 'socket' }>;

export interface StreamWorkerOptions {
  readonly clock: Clock;
  readonly post: (message: FromWorker) => void;
  /** Everything is closed. */
  readonly onEnded: () => void;
}

export class StreamWorker {
  readonly #options: StreamWorkerOptions;
  #host: StreamHost | null = null;
  #serial = 0;
  #sets: StreamSet[] = [];
  #sockets: ReceivedSocket[] = [];
  /** What was asked before it had begun, or while it opens listeners; null: it obeys at once. */
  #early: Order[] | null = [];

  constructor(options: StreamWorkerOptions) {
    this.#options = options;
  }

  /** One message of the main process, in their order. */
  take(message: ToWorker, handle: ListeningHandle | null = null): void {
    if (message.kind === 'socket') {
      if (handle !== null) this.#sockets.push({ endpoint: message.endpoint, handle });
      return;
    }
    if (message.kind === 'begin') void this.#begin(message);
    else if (message.kind === 'end') void this.#end();
    else if (this.#early === null) this.#obey(message);
    else this.#early.push(message);
  }

  async #begin({ serial, logLevel, record, maxStreams, platforms }: Begin): Promise<void> {
    const { post, clock } = this.#options;
    try {
      const log = makeLog(post, logLevel);
      const host = await StreamHost.open({ record, maxStreams, clock, log });
      this.#host = host;
      this.#serial = serial;
      for (const options of platforms) this.#carry(options, host);
      for (const set of this.#sets) await set.open();
      post({ kind: 'began' });
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#catchUp();
  }

  #carry(
    { releasedVms, isFlowing, ...options }: WorkerPlatform,
    host: StreamHost,
    inherited?: InheritedSockets,
  ): StreamSet {
    const { post } = this.#options;
    const platform = this.#sets.length;
    const set = host.carry({
      ...options,
      observer: new Teller(post, platform),
      idPrefix: `${options.platform}-${this.#serial}.`,
      onAsked: (listener, address) => post({ kind: 'asked', platform, listener, address }),
      ...(inherited === undefined ? {} : { inherited }),
    });
    for (const vm of releasedVms) set.release(vm);
    if (isFlowing) set.release(null);
    this.#sets.push(set);
    return set;
  }

  /** One that cannot do as it was told is ended, and replaced by one that begins with it. */
  #fail(error: unknown): void {
    const { code = 'ERR_INTERNAL' } = error as Partial<TorporError>;
    this.#options.post({ kind: 'failed', code, message: errorText(error) });
  }

  /** Up to the next order that takes a while. */
  #catchUp(): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const [at, order] of early.entries()) {
      this.#obey(order);
      if (this.#early === null) continue;
      (this.#early as Order[]).push(...early.slice(at + 1));
      return;
    }
  }

  /** Opens listeners on the sockets that came before; what is asked meanwhile waits, so that all stays in its order. */
  async #change(order: Extract<Order, { kind: 'carry' | 'update' }>): Promise<void> {
    this.#early = [];
    const inherited = new InheritedSockets(this.#sockets);
    this.#sockets = [];
    try {
      if (order.kind === 'carry') await this.#carry(order.options, this.#host as StreamHost, inherited).open();
      else {
        const problems = await (this.#sets[order.platform] as StreamSet).update(order.change, inherited);
        if (problems.length > 0) throw problems[0];
      }
    } catch (error) {
      this.#fail(error);
      return;
    } finally {
      // One that began with a listener has it already.
      inherited.close();
    }
    this.#catchUp();
  }

  #obey(order: Order): void {
    const { post } = this.#options;
    if (order.kind === 'look') {
      const platforms = this.#sets.map((set) => lookAt(set, order.withStreams));
      post({ kind: 'looked', question: order.question, platforms });
      return;
    }
    if (order.kind === 'carry' || order.kind === 'update') {
      void this.#change(order);
      return;
    }
    const set = this.#sets[order.platform] as StreamSet;
    if (order.kind === 'hold') set.hold();
    else if (order.kind === 'release') set.release(order.vm);
    else if (order.kind === 'giveUp') set.giveUp(order.vm, order.why);
    else if (order.kind === 'loseSessions') set.loseSessions(order.vm, order.why);
    else if (order.kind === 'stopListening') set.stopListening(order.but);
    else if (order.kind === 'close') void set.close();
    else if (order.kind === 'asked') set.noteAsked(order.listener, order.address);
    else if (order.kind === 'elsewhere') set.noteElsewhere(order.listener, order.streams);
    else void this.#drain(set, order.question, order.boundMs);
  }

  async #drain(set: StreamSet, question: number, boundMs: number): Promise<void> {
    const report = await set.drain(boundMs, new AbortController().signal);
    this.#options.post({ kind: 'drained', question, report });
  }

  async #end(): Promise<void> {
    await Promise.all(this.#sets.map((set) => set.close()));
    await this.#host?.close();
    this.#options.onEnded();
  }
}

function lookAt(set: StreamSet, withStreams: boolean): Look {
  const carried = set.carriedBytes();
  const refused = set.refusedClients();
  return {
    ...set.heldBytes(),
    carried,
    refused,
    waitingVms: set.waitingVms(),
    streams: withStreams ? set.streams() : null,
  };
}

/** One platform's observer: sends on what it is told. */
class Teller implements StreamObserver {
  readonly #post: (message: FromWorker) => void;
  readonly #platform: number;

  constructor(post: (message: FromWorker) => void, platform: number) {
    this.#post = post;
    this.#platform = platform;
  }

  streamOpened({ id, platform, vm, listener, client, protocol }: StreamName): void {
    const stream = { id, platform, vm, listener, client, protocol };
    this.#post({ kind: 'opened', platform: this.#platform, stream });
  }

  streamActive(stream: StreamName, why: string): void {
    this.#tell('active', stream, why);
  }

  activityWhileHeld(stream: StreamName, why: string): void {
    this.#tell('activityWhileHeld', stream, why);
  }

  keepaliveOverdue(stream: StreamName, why: string): void {
    this.#tell('keepaliveOverdue', stream, why);
  }

  streamIdle(stream: StreamName, why: string): void {
    this.#tell('idle', stream, why);
  }

  streamClosed(stream: StreamName, why: string): void {
    this.#tell('closed', stream, why);
  }

  streamDelivered({ id }: StreamName, heldBytes: number): void {
    this.#post({ kind: 'delivered', platform: this.#platform, id, heldBytes });
  }

  #tell(kind: Told, { id }: StreamName, why: string): void {
    this.#post({ kind, platform: this.#platform, id, why });
  }
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** The main process writes the log: lines of several processes must not mix. */
function makeLog(post: (message: FromWorker) => void, least: LogLevel): Logger {
  const write = (level: LogLevel) =>
    LEVELS.indexOf(level) < LEVELS.indexOf(least)
      ? () => {}
      : (facts: object, message: string) => post({ kind: 'log', level, facts, message });
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}
