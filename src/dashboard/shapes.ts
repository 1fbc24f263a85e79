// What the page reads from the API, as types. The API's own shapes are src/platform's; history and savings are repeated here.
import type { StateName } from '../platform/status.ts';

export type { StreamStatus } from '../platform/ports.ts';
export type {
  Blocker,
  CircuitStatus,
  Explanation,
  FarmEvent,
  FarmInstance,
  FarmStream,
  PlatformReport,
  PlatformStatus,
  PoolEvacuation,
  PoolStatus,
  StateName,
} from '../platform/status.ts';

export interface History {
  readonly platform: string;
  readonly fromMs: number;
  readonly toMs: number;
  /** Begins with the state that held at `fromMs`. unknown: nobody looked then. */
  readonly states: ReadonlyArray<{ readonly atMs: number; readonly state: StateName | 'unknown' }>;
  readonly watts: ReadonlyArray<{ readonly atMs: number; readonly watts: number; readonly source: string }>;
  readonly pool: ReadonlyArray<{ readonly atMs: number; readonly size: number }>;
}

/** Sums of a day, or of all days. */
export interface SavedSum {
  readonly alwaysOnKwh: number;
  readonly usedKwh: number;
  readonly savedKwh: number;
  readonly money: number;
  readonly co2eKg: number;
  readonly asleepMs: number;
  readonly wakes: number;
  readonly wattsSource: 'measured' | 'configured' | 'mixed' | 'none';
}

/** What would have been saved while platforms only observed. */
export interface PredictedSum {
  readonly savedKwh: number;
  readonly money: number;
  readonly co2eKg: number;
  readonly asleepMs: number;
  readonly wakes: number;
  readonly wattsSource: SavedSum['wattsSource'];
}

export interface Savings {
  readonly fromMs: number;
  readonly toMs: number;
  readonly currency: string;
  readonly platforms: ReadonlyArray<{
    readonly platform: string;
    /** null: it would not have slept any more than it did. */
    readonly predicted: PredictedSum | null;
    readonly days: ReadonlyArray<SavedSum & { readonly day: string }>;
    readonly total: SavedSum;
  }>;
  /** What Torpor itself drew. */
  readonly own: { readonly watts: number; readonly kwh: number };
  readonly total: SavedSum;
  readonly predicted: PredictedSum | null;
}

/** Who is logged in; `null` where the API asks for nobody. */
export interface Session {
  readonly name: string | null;
  readonly role: 'view' | 'operate';
  /** False where Torpor asks for no token. */
  readonly tokens: boolean;
}
