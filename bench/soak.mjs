// Soaks Torpor in mixed traffic: thousands of streams that type, redraw, transfer, dawdle, leave and come back. Every byte that
// returns is compared. Along the way Torpor collects its garbage and says what is left; exits 1 where a byte was lost or that grows.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { writeFacts } from './data-load.mjs';
import { listRivals } from './data-peers.mjs';
import { AMOUNT, COUNT, FILE, readOptions, WHOLE } from './options.mjs';

/** Bytes that travel round a stream: a place in this pattern says what must come next. Prime, so that chunks never line up. */
const PATTERN_BYTES = 1_048_583;
const DRAIN_BOUND_MS = 30_000;
const SAMPLES = 40;
/** The first part of a soak, in which heap and pools find their size. */
const WARM_SHARE = 0.3;
/** As many streams must have ended before memory is judged: as the longest table of what is past remembers (LINGERING_MAX). */
const WARM_FINISHED = 18_000;
/** Fewer samples tell nothing. */
const JUDGED_MIN = 8;
/** What is left after a collection may grow over the judged part by that share of its mean: churn leaves some streams more or less. */
const GROWTH_MAX = 0.05;
const HEAP_WATCH = fileURLToPath(new URL('./heap-watch.mjs', import.meta.url));

const args = readOptions({
  script: 'bench:soak',
  about: 'Soaks Torpor in mixed traffic, compares every byte, and ends with 1 where one was lost or memory grows.',
  needs: 'Linux',
  options: {
    streams: { kind: COUNT, default: 5000, about: 'streams at a time' },
    minutes: { kind: AMOUNT, default: 5, about: 'how long' },
    churn: { kind: AMOUNT, default: 0.02, about: 'share of the streams that is replaced each second' },
    seed: { kind: WHOLE, default: 1, about: 'of what is drawn at random' },
    json: { kind: FILE, about: 'where raw results go, in place of artifacts/' },
  },
});
const { streams } = args;
const durationMs = args.minutes * 60_000;
const random = makeRandom(args.seed);
const pattern = Buffer.alloc(PATTERN_BYTES);
for (let at = 0; at < PATTERN_BYTES; at += 1) pattern[at] = random(256);

const counts = { sentBytes: 0, comparedBytes: 0, wrongReads: 0, cutStreams: 0, finished: 0, opened: 0 };
const ports = { source: 27_900, echo: 27_901, listenSource: 27_902, listenEcho: 27_903, api: 27_904 };

const ECHO_SERVER = `
const { createServer } = require('node:net');
const { parentPort, workerData } = require('node:worker_threads');
const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {});
  socket.pipe(socket);
});
server.listen({ port: workerData, host: '127.0.0.1', backlog: 4096 }, () => parentPort.postMessage('ready'));
`;

const echo = await startEcho();
const refused = createServer(() => {}).listen(ports.source, '127.0.0.1');
const heapFolder = await mkdtemp(path.join(os.tmpdir(), 'torpor-soak-'));
const heapFile = path.join(heapFolder, 'heap.jsonl');
const torpor = await listRivals().torpor.start(ports, {
  cpus: null,
  limit: 20_000,
  maxStreams: streams + 1000,
  nodeOptions: ['--expose-gc', '--import', HEAP_WATCH],
  env: { TORPOR_HEAP_FILE: heapFile },
});
let exitCode = 1;
try {
  exitCode = await soak();
} finally {
  await torpor.end();
  await rm(heapFolder, { recursive: true });
  refused.close();
  await echo.terminate();
}
process.exit(exitCode);

