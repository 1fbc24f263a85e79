// The clock of one life of Torpor in a simulated world: it can be stopped for a while, as a process is by SIGSTOP, and it ends by kill -9.
import type { Clock } from '../../src/platform/ports.ts';
import type { EventClock } from './event-clock.ts';

/** Whatever reaches the process goes through `run`: its timers, its sockets, answers that it waits for. */
export class ProcessClock implements Clock {
  readonly #world: EventClock;
  #isDead = false;
  #isPaused = false;
  /** What became due while it did not run, in order. */
  #due: (() => void)[] = [];

  constructor(world: EventClock) {
    this.#world = world;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  nowMs(): number {
    return this.#world.nowMs();
  }

  schedule(delayMs: number, run: () => void): () => void {
    return this.scheduleAt(this.#world.nowMs() + Math.max(0, delayMs), run);
  }

  scheduleAt(atMs: number, run: () => void): () => void {
    let isCancelled = false;
    const cancel = this.#world.scheduleAt(atMs, () =>
      this.run(() => {
        if (!isCancelled) run();
      }),
    );
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  /** Now, or when the process goes on, or never. */
  run(what: () => void): void {
    if (this.#isDead) return;
    if (this.#isPaused) this.#due.push(what);
    else what();
  }

  /** It sleeps for so long, and finds all at once what became due. */
  pause(forMs: number): void {
    if (this.#isPaused || this.#isDead) return;
    this.#isPaused = true;
    this.#world.schedule(forMs, () => {
      this.#isPaused = false;
      for (const what of this.#due.splice(0)) this.#world.schedule(0, () => this.run(what));
    });
  }

  kill(): void {
    this.#isDead = true;
    this.#due = [];
  }
}
