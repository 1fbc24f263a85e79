import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SavedVms } from '../../../src/power/context/saved-vms.ts';
import { TempFolder } from '../../support/temp-folder.ts';

describe('SavedVms', () => {
  let folder: TempFolder;
  beforeEach(() => {
    folder = new TempFolder('saved-vms');
  });
  afterEach(() => folder.remove());

  it('written -> read by another instance; a platform of another name has its own', async () => {
    const vms = [
      { id: '101', name: 'alice' },
      { id: '102', name: 'bob' },
    ];
    await new SavedVms(folder.path, 'vdi-01').write(vms);
    expect(await new SavedVms(folder.path, 'vdi-01').read()).toEqual(vms);
    expect(await new SavedVms(folder.path, 'vdi-02').read()).toEqual([]);
  });

  it('nothing left -> no file is left; files are for their owner only', async () => {
    const record = new SavedVms(folder.path, 'vdi-01');
    await record.write([{ id: '101', name: 'alice' }]);
    const path = join(folder.path, 'saved-vms', 'vdi-01.json');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({ form: 1, vms: [{ id: '101', name: 'alice' }] });
    await record.write([]);
    expect(await readdir(join(folder.path, 'saved-vms'))).toEqual([]);
    expect(await record.read()).toEqual([]);
  });

  it.each([
    ['half a file', '{"form":1,"vms":[{"id"'],
    ['another version', '{"form":2,"vms":[]}'],
    ['a VM without a name', '{"form":1,"vms":[{"id":"101"}]}'],
    ['null', 'null'],
  ])('damaged: %s -> refused with what to do, never taken for empty', async (_name, text) => {
    const record = new SavedVms(folder.path, 'vdi-01');
    await record.write([{ id: '101', name: 'alice' }]);
    await writeFile(join(folder.path, 'saved-vms', 'vdi-01.json'), text);
    await expect(record.read()).rejects.toMatchObject({
      code: 'ERR_SAVED_VMS',
      message: expect.stringContaining('start the VMs that it names by hand'),
    });
  });

  it('cannot be written -> ERR_SAVED_VMS', async () => {
    await writeFile(join(folder.path, 'saved-vms'), '');
    const record = new SavedVms(folder.path, 'vdi-01');
    await expect(record.write([{ id: '1', name: 'a' }])).rejects.toMatchObject({ code: 'ERR_SAVED_VMS' });
  });
});
