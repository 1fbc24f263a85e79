// The clock of one process that can be stopped as SIGSTOP does: time goes on, what falls due waits until it goes on. Its rate may be a little off.
import type { Clock } from '../../../src/platform/ports.ts';

export class PausedClock implements Clock {
  readonly #world: Clock;
  readonly #rate: number;
  readonly #due: Array<() => void> = [];
  #isPaused = false;

  /** `rate` 1.01: it runs one percent fast. */
  constructor(world: Clock, rate = 1) {
    this.#world = world;
    this.#rate = rate;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  nowMs(): number {
    return this.#world.nowMs() * this.#rate;
  }

  schedule(delayMs: number, run: () => void): () => void {
    let isCancelled = false;
    const cancel = this.#world.schedule(delayMs / this.#rate, () => {
      if (isCancelled) return;
      if (this.#isPaused) this.#due.push(() => isCancelled || run());
      else run();
    });
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    for (const run of this.#due.splice(0)) run();
  }
}
