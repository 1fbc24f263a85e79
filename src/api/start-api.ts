// Starts and stops the HTTP API on one address. What it answers is build-api.ts's business.
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';
import { formatEndpoint } from '../platform/endpoint.ts';
import { errorText, TorporError } from '../platform/errors.ts';
import type { HistoryReader } from '../platform/history.ts';
import type { MetricsPage } from '../platform/metrics.ts';
import type { Logger } from '../platform/ports.ts';
import type { Farm } from '../platform/status.ts';
import { type ApiTls, buildApi } from './build-api.ts';
import { readDashboardFiles } from './dashboard-files.ts';
import { isLoopback } from './loopback.ts';
import { TokenStore } from './token-store.ts';

export interface StartApiOptions {
  /** Port 0: any free port. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly log: Logger;
  readonly version: string;
  readonly heartbeatMs?: number | undefined;
  /** null, the default: no token is asked for, and only loopback is listened on. */
  readonly tokensFile?: string | null | undefined;
  /** Paths of PEM files; null, the default: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string } | null | undefined;
  /** Whether the dashboard is served. Default: not. */
  readonly dashboard?: boolean | undefined;
  readonly nowMs?: (() => number) | undefined;
  /** null, or left out: none is kept. */
  readonly history?: HistoryReader | null;
  readonly metrics?: MetricsPage | null;
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
 * Listens. Throws ERR_API_LISTEN, with what to do, where the address is not loopback and no tokens are configured (whoever reaches
 * this API can put every platform to sleep), is taken, or is not this machine's; ERR_API_TOKENS where the tokens cannot be read.
 */
export async function startApi(farm: Farm, options: StartApiOptions): Promise<ApiServer> {
  const { log, version, heartbeatMs, history = null, metrics = null } = options;
  const { host, port } = options.listen;
  const shown = formatEndpoint(options.listen);
  const nowMs = options.nowMs ?? Date.now;
  const tokens = openTokens(options, shown, nowMs);
  const tls = readTls(options.tls ?? null);
  if (!isLoopback(host) && tls === null)
    log.warn({}, `tokens and answers of the API on ${shown} travel in the clear: set api.tls`);
  // "localhost" may be two addresses: one is listened on, the one that clients try in any case.
  const address = host.toLowerCase() === 'localhost' ? '127.0.0.1' : host;
  const files = options.dashboard === true ? readDashboardFiles() : [];
  const served = { history, metrics, files };
  const app = buildApi(farm, { log, version, heartbeatMs, nowMs, tokens, tls, listenHost: address, ...served });
  try {
    await app.listen({ host: address, port });
  } catch (error) {
    await app.close();
    throw new TorporError('ERR_API_LISTEN', `the API cannot listen on ${shown}: ${explainListen(error)}`, {
      cause: error,
    });
  }
  const bound = app.server.address() as AddressInfo;
  const scheme = tls === null ? 'http' : 'https';
  const url = `${scheme}://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`;
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

function openTokens(
  { listen, tokensFile, log }: StartApiOptions,
  shown: string,
  nowMs: () => number,
): TokenStore | null {
  if (tokensFile === undefined || tokensFile === null) {
    if (isLoopback(listen.host)) return null;
    throw new TorporError(
      'ERR_API_LISTEN',
      `the API cannot listen on ${shown} without tokens: whoever reaches it could put every platform to sleep; make one with ` +
        '"torpor token add NAME --role operate --file FILE" and set api.tokensFile, or set api.listen to 127.0.0.1:7070',
    );
  }
  const tokens = new TokenStore(tokensFile, log, nowMs);
  if (tokens.size === 0)
    log.warn({ tokensFile }, 'there is no API token yet, so nobody is let in: torpor token add makes one');
  return tokens;
}

/** Throws ERR_API_LISTEN where a file cannot be read, or they do not fit together. */
function readTls(tls: { readonly cert: string; readonly key: string } | null): ApiTls | null {
  if (tls === null) return null;
  try {
    const files = { cert: readFileSync(tls.cert), key: readFileSync(tls.key) };
    createSecureContext(files);
    return files;
  } catch (error) {
    const detail = `the API's TLS files ${tls.cert} and ${tls.key} cannot be used: ${errorText(error)}`;
    throw new TorporError('ERR_API_LISTEN', detail, { cause: error });
  }
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
