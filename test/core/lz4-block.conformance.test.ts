// Blocks against liblz4, through Debian's command line tool `lz4`. The tool speaks frames: blocks are wrapped and unwrapped
// by a frame builder that shares nothing with the code under test.
import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadCore, type StreamCore } from '../../src/core/stream-core.ts';
import { KINDS, makeData, stepwiseSizes } from './support/block-data.ts';
import { buildFrame, readFrame } from './support/lz4-frame.ts';
import { drawSeed, randomFrom } from './support/seed.ts';
import { xxh32OfShort } from './support/xxh32.ts';

const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
const TOOL = spawnSync('lz4', ['--version'], { encoding: 'utf8' });
const version = TOOL.status === 0 ? (/v\d+\.\d+\.\d+/.exec(TOOL.stdout)?.[0] ?? 'unknown version') : null;

function lz4(args: readonly string[], input: Uint8Array): Buffer {
  const run = spawnSync('lz4', [...args], { input, maxBuffer: MAX_OUTPUT_BYTES });
  if (run.status !== 0) throw new Error(`lz4 ${args.join(' ')} failed: ${run.stderr.toString()}`);
  return run.stdout;
}

describe('frame builder of this test', () => {
  it('XXH32: empty input -> the value of the xxHash specification', () => {
    expect(xxh32OfShort(new Uint8Array(0))).toBe(0x02cc5d05);
  });

  it('frame: header without options, 4 MB blocks -> the bytes that lz4 1.9.4 writes (lz4 -1 -B7 --no-frame-crc)', () => {
    expect(buildFrame([]).toString('hex')).toBe('04224d1860707300000000');
  });
});

describe.skipIf(version === null)(`LZ4 block and lz4 ${version ?? '(not installed: apt-get install lz4)'}`, () => {
  const seed = drawSeed('LZ4 conformance');
  let core: StreamCore;
  beforeAll(async () => {
    core = await loadCore();
  });

  function contents(): Uint8Array[] {
    const random = randomFrom(seed);
    const kindAt = (index: number) => KINDS[index % KINDS.length] as (typeof KINDS)[number];
    const stepwise = stepwiseSizes().map((size, index) => makeData(kindAt(index), size, seed + index));
    const drawn = Array.from({ length: 200 }, (_, index) =>
      makeData(kindAt(index), random.below(70_001), random.u32()),
    );
    return [...stepwise, ...drawn, makeData('words', 4 * 1024 * 1024, seed), makeData('copies', 3_000_000, seed)];
  }

  it('block: of the core, sizes 0..70,000 and up to 4 MiB -> lz4 restores every one', () => {
    const all = contents();
    const blocks = all.map((content) => {
      const block = new Uint8Array(core.compressBound(content.length));
      return block.slice(0, core.compressBlock(content, block));
    });
    // One frame for all: lz4 restores the blocks in a row. A difference is then looked for block by block.
    const restored = lz4(['-d', '-c'], buildFrame(blocks));
    let at = 0;
    for (const [index, content] of all.entries()) {
      const part = restored.subarray(at, at + content.length);
      if (!part.equals(content)) expect.fail(`content ${index} of ${content.length} bytes differs (seed ${seed})`);
      at += content.length;
    }
    expect(restored.length).toBe(at);
    console.log(`LZ4 conformance: ${blocks.length} blocks, ${at} bytes restored by lz4 ${version}`);
  });

  it.each([
    ['-1', 1],
    ['-9', 7],
    ['-12', 7],
    ['--fast=5', 7],
  ])('block: of lz4 %s, one in %i of sizes 0..70,000 -> the core restores it', (level, every) => {
    const all = contents();
    let compressed = 0;
    for (let index = 0; index < all.length; index += every) {
      const content = all[index] as Uint8Array;
      const blocks = readFrame(lz4([level, '-B7', '-c', '--no-frame-crc'], content));
      const parts = blocks.map(({ data, compressed: isCompressed }) => {
        if (!isCompressed) return data;
        compressed += 1;
        const back = new Uint8Array(content.length);
        return back.slice(0, core.decompressBlock(data, back));
      });
      if (!Buffer.concat(parts).equals(content)) {
        expect.fail(`content ${index} of ${content.length} bytes differs (seed ${seed})`);
      }
    }
    console.log(`LZ4 conformance: ${compressed} blocks of lz4 ${version} ${level} restored`);
    expect(compressed).toBeGreaterThan(40);
  });

  it('block: in 64 KiB pieces of lz4 -B4, 2 MB of each kind -> the core restores them in order', () => {
    for (const kind of KINDS) {
      const content = makeData(kind, 2_000_000, seed);
      const back = new Uint8Array(65_536);
      const parts = readFrame(lz4(['-1', '-B4', '-BI', '-c', '--no-frame-crc'], content)).map(({ data, compressed }) =>
        compressed ? back.slice(0, core.decompressBlock(data, back)) : data,
      );
      expect(Buffer.concat(parts).equals(content)).toBe(true);
    }
  });
});
