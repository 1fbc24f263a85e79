// Measures one direction of a stream: whether enough was sent of late to be work. What follows from that is its caller's.

/** The window moves on in so many steps: what was sent is forgotten a step at a time. */
export const WINDOW_STEPS = 5;

/** Constant memory and time: one count per step of the window. */
export class WorkMeter {
  readonly #fullBytes: number;
  readonly #stepMs: number;
  readonly #stepBytes = new Array<number>(WINDOW_STEPS).fill(0);
  #lastStep = Number.NEGATIVE_INFINITY;
  #sumBytes = 0;

  constructor(bytesPerSecond: number, windowMs: number) {
    this.#fullBytes = (bytesPerSecond * windowMs) / 1000;
    this.#stepMs = windowMs / WINDOW_STEPS;
  }

  /**
   * Takes note of a chunk. True where this step of the window and those before it, WINDOW_STEPS in all, have seen at least as much
   * as the rate carries in a whole window.
   */
  add(bytes: number, nowMs: number): boolean {
    const step = Math.floor(nowMs / this.#stepMs);
    const passed = Math.min(WINDOW_STEPS, Math.max(0, step - this.#lastStep));
    for (let index = 0; index < passed; index += 1) this.#clear(slotOf(step - index));
    this.#lastStep = Math.max(step, this.#lastStep);
    const slot = slotOf(this.#lastStep);
    this.#stepBytes[slot] = (this.#stepBytes[slot] as number) + bytes;
    this.#sumBytes += bytes;
    return this.#sumBytes >= this.#fullBytes;
  }

  #clear(slot: number): void {
    this.#sumBytes -= this.#stepBytes[slot] as number;
    this.#stepBytes[slot] = 0;
  }
}

function slotOf(step: number): number {
  return ((step % WINDOW_STEPS) + WINDOW_STEPS) % WINDOW_STEPS;
}
