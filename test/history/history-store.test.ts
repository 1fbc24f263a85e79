import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HistoryEngine, OPEN_RETRY_MS } from '../../src/history/history-engine.ts';
import type { EngineSettings, FromEngine, ToEngine } from '../../src/history/history-messages.ts';
import type { HistoryRow } from '../../src/history/history-rows.ts';
import {
  ANSWER_BOUND_MS,
  BATCH_ROWS,
  BEAT_MS,
  FLUSH_MS,
  HistoryStore,
  type HistoryStoreOptions,
  QUEUE_ROWS_MAX,
  REFUSED_PAUSE_MS,
  type ThreadEars,
} from '../../src/history/history-store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { KeptLog } from '../support/kept-log.ts';
import { TempFolder } from '../support/temp-folder.ts';

const ALL = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };
const NO_FILTER = { platform: null, kind: null, fromMs: null, toMs: null, before: null, limit: 10 };

function note(atMs: number, message = 'a note'): HistoryRow {
  return { table: 'event', platform: 'vdi-01', atMs, kind: 'note', message, facts: {} };
}

/** A thread that a test plays: it keeps what it is sent and answers only what the test says. */
class PlayedThread {
  readonly sent: ToEngine[] = [];
  ears: ThreadEars | null = null;
  starts = 0;

  readonly start = (_settings: EngineSettings, ears: ThreadEars) => {
    this.ears = ears;
    this.starts += 1;
    return { post: (message: ToEngine) => void this.sent.push(message), terminate: () => {} };
  };

  say(message: FromEngine): void {
    this.ears?.onMessage(message);
  }

  writes(): Array<Extract<ToEngine, { kind: 'write' }>> {
    return this.sent.filter((message) => message.kind === 'write');
  }
}

