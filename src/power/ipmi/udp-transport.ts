// A connected UDP socket as a BMC transport. Knows no IPMI.
import { createSocket, type Socket } from 'node:dgram';
import { names } from '../../name-lookup.ts';
import { errorText, TorporError } from '../../platform/errors.ts';
import type { BmcTransport, TransportListener } from './transport.ts';

/**
 * Opens a socket connected to `host:port`, so that the kernel hands over ICMP errors and drops datagrams from anybody
 * else. Rejects with ERR_IPMI_UNREACHABLE where the name has no address or no socket can be had.
 */
export async function openUdpTransport(host: string, port: number, listener: TransportListener): Promise<BmcTransport> {
  const { address, family } = await resolveHost(host, port);
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  try {
    await connect(socket, port, address);
  } catch (thrown) {
    socket.close();
    throw unreachable(host, port, thrown);
  }
  return new UdpTransport(socket, host, port, listener);
}

async function resolveHost(host: string, port: number): Promise<{ address: string; family: number }> {
  try {
    return await names.first(host);
  } catch (thrown) {
    throw unreachable(host, port, thrown);
  }
}

/** Node tells a failed connect (no route) to the callback where there is one, and any other failure by an event. */
function connect(socket: Socket, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.connect(port, address, (error?: Error) => {
      socket.off('error', reject);
      if (error === undefined) resolve();
      else reject(error);
    });
  });
}

function unreachable(host: string, port: number, thrown: unknown): TorporError {
  const errno = (thrown as NodeJS.ErrnoException).code ?? '';
  const advice =
    errno === 'ECONNREFUSED'
      ? 'nothing listens on this UDP port: check the port, and that IPMI over LAN is enabled on the BMC'
      : 'check the name, the address and the route to the BMC';
  const text = `BMC ${host}:${port} cannot be reached: ${errorText(thrown)}; ${advice}`;
  return new TorporError('ERR_IPMI_UNREACHABLE', text, { cause: thrown, retryable: true });
}

class UdpTransport implements BmcTransport {
  readonly #socket: Socket;
  readonly #host: string;
  readonly #port: number;
  readonly #listener: TransportListener;
  #closed: Promise<void> | null = null;

  constructor(socket: Socket, host: string, port: number, listener: TransportListener) {
    this.#socket = socket;
    this.#host = host;
    this.#port = port;
    this.#listener = listener;
    socket.on('message', (bytes) => {
      if (this.#closed === null) listener.packet(bytes);
    });
    // ICMP errors arrive here or at the next send, as the kernel pleases.
    socket.on('error', (error) => this.#fail(error));
  }

  send(bytes: Uint8Array): void {
    if (this.#closed !== null) return;
    this.#socket.send(bytes, (error) => {
      if (error) this.#fail(error);
    });
  }

  #fail(error: Error): void {
    if (this.#closed === null) this.#listener.failure(unreachable(this.#host, this.#port, error));
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => this.#socket.close(() => resolve()));
    return this.#closed;
  }
}
