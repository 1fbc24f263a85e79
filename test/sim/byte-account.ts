// The bytes of one direction of one stream: what was sent and has not arrived yet, compared byte by byte as it arrives.

export class ByteAccount {
  readonly #onWrong: (why: string) => void;
  #pending: Buffer[] = [];
  sentBytes = 0;
  heardBytes = 0;
  /** When the oldest byte that did not arrive was sent; null: all have. */
  #sentAtMs: number[] = [];
  /** Its bytes, or its end, cannot arrive any more: somebody reset the stream. */
  isCut = false;
  hasEnded = false;

  constructor(onWrong: (why: string) => void) {
    this.#onWrong = onWrong;
  }

  get missingBytes(): number {
    return this.sentBytes - this.heardBytes;
  }

  /** When the oldest byte was sent that has not arrived; null: all have. */
  get waitsSinceMs(): number | null {
    return this.#sentAtMs[0] ?? null;
  }

  send(bytes: Buffer, nowMs: number): void {
    this.sentBytes += bytes.length;
    this.#pending.push(bytes);
    this.#sentAtMs.push(nowMs);
  }

  hear(bytes: Buffer): void {
    if (this.hasEnded) this.#onWrong(`${bytes.length} bytes after the end`);
    for (let at = 0; at < bytes.length; ) {
      const next = this.#pending[0];
      if (next === undefined) {
        this.#onWrong(`${bytes.length - at} bytes at ${this.heardBytes} were never sent`);
        return;
      }
      const count = Math.min(next.length, bytes.length - at);
      if (!next.subarray(0, count).equals(bytes.subarray(at, at + count))) {
        this.#onWrong(`${count} bytes at ${this.heardBytes} are not what was sent there`);
        return;
      }
      at += count;
      this.heardBytes += count;
      if (count < next.length) this.#pending[0] = next.subarray(count);
      else {
        this.#pending.shift();
        this.#sentAtMs.shift();
      }
    }
  }
}
