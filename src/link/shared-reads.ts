// Reads of a link's sockets into memory that all of them share: a buffer of its own for each read has V8 look through its whole heap
// again and again.
import type { Socket } from 'node:net';
import { type DirectReader, DirectReads } from '../streams/direct-reads.ts';

/** Of one read. */
export const READ_BYTES = 65_536;

/** Takes what was read, which is its own only until it returns. False: reads stop until the socket is resumed. */
export type BytesListener = (bytes: Buffer) => boolean;

export class SharedReads {
  readonly #direct: DirectReads | null;
  readonly #memory: Buffer;
  /** How much of it has held bytes since it was wiped. */
  #usedBytes = 0;

  static async open(): Promise<SharedReads> {
    return new SharedReads(await DirectReads.detect());
  }

  /** null: this Node reads into memory of its own. */
  constructor(direct: DirectReads | null) {
    this.#direct = direct;
    this.#memory = Buffer.alloc(direct === null ? 0 : READ_BYTES);
  }

  /** In place of `data`, once per socket, which is connected; what it has read before comes first. */
  listen(socket: Socket, onBytes: BytesListener): void {
    socket.once('close', () => this.#wipe());
    if (this.#direct === null) {
      socket.on('data', (bytes: Buffer) => {
        if (!onBytes(bytes)) socket.pause();
      });
      socket.resume();
      return;
    }
    const early = socket.read() as Buffer | null;
    this.#direct.install(socket, this.#memory, this.#readerFor(onBytes));
    const goesOn = early === null || onBytes(early);
    if (goesOn) socket.resume();
    else socket.pause();
  }

  #readerFor(onBytes: BytesListener): DirectReader {
    return {
      onRead: (bytes) => {
        if (bytes > this.#usedBytes) this.#usedBytes = bytes;
        return onBytes(this.#memory.subarray(0, bytes));
      },
      nextBuffer: () => this.#memory,
    };
  }

  /** What the last reads of a socket that is gone have left. */
  #wipe(): void {
    this.#memory.fill(0, 0, this.#usedBytes);
    this.#usedBytes = 0;
  }
}
