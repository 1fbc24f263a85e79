// What a client sends, as a reader takes it that waits for more. Beyond a bound the client is not read.
import type { SocketPort } from '../socket-port.ts';

/** What has come and was not taken yet. */
export const INPUT_MAX_BYTES = 256 * 1024;

export class ByteInput {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #hasEnded = false;
  #onMore = () => {};
  /** Set once there is one. */
  port: SocketPort | null = null;

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Takes a copy. */
  push(chunk: Uint8Array): void {
    this.#chunks.push(Buffer.from(chunk));
    this.#bytes += chunk.length;
    if (this.#bytes >= INPUT_MAX_BYTES) this.port?.pause();
    this.#onMore();
  }

  /** Nothing comes any more. */
  end(): void {
    this.#hasEnded = true;
    this.#onMore();
  }

  /** null: there is nothing any more. One call at a time. */
  async next(): Promise<Buffer | null> {
    while (this.#chunks.length === 0 && !this.#hasEnded)
      await new Promise<void>((resolve) => {
        this.#onMore = resolve;
      });
    const chunk = this.#chunks.shift() ?? null;
    this.#bytes -= chunk?.length ?? 0;
    if (this.#bytes < INPUT_MAX_BYTES / 2) this.port?.resume();
    return chunk;
  }

  /** It is the next again. */
  putBack(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.unshift(chunk);
    this.#bytes += chunk.length;
  }

  /** All that is there. */
  drain(): Buffer {
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#bytes = 0;
    return all;
  }
}
