// Counts the clients of one platform that were not served, and says so in the log: the first at once, a flood in one line each while.
import type { Clock, Logger } from '../platform/ports.ts';
import type { RefusalReason, RefusedClients } from '../platform/refusal.ts';

/** Of one listener and reason at most one line within this time. */
export const REFUSAL_LOG_MS = 10_000;

export interface RefusalsOptions {
  readonly platform: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** When a listener's refusals of one reason were told last, and what is to be told next. */
interface Said {
  atMs: number;
  more: number;
  last: string;
}

export class Refusals {
  readonly #options: RefusalsOptions;
  readonly #counts: Partial<Record<RefusalReason, number>> = {};
  /** By listener and reason: as many as the configuration has listeners, times the reasons. */
  readonly #said = new Map<string, Said>();
  readonly #cancels = new Set<() => void>();

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  get counts(): RefusedClients {
    return { ...this.#counts };
  }

  /** Counts without a word: its caller says it in its own way. */
  count(reason: RefusalReason): void {
    this.#counts[reason] = (this.#counts[reason] ?? 0) + 1;
  }

  /** One client was refused. `client` is its address for people. */
  note(reason: RefusalReason, listener: string, client: string, why: string): void {
    this.count(reason);
    const { platform, clock, log } = this.#options;
    const key = `${listener} ${reason}`;
    const nowMs = clock.nowMs();
    const said = this.#said.get(key);
    if (said === undefined || (said.more === 0 && nowMs - said.atMs >= REFUSAL_LOG_MS)) {
      this.#said.set(key, { atMs: nowMs, more: 0, last: '' });
      log.info({ platform, listener, client, reason }, `client refused: ${why}`);
      return;
    }
    said.more += 1;
    said.last = `${client}: ${why}`;
    if (said.more === 1) this.#planSum(said, reason, listener, nowMs);
  }

  /** Nothing is said any more. */
  close(): void {
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }

  #planSum(said: Said, reason: RefusalReason, listener: string, nowMs: number): void {
    const { platform, clock, log } = this.#options;
    const cancel = clock.schedule(said.atMs + REFUSAL_LOG_MS - nowMs, () => {
      this.#cancels.delete(cancel);
      const { more, last } = said;
      log.warn({ platform, listener, reason, more }, `${more} more clients of ${listener} refused, the last ${last}`);
      said.atMs = clock.nowMs();
      said.more = 0;
    });
    this.#cancels.add(cancel);
  }
}
