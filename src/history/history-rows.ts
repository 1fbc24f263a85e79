// The rows of the history as they travel to the thread that stores them. Their tables are history-schema.ts's.
import type { WattsSource } from '../platform/history.ts';
import type { StateName } from '../platform/status.ts';

/** Longer texts are cut: they are for people, and may hold what a client sent. */
export const TEXT_MAX_CHARS = 500;

interface Row {
  readonly platform: string;
  readonly atMs: number;
}

export interface TransitionRow extends Row {
  readonly table: 'transition';
  readonly from: StateName;
  readonly to: StateName;
  readonly reason: string;
  readonly why: string;
}

/** An entry into the active pool or an exit from it, with its size after that. */
export interface PoolRow extends Row {
  readonly table: 'pool';
  readonly change: 'enter' | 'exit';
  readonly stream: string;
  readonly vm: string;
  readonly client: string;
  readonly why: string;
  readonly size: number;
}

/** How a platform was found when it was looked at: at regular times, and as it leaves a state. */
export interface SampleRow extends Row {
  readonly table: 'sample';
  readonly state: StateName;
  readonly watts: number | null;
  readonly source: WattsSource | null;
  readonly pool: number;
}

export interface WakeRow extends Row {
  readonly table: 'wake';
  readonly outcome: 'awake' | 'failed';
  readonly reason: string;
  /** From the wish to wake until a client's first held byte went out, or it was awake where nobody waited. */
  readonly totalMs: number;
  /** Of that: from the request to wake until a VM answered, and the rest. Null where no VM is probed. */
  readonly platformMs: number | null;
  readonly torporMs: number | null;
  /** Streams that waited for it with held bytes. */
  readonly waited: number;
}

export interface EventRow extends Row {
  readonly table: 'event';
  readonly kind: string;
  readonly message: string;
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;
}

/** Rows between `fromMs` and `atMs` were lost: what is known ends at the first and begins again at the second. Of all platforms. */
export interface GapRow {
  readonly table: 'gap';
  readonly fromMs: number;
  readonly atMs: number;
}

export type HistoryRow = TransitionRow | PoolRow | SampleRow | WakeRow | EventRow | GapRow;
