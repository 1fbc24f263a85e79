// One socket of a stream: reads chunks into lent buffers and writes chunks from them. Which chunk goes where is the stream's.
import type { Socket } from 'node:net';
import type { DirectReader } from './direct-reads.ts';
import { type RawOwner, RawSocket } from './raw-socket.ts';
import { type BufferReader, type ReadBuffer, type ReadBuffers, SLOT_BYTES } from './read-buffers.ts';
import { readEnd } from './read-end.ts';
import type { StreamSocket } from './stream-socket.ts';

/** A direction that has read this much in one turn of the event loop lets the others go first. */
export const TURN_BYTES = 2 * 1024 * 1024;
/** A socket whose buffer was switched that often stays with the scratch: each switch costs memory until it is closed. */
export const SWITCHES_MAX = 256;

/** Sockets of streams: `drain` must follow every write that is not done at once. */
export const PORT_HIGH_WATER_BYTES = 1;

const NONE: readonly ReadBuffer[] = [];

/** Whose port it is; each call says which. */
export interface PortOwner {
  /** The chunk is valid during the call only: to pass it on there is `pass`, to keep it one has to copy. */
  onChunk(chunk: Buffer, port: SocketPort): void;
  /** Everything that was written is with the kernel. */
  onDrained(port: SocketPort): void;
  /** The other side ended its direction. */
  onEnd(port: SocketPort): void;
  /** The socket is gone; `port.error` says what ended it, if anything did. */
  onClose(port: SocketPort): void;
}

const PORT = Symbol('port');

type PortSocket = StreamSocket & { [PORT]: SocketPort };

/**
 * A quiet direction reads into the scratch that all share, and a chunk is copied to a slot on its way out. After a chunk
 * larger than a slot the direction is busy: it reads into a large buffer and writes from that same memory, until a small
 * chunk comes.
 *
 * The rule that keeps bytes whole: nothing is read into a buffer from which a write is under way. A write is done when the
 * socket's `writableLength` is 0 right after it, else at `drain`, or when the socket is finished or closed. Whoever resumes a
 * port before that makes it read into the scratch.
 */
export class SocketPort implements DirectReader, BufferReader, RawOwner {
  readonly socket: StreamSocket;
  error: unknown = null;
  readonly #buffers: ReadBuffers;
  #owner: PortOwner;
  #busy: ReadBuffer | null = null;
  #chunk: Buffer | null = null;
  #chunkLies: ReadBuffer | null = null;
  /** The present chunk was passed on and was too large for a slot. */
  #staysBusy = false;
  #isPaused = false;
  #turn = -1;
  #turnBytes = 0;
  #switches = 0;
  /** Buffers from which this socket still writes. */
  #pending: readonly ReadBuffer[] = NONE;

  constructor(socket: StreamSocket, buffers: ReadBuffers, owner: PortOwner) {
    this.socket = socket;
    this.#buffers = buffers;
    this.#owner = owner;
    if (socket instanceof RawSocket) {
      socket.ownedBy(this);
      socket.readInto(buffers.scratch, this);
    } else this.#listen();
  }

