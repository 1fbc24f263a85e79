// The history's tables, and the steps that bring an older file to them. One step per version, never changed once it was released.
import type { Database } from 'node-sqlite3-wasm';

/** All of them in one file. `seq` numbers the rows of events, transitions and pool together: their order across tables. */
const VERSION_1 = `
  CREATE TABLE platforms (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE runs (seq INTEGER PRIMARY KEY, started_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL, version TEXT NOT NULL);
  CREATE TABLE transitions (
    seq INTEGER PRIMARY KEY, platform INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    from_state TEXT NOT NULL, to_state TEXT NOT NULL, reason TEXT NOT NULL, why TEXT NOT NULL
  );
  CREATE INDEX transitions_at ON transitions (platform, at_ms);
  CREATE TABLE pool (
    seq INTEGER PRIMARY KEY, platform INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    change TEXT NOT NULL, stream TEXT NOT NULL, vm TEXT NOT NULL, client TEXT NOT NULL, why TEXT NOT NULL, size INTEGER NOT NULL
  );
  CREATE INDEX pool_at ON pool (platform, at_ms);
  CREATE TABLE samples (
    seq INTEGER PRIMARY KEY, platform INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    state TEXT NOT NULL, watts REAL, source TEXT, pool INTEGER NOT NULL
  );
  CREATE INDEX samples_at ON samples (platform, at_ms);
  CREATE TABLE wakes (
    seq INTEGER PRIMARY KEY, platform INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    outcome TEXT NOT NULL, reason TEXT NOT NULL, total_ms INTEGER NOT NULL,
    platform_ms INTEGER, torpor_ms INTEGER, waited INTEGER NOT NULL
  );
  CREATE INDEX wakes_at ON wakes (platform, at_ms);
  CREATE TABLE events (
    seq INTEGER PRIMARY KEY, platform INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL, message TEXT NOT NULL, facts TEXT NOT NULL
  );
  CREATE INDEX events_at ON events (platform, at_ms);
`;

export const MIGRATIONS: readonly string[] = [VERSION_1];
export const SCHEMA_VERSION = MIGRATIONS.length;

/** The tables with rows of a moment, which age and size bound. */
export const TIMED_TABLES = ['transitions', 'pool', 'samples', 'wakes', 'events'] as const;

/**
 * Brings the file to this version, each step in a transaction of its own. Throws where a newer Torpor wrote it: going on would
 * lose what it knows.
 */
export function migrate(db: Database, migrations: readonly string[] = MIGRATIONS): void {
  const found = Number(db.get('PRAGMA user_version')?.user_version ?? 0);
  if (found > migrations.length) throw new NewerHistory(found, migrations.length);
  for (let version = found; version < migrations.length; version += 1) {
    db.exec(`BEGIN IMMEDIATE; ${migrations[version] as string}; PRAGMA user_version = ${version + 1}; COMMIT`);
  }
}

/** The file is of a later Torpor. It is kept as it is. */
export class NewerHistory extends Error {
  constructor(found: number, known: number) {
    super(`its form is ${found}, this Torpor knows up to ${known}: run the newer one, or move the file away`);
  }
}
