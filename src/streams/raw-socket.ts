// A TCP connection on Node's bare handle: what streams need of net.Socket, without what they do not. Reads into its port's memory only.
import { isIP } from 'node:net';
import { getSystemErrorName } from 'node:util';
import type { Endpoint } from '../platform/endpoint.ts';
import type { BoundName, ConnectRequest, RawBinding, ShutdownRequest, TcpHandle, WriteRequest } from './raw-binding.ts';
import type { SocketEvent, SocketListener, StreamSocket } from './stream-socket.ts';

/** libuv's codes that mean something here. Linux. */
const UV_EOF = -4095;
const UV_ENOTCONN = -107;
const UV_ECONNRESET = -104;

/** Whoever reads from it. Calls come from the event loop, never from within a call of the socket's own. */
export interface RawReader {
  /** `bytes` were read to the start of the buffer that was next. False: reads stop until the socket is resumed. */
  onRead(bytes: number): boolean;
  /** Asked once after each `onRead`: where the next read goes. */
  nextBuffer(): Uint8Array;
}

/** Whose it is: told of everything, after those who listen. One that is called directly costs a short connection less than five listeners. */
export interface RawOwner {
  onSocketDrained(): void;
  /** The FIN is with the kernel. */
  onSocketFinished(): void;
  /** The other side's FIN was read. */
  onSocketEnded(): void;
  onSocketFailed(error: Error): void;
  onSocketClosed(): void;
}

/** Who waits for a connection: one of the two runs, once, unless it is destroyed before. */
export interface RawOpener {
  onOpened(socket: RawSocket): void;
  /** The socket is closed. */
  onOpenFailed(socket: RawSocket, error: Error): void;
}

/** Where the kernel's answers are written, to be read at once: properties that an object does not have yet cost more than the question. */
const NAME: Required<BoundName> = { address: '', port: 0 };

const NOBODY: BoundName = {};

const SOCKET = Symbol('socket');

type OwnedHandle = TcpHandle & { [SOCKET]: RawSocket };
type OwnedWrite = WriteRequest & { [SOCKET]: RawSocket };
type OwnedShutdown = ShutdownRequest & { [SOCKET]: RawSocket };
type OwnedConnect = ConnectRequest & { [SOCKET]: RawSocket };

/** What all raw sockets of a process share. */
export class RawSockets {
  readonly binding: RawBinding;
  /** A write that is done at once leaves its request to the next one. */
  #spareWrite: WriteRequest | null = null;

  constructor(binding: RawBinding) {
    this.binding = binding;
  }

  /** One that was accepted; nothing is read from it yet. */
  adopt(handle: TcpHandle): RawSocket {
    return new RawSocket(this, handle);
  }

  /** Connects; `connect` or `error` with `close` follow. null: the host is no address, which has to be looked up first. */
  connect(target: Endpoint, opener: RawOpener | null = null): RawSocket | null {
    const family = isIP(target.host);
    if (family === 0) return null;
    const { TCP, clientType } = this.binding;
    const socket = new RawSocket(this, new TCP(clientType));
    socket.connect(target, family === 6, opener);
    return socket;
  }

  get isWriteAsync(): boolean {
    return this.binding.state[this.binding.wasAsyncAt] !== 0;
  }

  get bytesRead(): number {
    return this.binding.state[this.binding.bytesReadAt] as number;
  }

  takeWrite(): WriteRequest {
    const spare = this.#spareWrite ?? new this.binding.WriteRequest();
    this.#spareWrite = null;
    return spare;
  }

  putBack(request: WriteRequest): void {
    this.#spareWrite = request;
  }
}

/**
 * Events come as net.Socket's do, but for three things: nothing comes from within a call, except `finish` from within `end`; a read's
 * end is told before the call that brought it returns; `drain` comes only after a write that was not done at once.
 */
