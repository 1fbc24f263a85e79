// Starts and stops the HTTP API on one address. What it answers is build-api.ts's business.
import type { AddressInfo } from 'node:net';
import { formatEndpoint } from '../platform/endpoint.ts';
import { errorText, TorporError } from '../platform/errors.ts';
import type { Logger } from '../platform/ports.ts';
import type { Farm } from '../platform/status.ts';
import { buildApi } from './build-api.ts';
import { isLoopback } from './loopback.ts';

export interface StartApiOptions {
  /** Port 0: any free port. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly log: Logger;
  readonly version: string;
  readonly heartbeatMs?: number | undefined;
}

export interface ApiServer {
  /** Where it answers: `http://127.0.0.1:7070`. */
  readonly url: string;
  /** Ends event streams and open requests. Idempotent, and done within CLOSE_GRACE_MS and a little. */
  close(): Promise<void>;
}

/** What a request under way may still take when the API closes. */
export const CLOSE_GRACE_MS = 1000;

/**
 * Listens on a loopback address. Throws ERR_API_LISTEN, with what to do, where the address is not loopback (whoever reaches
 * this API can put every platform to sleep, and it knows no users), is taken, or is not this machine's.
 */
export async function startApi(farm: Farm, options: StartApiOptions): Promise<ApiServer> {
  const { host, port } = options.listen;
  const shown = formatEndpoint(options.listen);
  if (!isLoopback(host)) {
    throw new TorporError(
      'ERR_API_LISTEN',
      `the API cannot listen on ${shown}: it knows no users yet, so it answers to this machine only; ` +
        'set api.listen to 127.0.0.1:7070 and reach it through ssh -L from elsewhere',
    );
  }
  // "localhost" may be two addresses: one is listened on, the one that clients try in any case.
  const address = host.toLowerCase() === 'localhost' ? '127.0.0.1' : host;
  const app = buildApi(farm, { ...options, listenHost: address });
  try {
    await app.listen({ host: address, port });
  } catch (error) {
    await app.close();
    throw new TorporError('ERR_API_LISTEN', `the API cannot listen on ${shown}: ${explainListen(error)}`, {
      cause: error,
    });
  }
  const bound = app.server.address() as AddressInfo;
  const url = `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`;
  let closing: Promise<void> | undefined;
  const close = async () => {
    const timer = setTimeout(() => app.server.closeAllConnections(), CLOSE_GRACE_MS);
    await app.close().finally(() => clearTimeout(timer));
  };
  return {
    url,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

function explainListen(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EADDRINUSE') {
    return 'the port is taken, perhaps by another Torpor (torpor status tells); stop it, or set api.listen to a free port';
  }
  if (code === 'EACCES') return 'this user may not use that port; set api.listen to a port above 1023';
  if (code === 'EADDRNOTAVAIL') return 'this machine does not have that address; set api.listen to 127.0.0.1:7070';
  return errorText(error);
}
