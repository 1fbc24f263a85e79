// A VM without a network: connections that stand or wait as its host runs or sleeps, and a service that answers what it is told.
import { EventEmitter } from 'node:events';
import type { Clock } from '../../src/platform/ports.ts';
import type { SocketEvent, SocketListener, StreamSocket } from '../../src/streams/stream-socket.ts';
import { Account } from './told-bytes.ts';

/** The number that a client says first: u32, before its own bytes. */
export const NUMBER_BYTES = 4;
const TRAVEL_MS = 0.3;

export interface VmHost {
  readonly clock: Clock;
  isRunning(): boolean;
  /** Something was sent while nothing may be. */
  onDisturbed(what: string): void;
  /** A connection whose client has said who it is. */
  onKnown(number: number, socket: VmSocket): void;
}

/** Both ends of a connection in one: written to by a stream, read by the service, which answers half of what it hears. */
export class VmSocket extends EventEmitter implements StreamSocket {
  readonly isPlain = true;
  destroyed = false;
  writableEnded = false;
  writableFinished = false;
  readonly writableLength = 0;
  readonly #host: VmHost;
  #head = Buffer.alloc(0);
  heard: Account | null = null;
  said: Account | null = null;
  #owedBytes = 0;
  #answersDue = 0;
  #waiting: Buffer[] = [];
  #isPaused = false;
  #hasFinished = false;

  constructor(host: VmHost) {
    super();
    this.#host = host;
    const connect = () => {
      if (this.destroyed) return;
      if (host.isRunning()) this.emit('connect');
      else host.clock.schedule(1000, connect);
    };
    host.clock.schedule(TRAVEL_MS, connect);
  }

  override on(event: SocketEvent, listener: SocketListener): this {
    super.on(event, listener as () => void);
    if (event === 'data') this.#host.clock.schedule(0, () => this.#flow());
    return this;
  }

  override once(event: SocketEvent, listener: SocketListener): this {
    return super.once(event, listener as () => void);
  }

  override removeListener(event: SocketEvent, listener: SocketListener): this {
    return super.removeListener(event, listener as () => void);
  }

  write(bytes: Uint8Array): boolean {
    if (!this.#host.isRunning()) this.#host.onDisturbed(`${bytes.length} bytes`);
    this.#hear(Buffer.from(bytes));
    return true;
  }

  end(): void {
    if (this.writableEnded || this.destroyed) return;
    if (!this.#host.isRunning()) this.#host.onDisturbed('a FIN');
    this.writableEnded = true;
    if (this.heard !== null) this.heard.hasEnded = true;
    this.#host.clock.schedule(TRAVEL_MS, () => {
      if (this.destroyed) return;
      this.writableFinished = true;
      this.emit('finish');
      // The service ends behind its last answer.
      this.#hasFinished = true;
      this.#flow();
    });
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#host.clock.schedule(0, () => this.#flow());
  }

  destroy(): void {
    this.resetAndDestroy();
  }

  resetAndDestroy(): void {
    if (this.destroyed) return;
    if (this.heard !== null && !this.heard.hasEnded) this.heard.wasReset = true;
    this.#close();
  }

  #hear(bytes: Buffer): void {
    let rest = bytes;
    if (this.heard === null) {
      this.#head = Buffer.concat([this.#head, bytes]);
      if (this.#head.length < NUMBER_BYTES) return;
      const number = this.#head.readUInt32BE(0);
      this.heard = new Account(2 * number);
      this.said = new Account(2 * number + 1);
      this.#host.onKnown(number, this);
      rest = this.#head.subarray(NUMBER_BYTES);
    }
    if (rest.length === 0) return;
    this.heard.hear(rest);
    this.#owedBytes += rest.length / 2;
    const answer = Math.floor(this.#owedBytes);
    this.#owedBytes -= answer;
    if (answer === 0) return;
    this.#answersDue += 1;
    this.#host.clock.schedule(TRAVEL_MS, () => this.#answer(answer));
  }

  /** Whoever sleeps answers when he is awake again. */
  #answer(bytes: number): void {
    if (this.destroyed) return;
    if (!this.#host.isRunning()) {
      this.#host.clock.schedule(1000, () => this.#answer(bytes));
      return;
    }
    this.#answersDue -= 1;
    this.#waiting.push((this.said as Account).tell(bytes));
    this.#flow();
  }

  #flow(): void {
    while (!this.#isPaused && !this.destroyed && this.#waiting.length > 0) this.emit('data', this.#waiting.shift());
    if (!this.#hasFinished || this.#isPaused || this.destroyed) return;
    if (this.#waiting.length > 0 || this.#answersDue > 0) return;
    this.emit('end');
    this.#close();
  }

  #close(): void {
    this.destroyed = true;
    this.#host.clock.schedule(0, () => this.emit('close'));
  }
}
