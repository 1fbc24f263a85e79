// LZ4 in the module against liblz4 in one run: the export called on data that lies in the module's memory, in short rounds
// that alternate with the peer's. A round's figure is its fastest pass; what is told is the median of the rounds' ratios.
import { LINK_TIERS } from '../dist/core/abi.js';
import { instantiateCore } from '../dist/core/load.js';
import { benchLinks } from './lz4-links.mjs';
import { startNativeLz4 } from './native-lz4.mjs';
import { quantile } from './quantile.mjs';
import { makeStreamCorpora } from './streams-corpus.mjs';

export const BLOCK_BYTES = 65_536;
const STREAMS = 1;
const HEAP_BYTES = 24 * 1024 * 1024;

/** Rows of the block comparison: one per deed and corpus, then the geometric mean per deed. None where liblz4 is missing. */
export async function benchLz4Native({ rounds, milliseconds, corpusBytes, seed }) {
  const corpora = await makeStreamCorpora(corpusBytes, seed);
  const native = await startNativeLz4(corpora);
  if ('missing' in native) {
    console.log(`skipped: LZ4 against ${native.missing}`);
    return [];
  }
  try {
    const rows = [];
    // One module for all: each further one begins in V8's first, slow code, and may stay there for a round.
    const core = await openCore();
    for (const [index, corpus] of corpora.entries()) {
      const own = placeBlocks(core, corpus.data);
      for (const deed of Object.keys(own.passes)) {
        const pass = own.passes[deed];
        const samples = [];
        let theirs;
        for (let round = 0; round < rounds; round += 1) {
          const ours = fastestPass(pass, milliseconds);
          theirs = await native.ask(deed, index, BLOCK_BYTES, milliseconds);
          samples.push({ ours, theirs: theirs.nanoseconds });
        }
        const storedBytes = own.storedBytes[deed.endsWith('hc') ? 'hc' : 'fast'];
        rows.push(reduce(deed, corpus, samples, theirs.storedBytes / storedBytes, native.version));
      }
      own.free();
    }
    rows.push(...(await benchLinked(native, corpora, { rounds, milliseconds })));
    rows.push(...(await benchLinkedHc(native, corpora, { rounds, milliseconds })));
    const links = await benchLinks(native, corpora, { rounds, milliseconds });
    return [...rows, ...geometricMeans(rows), ...links];
  } finally {
    await native.end();
  }
}

/** A module with room for a corpus. */
export async function openCore(wasm) {
  const core = await instantiateCore(wasm);
  core.init(STREAMS, HEAP_BYTES);
  return core;
}

/** A corpus as blocks in the module, each with room for its compressed form and for what comes back. */
export function placeBlocks(core, data) {
  const bound = core.lz4_compress_bound(BLOCK_BYTES);
  const blocks = [];
  for (let at = 0; at < data.length; at += BLOCK_BYTES) {
    const part = data.subarray(at, at + BLOCK_BYTES);
    const block = { raw: core.buffer_alloc(BLOCK_BYTES), rawBytes: part.length, packed: core.buffer_alloc(bound) };
    new Uint8Array(core.memory.buffer).set(part, block.raw);
    blocks.push(block);
  }
  const back = core.buffer_alloc(blocks.length * BLOCK_BYTES);
  const stateBytes = core.lz4_hc_state_bytes(0, 0);
  const state = core.buffer_alloc(stateBytes);
  core.lz4_hc_init(state, stateBytes, 0);
  const compressHc = () => {
    for (const block of blocks) {
      block.packedBytes = core.lz4_hc_compress(state, block.raw, block.rawBytes, block.packed, bound);
    }
  };
  const compress = () => {
    for (const block of blocks) {
      block.packedBytes = core.lz4_compress_block(block.raw, block.rawBytes, block.packed, bound);
    }
  };
  const decompress = () => {
    let out = back;
    for (const { packed, packedBytes, rawBytes } of blocks) {
      if (core.lz4_decompress_block(packed, packedBytes, out, rawBytes) !== rawBytes)
        throw new Error('a block is lost');
      out += rawBytes;
    }
  };
  /** What is stored, once it is sure that it comes back. */
  const storedBy = (pass) => {
    pass();
    decompress();
    if (!Buffer.from(core.memory.buffer, back, data.length).equals(data))
      throw new Error('the blocks came back different');
    return blocks.reduce((sum, { packedBytes, rawBytes }) => sum + Math.min(packedBytes, rawBytes), 0);
  };
  const storedBytes = { hc: storedBy(compressHc), fast: storedBy(compress) };
  const free = () => {
    for (const { raw, packed } of blocks) for (const pointer of [raw, packed]) core.buffer_free(pointer);
    core.buffer_free(back);
    core.buffer_free(state);
  };
  return { passes: { compress, decompress, 'compress-hc': compressHc }, storedBytes, free };
}

