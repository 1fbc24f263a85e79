// LZ4 frames both ways with Debian's tool `lz4`: every block size and flag, content of many sizes.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { FrameMemory } from '../../src/core/frame-memory.ts';
import { Lz4FrameDecoder } from '../../src/core/lz4-frame-decoder.ts';
import { Lz4FrameEncoder } from '../../src/core/lz4-frame-encoder.ts';
import type { BlockSizeId } from '../../src/core/lz4-frame-format.ts';
import { KINDS, makeData } from './support/block-data.ts';
import { loadCorpora } from './support/corpora.ts';
import { drawSeed, randomFrom } from './support/seed.ts';

const TOOL = spawnSync('lz4', ['--version'], { encoding: 'utf8' });
const version = TOOL.status === 0 ? (/v\d+\.\d+\.\d+/.exec(TOOL.stdout)?.[0] ?? 'unknown version') : null;
/** Several blocks of 64 KiB, and one that is not full. */
const CORPUS_BYTES = 200_000;
const BLOCK_SIZES = [4, 5, 6, 7] as const;

function lz4(args: readonly string[], input: Uint8Array): Buffer {
  const run = spawnSync('lz4', [...args], { input, maxBuffer: 256 * 1024 * 1024 });
  if (run.status !== 0) {
    throw new Error(
      `lz4 ${args.join(' ')} failed (${run.status ?? run.error ?? run.signal}): ${run.stderr.toString()}`,
    );
  }
  return run.stdout;
}

/** The frame of lz4, or null where version 1.9.4 stumbles over its own buffer, as it does on some linked small blocks. */
function lz4Frame(args: readonly string[], content: Uint8Array): Buffer | null {
  try {
    return lz4(args, content);
  } catch (error) {
    if (String(error).includes('ERROR_dstMaxSize_tooSmall')) return null;
    throw error;
  }
}

describe.skipIf(version === null)(`LZ4 frame and lz4 ${version ?? '(not installed: apt-get install lz4)'}`, () => {
  const seed = drawSeed('LZ4 frame conformance');
  const random = randomFrom(seed);
  let memory: FrameMemory;
  let corpora: Uint8Array[];
  beforeAll(async () => {
    memory = await FrameMemory.create();
    corpora = (await loadCorpora(CORPUS_BYTES, seed)).map(({ data }) => data);
  });

  function decode(frames: Uint8Array, dictionary?: Uint8Array): Buffer {
    const decoder = new Lz4FrameDecoder(memory, dictionary === undefined ? undefined : { bytes: dictionary });
    const content = [...decoder.push(frames)];
    decoder.end();
    decoder.release();
    return Buffer.concat(content);
  }

  /** Sizes up to 70,000 in steps, around a block's end, some that need several blocks of each size, and the corpora. */
  function contents(): Uint8Array[] {
    const sizes = [0, 1, 4, 5, 12, 13, 17, 64, 255, 65_535, 65_536, 65_537, 131_072, 300_000, 1_100_000, 5_000_000];
    for (let size = 99; size <= 70_000; size += 6991) sizes.push(size);
    const made = sizes.map((size, index) =>
      makeData(KINDS[index % KINDS.length] as (typeof KINDS)[number], size, random.u32()),
    );
    return [...made, ...corpora];
  }

  it.each(BLOCK_SIZES)('frame: of lz4 with blocks of size %i and every flag -> restored', (blockSizeId) => {
    let frames = 0;
    for (const [index, content] of contents().entries()) {
      for (const flags of [
        ['-BD'],
        ['-BI', '-BX'],
        ['-BD', '-BX', '--no-frame-crc'],
        ['-BD', '--content-size', '-9'],
      ]) {
        if (content.length > 1_000_000 && index % 2 === blockSizeId % 2) continue;
        const frame = lz4Frame([...flags, `-B${blockSizeId}`, '-c'], content);
        if (frame === null) continue;
        const back = decode(frame);
        if (!back.equals(content)) expect.fail(`${flags.join(' ')}, ${content.length} bytes differ (seed ${seed})`);
        frames += 1;
      }
    }
    console.log(`LZ4 frames of lz4 ${version} restored: ${frames}`);
    expect(frames).toBeGreaterThan(60);
  });

  const SIZES_AND_EFFORTS = BLOCK_SIZES.flatMap((id) => [[id, 'fast'] as const, [id, 'high'] as const]);
  it.each(SIZES_AND_EFFORTS)(
    'frame: ours with blocks of size %i and every flag, %s -> lz4 restores it',
    (id, effort) => {
      const blockSizeId: BlockSizeId = id;
      for (let flags = 0; flags < 16; flags += 1) {
        // One call per frame: in a row, lz4 1.9.4 refuses even its own frames of -BX --no-frame-crc.
        for (const [index, content] of contents().entries()) {
          if (content.length > 1_000_000 && index % 4 !== flags % 4) continue;
          const header = {
            blockSizeId,
            linked: (flags & 1) !== 0,
            blockChecksums: (flags & 2) !== 0,
            contentChecksum: (flags & 4) !== 0,
            ...((flags & 8) !== 0 ? { contentBytes: content.length } : {}),
          };
          const encoder = new Lz4FrameEncoder(memory, header, effort);
          const frame = Buffer.concat([...encoder.push(content), ...encoder.end()]);
          encoder.release();
          if (!lz4(['-d', '-c'], frame).equals(content)) {
            expect.fail(`flags ${flags}, ${content.length} bytes: the content differs (seed ${seed})`);
          }
        }
      }
    },
  );

  it('frame: with a dictionary (-D), both ways, linked or not, fast and high -> the same bytes', () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'torpor-lz4-'));
    try {
      const file = path.join(folder, 'dictionary');
      let smaller = 0;
      for (const [index, bytes] of [5, 300, 65_536, 150_000].entries()) {
        const dictionary = makeData('words', bytes, random.u32());
        writeFileSync(file, dictionary);
        for (const content of [
          makeData('words', 200_000, random.u32()),
          dictionary.subarray(-40_000),
          Buffer.alloc(0),
        ]) {
          for (const linked of [false, true]) {
            const flags = [linked ? '-BD' : '-BI', `-B${4 + index}`];
            const theirs = lz4Frame([...flags, '-D', file, '-c'], content);
            if (theirs !== null) expect(decode(theirs, dictionary).equals(content)).toBe(true);
            for (const effort of ['fast', 'high'] as const) {
              const header = {
                blockSizeId: (4 + index) as BlockSizeId,
                linked,
                blockChecksums: false,
                contentChecksum: true,
                ...(index % 2 === 0 ? { dictionaryId: 1 + index } : {}),
              };
              const encoder = new Lz4FrameEncoder(memory, header, effort, dictionary);
              const frame = Buffer.concat([...encoder.push(content), ...encoder.end()]);
              encoder.release();
              expect(lz4(['-d', '-D', file, '-c'], frame).equals(content)).toBe(true);
              if (frame.length < content.length / 50) smaller += 1;
            }
          }
        }
      }
      // The dictionary's own end is a few matches where it is long enough.
      expect(smaller).toBeGreaterThan(7);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('frame: of lz4 -l (legacy) -> refused by name', () => {
    expect(() => decode(lz4(['-l', '-c'], Buffer.alloc(100)))).toThrow(/legacy format/);
  });
});
