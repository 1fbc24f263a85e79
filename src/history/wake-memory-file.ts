// Up to when a platform's wake times have been dealt with, on disk, so that a restart can tell which were missed.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorText } from '../platform/errors.ts';
import type { Logger } from '../platform/ports.ts';
import { writeDurably } from './durable-file.ts';

const FORM_VERSION = 1;

export class WakeMemoryFile {
  /** Wall clock; null where nothing was ever dealt with, or it cannot be read. */
  readonly dealtUntilMs: number | null;
  readonly #path: string;
  readonly #log: Logger;
  #tail: Promise<void> = Promise.resolve();

  private constructor(path: string, dealtUntilMs: number | null, log: Logger) {
    this.#path = path;
    this.dealtUntilMs = dealtUntilMs;
    this.#log = log;
  }

  /** What cannot be read is told and forgotten: it only says what was missed. */
  static async open(stateDir: string, platform: string, log: Logger): Promise<WakeMemoryFile> {
    const path = join(stateDir, 'wake-times', `${platform}.json`);
    try {
      const { form, dealtUntilMs } = JSON.parse(await readFile(path, 'utf8'));
      if (form === FORM_VERSION && Number.isFinite(dealtUntilMs)) return new WakeMemoryFile(path, dealtUntilMs, log);
      log.warn({ platform, path }, 'the record of wake times is of another version: missed ones are not told');
    } catch (thrown) {
      const isMissing = (thrown as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isMissing)
        log.warn({ platform, path, problem: errorText(thrown) }, 'the record of wake times cannot be read');
    }
    return new WakeMemoryFile(path, null, log);
  }

  remember(wallMs: number): void {
    const text = `${JSON.stringify({ form: FORM_VERSION, dealtUntilMs: wallMs })}\n`;
    this.#tail = this.#tail.then(() =>
      writeDurably(this.#path, text).catch((thrown: unknown) => {
        this.#log.warn({ path: this.#path, problem: errorText(thrown) }, 'the record of wake times cannot be written');
      }),
    );
  }

  /** Resolves when the last write has ended. */
  settled(): Promise<void> {
    return this.#tail;
  }
}
