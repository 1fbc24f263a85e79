// What runs in the history's thread: opens the file once it is free, writes what comes, answers, prunes. Knows its two ports only
// (messages and clock), so that it also runs without a thread.
import { errorText } from '../platform/errors.ts';
import type { Clock } from '../platform/ports.ts';
import { HistoryDb, isBrokenFile, type OpenedHistory } from './history-db.ts';
import type { AnswerOf, EngineSettings, FromEngine, Question, ToEngine } from './history-messages.ts';
import { queryEvents, queryPlatform, queryRows } from './history-queries.ts';
import { NewerHistory } from './history-schema.ts';
import { SavingsQuery, type SavingsSettings } from './savings-query.ts';
import { LOCK_TOUCH_MS, StoreLock } from './store-lock.ts';

/** Between two tries to open a file that another process holds, or that the disk does not give. */
export const OPEN_RETRY_MS = 1000;
/** Between two looks at age and size, and between two deletions where there is more to delete. */
export const PRUNE_EVERY_MS = 10 * 60_000;
const PRUNE_ON_MS = 50;

export class HistoryEngine {
  #settings: EngineSettings;
  readonly #clock: Clock;
  readonly #post: (message: FromEngine) => void;
  #lock: StoreLock | null = null;
  #db: HistoryDb | null = null;
  #savings: SavingsQuery | null = null;
  #toldWaiting = '';
  readonly #timers = new Set<() => void>();
  #closed = false;

  constructor(settings: EngineSettings, clock: Clock, post: (message: FromEngine) => void) {
    this.#settings = settings;
    this.#clock = clock;
    this.#post = post;
  }

  start(): void {
    this.#open(this.#settings.startMs);
  }

  take(message: ToEngine): void {
    if (message.kind === 'close') this.#close();
    else if (message.kind === 'write') this.#write(message);
    else if (message.kind === 'follow') this.#follow(message.savings);
    else this.#answer(message.id, message.question);
  }

  #open(nowMs: number): void {
    if (this.#closed) return;
    try {
      const lock = StoreLock.take(`${this.#settings.path}.owner`, this.#clock.nowMs());
      if (!(lock instanceof StoreLock)) {
        this.#openLater(describeHolder(lock.heldBy));
        return;
      }
      this.#lock = lock;
      const { path, version } = this.#settings;
      this.#begin(HistoryDb.open({ path, version, nowMs }));
    } catch (thrown) {
      this.#lock?.release();
      this.#lock = null;
      if (thrown instanceof NewerHistory) this.#post({ kind: 'failed', why: thrown.message });
      else this.#openLater(errorText(thrown));
    }
  }

  #begin({ db, setAside }: OpenedHistory): void {
    this.#db = db;
    this.#savings = new SavingsQuery(db.sqlite, this.#settings.savings);
    this.#toldWaiting = '';
    this.#post({ kind: 'opened', setAside });
    this.#after(LOCK_TOUCH_MS, () => this.#touch());
    this.#after(PRUNE_ON_MS, () => this.#prune());
  }

  #follow(savings: SavingsSettings): void {
    this.#settings = { ...this.#settings, savings };
    if (this.#db !== null) this.#savings = new SavingsQuery(this.#db.sqlite, savings);
  }

  #openLater(why: string): void {
    if (why !== this.#toldWaiting) this.#post({ kind: 'waiting', why });
    this.#toldWaiting = why;
    this.#after(OPEN_RETRY_MS, () => this.#open(this.#clock.nowMs()));
  }

  #write({ rows, seenMs }: Extract<ToEngine, { kind: 'write' }>): void {
    const db = this.#db;
    if (db === null) {
      this.#post({ kind: 'refused', why: 'the file is not open' });
      return;
    }
    try {
      db.write(rows, seenMs);
      this.#post({ kind: 'written', fileBytes: db.fileBytes() });
    } catch (thrown) {
      this.#post({ kind: 'refused', why: errorText(thrown) });
      this.#reopenIfBroken(thrown);
    }
  }

  #answer(id: number, question: Question): void {
    try {
      if (this.#db === null) throw new Error('the file is not open');
      this.#post({ kind: 'answer', id, answer: this.#ask(this.#db, question) });
    } catch (thrown) {
      this.#post({ kind: 'noAnswer', id, why: errorText(thrown) });
      this.#reopenIfBroken(thrown);
    }
  }

  #ask({ sqlite }: HistoryDb, question: Question): AnswerOf[keyof AnswerOf] {
    switch (question.kind) {
      case 'platform':
        return queryPlatform(sqlite, question.name, question, question.points);
      case 'savings':
        return (this.#savings as SavingsQuery).report(question.fromMs, question.toMs, question.nowMs);
      case 'events':
        return queryEvents(sqlite, question.query);
      case 'rows':
        return queryRows(sqlite, question.table, question.range, question.page);
    }
  }

  /** A page that cannot be read was met only now: opening sets the file aside if it finds the same. */
  #reopenIfBroken(thrown: unknown): void {
    if (!isBrokenFile(thrown) || this.#db === null) return;
    this.#db.close();
    this.#db = null;
    this.#stopTimers();
    try {
      const { path, version } = this.#settings;
      this.#begin(HistoryDb.openAfresh({ path, version, nowMs: this.#clock.nowMs() }, errorText(thrown)));
    } catch (again) {
      this.#openLater(errorText(again));
    }
  }

  /** A lock that another process took over meanwhile (this one was stopped for minutes) ends the writing: there is one writer. */
  #touch(): void {
    if (this.#lock?.touch(this.#clock.nowMs()) === false) {
      this.#db?.close();
      this.#db = null;
      this.#lock = null;
      this.#stopTimers();
      this.#openLater('another process has taken the file over');
      return;
    }
    this.#after(LOCK_TOUCH_MS, () => this.#touch());
  }

  #prune(): void {
    let more = false;
    try {
      more = this.#db?.prune(this.#clock.nowMs(), this.#settings.keepMs, this.#settings.maxBytes) ?? false;
    } catch (thrown) {
      this.#post({ kind: 'refused', why: errorText(thrown) });
    }
    this.#after(more ? PRUNE_ON_MS : PRUNE_EVERY_MS, () => this.#prune());
  }

  #after(delayMs: number, run: () => void): void {
    const cancel = this.#clock.schedule(delayMs, () => {
      this.#timers.delete(cancel);
      run();
    });
    this.#timers.add(cancel);
  }

  #stopTimers(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #close(): void {
    this.#closed = true;
    this.#stopTimers();
    this.#db?.close();
    this.#db = null;
    this.#lock?.release();
    this.#post({ kind: 'closed' });
  }
}

function describeHolder(pid: number): string {
  return pid === 0 ? 'another process holds the file' : `process ${pid} holds the file`;
}
