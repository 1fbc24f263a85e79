// The record of the VMs that Torpor has saved and not restored yet: one small file per platform, on disk before the deed.
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorText, TorporError } from '../../platform/errors.ts';

/** Version of the file's form. A file of another version is refused, not guessed at. */
const FORM_VERSION = 1;

export interface SavedVm {
  readonly id: string;
  readonly name: string;
}

export interface SavedVmsRecord {
  /** Empty where nothing is on record. Rejects with ERR_SAVED_VMS where what is there cannot be read. */
  read(): Promise<readonly SavedVm[]>;
  /** Resolves when the record is on disk (fsync). */
  write(vms: readonly SavedVm[]): Promise<void>;
}

export class SavedVms implements SavedVmsRecord {
  readonly #path: string;

  /** `stateDir` is made at the first write. */
  constructor(stateDir: string, platform: string) {
    this.#path = join(stateDir, 'saved-vms', `${platform}.json`);
  }

  async read(): Promise<readonly SavedVm[]> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw recordError(`cannot read ${this.#path}: ${errorText(thrown)}`, thrown);
    }
    try {
      return parse(JSON.parse(text));
    } catch (thrown) {
      const advice = 'start the VMs that it names by hand, then remove the file';
      throw recordError(`the record of saved VMs ${this.#path} is damaged (${errorText(thrown)}): ${advice}`, thrown);
    }
  }

  async write(vms: readonly SavedVm[]): Promise<void> {
    try {
      const directory = dirname(this.#path);
      await mkdir(directory, { recursive: true });
      if (vms.length === 0) await rm(this.#path, { force: true });
      else await replaceFile(this.#path, `${JSON.stringify({ form: FORM_VERSION, vms })}\n`);
      await sync(directory, 'r');
    } catch (thrown) {
      throw recordError(`cannot write the record of saved VMs ${this.#path}: ${errorText(thrown)}`, thrown);
    }
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  const fresh = `${path}.new`;
  const file = await open(fresh, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, path);
}

/** Makes a rename or a removal itself survive a power cut. */
async function sync(path: string, flags: string): Promise<void> {
  const handle = await open(path, flags);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function parse(value: unknown): readonly SavedVm[] {
  const record = value as { form: unknown; vms: unknown };
  const fits =
    typeof value === 'object' &&
    value !== null &&
    record.form === FORM_VERSION &&
    Array.isArray(record.vms) &&
    record.vms.every(isSavedVm);
  if (!fits) throw new Error('not a record of this version');
  return (record.vms as SavedVm[]).map(({ id, name }) => ({ id, name }));
}

function isSavedVm(value: unknown): boolean {
  const vm = value as Partial<SavedVm> | null;
  return typeof vm === 'object' && vm !== null && typeof vm.id === 'string' && typeof vm.name === 'string';
}

function recordError(message: string, cause: unknown): TorporError {
  return new TorporError('ERR_SAVED_VMS', message, { cause });
}