export class RawSocket implements StreamSocket {
  readonly #shared: RawSockets;
  readonly #handle: TcpHandle;
  #reader: RawReader | null = null;
  #owner: RawOwner | null = null;
  #opener: RawOpener | null = null;
  /** Event, listener, event, listener, … null: none. */
  #listeners: Array<SocketEvent | SocketListener> | null = null;
  #error: Error | null = null;
  #isReading = false;
  #isConnecting = false;
  #hasReadEnd = false;
  #isResetNext = false;
  #hasSentFin = false;
  /** Small writes would wait for the acknowledgement of those before: the first needs no option against that, and many have no second. */
  #isNagled = false;
  #peer: BoundName | null = null;
  #own: BoundName | null = null;
  destroyed = false;
  closed = false;
  writableEnded = false;
  writableFinished = false;
  writableLength = 0;
  bytesWritten = 0;
  remembersEnds = false;
  isAcknowledged = false;

  constructor(shared: RawSockets, handle: TcpHandle) {
    this.#shared = shared;
    this.#handle = handle;
    (handle as OwnedHandle)[SOCKET] = this;
  }

  // ------------------------------------------------------------------------------------------ who it is

  get remoteAddress(): string | undefined {
    return this.#peerName().address;
  }

  get remotePort(): number | undefined {
    return this.#peerName().port;
  }

  get localAddress(): string | undefined {
    return this.#ownName().address;
  }

  get localPort(): number | undefined {
    return this.#ownName().port;
  }

  /** Asked of the kernel once, and not of a socket that is closed or not connected yet. */
  #peerName(): BoundName {
    if (this.#peer !== null) return this.#peer;
    if (this.destroyed || this.#isConnecting || this.#handle.getpeername(NAME) !== 0) return NOBODY;
    this.#peer = { address: NAME.address, port: NAME.port };
    return this.#peer;
  }

  #ownName(): BoundName {
    if (this.#own !== null) return this.#own;
    if (this.destroyed || this.#isConnecting || this.#handle.getsockname(NAME) !== 0) return NOBODY;
    this.#own = { address: NAME.address, port: NAME.port };
    return this.#own;
  }

  // ------------------------------------------------------------------------------------------ connecting

  connect({ host, port }: Endpoint, isIpv6: boolean, opener: RawOpener | null): void {
    this.#isConnecting = true;
    this.#opener = opener;
    // Where it connects to is where it is connected, but for the wildcard; IPv6 has many ways to write an address.
    if (!isIpv6 && !host.startsWith('0.')) this.#peer = { address: host, port };
    const request = new this.#shared.binding.ConnectRequest() as OwnedConnect;
    request[SOCKET] = this;
    request.address = host;
    request.port = port;
    request.oncomplete = onConnected;
    const status = isIpv6 ? this.#handle.connect6(request, host, port) : this.#handle.connect(request, host, port);
    if (status !== 0) this.#fail(status);
  }

  connected(status: number): void {
    if (this.destroyed) return;
    this.#isConnecting = false;
    if (status !== 0) {
      this.#fail(status);
      return;
    }
    this.#isNagled = true;
    const opener = this.#opener;
    this.#opener = null;
    this.#emit('connect');
    opener?.onOpened(this);
  }

  // ------------------------------------------------------------------------------------------ reading

  /** From now on it is told everything. */
  ownedBy(owner: RawOwner): void {
    this.#owner = owner;
  }

  /** Reads into `first`, then into what the reader says. Once, before anything was read. */
  readInto(first: Uint8Array, reader: RawReader): void {
    this.#reader = reader;
    this.#handle.onread = onRead;
    this.#handle.useUserBuffer(first);
    this.resume();
  }

  /** Changes where the next read goes, outside of `onRead`. */
  switchTo(buffer: Uint8Array): void {
    if (!this.destroyed) this.#handle.useUserBuffer(buffer);
  }

  pause(): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    if (!this.destroyed) this.#handle.readStop();
  }

  /** Does nothing where nobody reads, or all was read. */
  resume(): void {
    if (this.#isReading || this.#reader === null || this.#hasReadEnd || this.destroyed) return;
    this.#isReading = true;
    const status = this.#handle.readStart();
    if (status !== 0) this.#fail(status);
  }

  /** One read's end, from the handle: bytes, or a negative status. */
  read(): Uint8Array | undefined {
    const { bytesRead } = this.#shared;
    const reader = this.#reader as RawReader;
    if (bytesRead > 0) {
      if (!reader.onRead(bytesRead)) this.pause();
      return this.destroyed ? undefined : reader.nextBuffer();
    }
    if (bytesRead === 0 || this.destroyed) return undefined;
    if (bytesRead === UV_EOF) this.#readEnd();
    else this.#fail(bytesRead);
    return undefined;
  }

  /**
   * Where bytes and a RST wait together to be read, libuv (uv__stream_io, the short-circuit on POLLHUP) reports the bytes and then an
   * orderly end. A connection that was reset has no peer any more. So has one that both sides have ended: then it is taken for a FIN.
   */
  #readEnd(): void {
    this.pause();
    this.#hasReadEnd = true;
    if (!this.writableEnded && this.#isDisconnected()) {
      this.#fail(UV_ECONNRESET);
      return;
    }
    this.#emit('end');
    this.#owner?.onSocketEnded();
    this.#closeIfOver();
  }

  #isDisconnected(): boolean {
    return this.#handle.getpeername(NAME) === UV_ENOTCONN;
  }

