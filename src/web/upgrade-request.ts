// Judges a request for a WebSocket: whether it is one (RFC 6455 section 4.2.1), and whether the listener's rule lets it in. Answers nothing itself.
import type { WebSocketRule } from '../platform/web-socket-rule.ts';
import type { RefusalStatus } from './http-refusal.ts';
import { listOf, type RequestHead, readRequestHead } from './request-head.ts';

/** A token may come as a subprotocol behind this, because a page can send no header; it is never the one that is chosen. */
export const TOKEN_SUBPROTOCOL = 'torpor-token.';

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~\w]+$/;
/** 16 bytes in Base64. */
const KEY = /^[+/0-9A-Za-z]{22}==$/;

export interface UpgradeRequest {
  readonly key: string;
  /** null: the client offers none. */
  readonly subprotocol: string | null;
}

export interface UpgradeRefusal {
  readonly status: RefusalStatus;
  /** For the client and the log: says what to do, and nothing of what the client showed. */
  readonly why: string;
}

export type UpgradeJudgement = UpgradeRequest | UpgradeRefusal;

/** `acceptsTokens` is asked only where the rule wants a token; what it throws passes. `text`: the request's head without its empty line. */
export function judgeUpgrade(
  text: string,
  rule: WebSocketRule,
  acceptsTokens: (shown: readonly string[]) => boolean,
): UpgradeJudgement {
  const head = readRequestHead(text);
  if (typeof head === 'string') return { status: 400, why: `the request cannot be read: ${head}` };
  return (
    refusePath(head, rule) ??
    refuseShape(head) ??
    refuseOrigin(head, rule) ??
    refuseToken(head, rule, acceptsTokens) ??
    chooseSubprotocol(head, rule)
  );
}

function refusePath({ path }: RequestHead, rule: WebSocketRule): UpgradeRefusal | null {
  if (rule.path === null || path === rule.path) return null;
  return { status: 404, why: 'nothing is here: connect to the path that the listener names (webSocket.path)' };
}

/** What makes a request one for a WebSocket. */
function refuseShape(head: RequestHead): UpgradeRefusal | null {
  const { headers } = head;
  if (head.method !== 'GET') return { status: 405, why: 'only WebSockets are served here: connect with one, by GET' };
  if (!has(listOf(head, 'upgrade'), 'websocket') || !has(listOf(head, 'connection'), 'upgrade'))
    return {
      status: 426,
      why: 'only WebSockets are served here: connect with one (a proxy in between has to pass Upgrade and Connection on)',
    };
  if (headers.get('sec-websocket-version') !== '13')
    return { status: 426, why: 'this version of WebSocket is not spoken here: use 13 (RFC 6455)' };
  if ((headers.get('host') ?? '') === '') return { status: 400, why: 'the request has no Host header' };
  if (!KEY.test(headers.get('sec-websocket-key') ?? ''))
    return { status: 400, why: 'Sec-WebSocket-Key is not 16 bytes in Base64' };
  if (headers.has('transfer-encoding') || (headers.get('content-length') ?? '0') !== '0')
    return { status: 400, why: 'a request for a WebSocket has no body' };
  return null;
}

/** A page of another site must not use what its reader's browser can reach. What is no page sends no Origin. */
function refuseOrigin({ headers }: RequestHead, { origins }: WebSocketRule): UpgradeRefusal | null {
  const origin = headers.get('origin');
  if (origin === undefined || origins?.includes('*')) return null;
  const url = tryUrl(origin);
  const isAllowed =
    url !== null && (origins === null ? isSameHost(url, headers.get('host') ?? '') : origins.includes(url.origin));
  if (isAllowed) return null;
  const why =
    origins === null
      ? 'the page comes from another host: serve it from this one (a proxy has to pass Host on), or list its origin (webSocket.origins)'
      : 'pages of this origin may not connect: list it (webSocket.origins)';
  return { status: 403, why };
}

/** By host and port; where the scheme's own port is left out it is meant. */
function isSameHost(origin: URL, host: string): boolean {
  const own = tryUrl(`${origin.protocol}//${host}`);
  return own !== null && own.host === origin.host && /^https?:$/.test(origin.protocol);
}

function tryUrl(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}

function refuseToken(
  head: RequestHead,
  { tokenFile }: WebSocketRule,
  acceptsTokens: (shown: readonly string[]) => boolean,
): UpgradeRefusal | null {
  if (tokenFile === null) return null;
  const shown = tokensOf(head);
  if (shown.length > 0 && acceptsTokens(shown)) return null;
  const how = `by Authorization: Bearer TOKEN, as ?token=TOKEN, or as the subprotocol ${TOKEN_SUBPROTOCOL}TOKEN`;
  return { status: 401, why: `${shown.length === 0 ? 'a token is missing' : 'the token is unknown'}: show one ${how}` };
}

const SHOWN_MAX = 4;

function tokensOf(head: RequestHead): string[] {
  const bearer = /^Bearer +([^\s]+)$/i.exec(head.headers.get('authorization') ?? '')?.[1];
  const query = new URLSearchParams(head.query).getAll('token');
  const offered = listOf(head, 'sec-websocket-protocol').filter((word) => word.startsWith(TOKEN_SUBPROTOCOL));
  const words = offered.map((word) => word.slice(TOKEN_SUBPROTOCOL.length));
  return [...(bearer === undefined ? [] : [bearer]), ...query, ...words].slice(0, SHOWN_MAX);
}

/** The first that the client offers and the listener lists: clients name what they like best first (RFC 6455 section 1.9). */
function chooseSubprotocol(head: RequestHead, rule: WebSocketRule): UpgradeJudgement {
  const key = head.headers.get('sec-websocket-key') as string;
  const words = listOf(head, 'sec-websocket-protocol');
  if (words.some((word) => !TOKEN.test(word)) || new Set(words).size !== words.length)
    return { status: 400, why: 'Sec-WebSocket-Protocol is no list of different words' };
  const chosen = words.find((word) => rule.subprotocols.includes(word)) ?? null;
  // A browser that offers some and is told none gives up without a word.
  if (words.length > 0 && chosen === null) {
    const known = rule.subprotocols.length === 0 ? 'no subprotocol' : `one of ${rule.subprotocols.join(', ')}`;
    return {
      status: 400,
      why: `none of the subprotocols that it offers is spoken here: offer ${known}, or none at all`,
    };
  }
  return { key, subprotocol: chosen };
}

function has(words: readonly string[], word: string): boolean {
  return words.some((each) => each.toLowerCase() === word);
}
