// What goes out on a TLS connection: one write at a time, since Node copies what comes meanwhile into memory of its own, which V8 has to
// look through its whole heap for.
import type { TLSSocket } from 'node:tls';
import { TorporError } from '../platform/errors.ts';
import { joinNeighbours } from './pending-bytes.ts';

/** What waits is gathered up to here: a batch of the session's and some short records. */
const GATHER_BYTES = 135_168;
/** More never waits for a peer that reads: it is twice what a session keeps for a repeat. */
export const MAX_WAITING_BYTES = 32 * 1024 * 1024;
/** Beside its bytes, what one that waits by itself costs. */
const PART_BYTES = 128;

export class TlsWriter {
  readonly #socket: TLSSocket;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #isWriting = false;
  /** Of the write that is under way, where that was gathered. */
  #gathered: Buffer | null = null;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
  }

  /**
   * The bytes stay as they are until the peer has them, or the connection is gone. It is ended, with an error, where its peer asks for answers
   * and takes none: MAX_WAITING_BYTES.
   */
  write(bytes: Buffer): void {
    if (!this.#isWriting) {
      this.#send(bytes);
      return;
    }
    const last = this.#waiting.at(-1);
    const joined = last === undefined ? null : joinNeighbours(last, bytes);
    if (joined === null) this.#waiting.push(bytes);
    else this.#waiting[this.#waiting.length - 1] = joined;
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes + this.#waiting.length * PART_BYTES > MAX_WAITING_BYTES) this.#giveUp();
  }

  #giveUp(): void {
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#socket.destroy(
      new TorporError('ERR_LINK_PROTOCOL', 'the other end of the link asks for answers and takes none'),
    );
  }

  #send(bytes: Buffer): void {
    this.#isWriting = true;
    this.#socket.write(bytes, () => {
      this.#isWriting = false;
      if (this.#waiting.length > 0 && !this.#socket.destroyed) this.#send(this.#next());
    });
  }

  #next(): Buffer {
    let count = 0;
    let bytes = 0;
    while (count < this.#waiting.length) {
      const { length } = this.#waiting[count] as Buffer;
      if (count > 0 && bytes + length > GATHER_BYTES) break;
      bytes += length;
      count += 1;
    }
    const parts = this.#waiting.splice(0, count);
    this.#waitingBytes -= bytes;
    if (count === 1) return parts[0] as Buffer;
    this.#gathered ??= Buffer.allocUnsafeSlow(GATHER_BYTES);
    let at = 0;
    for (const part of parts) at += part.copy(this.#gathered, at);
    return this.#gathered.subarray(0, bytes);
  }
}
