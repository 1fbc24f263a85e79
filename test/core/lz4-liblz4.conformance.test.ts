// Blocks and linked blocks against liblz4 itself, both ways, by both builds: sizes 0 to 70,000 step-wise and random, and the corpora of
// the benches, whole, in blocks of every size and message by message.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Lz4Oracle, missingLiblz4, type Question } from '../asm/support/lz4-oracle.ts';
import { BUILDS, type RawCore, rawCore } from '../asm/support/raw-core.ts';
import { describeWhere } from '../support/requirements.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { KINDS, makeData, stepwiseSizes } from './support/block-data.ts';
import { type Corpus, loadCorpora } from './support/corpora.ts';
import { drawSeed, randomFrom } from './support/seed.ts';

const CORPUS_BYTES = 512 * 1024;
const BLOCK_SIZES = [64, 1024, 16_384, 65_536, 262_144, CORPUS_BYTES] as const;
const RANDOM_SIZES = 200;
const WINDOW_BYTES = 65_536;
const MAX_MESSAGE_BYTES = 65_536;
const LINK_BYTES = 32 + 16_384 + 2 * WINDOW_BYTES + MAX_MESSAGE_BYTES;
/** LZ4_compress_default, and the levels of LZ4_compress_HC. */
const LEVELS = [0, 3, 9, 12] as const;

const seed = drawSeed('liblz4');

/** Contents of every size, and the corpora in blocks of every size. */
function makeContents(corpora: readonly Corpus[]): Uint8Array[] {
  const random = randomFrom(seed);
  const kindAt = (index: number) => KINDS[index % KINDS.length] as (typeof KINDS)[number];
  const stepwise = stepwiseSizes().map((size, index) => makeData(kindAt(index), size, seed + index));
  const drawn = Array.from({ length: RANDOM_SIZES }, (_, index) =>
    makeData(kindAt(index), random.below(70_001), random.u32()),
  );
  const cut = corpora.flatMap(({ data }) =>
    BLOCK_SIZES.flatMap((size) => {
      // Of the small blocks a part is enough: every 16th.
      const step = size < 16_384 ? size * 16 : size;
      return Array.from({ length: Math.ceil(data.length / step) }, (_, index) =>
        data.subarray(index * step, index * step + size),
      );
    }),
  );
  return [...stepwise, ...drawn, ...cut];
}

function compressBlock(core: RawCore, content: Uint8Array): Buffer {
  const bound = core.lz4_compress_bound(content.length);
  const [src, dst] = [core.place(content), core.buffer_alloc(bound)];
  const size = core.lz4_compress_block(src, content.length, dst, bound);
  const block = core.read(dst, Math.max(0, size));
  for (const pointer of [src, dst]) core.buffer_free(pointer);
  return block;
}

function restoreBlock(core: RawCore, block: Uint8Array, bytes: number): Buffer {
  const [src, dst] = [core.place(block), core.buffer_alloc(bytes)];
  const size = core.lz4_decompress_block(src, block.length, dst, bytes);
  const content = core.read(dst, Math.max(0, size));
  for (const pointer of [src, dst]) core.buffer_free(pointer);
  return content;
}

function openLink(core: RawCore, encodes: 0 | 1): number {
  const state = core.buffer_alloc(LINK_BYTES);
  expect(core.lz4_link_init(state, LINK_BYTES, WINDOW_BYTES, encodes)).toBe(0);
  return state;
}

/** A stream's messages; the ones that our window could not take whole are cut. */
function messagesOf({ data, lengths }: Corpus): Buffer[] {
  let at = 0;
  return (lengths ?? []).flatMap((length) => {
    at += length;
    const message = data.subarray(at - length, at);
    return Array.from({ length: Math.ceil(length / MAX_MESSAGE_BYTES) }, (_, index) =>
      message.subarray(index * MAX_MESSAGE_BYTES, (index + 1) * MAX_MESSAGE_BYTES),
    );
  });
}

