// Questions to one BMC's Redfish service: logged in, read as JSON, repeated within bounds where that is harmless. What they mean is left to others.
import { TorporError } from '../../platform/errors.ts';
import type { Clock, Logger, PressFence } from '../../platform/ports.ts';
import { pause } from './abortable.ts';
import type { HttpAnswer, HttpPort, HttpQuestion } from './http-port.ts';
import { field, fieldAt, type JsonObject, listField, malformed, parseJsonObject, textField } from './json-document.ts';
import { statusError } from './redfish-error.ts';
import { type LoginTicket, type RedfishAccess, RedfishLogin } from './redfish-login.ts';
import { linkField, linkOf, redirectPath, toPath } from './service-link.ts';

export const ROOT_PATH = '/redfish/v1/';
/** Where the root does not say. Before Redfish 1.6 iDRAC had it at /redfish/v1/Sessions, and says so. */
const DEFAULT_SESSIONS_PATH = '/redfish/v1/SessionService/Sessions';
const MAX_REDIRECTS = 3;
/** A busy BMC is asked again so often, after what it says, though never later than that. */
const MAX_BUSY_REPEATS = 2;
const DEFAULT_RETRY_AFTER_MS = 1_000;
const MAX_RETRY_AFTER_MS = 5_000;
const MAX_PAGES = 8;
const MAX_MEMBERS = 64;

export interface RedfishClientOptions {
  readonly port: HttpPort;
  readonly access: RedfishAccess;
  readonly clock: Clock;
  readonly log?: Logger | undefined;
}

/** How an action is sent. once: in one packet, whatever happens. repeatable: as a question is. */
export interface Sending {
  readonly delivery: 'once' | 'repeatable';
  readonly signal: AbortSignal;
  readonly onSent?: (() => void) | undefined;
  readonly fence?: PressFence | undefined;
}

export class RedfishClient {
  readonly peer: string;
  readonly #port: HttpPort;
  readonly #clock: Clock;
  readonly #login: RedfishLogin;
  readonly #closing = new AbortController();
  #root: JsonObject | null = null;

