// The journal of intents: one small file per platform, replaced whole and on disk (fsync) before `write` resolves.
import { join } from 'node:path';
import { errorText, TorporError } from '../platform/errors.ts';
import type { Intent, Journal } from '../platform/ports.ts';
import { PlatformFolder } from './platform-folder.ts';

/** Version of the file's form. A file of another version is refused, not guessed at. */
const FORM_VERSION = 1;

export class IntentJournal implements Journal {
  readonly #files: PlatformFolder;

  /** `directory` is made at the first write. */
  constructor(directory: string) {
    this.#files = new PlatformFolder(join(directory, 'journal'));
  }

  async read(platform: string): Promise<Intent | null> {
    const path = this.#files.pathOf(platform);
    const text = await this.#files.read(platform).catch((thrown: unknown) => {
      throw journalError(`cannot read the journal ${path}: ${errorText(thrown)}`, thrown);
    });
    if (text === null) return null;
    try {
      return parseIntent(JSON.parse(text));
    } catch (thrown) {
      const advice = 'make sure the platform is awake, then remove the file';
      throw journalError(`the journal ${path} is damaged (${errorText(thrown)}): ${advice}`, thrown);
    }
  }

  async write(platform: string, intent: Intent): Promise<void> {
    try {
      await this.#files.write(platform, `${JSON.stringify({ form: FORM_VERSION, ...intent })}\n`);
    } catch (thrown) {
      throw journalError(`cannot write the journal ${this.#files.pathOf(platform)}: ${errorText(thrown)}`, thrown);
    }
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
