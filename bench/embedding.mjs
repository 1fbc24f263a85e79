// The core as a part: what wasm2c and a C compiler make of the scalar module, beside the same module and the SIMD one in Node, and
// beside liblz4; blocks that lie in the core's memory, and what single calls cost. Rounds alternate between all of them.
import { execFile } from 'node:child_process';
import { copyFile, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { instantiateCore } from '../dist/core/load.js';
import { BLOCK_BYTES, fastestPass, openCore, placeBlocks } from './lz4-native.mjs';
import { startNative, startNativeLz4 } from './native-lz4.mjs';
import { quantile } from './quantile.mjs';
import { makeStreamCorpora } from './streams-corpus.mjs';

const run = promisify(execFile);
const ROOT = new URL('../', import.meta.url);
const pathOf = (file) => fileURLToPath(new URL(file, ROOT));
const BUILDS = { simd: 'build/torpor-core.wasm', scalar: 'build/torpor-core.scalar.wasm' };
const HOST = 'wasm2c host (apt-get install wabt gcc)';
const DEEDS = ['compress', 'decompress'];
/** As in bench/native/core-bench.c. */
const CALLS = 100_000;
const STREAMS = 1024;
const CHUNK_BYTES = 64;

/** `{ blocks, calls }`: rows of both tables; none where a program is missing. */
export async function benchEmbedding({ rounds, milliseconds, corpusBytes, seed }) {
  const corpora = await makeStreamCorpora(corpusBytes, seed);
  const host = await startNative(corpora, HOST, buildHost);
  const lz4 = await startNativeLz4(corpora);
  try {
    for (const { missing } of [host, lz4]) if (missing !== undefined) console.log(`skipped: the core as C, ${missing}`);
    if ('missing' in host || 'missing' in lz4) return { blocks: [], calls: [] };
    const times = { rounds, milliseconds };
    return { blocks: await benchBlocks(corpora, host, lz4, times), calls: await benchCalls(host, times) };
  } finally {
    await host.end?.();
    await lz4.end?.();
  }
}

async function buildHost(folder) {
  await run('wasm2c', [pathOf(BUILDS.scalar), '-n', 'torpor', '-o', `${folder}/torpor-module.c`]);
  for (const file of ['torpor-core.h', 'torpor-core-exports.inc', 'torpor-core-wasm2c.c'])
    await copyFile(pathOf(`include/${file}`), `${folder}/${file}`);
  const sources = [pathOf('bench/native/core-bench.c'), `${folder}/torpor-core-wasm2c.c`, `${folder}/torpor-module.c`];
  await run('cc', ['-O3', '-w', `-I${folder}`, ...sources, '-lwasm-rt-impl', '-lm', '-o', `${folder}/native`]);
}

async function benchBlocks(corpora, host, lz4, { rounds, milliseconds }) {
  const wasm = { simd: await readFile(pathOf(BUILDS.simd)), scalar: await readFile(pathOf(BUILDS.scalar)) };
  const samples = Object.fromEntries(DEEDS.map((deed) => [deed, []]));
  for (const [index, { data }] of corpora.entries()) {
    const simd = placeBlocks(await openCore(wasm.simd), data);
    const scalar = placeBlocks(await openCore(wasm.scalar), data);
    for (const deed of DEEDS) {
      for (let round = 0; round < rounds; round += 1) {
        const theirs = (await lz4.ask(deed, index, BLOCK_BYTES, milliseconds)).nanoseconds;
        const sample = {
          'wasm2c, scalar': (await host.ask(deed, index, BLOCK_BYTES, milliseconds)).nanoseconds,
          'Node, scalar': fastestPass(scalar.passes[deed], milliseconds),
          'Node, SIMD': fastestPass(simd.passes[deed], milliseconds),
          [`liblz4 ${lz4.version}`]: theirs,
        };
        samples[deed].push({ corpus: index, bytes: data.length, theirs, sample });
      }
    }
  }
  return DEEDS.flatMap((deed) => reduceBlocks(deed, samples[deed]));
}

/** One row per host: geometric mean over the corpora of the median round, in MB/s and to liblz4. */
function reduceBlocks(deed, samples) {
  const corpora = [...new Set(samples.map(({ corpus }) => corpus))];
  const mean = (pick) =>
    Math.exp(
      corpora.reduce((sum, corpus) => {
        const own = samples.filter((each) => each.corpus === corpus).map(pick);
        return sum + Math.log(quantile(own, 0.5));
      }, 0) / corpora.length,
    );
  return Object.keys(samples[0].sample).map((host) => ({
    deed,
    host,
    megabytesPerSecond: mean(({ bytes, sample }) => (bytes / sample[host]) * 1000),
    toLiblz4: mean(({ theirs, sample }) => theirs / sample[host]),
  }));
}

/** Nanoseconds per call: the median of the rounds' fastest passes. */
async function benchCalls(host, { rounds, milliseconds }) {
  const node = { scalar: await placeCalls(BUILDS.scalar), simd: await placeCalls(BUILDS.simd) };
  const rows = [];
  for (const [name, { count }] of Object.entries(node.scalar)) {
    const seen = { wasm2c: [], scalar: [], simd: [] };
    for (let round = 0; round < rounds; round += 1) {
      seen.wasm2c.push((await host.ask(`call-${name}`, 0, BLOCK_BYTES, milliseconds)).nanoseconds / count);
      for (const build of ['scalar', 'simd'])
        seen[build].push(fastestPass(node[build][name].pass, milliseconds) / count);
    }
    rows.push({
      call: name,
      ...Object.fromEntries(Object.entries(seen).map(([key, values]) => [key, quantile(values, 0.5)])),
    });
  }
  return rows;
}

async function placeCalls(build) {
  const core = await instantiateCore(await readFile(pathOf(build)));
  core.init(STREAMS, 1024 * 1024);
  const [chunk, out, state] = [core.buffer_alloc(CHUNK_BYTES), core.buffer_alloc(4 * STREAMS), core.buffer_alloc(64)];
  const content = core.buffer_alloc(BLOCK_BYTES);
  const streams = Array.from({ length: STREAMS }, () => core.stream_open(600_000, 0, 0, 0, 0));
  core.xxh32_init(state, 0);
  let now = 0;
  const times = (count, call) => ({
    count,
    pass: () => {
      now += 1;
      for (let index = 0; index < count; index += 1) call(index);
    },
  });
  return {
    abi_version: times(CALLS, () => core.abi_version()),
    observe: times(CALLS, (index) => core.observe(streams[index % STREAMS], 0, chunk, CHUNK_BYTES, now)),
    stream_touch: times(CALLS, (index) => core.stream_touch(streams[index % STREAMS], now)),
    advance: times(CALLS, () => core.advance(now, out, STREAMS)),
    buffer: times(CALLS, () => core.buffer_free(core.buffer_alloc(4096))),
    xxh32_update: times(CALLS / 100, () => core.xxh32_update(state, content, BLOCK_BYTES)),
  };
}

/** Both tables as lines of text. */
export function formatEmbedding({ blocks, calls }) {
  return [
    'deed        host              MB/s   to liblz4   (64 KiB blocks, geometric mean over the corpora)',
    ...blocks.map(
      ({ deed, host, megabytesPerSecond, toLiblz4 }) =>
        `${deed.padEnd(12)}${host.padEnd(15)}${megabytesPerSecond.toFixed(0).padStart(7)}${toLiblz4.toFixed(2).padStart(12)}`,
    ),
    '',
    'call            ns: wasm2c   Node scalar   Node SIMD   (observe: 64 B; buffer: 4 KiB given and wiped; xxh32_update: 64 KiB)',
    ...calls.map(
      ({ call, wasm2c, scalar, simd }) =>
        `${call.padEnd(14)}${wasm2c.toFixed(1).padStart(12)}${scalar.toFixed(1).padStart(14)}${simd.toFixed(1).padStart(12)}`,
    ),
  ];
}
