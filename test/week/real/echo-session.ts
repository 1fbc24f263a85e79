// One client of the real week: bytes that nobody can guess to a VM that echoes them, each compared where it comes back. Whether one is lost, repeated or
// out of order is seen at the byte.
import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { randomFrom } from '../../core/support/seed.ts';

export class EchoSession {
  readonly #socket: Socket;
  readonly #random: ReturnType<typeof randomFrom>;
  readonly #hash = createHash('sha256');
  /** Sent, and not back yet. */
  #awaited: Buffer[] = [];
  #awaitedBytes = 0;
  #onBack: () => void = () => {};
  #problem: string | null = null;
  #hasEnded = false;
  sentBytes = 0;

  constructor(port: number, seed: number) {
    this.#random = randomFrom(seed);
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    this.#socket.on('data', (bytes) => this.#compare(bytes));
    this.#socket.on('end', () => {
      this.#hasEnded = true;
      this.#onBack();
    });
    this.#socket.on('error', (error) => this.#fail(error.message));
    this.#socket.on('close', () => {
      if (!this.#hasEnded) this.#fail('closed without an end');
    });
  }

  /** Of all that was sent so far. */
  get sha256(): string {
    return this.#hash.copy().digest('hex');
  }

  /** Sends so many bytes; resolves when all of them are back, rejects where other bytes are, or none any more. */
  async say(bytes: number): Promise<void> {
    this.#send(bytes);
    await this.#until(() => this.#awaitedBytes === 0);
  }

  /** The last bytes, a FIN behind them: alone it would wait for a sleeper. Resolves with that of the VM. */
  async end(bytes: number): Promise<void> {
    this.#send(bytes);
    this.#socket.end();
    await this.#until(() => this.#hasEnded);
    if (this.#awaitedBytes > 0) throw new Error(`${this.#awaitedBytes} B are missing at the end`);
  }

  destroy(): void {
    this.#hasEnded = true;
    this.#socket.destroy();
  }

  #send(bytes: number): void {
    // Half of it shrinks: both ways over a link are taken.
    const text = Buffer.alloc(bytes);
    const isText = this.#random.below(2) === 0;
    for (let at = 0; at < bytes; at += 1) text[at] = isText ? 97 + this.#random.below(4) : this.#random.below(256);
    this.#hash.update(text);
    this.sentBytes += bytes;
    this.#awaited.push(text);
    this.#awaitedBytes += bytes;
    this.#socket.write(text);
  }

  #compare(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const expected = this.#awaited[0];
      const length = Math.min(expected?.length ?? 0, bytes.length - at);
      if (expected === undefined || bytes.compare(expected, 0, length, at, at + length) !== 0) {
        this.#fail(`other bytes than were sent, behind byte ${this.sentBytes - this.#awaitedBytes}`);
        return;
      }
      at += length;
      this.#awaitedBytes -= length;
      if (length === expected.length) this.#awaited.shift();
      else this.#awaited[0] = expected.subarray(length);
    }
    if (this.#awaitedBytes === 0) this.#onBack();
  }

  #fail(problem: string): void {
    this.#problem ??= problem;
    this.#onBack();
  }

  #until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onBack = () => {
        if (this.#problem !== null) reject(new Error(`a client of the week: ${this.#problem}`));
        else if (isSo()) resolve();
      };
      this.#onBack();
    });
  }
}
