import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IntentJournal } from '../../src/history/intent-journal.ts';
import type { Intent } from '../../src/platform/ports.ts';

const INTENT: Intent = { id: 7, kind: 'sleep', atMs: 1_700_000_000_000, failedWakes: 2 };

describe('IntentJournal', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'torpor-journal-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('read: nothing was ever written -> null', async () => {
    expect(await new IntentJournal(directory).read('vdi-01')).toBeNull();
  });

  it('write: then a new journal reads it -> the same intent, per platform', async () => {
    await new IntentJournal(directory).write('vdi-01', INTENT);
    await new IntentJournal(directory).write('vdi-02', { ...INTENT, kind: 'run' });
    expect(await new IntentJournal(directory).read('vdi-01')).toEqual(INTENT);
    expect((await new IntentJournal(directory).read('vdi-02'))?.kind).toBe('run');
  });

  it('write: a second one -> replaces the first whole, no half-written file is left', async () => {
    const journal = new IntentJournal(directory);
    await journal.write('vdi-01', INTENT);
    await journal.write('vdi-01', { ...INTENT, id: 8 });
    expect((await journal.read('vdi-01'))?.id).toBe(8);
    await expect(readFile(join(directory, 'journal', 'vdi-01.json.new'))).rejects.toThrow();
  });

  it('read: a crash left a half-written new file beside -> the old intent stands', async () => {
    const journal = new IntentJournal(directory);
    await journal.write('vdi-01', INTENT);
    await writeFile(join(directory, 'journal', 'vdi-01.json.new'), '{"form":1,"id":9,"ki');
    expect(await journal.read('vdi-01')).toEqual(INTENT);
  });

  it.each([
    ['not JSON', '{"form":1,'],
    ['another form', JSON.stringify({ form: 2, ...INTENT })],
    ['an unknown kind', JSON.stringify({ form: 1, ...INTENT, kind: 'dance' })],
    ['a negative count', JSON.stringify({ form: 1, ...INTENT, failedWakes: -1 })],
  ])('read: %s -> ERR_JOURNAL that names the file and what to do', async (_what, text) => {
    const journal = new IntentJournal(directory);
    await journal.write('vdi-01', INTENT);
    await writeFile(join(directory, 'journal', 'vdi-01.json'), text);
    await expect(journal.read('vdi-01')).rejects.toMatchObject({
      code: 'ERR_JOURNAL',
      message: expect.stringMatching(/vdi-01\.json is damaged .*remove the file/),
    });
  });

  it('write: the folder cannot be made -> ERR_JOURNAL', async () => {
    await writeFile(join(directory, 'file'), '');
    const journal = new IntentJournal(join(directory, 'file'));
    await expect(journal.write('vdi-01', INTENT)).rejects.toMatchObject({ code: 'ERR_JOURNAL' });
  });
});
