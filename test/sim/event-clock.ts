// The clock of a simulated world: a heap of appointments, kept in order of their moments. It jumps from one to the next without a turn of the event loop,
// so that a day is as long as what happens in it. `VirtualClock` is for worlds that need such turns.
import { setFlagsFromString } from 'node:v8';
import type { Clock } from '../../src/platform/ports.ts';

export interface Appointment {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | null;
}

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
  readonly #heap: Appointment[] = [];
  #nowMs = 1_700_000_000_000;
  #order = 0;
  /** Appointments that were kept. */
  kept = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, run: () => void): () => void {
    return this.scheduleAt(this.#nowMs + Math.max(0, delayMs), run);
  }

  scheduleAt(atMs: number, run: () => void): () => void {
    const made: Appointment = { atMs, order: this.#order, run };
    this.#order += 1;
    this.#push(made);
    return () => {
      made.run = null;
    };
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
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= endMs; next = this.#heap[0]) {
      this.#pop();
      if (next.run === null) continue;
      if (!mayGoOn()) return;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.kept += 1;
      next.run();
      settlePromises();
    }
    this.#nowMs = endMs;
  }

  #push(made: Appointment): void {
    const heap = this.#heap;
    let at = heap.push(made) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(made, heap[parent] as Appointment)) break;
      heap[at] = heap[parent] as Appointment;
      at = parent;
    }
    heap[at] = made;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Appointment;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as Appointment)) child += 1;
      if (!isBefore(heap[child] as Appointment, last)) break;
      heap[at] = heap[child] as Appointment;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Appointment, b: Appointment): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
