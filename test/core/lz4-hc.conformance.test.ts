// High compression against Debian's lz4: its tool restores every block of ours, over the bench's corpora and all sizes, and its
// own level 9 is the measure of how small they are.
import { spawnSync } from 'node:child_process';
import { beforeAll, expect, it } from 'vitest';
import { FrameMemory } from '../../src/core/frame-memory.ts';
import { Lz4FrameEncoder } from '../../src/core/lz4-frame-encoder.ts';
import { loadCore, type StreamCore } from '../../src/core/stream-core.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { KINDS, makeData } from './support/block-data.ts';
import { buildFrame, readFrame } from './support/lz4-frame.ts';
import { drawSeed, randomFrom } from './support/seed.ts';

interface Corpus {
  readonly name: string;
  readonly data: Buffer;
}
const BENCH = '../../bench';
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
const CORPUS_BYTES = 512 * 1024;
/** That of `npm run bench`: how small blocks become is to be the same each time. */
const CORPUS_SEED = 1;
const BLOCK_BYTES = 65_536;

function lz4(args: readonly string[], input: Uint8Array): Buffer {
  const run = spawnSync('lz4', [...args], { input, maxBuffer: MAX_OUTPUT_BYTES });
  if (run.status !== 0) throw new Error(`lz4 ${args.join(' ')} failed: ${run.stderr.toString()}`);
  return run.stdout;
}

describeWhere(requires(['lz4']), 'LZ4 high compression and lz4', () => {
  const seed = drawSeed('LZ4 high compression conformance');
  let core: StreamCore;
  let memory: FrameMemory;
  let corpora: Corpus[];
  beforeAll(async () => {
    core = await loadCore();
    memory = await FrameMemory.create();
    const { makeCorpus } = await import(`${BENCH}/corpus.mjs`);
    const { makeStreamCorpora } = await import(`${BENCH}/streams-corpus.mjs`);
    corpora = [...makeCorpus(CORPUS_BYTES, CORPUS_SEED), ...(await makeStreamCorpora(CORPUS_BYTES, CORPUS_SEED))];
  });

  function compress(content: Uint8Array): Uint8Array {
    const block = new Uint8Array(core.compressBound(content.length));
    return block.slice(0, core.compressBlockHc(content, block));
  }

  /** One frame for all, which lz4 restores in a row; a difference is then looked for block by block. */
  function expectRestored(contents: readonly Uint8Array[]): void {
    const restored = lz4(['-d', '-c'], buildFrame(contents.map(compress)));
    let at = 0;
    for (const [index, content] of contents.entries()) {
      const part = restored.subarray(at, at + content.length);
      if (!part.equals(content)) expect.fail(`content ${index} of ${content.length} bytes differs (seed ${seed})`);
      at += content.length;
    }
    expect(restored.length).toBe(at);
    console.log(`LZ4 high compression: ${contents.length} blocks, ${at} bytes restored by lz4`);
  }

  it('hc: sizes 0 to 70,000 step-wise, 200 random ones, and up to 4 MiB -> lz4 restores every block', () => {
    const random = randomFrom(seed);
    const sizes = Array.from({ length: 321 }, (_, size) => size);
    for (let size = 331; size <= 70_000; size += 997) sizes.push(size);
    for (let off = -20; off <= 20; off += 1) sizes.push(8192 + off, 65_536 + off);
    for (let index = 0; index < 200; index += 1) sizes.push(random.below(70_001));
    const kindAt = (index: number) => KINDS[index % KINDS.length] as (typeof KINDS)[number];
    const contents = sizes.map((size, index) => makeData(kindAt(index), size, random.u32()));
    for (const kind of KINDS) contents.push(makeData(kind, 1024 * 1024, random.u32()));
    expectRestored([...contents, makeData('copies', 4 * 1024 * 1024, seed)]);
  });

  it('hc: every corpus of the bench in blocks of 64 KiB -> lz4 restores it, and its -9 is at most 1 % smaller', () => {
    for (const { name, data } of corpora) {
      const pieces = Array.from({ length: Math.ceil(data.length / BLOCK_BYTES) }, (_, index) =>
        data.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES),
      );
      expectRestored(pieces);
      const ours = pieces.reduce((sum, piece) => sum + Math.min(piece.length, compress(piece).length), 0);
      const theirs = readFrame(lz4(['-9', '-B4', '-BI', '-c', '--no-frame-crc'], data)).reduce(
        (sum, block) => sum + block.data.length,
        0,
      );
      expect(ours, name).toBeLessThanOrEqual(theirs / 0.99);
    }
  });

  it('hc: every corpus as one frame of linked blocks of 64 KiB -> lz4 restores it, and its -9 -BD is at most 1 % smaller', () => {
    for (const { name, data } of corpora) {
      const header = { blockSizeId: 4, linked: true, blockChecksums: true, contentChecksum: true } as const;
      const encoder = new Lz4FrameEncoder(memory, header, 'high');
      const frame = Buffer.concat([...encoder.push(data), ...encoder.end()]);
      encoder.release();
      expect(lz4(['-d', '-c'], frame).equals(data), name).toBe(true);
      expect(frame.length, name).toBeLessThanOrEqual(lz4(['-9', '-B4', '-BD', '-BX', '-c'], data).length / 0.99);
    }
  });
});
