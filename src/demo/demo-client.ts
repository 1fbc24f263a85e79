// One person of the demo at a real TCP connection: types lines, pauses, pastes, and checks every answer.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export interface DemoClientOptions {
  readonly name: string;
  readonly platform: string;
  readonly vm: string;
  /** Torpor's listener on loopback. */
  readonly port: number;
}

export class DemoClient {
  readonly name: string;
  readonly platform: string;
  readonly vm: string;
  readonly #socket: Socket;
  readonly #sentHash = createHash('sha256');
  #sentBytes = 0;
  #sentLines = 0;
  #answers = 0;
  #partial = '';
  #problem: string | null = null;

  constructor(options: DemoClientOptions) {
    this.name = options.name;
    this.platform = options.platform;
    this.vm = options.vm;
    this.#socket = connect(options.port, '127.0.0.1');
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk.toString('latin1')));
    this.#socket.on('error', (error) => this.#fail(`the connection broke: ${error.message}`));
    this.#socket.on('end', () => this.#fail('the connection was closed'));
  }

  get sentBytes(): number {
    return this.#sentBytes;
  }

  get sentLines(): number {
    return this.#sentLines;
  }

  /** Lines the VM answered, in order, each once. */
  get answers(): number {
    return this.#answers;
  }

  /** What went wrong first, or null. */
  get problem(): string | null {
    return this.#problem;
  }

  get isAnswered(): boolean {
    return this.#answers === this.#sentLines;
  }

  sentSha256(): string {
    return this.#sentHash.copy().digest('hex');
  }

  async connected(): Promise<void> {
    if (this.#socket.connecting) await once(this.#socket, 'connect');
  }

  /** Types `lines` lines, one every `everyMs`. */
  async type(lines: number, everyMs: number, signal: AbortSignal): Promise<void> {
    for (let line = 0; line < lines; line += 1) {
      this.#send(`${this.name} types line ${this.#sentLines + 1}\n`);
      await pause(everyMs, undefined, { signal });
    }
  }

  /** Sends one long line of text at once, as a paste does. */
  paste(bytes: number): void {
    this.#send(`${'All work and no sleep makes a host a warm box. '.repeat(bytes / 47 + 1).slice(0, bytes - 1)}\n`);
  }

  close(): void {
    this.#socket.removeAllListeners('end').on('end', () => {});
    this.#socket.destroy();
  }

  #send(text: string): void {
    this.#sentHash.update(text, 'latin1');
    this.#sentBytes += text.length;
    this.#sentLines += 1;
    this.#socket.write(text, 'latin1');
  }

  #read(text: string): void {
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) {
      this.#answers += 1;
      const count = Number(/ n=(\d+) /.exec(line)?.[1]);
      if (count !== this.#answers)
        this.#fail(`answer ${this.#answers} carries the count ${count}: a line was lost or doubled`);
    }
  }

  #fail(why: string): void {
    this.#problem ??= why;
  }
}