/**
 * Message by message with the largest window, against `LZ4_compress_fast_continue`, for the streams of messages: with the whole
 * corpus in place, and with each message copied into a ring of the stream's, as our window has it.
 */
async function benchLinked(native, corpora, { rounds, milliseconds }) {
  const rows = [];
  const own = await openLink();
  for (const [index, corpus] of corpora.entries()) {
    if (corpus.lengths === undefined) continue;
    const { pass, storedBytes } = own.place(corpus);
    for (const deed of ['compress-linked', 'compress-ring']) {
      const samples = [];
      let theirs;
      for (let round = 0; round < rounds; round += 1) {
        const ours = fastestPass(pass, milliseconds);
        theirs = await native.ask(deed, index, 0, milliseconds);
        samples.push({ ours, theirs: theirs.nanoseconds });
      }
      const row = reduce(deed, corpus, samples, theirs.storedBytes / storedBytes(), native.version);
      const passNanoseconds = quantile(
        samples.map(({ ours }) => ours),
        0.5,
      );
      rows.push({ ...row, nanosecondsPerMessage: passNanoseconds / corpus.lengths.length });
    }
  }
  return rows;
}

/** The same with high compression, against `LZ4_compress_HC_continue`. */
async function benchLinkedHc(native, corpora, { rounds, milliseconds }) {
  const rows = [];
  for (const [index, corpus] of corpora.entries()) {
    if (corpus.lengths === undefined) continue;
    const own = await placeHcMessages(corpus);
    const samples = [];
    let theirs;
    for (let round = 0; round < rounds; round += 1) {
      const ours = fastestPass(own.compress, milliseconds);
      theirs = await native.ask('compress-hc-linked', index, 0, milliseconds);
      samples.push({ ours, theirs: theirs.nanoseconds });
    }
    const sizeRatio = theirs.storedBytes / own.storedBytes();
    rows.push(reduce('compress-hc-linked', corpus, samples, sizeRatio, native.version));
  }
  return rows;
}

/** The windows of both encoders slide after as many bytes. */
const LINK_AREA_BYTES = 4 * BLOCK_BYTES;

async function placeHcMessages({ data, lengths }) {
  const core = await openCore();
  const stateBytes = core.lz4_hc_state_bytes(BLOCK_BYTES, LINK_AREA_BYTES - BLOCK_BYTES);
  const state = core.buffer_alloc(stateBytes);
  core.lz4_hc_init(state, stateBytes, BLOCK_BYTES);
  const src = core.buffer_alloc(data.length);
  new Uint8Array(core.memory.buffer).set(data, src);
  const dst = core.buffer_alloc(BLOCK_BYTES);
  let stored = 0;
  const compress = () => {
    core.lz4_hc_reset(state);
    stored = 0;
    let at = src;
    for (const length of lengths) {
      const packed = core.lz4_hc_compress(state, at, length, dst, length - 1);
      stored += packed < 0 ? length : packed;
      at += length;
    }
  };
  return { compress, storedBytes: () => stored };
}

