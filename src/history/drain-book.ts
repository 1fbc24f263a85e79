// Which platforms operators drained, on disk: a platform that is being emptied stays so across a restart.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorText, TorporError } from '../platform/errors.ts';
import { writeDurably } from './durable-file.ts';

export class DrainBook {
  readonly #path: string;
  readonly #drained: Set<string>;
  #tail: Promise<void> = Promise.resolve();

  private constructor(path: string, drained: Set<string>) {
    this.#path = path;
    this.#drained = drained;
  }

  /** A file that cannot be read drains nobody: `tell` says so. */
  static async open(stateDir: string, tell: (problem: string) => void): Promise<DrainBook> {
    const path = join(stateDir, 'drained.json');
    try {
      const kept: unknown = JSON.parse(await readFile(path, 'utf8'));
      if (!Array.isArray(kept) || !kept.every((name) => typeof name === 'string'))
        throw new Error('it is no list of names');
      return new DrainBook(path, new Set(kept));
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') {
        tell(`which platforms are drained cannot be read from ${path} (${errorText(thrown)}): none is`);
      }
      return new DrainBook(path, new Set());
    }
  }

  get drained(): ReadonlySet<string> {
    return this.#drained;
  }

  /** Holds at once. Resolves when it is on disk; rejects with ERR_JOURNAL where it holds until Torpor ends. */
  set(platform: string, isDrained: boolean): Promise<void> {
    if (isDrained) this.#drained.add(platform);
    else this.#drained.delete(platform);
    const text = `${JSON.stringify([...this.#drained].sort())}\n`;
    const written = this.#tail.then(() => writeDurably(this.#path, text));
    this.#tail = written.catch(() => {});
    return written.catch((thrown: unknown) => {
      const what = `cannot write to ${this.#path} which platforms are drained: ${errorText(thrown)}; it holds until Torpor ends`;
      throw new TorporError('ERR_JOURNAL', what, { cause: thrown });
    });
  }
}
