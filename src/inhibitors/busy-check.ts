// One question from outside: is there a reason to stay awake? How it is asked is its implementation's; how often is check-watch.ts's.
import type { InhibitorKind } from '../platform/inhibitor.ts';

export interface CheckVerdict {
  /** One of the check's names. */
  readonly name: string;
  /** warning: no reason to stay awake, but its owner should know. error: this name could not be told. */
  readonly outcome: 'free' | 'busy' | 'warning' | 'error';
  readonly why: string;
}

/** How a check is asked, and what no answer means. */
export interface CheckRule {
  readonly everyMs: number;
  readonly timeoutMs: number;
  /** block: no answer keeps the platform awake. */
  readonly onError: 'block' | 'ignore';
}

export interface BusyCheck {
  readonly by: InhibitorKind;
  /** What it answers for, one inhibitor each. Never empty. */
  readonly names: readonly string[];
  readonly rule: CheckRule;
  /** Rejects where it cannot be asked; a name without a verdict has not been answered. Ends when the signal aborts. */
  ask(signal: AbortSignal): Promise<readonly CheckVerdict[]>;
}
