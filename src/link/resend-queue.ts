// What was sent on a link and is not acknowledged: repeated, from the right byte, on the connection that follows a broken one.

import type { LentCopy } from './slab-pool.ts';

interface Sent {
  readonly lent: LentCopy;
  readonly endBytes: number;
}

/** Bounded by what the link lets be under way (MAX_FLIGHT_BYTES, and a little for what is quick). */
export class ResendQueue {
  #sent: Sent[] = [];
  #first = 0;
  #sentBytes = 0;
  #ackedBytes = 0;

  /** Of all numbered records so far. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  get ackedBytes(): number {
    return this.#ackedBytes;
  }

  get keptBytes(): number {
    return this.#sentBytes - this.#ackedBytes;
  }

  /** What was lent is given back when the peer has it. */
  push(lent: LentCopy): void {
    this.#sentBytes += lent.copy.length;
    this.#sent.push({ lent, endBytes: this.#sentBytes });
  }

  /** The peer has everything up to here. False where that was never sent, or is less than it had before. */
  acknowledge(upToBytes: number): boolean {
    if (upToBytes > this.#sentBytes || upToBytes < this.#ackedBytes) return false;
    this.#ackedBytes = upToBytes;
    let first = this.#sent[this.#first];
    while (first !== undefined && first.endBytes <= upToBytes) {
      first.lent.giveBack();
      this.#first += 1;
      first = this.#sent[this.#first];
    }
    if (this.#first > 64 && this.#first * 2 > this.#sent.length) {
      this.#sent = this.#sent.slice(this.#first);
      this.#first = 0;
    }
    return true;
  }

  /** What the peer does not have, in order. */
  unacknowledged(): Buffer[] {
    return this.#sent.slice(this.#first).map(({ lent: { copy }, endBytes }) => {
      const missing = endBytes - this.#ackedBytes;
      return missing < copy.length ? copy.subarray(copy.length - missing) : copy;
    });
  }
}
