// The scalar module as C, by Debian's wasm2c and gcc: core.vectors, and the guide's own example, run without a WebAssembly runtime.
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { describeWhere, requires } from '../support/requirements.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { BUILD_PROGRAMS, buildWithCore, pathOf } from './support/build-c.ts';
import { startInstance } from './support/instance.ts';
import { parseVectors, runVector } from './support/vectors.ts';

const run = promisify(execFile);
const VECTORS_FILE = pathOf('test/embedding/core.vectors');

describeWhere(requires(BUILD_PROGRAMS), 'the core as C, made by wasm2c', () => {
  const folder = new TempFolder('wasm2c');
  afterAll(() => folder.remove());

  it('vectors: run in C -> every call answers what it answers in Node, and all is as the file says', async () => {
    const host = await buildWithCore(folder.path, pathOf('test/embedding/native/core-vectors.c'));
    const { stdout } = await run(host, [VECTORS_FILE], { maxBuffer: 16 * 1024 * 1024 });
    const expected: string[] = [];
    for (const vector of parseVectors(await readFile(VECTORS_FILE, 'utf8'))) {
      const answers = runVector(vector, await startInstance('torpor-core.scalar.wasm'));
      expected.push(`vector ${vector.title}`, ...answers.map(String));
    }
    expect(stdout.trimEnd().split('\n')).toEqual(expected);
    expect(expected.length).toBeGreaterThan(200);
  });

  it('vectors: one answer changed in the file -> the C host fails and names the line', async () => {
    const host = await buildWithCore(folder.path, pathOf('test/embedding/native/core-vectors.c'));
    const file = `${folder.path}/wrong.vectors`;
    await writeFile(file, 'vector wrong\nlet a buffer_alloc 16\nput a 01*16\nsee a+15 02\n');
    await expect(run(host, [file])).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('line 4') });
  });

  it('guide: its C example -> builds without a warning and prints what the guide says', async () => {
    const guide = await readFile(pathOf('docs/embedding.md'), 'utf8');
    const source = /```c\n([\s\S]*?)```/.exec(guide)?.[1];
    const output = /```output\n([\s\S]*?)```/.exec(guide)?.[1];
    await writeFile(`${folder.path}/example.c`, source ?? '#error the guide has no example');
    const { stdout } = await run(await buildWithCore(folder.path, `${folder.path}/example.c`));
    expect(stdout).toBe(output);
  });
});
