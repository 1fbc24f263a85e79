// The file of API tokens: who may look and who may touch. It holds hashes only; a token itself is shown once, when it is made.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { errorText, TorporError } from '../platform/errors.ts';

export type Role = 'view' | 'operate';
export const ROLES: readonly Role[] = ['view', 'operate'];

/** One line of the file: `NAME ROLE sha256:HEX`. */
export interface TokenEntry {
  readonly name: string;
  readonly role: Role;
  /** SHA-256 of the token, 32 bytes. A token is 256 random bits: there is nothing to guess, and so nothing to slow down. */
  readonly hash: Buffer;
}

export const TOKEN_PREFIX = 'torpor_';
export const TOKEN_NAME = /^[A-Za-z0-9][\w.@-]{0,63}$/;
const TOKENS_MAX = 1000;
const FILE_MAX_BYTES = 256 * 1024;
/** Whoever else may write the file could make a token; whoever may read it learns names and hashes only. */
const OTHERS_MAY = 0o077;

export function makeToken(): string {
  return TOKEN_PREFIX + randomBytes(32).toString('base64url');
}

export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest();
}

export function formatTokenLine({ name, role, hash }: TokenEntry): string {
  return `${name} ${role} sha256:${hash.toString('hex')}`;
}

/** The entries of a file's text. Throws ERR_API_TOKENS that names the line; empty lines and those with `#` are skipped. */
export function parseTokens(text: string, path: string): TokenEntry[] {
  const entries: TokenEntry[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const match = /^(\S+)\s+(view|operate)\s+sha256:([0-9a-f]{64})\s*$/.exec(line);
    const name = match?.[1] ?? '';
    // What stands there may be a token that somebody pasted: it is not shown.
    if (match === null || !TOKEN_NAME.test(name)) {
      throw tokensError(
        path,
        `line ${index + 1} is no "NAME view|operate sha256:HEX"; torpor token add writes such lines`,
      );
    }
    if (entries.some((entry) => entry.name === name))
      throw tokensError(path, `line ${index + 1}: ${name} is there twice`);
    entries.push({ name, role: match[2] as Role, hash: Buffer.from(match[3] as string, 'hex') });
  }
  if (entries.length > TOKENS_MAX) throw tokensError(path, `it has more than ${TOKENS_MAX} tokens`);
  return entries;
}

/** Reads the file. Throws ERR_API_TOKENS where it cannot be read, is no such file, or others may read or write it. */
export function readTokens(path: string): TokenEntry[] {
  return parseTokens(readTokenText(path), path);
}

export function readTokenText(path: string): string {
  try {
    const { mode, size } = statSync(path);
    if ((mode & OTHERS_MAY) !== 0) throw tokensError(path, `other users may read or write it: run chmod 600 ${path}`);
    if (size > FILE_MAX_BYTES) throw tokensError(path, `it is larger than ${FILE_MAX_BYTES / 1024} KiB`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof TorporError) throw error;
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const advice = `make the first token: torpor token add NAME --role operate --file ${path}`;
    throw tokensError(path, isMissing ? `there is no such file; ${advice}` : errorText(error), error);
  }
}

/** The entry that the token belongs to. Every entry is compared, each in constant time, so that time tells nothing. */
export function findToken(entries: readonly TokenEntry[], token: string): TokenEntry | null {
  const hash = hashToken(token);
  let found: TokenEntry | null = null;
  for (const entry of entries) if (timingSafeEqual(entry.hash, hash)) found = entry;
  return found;
}

function tokensError(path: string, what: string, cause?: unknown): TorporError {
  return new TorporError('ERR_API_TOKENS', `the API's tokens in ${path}: ${what}`, { cause });
}
