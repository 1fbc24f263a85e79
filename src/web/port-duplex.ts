// A client's socket as the Duplex that the library `ws` wants: reads and writes through its SocketPort. What the bytes mean is left to ws.
import { Duplex } from 'node:stream';
import type { PortOwner, SocketPort } from '../streams/socket-port.ts';

/** Read ahead of ws at most, and one chunk more. */
const READ_AHEAD_BYTES = 64 * 1024;
/** Frames up to this go out in one packet with their headers; larger ones are not copied for it. */
const JOINED_MAX_BYTES = 16 * 1024;

type Done = (error?: Error | null) => void;

/** Its `writableLength` is 0 exactly when everything is with the kernel, and `drain` follows every write after which it is not. */
export class PortDuplex extends Duplex implements PortOwner {
  readonly #port: SocketPort;
  /** Of the write that waits for the kernel. */
  #done: Done | null = null;

  /** `port` is handed to it, and told to read on. */
  constructor(port: SocketPort) {
    super({ readableHighWaterMark: READ_AHEAD_BYTES, writableHighWaterMark: 1, decodeStrings: true });
    this.#port = port.handTo(this);
    port.resume();
  }

  /** PortOwner. */
  onChunk(chunk: Buffer): void {
    // The chunk is valid during the call only, and ws unmasks where the bytes lie.
    if (!this.push(Buffer.from(chunk))) this.#port.pause();
  }

  /** PortOwner. */
  onDrained(): void {
    const done = this.#done;
    this.#done = null;
    done?.();
  }

  /** PortOwner. */
  onEnd(): void {
    this.push(null);
  }

  /** PortOwner. */
  onClose(): void {
    const { error } = this.#port;
    this.destroy(error instanceof Error ? error : undefined);
  }

  override _read(): void {
    this.#port.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#send([bytes], done);
  }

  override _writev(pieces: ReadonlyArray<{ chunk: Buffer }>, done: Done): void {
    this.#send(
      pieces.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: Done): void {
    this.#port.socket.end();
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#port.socket.destroy();
    this.onDrained();
    done(error);
  }

  #send(pieces: readonly Buffer[], done: Done): void {
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    const parts = pieces.length > 1 && bytes <= JOINED_MAX_BYTES ? [Buffer.concat(pieces, bytes)] : pieces;
    for (const part of parts) this.#port.write(part);
    if (this.#port.isDrained) done();
    else this.#done = done;
  }
}
