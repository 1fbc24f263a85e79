// A folder with one small text file per platform, each replaced whole. What stands in them, and what errors mean, is their owner's.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeDurably } from './durable-file.ts';

export class PlatformFolder {
  readonly #path: string;

  /** Made at the first write. */
  constructor(path: string) {
    this.#path = path;
  }

  pathOf(platform: string): string {
    return join(this.#path, `${platform}.json`);
  }

  /** Null where none was ever written. Rejects with the file system's error. */
  async read(platform: string): Promise<string | null> {
    try {
      return await readFile(this.pathOf(platform), 'utf8');
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw thrown;
    }
  }

  /** Resolves when it is on disk (fsync). Rejects with the file system's error. One write of a platform at a time. */
  write(platform: string, text: string): Promise<void> {
    return writeDurably(this.pathOf(platform), text);
  }
}
