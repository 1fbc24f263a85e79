// LZ4 over random and structured content: round trips, the rules of the format, and a decoder that leaves no trace outside.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { STATUS_LZ4_OUTPUT_TOO_SMALL } from '../../src/core/abi.ts';
import { KINDS, makeData } from '../core/support/block-data.ts';
import { readBlock } from '../core/support/block-reader.ts';
import { drawSeed, runs } from '../core/support/seed.ts';
import { BUILDS, type RawCore, rawCore } from './support/raw-core.ts';

const seed = drawSeed('LZ4 block');
const CANARY_BYTES = 512;

const content = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.uint8Array({ maxLength: 300, max: 2 }),
  fc
    .record({
      kind: fc.constantFrom(...KINDS),
      size: fc.oneof(fc.nat(40), fc.nat(5000), fc.integer({ min: 65_000, max: 140_000 })),
      seed: fc.nat(),
    })
    .map(({ kind, size, seed: dataSeed }) => makeData(kind, size, dataSeed)),
);

let core: RawCore;

interface Run {
  readonly status: number;
  readonly bytes: Buffer;
  readonly canariesIntact: boolean;
}

/** Runs one function of the module into `capacity` bytes filled with `fill`, between two canaries. */
function transform(
  name: 'lz4_compress_block' | 'lz4_decompress_block',
  input: Uint8Array,
  capacity: number,
  fill = 0,
): Run {
  const before = core.place(Buffer.alloc(CANARY_BYTES, 0xc3));
  const dst = core.buffer_alloc(capacity);
  const after = core.place(Buffer.alloc(CANARY_BYTES, 0x3c));
  const src = core.place(input);
  core.bytes().fill(fill, dst, dst + capacity);
  // Between the capacity and the end of its granule lie bytes that belong to nobody: they are canaries too.
  const slack = dst + Math.max(1, Math.ceil(capacity / 256)) * 256;
  core.bytes().fill(0xee, dst + capacity, slack);
  const status = core[name](src, input.length, dst, capacity);
  const all = core.bytes();
  const canariesIntact =
    all.subarray(before, before + CANARY_BYTES).every((byte) => byte === 0xc3) &&
    all.subarray(dst + capacity, slack).every((byte) => byte === 0xee) &&
    all.subarray(after, after + CANARY_BYTES).every((byte) => byte === 0x3c) &&
    all.subarray(src, src + input.length).equals(input);
  const bytes = core.read(dst, Math.max(0, status));
  for (const pointer of [before, dst, after, src]) core.buffer_free(pointer);
  return { status, bytes, canariesIntact };
}

const encode = (data: Uint8Array, capacity = core.lz4_compress_bound(data.length)) =>
  transform('lz4_compress_block', data, capacity);
const decode = (block: Uint8Array, capacity: number, fill = 0) =>
  transform('lz4_decompress_block', block, capacity, fill);

describe.each(BUILDS)('LZ4 block by %s', (build) => {
  beforeAll(async () => {
    core = await rawCore(1, 2 * 1024 * 1024, build);
  });

  it('block: any content -> comes back the same, into 00 and FF alike, nothing written beside', () => {
    fc.assert(
      fc.property(content, fc.nat(300), (data, room) => {
        const block = encode(data);
        expect(block.status).toBeGreaterThan(0);
        expect(block.status).toBeLessThanOrEqual(core.lz4_compress_bound(data.length));
        const [zeros, ones] = [
          decode(block.bytes, data.length + room, 0),
          decode(block.bytes, data.length + room, 0xff),
        ];
        expect(zeros.status).toBe(data.length);
        expect(zeros.bytes.equals(data)).toBe(true);
        expect(ones.bytes.equals(data)).toBe(true);
        expect([block, zeros, ones].every(({ canariesIntact }) => canariesIntact)).toBe(true);
      }),
      runs(1000, seed),
    );
  });

  it('block: any content -> the end-of-block rules hold, read by an independent reader', () => {
    fc.assert(
      fc.property(content, (data) => {
        const reading = readBlock(encode(data).bytes, data.length);
        if (!('sequences' in reading)) return expect.fail(`the reader refuses it: ${reading.fault}`);
        expect(Buffer.from(data).equals(reading.content)).toBe(true);
        const matches = reading.sequences.slice(0, -1);
        const last = reading.sequences.at(-1);
        expect(last?.offset).toBe(0);
        if (matches.length > 0) expect(last?.literals).toBeGreaterThanOrEqual(5);
        for (const { matchAt, offset } of matches) {
          if (matchAt > data.length - 12) expect.fail(`a match starts at ${matchAt} of ${data.length}`);
          if (offset < 1 || offset > 65_535) expect.fail(`offset ${offset}`);
        }
      }),
      runs(400, seed),
    );
  });

  it('block: destination of every size up to the block -> only the whole fits, nothing is written beside', () => {
    fc.assert(
      fc.property(content, fc.integer({ min: 1, max: 400 }), (data, less) => {
        const block = encode(data);
        expect(encode(data, block.status).bytes.equals(block.bytes)).toBe(true);
        const tight = encode(data, Math.max(0, block.status - less));
        expect(tight.status).toBe(STATUS_LZ4_OUTPUT_TOO_SMALL);
        expect(tight.canariesIntact).toBe(true);
        if (data.length === 0) return;
        const small = decode(block.bytes, Math.max(0, data.length - less));
        expect(small.status).toBe(STATUS_LZ4_OUTPUT_TOO_SMALL);
        expect(small.canariesIntact).toBe(true);
      }),
      runs(500, seed),
    );
  });

  it('block: structured content -> becomes smaller; random content -> at most 0.5% and 16 bytes larger', () => {
    for (const kind of ['zeros', 'words', 'pattern', 'sparse'] as const) {
      expect(encode(makeData(kind, 65_536, seed)).status).toBeLessThan(65_536 * 0.75);
    }
    const random = encode(makeData('random', 65_536, seed)).status;
    expect(random).toBeLessThanOrEqual(65_536 * 1.005 + 16);
  });
});
