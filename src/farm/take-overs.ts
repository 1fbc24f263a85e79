// How one Torpor takes over platforms that nobody owns: a few at a time, and none that a better one is about to take. Who is better the ranking says.
import type { Clock } from '../platform/ports.ts';

/** So many compare-and-sets are under way at most: a store that has thousands to make answers late, and whoever waits for it asks twice. */
export const TAKE_OVERS_AT_ONCE_MAX = 64;
/** Whoever is the best for an ownerless platform takes it at once, the next once the best has taken none for so long, and so on. */
export const TAKE_OVER_STEP_MS = 1_000;
/** However busy the better ones are, after this time for each of them it is taken all the same. */
export const TAKE_OVER_MOST_MS = 30_000;

/** One for all platforms of a Torpor. */
export class TakeOvers {
  readonly #clock: Clock;
  /** When another Torpor was last seen to become the owner of anything, by name. */
  readonly #seenMs = new Map<string, number>();
  readonly #waiting = new Set<() => void>();
  #underWay = 0;
  #isHanding = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** That Torpor became the owner of a platform just now: it is at work. */
  seen(instance: string): void {
    this.#seenMs.set(instance, this.#clock.nowMs());
  }

  /** When to take over what is ownerless since then, clock milliseconds. `better`: who comes before this Torpor, the best first. */
  dueMs(sinceMs: number, better: readonly string[]): number {
    const atWorkMs = Math.max(sinceMs, ...better.map((name) => this.#seenMs.get(name) ?? 0));
    return Math.min(atWorkMs + better.length * TAKE_OVER_STEP_MS, sinceMs + better.length * TAKE_OVER_MOST_MS);
  }

  /** Calls back, once, when there is a turn: at once where few are under way. The turn lasts until `done`. */
  queue(go: () => void): void {
    this.#waiting.add(go);
    this.#next();
  }

  done(): void {
    this.#underWay -= 1;
    this.#next();
  }

  /** Whoever is called back may be done at once: then the loop goes on, and not deeper. */
  #next(): void {
    if (this.#isHanding) return;
    this.#isHanding = true;
    for (const go of this.#waiting) {
      if (this.#underWay >= TAKE_OVERS_AT_ONCE_MAX) break;
      this.#waiting.delete(go);
      this.#underWay += 1;
      go();
    }
    this.#isHanding = false;
  }
}