  /** To a socket that is no RawSocket. */
  #listen(): void {
    const { socket } = this;
    const { direct, scratch } = this.#buffers;
    (socket as PortSocket)[PORT] = this;
    socket.on('drain', SocketPort.listeners.drain);
    socket.on('finish', SocketPort.listeners.finish);
    socket.on('end', SocketPort.listeners.end);
    socket.on('error', SocketPort.listeners.error);
    socket.on('close', SocketPort.listeners.close);
    if (direct === null || socket.isPlain === true) socket.on('data', SocketPort.listeners.data);
    else direct.install(socket as Socket, scratch, this);
  }

  /** One set of functions serves all sockets: functions of its own would double what an idle stream takes. */
  static readonly listeners = {
    data(this: PortSocket, chunk: Buffer): void {
      this[PORT].#handOut(chunk, null);
    },
    drain(this: PortSocket): void {
      this[PORT].onSocketDrained();
    },
    finish(this: PortSocket): void {
      this[PORT].onSocketFinished();
    },
    end(this: PortSocket): void {
      this[PORT].#onEnd();
    },
    error(this: PortSocket, error: Error): void {
      this[PORT].onSocketFailed(error);
    },
    close(this: PortSocket): void {
      this[PORT].onSocketClosed();
    },
  };

  /** From now on everything is told to another owner. */
  handTo(owner: PortOwner): this {
    this.#owner = owner;
    return this;
  }

  /** Everything that was written is with the kernel, or nothing can be written any more. */
  get isDrained(): boolean {
    return this.socket.writableLength === 0 || this.socket.destroyed;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.socket.pause();
  }

  /** Reads on, whatever became of earlier chunks. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#busy?.isPending === true && this.#chunk === null) this.#switchToScratch();
    this.socket.resume();
  }

  /** Writes bytes that nobody changes any more. False: they wait, and `onDrained` follows. */
  write(bytes: Uint8Array): boolean {
    this.socket.write(bytes);
    return this.isDrained;
  }

  /** Within `onChunk`: writes the chunk to another port. False: it waits there, and the other's `onDrained` follows. */
  pass(to: SocketPort): boolean {
    const chunk = this.#chunk as Buffer;
    this.#staysBusy = chunk.length > SLOT_BYTES;
    if (this.#buffers.direct === null || this.socket.isPlain === true) return to.write(chunk);
    if (this.#chunkLies !== null) return to.#writeFrom(chunk, this.#chunkLies);
    return chunk.length > SLOT_BYTES ? this.#passLarge(chunk, to) : this.#passSmall(chunk, to);
  }

  // ------------------------------------------------------------------------------------------ reading

  /** DirectReader. */
  onRead(bytes: number): boolean {
    const lies = this.#busy;
    const whole = lies === null ? this.#buffers.scratch : lies.bytes;
    this.#buffers.note(lies, bytes);
    this.#handOut(bytes === whole.length ? whole : whole.subarray(0, bytes), lies);
    return bytes <= SLOT_BYTES || this.#isPaused || this.#mayReadOn(bytes);
  }

  /** DirectReader. */
  nextBuffer(): Buffer {
    const busy = this.#busy;
    if (busy === null) return this.#buffers.scratch;
    if (this.#staysBusy && (this.#isPaused || !busy.isPending)) return busy.bytes;
    this.#dropBusy();
    return this.#buffers.scratch;
  }

  /** BufferReader. */
  giveBack(): boolean {
    if (this.#chunk !== null || this.#switches >= SWITCHES_MAX) return false;
    this.#switchToScratch();
    return true;
  }

  #handOut(chunk: Buffer, lies: ReadBuffer | null): void {
    this.#chunk = chunk;
    this.#chunkLies = lies;
    this.#staysBusy = false;
    try {
      this.#owner.onChunk(chunk, this);
    } finally {
      this.#chunk = null;
      this.#chunkLies = null;
    }
  }

  /** libuv reads a socket up to 32 times in a row while it fills its buffer. */
  #mayReadOn(bytes: number): boolean {
    const { turn } = this.#buffers;
    this.#turnBytes = turn === this.#turn ? this.#turnBytes + bytes : bytes;
    this.#turn = turn;
    if (this.#turnBytes < TURN_BYTES) return true;
    this.#buffers.afterTurn(() => {
      if (!this.#isPaused && !this.socket.destroyed) this.socket.resume();
    });
    return false;
  }

  #switchToScratch(): void {
    this.#switches += 1;
    const { scratch, direct } = this.#buffers;
    if (this.socket instanceof RawSocket) this.socket.switchTo(scratch);
    else direct?.switchTo(this.socket as Socket, scratch);
    this.#dropBusy();
  }

  #dropBusy(): void {
    if (this.#busy !== null) this.#buffers.release(this.#busy);
    this.#busy = null;
  }

  // ------------------------------------------------------------------------------------------ writing

  #passSmall(chunk: Buffer, to: SocketPort): boolean {
    const slot = this.#buffers.borrowSlot();
    if (slot === null) return to.write(Buffer.from(chunk));
    this.#buffers.note(slot, chunk.length);
    chunk.copy(slot.bytes);
    const isDone = to.#writeFrom(slot.bytes.subarray(0, chunk.length), slot);
    this.#buffers.release(slot);
    return isDone;
  }

  /** The first large chunk of a direction that was quiet: it moves to the buffer in which the next ones will be read. */
  #passLarge(chunk: Buffer, to: SocketPort): boolean {
    const busy = this.#switches < SWITCHES_MAX ? this.#buffers.lendBusy(this) : null;
    if (busy === null) return to.write(Buffer.from(chunk));
    this.#busy = busy;
    this.#buffers.note(busy, chunk.length);
    chunk.copy(busy.bytes);
    return to.#writeFrom(busy.bytes.subarray(0, chunk.length), busy);
  }

  #writeFrom(bytes: Uint8Array, lies: ReadBuffer): boolean {
    this.socket.write(bytes);
    if (this.isDrained) return true;
    this.#buffers.keep(lies);
    this.#pending = [...this.#pending, lies];
    return false;
  }

  // ------------------------------------------------------------------------------------------ what the socket tells

  /** RawOwner. */
  onSocketDrained(): void {
    this.#settle();
    this.#owner.onDrained(this);
  }

  /** RawOwner. `drain` does not follow where the socket was ended meanwhile. */
  onSocketFinished(): void {
    this.#settle();
  }

  /** RawOwner. */
  onSocketEnded(): void {
    this.#owner.onEnd(this);
  }

  #onEnd(): void {
    if (this.socket.isPlain === true) this.onSocketEnded();
    else readEnd(this.socket, () => this.onSocketEnded());
  }

  /** RawOwner. */
  onSocketFailed(error: Error): void {
    this.error = error;
  }

  /** RawOwner. */
  onSocketClosed(): void {
    this.#settle();
    this.#dropBusy();
    this.#buffers.wipe();
    this.#owner.onClose(this);
  }

  #settle(): void {
    if (this.#pending.length === 0) return;
    for (const each of this.#pending) this.#buffers.settle(each);
    this.#pending = NONE;
  }
}
