// The history as the main thread sees it: rows go into a bounded queue and from there in batches to the history's thread; questions
// go there too. Nothing here waits for the disk, and nobody who adds a row waits at all.
import { Worker } from 'node:worker_threads';
import { TorporError } from '../platform/errors.ts';
import type {
  ExportedRow,
  HistoryCounts,
  HistoryReader,
  HistoryTable,
  PlatformHistory,
  SavingsReport,
  StoredEvent,
  StoredEventsQuery,
} from '../platform/history.ts';
import type { Clock, Logger } from '../platform/ports.ts';
import type { AnswerOf, EngineSettings, FromEngine, Question, ToEngine } from './history-messages.ts';
import type { HistoryRow } from './history-rows.ts';
import type { SavingsSettings } from './savings-query.ts';

/** Rows that wait to be written. At the bound new ones are dropped and counted, and the history has a gap there. */
export const QUEUE_ROWS_MAX = 20_000;
/** Rows of one batch. A batch is one transaction. */
export const BATCH_ROWS = 500;
/** A row waits at most so long for company. */
export const FLUSH_MS = 1000;
/** At least so often the file learns that nothing is missing until now: what a `kill -9` makes unknown is no longer than that. */
export const BEAT_MS = 30_000;
/** After a batch that the disk refused. */
export const REFUSED_PAUSE_MS = 5000;
/** Before a thread that ended is started again, doubling up to the second. */
const RESTART_MS = 1000;
const RESTART_MAX_MS = 60_000;
/** Questions under way at once; one more is refused. And how long each may take. */
const QUESTIONS_MAX = 32;
export const ANSWER_BOUND_MS = 30_000;
/** For the last batches when Torpor stops. */
export const CLOSE_BOUND_MS = 2000;

/** A running thread, or what stands for one in a test. */
export interface HistoryThread {
  post(message: ToEngine): void;
  /** Ends it at once. */
  terminate(): void;
}

export interface ThreadEars {
  readonly onMessage: (message: FromEngine) => void;
  /** Once, when it is gone: by itself, by a fault, or ended. */
  readonly onEnd: (why: string) => void;
}

export interface HistoryStoreOptions {
  readonly settings: Omit<EngineSettings, 'startMs'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** What people must know, once per trouble. */
  readonly alarm: (message: string) => void;
  readonly startThread?: (settings: EngineSettings, ears: ThreadEars) => HistoryThread;
}

type State = 'opening' | 'open' | 'failed' | 'closing';

interface Waiter {
  readonly answered: (answer: AnswerOf[keyof AnswerOf]) => void;
  readonly failed: (why: string) => void;
}

export class HistoryStore implements HistoryReader {
  readonly #options: HistoryStoreOptions;
  readonly #waiters = new Map<number, Waiter>();
  #thread: HistoryThread | null = null;
  #state: State = 'opening';
  #problem = 'the file is being opened';
  #queue: HistoryRow[] = [];
  #inFlight: readonly HistoryRow[] | null = null;
  #droppedSinceMs: number | null = null;
  #isRefused = false;
  #lastQuestion = 0;
  #restartMs = RESTART_MS;
  #cancelFlush: (() => void) | null = null;
  #cancelBeat: () => void = () => {};
  #counts = { written: 0, dropped: 0, thinned: 0, fileBytes: 0 };
  #onClosed: () => void = () => {};

  #savings: SavingsSettings;

  constructor(options: HistoryStoreOptions) {
    this.#options = options;
    this.#savings = options.settings.savings;
    this.#startThread();
    this.#beat();
  }

  // -------------------------------------------------------------------------------------------- rows

