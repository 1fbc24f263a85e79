// A stream of a link as the streams of `torpor run` use a client's socket: no TCP connection of its own, its client's address from the
// edge. What the bytes mean is left to the stream.
import { EventEmitter } from 'node:events';
import { isIP } from 'node:net';
import type { Endpoint } from '../platform/endpoint.ts';
import { TorporError } from '../platform/errors.ts';
import type { SocketEvent, SocketListener, StreamSocket } from '../streams/stream-socket.ts';
import { readClient } from './link-records.ts';
import type { LinkStream, StreamEnd } from './link-stream.ts';

export interface LinkSocketOptions {
  readonly stream: LinkStream;
  /** The client, as the edge has it: `192.0.2.1:4000`. What is no address is nobody's. */
  readonly client: string;
  /** The listener whose client it is. */
  readonly at: Endpoint;
  /** The stream that carries it now. */
  readonly onCarried: (stream: string) => void;
  /** Runs a function when what is due now is done. Default: setImmediate. */
  readonly defer?: (run: () => void) => void;
}

/**
 * Events come from the event loop or from within the link's own, never from within a call of this socket's. What was read while it is
 * paused waits here, as much as the stream's credit lets come.
 */
export class LinkSocket extends EventEmitter implements StreamSocket, StreamEnd {
  destroyed = false;
  writableEnded = false;
  writableFinished = false;
  /** Its chunks are nobody else's memory. */
  readonly isPlain = true;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number;
  readonly #stream: LinkStream;
  readonly #onCarried: (stream: string) => void;
  readonly #defer: (run: () => void) => void;
  #waiting: Buffer[] = [];
  #isPaused = false;
  #isReadDue = false;
  #hasEnd = false;
  #hasReadEnd = false;
  #isFull = false;

  constructor({ stream, client, at, onCarried, defer = setImmediate }: LinkSocketOptions) {
    super();
    this.#defer = defer;
    this.#stream = stream;
    this.#onCarried = onCarried;
    const from = readClient(client);
    this.remoteAddress = from?.host;
    this.remotePort = from?.port;
    this.localAddress = isIP(at.host) === 0 ? undefined : at.host;
    this.localPort = at.port;
  }

  // ------------------------------------------------------------------------------------------ StreamSocket

  /** What the link has not taken. Below its bounds it takes everything, and sends it when it can. */
  get writableLength(): number {
    return this.#isFull && !this.destroyed ? Math.max(1, this.#stream.pendingBytes) : 0;
  }

  carriedBy(stream: string): void {
    this.#onCarried(stream);
  }

  /** After `end`, and after the socket is destroyed, bytes are for nobody. */
  write(bytes: Uint8Array): boolean {
    if (this.destroyed || this.writableEnded) return false;
    if (bytes.length > 0 && !this.#stream.push(bytes)) this.#isFull = true;
    return !this.#isFull;
  }

  end(bytes?: Uint8Array): void {
    if (this.destroyed || this.writableEnded) return;
    if (bytes !== undefined) this.write(bytes);
    this.writableEnded = true;
    this.#stream.finish();
    this.#defer(() => {
      if (this.destroyed) return;
      this.writableFinished = true;
      this.emit('finish');
      this.#closeIfOver();
    });
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#askRead();
  }

  destroy(): void {
    this.resetAndDestroy();
  }

  /** What was written goes first. */
  resetAndDestroy(): void {
    if (this.destroyed) return;
    this.#stream.resetWhenSent('the gate reset the connection');
    this.#close(null);
  }

  override on(event: SocketEvent, listener: SocketListener): this {
    super.on(event, listener as () => void);
    if (event === 'data') this.#askRead();
    return this;
  }

  override once(event: SocketEvent, listener: SocketListener): this {
    return super.once(event, listener as () => void);
  }

  override removeListener(event: SocketEvent, listener: SocketListener): this {
    return super.removeListener(event, listener as () => void);
  }

  // ------------------------------------------------------------------------------------------ StreamEnd

  onBytes(bytes: Buffer): void {
    if (this.destroyed) return;
    this.#waiting.push(bytes);
    this.#read();
  }

  onEnd(): void {
    this.#hasEnd = true;
    this.#read();
  }

  onReset(why: string): void {
    if (!this.destroyed) this.#close(lost(why));
  }

  onRoom(): void {
    this.#isFull = false;
    if (!this.destroyed) this.emit('drain');
  }

  // ------------------------------------------------------------------------------------------ the rest

  #askRead(): void {
    if (this.#isReadDue || this.destroyed) return;
    this.#isReadDue = true;
    this.#defer(() => {
      this.#isReadDue = false;
      this.#read();
    });
  }

  #read(): void {
    while (!this.#isPaused && this.#isHeard && !this.destroyed && this.#waiting.length > 0) {
      const bytes = this.#waiting.shift() as Buffer;
      this.emit('data', bytes);
      this.#stream.consumed(bytes.length);
    }
    const isAtEnd = this.#hasEnd && !this.#hasReadEnd && this.#waiting.length === 0;
    if (!isAtEnd || this.#isPaused || !this.#isHeard || this.destroyed) return;
    this.#hasReadEnd = true;
    this.emit('end');
    this.#closeIfOver();
  }

  get #isHeard(): boolean {
    return this.listenerCount('data') > 0;
  }

  #closeIfOver(): void {
    if (this.#hasReadEnd && this.writableFinished && !this.destroyed) this.#close(null);
  }

  #close(error: Error | null): void {
    this.destroyed = true;
    this.#waiting = [];
    this.#defer(() => {
      if (error !== null && this.listenerCount('error') > 0) this.emit('error', error);
      this.emit('close');
    });
  }
}

function lost(why: string): TorporError {
  return new TorporError('ERR_LINK_LOST', `the stream of the link was reset: ${why}`);
}
