// LZ4 frames through our own reader and writer: golden frames of the lz4 tool, refusals, chunks cut anywhere, mutations.
// TORPOR_FUZZ_FRAMES raises the number of mutated frames, TORPOR_SEED repeats a run.
import { beforeAll, describe, expect, it } from 'vitest';
import { FrameMemory } from '../../src/core/frame-memory.ts';
import { Lz4FrameDecoder } from '../../src/core/lz4-frame-decoder.ts';
import { Lz4FrameEncoder, type Lz4FrameOptions } from '../../src/core/lz4-frame-encoder.ts';
import type { BlockSizeId } from '../../src/core/lz4-frame-format.ts';
import { TorporError } from '../../src/platform/errors.ts';
import { KINDS, makeData } from './support/block-data.ts';
import { drawSeed, randomFrom } from './support/seed.ts';

const seed = drawSeed('LZ4 frame');
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const DEFAULT_MUTATIONS = 2_000;

/** One memory for all readers here: what a frame left behind must not matter to the next one. */
let shared: FrameMemory;
beforeAll(async () => {
  shared = await FrameMemory.create();
});

async function encode(chunks: Iterable<Uint8Array>, options: Lz4FrameOptions = {}): Promise<Buffer> {
  const encoder = await Lz4FrameEncoder.create(options);
  const parts: Uint8Array[] = [];
  for (const chunk of chunks) parts.push(...encoder.push(chunk));
  return Buffer.concat([...parts, ...encoder.end()]);
}

async function decode(chunks: Iterable<Uint8Array>, dictionary?: { id?: number; bytes: Uint8Array }): Promise<Buffer> {
  const decoder = new Lz4FrameDecoder(shared, dictionary);
  try {
    const parts: Uint8Array[] = [];
    for (const chunk of chunks) parts.push(...decoder.push(chunk));
    decoder.end();
    return Buffer.concat(parts);
  } finally {
    decoder.release();
  }
}

function cut(bytes: Uint8Array, random: ReturnType<typeof randomFrom>): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + random.below(random.below(3) === 0 ? 7 : 90_000));
    parts.push(bytes.subarray(at, end));
    at = end;
  }
  return parts;
}

// printf 'abc%.0s' $(seq 40) | lz4 -1 (version 1.9.4): independent 4 MB blocks, content checksum.
const CONTENT = Buffer.alloc(120, 'abc');
const FRAME_START = '04224d18';

describe('XXH32 in the module', () => {
  // Source: xxHash specification; "Nobody inspects the spammish repetition" is the sample of the Python package xxhash.
  it.each([
    ['', 0x02cc5d05],
    ['a', 0x550d7456],
    ['abc', 0x32d153ff],
    ['Nobody inspects the spammish repetition', 0xe2293b2f],
  ])('checksum: of "%s" -> the published value, however it is cut', async (text, expected) => {
    const memory = await FrameMemory.create();
    const bytes = Buffer.from(text);
    expect(memory.xxh32(bytes)).toBe(expected);
    for (let at = 0; at <= bytes.length; at += 1) {
      const state = memory.startXxh32();
      const piece = memory.allocate(64);
      for (const part of [bytes.subarray(0, at), bytes.subarray(at)]) {
        memory.bytes.set(part, piece);
        memory.exports.xxh32_update(state, piece, part.length);
      }
      expect(memory.exports.xxh32_digest(state) >>> 0).toBe(expected);
    }
  });
});

