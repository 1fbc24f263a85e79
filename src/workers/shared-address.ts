// One listening address that several processes share: bound here, listened and accepted on in those that inherit it.
import { lookup } from 'node:dns/promises';
import net, { isIP } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { type Endpoint, formatEndpoint, isNamedEndpoint, systemdNameOf, unixPathOf } from '../platform/endpoint.ts';
import { TorporError } from '../platform/errors.ts';
import {
  type ListeningHandle,
  missingError,
  type PassedSocket,
  type ReceivedSocket,
} from '../streams/inherited-sockets.ts';
import { listenError } from '../streams/listener.ts';
import { DEFAULT_SOCKET_MODE, SocketFile } from '../streams/socket-file.ts';

/** Node's own way to bind without listening, which its cluster module rests on. Answers a handle or a negative error. A path has port and family -1. */
type BindHandle = (address: string, port: number, family: 4 | 6 | -1) => ListeningHandle | number;

export class SharedAddress {
  /** With the real port, also where 0 was asked for. */
  readonly endpoint: Endpoint;
  readonly #handle: ListeningHandle;
  #file: SocketFile | null;

  private constructor(endpoint: Endpoint, handle: ListeningHandle, file: SocketFile | null = null) {
    this.endpoint = endpoint;
    this.#handle = handle;
    this.#file = file;
  }

  /** Binds. Rejects with ERR_STREAM_LISTEN, or ERR_STREAM_WORKER where this Node cannot. */
  static async bind(listen: Endpoint, vm: string, socketMode = DEFAULT_SOCKET_MODE): Promise<SharedAddress> {
    const bindHandle = (net as unknown as { _createServerHandle?: BindHandle })._createServerHandle;
    if (bindHandle === undefined) {
      const message = `Node ${process.version} cannot share listeners between processes: set "workers: 1"`;
      throw new TorporError('ERR_STREAM_WORKER', message);
    }
    if (systemdNameOf(listen) !== null) throw missingError(listen, 'sockets were given when Torpor began');
    const path = unixPathOf(listen);
    if (path !== null) return SharedAddress.#bindPath({ listen, vm, path, socketMode }, bindHandle);
    const { address, family } = await resolveHost(listen, vm);
    const handle = bindHandle(address, listen.port, family === 6 ? 6 : 4);
    if (typeof handle === 'number') throw listenError(listen, vm, systemError(handle));
    const bound: { port?: number } = {};
    // An address that is in use is told here, not by the bind.
    const status = handle.getsockname(bound);
    if (status !== 0) {
      handle.close();
      throw listenError(listen, vm, systemError(status));
    }
    return new SharedAddress({ host: listen.host, port: bound.port ?? listen.port }, handle);
  }

  static async #bindPath(
    { listen, vm, path, socketMode }: { listen: Endpoint; vm: string; path: string; socketMode: number },
    bindHandle: BindHandle,
  ): Promise<SharedAddress> {
    try {
      const file = await SocketFile.prepare(path);
      const handle = bindHandle(file.bindPath, -1, -1);
      if (typeof handle === 'number') throw systemError(handle);
      file.publish(socketMode);
      return new SharedAddress(listen, handle, file);
    } catch (error) {
      throw listenError(listen, vm, error as Error);
    }
  }

  /** One that this process was given. */
  static inherited(listen: Endpoint, { handle, ownsFile }: ReceivedSocket): SharedAddress {
    const path = ownsFile === true ? unixPathOf(listen) : null;
    return new SharedAddress(listen, handle, path === null ? null : SocketFile.takeOver(path));
  }

  /** To be inherited. The address stays taken while anybody has it open. */
  get fd(): number {
    return this.#handle.fd;
  }

  /** For another Torpor. */
  get passed(): PassedSocket {
    const name = isNamedEndpoint(this.endpoint) ? formatEndpoint(this.endpoint) : null;
    return { fd: this.fd, name, ownsFile: this.#file !== null };
  }

  /** Its clients come over a Unix socket. */
  get isUnix(): boolean {
    // Only TCP handles tell where they are.
    return typeof this.#handle.getsockname !== 'function';
  }

  /** To be sent to a process that runs. */
  get handle(): ListeningHandle {
    return this.#handle;
  }

  setSocketMode(mode: number = DEFAULT_SOCKET_MODE): void {
    this.#file?.setMode(mode);
  }

  /** The file of its socket is another process's from now on. */
  leaveFile(): void {
    this.#file?.leave();
    this.#file = null;
  }

  close(): void {
    this.#file?.remove();
    this.#handle.close();
  }
}

async function resolveHost({ host, port }: Endpoint, vm: string): Promise<{ address: string; family: number }> {
  const family = isIP(host);
  if (family !== 0) return { address: host, family };
  try {
    return await lookup(host);
  } catch (error) {
    throw listenError({ host, port }, vm, error as Error);
  }
}

function systemError(status: number): Error {
  return Object.assign(new Error('bind'), { code: getSystemErrorName(status) });
}
