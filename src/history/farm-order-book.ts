// This Torpor's copy of what operators ordered anywhere in its farm, on disk: one small file per platform, replaced whole.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorText, TorporError } from '../platform/errors.ts';
import { writeDurably } from './durable-file.ts';

export class FarmOrderBook {
  readonly #directory: string;

  /** `directory` is made at the first write. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Null where nothing was ever written. Rejects with ERR_JOURNAL. What the text means is the farm's business. */
  async read(platform: string): Promise<string | null> {
    const path = this.#pathOf(platform);
    try {
      return await readFile(path, 'utf8');
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null;
      const what = `cannot read this Torpor's copy of the farm's orders in ${path}: ${errorText(thrown)}`;
      throw new TorporError('ERR_JOURNAL', what, { cause: thrown });
    }
  }

  /** Resolves when it is on disk, else rejects with ERR_JOURNAL. */
  async write(platform: string, text: string): Promise<void> {
    const path = this.#pathOf(platform);
    try {
      await writeDurably(path, `${text}\n`);
    } catch (thrown) {
      const what = `cannot write the farm's orders to ${path}: ${errorText(thrown)}`;
      throw new TorporError('ERR_JOURNAL', `${what}; what was not told to others holds until Torpor ends`, {
        cause: thrown,
      });
    }
  }

  #pathOf(platform: string): string {
    return join(this.#directory, 'farm-orders', `${platform}.json`);
  }
}
