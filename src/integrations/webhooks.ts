// Webhooks: events of the farm posted to an address, one after the other, signed. Retries and their bounds are here, too.
import { createHmac, randomUUID } from 'node:crypto';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { errorText } from '../platform/errors.ts';
import type { Clock, Logger } from '../platform/ports.ts';
import type { Farm, FarmEvent } from '../platform/status.ts';

/** Events that wait for one address. At the bound the oldest is dropped, and the log says so. */
export const QUEUE_MAX = 1_000;
/** Times that one event is posted: with pauses from 1 s, doubling to 5 min, for half an hour. Then it is dropped, and the log says so. */
export const ATTEMPTS_MAX = 12;
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 5 * 60_000;
/** For one answer. */
const ANSWER_BOUND_MS = 10_000;
const NO_ANSWER = `no answer within ${ANSWER_BOUND_MS / 1000} s`;

export interface WebhookOptions {
  /** For the log: an address may hold a secret. */
  readonly name: string;
  readonly url: string;
  readonly secret: string;
  /** Kinds of events, as FarmEvent has them; empty: all. */
  readonly events: readonly string[];
  /** Certificates of authorities, in PEM. */
  readonly ca: readonly string[];
  readonly clock: Clock;
  readonly wallNowMs: () => number;
  readonly log: Logger;
  /** Default: by Node's own HTTP. Resolves with the status; redirects are not followed. */
  readonly post?: Post;
}

export type Post = (
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  options: { readonly ca: readonly string[]; readonly signal: AbortSignal },
) => Promise<number>;

/** `t=SECONDS,v1=HEX`: HMAC-SHA256 by the secret over `SECONDS.BODY`. */
export function signature(secret: string, seconds: number, body: string): string {
  const digest = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return `t=${seconds},v1=${digest}`;
}

/** One address. Events are posted in their order, each until it was taken or given up; the next waits for it. */
export class Webhook {
  readonly #options: WebhookOptions;
  readonly #stopping = new AbortController();
  readonly #unsubscribe: () => void;
  /** Of this run: event numbers begin anew with each. */
  readonly #run = randomUUID();
  #queue: FarmEvent[] = [];
  #dropped = 0;
  #attempts = 0;
  #isBusy = false;
  #cancelRetry: () => void = () => {};

  constructor(farm: Pick<Farm, 'onEvent'>, options: WebhookOptions) {
    this.#options = options;
    this.#unsubscribe = farm.onEvent((event) => this.#enter(event));
  }

  /** Posts nothing more. What waits is lost. */
  stop(): void {
    this.#unsubscribe();
    this.#cancelRetry();
    this.#stopping.abort();
  }

  #enter(event: FarmEvent): void {
    const { events, name, log } = this.#options;
    if (events.length > 0 && !events.includes(event.kind)) return;
    this.#queue.push(event);
    if (this.#queue.length > QUEUE_MAX) {
      // The first may be under way: it stays.
      this.#queue.splice(1, 1);
      this.#dropped += 1;
      if (this.#dropped === 1)
        log.warn({ webhook: name }, `${QUEUE_MAX} events wait for the webhook ${name}: the oldest are dropped`);
    }
    if (!this.#isBusy) this.#next();
  }

  #next(): void {
    const event = this.#queue[0];
    this.#isBusy = event !== undefined && !this.#stopping.signal.aborted;
    if (event === undefined || !this.#isBusy) return;
    this.#attempts += 1;
    this.#post(event).then(
      (status) => this.#answered(event, status, `it answered ${status}`),
      (thrown: unknown) => this.#answered(event, null, errorText(thrown)),
    );
  }

  #post(event: FarmEvent): Promise<number> {
    const { url, secret, ca, wallNowMs, post = postByNode } = this.#options;
    const body = JSON.stringify({ version: 1, event });
    const headers = {
      'content-type': 'application/json',
      'user-agent': 'Torpor',
      'torpor-delivery': `${this.#run}-${event.id}`,
      'torpor-signature': signature(secret, Math.floor(wallNowMs() / 1000), body),
    };
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(ANSWER_BOUND_MS)]);
    return post(url, body, headers, { ca, signal });
  }

  #answered(event: FarmEvent, status: number | null, what: string): void {
    if (this.#stopping.signal.aborted) return;
    const { name, log, clock } = this.#options;
    const isTaken = status !== null && status >= 200 && status < 300;
    if (!isTaken && mayRetry(status) && this.#attempts < ATTEMPTS_MAX) {
      const pauseMs = Math.min(RETRY_MS * 2 ** (this.#attempts - 1), RETRY_MAX_MS);
      if (this.#attempts === 1)
        log.warn({ webhook: name }, `the webhook ${name} did not take event ${event.id}: ${what}; tried again`);
      this.#cancelRetry = clock.schedule(pauseMs, () => this.#next());
      return;
    }
    if (!isTaken)
      log.error(
        { webhook: name, attempts: this.#attempts },
        `event ${event.id} was not taken by the webhook ${name}: ${what}; dropped`,
      );
    this.#attempts = 0;
    this.#queue.shift();
    if (this.#queue.length === 0 && this.#dropped > 0) {
      log.warn({ webhook: name, dropped: this.#dropped }, `the webhook ${name} takes events again`);
      this.#dropped = 0;
    }
    this.#next();
  }
}

/** What a client did wrong it does wrong again, but for a time-out (408) and too many requests (429). */
function mayRetry(status: number | null): boolean {
  return status === null || status >= 500 || status === 408 || status === 429;
}

const postByNode: Post = (url, body, headers, { ca, signal }) =>
  new Promise((resolve, reject) => {
    const secure = new URL(url).protocol === 'https:';
    const options = {
      method: 'POST',
      headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
      signal,
    };
    const request = secure ? requestHttps(url, { ...options, ca: [...ca] }) : requestHttp(url, options);
    request.once('error', (error) => reject(signal.aborted ? new Error(NO_ANSWER) : error));
    // Node closes it without an error where the protocol is changed (101), which nobody asked for.
    request.once('close', () => reject(new Error('the connection ended without an answer')));
    request.once('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.end(body);
  });
