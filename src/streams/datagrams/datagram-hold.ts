// Datagrams of one flow that wait: few, small together, young, and in order. Sends nothing and reads no clock.
import type { HoldBudget } from '../hold-budget.ts';

/** Of one flow. */
export const HOLD_MAX_DATAGRAMS = 256;

export interface DatagramHoldBounds {
  readonly maxDatagrams: number;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

interface Kept {
  readonly bytes: Uint8Array;
  readonly atMs: number;
}

/** At each bound the oldest goes first: UDP promises nothing, and the newest is worth most. */
export class DatagramHold {
  readonly #budget: Pick<HoldBudget, 'change'>;
  #kept: Kept[] = [];
  #heldBytes = 0;

  /** `budget` is told of each change. */
  constructor(budget: Pick<HoldBudget, 'change'>) {
    this.#budget = budget;
  }

  get count(): number {
    return this.#kept.length;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** What is kept, for another hold that is to keep it. */
  get kept(): readonly Readonly<Kept>[] {
    return this.#kept;
  }

  /** Keeps a copy. `mayGrow`: false where others have filled the common bounds. Returns how many were dropped for it, itself perhaps. */
  push(bytes: Uint8Array, bounds: DatagramHoldBounds, nowMs: number, mayGrow = true): number {
    const maxBytes = mayGrow ? bounds.maxBytes : Math.min(bounds.maxBytes, this.#heldBytes);
    const maxDatagrams = mayGrow ? bounds.maxDatagrams : Math.min(bounds.maxDatagrams, this.#kept.length);
    if (bytes.length > maxBytes || maxDatagrams === 0) return 1;
    let dropped = this.expire(bounds, nowMs);
    while (this.#kept.length >= maxDatagrams || this.#heldBytes + bytes.length > maxBytes) {
      this.#dropOldest();
      dropped += 1;
    }
    this.#kept.push({ bytes: Uint8Array.from(bytes), atMs: nowMs });
    this.#change(bytes.length);
    return dropped;
  }

  /** Drops what is too old, and returns how many that were. */
  expire({ maxAgeMs }: DatagramHoldBounds, nowMs: number): number {
    let dropped = 0;
    for (let first = this.#kept[0]; first !== undefined && nowMs - first.atMs > maxAgeMs; first = this.#kept[0]) {
      this.#dropOldest();
      dropped += 1;
    }
    return dropped;
  }

  /** All of them, oldest first; then nothing is kept. */
  take(): Uint8Array[] {
    const taken = this.#kept.map(({ bytes }) => bytes);
    this.#kept = [];
    this.#change(-this.#heldBytes);
    return taken;
  }

  #dropOldest(): void {
    const oldest = this.#kept.shift();
    if (oldest !== undefined) this.#change(-oldest.bytes.length);
  }

  #change(bytes: number): void {
    if (bytes === 0) return;
    this.#heldBytes += bytes;
    this.#budget.change(bytes, bytes);
  }
}
