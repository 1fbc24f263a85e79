// Torpor's HTTP API as the commands call it: requests, events, and errors in people's words. What is shown is the commands' choice.
import { errorText, TorporError, type TorporErrorCode } from '../platform/errors.ts';
import type { SavingsReport } from '../platform/history.ts';
import type { SpoolJobStatus } from '../platform/spool.ts';
import type {
  CircuitStatus,
  Explanation,
  FarmEvent,
  FarmInstance,
  FarmStream,
  LinkStatus,
  PlatformReport,
  PlatformStatus,
  PoolStatus,
} from '../platform/status.ts';
import type { Fetch } from './pinned-fetch.ts';
import { type SseMessage, SseParser } from './sse-parser.ts';
import { plainText } from './style.ts';

const REQUEST_TIMEOUT_MS = 10_000;
/** How often a lost event stream is asked for again before it is given up, and the wait before each. */
const MAX_RECONNECTS = 5;
const RECONNECT_MS = 1000;
/** The codes a caller may branch on; any other refusal is ERR_API_REQUEST. */
const KNOWN_CODES: ReadonlySet<string> = new Set<TorporErrorCode>([
  'ERR_PLATFORM_UNKNOWN',
  'ERR_PLATFORM_BUSY',
  'ERR_PLATFORM_STATE',
  'ERR_SPOOL',
  'ERR_HISTORY',
]);

/** What a Torpor beyond this machine asks for. */
export interface ApiAccess {
  /** Null, or left out: none is sent. */
  readonly token?: string | null;
  /** Default: Node's own, with the system's authorities. */
  readonly fetch?: Fetch | null;
}

/** All calls throw ERR_API_UNREACHABLE where nobody answers, and the API's own code where it refuses. */
export class ApiClient {
  readonly #baseUrl: string;
  readonly #token: string | null;
  readonly #send: Fetch;
  /** What its clock is ahead of this machine's. */
  #aheadMs = 0;

  /** `baseUrl` without a path: `http://127.0.0.1:7070`. */
  constructor(baseUrl: string, access: ApiAccess = {}) {
    this.#baseUrl = baseUrl.replace(/\/+$/, '');
    this.#token = access.token ?? null;
    this.#send = access.fetch ?? ((url, init) => fetch(url, { ...init, redirect: 'error' }));
  }

  /** By the clock that the times of the last answer are of: a Torpor elsewhere has another one. */
  nowMs(): number {
    return Date.now() + this.#aheadMs;
  }

  platforms(): Promise<PlatformStatus[]> {
    return this.#list('/api/v1/platforms');
  }

  platform(name: string): Promise<PlatformStatus> {
    return this.#json('GET', platformPath(name));
  }

  explain(name: string): Promise<Explanation> {
    return this.#json('GET', `${platformPath(name)}/explain`);
  }

  streams(): Promise<FarmStream[]> {
    return this.#list('/api/v1/streams');
  }

  spool(): Promise<SpoolJobStatus[]> {
    return this.#list('/api/v1/spool');
  }

  deliverSpool(name: string): Promise<PlatformStatus> {
    return this.#json('POST', `${platformPath(name)}/spool/deliver`, {});
  }

  dropSpooled(name: string, job: string): Promise<PlatformStatus> {
    return this.#json('POST', `${platformPath(name)}/spool/drop`, { job });
  }

  links(): Promise<LinkStatus[]> {
    return this.#list('/api/v1/links');
  }

  circuits(): Promise<CircuitStatus[]> {
    return this.#list('/api/v1/circuits');
  }

  pools(): Promise<PoolStatus[]> {
    return this.#list('/api/v1/pools');
  }

  instances(): Promise<FarmInstance[]> {
    return this.#list('/api/v1/instances');
  }

  report(): Promise<PlatformReport[]> {
    return this.#list('/api/v1/report');
  }

  savings(fromMs: number, toMs: number): Promise<SavingsReport> {
    return this.#json('GET', `/api/v1/savings?from=${fromMs}&to=${toMs}`);
  }

  /** The bytes of one exported table as they come. Throws ERR_API_UNREACHABLE where they end before the table does. */
  async *exportHistory(table: string, format: string, fromMs: number): AsyncGenerator<Uint8Array> {
    const response = await this.#fetch(`/api/v1/history/export?table=${table}&format=${format}&from=${fromMs}`, {});
    if (!response.ok) throw await this.#refusal(response);
    if (response.body === null) return;
    try {
      for await (const chunk of response.body) yield chunk as Uint8Array;
    } catch (error) {
      throw this.#unreachable(`the export ended early: ${errorText(error)}`, error);
    }
  }

  recentEvents(): Promise<FarmEvent[]> {
    return this.#list('/api/v1/events');
  }

  wake(name: string): Promise<PlatformStatus> {
    return this.#json('POST', `${platformPath(name)}/wake`, { why: 'operator, by torpor wake' });
  }

  sleep(name: string, force: boolean): Promise<PlatformStatus> {
    return this.#json('POST', `${platformPath(name)}/sleep`, { force });
  }

  /** `duration` as people write it, `2h`; null: until released. */
  inhibit(name: string, inhibitor: string | null, duration: string | null, why: string): Promise<PlatformStatus> {
    const body = {
      ...(inhibitor === null ? {} : { name: inhibitor }),
      ...(duration === null ? {} : { for: duration }),
      why,
    };
    return this.#json('POST', `${platformPath(name)}/inhibit`, body);
  }

