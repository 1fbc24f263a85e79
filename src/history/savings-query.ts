// What sleeping saved, from the history's file: each day is tallied from its rows, whole days of the past once only. Blocking, in
// the history's thread. The arithmetic is src/energy's.
import type { Database } from 'node-sqlite3-wasm';
import { type ConfiguredWatts, type StateMark, type TallyInput, tallyDay } from '../energy/day-tally.ts';
import { type ImaginedSleep, imagineInput, imagineSleeps, type SleepRules } from '../energy/imagined-sleep.ts';
import { type LocalDay, LocalDays } from '../energy/local-days.ts';
import {
  type EnergyFactors,
  IDLE_LOOK_BACK_DAYS,
  type ImaginedDays,
  type PlatformDays,
  reportSavings,
  type TalliedDay,
} from '../energy/savings.ts';
import type { SavingsReport } from '../platform/history.ts';
import type { StateName } from '../platform/status.ts';
import { platformId, queryRuns } from './history-queries.ts';
import { queryAsleepWatts, queryObservedIdle } from './observed-idle.ts';

/** Days of platforms that are kept tallied; more are tallied again. */
const TALLIED_DAYS_KEPT = 20_000;
const DAY_MS = 86_400_000;
/** A reading holds for so many sampling intervals: one that is missed is not yet a silent BMC. */
const READING_HOLDS_SAMPLES = 3;

export interface SavingsPlatform {
  readonly name: string;
  readonly watts: ConfiguredWatts;
  /** How it would sleep, had it been armed. */
  readonly rules: SleepRules;
}

export interface SavingsSettings {
  readonly platforms: readonly SavingsPlatform[];
  readonly factors: EnergyFactors;
  /** IANA name. */
  readonly timeZone: string;
  readonly sampleEveryMs: number;
}

interface SpannedDay extends TalliedDay {
  readonly span: LocalSpan;
}

type Tallied = Pick<TalliedDay, 'tally' | 'wakes'>;

export class SavingsQuery {
  readonly #db: Database;
  readonly #settings: SavingsSettings;
  readonly #localDays: LocalDays;
  readonly #kept = new Map<string, Tallied>();

  constructor(db: Database, settings: SavingsSettings) {
    this.#db = db;
    this.#settings = settings;
    this.#localDays = new LocalDays(settings.timeZone);
  }

  /** Days before the history begins are left out; what has not been yet is no part of any. */
  report(fromMs: number, toMs: number, nowMs: number): SavingsReport {
    const begins = this.#db.get('SELECT min(started_ms) AS at FROM runs')?.at;
    const endMs = Math.min(toMs, nowMs);
    const firstMs = begins == null ? endMs : Math.max(fromMs, Number(begins));
    const wanted = { fromMs: firstMs, toMs: endMs };
    const platforms = this.#settings.platforms.map((platform): PlatformDays => {
      const id = platformId(this.#db, platform.name);
      const days = this.#daysOf(id, platform.watts, wanted, nowMs);
      const imagined = id === null ? null : this.#imagine(id, platform, days, wanted);
      return { platform: platform.name, configuredIdleWatts: platform.watts.idle, days, imagined };
    });
    const runs = queryRuns(this.#db, { fromMs: firstMs, toMs: endMs });
    const watchedMs = runs.reduce(
      (sum, run) => sum + Math.max(0, Math.min(run.toMs, endMs) - Math.max(run.fromMs, firstMs)),
      0,
    );
    const { factors, timeZone } = this.#settings;
    return reportSavings(platforms, factors, { fromMs, toMs, timeZone, watchedMs });
  }

