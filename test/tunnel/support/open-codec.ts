// A codec in a core of its own, of either build, and memory beside its histories that must stay as it was.
import { readFile } from 'node:fs/promises';
import type { CoreAbi } from '../../../src/core/abi.ts';
import { LinkCodec } from '../../../src/core/link-codec.ts';
import { instantiateCore } from '../../../src/core/load.ts';

const LIMIT_BYTES = 4 * 1024 * 1024;
const CANARY_BYTES = 4096;
const CANARY = 0xa5;

export interface TestCodec {
  readonly codec: LinkCodec;
  /** A range of the core's memory that is filled and never handed to the codec. */
  placeCanary(): void;
  /** Whether every such range is as it was filled. */
  areCanariesWell(): boolean;
}

export async function openCodec(build: string): Promise<TestCodec> {
  const wasm = await readFile(new URL(`../../../build/${build}`, import.meta.url));
  const exports: CoreAbi = await instantiateCore(wasm);
  exports.init(1, 4 * LIMIT_BYTES);
  const memory = new Uint8Array(exports.memory.buffer);
  const canaries: number[] = [];
  const codec = new LinkCodec(exports, { encoderLimitBytes: LIMIT_BYTES, decoderLimitBytes: LIMIT_BYTES });
  codec.peerLimitBytes = Number.POSITIVE_INFINITY;
  return {
    codec,
    placeCanary: () => {
      const at = exports.buffer_alloc(CANARY_BYTES);
      memory.fill(CANARY, at, at + CANARY_BYTES);
      canaries.push(at);
    },
    areCanariesWell: () =>
      canaries.every((at) => memory.subarray(at, at + CANARY_BYTES).every((byte) => byte === CANARY)),
  };
}
