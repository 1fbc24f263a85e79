// A TCP relay between two ends of a link, whose connections can be cut, held, and slowed.
import { connect, createServer, type Server, type Socket } from 'node:net';

export class Relay {
  port = 0;
  connections = 0;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  #isDown = false;

  static async start(targetPort: number): Promise<Relay> {
    const relay = new Relay(targetPort);
    await new Promise<void>((resolve) => relay.#server.listen(0, '127.0.0.1', resolve));
    relay.port = (relay.#server.address() as { port: number }).port;
    return relay;
  }

  private constructor(targetPort: number) {
    this.#server = createServer({ allowHalfOpen: true }, (client) => {
      if (this.#isDown) {
        client.resetAndDestroy();
        return;
      }
      this.connections += 1;
      const target = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true });
      for (const [from, to] of [
        [client, target],
        [target, client],
      ] as const) {
        this.#open.add(from);
        from.on('error', () => {});
        from.on('close', () => this.#open.delete(from));
        from.pipe(to);
      }
    });
  }

  /** Resets whatever is open. */
  cut(): void {
    for (const socket of this.#open) socket.resetAndDestroy();
  }

  /** Cuts, and lets nothing through until `up`. */
  down(): void {
    this.#isDown = true;
    this.cut();
  }

  up(): void {
    this.#isDown = false;
  }

  async close(): Promise<void> {
    this.down();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
