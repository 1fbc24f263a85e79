// The clock of a simulated world: a heap of appointments, kept in order of their moments. It jumps from one to the next without a turn of the event loop,
// so that a day is as long as what happens in it. `VirtualClock` is for worlds that need such turns.
import { setFlagsFromString } from 'node:v8';
import type { Clock } from '../../src/platform/ports.ts';
import { Appointments } from '../support/appointments.ts';

/** Runs every promise's continuation that is due, and those that become due by it. Does nothing within one: call it from a timer only. */
const settlePromises = loadSettlePromises();

function loadSettlePromises(): () => void {
  setFlagsFromString('--allow-natives-syntax');
  const settle = new Function('%PerformMicrotaskCheckpoint()') as () => void;
  settle();
  setFlagsFromString('--no-allow-natives-syntax');
  return settle;
}

export class EventClock implements Clock {
  readonly #appointments = new Appointments();
  #nowMs = 1_700_000_000_000;
  /** Appointments that were kept. */
  kept = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, run: () => void): () => void {
    return this.scheduleAt(this.#nowMs + Math.max(0, delayMs), run);
  }

  scheduleAt(atMs: number, run: () => void): () => void {
    return this.#appointments.make(atMs, run);
  }

  /** Runs what falls due, and lets promises settle behind each; in a turn of the event loop of its own. `mayGoOn` is asked before each. */
  advance(byMs: number, mayGoOn: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      setImmediate(() => {
        try {
          this.#run(this.#nowMs + byMs, mayGoOn);
          resolve();
        } catch (thrown) {
          reject(thrown);
        }
      });
    });
  }

  #run(endMs: number, mayGoOn: () => boolean): void {
    for (
      let next = this.#appointments.first;
      next !== undefined && next.atMs <= endMs;
      next = this.#appointments.first
    ) {
      this.#appointments.pop();
      if (next.run === null) continue;
      if (!mayGoOn()) return;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.kept += 1;
      next.run();
      settlePromises();
    }
    this.#nowMs = endMs;
  }
}
