// Torpor's HTTP API as the page calls it: same origin, its session in a cookie that no script can read.
import type {
  CircuitStatus,
  Explanation,
  FarmEvent,
  FarmInstance,
  FarmStream,
  History,
  PlatformReport,
  PlatformStatus,
  PoolStatus,
  Savings,
  Session,
} from '../shapes.ts';

/** An answer that takes longer counts as none. */
const REQUEST_TIMEOUT_MS = 8_000;

/** A refusal: what the problem document said. `status` 0: nobody answered. */
export class Refusal extends Error {
  readonly status: number;
  readonly problem: Readonly<Record<string, unknown>>;

  constructor(status: number, message: string, problem: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.status = status;
    this.problem = problem;
  }
}

/** Torpor's clock less this browser's, as the last answer told it. */
let skewMs = 0;

export function torporNowMs(): number {
  return Date.now() + skewMs;
}

async function ask(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      cache: 'no-store',
      credentials: 'same-origin',
      redirect: 'error',
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      headers: { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new Refusal(0, 'Torpor does not answer');
  }
  const nowMs = Number(response.headers.get('torpor-now'));
  if (nowMs > 0) skewMs = nowMs - Date.now();
  if (response.ok) return response;
  const problem = (await response.json().catch(() => ({}))) as Readonly<Record<string, unknown>>;
  throw new Refusal(response.status, String(problem.detail ?? `the API answered ${response.status}`), problem);
}

async function get<T>(path: string): Promise<T> {
  return (await (await ask('GET', path)).json()) as T;
}

/** As `get`; null where this Torpor has no such path. */
async function getIfThere<T>(path: string): Promise<T | null> {
  try {
    return await get<T>(path);
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return null;
    throw error;
  }
}

const platformPath = (name: string) => `/api/v1/platforms/${encodeURIComponent(name)}`;

export const api = {
  session: () => get<Session>('/api/v1/session'),
  logIn: (token: string) => ask('POST', '/api/v1/session', { token }),
  logOut: () => ask('DELETE', '/api/v1/session'),
  platforms: () => get<PlatformStatus[]>('/api/v1/platforms'),
  circuits: () => get<CircuitStatus[]>('/api/v1/circuits'),
  pools: () => get<PoolStatus[]>('/api/v1/pools'),
  instances: () => get<FarmInstance[]>('/api/v1/instances'),
  explain: (name: string) => get<Explanation>(`${platformPath(name)}/explain`),
  activeStreams: () => get<FarmStream[]>('/api/v1/streams?active=true&limit=500'),
  report: () => get<PlatformReport[]>('/api/v1/report'),
  events: (limit: number) => get<FarmEvent[]>(`/api/v1/events?limit=${limit}`),
  history: (name: string, fromMs: number, toMs: number, points: number) =>
    getIfThere<History>(
      `${platformPath(name)}/history?from=${Math.round(fromMs)}&to=${Math.round(toMs)}&points=${points}`,
    ),
  savings: (fromMs: number, toMs: number) =>
    getIfThere<Savings>(`/api/v1/savings?from=${Math.round(fromMs)}&to=${Math.round(toMs)}`),
  storedEvents: (query: URLSearchParams) => getIfThere<FarmEvent[]>(`/api/v1/history/events?${query}`),
  order: (name: string, verb: string, body: object) => ask('POST', `${platformPath(name)}/${verb}`, body),
};
