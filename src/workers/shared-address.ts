// One listening address that several processes share: bound here, listened and accepted on in those that inherit it.
import { lookup } from 'node:dns/promises';
import net, { isIP } from 'node:net';
import { getSystemErrorName } from 'node:util';
import type { Endpoint } from '../platform/endpoint.ts';
import { TorporError } from '../platform/errors.ts';
import type { ListeningHandle } from '../streams/inherited-sockets.ts';
import { listenError } from '../streams/listener.ts';

/** Node's own way to bind without listening, which its cluster module rests on. Answers a handle or a negative error. */
type BindHandle = (address: string, port: number, family: 4 | 6) => ListeningHandle | number;

export class SharedAddress {
  /** With the real port, also where 0 was asked for. */
  readonly endpoint: Endpoint;
  readonly #handle: ListeningHandle;

  private constructor(endpoint: Endpoint, handle: ListeningHandle) {
    this.endpoint = endpoint;
    this.#handle = handle;
  }

  /** Binds. Rejects with ERR_STREAM_LISTEN, or ERR_STREAM_WORKER where this Node cannot. */
  static async bind(listen: Endpoint, vm: string): Promise<SharedAddress> {
    const bindHandle = (net as unknown as { _createServerHandle?: BindHandle })._createServerHandle;
    if (bindHandle === undefined) {
      const message = `Node ${process.version} cannot share listeners between processes: set "workers: 1"`;
      throw new TorporError('ERR_STREAM_WORKER', message);
    }
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

  /** One that this process was given. */
  static inherited(listen: Endpoint, handle: ListeningHandle): SharedAddress {
    return new SharedAddress(listen, handle);
  }

  /** To be inherited. The address stays taken while anybody has it open. */
  get fd(): number {
    return this.#handle.fd;
  }

  /** To be sent to a process that runs. */
  get handle(): ListeningHandle {
    return this.#handle;
  }

  close(): void {
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
