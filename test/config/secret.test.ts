// Secrets from files and the environment: what is trimmed, what is warned of, what never shows.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readSecret } from '../../src/config/secret.ts';
import { TempFolder } from '../support/temp-folder.ts';

let folder: TempFolder;
beforeEach(() => {
  folder = new TempFolder('secret');
});
afterEach(() => folder.remove());

function secretFile(content: string | Uint8Array, mode = 0o600) {
  const path = folder.file('secret');
  writeFileSync(path, content);
  chmodSync(path, mode);
  return { kind: 'file', path } as const;
}

describe('readSecret', () => {
  it.each([
    ['hunter2', 'hunter2'],
    ['hunter2\n', 'hunter2'],
    ['hunter2\r\n', 'hunter2'],
    ['hunter2\n\n', 'hunter2\n'],
    [' spaced out \n', ' spaced out '],
    ['pässwörd\n', 'pässwörd'],
  ])('file with %j -> %j', async (content, value) => {
    expect(await readSecret(secretFile(content))).toEqual({ value, warnings: [] });
  });

  it.each([0o644, 0o640, 0o604])(
    'file of mode %o -> a warning that says what to run, without the secret',
    async (mode) => {
      const source = secretFile('hunter2', mode);
      expect((await readSecret(source)).warnings).toEqual([
        `${source.path} can be read by other users: run chmod 600 ${source.path}`,
      ]);
    },
  );

  it('environment variable -> its value, line break trimmed', async () => {
    const source = { kind: 'env', name: 'LAB_BMC' } as const;
    expect(await readSecret(source, { LAB_BMC: 'hunter2\n' })).toEqual({ value: 'hunter2', warnings: [] });
  });

  it('variable that is not set -> ERR_CONFIG_READ that names it', async () => {
    await expect(readSecret({ kind: 'env', name: 'LAB_BMC' }, {})).rejects.toMatchObject({
      code: 'ERR_CONFIG_READ',
      message:
        'cannot read the password from environment variable LAB_BMC: it is not set; set it where Torpor is started',
    });
  });

  it('file that is missing -> ERR_CONFIG_READ that names it', async () => {
    const path = folder.file('nowhere');
    await expect(readSecret({ kind: 'file', path })).rejects.toMatchObject({
      code: 'ERR_CONFIG_READ',
      message: `cannot read the password from file ${path}: there is no such file; create it with mode 600`,
    });
  });

  it.each(['', '\n', '\r\n'])('file with %j -> empty', async (content) => {
    await expect(readSecret(secretFile(content))).rejects.toMatchObject({
      code: 'ERR_CONFIG_READ',
      message: expect.stringContaining('it is empty'),
    });
  });

  it('file that is too long, or no text, or holds NUL -> refused, and nothing of it is told', async () => {
    for (const content of [`hunter2${'x'.repeat(5000)}`, Buffer.from('hunter2\xff', 'latin1'), 'hunter2\0']) {
      const failure = await readSecret(secretFile(content)).catch((error: Error) => error);
      expect(failure).toMatchObject({ code: 'ERR_CONFIG_READ' });
      expect((failure as Error).message).not.toContain('hunter2');
    }
  });

  it('4096 bytes -> read; one more -> refused', async () => {
    expect((await readSecret(secretFile('x'.repeat(4096)))).value).toHaveLength(4096);
    await expect(readSecret(secretFile('x'.repeat(4097)))).rejects.toMatchObject({ code: 'ERR_CONFIG_READ' });
  });

  it('a folder -> ERR_CONFIG_READ that says so', async () => {
    mkdirSync(folder.file('dir'));
    await expect(readSecret({ kind: 'file', path: folder.file('dir') })).rejects.toMatchObject({
      message: expect.stringContaining('it is a folder'),
    });
  });
});
