// Questions to the history's file: a platform over time, events page by page, rows for an export. Blocking, in the history's thread.
import type { Database } from 'node-sqlite3-wasm';
import type {
  ExportedRow,
  HistoryTable,
  PlatformHistory,
  StoredEvent,
  StoredEventsQuery,
  WattsSource,
} from '../platform/history.ts';
import type { StateName } from '../platform/status.ts';

/** Changes of state that one answer holds; of more the oldest are left out, and it begins later. */
export const MAX_STATES = 20_000;

interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

interface Mark {
  readonly atMs: number;
  readonly state: StateName;
}

export function queryPlatform(db: Database, platform: string, range: Range, points: number): PlatformHistory {
  const id = platformId(db, platform);
  const { fromMs, toMs } = range;
  if (id === null) return { platform, fromMs, toMs, states: [{ atMs: fromMs, state: 'unknown' }], watts: [], pool: [] };
  return {
    platform,
    fromMs,
    toMs,
    states: queryStates(db, id, range),
    watts: queryWatts(db, id, range, points),
    pool: queryPool(db, id, range, points),
  };
}

export function platformId(db: Database, name: string): number | null {
  const found = db.get('SELECT id FROM platforms WHERE name = ?', [name]);
  return found === null ? null : Number(found.id);
}

/** The runs that touch a range, oldest first. Where the clock was set back between two, the later one begins where the other ended. */
export function queryRuns(db: Database, { fromMs, toMs }: Range): Range[] {
  const runs: Range[] = [];
  const sql = 'SELECT started_ms, seen_ms FROM runs WHERE started_ms < ? AND seen_ms >= ? ORDER BY started_ms, seq';
  for (const { started_ms, seen_ms } of db.all(sql, [toMs, fromMs])) {
    const start = Math.max(Number(started_ms), runs.at(-1)?.toMs ?? Number.NEGATIVE_INFINITY);
    if (Number(seen_ms) > start) runs.push({ fromMs: start, toMs: Number(seen_ms) });
  }
  return runs;
}

/** Transitions and samples: each tells the state from its moment on. The last one before the range is among them. */
export function queryMarks(db: Database, id: number, { fromMs, toMs }: Range): Mark[] {
  const sql = `
    SELECT at_ms, state, seq FROM (
      SELECT at_ms, to_state AS state, seq FROM transitions WHERE platform = ?1 AND at_ms BETWEEN ?2 AND ?3
      UNION ALL SELECT at_ms, state, seq FROM samples WHERE platform = ?1 AND at_ms BETWEEN ?2 AND ?3
      UNION ALL SELECT * FROM (SELECT at_ms, to_state, seq FROM transitions WHERE platform = ?1 AND at_ms < ?2 ORDER BY at_ms DESC, seq DESC LIMIT 1)
      UNION ALL SELECT * FROM (SELECT at_ms, state, seq FROM samples WHERE platform = ?1 AND at_ms < ?2 ORDER BY at_ms DESC, seq DESC LIMIT 1)
    ) ORDER BY at_ms, seq`;
  return db
    .all(sql, [id, fromMs, toMs])
    .map(({ at_ms, state }) => ({ atMs: Number(at_ms), state: state as StateName }));
}

function queryStates(db: Database, id: number, range: Range): PlatformHistory['states'] {
  const marks = queryMarks(db, id, range);
  const states: Array<{ atMs: number; state: StateName | 'unknown' }> = [];
  const tell = (atMs: number, state: StateName | 'unknown') => {
    const at = Math.max(range.fromMs, atMs);
    if (states.at(-1)?.atMs === at) states.pop();
    if (states.at(-1)?.state !== state) states.push({ atMs: at, state });
  };
  tell(range.fromMs, 'unknown');
  // Both are in the order of time: a year has half a million marks, and a Torpor that restarts in a loop thousands of runs a day.
  let first = 0;
  for (const run of queryRuns(db, range)) {
    while (first < marks.length && (marks[first] as Mark).atMs < run.fromMs) first += 1;
    for (let at = first; at < marks.length && (marks[at] as Mark).atMs <= run.toMs; at += 1)
      tell((marks[at] as Mark).atMs, (marks[at] as Mark).state);
    if (run.toMs < range.toMs) tell(run.toMs, 'unknown');
  }
  return states.slice(-MAX_STATES);
}

/** Which of the equal parts of the range a moment is in. */
const PART = 'CAST((at_ms - ?2) * ?4 / (?3 - ?2) AS INTEGER)';

