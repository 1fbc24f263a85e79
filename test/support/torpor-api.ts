// Torpor as programs meet it: its HTTP API, and what it has printed. Where it runs is its subclasses' business.
import type { StreamStatus } from '../../src/platform/ports.ts';
import type {
  CircuitStatus,
  FarmEvent,
  LinkStatus,
  PlatformReport,
  PlatformStatus,
  StateName,
} from '../../src/platform/status.ts';
import { eventually } from './eventually.ts';

/** An answer takes milliseconds, and far more where its process is not given the machine. */
const ANSWER_BOUND_MS = 30_000;

export abstract class TorporApi {
  readonly apiPort: number | null;

  constructor(apiPort: number | null) {
    this.apiPort = apiPort;
  }

  /** Everything it printed so far. */
  abstract get output(): string;

  /** The end of it, for a failure. */
  protected abstract shownOutput(): string;

  platforms(): Promise<PlatformStatus[]> {
    return this.#get('/api/v1/platforms');
  }

  platform(name: string): Promise<PlatformStatus> {
    return this.#get(`/api/v1/platforms/${name}`);
  }

  streams(): Promise<StreamStatus[]> {
    return this.#get('/api/v1/streams');
  }

  /** The same as soon as it can be had: a process of its own is asked. */
  streamsNow(): Promise<StreamStatus[]> | StreamStatus[] {
    return this.streams();
  }

  links(): Promise<LinkStatus[]> {
    return this.#get('/api/v1/links');
  }

  circuits(): Promise<CircuitStatus[]> {
    return this.#get('/api/v1/circuits');
  }

  report(): Promise<PlatformReport[]> {
    return this.#get('/api/v1/report');
  }

  events(): Promise<FarmEvent[]> {
    return this.#get('/api/v1/events');
  }

  /** POST to a platform's verb. Resolves with the HTTP status and the body. */
  async ask(
    name: string,
    verb: 'wake' | 'sleep' | 'inhibit' | 'release' | 'maintenance' | 'drain',
    body: object = {},
  ): Promise<[number, unknown]> {
    const response = await fetch(`${this.#origin()}/api/v1/platforms/${name}/${verb}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_BOUND_MS),
    });
    return [response.status, await response.json()];
  }

  /** Resolves with the platform's status once it is in one of the states. */
  waitForState(name: string, states: StateName | readonly StateName[], withinMs = 90_000): Promise<PlatformStatus> {
    const wanted = typeof states === 'string' ? [states] : states;
    return this.until(
      `${name} to be ${wanted.join(' or ')}`,
      async () => {
        const status = await this.platform(name);
        if (wanted.includes(status.state)) return status;
        throw new Error(`it is ${status.state}: ${status.why}; blocked by ${JSON.stringify(status.blockers)}`);
      },
      withinMs,
    );
  }

  #origin(): string {
    if (this.apiPort === null) throw new Error('this command has no API');
    return `http://127.0.0.1:${this.apiPort}`;
  }

  async #get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.#origin()}${path}`, {
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(ANSWER_BOUND_MS),
    });
    const body = await response.text();
    if (!response.ok) throw new Error(`GET ${path} answered ${response.status}: ${body}`);
    return JSON.parse(body) as T;
  }

  protected until<T>(what: string, ask: () => Promise<T> | T, withinMs = 60_000): Promise<T> {
    return eventually(what, ask, { withinMs, context: () => this.shownOutput() });
  }
}
