// The tokens as a running Torpor knows them: the file is read again once it has changed, so that a revoked token ends at once.
import { statSync } from 'node:fs';
import { errorText } from '../platform/errors.ts';
import type { Logger } from '../platform/ports.ts';
import { findToken, readTokens, type TokenEntry } from './token-file.ts';

/** Between two looks at the file. */
const LOOK_MS = 1000;

export class TokenStore {
  readonly #path: string;
  readonly #log: Logger;
  readonly #nowMs: () => number;
  #entries: readonly TokenEntry[];
  #stamp: string;
  #lookedAtMs: number;

  /** Throws ERR_API_TOKENS: without a file that can be read nobody could come in. */
  constructor(path: string, log: Logger, nowMs: () => number) {
    this.#path = path;
    this.#log = log;
    this.#nowMs = nowMs;
    this.#stamp = stampOf(path);
    this.#entries = readTokens(path);
    this.#lookedAtMs = nowMs();
  }

  get size(): number {
    this.#look();
    return this.#entries.length;
  }

  find(token: string): TokenEntry | null {
    this.#look();
    return findToken(this.#entries, token);
  }

  /** True while the very same entry still stands in the file. */
  holds({ name, role, hash }: TokenEntry): boolean {
    this.#look();
    return this.#entries.some((entry) => entry.name === name && entry.role === role && entry.hash.equals(hash));
  }

  /** A file that cannot be read any more lets nobody in: what it says now is not known. */
  #look(): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#lookedAtMs < LOOK_MS) return;
    this.#lookedAtMs = nowMs;
    const stamp = stampOf(this.#path);
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    try {
      this.#entries = readTokens(this.#path);
      this.#log.info({ tokens: this.#entries.length }, `the API's tokens were read anew from ${this.#path}`);
    } catch (error) {
      this.#entries = [];
      this.#log.error({}, `${errorText(error)}; until that is mended nobody is let in`);
    }
  }
}

function stampOf(path: string): string {
  try {
    const { mtimeMs, ctimeMs, size, ino, mode } = statSync(path);
    return [mtimeMs, ctimeMs, size, ino, mode].join(' ');
  } catch {
    return 'gone';
  }
}
