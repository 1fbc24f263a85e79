// One flow's socket towards its VM: connected, so that nobody else's datagrams are taken for the VM's. Whose they are is left to the flow.
import { createSocket, type Socket } from 'node:dgram';
import { closeSync } from 'node:fs';
import { isIP } from 'node:net';
import { names } from '../../name-lookup.ts';
import type { Endpoint } from '../../platform/endpoint.ts';
import { descriptorOf, takeConnected } from './datagram-descriptor.ts';

/** What waits in this process to be sent. UDP may be lost, so it is lost here before memory is. */
export const SEND_QUEUE_MAX_BYTES = 1024 * 1024;

export interface DatagramTargetOwner {
  /** Its address is known: datagrams can be sent from now on. */
  onReady(): void;
  onReply(bytes: Uint8Array): void;
  /** It could not be made. */
  onFailed(error: Error): void;
}

const NOTHING = () => {};

export class DatagramTarget {
  readonly #socket: Socket;
  #isReady = false;
  #isClosed = false;

  /** A host name is looked up as IPv4. `socket`: one that is made already, see `take`. */
  constructor({ host, port }: Endpoint, owner: DatagramTargetOwner, socket: Socket | null = null) {
    const family = isIP(host);
    const type = family === 6 ? 'udp6' : 'udp4';
    this.#socket = socket ?? createSocket(family === 0 ? { type, lookup: names.lookupOne } : { type });
    this.#socket.on('message', (bytes) => owner.onReply(bytes));
    this.#socket.on('error', (error) => {
      // Later ones are what ICMP says of single datagrams, such as that nobody listens yet.
      if (!this.#isReady && !this.#isClosed) owner.onFailed(error);
    });
    if (socket !== null) {
      this.#isReady = true;
      return;
    }
    this.#socket.connect(port, host, (...[error]: unknown[]) => {
      if (this.#isClosed) return;
      if (error instanceof Error) {
        owner.onFailed(error);
        return;
      }
      this.#isReady = true;
      owner.onReady();
    });
  }

  /** On a connected descriptor, ready at once; what waits in it comes as any other reply. null: it is of no use, and closed. */
  static take(fd: number, endpoint: Endpoint, owner: DatagramTargetOwner): DatagramTarget | null {
    const socket = createSocket(isIP(endpoint.host) === 6 ? 'udp6' : 'udp4');
    if (takeConnected(socket, fd)) return new DatagramTarget(endpoint, owner, socket);
    if (descriptorOf(socket) !== fd) closeSync(fd);
    socket.close();
    return null;
  }

  /** For a process that is to read it in place of this one; null: it is not connected yet, or this Node does not show it. */
  get fd(): number | null {
    return this.#isReady && !this.#isClosed ? descriptorOf(this.#socket) : null;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** False where it had to be dropped. */
  send(bytes: Uint8Array): boolean {
    if (!this.#isReady || this.#socket.getSendQueueSize() + bytes.length > SEND_QUEUE_MAX_BYTES) return false;
    this.#socket.send(bytes, NOTHING);
    return true;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }
}
