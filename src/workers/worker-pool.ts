// The workers: starts them, hands their messages to the platforms' gates, and replaces one that dies. Decides nothing about platforms.
import { fileURLToPath } from 'node:url';
import { TorporError, type TorporErrorCode } from '../platform/errors.ts';
import type { Clock, Logger } from '../platform/ports.ts';
import type { InheritedSockets } from '../streams/inherited-sockets.ts';
import type { FromWorker, LogLevel } from './messages.ts';
import type { CarriedOptions, StreamCarrier } from './stream-carrier.ts';
import type { RecordOptions } from './stream-host.ts';
import { type WorkerCrew, WorkerGate } from './worker-gate.ts';
import { FIRST_FD, WorkerProcess, type WorkerProgram } from './worker-process.ts';

/** Pause before a dead worker is replaced; it doubles with each death, up to RESTART_PAUSE_MAX_MS. */
export const RESTART_PAUSE_MS = 100;
export const RESTART_PAUSE_MAX_MS = 30_000;
/** A worker that lived this long had no lasting trouble: the pause is the first one again. */
const SOUND_MS = 60_000;

export interface WorkerPoolOptions {
  /** 2 or more. */
  readonly workers: number;
  readonly record: RecordOptions;
  /** Of all workers together. */
  readonly maxStreams: number;
  readonly logLevel: LogLevel;
  readonly inherited?: InheritedSockets | null;
  readonly clock: Clock;
  readonly log: Logger;
  /** Default: worker-main beside this file. */
  readonly program?: WorkerProgram;
}

/** The program as it lies beside this file, built or not. */
function findProgram(): WorkerProgram {
  const own = fileURLToPath(import.meta.url);
  return { path: own.replace(/worker-pool(\.[jt]s)$/, 'worker-main$1'), execArgv: process.execArgv };
}

interface Start {
  readonly resolve: () => void;
  readonly reject: (error: TorporError) => void;
}

export class WorkerPool implements StreamCarrier, WorkerCrew {
  readonly clock: Clock;
  readonly wanted: number;
  readonly #options: WorkerPoolOptions;
  readonly #gates: WorkerGate[] = [];
  readonly #workers = new Set<WorkerProcess>();
  /** Of workers that have not begun to accept yet. */
  readonly #starts = new Map<WorkerProcess, Start>();
  readonly #restarts = new Set<() => void>();
  readonly #refreshing = new Map<boolean, Promise<void>>();
  #lastSerial = 0;
  #pauseMs = RESTART_PAUSE_MS;
  #isClosing = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.wanted = options.workers;
  }

  get present(): ReadonlySet<WorkerProcess> {
    return this.#workers;
  }

  carry(options: CarriedOptions): WorkerGate {
    const gate = new WorkerGate(options, this.#gates.length, this, this.#options.inherited ?? null);
    this.#gates.push(gate);
    return gate;
  }

  /** Resolves when all workers accept clients. Rejects with what the first of them that cannot says. */
  async start(): Promise<void> {
    await Promise.all(Array.from({ length: this.wanted }, () => this.#startWorker()));
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    for (const cancel of this.#restarts) cancel();
    await Promise.all([...this.#workers].map((worker) => worker.end()));
  }

  /** Those who ask while a look of the same kind is under way get that one. */
  refresh(withStreams: boolean, boundMs: number): Promise<void> {
    const running = this.#refreshing.get(withStreams);
    if (running !== undefined) return running;
    const look = this.#look(withStreams, boundMs).finally(() => this.#refreshing.delete(withStreams));
    this.#refreshing.set(withStreams, look);
    return look;
  }

  reached(boundMs: number): Promise<void> {
    return this.#look(false, boundMs);
  }

  async #look(withStreams: boolean, boundMs: number): Promise<void> {
    await Promise.all(
      [...this.#workers].map(async (worker) => {
        const answer = await worker.ask((question) => ({ kind: 'look', question, withStreams }), boundMs);
        if (answer?.kind !== 'looked') return;
        for (const [index, look] of answer.platforms.entries()) this.#gates[index]?.look(look, worker);
      }),
    );
  }

  #startWorker(): Promise<void> {
    this.#lastSerial += 1;
    const bornMs = this.clock.nowMs();
    const { program = findProgram(), logLevel } = this.#options;
    const record = this.#options.record === null ? null : { ...this.#options.record, sharers: this.wanted };
    const worker = new WorkerProcess({
      program,
      serial: this.#lastSerial,
      fds: this.#gates.flatMap(({ fds }) => fds),
      clock: this.clock,
      onMessage: (message, from) => this.#take(message, from),
      onEnd: (why, from) => this.#onEnd(why, from, bornMs),
    });
    this.#workers.add(worker);
    let firstFd = FIRST_FD;
    const platforms = this.#gates.map((gate) => {
      const platform = gate.describe(firstFd);
      firstFd += gate.fds.length;
      return platform;
    });
    const maxStreams = Math.ceil(this.#options.maxStreams / this.wanted);
    worker.send({ kind: 'begin', serial: worker.serial, logLevel, record, maxStreams, platforms });
    for (const gate of this.#gates) gate.welcome(worker);
    return new Promise((resolve, reject) => this.#starts.set(worker, { resolve, reject }));
  }

  #take(message: FromWorker, worker: WorkerProcess): void {
    switch (message.kind) {
      case 'log':
        this.#options.log[message.level](message.facts, message.message);
        break;
      case 'began':
        this.#starts.get(worker)?.resolve();
        this.#starts.delete(worker);
        break;
      case 'failed':
        this.#options.log.error({ worker: worker.serial, code: message.code }, message.message);
        this.#starts.get(worker)?.reject(new TorporError(message.code as TorporErrorCode, message.message));
        this.#starts.delete(worker);
        void worker.end();
        break;
      case 'drained':
      case 'looked':
        break;
      default:
        this.#gates[message.platform]?.take(message, worker);
    }
  }

  #onEnd(why: string, worker: WorkerProcess, bornMs: number): void {
    this.#workers.delete(worker);
    const text = `a worker process ended (${why})`;
    this.#starts.get(worker)?.reject(new TorporError('ERR_STREAM_WORKER', `${text} before it accepted clients`));
    this.#starts.delete(worker);
    if (this.#isClosing) return;
    for (const gate of this.#gates) gate.workerDied(worker, text);
    this.#replace(worker, text, this.clock.nowMs() - bornMs);
  }

  #replace(worker: WorkerProcess, text: string, livedMs: number): void {
    if (livedMs >= SOUND_MS) this.#pauseMs = RESTART_PAUSE_MS;
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(2 * pauseMs, RESTART_PAUSE_MAX_MS);
    const facts = { worker: worker.serial, pid: worker.pid, restartInMs: pauseMs };
    this.#options.log.error(facts, `${text}: its connections are gone, another one takes its place`);
    const cancel = this.clock.schedule(pauseMs, () => {
      this.#restarts.delete(cancel);
      // One that does not come up either ends, and is replaced in turn.
      this.#startWorker().catch(() => {});
    });
    this.#restarts.add(cancel);
  }
}
