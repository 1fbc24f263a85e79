// The local side of a link's stream: a TCP socket, whose FIN and RST pass on as what they are.
import type { Socket } from 'node:net';
import { readEnd } from '../streams/read-end.ts';
import { resetSocket } from '../streams/reset-socket.ts';
import type { LinkStream, StreamEnd } from './link-stream.ts';
import { joinNeighbours } from './pending-bytes.ts';
import type { SharedReads } from './shared-reads.ts';

/** What is as large may wait for what else arrives now: one system call for all. */
const BULK_BYTES = 4096;

interface Part {
  bytes: Buffer;
  readonly giveBacks: Array<() => void>;
}

/** Reads and writes from its construction on; the socket may still be connecting, and then bytes wait in it, as many as credit lets come. */
export class SocketEnd implements StreamEnd {
  readonly #socket: Socket;
  readonly #stream: LinkStream;
  /** To be written together. */
  #parts: Part[] = [];
  #isWriteDue = false;

  /** The socket is half-open on either side (`allowHalfOpen`). */
  constructor(socket: Socket, stream: LinkStream, reads: SharedReads) {
    this.#socket = socket;
    this.#stream = stream;
    socket.setNoDelay(true);
    const read = () => reads.listen(socket, (bytes) => stream.push(bytes));
    if (socket.connecting) socket.once('connect', read);
    else read();
    socket.on('end', () => readEnd(socket, () => stream.finish()));
    socket.on('error', (error) => stream.reset(error.message));
    socket.on('close', () => {
      if (!stream.hasSentEnd || !stream.hasReceivedEnd) this.#onClose();
    });
  }

  onBytes(bytes: Buffer, giveBack: () => void): void {
    const last = this.#parts.at(-1);
    const joined = last === undefined ? null : joinNeighbours(last.bytes, bytes);
    if (last === undefined || joined === null) this.#parts.push({ bytes, giveBacks: [giveBack] });
    else {
      last.bytes = joined;
      last.giveBacks.push(giveBack);
    }
    if (bytes.length < BULK_BYTES) this.#write();
    else if (!this.#isWriteDue) {
      this.#isWriteDue = true;
      setImmediate(() => this.#write());
    }
  }

  onEnd(): void {
    this.#write();
    this.#socket.end();
  }

  onReset(): void {
    this.#parts = [];
    resetSocket(this.#socket);
  }

  onRoom(): void {
    this.#socket.resume();
  }

  #write(): void {
    this.#isWriteDue = false;
    const parts = this.#parts;
    if (parts.length === 0) return;
    this.#parts = [];
    if (parts.length > 1) this.#socket.cork();
    for (const { bytes, giveBacks } of parts) {
      this.#socket.write(bytes, (error) => {
        // Of a socket that was destroyed a write may still be under way.
        if (error == null) for (const giveBack of giveBacks) giveBack();
        this.#stream.consumed(bytes.length);
      });
    }
    if (parts.length > 1) this.#socket.uncork();
  }

  /** Closed by both FINs, of which ours may still wait to be sent over the link; else by a reset. */
  #onClose(): void {
    const hasBothEnds = this.#socket.readableEnded && this.#socket.writableFinished;
    if (!hasBothEnds) this.#stream.reset('the connection was closed');
  }
}
