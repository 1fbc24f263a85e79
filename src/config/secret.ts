// Reads a secret at the moment of its use. It is never kept, logged or put into an error; what it opens is left to the caller.
import { open } from 'node:fs/promises';
import { errorText, TorporError } from '../platform/errors.ts';
import type { SecretSource } from './power-config.ts';

/** A secret and what its owner should know about the place it came from. */
export interface Secret {
  readonly value: string;
  readonly warnings: readonly string[];
}

/** Far above any password; a path that names a disk by mistake is refused. */
const MAX_SECRET_BYTES = 4096;
const OTHERS_READ = 0o044;

/** The source for people: `file /run/secrets/vdi-01`, `environment variable VDI_01_PASSWORD`. */
export function describeSecretSource(source: SecretSource): string {
  return source.kind === 'file' ? `file ${source.path}` : `environment variable ${source.name}`;
}

/**
 * The secret behind a source, without its final line break. Warns of a file that others may read.
 * Throws ERR_CONFIG_READ, which names the source and never the content, where it is missing, empty, too long or not text.
 */
export async function readSecret(
  source: SecretSource,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Secret> {
  const { text, warnings } =
    source.kind === 'file' ? await readSecretFile(source.path) : readSecretVariable(source.name, environment);
  const value = text.replace(/\r?\n$/, '');
  if (value === '') throw unusable(source, 'it is empty; write the password into it');
  if (value.includes('\0')) throw unusable(source, 'it holds a NUL character; write the password as text');
  return { value, warnings };
}

function readSecretVariable(name: string, environment: Readonly<Record<string, string | undefined>>) {
  const text = environment[name];
  if (text === undefined) throw unusable({ kind: 'env', name }, 'it is not set; set it where Torpor is started');
  return { text, warnings: [] };
}

async function readSecretFile(path: string): Promise<{ text: string; warnings: string[] }> {
  const source: SecretSource = { kind: 'file', path };
  try {
    const { bytes, mode } = await readBounded(path);
    if (bytes.length > MAX_SECRET_BYTES) throw unusable(source, `it is longer than ${MAX_SECRET_BYTES} bytes`);
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    bytes.fill(0);
    const warnings = (mode & OTHERS_READ) === 0 ? [] : [`${path} can be read by other users: run chmod 600 ${path}`];
    return { text, warnings };
  } catch (error) {
    throw error instanceof TorporError ? error : unusable(source, explainRead(error), error);
  }
}

/** At most one byte more than a secret may have, and the file's mode as it was when it was read. */
async function readBounded(path: string): Promise<{ bytes: Uint8Array; mode: number }> {
  const file = await open(path, 'r');
  try {
    const { mode } = await file.stat();
    const buffer = new Uint8Array(MAX_SECRET_BYTES + 1);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
    return { bytes: buffer.subarray(0, bytesRead), mode };
  } finally {
    await file.close();
  }
}

function explainRead(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'there is no such file; create it with mode 600';
  if (code === 'EACCES') return 'this user may not read it; make it readable for the user Torpor runs as';
  if (code === 'EISDIR') return 'it is a folder; give the path of the file in it';
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'it is not UTF-8 text';
  return errorText(error);
}

function unusable(source: SecretSource, why: string, cause?: unknown): TorporError {
  return new TorporError('ERR_CONFIG_READ', `cannot read the password from ${describeSecretSource(source)}: ${why}`, {
    cause,
  });
}
