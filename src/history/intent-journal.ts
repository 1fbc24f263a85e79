// The journal of intents: one small file per platform, replaced whole and on disk (fsync) before `write` resolves.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorText, TorporError } from '../platform/errors.ts';
import type { Intent, Journal } from '../platform/ports.ts';
import { writeDurably } from './durable-file.ts';

/** Version of the file's form. A file of another version is refused, not guessed at. */
const FORM_VERSION = 1;

export class IntentJournal implements Journal {
  readonly #directory: string;

  /** `directory` is made at the first write. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  async read(platform: string): Promise<Intent | null> {
    const path = this.#pathOf(platform);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw journalError(`cannot read the journal ${path}: ${errorText(thrown)}`, thrown);
    }
    try {
      return parseIntent(JSON.parse(text));
    } catch (thrown) {
      const advice = 'make sure the platform is awake, then remove the file';
      throw journalError(`the journal ${path} is damaged (${errorText(thrown)}): ${advice}`, thrown);
    }
  }

  async write(platform: string, intent: Intent): Promise<void> {
    const path = this.#pathOf(platform);
    try {
      await writeDurably(path, `${JSON.stringify({ form: FORM_VERSION, ...intent })}\n`);
    } catch (thrown) {
      throw journalError(`cannot write the journal ${path}: ${errorText(thrown)}`, thrown);
    }
  }

  #pathOf(platform: string): string {
    return join(this.#directory, 'journal', `${platform}.json`);
  }
}

function journalError(message: string, cause: unknown): TorporError {
  return new TorporError('ERR_JOURNAL', message, { cause });
}

function parseIntent(value: unknown): Intent {
  const intent = value as Intent & { form: unknown };
  const fits =
    typeof value === 'object' &&
    value !== null &&
    intent.form === FORM_VERSION &&
    Number.isSafeInteger(intent.id) &&
    ['run', 'sleep', 'wake'].includes(intent.kind) &&
    Number.isFinite(intent.atMs) &&
    Number.isSafeInteger(intent.failedWakes) &&
    intent.failedWakes >= 0;
  if (!fits) throw new Error('not an intent of this version');
  return { id: intent.id, kind: intent.kind, atMs: intent.atMs, failedWakes: intent.failedWakes };
}
