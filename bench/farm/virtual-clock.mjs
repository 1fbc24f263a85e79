// A Clock in virtual time: what is due runs in order, as fast as the processor can. Deeds that end at once end within the same slice.

/** What is due within so many milliseconds runs in one go; then promises get their turn. */
const SLICE_MS = 20;

export class VirtualClock {
  #nowMs;
  /** A binary heap by time, then by order of scheduling. */
  #heap = [];
  #order = 0;

  constructor(startMs) {
    this.#nowMs = startMs;
  }

  nowMs() {
    return this.#nowMs;
  }

  schedule(delayMs, run) {
    const entry = { atMs: this.#nowMs + delayMs, order: this.#order, run };
    this.#order += 1;
    this.#push(entry);
    return () => {
      entry.run = null;
    };
  }

  /** Goes on by `durationMs`; `everySlice` runs before each slice. Without it time in which nothing is due is skipped. */
  async pass(durationMs, everySlice = null) {
    const endMs = this.#nowMs + durationMs;
    while (this.#nowMs < endMs) {
      everySlice?.();
      const dueMs = everySlice === null ? (this.#heap[0]?.atMs ?? endMs) : this.#nowMs;
      const sliceEndMs = Math.min(endMs, Math.max(this.#nowMs, dueMs) + SLICE_MS);
      for (let first = this.#heap[0]; first !== undefined && first.atMs <= sliceEndMs; first = this.#heap[0]) {
        this.#pop();
        if (first.run === null) continue;
        this.#nowMs = Math.max(this.#nowMs, first.atMs);
        first.run();
      }
      this.#nowMs = sliceEndMs;
      await new Promise(setImmediate);
    }
  }

  #push(entry) {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(entry, heap[above])) break;
      heap[at] = heap[above];
      at = above;
    }
    heap[at] = entry;
  }

  #pop() {
    const heap = this.#heap;
    const last = heap.pop();
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1], heap[below])) below += 1;
      if (!isBefore(heap[below], last)) break;
      heap[at] = heap[below];
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(one, other) {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
