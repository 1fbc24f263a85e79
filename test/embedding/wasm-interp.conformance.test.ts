// Both builds of the module in wabt's interpreter, wasm-interp: as they are, and with core.vectors added to their text.
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, expect, it } from 'vitest';
import { ABI_VERSION } from '../../src/core/abi.ts';
import { BUILDS } from '../asm/support/raw-core.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { pathOf } from './support/build-c.ts';
import { parseVectors } from './support/vectors.ts';
import { addVector } from './support/vectors-to-wat.ts';

const run = promisify(execFile);
const VECTORS = parseVectors(await readFile(pathOf('test/embedding/core.vectors'), 'utf8'));

describeWhere(requires(['wasm-interp', 'wasm2wat', 'wat2wasm']), 'the core in wasm-interp', () => {
  const folder = new TempFolder('interp');
  afterAll(() => folder.remove());

  async function interpret(text: string): Promise<string> {
    await writeFile(`${folder.path}/with-vector.wat`, text);
    await run('wat2wasm', [`${folder.path}/with-vector.wat`, '-o', `${folder.path}/with-vector.wasm`]);
    return (await run('wasm-interp', [`${folder.path}/with-vector.wasm`, '--run-all-exports'])).stdout;
  }

  it.each(BUILDS)('%s as it is: -> starts, and answers its version', async (build) => {
    const { stdout } = await run('wasm-interp', [pathOf(`build/${build}`), '--run-all-exports']);
    expect(stdout).toContain(`abi_version() => i32:${ABI_VERSION}\n`);
  });

  it.each(BUILDS)('%s with the vectors: -> each as the file says', async (build) => {
    const { stdout: text } = await run('wasm2wat', [pathOf(`build/${build}`)], { maxBuffer: 16 * 1024 * 1024 });
    for (const vector of VECTORS) {
      expect({ [vector.title]: await interpret(addVector(text, vector)) }).toEqual({
        [vector.title]: 'run() => i32:0\n',
      });
    }
  });

  it('a vector that is not so: -> the line at which it fails', async () => {
    const { stdout: text } = await run('wasm2wat', [pathOf(`build/${BUILDS[0]}`)], { maxBuffer: 16 * 1024 * 1024 });
    const [wrong] = parseVectors('vector wrong\nlet a buffer_alloc 16\nput a 01*16\nsee a+15 02\n');
    if (wrong === undefined) throw new Error('no vector was read');
    expect(await interpret(addVector(text, wrong))).toBe('run() => i32:4\n');
  });
});
