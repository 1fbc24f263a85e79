// This Torpor's copy of what operators ordered anywhere in its farm, on disk: one small file per platform, replaced whole.
import { join } from 'node:path';
import { errorText, TorporError } from '../platform/errors.ts';
import { PlatformFolder } from './platform-folder.ts';

export class FarmOrderBook {
  readonly #files: PlatformFolder;

  /** `directory` is made at the first write. */
  constructor(directory: string) {
    this.#files = new PlatformFolder(join(directory, 'farm-orders'));
  }

  /** Null where nothing was ever written. Rejects with ERR_JOURNAL. What the text means is the farm's business. */
  async read(platform: string): Promise<string | null> {
    try {
      return await this.#files.read(platform);
    } catch (thrown) {
      const path = this.#files.pathOf(platform);
      const what = `cannot read this Torpor's copy of the farm's orders in ${path}: ${errorText(thrown)}`;
      throw new TorporError('ERR_JOURNAL', what, { cause: thrown });
    }
  }

  /** Resolves when it is on disk, else rejects with ERR_JOURNAL. */
  async write(platform: string, text: string): Promise<void> {
    try {
      await this.#files.write(platform, `${text}\n`);
    } catch (thrown) {
      const what = `cannot write the farm's orders to ${this.#files.pathOf(platform)}: ${errorText(thrown)}`;
      throw new TorporError('ERR_JOURNAL', `${what}; what was not told to others holds until Torpor ends`, {
        cause: thrown,
      });
    }
  }
}
