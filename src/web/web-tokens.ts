// The tokens of web listeners, read from their files: a token's hash is kept, never the token. Who must show one is judged elsewhere.
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { errorText, TorporError } from '../platform/errors.ts';

/** One a line; behind `#` is a remark. */
export const WEB_TOKEN = /^[A-Za-z0-9._~-]{16,256}$/;
const TOKENS_MAX = 1000;
const FILE_MAX_BYTES = 256 * 1024;
/** Whoever may read the file may connect. */
const OTHERS_MAY = 0o077;

interface KnownFile {
  readonly version: string;
  readonly hashes: readonly Buffer[];
}

/** For all listeners of a process. Files are looked at with each client, and read again where they changed: new tokens need no restart. */
export class WebTokens {
  readonly #files = new Map<string, KnownFile>();

  /** Whether one of the shown is in the file. Throws ERR_CONFIG_READ, which names the file and the line and shows nothing of it. */
  accepts(path: string, shown: readonly string[]): boolean {
    const { hashes } = this.#read(path);
    let isKnown = false;
    // All are compared, each in constant time: how long it takes tells nothing.
    for (const token of shown) {
      const hash = hashOf(token);
      for (const known of hashes) if (timingSafeEqual(known, hash)) isKnown = true;
    }
    return isKnown;
  }

  #read(path: string): KnownFile {
    try {
      const { mode, size, mtimeMs, ino } = statSync(path);
      const version = [mode, size, mtimeMs, ino].join(' ');
      const known = this.#files.get(path);
      if (known?.version === version) return known;
      if ((mode & OTHERS_MAY) !== 0) throw unusable(path, `other users may read or write it: run chmod 600 ${path}`);
      if (size > FILE_MAX_BYTES) throw unusable(path, `it is larger than ${FILE_MAX_BYTES / 1024} KiB`);
      const read = { version, hashes: hashesOf(readFileSync(path, 'utf8'), path) };
      this.#files.set(path, read);
      return read;
    } catch (error) {
      if (error instanceof TorporError) throw error;
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      throw unusable(
        path,
        isMissing ? 'there is no such file: write one token a line into it' : errorText(error),
        error,
      );
    }
  }
}

function hashesOf(text: string, path: string): Buffer[] {
  const hashes: Buffer[] = [];
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    const token = line.replace(/#.*$/, '').trim();
    if (token === '') continue;
    if (!WEB_TOKEN.test(token))
      throw unusable(path, `line ${at + 1} is no token: write 16 to 256 letters, digits, dots, hyphens, ~ or _`);
    hashes.push(hashOf(token));
  }
  if (hashes.length > TOKENS_MAX) throw unusable(path, `it has more than ${TOKENS_MAX} tokens`);
  return hashes;
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}

function unusable(path: string, what: string, cause?: unknown): TorporError {
  return new TorporError('ERR_CONFIG_READ', `cannot use the web tokens in ${path}: ${what}`, { cause });
}
