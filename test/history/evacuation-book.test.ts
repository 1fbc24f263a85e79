// Where moved VMs are, on disk: what a start says of a folder or file that cannot be read.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EvacuationBook } from '../../src/history/evacuation-book.ts';
import { TempFolder } from '../support/temp-folder.ts';

/** Of a user that owns nothing, on Debian and elsewhere. */
const NOBODY = 65_534;

let folder: TempFolder;

beforeEach(() => {
  folder = new TempFolder('evacuation-book');
});
afterEach(() => folder.remove());

describe('where VMs were moved to', () => {
  it('stateDir is a file -> ERR_JOURNAL that says so, and nothing of VMs to be moved back', async () => {
    const stateDir = folder.file('state');
    writeFileSync(stateDir, 'a file');
    const opened = EvacuationBook.open(stateDir);
    await expect(opened).rejects.toMatchObject({ code: 'ERR_JOURNAL' });
    await expect(opened).rejects.toThrow(`${stateDir} is not a folder: set stateDir to one`);
    await expect(opened).rejects.not.toThrow('delete');
  });

  it('stateDir is another user’s -> ERR_JOURNAL that says whose', async () => {
    const stateDir = folder.file('state');
    mkdirSync(stateDir);
    chmodSync(stateDir, 0o000);
    const isRoot = process.geteuid?.() === 0;
    // Root may read everything: as long as it looks, it is nobody.
    if (isRoot) process.seteuid?.(NOBODY);
    try {
      const opened = EvacuationBook.open(stateDir);
      await expect(opened).rejects.toThrow(/another user's: run Torpor as that user, or give it to this one/);
    } finally {
      if (isRoot) process.seteuid?.(0);
      chmodSync(stateDir, 0o700);
    }
  });

  it('the file is damaged -> ERR_JOURNAL with when it may be deleted', async () => {
    writeFileSync(folder.file('evacuated.json'), '{"places":3}');
    await expect(EvacuationBook.open(folder.path)).rejects.toThrow(
      /no list of places and moves; delete it once each VM/,
    );
  });
});
