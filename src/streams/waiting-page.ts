// Answers a web client in its sleeping server's place: reads one request's head, decides who gets a page, and moves no byte itself.
import { readFields } from './http-fields.ts';
import { type WakeNotice, waitingPage } from './waiting-page-html.ts';

/** off: every request is held. browsers: pages that somebody opens are answered. all: other readers get 503, too. */
export type WaitingPageRule = 'off' | 'browsers' | 'all';

/** A longer head is held, not answered. Servers' own bounds lie between 8 and 64 KiB. */
export const HEAD_MAX_BYTES = 16 * 1024;
/** What an API client is told where no wake was measured yet, seconds. */
const RETRY_AFTER_S = 10;

/** more: the head is not whole. hold: this connection is no business of the page's any more. Else: the bytes to answer with. */
export type WaitingVerdict = 'more' | 'hold' | Buffer;

/**
 * One connection's part, from its first byte to its first head. What is answered is one whole request without a body, by a safe method
 * (RFC 9110 section 9.2.1), with nothing behind it: everything else is held, so that nothing that acts is ever lost or doubled.
 */
export class WaitingPage {
  readonly #rule: WaitingPageRule;
  #head = Buffer.alloc(0);

  constructor(rule: WaitingPageRule) {
    this.#rule = rule;
  }

  /** Takes note of a chunk; copies what it keeps. */
  add(chunk: Buffer): void {
    if (this.#head.length <= HEAD_MAX_BYTES) this.#head = Buffer.concat([this.#head, chunk]);
  }

  /** What to do with all that came so far. */
  judge(notice: WakeNotice): WaitingVerdict {
    if (this.#head.length > HEAD_MAX_BYTES || !maySafelyBeRead(this.#head)) return 'hold';
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return 'more';
    if (end + 4 !== this.#head.length) return 'hold';
    const request = readHead(this.#head.toString('latin1', 0, end));
    if (request === null || !isAnswerable(request)) return 'hold';
    if (isPageOpened(request)) return waitingPage(notice);
    // The page's own question asks to be held: its answer is the sign that the server is there.
    const asksForPage = request.headers.has('torpor-wait');
    return this.#rule === 'all' && !asksForPage ? unavailable(request, notice) : 'hold';
  }
}

interface RequestHead {
  readonly method: string;
  /** Names in lower case; a name that is there twice has both values, joined by commas. */
  readonly headers: ReadonlyMap<string, string>;
}

/** The first bytes are, or may become, `GET ` or `HEAD `. */
function maySafelyBeRead(bytes: Buffer): boolean {
  const first = bytes.toString('latin1', 0, 5);
  return ['GET ', 'HEAD '].some((method) => method.startsWith(first) || first.startsWith(method));
}

/** RFC 9112 sections 3 and 5; null where it is anything but plain HTTP/1. */
function readHead(text: string): RequestHead | null {
  const [first, ...lines] = text.split('\r\n');
  const method = /^(GET|HEAD) [!-~]+ HTTP\/1\.[01]$/.exec(first ?? '')?.[1];
  if (method === undefined) return null;
  const headers = readFields(lines);
  return headers === null ? null : { method, headers };
}

/** No body, no change of protocol, nothing conditional on the connection. */
function isAnswerable({ headers }: RequestHead): boolean {
  const length = headers.get('content-length');
  if (length !== undefined && length !== '0') return false;
  return !['transfer-encoding', 'upgrade', 'expect'].some((name) => headers.has(name));
}

/** Somebody opens a page, and sees what is answered. A script's request that would take HTML is none. */
function isPageOpened({ method, headers }: RequestHead): boolean {
  if (method !== 'GET' || !takesHtml(headers.get('accept') ?? '')) return false;
  if (headers.has('sec-purpose') || headers.has('purpose')) return false;
  const destination = headers.get('sec-fetch-dest');
  return destination === undefined || destination === 'document';
}

/** RFC 9110 section 12.5.1: `text/html` is named, and not with a quality of 0. */
function takesHtml(accept: string): boolean {
  return accept.split(',').some((range) => {
    const [type, ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    return type === 'text/html' && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

/** RFC 9110 sections 15.6.4 and 10.2.3, with a problem document (RFC 9457). */
function unavailable({ method }: RequestHead, { usualMs, elapsedMs }: WakeNotice): Buffer {
  const leftS = usualMs === null ? RETRY_AFTER_S : Math.max(1, Math.ceil((usualMs - elapsedMs) / 1000));
  const problem = {
    type: 'urn:torpor:waking',
    title: 'The server is being woken',
    status: 503,
    detail: `It slept, and this request has woken it; it was not forwarded. Ask again in about ${leftS} s.`,
  };
  const body = Buffer.from(JSON.stringify(problem));
  const head = [
    'HTTP/1.1 503 Service Unavailable',
    'Content-Type: application/problem+json',
    `Content-Length: ${body.length}`,
    `Retry-After: ${leftS}`,
    'Cache-Control: no-store',
    'Connection: close',
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), method === 'HEAD' ? Buffer.alloc(0) : body]);
}