describeWhere(missingLiblz4(), 'LZ4 and liblz4, both ways', () => {
  const folder = new TempFolder('liblz4');
  let oracle: Lz4Oracle;
  let corpora: Corpus[];
  let contents: Uint8Array[];
  beforeAll(async () => {
    oracle = new Lz4Oracle(folder.path);
    corpora = await loadCorpora(CORPUS_BYTES, seed);
    contents = makeContents(corpora);
  });
  afterAll(() => folder.remove());

  describe.each(BUILDS)('%s', (build) => {
    it('block: ours, every size and corpus -> LZ4_decompress_safe restores it into exactly its size', async () => {
      const core = await rawCore(1, 8 * 1024 * 1024, build);
      const questions = contents.map<Question>((content) => ({
        kind: 'block',
        bytes: compressBlock(core, content),
        number: content.length,
      }));
      for (const [index, restored] of oracle.ask(questions).entries()) {
        const content = contents[index] as Uint8Array;
        if (restored === null || !restored.equals(content)) {
          expect.fail(`content ${index} of ${content.length} bytes: ${restored?.length ?? 'refused'} (seed ${seed})`);
        }
      }
      console.log(`liblz4: ${contents.length} blocks of ${build} restored`);
      expect(contents.length).toBeGreaterThan(1000);
    });

    it.each(LEVELS)(
      'block: of liblz4, level %i, every size and corpus -> restored into exactly its size',
      async (level) => {
        const core = await rawCore(1, 8 * 1024 * 1024, build);
        // The high levels are slow: a part of all is enough.
        const chosen = contents.filter((_, index) => level < 9 || index % 5 === level % 5);
        const blocks = oracle.ask(chosen.map((bytes) => ({ kind: 'compress', bytes, number: level })));
        for (const [index, block] of blocks.entries()) {
          const content = chosen[index] as Uint8Array;
          if (block === null || !restoreBlock(core, block, content.length).equals(content)) {
            expect.fail(`level ${level}, content ${index} of ${content.length} bytes differs (seed ${seed})`);
          }
        }
        expect(blocks.length).toBeGreaterThan(200);
      },
    );

    it('linked: ours, the four message streams -> LZ4_decompress_safe_continue restores every message', async () => {
      const streams = corpora.filter(({ lengths }) => lengths !== undefined);
      expect(streams).toHaveLength(4);
      for (const corpus of streams) {
        const core = await rawCore(1, 1024 * 1024, build);
        const state = openLink(core, 1);
        const [src, dst] = [core.buffer_alloc(MAX_MESSAGE_BYTES), core.buffer_alloc(MAX_MESSAGE_BYTES + 1024)];
        const messages = messagesOf(corpus);
        const questions = messages.map<Question>((message) => {
          core.bytes().set(message, src);
          const size = core.lz4_link_compress(state, src, message.length, dst, MAX_MESSAGE_BYTES + 1024);
          if (size < 0) expect.fail(`${corpus.name}: ${message.length} bytes were refused with ${size}`);
          return { kind: 'linked', bytes: core.read(dst, size), number: message.length };
        });
        for (const [index, restored] of oracle.ask(questions).entries()) {
          if (restored === null || !restored.equals(messages[index] as Buffer)) {
            expect.fail(`${corpus.name}: message ${index} differs (seed ${seed})`);
          }
        }
      }
    });

    it('linked: of LZ4_compress_fast_continue, the four message streams -> every message restored', async () => {
      for (const corpus of corpora.filter(({ lengths }) => lengths !== undefined)) {
        const core = await rawCore(1, 1024 * 1024, build);
        const state = openLink(core, 0);
        const src = core.buffer_alloc(MAX_MESSAGE_BYTES + 1024);
        const messages = messagesOf(corpus);
        const blocks = oracle.ask(messages.map((bytes) => ({ kind: 'compress linked', bytes, number: 0 })));
        for (const [index, block] of blocks.entries()) {
          const message = messages[index] as Buffer;
          core.bytes().set(block ?? [], src);
          const size = core.lz4_link_decompress(state, src, block?.length ?? 0, message.length);
          if (size !== message.length || !core.read(core.lz4_link_output(state, size), size).equals(message)) {
            expect.fail(
              `${corpus.name}: message ${index} of ${message.length} bytes came back as ${size} (seed ${seed})`,
            );
          }
        }
      }
    });
  });
});
