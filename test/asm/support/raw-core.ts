// The module as a C host would use it: numbers in, numbers out. Only what makes a test shorter is added.
import { readFile } from 'node:fs/promises';
import type { CoreAbi } from '../../../src/core/abi.ts';
import { instantiateCore } from '../../../src/core/load.ts';

export interface RawCore extends CoreAbi {
  bytes(): Buffer;
  /** A buffer that holds `content`. */
  place(content: Uint8Array): number;
  read(pointer: number, length: number): Buffer;
}

/** The two builds of the module, which answer alike. */
export const BUILDS = ['torpor-core.wasm', 'torpor-core.scalar.wasm'] as const;
export type Build = (typeof BUILDS)[number];

/** A fresh instance; laid out by `init` where sizes are given. */
export async function rawCore(maxStreams?: number, heapBytes?: number, build: Build = BUILDS[0]): Promise<RawCore> {
  const core = await instantiateCore(await readFile(new URL(`../../../build/${build}`, import.meta.url)));
  if (maxStreams !== undefined && heapBytes !== undefined && core.init(maxStreams, heapBytes) !== 0) {
    throw new Error('init was refused');
  }
  const bytes = () => Buffer.from(core.memory.buffer);
  return {
    ...core,
    bytes,
    place(content) {
      const pointer = core.buffer_alloc(content.length);
      if (pointer === 0) throw new Error(`no room for ${content.length} bytes`);
      bytes().set(content, pointer);
      return pointer;
    },
    read: (pointer, length) => Buffer.from(bytes().subarray(pointer, pointer + length)),
  };
}
