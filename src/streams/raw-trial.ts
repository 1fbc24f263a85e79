// Finds out at start whether this Node's bare handles do what RawSocket needs of them, over loopback connections of its own.
import { type AddressInfo, connect, createServer } from 'node:net';
import { findBinding, listenHandleOf } from './raw-binding.ts';
import { type RawSocket, RawSockets } from './raw-socket.ts';

/** Bound on the trial. Milliseconds. */
const TRIAL_BOUND_MS = 2000;

/** null: it does not, and sockets are net.Socket. Never rejects. */
export async function detectRawSockets(): Promise<RawSockets | null> {
  const binding = findBinding();
  if (binding === null) return null;
  try {
    const sockets = new RawSockets(binding);
    const trial = new Trial(sockets);
    return (await trial.passes()) ? sockets : null;
  } catch {
    return null;
  }
}

/**
 * One connection brings two words, gets one, and ends by FIN each way; another one brings a word and a RST that wait together to be read,
 * which must not be taken for a FIN.
 */
class Trial {
  readonly #sockets: RawSockets;
  readonly #buffers = [Buffer.alloc(8), Buffer.alloc(8)] as const;
  readonly #server = createServer();
  readonly #open: Array<{ destroy(): unknown }> = [];
  readonly #left = new Set(['fin', 'reset']);
  #settle: (passed: boolean) => void = () => {};

  constructor(sockets: RawSockets) {
    this.#sockets = sockets;
  }

  async passes(): Promise<boolean> {
    const timer = setTimeout(() => this.#settle(false), TRIAL_BOUND_MS);
    try {
      return await new Promise<boolean>((resolve, reject) => {
        this.#settle = resolve;
        this.#server.on('error', reject);
        this.#server.listen(0, '127.0.0.1', () => {
          try {
            this.#begin();
          } catch (error) {
            reject(error);
          }
        });
      });
    } finally {
      clearTimeout(timer);
      for (const socket of this.#open) socket.destroy();
      this.#server.close();
    }
  }

  #begin(): void {
    const handle = listenHandleOf(this.#server);
    if (handle === null) {
      this.#settle(false);
      return;
    }
    const roles = [(socket: RawSocket) => this.#answer(socket), (socket: RawSocket) => this.#expectReset(socket)];
    handle.onconnection = (status, client) => {
      const role = roles.shift();
      if (status !== 0 || client === undefined || role === undefined) this.#settle(false);
      else role(this.#keep(this.#sockets.adopt(client)));
    };
    this.#talk((this.#server.address() as AddressInfo).port);
  }

  #keep<T extends { destroy(): unknown }>(socket: T): T {
    this.#open.push(socket);
    return socket;
  }

  #pass(part: string): void {
    this.#left.delete(part);
    if (this.#left.size === 0) this.#settle(true);
  }

  /** The far end of the first connection, an ordinary socket; then the second one. */
  #talk(port: number): void {
    const peer = this.#keep(connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }));
    peer.on('error', () => this.#settle(false));
    peer.on('connect', () => peer.write('one.'));
    peer.on('data', (bytes) => (String(bytes) === 'and?' ? peer.end('two.') : this.#settle(false)));
    peer.on('end', () => {
      this.#pass('fin');
      const second = this.#sockets.connect({ host: '127.0.0.1', port });
      if (second === null) this.#settle(false);
      else this.#keep(second).on('connect', () => sendAndReset(second));
    });
  }

  #answer(socket: RawSocket): void {
    const [first, second] = this.#buffers;
    let reads = 0;
    const onRead = (bytes: number) => {
      reads += 1;
      if (bytes !== 4) this.#settle(false);
      if (reads === 1) socket.write(Buffer.from('and?'));
      return true;
    };
    socket.readInto(first, { onRead, nextBuffer: () => second });
    socket.on('end', () => {
      const words = [first, second].map((buffer) => buffer.toString('latin1', 0, 4));
      if (words.join() === 'one.,two.' && socket.localPort !== undefined) socket.end();
      else this.#settle(false);
    });
  }

  /** Reads only once both have arrived. */
  #expectReset(socket: RawSocket): void {
    let code: unknown = 'none';
    socket.on('end', () => this.#settle(false));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code;
    });
    socket.on('close', () => (code === 'ECONNRESET' ? this.#pass('reset') : this.#settle(false)));
    const [first] = this.#buffers;
    setTimeout(() => socket.readInto(first, { onRead: () => true, nextBuffer: () => first }), 5);
  }
}

function sendAndReset(socket: RawSocket): void {
  socket.write(Buffer.from('word'));
  socket.resetAndDestroy();
}
