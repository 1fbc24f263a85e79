// Lets a socket of Node read into memory that we choose, also an accepted one. Finds out at start whether this Node can.
import { connect, createServer, Socket } from 'node:net';

/** Bound on the trial at start. Milliseconds. */
const TRIAL_BOUND_MS = 2000;

/** What is told of each read of one socket, and asked after it. */
export interface DirectReader {
  /** `bytes` were read to the start of the buffer that was next. False: reads stop until the socket is resumed. */
  onRead(bytes: number): boolean;
  /** Asked once after each `onRead`: where the next read goes. */
  nextBuffer(): Uint8Array;
}

/** What is used of a socket's inner handle; the Node types do not declare it. */
interface ReadableHandle {
  useUserBuffer(buffer: Uint8Array): void;
}

const READER = Symbol('reader');

type Inside = { _handle?: ReadableHandle | null; [READER]?: DirectReader } & { [symbol: symbol]: unknown };

interface BufferSymbols {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly generator: symbol;
}

/**
 * Node documents reads into a caller's buffer for connecting sockets (`onread` of `net.connect`) and does the same for
 * accepted ones if its own fields are filled in, which is not documented. So `detect` tries it, on a real connection.
 */
export class DirectReads {
  readonly #symbols: BufferSymbols;
  /** Who has just been told of a read: Node asks for the next buffer right after it, without saying whose. */
  #told: DirectReader | null = null;
  readonly #callback: (this: Inside, bytes: number) => boolean;
  readonly #generator: () => Uint8Array | undefined;

  private constructor(symbols: BufferSymbols) {
    this.#symbols = symbols;
    // One pair of functions for all sockets: a pair each would be a good part of what an idle stream takes.
    const reads = this;
    this.#callback = function (bytes) {
      const reader = this[READER] as DirectReader;
      const goesOn = reader.onRead(bytes);
      reads.#told = reader;
      return goesOn;
    };
    this.#generator = () => this.#told?.nextBuffer();
  }

  /** Tries it over a loopback connection of its own. null: this Node cannot, sockets are to be read the plain way. */
  static async detect(): Promise<DirectReads | null> {
    const symbols = findSymbols();
    if (symbols === null) return null;
    const reads = new DirectReads(symbols);
    return (await reads.#passTrial()) ? reads : null;
  }

  /**
   * From its next read on `socket` reads into `first`, then into what `reader` says; it emits no `data`. `pause`, `resume`,
   * `end`, `error` and `close` work as ever. Once per socket, before anything was read from it.
   */
  install(socket: Socket, first: Uint8Array, reader: DirectReader): void {
    const inside = socket as unknown as Inside;
    inside[this.#symbols.buffer] = first;
    inside[READER] = reader;
    inside[this.#symbols.callback] = this.#callback;
    inside[this.#symbols.generator] = this.#generator;
    inside._handle?.useUserBuffer(first);
  }

  /** Changes where the next read goes, outside of `onRead`. Costs a few dozen bytes until the socket is closed. */
  switchTo(socket: Socket, buffer: Uint8Array): void {
    const inside = socket as unknown as Inside;
    inside[this.#symbols.buffer] = buffer;
    inside._handle?.useUserBuffer(buffer);
  }

  /** An accepted socket must put what it reads into two buffers in turn, then into one that was switched to, then end. */
  #passTrial(): Promise<boolean> {
    return new Promise((resolve) => {
      const sockets: Socket[] = [];
      const server = createServer();
      const timer = setTimeout(() => finish(false), TRIAL_BOUND_MS);
      const finish = (passed: boolean) => {
        clearTimeout(timer);
        for (const socket of sockets) socket.destroy();
        server.close();
        resolve(passed);
      };
      const keep = (socket: Socket) => {
        sockets.push(socket);
        return socket.on('error', () => finish(false));
      };
      server.on('error', () => finish(false));
      server.on('connection', (socket) => this.#try(keep(socket), sockets[0] as Socket, finish));
      server.listen(0, '127.0.0.1', () => {
        const address = server.address();
        if (address === null || typeof address === 'string') finish(false);
        else keep(connect({ port: address.port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }));
      });
    });
  }

  #try(accepted: Socket, peer: Socket, finish: (passed: boolean) => void): void {
    const words = ['one.', 'two.', 'end.'];
    // Larger than a word: a buffer that is filled is followed by another read at once.
    const buffers = words.map(() => Buffer.alloc(8));
    let reads = 0;
    const onRead = (bytes: number) => {
      reads += 1;
      if (bytes !== 4) finish(false);
      else if (reads < 3) peer.write(words[reads] as string);
      else peer.end();
      return true;
    };
    // The third word must go where the switch said, not where the second read left off.
    const nextBuffer = () => {
      if (reads === 2) setImmediate(() => this.switchTo(accepted, buffers[2] as Buffer));
      return buffers[1] as Buffer;
    };
    accepted.on('data', () => finish(false));
    accepted.on('end', () => finish(words.every((word, index) => buffers[index]?.toString('latin1', 0, 4) === word)));
    try {
      this.install(accepted, buffers[0] as Buffer, { onRead, nextBuffer });
      peer.write(words[0] as string);
    } catch {
      finish(false);
    }
  }
}

function findSymbols(): BufferSymbols | null {
  const own = Object.getOwnPropertySymbols(new Socket());
  const find = (name: string) => own.find(({ description }) => description === name);
  const [buffer, callback, generator] = [find('kBuffer'), find('kBufferCb'), find('kBufferGen')];
  if (buffer === undefined || callback === undefined || generator === undefined) return null;
  return { buffer, callback, generator };
}