  // ------------------------------------------------------------------------------------------ writing

  /** After `end`, and after the socket is destroyed, bytes are for nobody. */
  write(bytes: Uint8Array): boolean {
    if (this.destroyed || this.writableEnded) return false;
    if (this.#isNagled && this.bytesWritten > 0) this.#endNagle();
    this.bytesWritten += bytes.length;
    const request = this.#shared.takeWrite();
    const status = this.#handle.writeBuffer(request, bytes);
    if (status !== 0) {
      this.#fail(status);
      return false;
    }
    if (!this.#shared.isWriteAsync) {
      this.#shared.putBack(request);
      return true;
    }
    // The rest of it is a second one.
    if (this.#isNagled) this.#endNagle();
    (request as OwnedWrite)[SOCKET] = this;
    request.buffer = bytes;
    request.oncomplete = onWritten;
    this.writableLength += bytes.length;
    return false;
  }

  #endNagle(): void {
    this.#isNagled = false;
    this.#handle.setNoDelay(true);
  }

  written(bytes: number, status: number): void {
    this.writableLength -= bytes;
    if (this.destroyed) return;
    if (status !== 0) {
      this.#fail(status);
      return;
    }
    if (this.writableLength > 0) return;
    if (this.writableEnded) {
      this.#shutDown();
      return;
    }
    this.#emit('drain');
    this.#owner?.onSocketDrained();
  }

  end(bytes?: Uint8Array): void {
    if (this.destroyed || this.writableEnded) return;
    if (bytes !== undefined) this.write(bytes);
    this.writableEnded = true;
    if (this.writableLength === 0) this.#shutDown();
  }

  /** A socket whose other direction is over says its FIN by being closed. */
  #shutDown(): void {
    if (this.destroyed) return;
    if (this.#hasReadEnd) {
      this.finished(0);
      return;
    }
    const request = new this.#shared.binding.ShutdownRequest() as OwnedShutdown;
    request[SOCKET] = this;
    request.oncomplete = onFinished;
    this.#hasSentFin = true;
    const status = this.#handle.shutdown(request);
    // 1: done at once.
    if (status !== 0) this.finished(status === 1 ? 0 : status);
  }

