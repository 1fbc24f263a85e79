// Simulated time: appointments run in order of their moments, and among equals in order of their making.

interface Appointment {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class Timeline {
  nowMs: number;
  #order = 0;
  /** A binary heap, the earliest first. */
  readonly #heap: Appointment[] = [];

  constructor(startMs: number) {
    this.nowMs = startMs;
  }

  after(delayMs: number, run: () => void): void {
    const appointment = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#order, run };
    this.#order += 1;
    let at = this.#heap.push(appointment) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(this.#heap[parent] as Appointment, appointment)) break;
      this.#heap[at] = this.#heap[parent] as Appointment;
      at = parent;
    }
    this.#heap[at] = appointment;
  }

  /** Runs everything that is due by `endMs`. */
  runUntil(endMs: number): void {
    for (let first = this.#heap[0]; first !== undefined && first.atMs <= endMs; first = this.#heap[0]) {
      this.#removeFirst();
      this.nowMs = Math.max(this.nowMs, first.atMs);
      first.run();
    }
    this.nowMs = endMs;
  }

  #removeFirst(): void {
    const last = this.#heap.pop() as Appointment;
    if (this.#heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#heap.length) break;
      const right = this.#heap[child + 1];
      if (right !== undefined && isBefore(right, this.#heap[child] as Appointment)) child += 1;
      if (isBefore(last, this.#heap[child] as Appointment)) break;
      this.#heap[at] = this.#heap[child] as Appointment;
      at = child;
    }
    this.#heap[at] = last;
  }
}

function isBefore(one: Appointment, other: Appointment): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
