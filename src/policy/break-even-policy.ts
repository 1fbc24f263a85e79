// Deterministic ski rental: sleep when idling has cost as much as a sleep and wake with one waiting person.
import { breakEvenMs, type CostRates } from './cost-model.ts';
import { type IdlePlan, PlainPolicy } from './policy.ts';

/**
 * Never above twice the optimum without waking ahead, on any interval that one person ends: until then idling was no dearer than the
 * optimum, and afterwards both pay the change. Not good on average: it knows nothing of anybody's habits.
 */
export class BreakEvenPolicy extends PlainPolicy {
  readonly name = 'break-even';
  readonly #idleMs: number;

  constructor(rates: CostRates) {
    super();
    this.#idleMs = breakEvenMs(rates);
  }

  begin(beginMs: number): IdlePlan {
    return { momentsMs: [beginMs + this.#idleMs], reviewAtMs: Number.POSITIVE_INFINITY };
  }
}
