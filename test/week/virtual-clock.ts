// A clock for weeks of virtual time: a heap of appointments, in order of their moments. FakeClock is for tests of minutes.
import type { Clock } from '../../src/platform/ports.ts';

interface Appointment {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | null;
}

export class VirtualClock implements Clock {
  readonly #heap: Appointment[] = [];
  #nowMs = 1_700_000_000_000;
  #order = 0;
  /** Appointments that were kept. */
  kept = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  schedule(delayMs: number, run: () => void): () => void {
    const made: Appointment = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order, run };
    this.#order += 1;
    this.#push(made);
    return () => {
      made.run = null;
    };
  }

  /** Runs what falls due, and lets promises settle behind each. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs;
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= endMs; next = this.#heap[0]) {
      this.#pop();
      if (next.run === null) continue;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.kept += 1;
      next.run();
      for (let turn = 0; turn < 6; turn += 1) await Promise.resolve();
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
