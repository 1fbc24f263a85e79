// What a platform's idle policy has learned, on disk, so that a restart keeps it. What stands in it is the policy's.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorText } from '../platform/errors.ts';
import type { Logger } from '../platform/ports.ts';
import { writeDurably } from './durable-file.ts';

export class PolicyMemoryFile {
  /** What was kept; undefined where nothing was, or it cannot be read. */
  readonly kept: unknown;
  readonly #path: string;
  readonly #log: Logger;
  #tail: Promise<void> = Promise.resolve();

  private constructor(path: string, kept: unknown, log: Logger) {
    this.#path = path;
    this.kept = kept;
    this.#log = log;
  }

  /** What cannot be read is told and learned anew: it only saves energy. */
  static async open(stateDir: string, platform: string, log: Logger): Promise<PolicyMemoryFile> {
    const path = join(stateDir, 'learned', `${platform}.json`);
    try {
      return new PolicyMemoryFile(path, JSON.parse(await readFile(path, 'utf8')), log);
    } catch (thrown) {
      const isMissing = (thrown as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isMissing) log.warn({ platform, path, problem: errorText(thrown) }, 'what was learned cannot be read');
      return new PolicyMemoryFile(path, undefined, log);
    }
  }

  /** Does not reject: a lost write costs what was learned since the last one. */
  remember(snapshot: unknown): void {
    const text = `${JSON.stringify(snapshot)}\n`;
    this.#tail = this.#tail.then(() =>
      writeDurably(this.#path, text).catch((thrown: unknown) => {
        this.#log.warn({ path: this.#path, problem: errorText(thrown) }, 'what was learned cannot be written');
      }),
    );
  }

  /** Resolves when the last write has ended. */
  settled(): Promise<void> {
    return this.#tail;
  }
}
