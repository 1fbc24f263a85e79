// core.vectors in Node, by both builds of the module, which must answer alike.
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { BUILDS, type Build } from '../asm/support/raw-core.ts';
import { startInstance } from './support/instance.ts';
import { parseVectors, runVector } from './support/vectors.ts';

const VECTORS = parseVectors(await readFile(new URL('./core.vectors', import.meta.url), 'utf8'));

describe.each(BUILDS)('vectors by %s in Node', (build: Build) => {
  it.each(VECTORS)('vector: $title -> as the file says', async (vector) => {
    runVector(vector, await startInstance(build));
  });
});

describe('vectors', () => {
  it('vectors: run by the SIMD and by the scalar build -> every call answers the same', async () => {
    for (const vector of VECTORS) {
      const [simd, scalar] = [await startInstance(BUILDS[0]), await startInstance(BUILDS[1])];
      expect(runVector(vector, simd)).toEqual(runVector(vector, scalar));
    }
  });

  it.each([
    ['a wrong answer', 'vector x\ncall abi_tick_ms = 2', 'line 2: abi_tick_ms answered 1, not 2'],
    ['wrong bytes', 'vector x\nlet a buffer_alloc 16\nput a 0102\nsee a 01*2', 'line 4: byte 1 is 2, not 1'],
    ['a status', 'vector x\nlet a lz4_compress_bound -1', 'line 2: lz4_compress_bound answered -16'],
    ['too much', 'vector x\nlet a abi_version\nbelow a 1', /line 3: \d+ is not below 1/],
  ])('vectors: %s -> the runner says so, with the line', async (_what, text, message) => {
    const [vector] = parseVectors(text);
    if (vector === undefined) throw new Error('no vector was read');
    const instance = await startInstance(BUILDS[0]);
    expect(() => runVector(vector, instance)).toThrow(message);
  });

  it.each(['call x', 'put a 0g', 'let', 'frob 1', 'call x = y'])('vectors: "%s" -> refused with its line', (line) => {
    expect(() => parseVectors(`vector x\n\n${line}`)).toThrow(/line 3/);
  });
});
