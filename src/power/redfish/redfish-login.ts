// Who Torpor is to one BMC: a session that is made once and used by all, or a password with each question. What is asked is redfish-client.ts's.
import { TorporError } from '../../platform/errors.ts';
import type { Clock, Logger } from '../../platform/ports.ts';
import { abortable } from './abortable.ts';
import type { HttpAnswer, HttpPort } from './http-port.ts';
import { parseJsonObject } from './json-document.ts';
import { type RedfishStatusError, statusError } from './redfish-error.ts';
import { linkOf, toPath } from './service-link.ts';

export type LoginKind = 'session' | 'basic';

export interface RedfishAccess {
  readonly user: string;
  readonly password: string;
  readonly login: LoginKind;
}

/** What a question carries, and which login it stands for. */
export interface LoginTicket {
  readonly number: number;
  readonly headers: Readonly<Record<string, string>>;
}

interface Session {
  readonly ticket: LoginTicket;
  readonly token: string;
  /** Its resource, to log out; null where the BMC did not say. */
  readonly path: string | null;
}

/** BMCs lock accounts and addresses after three to five wrong logins within minutes. */
const FIRST_BACK_OFF_MS = 10_000;
const MAX_BACK_OFF_MS = 300_000;
/** Bytes; real ones have 32 to 200. */
const MAX_TOKEN_CHARS = 4096;
const MAX_REMEMBERED_TOKENS = 8;
const LOGOUT_BOUND_MS = 3_000;
/** How long a login that was sent may take once the owner is closed: its session is to be ended, not left behind. */
const LAST_LOGIN_BOUND_MS = 3_000;
const TOKEN = /^[\x21-\x7e]+$/;

export interface RedfishLoginOptions {
  readonly port: HttpPort;
  readonly access: RedfishAccess;
  readonly clock: Clock;
  readonly log?: Logger | undefined;
  /** Where sessions are made, asked before the first one. */
  readonly sessionsPath: (signal: AbortSignal) => Promise<string>;
  /** Ends what is under way when the owner is closed. */
  readonly ownerSignal: AbortSignal;
}

/** Never more than one session at a time: a BMC has 4 to 16 of them for everybody. */
export class RedfishLogin {
  readonly kind: LoginKind;
  readonly #options: RedfishLoginOptions;
  readonly #password: string;
  #session: Session | null = null;
  #opening: Promise<Session> | null = null;
  #logins = 0;
  /** Tokens of late, the last one first: a BMC might quote them when they no longer count. */
  readonly #tokens: string[] = [];
  #backOffMs = 0;
  #notBeforeMs = 0;
  #lastRefusal: TorporError | null = null;
  /** Ends a login that is under way. */
  readonly #ending = new AbortController();
  #isLoginSent = false;

  constructor(options: RedfishLoginOptions) {
    this.#options = { ...options, access: { ...options.access, password: '' } };
    this.#password = options.access.password;
    this.kind = options.access.login;
  }

  /** The session's own resource; null without one. */
  get sessionPath(): string | null {
    return this.#session?.path ?? null;
  }

