// Randomized ski rental (Karlin, Manasse, McGeoch and Owicki 1994): e/(e - 1) times the optimum in expectation.
import { breakEvenMs, type CostRates } from './cost-model.ts';
import { type IdlePlan, PlainPolicy } from './policy.ts';
import { randomAt } from './random.ts';

/**
 * The moment is drawn from (0, b) with density e^(t/b) / (b (e - 1)), b the break-even time. Against an interval that does not know
 * the draw the expected cost is at most e/(e - 1) times the optimum without waking ahead, where one person ends it.
 */
export class RandomizedPolicy extends PlainPolicy {
  readonly name = 'randomized';
  readonly #breakEvenMs: number;
  readonly #seed: number;

  constructor(rates: CostRates, seed: number) {
    super();
    this.#breakEvenMs = breakEvenMs(rates);
    this.#seed = seed;
  }

  begin(beginMs: number): IdlePlan {
    const idleMs = randomizedIdleMs(this.#breakEvenMs, randomAt(this.#seed, beginMs));
    return { momentsMs: [beginMs + idleMs], reviewAtMs: Number.POSITIVE_INFINITY };
  }
}

/** The draw's time for a uniform number in [0, 1): the inverse of the distribution above. */
export function randomizedIdleMs(breakEven: number, uniform: number): number {
  return Math.floor(breakEven * Math.log1p(uniform * (Math.E - 1)));
}
