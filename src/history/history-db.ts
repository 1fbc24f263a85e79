// The history's file: opened, written in batches, kept within its bounds. Runs in the history's own thread, since each call blocks.
// Reading is history-queries.ts's.
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import sqlite, { type Database, type Statement } from 'node-sqlite3-wasm';
import { errorText } from '../platform/errors.ts';
import { type HistoryRow, TEXT_MAX_CHARS } from './history-rows.ts';
import { MIGRATIONS, migrate, NewerHistory, TIMED_TABLES } from './history-schema.ts';

/** Larger files are not read through at the start; a broken page of theirs is met later. */
const CHECKED_AT_START_BYTES = 64 * 1024 ** 2;
/** Pages of the write-ahead log before they are moved into the file, and what is left of the log on disk after that. */
const WAL_PAGES = 1000;
const WAL_LEFT_BYTES = 4 * 1024 ** 2;
/** Rows deleted from one table in one go, so that a prune keeps nobody waiting. */
export const PRUNE_ROWS = 2000;
/** A file at its bound is pruned to this share of it, so that the next prune is not the next minute's. */
const PRUNE_TO_SHARE = 0.9;

export interface HistoryDbOptions {
  readonly path: string;
  /** Torpor's, for the row of this run. */
  readonly version: string;
  readonly nowMs: number;
  /** Tests give older ones. */
  readonly migrations?: readonly string[];
}

export interface OpenedHistory {
  readonly db: HistoryDb;
  /** Why the file that was there could not be used, and where it is now; null where it could. */
  readonly setAside: { readonly why: string; readonly path: string } | null;
}

export class HistoryDb {
  readonly sqlite: Database;
  readonly #path: string;
  readonly #version: string;
  readonly #statements = new Map<string, Statement>();
  readonly #platforms = new Map<string, number>();
  #nextSeq: number;
  #run: number;
  #isShrinking = false;

  /**
   * Opens the file at `path`, whose lock is held by the caller. A file that SQLite cannot read is set aside and a fresh one begun.
   * Throws NewerHistory, and whatever the disk has to say.
   */
  static open(options: HistoryDbOptions): OpenedHistory {
    const { path } = options;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // The library's lock of a process that was killed; the living were excluded by the caller.
    rmSync(`${path}.lock`, { recursive: true, force: true });
    try {
      return { db: new HistoryDb(options), setAside: null };
    } catch (thrown) {
      if (!isBrokenFile(thrown)) throw thrown;
      return HistoryDb.openAfresh(options, errorText(thrown));
    }
  }

  /** Sets the file that is there aside and begins a fresh one. */
  static openAfresh(options: HistoryDbOptions, why: string): OpenedHistory {
    const path = setAside(options.path, options.nowMs);
    return { db: new HistoryDb(options), setAside: { why, path } };
  }

  private constructor(options: HistoryDbOptions) {
    const { path, version, nowMs } = options;
    this.#path = path;
    this.#version = version;
    this.sqlite = new sqlite.Database(path);
    try {
      chmodSync(path, 0o600);
      configure(this.sqlite);
      if (statSync(path).size <= CHECKED_AT_START_BYTES) check(this.sqlite);
      migrate(this.sqlite, options.migrations ?? MIGRATIONS);
      this.#readPlatforms();
      this.#nextSeq = readLastSeq(this.sqlite) + 1;
      this.#run = this.#beginRun(nowMs);
    } catch (thrown) {
      this.close();
      throw thrown;
    }
  }