  /** Opens a session where one is needed. Rejects with ERR_REDFISH_AUTHENTICATION, ERR_REDFISH_SESSION, or as the port does. */
  async ticket(signal: AbortSignal): Promise<LoginTicket> {
    this.#refuseTooEarly();
    if (this.kind === 'basic') {
      const { user } = this.#options.access;
      const pair = Buffer.from(`${user}:${this.#password}`).toString('base64');
      return { number: this.#logins, headers: { Authorization: `Basic ${pair}` } };
    }
    if (this.#session !== null) return this.#session.ticket;
    this.#opening ??= this.#open().finally(() => {
      this.#opening = null;
    });
    return (await abortable(this.#opening, signal, `the login at BMC ${this.#options.port.peer}`)).ticket;
  }

  /** The BMC no longer knows a ticket's session: the next question logs in again. Nothing for one that was replaced meanwhile. */
  expire(ticket: LoginTicket): void {
    if (this.#session?.ticket.number !== ticket.number) return;
    this.#session = null;
  }

  /** The BMC refuses a ticket that it has just given, or the password: no more tries for a while, and no session left behind. */
  async distrust(ticket: LoginTicket, refusal: TorporError): Promise<void> {
    this.#noteRefusal(refusal);
    const session = this.#session;
    if (session?.ticket.number !== ticket.number) return;
    this.#session = null;
    await this.#logout(session);
  }

  /** Called when a ticket was accepted. */
  accepted(): void {
    this.#backOffMs = 0;
    this.#lastRefusal = null;
  }

  /** Text without the password and the tokens, whoever wrote it. */
  readonly scrub = (text: string): string => {
    const { user } = this.#options.access;
    const pair = Buffer.from(`${user}:${this.#password}`).toString('base64');
    // As it is, and as it stands in the JSON of a login.
    const password = [JSON.stringify(this.#password).slice(1, -1), this.#password];
    const secrets = [pair, ...this.#tokens, ...password];
    return secrets.reduce<string>((clean, secret) => (secret ? clean.replaceAll(secret, '***') : clean), text);
  };

  /** Logs out, within bounds. Call it when nothing is asked any more, and `ownerSignal` was aborted. */
  async close(): Promise<void> {
    const opening = this.#opening;
    const session = opening === null ? this.#session : await this.#lastLogin(opening);
    this.#session = null;
    if (session !== null) await this.#logout(session);
  }

  async #lastLogin(opening: Promise<Session>): Promise<Session | null> {
    const { clock, ownerSignal } = this.#options;
    const end = () => this.#ending.abort(ownerSignal.reason);
    if (!this.#isLoginSent) end();
    const cancel = clock.schedule(LAST_LOGIN_BOUND_MS, end);
    try {
      return await opening.catch(() => this.#session);
    } finally {
      cancel();
    }
  }

  // ------------------------------------------------------------------------------------ one session

  async #open(): Promise<Session> {
    const { port, access, sessionsPath, ownerSignal, log } = this.#options;
    const path = await sessionsPath(ownerSignal);
    ownerSignal.throwIfAborted();
    this.#isLoginSent = false;
    const what = `login of user ${access.user} at BMC ${port.peer}`;
    const answer = await port.ask(
      {
        method: 'POST',
        path,
        headers: { Accept: 'application/json', 'Content-Type': 'application/json', 'OData-Version': '4.0' },
        body: JSON.stringify({ UserName: access.user, Password: this.#password }),
        // A second one could leave a second session behind.
        delivery: 'once',
        onSent: () => {
          this.#isLoginSent = true;
        },
      },
      this.#ending.signal,
    );
    if (answer.status < 200 || answer.status >= 300) throw this.#explainRefusal(what, answer);
    const session = this.#readSession(what, answer);
    this.#session = session;
    if (session.path === null)
      log?.warn({ bmc: port.peer }, 'the BMC does not say how to log out: its sessions end by themselves');
    return session;
  }

  #readSession(what: string, answer: HttpAnswer): Session {
    const token = answer.headers['x-auth-token'] ?? '';
    if (token === '' || token.length > MAX_TOKEN_CHARS || !TOKEN.test(token)) {
      const advice = 'the BMC gives no session token: write login: basic';
      throw new TorporError('ERR_REDFISH_SESSION', `${what}: ${advice}`);
    }
    this.#logins += 1;
    this.#tokens.unshift(token);
    this.#tokens.length = Math.min(this.#tokens.length, MAX_REMEMBERED_TOKENS);
    const ticket = { number: this.#logins, headers: { 'X-Auth-Token': token } };
    return { ticket, token, path: toPath(answer.headers.location) ?? linkInBody(answer) };
  }

  #explainRefusal(what: string, answer: HttpAnswer): TorporError {
    const error = statusError(what, answer, this.scrub);
    if (isSessionLimit(error)) {
      const advice = 'Torpor needs one session: end others on the BMC, or write login: basic';
      return new TorporError('ERR_REDFISH_SESSION', `${error.message}; ${advice}`, { cause: error, retryable: true });
    }
    if (![400, 401, 403].includes(answer.status)) return error;
    const refusal = new TorporError('ERR_REDFISH_AUTHENTICATION', `${error.message}; look at user and password`, {
      cause: error,
    });
    this.#noteRefusal(refusal);
    return refusal;
  }

  #noteRefusal(refusal: TorporError): void {
    this.#backOffMs = Math.min(MAX_BACK_OFF_MS, this.#backOffMs === 0 ? FIRST_BACK_OFF_MS : this.#backOffMs * 2);
    this.#notBeforeMs = this.#options.clock.nowMs() + this.#backOffMs;
    this.#lastRefusal = refusal;
  }

  #refuseTooEarly(): void {
    const waitMs = this.#notBeforeMs - this.#options.clock.nowMs();
    if (this.#lastRefusal === null || waitMs <= 0) return;
    const text = `${this.#lastRefusal.message}; not tried again for ${Math.ceil(waitMs / 1000)} s, so that the BMC does not lock the account`;
    throw new TorporError(this.#lastRefusal.code, text, { cause: this.#lastRefusal });
  }

  /** Best effort: a session that cannot be ended runs into the BMC's own time-out. */
  async #logout(session: Session): Promise<void> {
    if (session.path === null) return;
    const { port, clock, log } = this.#options;
    const bound = new AbortController();
    const cancel = clock.schedule(LOGOUT_BOUND_MS, () => bound.abort());
    try {
      const headers = { ...session.ticket.headers, 'OData-Version': '4.0' };
      const answer = await port.ask(
        { method: 'DELETE', path: session.path, headers, body: null, delivery: 'repeatable' },
        bound.signal,
      );
      if (answer.status >= 400)
        log?.debug({ bmc: port.peer, status: answer.status }, 'the BMC did not end its session');
    } catch (thrown) {
      if (!(thrown instanceof TorporError)) throw thrown;
      log?.debug({ bmc: port.peer, why: thrown.message }, 'the session at the BMC could not be ended');
    } finally {
      cancel();
    }
  }
}

/** Base's SessionLimitExceeded, and iDRAC's RAC0218, which comes with status 503. */
function isSessionLimit(error: RedfishStatusError): boolean {
  return error.messageIds.some((id) => /\.(SessionLimitExceeded|RAC0218)\b/.test(id));
}

function linkInBody(answer: HttpAnswer): string | null {
  try {
    return linkOf(parseJsonObject(answer.body, ''));
  } catch {
    return null;
  }
}
