// What is due when, for clocks of tests that keep many appointments: a binary heap, by moment and then by the order of making.

export interface Appointment {
  readonly atMs: number;
  readonly order: number;
  /** Null: it was called off. */
  run: (() => void) | null;
}

export class Appointments {
  readonly #heap: Appointment[] = [];
  #order = 0;

  /** The one that is due next; undefined where there is none. */
  get first(): Appointment | undefined {
    return this.#heap[0];
  }

  /** Returns how to call it off. */
  make(atMs: number, run: () => void): () => void {
    const made: Appointment = { atMs, order: this.#order, run };
    this.#order += 1;
    this.#push(made);
    return () => {
      made.run = null;
    };
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

  /** Takes the first one out. */
  pop(): void {
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
