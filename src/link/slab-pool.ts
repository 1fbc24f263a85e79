// Memory for what passes through a link, in large pieces that are used again: memory of its own for each piece has V8 look through its
// whole heap again and again.

/** More than any piece restores to, and than one read. */
export const SLAB_BYTES = 262_144;
/** Kept for the next bytes: as much as one stream has under way (MAX_CREDIT_BYTES). What more waits is collected as any other memory. */
export const MAX_FREE_SLABS = 16;

/** Copies below it have memory of their own: a key that its reader lets wait would keep a whole slab. */
export const SLAB_COPY_BYTES = 4096;

interface Slab {
  readonly memory: Buffer;
  usedBytes: number;
  /** Parts of it that somebody may still look at. */
  lent: number;
  /** Who writes into what is left of it has not said yet how much that was. */
  isOpen: boolean;
}

export interface LentCopy {
  readonly copy: Buffer;
  /** Once: nobody looks at the copy any more. Who keeps it does not call this, and its slab is collected with it. */
  readonly giveBack: () => void;
}

export interface SlabPoolOptions {
  /** So many may be lent at once, in whole or in part. At the bound copies have memory of their own. */
  readonly maxLentSlabs?: number;
}

export class SlabPool {
  #slab: Slab | null = null;
  readonly #free: Slab[] = [];
  readonly #maxLentSlabs: number;
  #lentSlabs = 0;
  #isUsed = false;

  constructor({ maxLentSlabs = Number.POSITIVE_INFINITY }: SlabPoolOptions = {}) {
    this.#maxLentSlabs = maxLentSlabs;
  }

  /** Of SLAB_BYTES at most. One that follows another lies right behind it, as long as the slab lasts. */
  copy(bytes: Uint8Array): LentCopy {
    if (bytes.length < SLAB_COPY_BYTES || this.#isAtBound(bytes.length))
      return { copy: Buffer.from(bytes), giveBack: NOTHING };
    this.open(bytes.length).set(bytes);
    return this.claim(bytes.length);
  }

  /** At least so many bytes, to be written by the caller and then claimed; nothing else is copied before. What lies in them is anybody's. */
  open(leastBytes: number): Buffer {
    this.#isUsed = true;
    const slab = this.#slabFor(leastBytes);
    slab.isOpen = true;
    return slab.memory.subarray(slab.usedBytes);
  }

  /** The first so many of the bytes that were opened. */
  claim(bytes: number): LentCopy {
    const slab = this.#slab as Slab;
    slab.isOpen = false;
    const copy = slab.memory.subarray(slab.usedBytes, slab.usedBytes + bytes);
    slab.usedBytes += bytes;
    if (slab.lent === 0) this.#lentSlabs += 1;
    slab.lent += 1;
    return { copy, giveBack: () => this.#takeBack(slab) };
  }

  /** Now and then: where nothing was copied since, what is free goes back to the process. */
  rest(): void {
    if (!this.#isUsed) {
      this.#free.length = 0;
      if (this.#slab?.isOpen !== true) this.#slab = null;
    }
    this.#isUsed = false;
  }

  #isAtBound(bytes: number): boolean {
    if (this.#lentSlabs < this.#maxLentSlabs) return false;
    return this.#slab === null || this.#slab.lent === 0 || SLAB_BYTES - this.#slab.usedBytes < bytes;
  }

  #slabFor(bytes: number): Slab {
    if (this.#slab !== null && SLAB_BYTES - this.#slab.usedBytes >= bytes) return this.#slab;
    const former = this.#slab;
    this.#slab = this.#free.pop() ?? makeSlab();
    if (former !== null && former.lent === 0) this.#keep(former);
    return this.#slab;
  }

  #takeBack(slab: Slab): void {
    slab.lent -= 1;
    if (slab.lent > 0) return;
    this.#lentSlabs -= 1;
    if (slab !== this.#slab) this.#keep(slab);
    else if (!slab.isOpen) slab.usedBytes = 0;
  }

  #keep(slab: Slab): void {
    slab.usedBytes = 0;
    if (this.#free.length < MAX_FREE_SLABS) this.#free.push(slab);
  }
}

function makeSlab(): Slab {
  return { memory: Buffer.allocUnsafeSlow(SLAB_BYTES), usedBytes: 0, lent: 0, isOpen: false };
}

const NOTHING = () => {};
