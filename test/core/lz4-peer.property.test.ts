// Both directions against another implementation: lz4-wasm-nodejs (lz4_flex compiled from Rust). Valid data only: this peer
// answers malformed input with memory that is not the caller's.
import fc from 'fast-check';
import { compress as peerCompress, decompress as peerDecompress } from 'lz4-wasm-nodejs';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadCore, type StreamCore } from '../../src/core/stream-core.ts';
import { KINDS, makeData } from './support/block-data.ts';
import { drawSeed, runs } from './support/seed.ts';

const seed = drawSeed('LZ4 peer');
/** The peer puts the content's size, 4 bytes little-endian, before the block. */
const SIZE_PREFIX_BYTES = 4;

const content = fc
  .record({
    kind: fc.constantFrom(...KINDS),
    size: fc.oneof(fc.nat(64), fc.nat(3000), fc.nat(70_000), fc.integer({ min: 65_500, max: 200_000 })),
    dataSeed: fc.nat(),
  })
  .map(({ kind, size, dataSeed }) => makeData(kind, size, dataSeed));

let core: StreamCore;
beforeAll(async () => {
  core = await loadCore();
});

describe('LZ4 block and lz4-wasm-nodejs', () => {
  it('peer: blocks of the core -> the peer restores them', () => {
    fc.assert(
      fc.property(content, (data) => {
        const framed = new Uint8Array(SIZE_PREFIX_BYTES + core.compressBound(data.length));
        new DataView(framed.buffer).setUint32(0, data.length, true);
        const blockBytes = core.compressBlock(data, framed.subarray(SIZE_PREFIX_BYTES));
        const restored = peerDecompress(framed.subarray(0, SIZE_PREFIX_BYTES + blockBytes));
        expect(Buffer.from(data).equals(restored)).toBe(true);
      }),
      runs(400, seed),
    );
  });

  it('peer: blocks of the peer -> the core restores them', () => {
    fc.assert(
      fc.property(content, (data) => {
        const back = new Uint8Array(data.length);
        expect(core.decompressBlock(peerCompress(data).subarray(SIZE_PREFIX_BYTES), back)).toBe(data.length);
        expect(Buffer.from(data).equals(back)).toBe(true);
      }),
      runs(400, seed),
    );
  });
});