  /** Writes all rows or none. `seenMs`: until then nothing is missing. */
  write(rows: readonly HistoryRow[], seenMs: number): void {
    this.#transaction(() => {
      for (const row of rows) this.#insert(row);
      this.#prepared('UPDATE runs SET seen_ms = max(seen_ms, ?) WHERE seq = ?').run([Math.round(seenMs), this.#run]);
    });
  }

  /** Deletes a bounded number of the rows that are too old or too many. True where there is more to delete. */
  prune(nowMs: number, keepMs: number, maxBytes: number): boolean {
    const more = this.#deleteBefore(Math.round(nowMs - keepMs)) || (this.#isTooLarge(maxBytes) && this.#deleteOldest());
    if (!more) this.sqlite.exec('PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)');
    return more;
  }

  /** Bytes of the pages in use: freed ones are used again, or given back by a prune. */
  usedBytes(): number {
    const pages = this.#pragma('page_count') - this.#pragma('freelist_count');
    return pages * this.#pragma('page_size');
  }

  /** Bytes on disk, the write-ahead log included. */
  fileBytes(): number {
    return sizeOf(this.#path) + sizeOf(`${this.#path}-wal`);
  }

  close(): void {
    for (const statement of this.#statements.values()) statement.finalize();
    this.#statements.clear();
    if (this.sqlite.isOpen) this.sqlite.close();
  }

  #isTooLarge(maxBytes: number): boolean {
    this.#isShrinking = this.usedBytes() > (this.#isShrinking ? maxBytes * PRUNE_TO_SHARE : maxBytes);
    return this.#isShrinking;
  }

  #pragma(name: string): number {
    return Number(this.sqlite.get(`PRAGMA ${name}`)?.[name] ?? 0);
  }

  #beginRun(atMs: number): number {
    const seq = this.#takeSeq();
    const at = Math.round(atMs);
    this.sqlite.run('INSERT INTO runs VALUES (?, ?, ?, ?)', [seq, at, at, this.#version]);
    return seq;
  }

  #endRunAt(fromMs: number, toMs: number): void {
    this.#prepared('UPDATE runs SET seen_ms = max(started_ms, ?) WHERE seq = ?').run([Math.round(fromMs), this.#run]);
    this.#run = this.#beginRun(toMs);
  }

  #insert(row: HistoryRow): void {
    if (row.table === 'gap') {
      this.#endRunAt(row.fromMs, row.atMs);
      return;
    }
    const start = [this.#takeSeq(), this.#platformId(row.platform), Math.round(row.atMs)];
    switch (row.table) {
      case 'transition':
        this.#put('transitions', [...start, row.from, row.to, row.reason, cut(row.why)]);
        break;
      case 'pool':
        this.#put('pool', [...start, row.change, row.stream, row.vm, row.client, cut(row.why), row.size]);
        break;
      case 'sample':
        this.#put('samples', [...start, row.state, row.watts, row.source, row.pool]);
        break;
      case 'wake':
        this.#put('wakes', [
          ...start,
          row.outcome,
          row.reason,
          Math.round(row.totalMs),
          row.platformMs === null ? null : Math.round(row.platformMs),
          row.torporMs === null ? null : Math.round(row.torporMs),
          row.waited,
        ]);
        break;
      case 'event':
        this.#put('events', [...start, row.kind, cut(row.message), JSON.stringify(row.facts)]);
        break;
    }
  }

  #put(table: string, values: ReadonlyArray<string | number | null>): void {
    this.#prepared(`INSERT INTO ${table} VALUES (${values.map(() => '?').join(', ')})`).run([...values]);
  }

  #takeSeq(): number {
    const seq = this.#nextSeq;
    this.#nextSeq += 1;
    return seq;
  }

  #platformId(name: string): number {
    const known = this.#platforms.get(name);
    if (known !== undefined) return known;
    const id = Number(this.sqlite.run('INSERT INTO platforms (name) VALUES (?)', [name]).lastInsertRowid);
    this.#platforms.set(name, id);
    return id;
  }

  #readPlatforms(): void {
    for (const { id, name } of this.sqlite.all('SELECT id, name FROM platforms'))
      this.#platforms.set(String(name), Number(id));
  }

  #prepared(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.sqlite.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** What it counted on is put back where the rows are: with the file. */
  #transaction(run: () => void): void {
    const { sqlite: db } = this;
    const before = { run: this.#run, seq: this.#nextSeq };
    db.exec('BEGIN IMMEDIATE');
    try {
      run();
      db.exec('COMMIT');
    } catch (thrown) {
      if (db.inTransaction) db.exec('ROLLBACK');
      [this.#run, this.#nextSeq] = [before.run, before.seq];
      this.#platforms.clear();
      this.#readPlatforms();
      throw thrown;
    }
  }

  #deleteBefore(cutoffMs: number): boolean {
    let more = false;
    for (const table of TIMED_TABLES) {
      // By seq, which is the order of time but for what was noted late: no index is needed, and the newest row always stays.
      const oldest = this.sqlite.get(`SELECT at_ms FROM ${table} ORDER BY seq LIMIT 1`);
      if (oldest === null || Number(oldest.at_ms) >= cutoffMs) continue;
      const sql = `DELETE FROM ${table} WHERE seq IN (SELECT seq FROM ${table} ORDER BY seq LIMIT ${PRUNE_ROWS}) AND at_ms < ?`;
      const { changes } = this.sqlite.run(sql, [cutoffMs]);
      more ||= changes > 0;
    }
    this.sqlite.run('DELETE FROM runs WHERE seen_ms < ? AND seq <> ?', [cutoffMs, this.#run]);
    return more;
  }

  /** The oldest rows of all tables, by their common order. */
  #deleteOldest(): boolean {
    const firsts = TIMED_TABLES.map((table) =>
      Number(this.sqlite.get(`SELECT min(seq) AS seq FROM ${table}`)?.seq ?? Number.POSITIVE_INFINITY),
    );
    const first = Math.min(...firsts);
    if (!Number.isFinite(first)) return false;
    const below = first + PRUNE_ROWS;
    let changes = 0;
    for (const table of TIMED_TABLES) changes += this.sqlite.run(`DELETE FROM ${table} WHERE seq < ?`, [below]).changes;
    return changes > 0;
  }
}

