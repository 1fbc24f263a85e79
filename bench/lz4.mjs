// LZ4 blocks: the core (with its copies in and out, and in place) and lz4-wasm-nodejs, over the same blocks.
import { compress as peerCompress, decompress as peerDecompress } from 'lz4-wasm-nodejs';
import { instantiateCore } from '../dist/core/load.js';
import { loadCore } from '../dist/core/stream-core.js';
import { makeCorpus } from './corpus.mjs';
import { measure } from './measure.mjs';

const BLOCK_BYTES = 65_536;
const PEER = 'lz4-wasm-nodejs 0.9.2';
/** The peer puts the content's size before the block. */
const PEER_PREFIX_BYTES = 4;

/** Sizes of the messages that are measured beside whole blocks, and how many of each size make one operation. */
const MESSAGE_SIZES = [64, 1024];
const MESSAGES = 256;

/** One row per corpus part, deed and rival. */
export async function benchLz4({ seconds, blocks, seed }) {
  const core = await loadCore();
  const inPlace = await prepareInPlace();
  const rows = [];
  for (const { name, data } of makeCorpus(blocks * BLOCK_BYTES, seed)) {
    const parts = Array.from({ length: blocks }, (_, index) =>
      data.subarray(index * BLOCK_BYTES, (index + 1) * BLOCK_BYTES),
    );
    const rivals = [torpor(core, parts), torporInPlace(inPlace, parts), peer(parts)];
    for (const deed of ['compress', 'decompress']) {
      const runs = Object.fromEntries(rivals.map((rival) => [rival.name, rival[deed]]));
      for (const row of measure(runs, { seconds })) {
        const { storedBytes } = rivals.find((rival) => rival.name === row.name);
        rows.push({
          subject: `lz4 ${deed}`,
          corpus: name,
          ...row,
          value: (row.operationsPerSecond * data.length) / 1e6,
          unit: 'MB/s',
          ratio: data.length / storedBytes,
        });
      }
    }
  }
  return [...rows, ...benchMessages(core, seconds, seed)];
}

/** Short messages from Node, where a call and its copies cost more than the work. */
function benchMessages(core, seconds, seed) {
  const rows = [];
  for (const bytes of MESSAGE_SIZES) {
    for (const { name, data } of makeCorpus(MESSAGES * bytes, seed)) {
      const parts = Array.from({ length: MESSAGES }, (_, index) => data.subarray(index * bytes, (index + 1) * bytes));
      const rivals = [torpor(core, parts), peer(parts)];
      for (const deed of ['compress', 'decompress']) {
        const runs = Object.fromEntries(rivals.map((rival) => [rival.name, rival[deed]]));
        for (const row of measure(runs, { seconds })) {
          const { storedBytes } = rivals.find((rival) => rival.name === row.name);
          const value = 1e9 / (row.operationsPerSecond * MESSAGES);
          rows.push({
            subject: `lz4 ${deed} ${bytes} B`,
            corpus: name,
            ...row,
            value,
            unit: 'ns',
            lowerIsBetter: true,
            ratio: data.length / storedBytes,
          });
        }
      }
    }
  }
  return rows;
}

const sum = (numbers) => numbers.reduce((total, each) => total + each, 0);

/** As programs use it: arrays in, arrays out. */
function torpor(core, parts) {
  const block = new Uint8Array(core.compressBound(BLOCK_BYTES));
  const back = new Uint8Array(BLOCK_BYTES);
  const stored = parts.map((part) => block.slice(0, core.compressBlock(part, block)));
  return {
    name: 'torpor',
    storedBytes: sum(stored.map((each) => each.length)),
    compress: () => {
      for (const part of parts) core.compressBlock(part, block);
    },
    decompress: () => {
      for (const each of stored) core.decompressBlock(each, back);
    },
  };
}

async function prepareInPlace() {
  const exports = await instantiateCore();
  return { exports, src: exports.buffer_alloc(BLOCK_BYTES), dst: exports.buffer_alloc(2 * BLOCK_BYTES) };
}

/** The module alone: one block that lies in its memory already, as often as there are parts. */
function torporInPlace({ exports, src, dst }, parts) {
  const memory = () => new Uint8Array(exports.memory.buffer);
  const placed = parts.map((part) => {
    const from = exports.buffer_alloc(BLOCK_BYTES);
    const to = exports.buffer_alloc(exports.lz4_compress_bound(BLOCK_BYTES));
    memory().set(part, from);
    return {
      from,
      to,
      size: exports.lz4_compress_block(from, BLOCK_BYTES, to, exports.lz4_compress_bound(BLOCK_BYTES)),
    };
  });
  const stored = placed.map(({ from, to, size }) => {
    const block = memory().slice(to, to + size);
    exports.buffer_free(from);
    exports.buffer_free(to);
    return block;
  });
  return {
    name: 'torpor, in place (first block only)',
    storedBytes: sum(stored.map((each) => each.length)),
    compress: () => {
      memory().set(parts[0], src);
      for (let count = parts.length; count > 0; count -= 1)
        exports.lz4_compress_block(src, BLOCK_BYTES, dst, 2 * BLOCK_BYTES);
    },
    decompress: () => {
      memory().set(stored[0], dst);
      for (let count = parts.length; count > 0; count -= 1)
        exports.lz4_decompress_block(dst, stored[0].length, src, BLOCK_BYTES);
    },
  };
}

function peer(parts) {
  const stored = parts.map((part) => peerCompress(part));
  return {
    name: PEER,
    storedBytes: sum(stored.map((each) => each.length - PEER_PREFIX_BYTES)),
    compress: () => {
      for (const part of parts) peerCompress(part);
    },
    decompress: () => {
      for (const each of stored) peerDecompress(each);
    },
  };
}
