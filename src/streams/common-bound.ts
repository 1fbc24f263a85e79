// One appointment for all who wait for something at most equally long. What happens at the bound is its maker's.
import type { Clock } from '../platform/ports.ts';

/** A place in the line of those who wait. */
export interface Wait<T> {
  /** null: it waits no more. */
  each: T | null;
  readonly untilMs: number;
}

/** Places that nobody needs any more are given up in one go, where they are so many and the greater part. */
const STALE_MAX = 64;

/** For waits that almost all end long before their bound: each costs an entry in a list, not a timer. */
export class CommonBound<T> {
  readonly #clock: Clock;
  readonly #boundMs: number;
  readonly #onOver: (each: T) => void;
  /** The earliest first, and those among them that wait no more. */
  #waits: Wait<T>[] = [];
  #stale = 0;
  #isAppointed = false;

  constructor(clock: Clock, boundMs: number, onOver: (each: T) => void) {
    this.#clock = clock;
    this.#boundMs = boundMs;
    this.#onOver = onOver;
  }

  /** `onOver` runs at the bound, unless `end` of the answer comes first. */
  add(each: T): Wait<T> {
    const wait: Wait<T> = { each, untilMs: this.#clock.nowMs() + this.#boundMs };
    this.#waits.push(wait);
    this.#appoint(this.#boundMs);
    return wait;
  }

  /** Idempotent. */
  end(wait: Wait<T>): void {
    if (wait.each === null) return;
    wait.each = null;
    this.#stale += 1;
    if (this.#stale === this.#waits.length || this.#stale > STALE_MAX + this.#waits.length / 2) this.#tidy();
  }

  #tidy(): void {
    this.#waits = this.#stale === this.#waits.length ? [] : this.#waits.filter(({ each }) => each !== null);
    this.#stale = 0;
  }

  #appoint(delayMs: number): void {
    if (this.#isAppointed) return;
    this.#isAppointed = true;
    this.#clock.schedule(delayMs, () => this.#look());
  }

  #look(): void {
    const nowMs = this.#clock.nowMs();
    try {
      for (const wait of this.#waits) {
        const { each, untilMs } = wait;
        if (each === null) continue;
        if (untilMs > nowMs) break;
        this.end(wait);
        this.#onOver(each);
      }
    } finally {
      this.#isAppointed = false;
      const next = this.#waits.find(({ each }) => each !== null);
      if (next !== undefined) this.#appoint(Math.max(0, next.untilMs - nowMs));
    }
  }
}