  finished(status: number): void {
    if (this.destroyed) return;
    // The peer's RST came first: whoever reads is told.
    if (status !== 0 && status !== UV_ENOTCONN) {
      this.#fail(status);
      return;
    }
    this.writableFinished = true;
    this.#emit('finish');
    this.#owner?.onSocketFinished();
    if (this.#isResetNext && !this.destroyed) this.#reset();
    else this.#closeIfOver();
  }

  // ------------------------------------------------------------------------------------------ the end

  destroy(): void {
    if (this.destroyed) return;
    // What was sent before the FIN goes on its way also where the other side has not ended yet.
    if (this.remembersEnds && this.writableFinished && this.#error === null) this.#rememberEnds();
    this.destroyed = true;
    this.#isReading = false;
    this.#handle.close(onClosed);
  }

  /** While its FIN is on its way into the kernel: right after that. */
  resetAndDestroy(): void {
    if (this.destroyed) return;
    if (this.#isConnecting) this.destroy();
    else if (this.writableEnded && !this.writableFinished && this.writableLength === 0) this.#isResetNext = true;
    else this.#reset();
  }

  #reset(): void {
    this.destroyed = true;
    this.#isReading = false;
    this.#handle.reset(onClosed);
  }

  closedByHandle(): void {
    this.closed = true;
    const error = this.#error;
    if (error !== null) {
      this.#emit('error', error);
      this.#owner?.onSocketFailed(error);
      this.#opener?.onOpenFailed(this, error);
    }
    this.#emit('close');
    this.#owner?.onSocketClosed();
    this.#listeners = null;
    this.#owner = null;
    this.#opener = null;
  }

  #closeIfOver(): void {
    if (this.#hasReadEnd && this.writableFinished) this.destroy();
  }

  /** A connection that both sides have ended, and whose FIN was acknowledged here, has no peer any more (TIME_WAIT): nothing of it is on its way. */
  #rememberEnds(): void {
    this.isAcknowledged = this.#hasSentFin && this.#isDisconnected();
    if (this.isAcknowledged) return;
    this.#ownName();
    this.#peerName();
  }

  /** The error is told when the handle is closed, which is never from within the call that met it. */
  #fail(status: number): void {
    if (this.destroyed) return;
    const code = getSystemErrorName(status);
    this.#error = Object.assign(new Error(code), { code, errno: status });
    this.destroy();
  }

  // ------------------------------------------------------------------------------------------ listeners

  on(event: SocketEvent, listener: SocketListener): this {
    this.#listeners ??= [];
    this.#listeners.push(event, listener);
    return this;
  }

  once(event: SocketEvent, listener: SocketListener): this {
    const run = (...args: never[]) => {
      this.removeListener(event, run);
      listener.apply(this as never, args);
    };
    return this.on(event, run);
  }

  removeListener(event: SocketEvent, listener: SocketListener): this {
    const listeners = this.#listeners ?? [];
    for (let at = 0; at < listeners.length; at += 2) {
      if (listeners[at] !== event || listeners[at + 1] !== listener) continue;
      // A new list: the old one may be on its way through `#emit`.
      this.#listeners = listeners.toSpliced(at, 2);
      break;
    }
    return this;
  }

  #emit(event: SocketEvent, error?: Error): void {
    const listeners = this.#listeners;
    if (listeners === null) return;
    const { length } = listeners;
    for (let at = 0; at < length; at += 2) {
      if (listeners[at] === event) (listeners[at + 1] as SocketListener).call(this as never, error as never);
    }
  }
}

// One set of functions for all handles and requests: a set each would be a good part of what an idle stream takes.

function onRead(this: TcpHandle): Uint8Array | undefined {
  return (this as OwnedHandle)[SOCKET].read();
}

function onClosed(this: TcpHandle): void {
  (this as OwnedHandle)[SOCKET].closedByHandle();
}

function onConnected(this: OwnedConnect, status: number): void {
  this[SOCKET].connected(status);
}

function onWritten(this: OwnedWrite, status: number): void {
  const bytes = (this.buffer as Uint8Array).length;
  this[SOCKET].written(bytes, status);
}

function onFinished(this: OwnedShutdown, status: number): void {
  this[SOCKET].finished(status);
}
