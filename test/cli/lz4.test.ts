// `torpor lz4`: stdin to stdout, both ways, and what it says to wrong input and wrong options.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeData } from '../core/support/block-data.ts';
import { FakeIo } from './fakes/fake-io.ts';

const CONTENT = Buffer.from('Idle is not disconnected. '.repeat(9000));

async function pipe(input: Uint8Array[], ...args: string[]): Promise<{ code: number; out: Buffer; err: string }> {
  const io = new FakeIo();
  io.stdin = input;
  const code = await io.run('lz4', ...args);
  return { code, out: Buffer.concat(io.stdoutBytes), err: io.stderr };
}

describe('torpor lz4', () => {
  it.each([
    [[]],
    [['--linked', '-b', '64K', '--block-checksum']],
    [['--no-content-checksum', '-b', '256K']],
    [['-9']],
    [['--high', '--linked', '-b', '64K']],
  ])('lz4: compress %j, then decompress -> the same bytes, from far fewer', async (options) => {
    const packed = await pipe([CONTENT.subarray(0, 777), CONTENT.subarray(777)], 'compress', ...options);
    expect(packed.code).toBe(0);
    expect(packed.out.length).toBeLessThan(CONTENT.length / 20);
    const back = await pipe([packed.out], 'decompress');
    expect(back).toMatchObject({ code: 0, err: '' });
    expect(back.out.equals(CONTENT)).toBe(true);
  });

  it('lz4: decompress of something else, of half a frame, of nothing -> exit code 1 and the reason', async () => {
    const { out } = await pipe([CONTENT], 'compress');
    expect(await pipe([CONTENT], 'decompress')).toMatchObject({ code: 1, err: expect.stringMatching(/magic number/) });
    expect(await pipe([out.subarray(0, 99)], 'decompress')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/cut short/),
    });
    expect(await pipe([], 'decompress')).toMatchObject({ code: 1, err: expect.stringMatching(/no input/) });
  });

  it('lz4: compress -D FILE, decompress with it, without it, with another id -> restored, refused, refused', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'torpor-lz4-'));
    try {
      const file = path.join(folder, 'dictionary');
      const content = makeData('random', 30_000, 2);
      await writeFile(file, content);
      for (const effort of ['-1', '-9']) {
        const packed = await pipe([content], 'compress', effort, '-D', file, '--dictionary-id', '77');
        expect(packed).toMatchObject({ code: 0, err: '' });
        expect(packed.out.length).toBeLessThan(300);
        const back = await pipe([packed.out], 'decompress', '-D', file);
        expect(back).toMatchObject({ code: 0, err: '' });
        expect(back.out.equals(content)).toBe(true);
        for (const options of [[], ['-D', file, '--dictionary-id', '78']]) {
          expect(await pipe([packed.out], 'decompress', ...options)).toMatchObject({
            code: 1,
            err: expect.stringMatching(/dictionary 77/),
          });
        }
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('lz4: an id without a dictionary, an id that is none -> bad usage; a dictionary that is not there -> exit code 1', async () => {
    expect(await pipe([], 'compress', '--dictionary-id', '1')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/-D/),
    });
    expect(await pipe([], 'decompress', '--dictionary-id', '1')).toMatchObject({ code: 2 });
    expect(await pipe([], 'compress', '-D', 'x', '--dictionary-id', '4294967296')).toMatchObject({ code: 2 });
    expect(await pipe([], 'compress', '-D', '/nowhere/x')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/nowhere/),
    });
  });

  it('lz4: a size that is none, a block size that is none -> bad usage', async () => {
    expect(await pipe([], 'compress', '--content-size', '-3')).toMatchObject({ code: 2 });
    expect(await pipe([], 'compress', '--block-size', '65536')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/64K/),
    });
  });

  it('lz4: compress -9 of words -> smaller than -1, which is the default; both at once -> bad usage', async () => {
    const words = makeData('words', 300_000, 1);
    const [fast, told, high] = [
      await pipe([words], 'compress'),
      await pipe([words], 'compress', '-1'),
      await pipe([words], 'compress', '-9'),
    ];
    expect(told.out.equals(fast.out)).toBe(true);
    expect(high.out.length).toBeLessThan(fast.out.length * 0.95);
    expect(await pipe([words], 'compress', '-1', '-9')).toMatchObject({ code: 2 });
  });

  it('lz4: told size is not true -> exit code 1 and both sizes', async () => {
    const { code, err } = await pipe([CONTENT], 'compress', '--content-size', '5');
    expect(code).toBe(1);
    expect(err).toMatch(/5 bytes of content, 234000 came/);
  });
});
