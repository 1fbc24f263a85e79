// Whether the learned plans have earned trust: what they would have cost day by day, against `fixed 10m`. Decides nothing else.
import { type LocalOffset, localDay } from './local-time.ts';

/** Days of evidence before any trust. */
export const LEARNING_DAYS = 5;
/** A day counts this much less than the one after it. */
const KEPT_PER_DAY = 0.9;

export interface TrustState {
  readonly days: number;
  readonly gains: number;
  readonly today: number;
  readonly day: number | null;
}

/** True where a value from disk is one. */
export function isTrustState(value: unknown): value is TrustState {
  if (typeof value !== 'object' || value === null) return false;
  const { day, ...numbers } = value as Record<string, unknown>;
  const names = ['days', 'gains', 'today'];
  return (day === null || Number.isInteger(day)) && names.every((name) => Number.isFinite(numbers[name]));
}

/** Gains of the learned plans over the fixed time, as both would have been. */
export class TrustLedger {
  readonly #offset: LocalOffset;
  #state: TrustState = { days: 0, gains: 0, today: 0, day: null };

  constructor(offset: LocalOffset) {
    this.#offset = offset;
  }

  get state(): TrustState {
    return this.#state;
  }

  restore(state: TrustState): void {
    this.#state = state;
  }

  /** True where the plans would have been cheaper of late. What they lost today counts at once, what they gained tomorrow. */
  get isTrusted(): boolean {
    const { days, gains, today } = this.#state;
    return days >= LEARNING_DAYS && gains + Math.min(0, today) > 0;
  }

  /** Counts one interval: what the fixed time would have cost, less what the plan would have. */
  settle(gain: number, atMs: number): void {
    const day = localDay(atMs + this.#offset(atMs));
    if (this.#state.day !== null && day !== this.#state.day) this.#closeDays(day - this.#state.day);
    this.#state = { ...this.#state, day, today: this.#state.today + gain };
  }

  #closeDays(passed: number): void {
    const { days, gains, today } = this.#state;
    this.#state = {
      ...this.#state,
      days: days + Math.max(1, passed),
      gains: gains * KEPT_PER_DAY + today,
      today: 0,
    };
  }
}
