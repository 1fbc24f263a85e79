// A plain TCP client that writes lines and reads lines, as a terminal's user would. Its kernel sockets are never closed by it
// unless asked: whether a connection survives is what tests want to see.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const DEFAULT_WITHIN_MS = 45_000;

/** What ended a connection from its other side. */
export type ConnectionEnd = 'open' | 'ended' | 'reset';

export class LineClient {
  readonly #socket: Socket;
  readonly #lines: string[] = [];
  /** Clock milliseconds of the connect and of each write, oldest first. */
  readonly #sentAtMs: number[] = [Date.now()];
  #rest = '';
  #state: ConnectionEnd = 'open';
  #error: Error | null = null;
  #wakeReader: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#take(text));
    socket.on('end', () => this.#finish('ended'));
    socket.on('error', (error) => {
      this.#error = error;
      this.#finish('reset');
    });
    socket.on('close', () => this.#finish('ended'));
  }

  /** Resolves when the TCP connection stands; rejects where it is refused. */
  static connect(port: number, host = '127.0.0.1'): Promise<LineClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new LineClient(socket));
      });
    });
  }

  /** The same over a Unix socket. */
  static async connectTo(path: string): Promise<LineClient> {
    const socket = connect({ path });
    await once(socket, 'connect');
    return new LineClient(socket);
  }

  get localPort(): number {
    return this.#socket.localPort ?? 0;
  }

  /** `open` until the other side ended or reset the connection. */
  get state(): ConnectionEnd {
    return this.#state;
  }

  /** Lines that arrived and were not read yet. */
  get unread(): readonly string[] {
    return this.#lines;
  }

  /** When this side last did something by then: connected, or sent bytes. Clock milliseconds; null where that was later. */
  lastSentMs(byMs: number): number | null {
    return this.#sentAtMs.findLast((atMs) => atMs <= byMs) ?? null;
  }

  write(text: string): void {
    this.#sentAtMs.push(Date.now());
    this.#socket.write(text);
  }

  /** The next line, without its line break. Rejects where none comes within the bound, or the connection ended before. */
  async readLine(withinMs = DEFAULT_WITHIN_MS): Promise<string> {
    const end = performance.now() + withinMs;
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) return line;
      if (this.#state !== 'open') throw new Error(`the connection was ${this.#state} before a line came`);
      const leftMs = end - performance.now();
      if (leftMs <= 0) throw new Error(`waited ${withinMs} ms in vain for a line; the connection is ${this.#state}`);
      await this.#somethingArrives(leftMs);
    }
  }

  /** Writes a line and reads one. */
  ask(line: string, withinMs = DEFAULT_WITHIN_MS): Promise<string> {
    this.write(`${line}\n`);
    return this.readLine(withinMs);
  }

  /** Resolves with how the other side ended the connection. Rejects where it is still open after the bound. */
  async whenClosed(withinMs = DEFAULT_WITHIN_MS): Promise<ConnectionEnd> {
    const end = performance.now() + withinMs;
    while (this.#state === 'open') {
      const leftMs = end - performance.now();
      if (leftMs <= 0) throw new Error(`waited ${withinMs} ms in vain for the end of the connection`);
      await this.#somethingArrives(leftMs);
    }
    return this.#state;
  }

  /** Ends this side: FIN. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  [Symbol.dispose](): void {
    this.destroy();
  }

  /** The socket's last error, if any. */
  get error(): Error | null {
    return this.#error;
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    this.#lines.push(...lines);
    this.#wakeReader();
  }

  #finish(state: ConnectionEnd): void {
    if (this.#state === 'open') this.#state = state;
    this.#wakeReader();
  }

  #somethingArrives(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#wakeReader = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