  constructor(options: RedfishClientOptions) {
    const { port, clock } = options;
    this.#port = port;
    this.#clock = clock;
    this.peer = port.peer;
    this.#login = new RedfishLogin({
      ...options,
      ownerSignal: this.#closing.signal,
      sessionsPath: (signal) => this.#sessionsPath(signal),
    });
  }

  /** For people: `TLS, certificate pinned`. */
  get security(): string {
    return this.#port.security;
  }

  get loginKind(): 'session' | 'basic' {
    return this.#login.kind;
  }

  /** The resource of the session in use; null where there is none. */
  get sessionPath(): string | null {
    return this.#login.sessionPath;
  }

  /** The service root; it needs no login, and is read once. */
  async root(signal: AbortSignal): Promise<JsonObject> {
    if (this.#root !== null) return this.#root;
    const answer = await this.#follow(ROOT_PATH, (path) =>
      this.#send({ method: 'GET', path }, {}, this.#bound(signal)),
    );
    this.#root = this.#readBody(answer, 'GET', ROOT_PATH);
    return this.#root;
  }

  /** A resource. Rejects with a TorporError of the area REDFISH. Redirects are followed on the same BMC only. */
  async get(path: string, signal: AbortSignal): Promise<JsonObject> {
    const bound = this.#bound(signal);
    const answer = await this.#follow(path, (at) => this.#askPatiently(at, bound));
    return this.#readBody(answer, 'GET', path);
  }

  /** The answer to an action. Rejects with RedfishStatusError where its status is no success; a redirect is none, and not followed. */
  async post(path: string, body: JsonObject, sending: Sending): Promise<HttpAnswer> {
    const { delivery, onSent, fence, signal } = sending;
    const question = { method: 'POST' as const, path, body: JSON.stringify(body), delivery, onSent, fence };
    const answer = await this.#askLoggedIn(question, this.#bound(signal), delivery === 'repeatable');
    if (answer.status < 200 || answer.status >= 300) throw this.#refusal('POST', path, answer);
    return answer;
  }

  /** The status and body of a resource that may answer 202, such as a task monitor. */
  async look(path: string, signal: AbortSignal): Promise<HttpAnswer> {
    return await this.#askLoggedIn({ method: 'GET', path }, this.#bound(signal), true);
  }

  /** Paths of a collection's members, all pages of it, within bounds. */
  async members(path: string, signal: AbortSignal): Promise<readonly string[]> {
    const found: string[] = [];
    let next: string | null = path;
    for (let page = 0; next !== null && page < MAX_PAGES; page += 1) {
      const collection: JsonObject = await this.get(next, signal);
      const room = MAX_MEMBERS - found.length;
      found.push(
        ...listField(collection, 'Members', room)
          .map(linkOf)
          .filter((link) => link !== null),
      );
      next = found.length < MAX_MEMBERS ? toPath(textField(collection, 'Members@odata.nextLink')) : null;
    }
    return found;
  }

  /** Logs out and ends all connections; what is under way rejects. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort(new TorporError('ERR_REDFISH_SESSION', `the client of BMC ${this.peer} was closed`));
    await this.#login.close();
    this.#port.close();
  }

  /** Foreign text without secrets. */
  scrub(text: string): string {
    return this.#login.scrub(text);
  }

  // ------------------------------------------------------------------------------------ asking

  #bound(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#closing.signal]);
  }

  /** As long as the BMC is busy and says so, within bounds. */
  async #askPatiently(path: string, signal: AbortSignal): Promise<HttpAnswer> {
    for (let repeat = 0; ; repeat += 1) {
      const answer = await this.#askLoggedIn({ method: 'GET', path }, signal, true);
      if ((answer.status !== 503 && answer.status !== 429) || repeat >= MAX_BUSY_REPEATS) return answer;
      const { retryAfterMs } = statusError('', answer, () => '');
      await pause(this.#clock, Math.min(MAX_RETRY_AFTER_MS, retryAfterMs ?? DEFAULT_RETRY_AFTER_MS), signal);
    }
  }

  /** Logged in. A session that the BMC forgot is made anew, once, and only for what may be asked again. */
  async #askLoggedIn(
    question: Partial<HttpQuestion> & { path: string },
    signal: AbortSignal,
    mayRepeat: boolean,
  ): Promise<HttpAnswer> {
    const ticket = await this.#login.ticket(signal);
    const answer = await this.#send(question, ticket.headers, signal);
    if (answer.status !== 401) return this.#accepted(answer);
    if (this.#login.kind === 'basic') return await this.#refused(ticket, question, answer);
    this.#login.expire(ticket);
    if (!mayRepeat) return answer;
    const renewed = await this.#login.ticket(signal);
    const second = await this.#send(question, renewed.headers, signal);
    return second.status === 401 ? await this.#refused(renewed, question, second) : this.#accepted(second);
  }

  #accepted(answer: HttpAnswer): HttpAnswer {
    this.#login.accepted();
    return answer;
  }

  async #refused(
    ticket: LoginTicket,
    question: Partial<HttpQuestion> & { path: string },
    answer: HttpAnswer,
  ): Promise<HttpAnswer> {
    await this.#login.distrust(ticket, this.#refusal(question.method ?? 'GET', question.path, answer));
    return answer;
  }

  async #send(
    question: Partial<HttpQuestion> & { path: string },
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const { method = 'GET', body = null, delivery = 'repeatable', path, onSent, fence } = question;
    const content = body === null ? {} : { 'Content-Type': 'application/json' };
    // No If-Match and no If-None-Match: iDRAC refuses actions that carry one, and an ETag that forgets PowerState would freeze evidence.
    const plain = { Accept: 'application/json', 'Accept-Encoding': 'identity', 'OData-Version': '4.0' };
    return await this.#port.ask(
      { method, path, body, delivery, onSent, fence, headers: { ...plain, ...content, ...headers } },
      signal,
    );
  }

  async #follow(path: string, ask: (path: string) => Promise<HttpAnswer>): Promise<HttpAnswer> {
    let at = path;
    for (let redirects = 0; ; redirects += 1) {
      const answer = await ask(at);
      if (answer.status < 300 || answer.status >= 400 || answer.status === 304) return answer;
      const next = redirectPath(answer.headers.location, this.#port.host);
      if (next === null || redirects >= MAX_REDIRECTS) {
        const why = next === null ? 'a redirect away from the BMC' : 'one redirect after the other';
        throw malformed(`GET ${path} at BMC ${this.peer}`, why);
      }
      at = next;
    }
  }

  // ------------------------------------------------------------------------------------ answers

  #readBody(answer: HttpAnswer, method: string, path: string): JsonObject {
    if (answer.status < 200 || answer.status >= 300) throw this.#refusal(method, path, answer);
    const where = `${method} ${path} at BMC ${this.peer}`;
    if (answer.bodyProblem !== null) throw malformed(where, answer.bodyProblem);
    return parseJsonObject(answer.body, where);
  }

  #refusal(method: string, path: string, answer: HttpAnswer): TorporError {
    return statusError(`BMC ${this.peer} refuses ${method} ${path}`, answer, this.#login.scrub);
  }

  async #sessionsPath(signal: AbortSignal): Promise<string> {
    const root = await this.root(signal).catch((thrown: unknown) => {
      // Some ask for a login even here; those keep the usual path.
      if (thrown instanceof TorporError && thrown.code === 'ERR_REDFISH_AUTHENTICATION') return {};
      throw thrown;
    });
    return (
      linkField(fieldAt(root, 'Links'), 'Sessions') ??
      toPath(textField(field(root, 'Sessions'), '@odata.id')) ??
      DEFAULT_SESSIONS_PATH
    );
  }
}
