// Sessions of the simulated Redfish service: a bounded table of tokens that end by logout, by time, or all at once.
import { randomBytes } from 'node:crypto';
import type { Clock } from '../../platform/ports.ts';

export interface RedfishSession {
  readonly id: string;
  readonly userName: string;
  readonly token: string;
  lastUsedMs: number;
}

/** Idle sessions end after this long. DSP0266 asks for 30 s at least. */
export const SESSION_TIMEOUT_SECONDS = 600;

export class RedfishSessions {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #sessions = new Map<string, RedfishSession>();
  #made = 0;

  constructor(clock: Clock, max: number) {
    this.#clock = clock;
    this.#max = max;
  }

  /** Sessions that were ever made. */
  get made(): number {
    return this.#made;
  }

  list(): readonly RedfishSession[] {
    const oldestMs = this.#clock.nowMs() - SESSION_TIMEOUT_SECONDS * 1000;
    for (const session of this.#sessions.values()) {
      if (session.lastUsedMs < oldestMs) this.#sessions.delete(session.id);
    }
    return [...this.#sessions.values()];
  }

  /** Null where all are taken. */
  open(userName: string): RedfishSession | null {
    if (this.list().length >= this.#max) return null;
    this.#made += 1;
    const id = String(this.#made);
    const session = { id, userName, token: randomBytes(16).toString('hex'), lastUsedMs: this.#clock.nowMs() };
    this.#sessions.set(id, session);
    return session;
  }

  byToken(token: string): RedfishSession | null {
    const session = this.list().find((each) => each.token === token) ?? null;
    if (session !== null) session.lastUsedMs = this.#clock.nowMs();
    return session;
  }

  close(id: string): boolean {
    return this.#sessions.delete(id);
  }

  clear(): void {
    this.#sessions.clear();
  }
}
