// What the clients of one source may have kept together, at one platform: counted before the platform's budget, and with it.
import { HoldBudget } from './hold-budget.ts';

export class SourceHolds {
  readonly #platform: HoldBudget;
  readonly #onChange: () => void;
  /** Of those of whom something is kept. */
  readonly #budgets = new Map<string, HoldBudget>();
  limitBytes: number;

  /** `onChange` runs each time some source's budget became full, or has room again. */
  constructor(platform: HoldBudget, limitBytes: number, onChange: () => void) {
    this.#platform = platform;
    this.limitBytes = limitBytes;
    this.#onChange = onChange;
  }

  /** Sources of whom something is kept. */
  get size(): number {
    return this.#budgets.size;
  }

  isFull(source: string): boolean {
    // One source alone meets the platform's own bound.
    return this.limitBytes < this.#platform.limitBytes && this.#budgets.get(source)?.isFull === true;
  }

  /** What a hold of this source's is to count at. */
  of(source: string): Pick<HoldBudget, 'change'> {
    return { change: (storedBytes, heldBytes) => this.#change(source, storedBytes, heldBytes) };
  }

  #change(source: string, storedBytes: number, heldBytes: number): void {
    const budget = this.#budgets.get(source) ?? new HoldBudget(this.limitBytes, this.#onChange);
    this.#budgets.set(source, budget);
    budget.change(storedBytes, heldBytes);
    if (budget.heldBytes === 0) this.#budgets.delete(source);
    this.#platform.change(storedBytes, heldBytes);
  }
}
