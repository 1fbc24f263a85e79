// What one end of a connection has seen: bytes in order, and how the other end finished. Reads only while told to.
import type { Socket } from 'node:net';

const WITHIN_MS = 45_000;

export class SocketReader {
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];
  readonly #waiters = new Set<() => void>();
  receivedBytes = 0;
  /** `rst` whenever the connection ended by an error. */
  end: 'none' | 'fin' | 'rst' = 'none';
  isClosed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.receivedBytes += chunk.length;
      this.#changed();
    });
    socket.on('end', () => this.#onEnd());
    socket.on('error', () => {
      this.end = 'rst';
      this.#changed();
    });
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  /** Node reports a RST that comes together with bytes as an end; a write of nothing fails after one. */
  #onEnd(): void {
    const fin = () => {
      if (this.end === 'none') this.end = 'fin';
      this.#changed();
    };
    if (this.#socket.writableEnded) fin();
    else this.#socket.write(Buffer.alloc(0), (error) => (error ? undefined : fin()));
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.received.toString('latin1');
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Resolves when at least `bytes` have arrived. */
  until(bytes: number): Promise<void> {
    return this.#wait(`${bytes} bytes`, () => this.receivedBytes >= bytes);
  }

  untilEnd(end: 'fin' | 'rst'): Promise<void> {
    return this.#wait(`the connection's ${end}`, () => this.end === end);
  }

  #wait(what: string, isThere: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter = () => {
        if (!isThere()) return;
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(
          new Error(`waited ${WITHIN_MS} ms in vain for ${what}: ${this.receivedBytes} bytes came, end: ${this.end}`),
        );
      }, WITHIN_MS);
      this.#waiters.add(waiter);
      waiter();
    });
  }

  #changed(): void {
    for (const waiter of this.#waiters) waiter();
  }
}

/** Bytes without pattern that differ with `seed`: LZ4 cannot shrink them. Xorshift32, so that no generator of the code under test is used. */
export function noise(bytes: number, seed = 1): Buffer {
  const buffer = Buffer.alloc(bytes);
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  for (let index = 0; index < bytes; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    buffer[index] = state & 0xff;
  }
  return buffer;
}
