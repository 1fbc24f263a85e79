// What a stream has read from its local side and not sent yet: copied once, in order, and taken in pieces of any size.
import { type LentCopy, SLAB_BYTES, type SlabPool } from './slab-pool.ts';

interface Chunk {
  bytes: Buffer;
  readonly giveBacks: Array<() => void>;
}

export class PendingBytes {
  readonly #pool: SlabPool;
  #chunks: Chunk[] = [];
  #bytes = 0;

  /** The pool is all streams' of a session. */
  constructor(pool: SlabPool) {
    this.#pool = pool;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Copies the bytes. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += SLAB_BYTES)
      this.#add(this.#pool.copy(bytes.subarray(at, at + SLAB_BYTES)));
  }

  #add({ copy, giveBack }: LentCopy): void {
    this.#bytes += copy.length;
    const last = this.#chunks.at(-1);
    const joined = last === undefined ? null : joinNeighbours(last.bytes, copy);
    if (last === undefined || joined === null) this.#chunks.push({ bytes: copy, giveBacks: [giveBack] });
    else {
      last.bytes = joined;
      last.giveBacks.push(giveBack);
    }
  }

  /** The first so many bytes, of those that there are: to be looked at before the next push. */
  take(bytes: number): Buffer {
    const first = this.#chunks[0] as Chunk;
    if (first.bytes.length >= bytes) return this.#cut(first, bytes);
    const parts: Buffer[] = [];
    for (let missing = bytes; missing > 0; ) {
      const part = this.#cut(this.#chunks[0] as Chunk, missing);
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts);
  }

  clear(): void {
    for (const { giveBacks } of this.#chunks) for (const giveBack of giveBacks) giveBack();
    this.#chunks = [];
    this.#bytes = 0;
  }

  /** At most so many bytes of the first chunk. */
  #cut(chunk: Chunk, bytes: number): Buffer {
    const piece = chunk.bytes.subarray(0, bytes);
    this.#bytes -= piece.length;
    if (piece.length < chunk.bytes.length) chunk.bytes = chunk.bytes.subarray(piece.length);
    else {
      this.#chunks.shift();
      for (const giveBack of chunk.giveBacks) giveBack();
    }
    return piece;
  }
}

/** Both as one, without a copy, where the second lies right behind the first; else null. */
export function joinNeighbours(first: Buffer, second: Buffer): Buffer | null {
  if (first.buffer !== second.buffer || first.byteOffset + first.length !== second.byteOffset) return null;
  return Buffer.from(first.buffer, first.byteOffset, first.length + second.length);
}
