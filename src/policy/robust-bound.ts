// Keeps a policy that believes in its forecasts within a stated factor of the optimum, whatever comes. Judges, plans nothing.
import { breakEvenMs, type CostRates } from './cost-model.ts';
import { type Arrival, addCourse, newSums } from './idle-course.ts';
import { bestCourse } from './offline-optimum.ts';

/** What may be lost beyond the factor, in sleeps and wakes with one waiting person. */
export const LOSS_BOUND_CHANGES = 10;

/**
 * On any record whose intervals end with at most one waiting person, the cost of what was allowed here stays below
 * `factor * (optimum without waking ahead) + LOSS_BOUND_CHANGES * (a sleep and wake with a wait)`. It holds because before each
 * interval the dearest end that a course may meet is weighed, and a course that could pass the bound is not allowed; `break-even`
 * (factor 2), and the fixed time whose factor this is, cannot pass it.
 */
export class RobustBound {
  readonly factor: number;
  readonly #rates: CostRates;
  readonly #bound: number;
  /** Cost so far minus factor times optimum so far. */
  #overshoot = 0;

  /** `fixedIdleMs`: how long into an interval the fixed time sleeps. */
  constructor(rates: CostRates, fixedIdleMs: number) {
    this.#rates = rates;
    this.#bound = LOSS_BOUND_CHANGES * rates.sleepAndWake;
    this.factor = factorOfFixed(rates, fixedIdleMs);
  }

  get overshoot(): number {
    return this.#overshoot;
  }

  restore(overshoot: number): void {
    this.#overshoot = Math.min(overshoot, this.#bound);
  }

  /**
   * True where no course whatever of so many changes can come to the bound before `latestMs`, nor in the sleep and wake then under way: most
   * are as far from it, and need not be weighed end by end.
   */
  isFar(changes: number, beginMs: number, latestMs: number): boolean {
    const { suspendMs, resumeMs, transitionPerMs, cycle, wait } = this.#rates;
    const dearest = (latestMs - beginMs + suspendMs + 2 * resumeMs) * transitionPerMs + changes * cycle + wait;
    return this.#overshoot + dearest <= this.#bound;
  }

  /** True where no end of the interval can bring this course past the bound. It sleeps at `untilMs`, if it was awake then. */
  allows(momentsMs: readonly number[], beginMs: number, untilMs: number): boolean {
    const course = momentsMs.length % 2 === 0 ? [...momentsMs, untilMs] : momentsMs;
    if (this.isFar(course.length, beginMs, course.at(-1) as number)) return true;
    const { resumeMs } = this.#rates;
    const endsMs = course.flatMap((momentMs, index) =>
      index % 2 === 0 ? [momentMs, momentMs + 1] : [momentMs, momentMs + resumeMs],
    );
    return endsMs.every((endMs) => endMs <= beginMs || this.#overshootAt(course, beginMs, endMs) <= this.#bound);
  }

  /** Counts an interval that was played. */
  settle(cost: number, beginMs: number, arrival: Arrival): void {
    const best = bestCourse(this.#rates, beginMs, arrival, false);
    this.#overshoot += cost - this.factor * addCourse(this.#rates, best, beginMs, arrival, newSums());
  }

  #overshootAt(course: readonly number[], beginMs: number, endMs: number): number {
    const arrival = { endMs, hasArrival: true, waiterMs: ONE_AT_ONCE, waiterFrom: 0, waiterTo: 1 };
    const cost = addCourse(this.#rates, course, beginMs, arrival, newSums());
    const best = addCourse(this.#rates, bestCourse(this.#rates, beginMs, arrival, false), beginMs, arrival, newSums());
    return this.#overshoot + cost - this.factor * best;
  }
}

const ONE_AT_ONCE = [0];

/** The worst ratio of sleeping after a fixed time: somebody comes just then. Never below break-even's 2. */
function factorOfFixed(rates: CostRates, fixedIdleMs: number): number {
  if (fixedIdleMs >= breakEvenMs(rates)) {
    return Math.max(2, (fixedIdleMs * rates.idlePerMs + rates.sleepAndWake) / rates.sleepAndWake);
  }
  return Math.max(2, 1 + rates.sleepAndWake / (fixedIdleMs * rates.idlePerMs));
}
