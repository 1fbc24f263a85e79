// A fresh instance of one build of the module, as the runner of the vectors takes it.
import { readFile } from 'node:fs/promises';
import { instantiateCore } from '../../../src/core/load.ts';
import type { Build } from '../../asm/support/raw-core.ts';
import type { Instance } from './vectors.ts';

export async function startInstance(build: Build): Promise<Instance> {
  const exports = await instantiateCore(await readFile(new URL(`../../../build/${build}`, import.meta.url)));
  return { memory: exports.memory, functions: exports as unknown as Instance['functions'] };
}
