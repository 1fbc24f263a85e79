// Keeps web pages away from the loopback API: a page in the operator's browser can reach 127.0.0.1 too. Who may listen where is
// start-api.ts's business; there are no users here, only machines that are this one.
import type { IncomingHttpHeaders } from 'node:http';
import { isLoopback, withoutBrackets } from './loopback.ts';
import { RequestRefused } from './problem.ts';

/** The facts of a request that tell a browser's from a program's. */
export interface GuardedRequest {
  readonly method: string;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Throws RequestRefused where a web page may be behind the request. `listenHost` null: callers show tokens, which a page that
 * rebinds its name does not have, so any name is answered to.
 * - 421 where `Host` names neither loopback nor the address listened on (DNS rebinding: the page's own name resolves here),
 * - 403 where `Origin` is another site's, or `Sec-Fetch-Site` says so,
 * - 415 where a body comes as anything but JSON (what a form can send without asking).
 */
export function refuseWebPages(request: GuardedRequest, listenHost: string | null): void {
  const host = hostOf(request.headers.host);
  if (listenHost !== null && (host === null || !(isLoopback(host) || host === listenHost.toLowerCase()))) {
    const detail = `this API answers to localhost only, not to ${quote(request.headers.host)}: use http://127.0.0.1`;
    throw new RequestRefused(421, 'Wrong host', detail);
  }
  if (isForeign(request.headers) && !isLinkToDashboard(request)) {
    throw new RequestRefused(
      403,
      'Another site',
      'requests of pages of other sites are refused: call the API directly',
    );
  }
  const type = request.headers['content-type'];
  if (type !== undefined && mediaType(type) !== 'application/json') {
    const detail = `a body of type ${quote(type)} is refused: send JSON with content-type: application/json`;
    throw new RequestRefused(415, 'Not JSON', detail);
  }
}

/** Somebody follows a link to the dashboard: it shows nothing by itself, and our cookie does not come along. */
function isLinkToDashboard({ method, url, headers }: GuardedRequest): boolean {
  return (
    method === 'GET' &&
    url === '/' &&
    headers['sec-fetch-mode'] === 'navigate' &&
    headers['sec-fetch-dest'] === 'document'
  );
}

function isForeign(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site'];
  if (site === 'cross-site' || site === 'same-site') return true;
  const { origin } = headers;
  if (origin === undefined) return false;
  try {
    return new URL(origin).host !== new URL(`http://${headers.host}`).host;
  } catch {
    return true;
  }
}

/** The host of a `Host` header without its port, in lower case and without brackets; null where it is none. */
function hostOf(header: string | undefined): string | null {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]/@\s]+)(?::\d{1,5})?$/.exec(header ?? '');
  return match === null ? null : withoutBrackets(match[1] as string).toLowerCase();
}

function mediaType(header: string): string {
  return (header.split(';')[0] as string).trim().toLowerCase();
}

function quote(text: string | undefined): string {
  return JSON.stringify((text ?? '').slice(0, 100));
}
