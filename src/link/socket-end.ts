// The local side of a link's stream: a TCP socket, whose FIN and RST pass on as what they are.
import type { Socket } from 'node:net';
import { readEnd } from '../streams/read-end.ts';
import { resetSocket } from '../streams/reset-socket.ts';
import type { LinkStream, StreamEnd } from './link-stream.ts';

/** What is as large may wait for what else arrives now: one system call for all. */
const BULK_BYTES = 4096;

/** Reads and writes from its construction on; the socket may still be connecting, and then bytes wait in it, as many as credit lets come. */
export class SocketEnd implements StreamEnd {
  readonly #socket: Socket;
  readonly #stream: LinkStream;
  #isGathering = false;

  /** The socket is half-open on either side (`allowHalfOpen`). */
  constructor(socket: Socket, stream: LinkStream) {
    this.#socket = socket;
    this.#stream = stream;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => {
      if (!stream.push(bytes)) socket.pause();
    });
    socket.on('end', () => readEnd(socket, () => stream.finish()));
    socket.on('error', (error) => stream.reset(error.message));
    socket.on('close', () => {
      if (!stream.hasSentEnd || !stream.hasReceivedEnd) this.#onClose();
    });
  }

  onBytes(bytes: Buffer, giveBack: () => void): void {
    if (bytes.length >= BULK_BYTES) this.#gather();
    else this.#release();
    this.#socket.write(bytes, (error) => {
      // Of a socket that was destroyed a write may still be under way.
      if (error == null) giveBack();
      this.#stream.consumed(bytes.length);
    });
  }

  onEnd(): void {
    this.#socket.end();
  }

  onReset(): void {
    resetSocket(this.#socket);
  }

  onRoom(): void {
    this.#socket.resume();
  }

  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.#socket.cork();
    setImmediate(() => this.#release());
  }

  #release(): void {
    if (!this.#isGathering) return;
    this.#isGathering = false;
    this.#socket.uncork();
  }

  /** Closed by both FINs, of which ours may still wait to be sent over the link; else by a reset. */
  #onClose(): void {
    const hasBothEnds = this.#socket.readableEnded && this.#socket.writableFinished;
    if (!hasBothEnds) this.#stream.reset('the connection was closed');
  }
}
