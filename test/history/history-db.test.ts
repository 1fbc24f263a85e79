import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HistoryDb, isBrokenFile, PRUNE_ROWS } from '../../src/history/history-db.ts';
import { queryRows, queryRuns } from '../../src/history/history-queries.ts';
import type { HistoryRow } from '../../src/history/history-rows.ts';
import { MIGRATIONS, NewerHistory, SCHEMA_VERSION } from '../../src/history/history-schema.ts';
import { TempFolder } from '../support/temp-folder.ts';

const START_MS = 1_700_000_000_000;
const ALL = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER };

function event(atMs: number, message = 'a note'): HistoryRow {
  return { table: 'event', platform: 'vdi-01', atMs, kind: 'note', message, facts: { n: 1 } };
}

describe('HistoryDb', () => {
  let folder: TempFolder;
  let path: string;
  const open = (nowMs = START_MS, migrations = MIGRATIONS) =>
    HistoryDb.open({ path, version: '1.2.3', nowMs, migrations });
  const countEvents = (db: HistoryDb) => Number(db.sqlite.get('SELECT count(*) AS n FROM events')?.n);

  beforeEach(() => {
    folder = new TempFolder('history-db');
    path = folder.file('history/history.sqlite');
  });
  afterEach(() => folder.remove());

  it('open: nothing there -> a file of this version, for its owner only, with a run', () => {
    const { db, setAside } = open();
    expect(setAside).toBeNull();
    expect(db.sqlite.get('PRAGMA user_version')?.user_version).toBe(SCHEMA_VERSION);
    expect(db.sqlite.get('PRAGMA journal_mode')?.journal_mode).toBe('wal');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(queryRows(db.sqlite, 'runs', ALL, { afterSeq: 0, limit: 10 })).toEqual([
      { seq: 1, started_ms: START_MS, seen_ms: START_MS, version: '1.2.3' },
    ]);
    db.close();
  });

  it('write: one row of each table, opened again -> all of them are there, numbered in their order', () => {
    const { db } = open();
    const at = { platform: 'vdi-01', atMs: START_MS + 0.4 };
    db.write(
      [
        event(START_MS),
        { table: 'transition', ...at, from: 'awake', to: 'drowsy', reason: 'idle', why: 'nobody is active' },
        { table: 'pool', ...at, change: 'enter', stream: 's1', vm: 'a', client: '::1:5', why: 'connected', size: 1 },
        { table: 'sample', ...at, state: 'awake', watts: 180.5, source: 'measured', pool: 1 },
        {
          table: 'wake',
          ...at,
          outcome: 'awake',
          reason: 'client',
          totalMs: 9.6,
          platformMs: null,
          torporMs: null,
          waited: 2,
        },
      ],
      START_MS + 1000,
    );
    db.close();
    const again = open(START_MS + 5000).db;
    const rows = (table: 'pool' | 'samples' | 'wakes' | 'transitions') =>
      queryRows(again.sqlite, table, ALL, { afterSeq: 0, limit: 10 });
    const known = { at_ms: START_MS, platform: 'vdi-01' };
    expect(rows('transitions')).toEqual([
      { seq: 3, ...known, from_state: 'awake', to_state: 'drowsy', reason: 'idle', why: 'nobody is active' },
    ]);
    expect(rows('pool')).toMatchObject([{ seq: 4, ...known, change: 'enter', client: '::1:5', size: 1 }]);
    expect(rows('samples')).toMatchObject([{ seq: 5, watts: 180.5, source: 'measured', pool: 1 }]);
    expect(rows('wakes')).toMatchObject([{ seq: 6, total_ms: 10, platform_ms: null, waited: 2 }]);
    expect(queryRuns(again.sqlite, ALL)).toEqual([{ fromMs: START_MS, toMs: START_MS + 1000 }]);
    again.close();
  });

  it('write: a row that cannot be stored -> none of its batch is, and the next batch is numbered as if it had not been', () => {
    const { db } = open();
    const broken = { ...event(START_MS), platform: 'new', message: null } as unknown as HistoryRow;
    expect(() => db.write([event(START_MS, 'first'), broken], START_MS)).toThrow();
    db.write([event(START_MS, 'second')], START_MS);
    expect(queryRows(db.sqlite, 'events', ALL, { afterSeq: 0, limit: 10 })).toMatchObject([
      { seq: 2, message: 'second' },
    ]);
    db.close();
  });

  it('write: a gap -> the run ends where rows are missing, and another one begins behind it', () => {
    const { db } = open();
    const gap: HistoryRow = { table: 'gap', fromMs: START_MS + 100, atMs: START_MS + 900 };
    db.write([event(START_MS + 50), gap, event(START_MS + 900)], START_MS + 1000);
    expect(queryRuns(db.sqlite, ALL)).toEqual([
      { fromMs: START_MS, toMs: START_MS + 100 },
      { fromMs: START_MS + 900, toMs: START_MS + 1000 },
    ]);
    db.close();
  });

  it('write: long texts -> cut', () => {
    const { db } = open();
    db.write([event(START_MS, 'x'.repeat(10_000))], START_MS);
    const [row] = queryRows(db.sqlite, 'events', ALL, { afterSeq: 0, limit: 1 });
    expect(String(row?.message)).toHaveLength(500);
    db.close();
  });

  it.each([
    ['text', (file: string) => writeFileSync(file, 'no database at all, but long enough to be one '.repeat(200))],
    ['a torn file', (file: string) => truncateSync(file, 3 * 4096)],
    [
      'overwritten pages',
      (file: string) => {
        const bytes = readFileSync(file);
        bytes.fill(7, 2 * 4096, 6 * 4096);
        writeFileSync(file, bytes);
      },
    ],
  ])('open: %s -> set aside with what was in it, and a fresh file takes rows', (_what, damage) => {
    const first = open().db;
    for (let i = 0; i < 20; i += 1) first.write([event(START_MS, 'y'.repeat(400))], START_MS);
    first.close();
    damage(path);
    const { db, setAside } = open(START_MS + 1);
    expect(setAside?.why).toMatch(/\w/);
    expect(setAside?.path).toMatch(/history\.sqlite\.broken-/);
    expect(existsSync(setAside?.path ?? '')).toBe(true);
    db.write([event(START_MS, 'after')], START_MS);
    expect(countEvents(db)).toBe(1);
    db.close();
  });

  it('open: broken twice -> only the newest is kept aside', () => {
    for (const day of [0, 1]) {
      open().db.close();
      writeFileSync(path, 'no database '.repeat(1000));
      open(START_MS + day * 86_400_000).db.close();
    }
    expect(readdirSync(folder.file('history')).filter((name) => name.includes('.broken-'))).toHaveLength(1);
  });

  it('open: a lock folder that a killed process left -> opened', () => {
    const first = open().db;
    first.write([event(START_MS)], START_MS);
    // As after SIGKILL: nothing is closed, the folder stays. The WAL has what was written.
    expect(existsSync(`${path}.lock`)).toBe(true);
    const { db, setAside } = open(START_MS + 1);
    expect(setAside).toBeNull();
    expect(countEvents(db)).toBe(1);
    db.close();
  });

  it('migrate: a file of an older form -> each further step once, its rows kept', () => {
    open().db.close();
    const next = [...MIGRATIONS, 'ALTER TABLE wakes ADD COLUMN extra TEXT'];
    const { db } = open(START_MS, next);
    expect(db.sqlite.get('PRAGMA user_version')?.user_version).toBe(2);
    expect(db.sqlite.get("SELECT count(*) AS n FROM pragma_table_info('wakes') WHERE name = 'extra'")?.n).toBe(1);
    db.close();
    open(START_MS, next).db.close();
  });

  it('migrate: a step that fails -> the file is as it was', () => {
    open().db.close();
    const bad = [...MIGRATIONS, 'CREATE TABLE fine (a); INSERT INTO nowhere VALUES (1)'];
    expect(() => open(START_MS, bad)).toThrow(/nowhere/);
    const { db } = open();
    expect(db.sqlite.get("SELECT count(*) AS n FROM sqlite_master WHERE name = 'fine'")?.n).toBe(0);
    db.close();
  });

  it('migrate: a file of a later Torpor -> refused, not set aside', () => {
    open(START_MS, [...MIGRATIONS, 'CREATE TABLE later (a)']).db.close();
    expect(() => open()).toThrow(NewerHistory);
    expect(readdirSync(folder.file('history')).filter((name) => name.includes('broken'))).toEqual([]);
  });

  it('prune: rows beyond the age, more than one go deletes -> gone after a few goes, younger ones and this run stay', () => {
    const { db } = open();
    const old = Array.from({ length: 2 * PRUNE_ROWS + 10 }, (_, index) => event(START_MS + index));
    const later = START_MS + 86_400_000;
    db.write([...old, event(later, 'young')], later);
    let goes = 0;
    while (db.prune(later + 1000, 3_600_000, 2 ** 40)) goes += 1;
    expect(goes).toBe(3);
    expect(queryRows(db.sqlite, 'events', ALL, { afterSeq: 0, limit: 10 })).toMatchObject([{ message: 'young' }]);
    expect(queryRuns(db.sqlite, ALL)).toHaveLength(1);
    db.close();
  });

  it('prune: a file beyond its size -> the oldest rows go until it is well below, and the disk has the room again', () => {
    const { db } = open();
    const maxBytes = 2 * 1024 ** 2;
    for (let batch = 0; batch < 40; batch += 1) {
      const rows = Array.from({ length: 500 }, (_, index) => event(START_MS + batch * 500 + index, 'z'.repeat(300)));
      db.write(rows, START_MS);
    }
    expect(db.usedBytes()).toBeGreaterThan(2 * maxBytes);
    while (db.prune(START_MS, 10 ** 12, maxBytes));
    expect(db.usedBytes()).toBeLessThan(maxBytes);
    expect(db.usedBytes()).toBeGreaterThan(maxBytes / 2);
    expect(db.fileBytes()).toBeLessThan(maxBytes * 1.1);
    const [first] = queryRows(db.sqlite, 'events', ALL, { afterSeq: 0, limit: 1 });
    expect(first?.at_ms).toBeGreaterThan(START_MS + 5000);
    expect(db.sqlite.get('SELECT max(at_ms) AS at FROM events')?.at).toBe(START_MS + 19_999);
    db.close();
  });
});

describe('isBrokenFile', () => {
  it.each([
    ['file is not a database', true],
    ['database disk image is malformed', true],
    ['database or disk is full', false],
    ['disk I/O error', false],
    ['database is locked', false],
  ])('%s -> %s', (message, expected) => {
    expect(isBrokenFile(new Error(message))).toBe(expected);
  });
});
