// A proxy between one Torpor and a NATS server: keeps back the store's answers from a certain write on, or drops everything.
import { connect, createServer, type Server, type Socket } from 'node:net';

export class StoreProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  readonly #kept = new Set<Socket>();
  #pattern: RegExp | null = null;
  #onSeen: () => void = () => {};
  #drops = false;

  private constructor(targetPort: number) {
    this.#server = createServer((client) => this.#join(client, connect({ port: targetPort, host: '127.0.0.1' })));
  }

  static async start(targetPort: number): Promise<StoreProxy> {
    const proxy = new StoreProxy(targetPort);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  /** Once a client has written this: it is passed on, that client hears nothing any more until `goOn`, and `onSeen` is called. */
  keepAnswersAfter(pattern: RegExp, onSeen: () => void): void {
    this.#pattern = pattern;
    this.#onSeen = onSeen;
  }

  /** What is not seen yet is not waited for any more. */
  disarm(): void {
    this.#pattern = null;
  }

  goOn(): void {
    this.disarm();
    for (const server of this.#kept) server.resume();
    this.#kept.clear();
  }

  /** From now on nothing passes, either way, and nobody is told. New connections are taken, and say nothing. */
  drop(): void {
    this.#drops = true;
    for (const socket of this.#open) socket.pause();
  }

  /** What was dropped never comes: connections of that time are reset, new ones pass. */
  mend(): void {
    this.#drops = false;
    for (const socket of this.#open) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, server: Socket): void {
    let seen = '';
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#open.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        this.#open.delete(from);
        to.destroy();
      });
    }
    server.on('data', (bytes) => client.write(bytes));
    client.on('data', (bytes) => {
      // Before the write is passed on nobody can have answered it.
      if (this.#pattern !== null) {
        seen = (seen + bytes.toString('latin1')).slice(-100_000);
        if (this.#pattern.test(seen)) {
          this.#pattern = null;
          server.pause();
          this.#kept.add(server);
          this.#onSeen();
        }
      }
      server.write(bytes);
    });
    if (!this.#drops) return;
    client.pause();
    server.pause();
  }
}
