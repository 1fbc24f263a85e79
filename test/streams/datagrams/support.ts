// A VM that takes datagrams, clients that send some, and a rig whose listener is between them.
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type Endpoint, formatUdp } from '../../../src/platform/endpoint.ts';
import type { ListenerOptions } from '../../../src/streams/listener.ts';
import { type RigOptions, StreamRig } from '../support/stream-rig.ts';

export class UdpEnd {
  readonly got: string[] = [];
  readonly from: RemoteInfo[] = [];
  readonly socket: Socket;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('message', (bytes, info) => {
      this.got.push(String(bytes));
      this.from.push(info);
    });
    socket.on('error', () => {});
  }

  /** On any free port of 127.0.0.1. */
  static async start(): Promise<UdpEnd> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new UdpEnd(socket);
  }

  get port(): number {
    return this.socket.address().port;
  }

  send(text: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.send(text, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)));
    });
  }
}

export function udpAt(host: string, port: number): Endpoint {
  return formatUdp({ host, port });
}

/** Everything that was started, ended in the opposite order by `close`. */
export class UdpWorld {
  readonly #closers: Array<() => unknown> = [];

  async end(): Promise<UdpEnd> {
    const end = await UdpEnd.start();
    this.#closers.push(() => end.socket.close());
    return end;
  }

  async rig(vm: UdpEnd, listener: Partial<ListenerOptions> = {}, options: RigOptions = {}): Promise<StreamRig> {
    const own = { listen: udpAt('127.0.0.1', 0), target: udpAt('127.0.0.1', vm.port), ...listener };
    const rig = await StreamRig.start({ ...options, listeners: [own] });
    this.#closers.push(() => rig.close());
    return rig;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}