async function soak() {
  const live = new Set();
  const samples = [];
  const began = performance.now();
  let isOver = false;
  const open = () => {
    const client = openClient(() => {
      live.delete(client);
      if (!isOver) open();
    });
    live.add(client);
  };
  for (let each = 0; each < streams; each += 1) {
    open();
    if (each % 100 === 0) await pause(20);
  }
  console.error(`${live.size} streams are open after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  const soakedFrom = performance.now();
  while (performance.now() - soakedFrom < durationMs) {
    await pause(durationMs / SAMPLES);
    const clients = [...live];
    const leaving = Math.ceil((streams * args.churn * durationMs) / SAMPLES / 1000);
    for (let each = 0; each < leaving; each += 1) clients[random(clients.length)]?.leave();
    const { residentKib, cpuSeconds } = torpor.usage();
    const left = await collect();
    samples.push({
      ...left,
      live: live.size,
      atS: (performance.now() - soakedFrom) / 1000,
      residentMib: residentKib / 1024,
      cpuSeconds,
      ...counts,
    });
    const mib = (bytes) => (bytes / 2 ** 20).toFixed(0);
    console.error(
      `${samples.at(-1).atS.toFixed(0)} s: ${mib(residentKib * 1024)} MiB resident, ${mib(left.heapUsed)} MiB of heap after a collection, ${live.size} streams, ${counts.finished} left, ${mib(counts.comparedBytes)} MiB compared, ${counts.wrongReads} wrong reads, ${counts.cutStreams} cut`,
    );
  }
  isOver = true;
  for (const client of live) client.leave();
  const end = performance.now() + DRAIN_BOUND_MS;
  while (live.size > 0 && performance.now() < end) await pause(50);
  return report(samples, live.size);
}

async function report(samples, unfinished) {
  const warm = samples.filter(
    ({ atS, finished }) => atS >= (WARM_SHARE * durationMs) / 1000 && finished >= WARM_FINISHED,
  );
  const growths = Object.fromEntries(
    ['heapUsed', 'external', 'rss'].map((key) => [key, warm.length < JUDGED_MIN ? null : growthOf(warm, key)]),
  );
  const lostBytes = counts.sentBytes - counts.comparedBytes;
  const faults = [
    ...(counts.wrongReads > 0 ? [`${counts.wrongReads} reads brought bytes that were not sent`] : []),
    ...(lostBytes !== 0 || unfinished > 0
      ? [`${lostBytes} bytes did not come back, on ${unfinished} streams that did not end`]
      : []),
    ...(counts.cutStreams > 0 ? [`${counts.cutStreams} streams were cut`] : []),
    ...(warm.length < JUDGED_MIN
      ? [
          `memory is not judged: ${warm.length} samples after ${WARM_FINISHED} streams had ended; take longer, or more --churn`,
        ]
      : []),
    ...Object.entries(growths)
      .filter(([, growth]) => growth !== null && growth.share > GROWTH_MAX)
      .map(([key, growth]) => `${key} grew: ${describeGrowth(growth)}`),
  ];
  console.log(
    `${streams} streams for ${args.minutes} min: ${counts.opened} opened, ${(counts.comparedBytes / 2 ** 30).toFixed(2)} GiB sent and compared, ${lostBytes} lost`,
  );
  console.log(`after a collection each, since ${WARM_FINISHED} streams had ended:`);
  for (const [key, growth] of warm.length < JUDGED_MIN ? [] : Object.entries(growths))
    console.log(`  ${key}: ${describeGrowth(growth)}`);
  for (const fault of faults) console.log(`FAULT: ${fault}`);
  await writeFacts('soak', args.json, { streams, durationMs, seed: args.seed, counts, samples, growths, faults });
  return faults.length === 0 ? 0 : 1;
}

/** Lets Torpor collect its garbage; answers what is left. */
async function collect() {
  const known = await readLines(heapFile);
  process.kill(torpor.pid, 'SIGURG');
  for (let waited = 0; waited < 100; waited += 1) {
    await pause(100);
    const lines = await readLines(heapFile);
    if (lines.length > known.length) return JSON.parse(lines.at(-1));
  }
  throw new Error('Torpor did not say within ten seconds what memory it has');
}

async function readLines(file) {
  return (await readFile(file, 'utf8').catch(() => '')).split('\n').filter(Boolean);
}

/** The line that fits samples best (least squares): where it begins and ends, its rise as a share of the mean, and its spread. */
function growthOf(samples, key) {
  const mean = (of) => samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [atS, value] = [mean((sample) => sample.atS), mean((sample) => sample[key])];
  const slope =
    mean((sample) => (sample.atS - atS) * (sample[key] - value)) / mean((sample) => (sample.atS - atS) ** 2);
  const rest = mean((sample) => (sample[key] - value - slope * (sample.atS - atS)) ** 2) ** 0.5;
  const tookS = samples.at(-1).atS - samples[0].atS;
  return { mean: value, perHour: slope * 3600, share: (slope * tookS) / value, spread: rest / value, seconds: tookS };
}

function describeGrowth({ mean, perHour, share, spread, seconds }) {
  const mib = (bytes) => (bytes / 2 ** 20).toFixed(1);
  const percent = (of) => `${(100 * of).toFixed(1)} %`;
  return `mean ${mib(mean)} MiB, ${percent(share)} in ${seconds.toFixed(0)} s (${mib(perHour)} MiB an hour), scattered by ${percent(spread)}`;
}

/** One client: sends along the pattern as its kind does, and compares what the echo brings back. Leaves by FIN, never by RST. */
function openClient(onEnd) {
  const kind = random(100);
  const offset = random(PATTERN_BYTES);
  let [sent, received, isLeaving] = [0, 0, false];
  let timer = null;
  counts.opened += 1;
  const socket = connect({ port: ports.listenEcho, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  const act = () => {
    if (isLeaving || socket.writableLength > 2 ** 20) return plan();
    // Keystrokes, screen updates, and one stream in fifty a transfer.
    const bytes = kind < 80 ? 1 + random(64) : kind < 98 ? 1 + random(24_000) : 1 + random(400_000);
    const at = (offset + sent) % PATTERN_BYTES;
    const piece = pattern.subarray(at, Math.min(at + bytes, PATTERN_BYTES));
    sent += piece.length;
    counts.sentBytes += piece.length;
    socket.write(piece);
    plan();
  };
  const plan = () => {
    if (!isLeaving) timer = setTimeout(act, kind < 98 ? 500 + random(4000) : 200 + random(500));
  };
  socket.on('connect', plan);
  socket.on('data', (chunk) => {
    if (!isNext(chunk, offset + received)) counts.wrongReads += 1;
    received += chunk.length;
    counts.comparedBytes += chunk.length;
    if (random(40) !== 0) return;
    socket.pause();
    setTimeout(() => socket.resume(), random(400));
  });
  socket.on('error', () => {});
  socket.on('close', (hadError) => {
    clearTimeout(timer);
    counts.finished += 1;
    if (hadError || !isLeaving || received !== sent) counts.cutStreams += 1;
    onEnd();
  });
  return {
    leave() {
      if (isLeaving) return;
      isLeaving = true;
      clearTimeout(timer);
      socket.end();
    },
  };
}

function isNext(chunk, position) {
  for (let at = 0; at < chunk.length; ) {
    const from = (position + at) % PATTERN_BYTES;
    const bytes = Math.min(chunk.length - at, PATTERN_BYTES - from);
    if (chunk.compare(pattern, from, from + bytes, at, at + bytes) !== 0) return false;
    at += bytes;
  }
  return true;
}

/** The VM: in a thread of its own, so that clients and echo do not wait for each other. */
async function startEcho() {
  const worker = new Worker(ECHO_SERVER, { eval: true, workerData: ports.echo });
  await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  return worker;
}

function makeRandom(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