/** One module for all corpora, as in a program: from a second one on V8 calls a module's functions by a slower way. */
async function openLink() {
  const core = await openCore();
  const { encoderBytes, windowBytes } = LINK_TIERS[2];
  const state = core.buffer_alloc(encoderBytes);
  core.lz4_link_init(state, encoderBytes, windowBytes, 1);
  const src = core.buffer_alloc(2 * 1024 * 1024);
  const dst = core.buffer_alloc(2 * BLOCK_BYTES);
  const compress = (lengths) => {
    core.lz4_link_reset(state);
    let stored = 0;
    let at = src;
    for (let index = 0; index < lengths.length; index += 1) {
      const length = lengths[index];
      const packed = core.lz4_link_compress(state, at, length, dst, 2 * BLOCK_BYTES);
      stored += packed < 0 || packed > length ? length : packed;
      at += length;
    }
    return stored;
  };
  return {
    place({ data, lengths }) {
      new Uint8Array(core.memory.buffer).set(data, src);
      const all = Uint32Array.from(lengths);
      let stored = 0;
      return {
        pass: () => {
          stored = compress(all);
        },
        storedBytes: () => stored,
      };
    },
  };
}

/** Nanoseconds of the fastest pass within the time. */
export function fastestPass(pass, milliseconds) {
  let best = Number.POSITIVE_INFINITY;
  const end = performance.now() + milliseconds;
  pass();
  do {
    const start = process.hrtime.bigint();
    pass();
    best = Math.min(best, Number(process.hrtime.bigint() - start));
  } while (performance.now() < end);
  return best;
}

/** `sizeRatio` is the peer's stored bytes by ours: above 1, ours is smaller. */
export function reduce(deed, corpus, samples, sizeRatio, version) {
  const speeds = samples.map(({ ours, theirs }) => theirs / ours);
  const megabytes = (nanoseconds) => (corpus.data.length / nanoseconds) * 1000;
  return {
    deed,
    corpus: corpus.name,
    peer: `liblz4 ${version}`,
    megabytesPerSecond: megabytes(
      quantile(
        samples.map(({ ours }) => ours),
        0.5,
      ),
    ),
    peerMegabytesPerSecond: megabytes(
      quantile(
        samples.map(({ theirs }) => theirs),
        0.5,
      ),
    ),
    speedRatio: quantile(speeds, 0.5),
    speedRatioSpread: quantile(speeds, 0.75) - quantile(speeds, 0.25),
    sizeRatio,
    samples,
  };
}

export function geometricMeans(rows) {
  const mean = (numbers) => Math.exp(numbers.reduce((sum, each) => sum + Math.log(each), 0) / numbers.length);
  return [...new Set(rows.map(({ deed }) => deed))].map((deed) => {
    const own = rows.filter((row) => row.deed === deed);
    return {
      deed,
      corpus: 'geometric mean',
      peer: own[0].peer,
      megabytesPerSecond: mean(own.map((row) => row.megabytesPerSecond)),
      peerMegabytesPerSecond: mean(own.map((row) => row.peerMegabytesPerSecond)),
      speedRatio: mean(own.map((row) => row.speedRatio)),
      sizeRatio: mean(own.map((row) => row.sizeRatio)),
    };
  });
}

/** The comparison as lines of text. */
export function formatNative(rows) {
  const lines = [['deed', 'corpus', 'MB/s', 'peer MB/s', 'speed to peer', 'spread', 'peer bytes / ours', 'a message']];
  for (const row of rows) {
    lines.push([
      row.deed,
      row.corpus,
      row.megabytesPerSecond.toFixed(0),
      row.peerMegabytesPerSecond.toFixed(0),
      row.speedRatio.toFixed(3),
      row.speedRatioSpread === undefined ? '' : `±${(row.speedRatioSpread / 2).toFixed(3)}`,
      row.sizeRatio?.toFixed(3) ?? '',
      row.nanosecondsPerMessage === undefined ? '' : `${row.nanosecondsPerMessage.toFixed(0)} ns`,
    ]);
  }
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column]))
      .join('  ')
      .trimEnd(),
  );
}
