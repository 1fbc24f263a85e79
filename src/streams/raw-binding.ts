// Node's own TCP handles, those under net.Socket, as far as RawSocket uses them. Undocumented: whether they do as they should is tried at start.

/** A status that is not 0 is a negative error of libuv. */
export interface TcpHandle {
  readonly fd: number;
  /** Called on the handle for each read; answers where the next one goes, or nothing for where the last one went. */
  onread: (this: TcpHandle) => Uint8Array | undefined;
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
  shutdown(request: ShutdownRequest): number;
  connect(request: ConnectRequest, address: string, port: number): number;
  connect6(request: ConnectRequest, address: string, port: number): number;
  getpeername(into: BoundName): number;
  getsockname(into: BoundName): number;
  setNoDelay(on: boolean): number;
  setKeepAlive(on: boolean, delaySeconds: number): number;
  close(closed: () => void): void;
  /** Closes by RST. Not while a FIN is on its way into the kernel. */
  reset(closed: () => void): number;
}

/** A handle that listens, under a net.Server. */
export interface ListenHandle {
  onconnection: (status: number, client: TcpHandle | undefined) => void;
  setNoDelay(on: boolean): number;
  setKeepAlive(on: boolean, delaySeconds: number): number;
}

export interface BoundName {
  address?: string;
  port?: number;
}

/** `oncomplete` is called on the request itself. */
interface Request {
  oncomplete: (status: number) => void;
}

export interface WriteRequest extends Request {
  /** Kept here so that it is not collected before the write is done. */
  buffer?: Uint8Array;
}

export type ShutdownRequest = Request;

export interface ConnectRequest extends Request {
  address: string;
  port: number;
}

export interface RawBinding {
  readonly TCP: new (type: number) => TcpHandle;
  /** The `type` of a handle that connects. */
  readonly clientType: number;
  readonly ConnectRequest: new () => ConnectRequest;
  readonly WriteRequest: new () => WriteRequest;
  readonly ShutdownRequest: new () => ShutdownRequest;
  /** What the last call had to say besides its answer, at the two places below. */
  readonly state: Int32Array;
  readonly bytesReadAt: number;
  readonly wasAsyncAt: number;
}

interface TcpModule {
  TCP?: RawBinding['TCP'];
  TCPConnectWrap?: RawBinding['ConnectRequest'];
  constants?: { SOCKET?: number };
}

interface StreamModule {
  WriteWrap?: RawBinding['WriteRequest'];
  ShutdownWrap?: RawBinding['ShutdownRequest'];
  streamBaseState?: Int32Array;
  kReadBytesOrError?: number;
  kLastWriteWasAsync?: number;
}

/** null: this Node does not show them, or not all that is needed. */
export function findBinding(): RawBinding | null {
  const binding = (process as unknown as { binding?: (name: string) => unknown }).binding;
  // An accepted socket has its listener's options on Linux; elsewhere that is not so, or not known.
  if (binding === undefined || process.platform !== 'linux') return null;
  try {
    const { TCP, TCPConnectWrap, constants } = binding('tcp_wrap') as TcpModule;
    const { WriteWrap, ShutdownWrap, ...stream } = binding('stream_wrap') as StreamModule;
    const { streamBaseState: state, kReadBytesOrError: bytesReadAt, kLastWriteWasAsync: wasAsyncAt } = stream;
    const clientType = constants?.SOCKET;
    if (!TCP || !TCPConnectWrap || !WriteWrap || !ShutdownWrap || clientType === undefined) return null;
    if (state === undefined || bytesReadAt === undefined || wasAsyncAt === undefined) return null;
    const requests = { ConnectRequest: TCPConnectWrap, WriteRequest: WriteWrap, ShutdownRequest: ShutdownWrap };
    return { TCP, clientType, ...requests, state, bytesReadAt, wasAsyncAt };
  } catch {
    return null;
  }
}

/** The handle that a server of Node's listens on; null where it has none, or one of another kind. */
export function listenHandleOf(server: object): ListenHandle | null {
  const handle = (server as { _handle?: Partial<ListenHandle> | null })._handle;
  const isOne = typeof handle?.onconnection === 'function' && typeof handle.setKeepAlive === 'function';
  return isOne ? (handle as ListenHandle) : null;
}
