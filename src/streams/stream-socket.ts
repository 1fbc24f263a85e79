// What streams need of a TCP connection, as net.Socket has it. Who makes one, and over what, is left to others.

/** Listeners are shared functions that find what is theirs by the socket that they are called on. */
export type SocketListener = (this: never, ...args: never[]) => void;

export type SocketEvent = 'connect' | 'data' | 'drain' | 'finish' | 'end' | 'error' | 'close';

/** A connection whose directions end one by one (`allowHalfOpen`). `net.Socket` is one, `RawSocket` another. */
export interface StreamSocket {
  /** Nothing can be read or written any more. */
  readonly destroyed: boolean;
  /** `end` was called. */
  readonly writableEnded: boolean;
  /** Its FIN is with the kernel, behind all bytes. */
  readonly writableFinished: boolean;
  /** Bytes that are not with the kernel yet. */
  readonly writableLength: number;
  /** Bytes that were ever written to it. Default: nobody knows. */
  readonly bytesWritten?: number;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  /** Its bytes come as `data`, in memory that stays as it is, and its `end` is never a RST. Default: it is a TCP socket, to be read as such. */
  readonly isPlain?: boolean;
  /** Where it is there: set to have its names known after its close, too, unless `isAcknowledged` says that they are not needed. */
  remembersEnds?: boolean;
  /** Closed, and the peer's kernel has all that was sent, the FIN included. */
  readonly isAcknowledged?: boolean;
  /** Told which stream carries it. */
  carriedBy?(stream: string): void;
  /** `drain` follows each write that is not done at once. The bytes stay as they are until then. */
  write(bytes: Uint8Array, done?: (error?: Error | null) => void): unknown;
  end(): unknown;
  end(bytes: Uint8Array): unknown;
  pause(): unknown;
  resume(): unknown;
  destroy(): unknown;
  /** Closes with RST. See resetSocket for when it cannot. */
  resetAndDestroy(): unknown;
  /** Its next reset says that the client may come again, where the client can be told. */
  tryLater?(): void;
  on(event: SocketEvent, listener: SocketListener): unknown;
  once(event: SocketEvent, listener: SocketListener): unknown;
  removeListener(event: SocketEvent, listener: SocketListener): unknown;
}