  #daysOf(id: number | null, watts: ConfiguredWatts, wanted: LocalSpan, nowMs: number): SpannedDay[] {
    if (wanted.fromMs >= wanted.toMs) return [];
    const backMs = wanted.fromMs - (IDLE_LOOK_BACK_DAYS - 1) * DAY_MS;
    return this.#localDays.between(backMs, wanted.toMs).map((day) => {
      const isWanted = day.toMs > wanted.fromMs;
      const span = isWanted ? clip(day, wanted) : { fromMs: day.fromMs, toMs: day.toMs };
      return { day: day.day, isWanted, span, ...this.#tally(id, watts, day, span, nowMs) };
    });
  }

  /** What an armed platform would have made of the time in which this one could have slept and only observed. */
  #imagine(
    id: number,
    { watts, rules }: SavingsPlatform,
    days: readonly SpannedDay[],
    wanted: LocalSpan,
  ): ImaginedDays | null {
    const runs = queryRuns(this.#db, { fromMs: 0, toMs: wanted.toMs });
    const sleeps = imagineSleeps(queryObservedIdle(this.#db, id, wanted, runs), rules);
    const within = sleeps.filter(({ fromMs, toMs }) => toMs > wanted.fromMs && fromMs < wanted.toMs);
    if (within.length === 0) return null;
    const lookBack = { fromMs: wanted.fromMs - IDLE_LOOK_BACK_DAYS * DAY_MS, toMs: wanted.toMs };
    const measured = queryAsleepWatts(this.#db, id, lookBack);
    const asleepWatts = measured ?? watts.asleep;
    const tallies = days.map((day) => {
      if (!day.isWanted) return day.tally;
      const input = this.#input(id, watts, day.span);
      const near = within.filter(
        ({ fromMs, toMs }) => toMs > day.span.fromMs - DAY_MS && fromMs < day.span.toMs + DAY_MS,
      );
      return tallyDay(imagineInput(input, near, rules.suspendMs, asleepWatts));
    });
    const asleepIn = ({ fromMs, wakeMs }: ImaginedSleep) =>
      Math.max(0, Math.min(wakeMs, wanted.toMs) - Math.max(fromMs, wanted.fromMs));
    return {
      tallies,
      asleepMs: within.reduce((sum, sleep) => sum + asleepIn(sleep), 0),
      wakes: within.filter(({ wakes, wakeMs }) => wakes && wakeMs < wanted.toMs).length,
      asleepSource: measured !== null ? 'measured' : watts.asleep !== null ? 'configured' : null,
    };
  }

  #tally(id: number | null, watts: ConfiguredWatts, day: LocalDay, span: LocalSpan, nowMs: number): Tallied {
    const isWhole = span.fromMs === day.fromMs && span.toMs === day.toMs;
    const isOver = day.toMs + 2 * this.#readingHoldsMs < nowMs;
    const key = `${id} ${day.day}`;
    const kept = isWhole && isOver ? this.#kept.get(key) : undefined;
    if (kept !== undefined) return kept;
    const tallied: Tallied = { tally: tallyDay(this.#input(id, watts, span)), wakes: this.#countWakes(id, span) };
    if (isWhole && isOver) {
      if (this.#kept.size >= TALLIED_DAYS_KEPT) this.#kept.clear();
      this.#kept.set(key, tallied);
    }
    return tallied;
  }

  get #readingHoldsMs(): number {
    return READING_HOLDS_SAMPLES * this.#settings.sampleEveryMs;
  }

  #input(id: number | null, configured: ConfiguredWatts, span: LocalSpan): TallyInput {
    const readingHoldsMs = this.#readingHoldsMs;
    const around = { fromMs: span.fromMs - 2 * readingHoldsMs, toMs: span.toMs + 2 * readingHoldsMs };
    return {
      span,
      runs: queryRuns(this.#db, around),
      marks: id === null ? [] : this.#marks(id, around),
      readings: id === null ? [] : this.#readings(id, around),
      configured,
      readingHoldsMs,
    };
  }

  /** States, and where the pool becomes empty or is so no more. The last state before the range is among them. */
  #marks(id: number, { fromMs, toMs }: LocalSpan): StateMark[] {
    const sql = `
      SELECT at_ms, state, size, seq FROM (
        SELECT at_ms, to_state AS state, NULL AS size, seq FROM transitions WHERE platform = ?1 AND at_ms BETWEEN ?2 AND ?3
        UNION ALL SELECT at_ms, state, pool, seq FROM samples WHERE platform = ?1 AND at_ms BETWEEN ?2 AND ?3
        UNION ALL SELECT at_ms, NULL, size, seq FROM pool
          WHERE platform = ?1 AND at_ms BETWEEN ?2 AND ?3 AND (size = 0 OR (size = 1 AND change = 'enter'))
        UNION ALL SELECT * FROM (SELECT at_ms, to_state, NULL, seq FROM transitions WHERE platform = ?1 AND at_ms < ?2 ORDER BY at_ms DESC, seq DESC LIMIT 1)
        UNION ALL SELECT * FROM (SELECT at_ms, state, pool, seq FROM samples WHERE platform = ?1 AND at_ms < ?2 ORDER BY at_ms DESC, seq DESC LIMIT 1)
      ) ORDER BY at_ms, seq`;
    const marks: StateMark[] = [];
    let state: StateName = 'starting';
    let pool = 0;
    for (const row of this.#db.all(sql, [id, fromMs, toMs])) {
      if (row.state !== null) state = row.state as StateName;
      if (row.size !== null) pool = Number(row.size);
      marks.push({ atMs: Number(row.at_ms), state, pool });
    }
    return marks;
  }

  #readings(id: number, { fromMs, toMs }: LocalSpan): Array<{ atMs: number; watts: number }> {
    const sql = `SELECT at_ms, watts FROM samples
      WHERE platform = ? AND at_ms BETWEEN ? AND ? AND source = 'measured' AND watts IS NOT NULL ORDER BY at_ms, seq`;
    return this.#db
      .all(sql, [id, fromMs, toMs])
      .map(({ at_ms, watts }) => ({ atMs: Number(at_ms), watts: Number(watts) }));
  }

  #countWakes(id: number | null, { fromMs, toMs }: LocalSpan): number {
    if (id === null) return 0;
    const sql = `SELECT count(*) AS wakes FROM wakes WHERE platform = ? AND at_ms >= ? AND at_ms < ? AND outcome = 'awake'`;
    return Number(this.#db.get(sql, [id, fromMs, toMs])?.wakes ?? 0);
  }
}

interface LocalSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

function clip(a: LocalSpan, b: LocalSpan): LocalSpan {
  return { fromMs: Math.max(a.fromMs, b.fromMs), toMs: Math.min(a.toMs, b.toMs) };
}
