// Who asks, and whether they may: by a token in the header, or by the dashboard's session. Where the tokens stand is others' business.
import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Logger } from '../platform/ports.ts';
import { RequestRefused } from './problem.ts';
import { SESSION_MAX_AGE_MS, SessionTable } from './session-table.ts';
import type { Role, TokenEntry } from './token-file.ts';
import type { TokenStore } from './token-store.ts';

/** What a route asks for. open: nobody is asked who they are. */
export type Need = 'open' | Role;

/** Who asks. `name` null: no tokens are configured, so everybody who reaches the API may do everything. */
export interface Caller {
  readonly name: string | null;
  readonly role: Role;
}

export interface AccessOptions {
  /** null: no tokens are configured. */
  readonly tokens: TokenStore | null;
  /** The cookie may be sent back over TLS only. */
  readonly isSecure: boolean;
  readonly log: Logger;
  readonly nowMs: () => number;
}

const ANYBODY: Caller = { name: null, role: 'operate' };
/** Far above a token of ours. */
const TOKEN_MAX_CHARS = 256;
/** Enough that two Torpors of one host name are not called alike. */
const INSTANCE_BYTES = 4;

export class Access {
  readonly #options: AccessOptions;
  readonly #sessions: SessionTable;
  readonly #cookie: string;

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#sessions = new SessionTable(options.nowMs);
    // The prefix makes browsers refuse such a cookie from anywhere but this very host, over TLS (RFC 6265bis section 4.1.3).
    // Browsers keep cookies by host name and not by port: two Torpors of one name must not take each other's away. Sessions end with
    // the process, and so may the name.
    const name = `torpor-${randomBytes(INSTANCE_BYTES).toString('hex')}`;
    this.#cookie = options.isSecure ? `__Host-${name}` : name;
  }

  get asksForTokens(): boolean {
    return this.#options.tokens !== null;
  }

  /** Who asks; null where they showed nothing that is known. Throws RequestRefused (401) for a token that is wrong. */
  identify(headers: IncomingHttpHeaders): Caller | null {
    const { tokens } = this.#options;
    if (tokens === null) return ANYBODY;
    const { authorization } = headers;
    if (authorization !== undefined) return this.#byToken(tokens, authorization);
    const token = this.#sessionToken(headers);
    return token === null || !tokens.holds(token) ? null : token;
  }

  /** Who asks, if they may. Throws RequestRefused: 401 where nobody is known, 403 where their role does not reach. */
  require(need: Role, method: string, headers: IncomingHttpHeaders): Caller {
    const caller = this.identify(headers);
    if (caller === null) {
      throw new RequestRefused(
        401,
        'A token is needed',
        'send it as "Authorization: Bearer TOKEN"; torpor token add makes one',
      );
    }
    if (need === 'operate' && caller.role !== 'operate') {
      const detail = `the token ${caller.name} may look, not touch: its role is view, and this needs operate`;
      throw new RequestRefused(403, 'The role does not reach', detail);
    }
    if (method !== 'GET' && headers.authorization === undefined) this.refuseForgery(headers);
    return caller;
  }

  /** Whether who was let in by these headers would be now: for answers that do not end. The token may be revoked, the session over. */
  isStillKnown(headers: IncomingHttpHeaders): boolean {
    const { tokens } = this.#options;
    if (tokens === null) return true;
    const { authorization } = headers;
    if (authorization === undefined) return this.identify(headers) !== null;
    return tokens.find(bearerOf(authorization) ?? '') !== null;
  }

  /**
   * A cookie goes along with whatever a page makes the browser send. Ours goes to no other site (SameSite=Strict), other sites' requests
   * are refused, and what changes something must say that it comes from here: browsers always do.
   */
  refuseForgery(headers: IncomingHttpHeaders): void {
    if (!this.asksForTokens) return;
    if (headers.origin !== undefined || headers['sec-fetch-site'] === 'same-origin') return;
    throw new RequestRefused(403, 'Where from?', 'a request with a session must carry Origin: send a token instead');
  }

  /** Opens a session for a token: the value of Set-Cookie. Throws RequestRefused (401). */
  logIn(token: string): { readonly caller: Caller; readonly setCookie: string } {
    const { tokens } = this.#options;
    if (tokens === null) return { caller: ANYBODY, setCookie: this.#setCookie('', 0) };
    const entry = this.#find(tokens, token);
    const id = this.#sessions.open(entry);
    return { caller: entry, setCookie: this.#setCookie(id, SESSION_MAX_AGE_MS / 1000) };
  }

  /** Ends the session: the value of Set-Cookie that takes the cookie away. */
  logOut(headers: IncomingHttpHeaders): string {
    this.#sessions.close(readCookie(headers.cookie, this.#cookie) ?? '');
    return this.#setCookie('', 0);
  }

  #byToken(tokens: TokenStore, authorization: string): Caller {
    const token = bearerOf(authorization);
    if (token === null) {
      throw new RequestRefused(401, 'A token is needed', 'Authorization takes "Bearer TOKEN", and nothing else');
    }
    return this.#find(tokens, token);
  }

  #find(tokens: TokenStore, token: string): TokenEntry {
    const entry = token.length > TOKEN_MAX_CHARS ? null : tokens.find(token);
    if (entry !== null) return entry;
    this.#options.log.warn({}, 'a token was shown to the API that is not known');
    throw new RequestRefused(
      401,
      'The token is not known',
      'it is not among the tokens of this Torpor, or was revoked',
    );
  }

  #sessionToken(headers: IncomingHttpHeaders): TokenEntry | null {
    const id = readCookie(headers.cookie, this.#cookie);
    return id === null ? null : this.#sessions.find(id);
  }

  #setCookie(value: string, maxAgeSeconds: number): string {
    const secure = this.#options.isSecure ? '; Secure' : '';
    return `${this.#cookie}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict${secure}`;
  }
}

/** The token of a header; null where it is of another kind. */
function bearerOf(authorization: string): string | null {
  return /^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? null;
}

/** RFC 6265 section 4.2.1: `name=value` pairs. */
function readCookie(header: string | undefined, name: string): string | null {
  for (const pair of (header ?? '').split(';')) {
    const [key, value] = pair.trim().split('=');
    if (key === name && value !== undefined && value !== '') return value;
  }
  return null;
}