/** Exclusive, before the file is read at all: no shared memory is needed for the write-ahead log. NORMAL: a power cut may take the last batch, never the file. */
function configure(db: Database): void {
  db.exec('PRAGMA locking_mode = EXCLUSIVE');
  db.exec('PRAGMA auto_vacuum = INCREMENTAL');
  const mode = db.get('PRAGMA journal_mode = WAL')?.journal_mode;
  if (mode !== 'wal') throw new Error(`the file cannot be written ahead (journal mode ${String(mode)})`);
  db.exec(`PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${WAL_PAGES}`);
  db.exec(`PRAGMA journal_size_limit = ${WAL_LEFT_BYTES}`);
}

function check(db: Database): void {
  const found = db.get('PRAGMA quick_check(1)')?.quick_check;
  if (found !== 'ok') throw new BrokenHistory(String(found));
}

/** What `quick_check` found. */
class BrokenHistory extends Error {}

/**
 * True where the file itself is the problem, so that a fresh one would be none. The library's errors carry SQLite's English
 * messages and nothing else (sqlite3ErrStr in main.c: SQLITE_CORRUPT and SQLITE_NOTADB).
 */
export function isBrokenFile(thrown: unknown): boolean {
  if (thrown instanceof NewerHistory) return false;
  if (thrown instanceof BrokenHistory) return true;
  return /file is not a database|database disk image is malformed/.test(errorText(thrown));
}

/** Moves the file away, with its write-ahead log. Only the newest of those set aside is kept: each may be as large as the bound. */
function setAside(path: string, nowMs: number): string {
  const folder = dirname(path);
  const prefix = `${basename(path)}.broken-`;
  for (const name of readdirSync(folder)) if (name.startsWith(prefix)) rmSync(join(folder, name), { force: true });
  const aside = join(folder, `${prefix}${new Date(nowMs).toISOString().replace(/[:.]/g, '')}`);
  renameSync(path, aside);
  for (const end of ['-wal', '-journal', '-shm']) {
    if (sizeOf(`${path}${end}`) > 0) renameSync(`${path}${end}`, `${aside}${end}`);
    else rmSync(`${path}${end}`, { force: true });
  }
  return aside;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function readLastSeq(db: Database): number {
  const tables = [...TIMED_TABLES, 'runs'];
  return Math.max(0, ...tables.map((table) => Number(db.get(`SELECT max(seq) AS seq FROM ${table}`)?.seq ?? 0)));
}

function cut(text: string): string {
  return text.length > TEXT_MAX_CHARS ? `${text.slice(0, TEXT_MAX_CHARS - 1)}…` : text;
}
