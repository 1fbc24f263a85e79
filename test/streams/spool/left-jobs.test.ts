// Print jobs that nobody delivers any more are found, counted and told; what has an owner, or is no job, is not.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { leftSpools } from '../../../src/compose-spool.ts';
import type { PlatformConfig } from '../../../src/config/torpor-config.ts';
import { findListenersLeft, tellLeft } from '../../../src/streams/spool/left-jobs.ts';
import { TempFolder } from '../../support/temp-folder.ts';

const JOB = '000000000001-0000abcd.job';

function folderWith(...paths: string[]): TempFolder {
  const folder = new TempFolder('left-jobs');
  for (const path of paths) {
    mkdirSync(dirname(folder.file(path)), { recursive: true });
    writeFileSync(folder.file(path), 'job');
  }
  return folder;
}

describe('spool: jobs that nobody delivers', () => {
  it('of a platform that is not configured -> its jobs of all listeners, with where they lie and what to do', async () => {
    using folder = folderWith(
      `spool/vdi-01/alice-9100/${JOB}`,
      `spool/vdi-02/bob-9100/${JOB}`,
      `spool/vdi-02/carol-9100/${JOB}`,
      'spool/vdi-03/dave-9100/printers.json',
    );
    const left = await leftSpools({ stateDir: folder.path, platforms: [{ name: 'vdi-01' } as PlatformConfig] });
    expect(left).toEqual([{ folder: folder.file('spool/vdi-02'), jobs: 2, of: 'platform' }]);
    expect(left.map(tellLeft)).toEqual([
      `2 spooled jobs lie in ${folder.file('spool/vdi-02')} and wait for a platform that is not configured: configure it again, or remove the folder`,
    ]);
  });

  it('of a listener that is not configured -> one that is has none left', async () => {
    using folder = folderWith(`alice-9100/${JOB}`, `alice-9101/${JOB}`);
    expect(await findListenersLeft(folder.path, new Set(['alice-9100']))).toEqual([
      { folder: folder.file('alice-9101'), jobs: 1, of: 'listener' },
    ]);
  });

  it('no spool at all -> nothing', async () => {
    using folder = new TempFolder('left-jobs');
    expect(await leftSpools({ stateDir: folder.path, platforms: [] })).toEqual([]);
  });
});