  /** Takes a row, or counts it as dropped at the queue's bound. Never waits, never throws. */
  add(row: HistoryRow): void {
    if (this.#queue.length >= QUEUE_ROWS_MAX || this.#state === 'failed' || this.#state === 'closing') {
      this.#counts.dropped += 1;
      this.#droppedSinceMs ??= row.atMs;
      return;
    }
    if (this.#droppedSinceMs !== null) {
      this.#queue.push({ table: 'gap', fromMs: this.#droppedSinceMs, atMs: row.atMs });
      this.#droppedSinceMs = null;
    }
    this.#queue.push(row);
    if (this.#queue.length >= BATCH_ROWS) this.#flush();
    else this.#flushLater(FLUSH_MS);
  }

  /** Rows that a bounded rate kept away. */
  countThinned(): void {
    this.#counts.thinned += 1;
  }

  counts(): HistoryCounts {
    return { ...this.#counts, queued: this.#queue.length + (this.#inFlight?.length ?? 0) };
  }

  /** The platforms, or what they draw, have changed. */
  follow(savings: SavingsSettings): void {
    this.#savings = savings;
    this.#thread?.post({ kind: 'follow', savings });
  }

  /** Writes what is queued and closes the file, within CLOSE_BOUND_MS. */
  async close(): Promise<void> {
    this.#cancelBeat();
    const { clock } = this.#options;
    const rows = this.#queue.splice(0);
    if (this.#state === 'open' && rows.length > 0) this.#thread?.post({ kind: 'write', rows, seenMs: clock.nowMs() });
    this.#state = 'closing';
    this.#cancelFlush?.();
    await new Promise<void>((resolve) => {
      const cancel = clock.schedule(CLOSE_BOUND_MS, resolve);
      this.#onClosed = () => {
        cancel();
        resolve();
      };
      this.#thread?.post({ kind: 'close' });
      if (this.#thread === null) this.#onClosed();
    });
    this.#thread?.terminate();
    this.#failWaiters('Torpor stops');
  }

  // -------------------------------------------------------------------------------------------- questions

  platformHistory(name: string, fromMs: number, toMs: number, points: number): Promise<PlatformHistory> {
    return this.#ask({ kind: 'platform', name, fromMs, toMs, points });
  }

  savings(fromMs: number, toMs: number): Promise<SavingsReport> {
    return this.#ask({ kind: 'savings', fromMs, toMs, nowMs: this.#options.clock.nowMs() });
  }

  events(query: StoredEventsQuery): Promise<readonly StoredEvent[]> {
    return this.#ask({ kind: 'events', query });
  }

  exportRows(
    table: HistoryTable,
    range: { readonly fromMs: number; readonly toMs: number },
    page: { readonly afterSeq: number; readonly limit: number },
  ): Promise<readonly ExportedRow[]> {
    return this.#ask({ kind: 'rows', table, range, page });
  }

  /** What was added before is part of the answer, but for what exceeds a batch. */
  #ask<Kind extends keyof AnswerOf>(question: Extract<Question, { kind: Kind }>): Promise<AnswerOf[Kind]> {
    if (this.#state !== 'open' || this.#thread === null) {
      return Promise.reject(historyError(`the history cannot be read now: ${this.#problem}`));
    }
    if (this.#waiters.size >= QUESTIONS_MAX) {
      return Promise.reject(historyError(`${QUESTIONS_MAX} questions to the history are under way: ask again later`));
    }
    this.#flush();
    this.#lastQuestion += 1;
    const id = this.#lastQuestion;
    return new Promise((resolve, reject) => {
      const cancel = this.#options.clock.schedule(ANSWER_BOUND_MS, () => {
        this.#waiters.delete(id);
        reject(historyError(`the history did not answer within ${ANSWER_BOUND_MS / 1000} s: ask for less of it`));
      });
      this.#waiters.set(id, {
        answered: (answer) => {
          cancel();
          resolve(answer as AnswerOf[Kind]);
        },
        failed: (why) => {
          cancel();
          reject(historyError(`the history cannot be read now: ${why}`));
        },
      });
      this.#thread?.post({ kind: 'ask', id, question });
    });
  }

  // -------------------------------------------------------------------------------------------- the thread

  #startThread(): void {
    const { settings, clock, startThread = startWorker } = this.#options;
    try {
      this.#thread = startThread(
        { ...settings, savings: this.#savings, startMs: clock.nowMs() },
        { onMessage: (message) => this.#take(message), onEnd: (why) => this.#ended(why) },
      );
    } catch (thrown) {
      this.#ended(String(thrown));
    }
  }

  #take(message: FromEngine): void {
    switch (message.kind) {
      case 'opened':
        this.#opened(message.setAside);
        break;
      case 'waiting':
        this.#wait(message.why);
        break;
      case 'failed':
        this.#fail(message.why);
        break;
      case 'written':
        this.#written(message.fileBytes);
        break;
      case 'refused':
        this.#refused(message.why);
        break;
      case 'answer':
        this.#takeWaiter(message.id)?.answered(message.answer);
        break;
      case 'noAnswer':
        this.#takeWaiter(message.id)?.failed(message.why);
        break;
      case 'closed':
        this.#onClosed();
        break;
    }
  }

  #opened(setAside: { readonly why: string; readonly path: string } | null): void {
    if (this.#state === 'closing') return;
    if (setAside !== null) {
      this.#options.alarm(
        `the history could not be read (${setAside.why}): kept as ${setAside.path}, a new one begins`,
      );
    }
    this.#state = 'open';
    this.#restartMs = RESTART_MS;
    this.#flush();
  }

  #wait(why: string): void {
    if (this.#state === 'closing') return;
    this.#state = 'opening';
    this.#problem = why;
    this.#options.alarm(`the history cannot be opened: ${why}; tried again, rows wait meanwhile`);
  }

  #fail(why: string): void {
    this.#state = 'failed';
    this.#problem = why;
    this.#counts.dropped += this.#queue.length;
    this.#queue = [];
    this.#options.alarm(`no history is kept: ${why}`);
  }

  #written(fileBytes: number): void {
    this.#counts.written += this.#inFlight?.length ?? 0;
    this.#counts.fileBytes = fileBytes;
    this.#inFlight = null;
    if (this.#isRefused) this.#options.log.info({}, 'the history is written again');
    this.#isRefused = false;
    if (this.#queue.length > 0) this.#flush();
  }

  /** The rows go back to the queue's head; where it is full the newest give way. */
  #refused(why: string): void {
    this.#queue = [...(this.#inFlight ?? []), ...this.#queue];
    this.#inFlight = null;
    const tooMany = this.#queue.length - QUEUE_ROWS_MAX;
    if (tooMany > 0) {
      this.#droppedSinceMs ??= this.#queue[QUEUE_ROWS_MAX]?.atMs ?? null;
      this.#queue.length = QUEUE_ROWS_MAX;
      this.#counts.dropped += tooMany;
    }
    if (!this.#isRefused)
      this.#options.alarm(`the history cannot be written: ${why}; tried again, rows wait meanwhile`);
    this.#isRefused = true;
    this.#cancelFlush?.();
    this.#cancelFlush = null;
    this.#flushLater(REFUSED_PAUSE_MS);
  }

  #ended(why: string): void {
    this.#thread = null;
    this.#failWaiters(`its thread ended (${why})`);
    if (this.#state === 'closing') {
      this.#onClosed();
      return;
    }
    if (this.#state === 'failed') return;
    if (this.#inFlight !== null) this.#queue = [...this.#inFlight, ...this.#queue].slice(0, QUEUE_ROWS_MAX);
    this.#inFlight = null;
    this.#state = 'opening';
    this.#problem = `its thread ended: ${why}`;
    this.#options.alarm(`the history's thread ended (${why}): started again in ${this.#restartMs / 1000} s`);
    this.#options.clock.schedule(this.#restartMs, () => {
      if (this.#state !== 'closing') this.#startThread();
    });
    this.#restartMs = Math.min(RESTART_MAX_MS, 2 * this.#restartMs);
  }

  #flushLater(delayMs: number): void {
    this.#cancelFlush ??= this.#options.clock.schedule(delayMs, () => {
      this.#cancelFlush = null;
      this.#flush();
    });
  }

  /** One batch at a time: what comes meanwhile is the next one's. */
  #flush(): void {
    if (this.#state !== 'open' || this.#inFlight !== null) return;
    if (this.#isRefused && this.#cancelFlush !== null) return;
    this.#cancelFlush?.();
    this.#cancelFlush = null;
    this.#inFlight = this.#queue.splice(0, BATCH_ROWS);
    // What is still queued is missing in the file: it is complete until then only.
    const seenMs = this.#queue[0]?.atMs ?? this.#droppedSinceMs ?? this.#options.clock.nowMs();
    this.#thread?.post({ kind: 'write', rows: this.#inFlight, seenMs });
  }

  #beat(): void {
    this.#cancelBeat = this.#options.clock.schedule(BEAT_MS, () => {
      this.#flush();
      this.#beat();
    });
  }

  #takeWaiter(id: number): Waiter | undefined {
    const waiter = this.#waiters.get(id);
    this.#waiters.delete(id);
    return waiter;
  }

  #failWaiters(why: string): void {
    for (const waiter of this.#waiters.values()) waiter.failed(why);
    this.#waiters.clear();
  }
}

function historyError(message: string): TorporError {
  return new TorporError('ERR_HISTORY', message, { retryable: true });
}

/** The built program, seen from the sources as from beside it: a thread runs no TypeScript on every Node that Torpor runs on. */
const THREAD_PROGRAM = new URL('../../dist/history/history-thread.js', import.meta.url);

function startWorker(settings: EngineSettings, { onMessage, onEnd }: ThreadEars): HistoryThread {
  const worker = new Worker(THREAD_PROGRAM, { workerData: settings });
  worker.unref();
  let why = '';
  worker.on('message', onMessage);
  worker.on('error', (error) => {
    why = error instanceof Error ? error.message : String(error);
  });
  worker.on('exit', (code) => onEnd(why === '' ? `exit code ${code}` : why));
  return {
    post: (message) => worker.postMessage(message),
    terminate: () => void worker.terminate(),
  };
}