  /** null: all that operators asked for. */
  release(name: string, inhibitor: string | null): Promise<PlatformStatus> {
    return this.#json('POST', `${platformPath(name)}/release`, inhibitor === null ? {} : { name: inhibitor });
  }

  drain(name: string, on: boolean): Promise<PlatformStatus> {
    return this.#json('POST', `${platformPath(name)}/drain`, { on });
  }

  maintenance(name: string, on: boolean, why: string | null): Promise<PlatformStatus> {
    return this.#json('POST', `${platformPath(name)}/maintenance`, why === null ? { on } : { on, why });
  }

  /** Calls back for each kept event and each new one until the signal aborts; reconnects where it left off. */
  async followEvents(onMessage: (message: SseMessage) => void, signal: AbortSignal): Promise<void> {
    let lastEventId = '0';
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.#readEvents(lastEventId, signal, (message) => {
          failures = 0;
          if (message.id !== '') lastEventId = message.id;
          onMessage(message);
        });
        failures += 1;
      } catch (error) {
        failures += 1;
        if (signal.aborted) return;
        if (failures > MAX_RECONNECTS || lastEventId === '0' || !isUnreachable(error)) throw error;
      }
      if (failures > MAX_RECONNECTS) throw this.#unreachable('it ends every stream of events');
      await pause(RECONNECT_MS, signal);
    }
  }

  async #readEvents(lastEventId: string, signal: AbortSignal, onMessage: (message: SseMessage) => void): Promise<void> {
    const headers = { accept: 'text/event-stream', 'last-event-id': lastEventId };
    const response = await this.#fetch('/api/v1/events', { headers, signal });
    if (!response.ok) throw await this.#refusal(response);
    if (response.body === null || !isType(response, 'text/event-stream')) throw this.#notTorpor();
    const parser = new SseParser();
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body) {
        for (const message of parser.push(decoder.decode(chunk as Uint8Array, { stream: true }))) onMessage(message);
      }
    } catch (error) {
      if (error instanceof TorporError) throw error;
      throw this.#unreachable(errorText(error), error);
    }
  }

  async #list<T>(path: string): Promise<T[]> {
    const list = await this.#json<T[]>('GET', path);
    if (!Array.isArray(list)) throw this.#notTorpor();
    return list;
  }

  async #json<T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> {
    const response = await this.#fetch(path, {
      method,
      headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    if (!response.ok) throw await this.#refusal(response);
    if (!isType(response, 'application/json')) throw this.#notTorpor();
    try {
      return (await response.json()) as T;
    } catch (error) {
      throw this.#unreachable(errorText(error), error);
    }
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    try {
      const authorization = this.#token === null ? {} : { authorization: `Bearer ${this.#token}` };
      const response = await this.#send(`${this.#baseUrl}${path}`, {
        ...init,
        headers: { ...init.headers, ...authorization },
      });
      const torporNowMs = Number(response.headers.get('torpor-now') ?? Number.NaN);
      if (Number.isFinite(torporNowMs)) this.#aheadMs = torporNowMs - Date.now();
      return response;
    } catch (error) {
      throw this.#unreachable(explainFetch(error), error);
    }
  }

  /** The API's problem document as the error it was; whatever else answered is no Torpor. */
  async #refusal(response: Response): Promise<TorporError> {
    if (!isType(response, 'application/problem+json')) return this.#notTorpor();
    const problem = (await response.json().catch(() => ({}))) as { code?: unknown; detail?: unknown };
    if (response.status === 401) {
      const what = this.#token === null ? 'asks for a token' : 'does not know that token';
      const advice = 'name its file with --token-file, or set TORPOR_API_TOKEN; torpor token add makes one';
      return new TorporError('ERR_API_REQUEST', `the Torpor at ${this.#baseUrl} ${what}: ${advice}`);
    }
    const code = KNOWN_CODES.has(String(problem.code)) ? (problem.code as TorporErrorCode) : 'ERR_API_REQUEST';
    return new TorporError(code, plainText(String(problem.detail ?? `the API answered ${response.status}`)));
  }

  #notTorpor(): TorporError {
    return this.#unreachable('what answers there is not Torpor');
  }

  #unreachable(why: string, cause?: unknown): TorporError {
    const advice = 'start it with: torpor run --config FILE, or name its address with --api or TORPOR_API';
    return new TorporError('ERR_API_UNREACHABLE', `no Torpor at ${this.#baseUrl}: ${why}; ${advice}`, {
      cause,
      retryable: true,
    });
  }
}

function platformPath(name: string): string {
  return `/api/v1/platforms/${encodeURIComponent(name)}`;
}

function isType(response: Response, type: string): boolean {
  return (response.headers.get('content-type') ?? '').startsWith(type);
}

export function isUnreachable(error: unknown): boolean {
  return error instanceof TorporError && error.code === 'ERR_API_UNREACHABLE';
}

/** fetch hides the reason in the cause. */
function explainFetch(error: unknown): string {
  const { name, cause } = error as Error;
  if (name === 'TimeoutError') return `it did not answer within ${REQUEST_TIMEOUT_MS / 1000} s`;
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ECONNREFUSED') return 'nothing listens there';
  return cause === undefined ? errorText(error) : errorText(cause);
}

/** Waits, or ends early when the signal aborts. */
export function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, delayMs);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
  });
}
