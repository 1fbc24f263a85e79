// Memory for what a link restores, in large pieces that are used again: to collect them costs V8 a look at its whole heap each time.

/** More than any piece restores to. */
export const SLAB_BYTES = 262_144;
/** Kept for the next bytes; what more a slow reader lets wait is collected as any other memory. */
export const MAX_FREE_SLABS = 4;

interface Slab {
  readonly memory: Buffer;
  usedBytes: number;
  /** Copies in it that somebody may still look at. */
  lent: number;
}

export interface LentCopy {
  readonly copy: Buffer;
  /** Once: nobody looks at the copy any more. Who keeps it does not call this, and its slab is collected with it. */
  readonly giveBack: () => void;
}

export class SlabPool {
  #slab: Slab | null = null;
  readonly #free: Slab[] = [];
  #isUsed = false;

  /** Of SLAB_BYTES at most. */
  copy(bytes: Uint8Array): LentCopy {
    this.#isUsed = true;
    const slab = this.#slabFor(bytes.length);
    const copy = slab.memory.subarray(slab.usedBytes, slab.usedBytes + bytes.length);
    copy.set(bytes);
    slab.usedBytes += bytes.length;
    slab.lent += 1;
    return { copy, giveBack: () => this.#takeBack(slab) };
  }

  /** Now and then: where nothing was copied since, what is free goes back to the process. */
  rest(): void {
    if (!this.#isUsed) {
      this.#free.length = 0;
      this.#slab = null;
    }
    this.#isUsed = false;
  }

  #slabFor(bytes: number): Slab {
    if (this.#slab !== null && SLAB_BYTES - this.#slab.usedBytes >= bytes) return this.#slab;
    this.#slab = this.#free.pop() ?? { memory: Buffer.allocUnsafeSlow(SLAB_BYTES), usedBytes: 0, lent: 0 };
    return this.#slab;
  }

  #takeBack(slab: Slab): void {
    slab.lent -= 1;
    if (slab.lent > 0) return;
    slab.usedBytes = 0;
    if (slab !== this.#slab && this.#free.length < MAX_FREE_SLABS) this.#free.push(slab);
  }
}
