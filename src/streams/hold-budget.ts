// What one platform's holds may keep together. Counts; the bytes are kept by each stream's Hold.

/** Once full, a bound counts as having room again when this share of it is free, so that readers do not start and stop at each byte. */
export const ROOM_SHARE = 1 / 4;

/**
 * The bound of one platform's holds, in stored bytes (after compression). The chunk that reaches it is still kept whole,
 * since it was read already; from then on `isFull` is true and nobody reads, until a quarter is free again.
 */
export class HoldBudget {
  #limitBytes: number;
  readonly #onChange: () => void;
  #storedBytes = 0;
  #heldBytes = 0;
  #isFull = false;

  /** `onChange` runs each time `isFull` turned. */
  constructor(limitBytes: number, onChange: () => void) {
    this.#limitBytes = limitBytes;
    this.#onChange = onChange;
  }

  get limitBytes(): number {
    return this.#limitBytes;
  }

  /** Another bound from now on. What is kept beyond it stays kept. */
  set limitBytes(limitBytes: number) {
    this.#limitBytes = limitBytes;
    this.change(0, 0);
  }

  /** Bytes kept, as they are kept. */
  get storedBytes(): number {
    return this.#storedBytes;
  }

  /** The same bytes as their clients sent them. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  /** Takes note of what a hold keeps more (or less, below zero). */
  change(storedBytes: number, heldBytes: number): void {
    this.#storedBytes += storedBytes;
    this.#heldBytes += heldBytes;
    const isFull = this.#isFull
      ? this.#storedBytes > this.#limitBytes * (1 - ROOM_SHARE)
      : this.#storedBytes >= this.#limitBytes;
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    this.#onChange();
  }
}
