// An inhibitor: a named reason to stay awake, and what of such orders outlives Torpor. Who sets and lifts them is left to others.

/**
 * Who keeps a platform awake: a person, the calendar, a check of its owner's, its power draw, a look at the host, its BMC's watchdog,
 * its idle policy, or Torpor itself while it gives the platform up.
 */
export type InhibitorKind = 'operator' | 'schedule' | 'check' | 'watts' | 'host' | 'watchdog' | 'policy' | 'torpor';

/** A named reason to stay awake. Kind and name together are unique. */
export interface InhibitorStatus {
  readonly kind: InhibitorKind;
  readonly name: string;
  readonly why: string;
  readonly sinceMs: number;
  /** Clock milliseconds; null where it ends by an act, or by the next look. */
  readonly untilMs: number | null;
}

/** Operators' inhibitors of one platform at once. */
export const OPERATOR_INHIBITORS_MAX = 32;

/** The name of an operator's inhibitor that was given none. */
export const DEFAULT_INHIBITOR = 'operator';

/** What a check said last, whether it keeps the platform awake or not. */
export interface CheckStatus {
  readonly kind: InhibitorKind;
  readonly name: string;
  /** pending: not asked yet. error: it could not be asked. */
  readonly outcome: 'free' | 'busy' | 'warning' | 'error' | 'pending';
  readonly why: string;
  readonly atMs: number;
  /** True where it keeps the platform awake. */
  readonly blocks: boolean;
}

export interface MaintenanceOrder {
  readonly why: string;
  readonly sinceMs: number;
}

/** What operators ordered for a platform, and what its guards must remember: outlives Torpor. */
export interface KeptOrders {
  /** Operators' only: all others are set again by who set them. */
  readonly inhibitors: readonly InhibitorStatus[];
  readonly maintenance: MaintenanceOrder | null;
  /** Moments of the button's presses within the last hour. */
  readonly pressesAtMs: readonly number[];
}

/** For people: `operator`, `operator (backup)`, `check nightly-backup`. */
export function nameInhibitor({ kind, name }: { readonly kind: InhibitorKind; readonly name: string }): string {
  if (name === kind) return kind;
  return kind === 'operator' ? `operator (${name})` : `${kind} ${name}`;
}
