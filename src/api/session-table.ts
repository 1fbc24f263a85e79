// Sessions of the dashboard: a browser that once showed a token carries a random id in a cookie that no script reads.
import { randomBytes } from 'node:crypto';
import type { TokenEntry } from './token-file.ts';

export const SESSION_MAX_AGE_MS = 12 * 3_600_000;
/** At the bound the oldest session ends. */
export const SESSIONS_MAX = 256;

interface KeptSession {
  readonly token: TokenEntry;
  readonly endMs: number;
}

export class SessionTable {
  readonly #nowMs: () => number;
  /** Oldest first, as a Map keeps its keys. The id has 256 bits: looking it up tells nobody anything worth knowing. */
  readonly #sessions = new Map<string, KeptSession>();

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** A new session's id. */
  open(token: TokenEntry): string {
    const oldest = this.#sessions.keys().next().value;
    if (this.#sessions.size >= SESSIONS_MAX && oldest !== undefined) this.#sessions.delete(oldest);
    const id = randomBytes(32).toString('base64url');
    this.#sessions.set(id, { token, endMs: this.#nowMs() + SESSION_MAX_AGE_MS });
    return id;
  }

  /** The token that opened it; null where there is none, or its time is over. */
  find(id: string): TokenEntry | null {
    const session = this.#sessions.get(id);
    if (session === undefined) return null;
    if (session.endMs > this.#nowMs()) return session.token;
    this.#sessions.delete(id);
    return null;
  }

  close(id: string): void {
    this.#sessions.delete(id);
  }
}
