// What is remembered across restarts, as programs see it: the shapes of the history routes, and the port behind them.
import type { StateName } from './status.ts';

/** measured: read from the BMC. configured: `power.watts`, by the platform's state. */
export type WattsSource = 'measured' | 'configured';

/** One platform over a stretch of time. What nobody saw (Torpor was not running) is missing from `states`, never guessed. */
export interface PlatformHistory {
  readonly platform: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Begins with the state that held at `fromMs`; `unknown` from where Torpor was not running. */
  readonly states: ReadonlyArray<{ readonly atMs: number; readonly state: StateName | 'unknown' }>;
  /** Means over equal parts of the time, at most as many as were asked for; parts without a sample are left out. */
  readonly watts: ReadonlyArray<{ readonly atMs: number; readonly watts: number; readonly source: WattsSource }>;
  /** The largest pool of each part. */
  readonly pool: ReadonlyArray<{ readonly atMs: number; readonly size: number }>;
}

/** One stored event. `id` grows with time and is never given twice, also not by a later run. */
export interface StoredEvent {
  readonly id: number;
  readonly atMs: number;
  readonly platform: string;
  readonly kind: string;
  readonly message: string;
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;
}

/** `null`: no such filter. */
export interface StoredEventsQuery {
  readonly platform: string | null;
  readonly kind: string | null;
  readonly fromMs: number | null;
  readonly toMs: number | null;
  /** Only events with a smaller id: the next page. */
  readonly before: number | null;
  readonly limit: number;
}

/** Energy of one platform over one day, or of several days together. */
export interface EnergySum {
  /** What it would have drawn in the known time, had it never slept. */
  readonly alwaysOnKwh: number;
  readonly usedKwh: number;
  /** The part of `usedKwh` that falling asleep and waking took. */
  readonly transitionKwh: number;
  /** `alwaysOnKwh - usedKwh`; below zero where transitions cost more than the sleep saved. */
  readonly savedKwh: number;
  /** Of `savedKwh`, by the configured factors. */
  readonly money: number;
  readonly co2eKg: number;
  readonly asleepMs: number;
  readonly wakes: number;
  /** Time of which state or watts are not known. Counted in none of the energies. */
  readonly unknownMs: number;
  /** none: no watts are known at all, and the energies are zero. */
  readonly wattsSource: WattsSource | 'mixed' | 'none';
}

/** What a platform in observe mode would have saved on top of what it did save. Predicted, and part of no other sum. */
export interface PredictedSavings {
  readonly savedKwh: number;
  readonly money: number;
  readonly co2eKg: number;
  readonly asleepMs: number;
  readonly wakes: number;
  /** none: it is not known what it draws asleep or idle, and energy and money are zero. */
  readonly wattsSource: EnergySum['wattsSource'];
}

export interface PlatformSavings {
  readonly platform: string;
  /** null: it would not have slept any more than it did, or it was armed all the time. */
  readonly predicted: PredictedSavings | null;
  /** Local days, oldest first; the first and the last may be parts of one. */
  readonly days: ReadonlyArray<EnergySum & { readonly day: string }>;
  readonly total: EnergySum;
}

export interface SavingsReport {
  readonly fromMs: number;
  readonly toMs: number;
  /** IANA name of the zone whose days these are. */
  readonly timeZone: string;
  readonly currency: string;
  readonly platforms: readonly PlatformSavings[];
  /** Torpor's own draw while it ran. It belongs to no platform and is subtracted once, from the total. */
  readonly own: { readonly watts: number; readonly kwh: number };
  /** All platforms, less Torpor's own draw. */
  readonly total: EnergySum;
  /** All platforms that would have slept more. Torpor's own draw is in `total` already. */
  readonly predicted: PredictedSavings | null;
}

/** The tables that can be exported, one line per row. */
export const HISTORY_TABLES = ['events', 'transitions', 'pool', 'samples', 'wakes', 'runs'] as const;
export type HistoryTable = (typeof HISTORY_TABLES)[number];

/** One exported row: plain values by column. `seq` is its place in its table. */
export type ExportedRow = Readonly<Record<string, string | number | null>> & { readonly seq: number };

/** What became of the rows since Torpor started. */
export interface HistoryCounts {
  readonly written: number;
  /** Dropped because the queue was full: the disk was too slow, full, or the file was held by another process. */
  readonly dropped: number;
  /** Stream events beyond a platform's bounded rate. */
  readonly thinned: number;
  readonly queued: number;
  readonly fileBytes: number;
}

/** All calls reject with ERR_HISTORY where the store cannot be read now. */
export interface HistoryReader {
  platformHistory(name: string, fromMs: number, toMs: number, points: number): Promise<PlatformHistory>;
  savings(fromMs: number, toMs: number): Promise<SavingsReport>;
  events(query: StoredEventsQuery): Promise<readonly StoredEvent[]>;
  /** Rows of one table in the order of `seq`, at most `limit`, beginning behind `afterSeq`. */
  exportRows(
    table: HistoryTable,
    range: { readonly fromMs: number; readonly toMs: number },
    page: { readonly afterSeq: number; readonly limit: number },
  ): Promise<readonly ExportedRow[]>;
  counts(): HistoryCounts;
}
