// When a platform in observe mode could have slept, and what it draws in a real sleep, from the history's file. Blocking, in the
// history's thread.
import type { Database } from 'node-sqlite3-wasm';
import type { Span } from '../energy/day-tally.ts';
import type { ObservedIdle } from '../energy/imagined-sleep.ts';

/**
 * Each stretch begins with an event `would-sleep`, the last one before the range among them, and ends when somebody becomes active,
 * when the platform leaves `awake` and `drowsy`, or with the run (`runs`, in order).
 */
export function queryObservedIdle(db: Database, id: number, range: Span, runs: readonly Span[]): ObservedIdle[] {
  const sql = `
    SELECT at_ms,
      (SELECT min(at_ms) FROM pool WHERE platform = ?1 AND at_ms >= said.at_ms AND seq > said.seq AND change = 'enter') AS entered,
      (SELECT min(at_ms) FROM samples WHERE platform = ?1 AND at_ms > said.at_ms AND pool > 0) AS busy,
      (SELECT min(at_ms) FROM transitions WHERE platform = ?1 AND at_ms > said.at_ms AND to_state NOT IN ('awake', 'drowsy')) AS moved
    FROM (
      SELECT at_ms, seq FROM events WHERE platform = ?1 AND kind = 'would-sleep' AND at_ms BETWEEN ?2 AND ?3
      UNION ALL SELECT * FROM (
        SELECT at_ms, seq FROM events WHERE platform = ?1 AND kind = 'would-sleep' AND at_ms < ?2 ORDER BY at_ms DESC, seq DESC LIMIT 1)
    ) AS said ORDER BY at_ms, seq`;
  return db.all(sql, [id, range.fromMs, range.toMs]).flatMap((row) => {
    const fromMs = Number(row.at_ms);
    const runEndMs = runs.find((run) => run.fromMs <= fromMs && fromMs < run.toMs)?.toMs ?? fromMs;
    const cameMs = Math.min(orNever(row.entered), orNever(row.busy));
    const toMs = Math.min(cameMs, orNever(row.moved), runEndMs, range.toMs);
    return toMs > fromMs ? [{ fromMs, toMs, somebodyCame: cameMs === toMs }] : [];
  });
}

/** The mean of what its BMC said while it slept; null: it never slept, or the BMC says nothing then. */
export function queryAsleepWatts(db: Database, id: number, { fromMs, toMs }: Span): number | null {
  const sql = `SELECT avg(watts) AS watts FROM samples
    WHERE platform = ? AND at_ms BETWEEN ? AND ? AND state = 'asleep' AND source = 'measured' AND watts IS NOT NULL`;
  const watts = db.get(sql, [id, fromMs, toMs])?.watts;
  return watts == null ? null : Number(watts);
}

function orNever(value: unknown): number {
  return value == null ? Number.POSITIVE_INFINITY : Number(value);
}
