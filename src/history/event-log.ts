// What happened, in order: a bounded log in memory with numbered events, for the API, `events --follow` and the demo.
import type { Clock } from '../platform/ports.ts';
import type { FarmEvent } from '../platform/status.ts';

/** Where events belong that concern no platform: no platform can be called that. */
export const NO_PLATFORM = '-';

/** Events that are kept. Older ones are dropped, oldest first. */
export const EVENT_LOG_BOUND = 10_000;
/** More are kept for a moment, so that the oldest are dropped in one go. */
const SPARE = 1000;

export class EventLog {
  readonly #clock: Clock;
  readonly #listeners = new Set<(event: FarmEvent) => void>();
  #events: FarmEvent[] = [];
  #nextId = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  append(platform: string, kind: string, message: string, facts: FarmEvent['facts']): void {
    const event: FarmEvent = { id: this.#nextId, atMs: this.#clock.nowMs(), platform, kind, message, facts };
    this.#nextId += 1;
    this.#events.push(event);
    if (this.#events.length > EVENT_LOG_BOUND + SPARE) this.#events = this.#events.slice(-EVENT_LOG_BOUND);
    for (const listener of this.#listeners) listener(event);
  }

  /** Kept events with an id above `afterId`, oldest first. */
  after(afterId: number): FarmEvent[] {
    const from = this.#events.findIndex((event) => event.id > afterId);
    return from < 0 ? [] : this.#events.slice(from);
  }

  /** Calls back for each new event until the returned function is called. A listener must not throw. */
  subscribe(listener: (event: FarmEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