describe('HistoryStore', () => {
  let folder: TempFolder;
  let clock: FakeClock;
  let alarms: string[];
  const stores: HistoryStore[] = [];

  beforeEach(() => {
    folder = new TempFolder('history-store');
    clock = new FakeClock();
    alarms = [];
  });
  afterEach(async () => {
    for (const store of stores.splice(0)) {
      const closed = store.close();
      await clock.advance(5000);
      await closed;
    }
    folder.remove();
  });

  function open(startThread: NonNullable<HistoryStoreOptions['startThread']>): HistoryStore {
    const store = new HistoryStore({
      settings: {
        path: folder.file('history.sqlite'),
        version: '1.2.3',
        keepMs: 86_400_000,
        maxBytes: 2 ** 30,
        savings: {
          platforms: [],
          factors: { price: 0.3, currency: 'EUR', co2eKgPerKwh: 0.38, ownWatts: 6 },
          timeZone: 'UTC',
          sampleEveryMs: 60_000,
        },
      },
      clock,
      log: new KeptLog(),
      alarm: (message) => alarms.push(message),
      startThread,
    });
    stores.push(store);
    return store;
  }

  /** The real engine, in this thread. Its messages arrive a turn later, as those of a thread do. */
  const here: NonNullable<HistoryStoreOptions['startThread']> = (settings, ears) => {
    const engine = new HistoryEngine(settings, clock, (message) => queueMicrotask(() => ears.onMessage(message)));
    queueMicrotask(() => engine.start());
    return { post: (message) => queueMicrotask(() => engine.take(message)), terminate: () => {} };
  };

  it('add: a few rows -> one batch after a while, and answers hold what was added just now', async () => {
    const store = open(here);
    await clock.advance(0);
    store.add(note(clock.nowMs(), 'first'));
    await clock.advance(FLUSH_MS);
    store.add(note(clock.nowMs(), 'second'));
    const events = await store.events(NO_FILTER);
    expect(events.map(({ message }) => message)).toEqual(['second', 'first']);
    await clock.advance(0);
    expect(store.counts()).toMatchObject({ written: 2, dropped: 0, queued: 0 });
    expect(store.counts().fileBytes).toBeGreaterThan(4096);
    expect(alarms).toEqual([]);
  });

  it('close: rows that were just added -> in the file, which the next one reads on', async () => {
    const store = open(here);
    await clock.advance(0);
    store.add(note(clock.nowMs(), 'the last'));
    await store.close();
    const next = open(here);
    await clock.advance(0);
    expect(await next.events(NO_FILTER)).toMatchObject([{ message: 'the last', platform: 'vdi-01' }]);
    const runs = await next.exportRows('runs', ALL, { afterSeq: 0, limit: 10 });
    expect(runs).toHaveLength(2);
  });

  it('add: before the file is open -> nothing is sent; once it is, batches go one after the other', () => {
    const thread = new PlayedThread();
    const store = open(thread.start);
    for (let i = 0; i < 2 * BATCH_ROWS + 1; i += 1) store.add(note(clock.nowMs() + i));
    expect(thread.sent).toEqual([]);
    thread.say({ kind: 'opened', setAside: null });
    expect(thread.writes().map(({ rows }) => rows.length)).toEqual([BATCH_ROWS]);
    thread.say({ kind: 'written', fileBytes: 1 });
    thread.say({ kind: 'written', fileBytes: 1 });
    expect(thread.writes().map(({ rows }) => rows.length)).toEqual([BATCH_ROWS, BATCH_ROWS, 1]);
    // A batch behind which rows still wait is complete up to those only.
    expect(thread.writes()[0]?.seenMs).toBe(clock.nowMs() + BATCH_ROWS);
    expect(thread.writes()[2]?.seenMs).toBe(clock.nowMs());
  });

  it('add: at the bound -> dropped and counted; what comes after has a gap before it', () => {
    const thread = new PlayedThread();
    const store = open(thread.start);
    for (let i = 0; i < QUEUE_ROWS_MAX + 7; i += 1) store.add(note(i));
    expect(store.counts()).toMatchObject({ dropped: 7, queued: QUEUE_ROWS_MAX });
    thread.say({ kind: 'opened', setAside: null });
    store.add(note(50_000, 'after'));
    while (store.counts().queued > 0) thread.say({ kind: 'written', fileBytes: 1 });
    const rows = thread.writes().flatMap((write) => write.rows);
    expect(rows).toHaveLength(QUEUE_ROWS_MAX + 2);
    expect(rows.slice(-2)).toEqual([{ table: 'gap', fromMs: QUEUE_ROWS_MAX, atMs: 50_000 }, note(50_000, 'after')]);
  });

  it('refused: a full disk -> told once, the same rows again after a pause, in their order', async () => {
    const thread = new PlayedThread();
    const store = open(thread.start);
    thread.say({ kind: 'opened', setAside: null });
    thread.say({ kind: 'written', fileBytes: 0 });
    store.add(note(1, 'a'));
    await clock.advance(FLUSH_MS);
    for (let times = 0; times < 3; times += 1) {
      thread.say({ kind: 'refused', why: 'database or disk is full' });
      store.add(note(2 + times, 'b'));
      await clock.advance(REFUSED_PAUSE_MS);
    }
    expect(alarms).toEqual([expect.stringContaining('database or disk is full')]);
    thread.say({ kind: 'written', fileBytes: 1 });
    expect(
      thread
        .writes()
        .at(-1)
        ?.rows.map(({ atMs }) => atMs),
    ).toEqual([1, 2, 3, 4]);
    expect(store.counts()).toMatchObject({ written: 4, queued: 0 });
  });

  it('a thread that ends -> its batch is kept, questions fail, another one starts after a pause', async () => {
    const thread = new PlayedThread();
    const store = open(thread.start);
    thread.say({ kind: 'opened', setAside: null });
    thread.say({ kind: 'written', fileBytes: 0 });
    store.add(note(1));
    const question = store.events(NO_FILTER);
    thread.ears?.onEnd('out of memory');
    await expect(question).rejects.toMatchObject({ code: 'ERR_HISTORY', retryable: true });
    await expect(store.events(NO_FILTER)).rejects.toMatchObject({ code: 'ERR_HISTORY' });
    await clock.advance(1000);
    expect(thread.starts).toBe(2);
    thread.say({ kind: 'opened', setAside: null });
    expect(thread.writes().at(-1)?.rows).toEqual([note(1)]);
    expect(alarms).toEqual([expect.stringContaining('out of memory')]);
  });

  it('a question that is not answered -> ERR_HISTORY after its bound', async () => {
    const thread = new PlayedThread();
    const store = open(thread.start);
    thread.say({ kind: 'opened', setAside: null });
    const question = store.savings(0, 1);
    const refused = expect(question).rejects.toMatchObject({ code: 'ERR_HISTORY' });
    await clock.advance(ANSWER_BOUND_MS);
    await refused;
  });

  it('nothing happens -> the file hears regularly that nothing is missing', async () => {
    const store = open(here);
    await clock.advance(3 * BEAT_MS);
    const [run] = await store.exportRows('runs', ALL, { afterSeq: 0, limit: 1 });
    expect(run).toMatchObject({ started_ms: clock.nowMs() - 3 * BEAT_MS, seen_ms: clock.nowMs() });
  });

  it('a broken file -> an alarm that says where it is, and a history that works', async () => {
    writeFileSync(folder.file('history.sqlite'), 'no database '.repeat(1000));
    const store = open(here);
    await clock.advance(0);
    expect(alarms).toEqual([expect.stringMatching(/could not be read \(file is not a database\): kept as .*broken-/)]);
    store.add(note(clock.nowMs()));
    expect(await store.events(NO_FILTER)).toHaveLength(1);
  });

  it('a file that another process holds -> told once, tried again, opened when it is free; rows wait', async () => {
    const owner = folder.file('history.sqlite.owner');
    const first = open(here);
    await clock.advance(0);
    const holder = readFileSync(owner, 'utf8');
    await first.close();
    stores.length = 0;
    writeFileSync(owner, JSON.stringify({ ...JSON.parse(holder), pid: process.ppid, started: startOf(process.ppid) }));
    const store = open(here);
    store.add(note(clock.nowMs(), 'waited'));
    await clock.advance(3 * OPEN_RETRY_MS);
    expect(alarms).toEqual([expect.stringContaining(`process ${process.ppid} holds the file`)]);
    writeFileSync(owner, '');
    await clock.advance(OPEN_RETRY_MS);
    expect(await store.events(NO_FILTER)).toMatchObject([{ message: 'waited' }]);
  });

  it('a history of a later Torpor -> an alarm, rows are dropped and counted, the file is left alone', async () => {
    const thread = new PlayedThread();
    const store = open(thread.start);
    store.add(note(1));
    thread.say({ kind: 'failed', why: 'its form is 9, this Torpor knows up to 1' });
    store.add(note(2));
    expect(store.counts()).toMatchObject({ dropped: 2, queued: 0 });
    expect(alarms).toEqual([expect.stringContaining('its form is 9')]);
  });
});

function startOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
