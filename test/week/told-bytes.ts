// The bytes of one direction of one stream: what they are is told by its number and their place, so that a receiver knows each of them.
import { createHash } from 'node:crypto';

const LINES = Buffer.from(Array.from({ length: 9000 }, (_, n) => `line ${n * 7919} of what was said; `).join(''));

/** A text that repeats itself enough to be compressed, at a place of its own for each stream. */
export function toldBytes(stream: number, at: number, bytes: number): Buffer {
  const start = (stream * 104_729 + at) % LINES.length;
  const first = LINES.subarray(start, start + bytes);
  if (first.length === bytes) return Buffer.from(first);
  return Buffer.concat([first, toldBytes(stream, at + first.length, bytes - first.length)]);
}

/** Counts and digests one end of a direction, and knows a byte that is not the next one. */
export class Account {
  readonly #stream: number;
  readonly #hash = createHash('sha256');
  bytes = 0;
  hasEnded = false;
  wasReset = false;

  constructor(stream: number) {
    this.#stream = stream;
  }

  /** The next bytes, for a sender. */
  tell(bytes: number): Buffer {
    const told = toldBytes(this.#stream, this.bytes, bytes);
    this.bytes += bytes;
    this.#hash.update(told);
    return told;
  }

  /** Throws where these are not the next bytes. */
  hear(bytes: Buffer): void {
    if (this.hasEnded || this.wasReset) throw new Error(`stream ${this.#stream}: bytes after its end`);
    if (!bytes.equals(toldBytes(this.#stream, this.bytes, bytes.length)))
      throw new Error(`stream ${this.#stream}: ${bytes.length} bytes at ${this.bytes} are not what was sent there`);
    this.bytes += bytes.length;
    this.#hash.update(bytes);
  }

  get digest(): string {
    return this.#hash.copy().digest('hex');
  }
}