/** Where a part has readings of the BMC, the configured watts of its other samples do not count. */
function queryWatts(db: Database, id: number, { fromMs, toMs }: Range, points: number): PlatformHistory['watts'] {
  const sql = `
    SELECT ${PART} AS part, source, min(at_ms) AS at, avg(watts) AS watts FROM samples
    WHERE platform = ?1 AND at_ms >= ?2 AND at_ms < ?3 AND watts IS NOT NULL GROUP BY part, source ORDER BY part, source`;
  const parts = new Map<number, PlatformHistory['watts'][number]>();
  // 'configured' comes before 'measured', which replaces it.
  for (const row of db.all(sql, [id, fromMs, toMs, points]))
    parts.set(Number(row.part), { atMs: Number(row.at), watts: Number(row.watts), source: row.source as WattsSource });
  return [...parts.values()];
}

function queryPool(db: Database, id: number, { fromMs, toMs }: Range, points: number): PlatformHistory['pool'] {
  const sql = `
    SELECT part, min(at_ms) AS at, max(size) AS size FROM (
      SELECT ${PART} AS part, at_ms, pool AS size FROM samples WHERE platform = ?1 AND at_ms >= ?2 AND at_ms < ?3
      UNION ALL SELECT ${PART}, at_ms, size FROM pool WHERE platform = ?1 AND at_ms >= ?2 AND at_ms < ?3
    ) GROUP BY part ORDER BY part`;
  return db.all(sql, [id, fromMs, toMs, points]).map(({ at, size }) => ({ atMs: Number(at), size: Number(size) }));
}

/** The kinds whose rows stand in tables of their own, with what makes an event of them again. */
const EVENT_SOURCES = `
  SELECT seq, platform, at_ms, kind, message, facts FROM events
  UNION ALL SELECT seq, platform, at_ms, 'transition', from_state || ' -> ' || to_state || ': ' || why,
    json_object('from', from_state, 'to', to_state, 'reason', reason) FROM transitions
  UNION ALL SELECT seq, platform, at_ms, iif(change = 'enter', 'stream-active', 'stream-idle'),
    vm || ' from ' || client || iif(change = 'enter', ' is active: ', ' left the pool: ') || why,
    json_object('stream', stream, 'vm', vm, 'client', client, 'why', why, 'pool', size) FROM pool`;

/** Newest first. */
export function queryEvents(db: Database, query: StoredEventsQuery): StoredEvent[] {
  const conditions: string[] = [];
  const values: Array<string | number> = [];
  const add = (condition: string, value: string | number | null) => {
    if (value === null) return;
    conditions.push(condition);
    values.push(value);
  };
  add('p.name = ?', query.platform);
  add('e.kind = ?', query.kind);
  add('e.at_ms >= ?', query.fromMs);
  add('e.at_ms < ?', query.toMs);
  add('e.seq < ?', query.before);
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  const sql = `
    SELECT e.seq, e.at_ms, p.name, e.kind, e.message, e.facts FROM (${EVENT_SOURCES}) e
    JOIN platforms p ON p.id = e.platform ${where} ORDER BY e.seq DESC LIMIT ?`;
  return db.all(sql, [...values, query.limit]).map((row) => ({
    id: Number(row.seq),
    atMs: Number(row.at_ms),
    platform: String(row.name),
    kind: String(row.kind),
    message: String(row.message),
    facts: JSON.parse(String(row.facts)) as StoredEvent['facts'],
  }));
}

/** The columns of each table as they are exported: the platform by its name. */
const EXPORT_COLUMNS: Readonly<Record<HistoryTable, readonly string[]>> = {
  events: ['kind', 'message', 'facts'],
  transitions: ['from_state', 'to_state', 'reason', 'why'],
  pool: ['change', 'stream', 'vm', 'client', 'why', 'size'],
  samples: ['state', 'watts', 'source', 'pool'],
  wakes: ['outcome', 'reason', 'total_ms', 'platform_ms', 'torpor_ms', 'waited'],
  runs: ['started_ms', 'seen_ms', 'version'],
};

export function queryRows(
  db: Database,
  table: HistoryTable,
  { fromMs, toMs }: Range,
  page: { readonly afterSeq: number; readonly limit: number },
): ExportedRow[] {
  const columns = EXPORT_COLUMNS[table];
  const sql =
    table === 'runs'
      ? `SELECT seq, ${columns.join(', ')} FROM runs WHERE seq > ? AND seen_ms >= ? AND started_ms < ? ORDER BY seq LIMIT ?`
      : `SELECT t.seq, t.at_ms, p.name AS platform, ${columns.map((column) => `t.${column}`).join(', ')}
         FROM ${table} t JOIN platforms p ON p.id = t.platform
         WHERE t.seq > ? AND t.at_ms >= ? AND t.at_ms < ? ORDER BY t.seq LIMIT ?`;
  return db.all(sql, [page.afterSeq, fromMs, toMs, page.limit]) as unknown as ExportedRow[];
}
