// A worker's side: the StreamSets of all platforms, driven by the main process's messages, and what they tell it. Decides nothing.
import { errorText, type TorporError } from '../platform/errors.ts';
import type { Clock, Logger, StreamName, StreamObserver } from '../platform/ports.ts';
import type { StreamSet } from '../streams/stream-set.ts';
import type { FromWorker, LogLevel, Look, Told, ToWorker } from './messages.ts';
import { StreamHost } from './stream-host.ts';

type Begin = Extract<ToWorker, { kind: 'begin' }>;
type Order = Exclude<ToWorker, { kind: 'begin' } | { kind: 'end' }>;

export interface StreamWorkerOptions {
  readonly clock: Clock;
  readonly post: (message: FromWorker) => void;
  /** Everything is closed. */
  readonly onEnded: () => void;
}

export class StreamWorker {
  readonly #options: StreamWorkerOptions;
  #host: StreamHost | null = null;
  #sets: readonly StreamSet[] = [];
  /** What was asked before it had begun; null: it has. */
  #early: Order[] | null = [];

  constructor(options: StreamWorkerOptions) {
    this.#options = options;
  }

  /** One message of the main process, in their order. */
  take(message: ToWorker): void {
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
      this.#sets = platforms.map(({ releasedVms, ...options }, platform) => {
        const set = host.carry({
          ...options,
          observer: new Teller(post, platform),
          idPrefix: `${options.platform}-${serial}.`,
          onAsked: (listener, address) => post({ kind: 'asked', platform, listener, address }),
        });
        for (const vm of releasedVms) set.release(vm);
        return set;
      });
      for (const set of this.#sets) await set.open();
      post({ kind: 'began' });
    } catch (error) {
      const { code = 'ERR_INTERNAL' } = error as Partial<TorporError>;
      post({ kind: 'failed', code, message: errorText(error) });
      return;
    }
    const early = this.#early ?? [];
    this.#early = null;
    for (const order of early) this.#obey(order);
  }

  #obey(order: Order): void {
    const { post } = this.#options;
    if (order.kind === 'look') {
      const platforms = this.#sets.map((set) => lookAt(set, order.withStreams));
      post({ kind: 'looked', question: order.question, platforms });
      return;
    }
    const set = this.#sets[order.platform] as StreamSet;
    if (order.kind === 'hold') set.hold();
    else if (order.kind === 'release') set.release(order.vm);
    else if (order.kind === 'giveUp') set.giveUp(order.vm, order.why);
    else if (order.kind === 'loseSessions') set.loseSessions(order.vm, order.why);
    else if (order.kind === 'stopListening') set.stopListening();
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
