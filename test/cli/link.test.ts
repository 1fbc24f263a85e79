// `torpor link`: keys that are made, added and never overwritten, and what is said to wrong options.
import { execFileSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TempFolder } from '../support/temp-folder.ts';
import { FakeIo } from './fakes/fake-io.ts';

describe('torpor link', () => {
  let folder: TempFolder;
  beforeEach(() => {
    folder = new TempFolder('link-cli');
  });
  afterEach(() => folder.remove());

  async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const io = new FakeIo();
    const code = await io.run('link', ...args);
    return { code, out: io.stdout, err: io.stderr };
  }

  it('keygen, then another edge -> one authority, keys for their owner alone, each for its own end', async () => {
    const keys = folder.file('keys');
    const first = await run('keygen', '--keys', keys);
    expect(first).toMatchObject({ code: 0, err: '' });
    expect(first.out.match(/wrote /g)).toHaveLength(6);
    const second = await run('keygen', '--keys', keys, '--edge', 'berlin', '--json');
    expect(JSON.parse(second.out)).toEqual({ written: [`${keys}/berlin.crt`, `${keys}/berlin.key`] });
    for (const name of ['ca', 'gate', 'edge', 'berlin'])
      expect(statSync(`${keys}/${name}.key`).mode & 0o777).toBe(0o600);
    const again = await run('keygen', '--keys', keys, '--edge', 'berlin');
    expect(again).toMatchObject({ code: 1, err: expect.stringMatching(/berlin\.crt is there already/) });
  });

  it('keygen in a folder with half an authority, or with none that can be read -> says so', async () => {
    writeFileSync(folder.file('ca.crt'), 'no certificate');
    expect((await run('keygen', '--keys', folder.path)).err).toMatch(/only one of ca\.crt and ca\.key/);
    writeFileSync(folder.file('ca.key'), 'no key');
    expect((await run('keygen', '--keys', folder.path)).err).toMatch(/no certificate and key in PEM form/);
  });

  it.each([
    [['edge', '--keys', 'x', '--gate', 'g:1'], /--listen/],
    [['edge', '--keys', 'x', '--gate', 'nowhere', '--listen', '1=a'], /no address/],
    [['edge', '--keys', 'x', '--gate', 'g:1', '--listen', '99999999=a'], /no address/],
    [['edge', '--keys', 'x', '--gate', 'g:1', '--listen', '13389'], /no name/],
    [['gate', '--keys', 'x', '--listen', '127.0.0.1:1', '--service', 'desktop'], /name=host:port/],
    [['gate', '--keys', 'x', '--listen', '127.0.0.1:1', '--service', 'a b=127.0.0.1:2'], /no name/],
    [['gate', '--keys', 'x', '--listen', '127.0.0.1:1', '--service', 'a=127.0.0.1:2', '--resume', 'soon'], /soon/],
  ])('%j -> bad usage, and why', async (args, why) => {
    expect(await run(...args)).toMatchObject({ code: 2, err: expect.stringMatching(why) });
  });

  it('keys that are not there -> which file, and what makes it', async () => {
    const missing = await run(
      'gate',
      '--keys',
      folder.file('none'),
      '--listen',
      '127.0.0.1:0',
      '--service',
      'a=127.0.0.1:2',
    );
    expect(missing).toMatchObject({
      code: 1,
      err: expect.stringMatching(/ca\.crt cannot be read: torpor link keygen --keys/),
    });
  });

  it('a key of another certificate -> the gate does not start, and says so', async () => {
    await run('keygen', '--keys', folder.file('one'));
    execFileSync('cp', [folder.file('one/edge.key'), folder.file('one/gate.key')]);
    const mixed = await run(
      'gate',
      '--keys',
      folder.file('one'),
      '--listen',
      '127.0.0.1:0',
      '--service',
      'a=127.0.0.1:2',
    );
    expect(mixed).toMatchObject({ code: 1, err: expect.stringMatching(/keys cannot be used/) });
  });
});