describe('LZ4 frame', () => {
  it('frame: every block size, linked or not, with and without checksums and size, cut anywhere -> comes back', async () => {
    const random = randomFrom(seed);
    let frames = 0;
    for (const blockSizeId of [4, 5, 6, 7] as BlockSizeId[]) {
      for (let flags = 0; flags < 16; flags += 1) {
        const kind = KINDS[(flags + blockSizeId) % KINDS.length] as (typeof KINDS)[number];
        const content = makeData(kind, random.below(400_000), random.u32());
        const options = {
          blockSizeId,
          linked: (flags & 1) !== 0,
          blockChecksums: (flags & 2) !== 0,
          contentChecksum: (flags & 4) !== 0,
          ...((flags & 8) !== 0 ? { contentBytes: content.length } : {}),
        };
        const frame = await encode(cut(content, random), options);
        const back = await decode(cut(frame, random));
        if (!back.equals(content))
          expect.fail(`${JSON.stringify(options)}, ${kind}, ${content.length} bytes (seed ${seed})`);
        frames += 1;
      }
    }
    expect(frames).toBe(64);
  });

  it('frame: linked blocks of content that repeats from block to block -> smaller than independent ones', async () => {
    const content = Buffer.concat(Array.from({ length: 40 }, () => makeData('random', 40_000, 7)));
    const linked = await encode([content], { blockSizeId: 4, linked: true });
    const independent = await encode([content], { blockSizeId: 4 });
    expect(linked.length).toBeLessThan(independent.length / 5);
    expect((await decode([linked])).equals(content)).toBe(true);
  });

  it('frame: concatenated, with skippable frames before, between and behind -> the contents in a row', async () => {
    const frame = await encode([CONTENT]);
    const skippable = (nibble: number, bytes: number) =>
      Buffer.concat([hex(`5${nibble.toString(16)}2a4d18`), Buffer.from([bytes, 0, 0, 0]), Buffer.alloc(bytes, 0x18)]);
    const all = Buffer.concat([skippable(0, 9), frame, skippable(15, 0), frame, skippable(7, 200)]);
    for (let step = 1; step < 20; step += 1) {
      const parts = Array.from({ length: Math.ceil(all.length / step) }, (_, at) =>
        all.subarray(at * step, (at + 1) * step),
      );
      expect((await decode(parts)).equals(Buffer.concat([CONTENT, CONTENT]))).toBe(true);
    }
  });

  it('frame: cut at every byte -> refused as cut short', { timeout: 120_000 }, async () => {
    const frame = await encode([makeData('words', 3000, 1)], { linked: true, blockChecksums: true });
    for (let length = 0; length < frame.length; length += 1) {
      await expect(decode([frame.subarray(0, length)])).rejects.toMatchObject({ code: 'ERR_LZ4_FRAME' });
    }
  });

  it.each([
    ['legacy format', '02214c18 08000000', /legacy format/],
    ['no frame', '1f8b0800 00000000', /magic number/],
    ['version 2', `${FRAME_START} a040 00`, /version is 2/],
    ['reserved bit', `${FRAME_START} 6240 00`, /reserved bit/],
    ['block size 3', `${FRAME_START} 6030 00`, /block size 3/],
    ['header checksum', `${FRAME_START} 6040 00`, /header is damaged/],
    ['block larger than told', `${FRAME_START} 6040 82 01000100`, /larger than its header allows/],
    ['garbage behind a frame', `${FRAME_START} 6040 82 00000000 00010203`, /after frame 1/],
  ])('frame: %s -> refused by name', async (_name, text, message) => {
    const failure = await decode([hex(text)]).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TorporError);
    expect(String(failure)).toMatch(message);
  });

  it.each(['fast', 'high'] as const)(
    'frame: %s with a dictionary, any block size, linked or not -> restored with it only; each independent block repeats from it',
    async (effort) => {
      const bytes = makeData('random', 90_000, 5);
      const useful = bytes.subarray(-65_000);
      // What no block before can tell: in each 64 KiB another part of the dictionary.
      const content = Buffer.concat(
        [0, 1, 2, 3].flatMap((part) => [
          useful.subarray(part * 15_000, part * 15_000 + 20_000),
          makeData('random', 45_536, 6 + part),
        ]),
      );
      for (const linked of [false, true]) {
        for (const blockSizeId of [4, 5, 7] as const) {
          const options = { effort, linked, blockSizeId, dictionary: { id: 7, bytes } };
          const frame = await encode([content], options);
          const plain = await encode([content], { effort, linked, blockSizeId });
          const repeats = blockSizeId === 4 && !linked ? 4 : 1;
          // The fast search remembers 8,192 places, of which the dictionary's last are the most.
          expect(plain.length - frame.length).toBeGreaterThan(repeats * (effort === 'high' ? 19_000 : 10_000));
          expect((await decode([frame], { id: 7, bytes })).equals(content)).toBe(true);
          expect((await decode([frame], { bytes })).equals(content)).toBe(true);
          await expect(decode([frame])).rejects.toThrow(/dictionary 7/);
          await expect(decode([frame], { id: 8, bytes })).rejects.toThrow(/dictionary 7/);
          const untold = await encode([content], { ...options, dictionary: { bytes } });
          expect(untold.length).toBe(frame.length - 4);
          await expect(decode([untold])).rejects.toThrow(/-D|dictionary/);
        }
      }
    },
  );

  it('frame: an empty dictionary, and one of 1 to 20 bytes -> as good as none', async () => {
    const content = makeData('words', 3000, 9);
    for (let size = 0; size <= 20; size += 1) {
      const dictionary = { bytes: makeData('words', size, 10) };
      expect((await decode([await encode([content], { dictionary })], dictionary)).equals(content)).toBe(true);
    }
  });

  it('frame: dictionary id without, with another and with the right dictionary -> refused, refused, restored', async () => {
    const dictionary = makeData('random', 500, 3);
    const memory = await FrameMemory.create();
    const header = hex('6140 2a000000');
    // One match of 64 bytes that starts 500 bytes back, at the dictionary's first byte, then 5 literals.
    const block = hex('0f f401 2d 50 3132333435');
    const check = Buffer.from([(memory.xxh32(header) >>> 8) & 0xff]);
    const frame = Buffer.concat([hex(FRAME_START), header, check, hex('0a000000'), block, hex('00000000')]);
    await expect(decode([frame])).rejects.toThrow(/dictionary 42/);
    await expect(decode([frame], { id: 41, bytes: dictionary })).rejects.toThrow(/dictionary 42/);
    const content = await decode([frame], { id: 42, bytes: dictionary });
    expect(content.equals(Buffer.concat([dictionary.subarray(0, 64), Buffer.from('12345')]))).toBe(true);
  });

  it('frame: told size is not the true one -> the writer and the reader say so', async () => {
    await expect(encode([CONTENT], { contentBytes: 121 })).rejects.toMatchObject({ code: 'ERR_LZ4_FRAME' });
    const frame = await encode([CONTENT], { contentBytes: 120 });
    const memory = await FrameMemory.create();
    frame.writeUInt8(119, 6);
    frame.writeUInt8((memory.xxh32(frame.subarray(4, 14)) >>> 8) & 0xff, 14);
    await expect(decode([frame])).rejects.toThrow(/119 bytes of content/);
  });

  it('frame: mutated -> refused or, without checksums, restored; never another error', {
    timeout: 600_000,
  }, async () => {
    const count = Number(process.env.TORPOR_FUZZ_FRAMES ?? DEFAULT_MUTATIONS);
    const random = randomFrom(seed);
    let accepted = 0;
    let base = await encode([makeData('words', 900, seed)], { linked: true, contentChecksum: false });
    for (let index = 0; index < count; index += 1) {
      if (index % 500 === 499) {
        const linked = random.below(2) === 0;
        const kind = KINDS[random.below(KINDS.length)] as (typeof KINDS)[number];
        base = await encode([makeData(kind, random.below(2000), random.u32())], {
          blockSizeId: 4,
          linked,
          contentChecksum: linked,
        });
      }
      const frame = Buffer.from(base);
      for (let times = 1 + random.below(3); times > 0; times -= 1) frame[random.below(frame.length)] = random.u32();
      const decoder = new Lz4FrameDecoder(shared);
      try {
        for (const part of cut(frame, random)) for (const content of decoder.push(part)) void content;
        decoder.end();
        accepted += 1;
      } catch (error) {
        if (!(error instanceof TorporError) || error.code !== 'ERR_LZ4_FRAME') throw error;
      } finally {
        decoder.release();
      }
    }
    console.log(`LZ4 frames: ${count} mutated, seed ${seed}: ${accepted} accepted, ${count - accepted} refused`);
    expect(accepted).toBeLessThan(count);
  });
});
