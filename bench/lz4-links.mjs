// Linked blocks of many streams: messages of 400 bytes to one stream, and to 1,000 in random order, per tier, beside liblz4's
// LZ4_compress_fast_continue on rings of its own. Tells nanoseconds of one message, history and table in cache or not.
import { LINK_TIERS } from '../dist/core/abi.js';
import { instantiateCore } from '../dist/core/load.js';
import { quantile } from './quantile.mjs';

const MESSAGE_BYTES = 400;
const CALLS = 2000;
const DEEDS = [
  { deed: 'link-hot', links: 1 },
  { deed: 'link-cold', links: 1000 },
];

/** Rows like those of the other comparisons, for one corpus of messages: `http`. */
export async function benchLinks(native, corpora, { rounds, milliseconds }) {
  const index = corpora.findIndex(({ name }) => name === 'http');
  const rows = [];
  for (const { deed, links } of DEEDS) {
    for (const tier of LINK_TIERS) {
      const pass = await placeLinks(corpora[index].data, tier, links);
      const samples = [];
      for (let round = 0; round < rounds; round += 1) {
        const ours = fastest(pass, milliseconds);
        const theirs = await native.ask(deed, index, MESSAGE_BYTES, milliseconds);
        samples.push({ ours, theirs: theirs.nanoseconds });
      }
      rows.push(reduceLinks(deed, tier, samples, native.version));
    }
  }
  return rows;
}

function fastest(pass, milliseconds) {
  const end = performance.now() + milliseconds;
  let best = pass();
  while (performance.now() < end) best = Math.min(best, pass());
  return best;
}

async function placeLinks(data, { encoderBytes, windowBytes }, links) {
  const core = await instantiateCore();
  if (core.init(1, links * encoderBytes + 4 * 1024 * 1024) !== 0) throw new Error('no memory for the streams');
  const states = Uint32Array.from({ length: links }, () => core.buffer_alloc(encoderBytes));
  for (const state of states) core.lz4_link_init(state, encoderBytes, windowBytes, 1);
  const src = core.buffer_alloc(data.length);
  new Uint8Array(core.memory.buffer).set(data, src);
  const dst = core.buffer_alloc(4096);
  const messages = Math.floor(data.length / MESSAGE_BYTES);
  let order = 1;
  let next = 0;
  return () => {
    const start = process.hrtime.bigint();
    for (let call = 0; call < CALLS; call += 1) {
      order ^= order << 13;
      order ^= order >>> 17;
      order ^= order << 5;
      const state = states[(order >>> 0) % links];
      core.lz4_link_compress(state, src + next * MESSAGE_BYTES, MESSAGE_BYTES, dst, 4096);
      next = next + 1 < messages ? next + 1 : 0;
    }
    return Number(process.hrtime.bigint() - start) / CALLS;
  };
}

function reduceLinks(deed, tier, samples, version) {
  const ours = quantile(
    samples.map((sample) => sample.ours),
    0.5,
  );
  const theirs = quantile(
    samples.map((sample) => sample.theirs),
    0.5,
  );
  const speeds = samples.map((sample) => sample.theirs / sample.ours);
  return {
    deed: `${deed}, ${MESSAGE_BYTES} B`,
    corpus: `http, ${tier.encoderBytes / 1024} KiB`,
    peer: `liblz4 ${version}`,
    megabytesPerSecond: (MESSAGE_BYTES / ours) * 1000,
    peerMegabytesPerSecond: (MESSAGE_BYTES / theirs) * 1000,
    speedRatio: quantile(speeds, 0.5),
    speedRatioSpread: quantile(speeds, 0.75) - quantile(speeds, 0.25),
    nanosecondsPerMessage: ours,
    samples,
  };
}
