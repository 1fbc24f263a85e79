// What Torpor holds of a simulated connection: a socket towards a client, or towards a VM. The other end, and the way there, are the world's.
import { EventEmitter } from 'node:events';
import type { SocketEvent, SocketListener, StreamSocket } from '../../src/streams/stream-socket.ts';
import type { ProcessClock } from './process-clock.ts';

/** The other end, told in order of what was done here. */
export interface FarEnd {
  onBytes(bytes: Buffer): void;
  onEnd(): void;
  onReset(): void;
}

export interface SocketEnds {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** As a socket of Node: events come from the clock, never from within a call. What was read while it is paused waits here. */
export class SimSocket extends EventEmitter implements StreamSocket {
  readonly isPlain = true;
  readonly writableLength = 0;
  destroyed = false;
  writableEnded = false;
  writableFinished = false;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  far: FarEnd | null = null;
  readonly #clock: ProcessClock;
  #waiting: Buffer[] = [];
  #isPaused = false;
  #isReadDue = false;
  #hasEnd = false;
  #hasReadEnd = false;

  constructor(clock: ProcessClock, ends: SocketEnds) {
    super();
    this.#clock = clock;
    this.localAddress = ends.localAddress;
    this.localPort = ends.localPort;
    this.remoteAddress = ends.remoteAddress;
    this.remotePort = ends.remotePort;
  }

  // ------------------------------------------------------------------------------------------ the network

  get waitingBytes(): number {
    return this.#waiting.reduce((sum, { length }) => sum + length, 0);
  }

  arriveConnected(): void {
    this.#clock.run(() => {
      if (!this.destroyed) this.emit('connect');
    });
  }

  arrive(bytes: Buffer): void {
    this.#waiting.push(bytes);
    this.#askRead();
  }

  arriveEnd(): void {
    this.#hasEnd = true;
    this.#askRead();
  }

  arriveReset(code: string): void {
    this.#clock.run(() => {
      if (!this.destroyed) this.#close(Object.assign(new Error(code), { code }));
    });
  }

  // ------------------------------------------------------------------------------------------ StreamSocket

  write(bytes: Uint8Array, done?: (error?: Error | null) => void): boolean {
    const isOver = this.destroyed || this.writableEnded;
    if (!isOver && bytes.length > 0) this.far?.onBytes(Buffer.from(bytes));
    if (done !== undefined) this.#clock.schedule(0, () => done(isOver || this.destroyed ? new Error('EPIPE') : null));
    return true;
  }

  end(bytes?: Uint8Array): void {
    if (this.destroyed || this.writableEnded) return;
    if (bytes !== undefined) this.write(bytes);
    this.writableEnded = true;
    this.far?.onEnd();
    this.#clock.schedule(0, () => {
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

  resetAndDestroy(): void {
    if (this.destroyed) return;
    this.far?.onReset();
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

  // ------------------------------------------------------------------------------------------ the rest

  #askRead(): void {
    if (this.#isReadDue || this.destroyed) return;
    this.#isReadDue = true;
    this.#clock.schedule(0, () => {
      this.#isReadDue = false;
      this.#read();
    });
  }

  #read(): void {
    if (this.listenerCount('data') === 0) return;
    while (!this.#isPaused && !this.destroyed && this.#waiting.length > 0) this.emit('data', this.#waiting.shift());
    const isAtEnd = this.#hasEnd && !this.#hasReadEnd && this.#waiting.length === 0;
    if (!isAtEnd || this.#isPaused || this.destroyed) return;
    this.#hasReadEnd = true;
    this.emit('end');
    this.#closeIfOver();
  }

  #closeIfOver(): void {
    if (this.#hasReadEnd && this.writableFinished && !this.destroyed) this.#close(null);
  }

  #close(error: Error | null): void {
    this.destroyed = true;
    this.#waiting = [];
    this.far = null;
    this.#clock.schedule(0, () => {
      if (error !== null && this.listenerCount('error') > 0) this.emit('error', error);
      this.emit('close');
    });
  }
}
