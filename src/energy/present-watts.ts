// What a platform draws at this moment, and by whose word: its BMC's where that is fresh, else its owner's.
import type { WattsSource } from '../platform/history.ts';
import type { StateName } from '../platform/status.ts';
import { type ConfiguredWatts, configuredWatts, doingOf } from './day-tally.ts';

/** A reading of the BMC counts as the present one for so long. */
const READING_FRESH_MS = 30_000;

/** One platform at this moment. */
export interface PlatformLook {
  readonly state: StateName;
  readonly sinceMs: number;
  readonly pool: number;
  /** What its BMC said last of watts, and when; null where it does not say. */
  readonly reading: { readonly atMs: number; readonly watts: number } | null;
}

export interface PresentWatts {
  readonly watts: number;
  readonly source: WattsSource;
}

/** Null where nobody knows. What was read in the state before says nothing about this one. */
export function presentWatts(
  { state, sinceMs, pool, reading }: PlatformLook,
  configured: ConfiguredWatts,
  nowMs: number,
): PresentWatts | null {
  if (reading !== null && reading.atMs >= Math.max(sinceMs, nowMs - READING_FRESH_MS)) {
    return { watts: reading.watts, source: 'measured' };
  }
  const watts = configuredWatts(doingOf(state, pool), configured);
  return watts === null ? null : { watts, source: 'configured' };
}
