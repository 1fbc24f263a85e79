// One appointment for all who wait for something at most equally long. What happens at the bound is its maker's.
import type { Clock } from '../platform/ports.ts';

/** For waits that almost all end long before their bound: each costs an entry in a map, not a timer. */
export class CommonBound<T> {
  readonly #clock: Clock;
  readonly #boundMs: number;
  readonly #onOver: (each: T) => void;
  /** Until when each waits, the earliest first. */
  readonly #untilMs = new Map<T, number>();
  #isAppointed = false;

  constructor(clock: Clock, boundMs: number, onOver: (each: T) => void) {
    this.#clock = clock;
    this.#boundMs = boundMs;
    this.#onOver = onOver;
  }

  /** `onOver` runs at the bound, unless `delete` comes first. */
  add(each: T): void {
    this.#untilMs.set(each, this.#clock.nowMs() + this.#boundMs);
    this.#appoint(this.#boundMs);
  }

  delete(each: T): void {
    this.#untilMs.delete(each);
  }

  #appoint(delayMs: number): void {
    if (this.#isAppointed) return;
    this.#isAppointed = true;
    this.#clock.schedule(delayMs, () => this.#look());
  }

  #look(): void {
    this.#isAppointed = false;
    const nowMs = this.#clock.nowMs();
    for (const [each, untilMs] of this.#untilMs) {
      if (untilMs > nowMs) {
        this.#appoint(untilMs - nowMs);
        return;
      }
      this.#untilMs.delete(each);
      this.#onOver(each);
    }
  }
}
