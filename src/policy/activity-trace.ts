// What was recorded of one platform: who was active and connected, from when to when. Data only.
import type { BusyEntry } from './busy-times.ts';

/** A stretch in which one client was active. */
export interface ActivitySpan {
  readonly client: string;
  /** A job (backup, build, timer) waits without cost. */
  readonly isJob: boolean;
  readonly fromMs: number;
  readonly toMs: number;
}

/** A stretch in which one client was connected, active or not. */
export interface ConnectionSpan {
  readonly client: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** The moment at which a client's machine opened: it was switched on, or woke. */
export interface Opening {
  readonly client: string;
  readonly atMs: number;
}

/** One platform's record, Unix milliseconds. Spans are sorted by `fromMs`. */
export interface ActivityTrace {
  readonly platform: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly spans: readonly ActivitySpan[];
  readonly connections: readonly ConnectionSpan[];
  /** Signals beside the activity, where anybody gave them. */
  readonly openings?: readonly Opening[];
  readonly calendar?: readonly BusyEntry[];
  /** The VM of each client of whom the record says it. */
  readonly vms?: ReadonlyMap<string, string>;
}
