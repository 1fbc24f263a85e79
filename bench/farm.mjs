// What a farm of 10 to 10,000 platforms and up to 1,000,000 streams costs one controller: CPU, memory, decisions, and how each grows.
// The shipped controllers, machines, tables, detection and timers in virtual time; power, probes and holds answer at once, sockets there are
// none. Each size has a process of its own.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SimulatedFarm } from './farm/simulated-farm.mjs';
import { VirtualClock } from './farm/virtual-clock.mjs';
import { describeMachine, machineLine } from './machine.mjs';
import { COUNT, COUNTS, FILE, readOptions } from './options.mjs';
import { quantile } from './quantile.mjs';

const args = readOptions({
  script: 'bench:farm',
  about: 'Measures what a farm costs one controller, and how that grows with the number of platforms.',
  options: {
    quick: { about: 'without the largest farm' },
    platforms: { kind: COUNTS, default: [10, 100, 1000, 10_000], quick: [10, 100, 1000], about: 'sizes of the farm' },
    streams: { kind: COUNT, default: 100, about: 'streams of each platform' },
    json: { kind: FILE, about: 'where raw results go' },
    inside: { kind: COUNT },
  },
});
const STREAMS = args.streams;
/** One stream in ten types a key a second; the others bring a keepalive every 15 s. */
const TYPISTS = 0.1;
const KEEPALIVE_MS = 15_000;
/** Small farms are watched for longer, so that each phase is at least some ten milliseconds of work. */
const PLATFORM_SECONDS = 60_000;
const WINDOW_MAX_MS = 1_200_000;
const WINDOW_MIN_MS = 15_000;
/** Chunks that are timed, at least. */
const CHUNKS = 1_000_000;
/** A prime: one stream after another is far from the one before. */
const STRIDE = 7919;
const SLEEP_BOUND_MS = 300_000;
const START_MS = 1_700_000_000_000;
/** Decisions that are timed one by one, each while all others sleep. */
const LONE_WAKES = 200;

if (args.inside === undefined) compare();
else process.stdout.write(`${JSON.stringify(await measure(args.inside))}\n`);

function compare() {
  const machine = describeMachine();
  console.log(`one controller for a farm, ${STREAMS} streams a platform: ${machineLine(machine)}`);
  const rows = [];
  for (const size of args.platforms) {
    process.stderr.write(`  ${size} platforms ...\n`);
    const self = [...process.execArgv, '--max-old-space-size=14000', '--expose-gc', fileURLToPath(import.meta.url)];
    const options = ['--streams', String(STREAMS), '--inside', String(size)];
    rows.push(
      JSON.parse(execFileSync(process.execPath, [...self, ...options], { encoding: 'utf8', maxBuffer: 1 << 24 })),
    );
  }
  printRows(rows);
  const exponents = fitAll(rows);
  console.log('\ngrowth with the number of platforms (exponent of the fit; asked: at most 1.05)');
  for (const [name, exponent] of Object.entries(exponents)) console.log(`  ${name.padEnd(34)} ${exponent.toFixed(3)}`);
  if (args.json !== undefined) writeFileSync(args.json, `${JSON.stringify({ machine, rows, exponents }, null, 2)}\n`);
}

async function measure(platforms) {
  const memory = [residentBytes()];
  const clock = new VirtualClock(START_MS);
  const farm = await SimulatedFarm.build({ platforms, streamsPerPlatform: STREAMS, clock });
  await clock.pass(2_000);
  memory.push(residentBytes());
  farm.openStreams();
  await clock.pass(1_000);
  memory.push(residentBytes());
  const windowMs = Math.max(WINDOW_MIN_MS, Math.min(WINDOW_MAX_MS, (PLATFORM_SECONDS * 1000) / platforms));
  const typed = traffic(farm.streams, clock);
  await clock.pass(windowMs / 3, typed);
  const awake = (await costOf(() => clock.pass(windowMs, typed))) - (await costOfPassing(windowMs, true));
  const sleep = await costOf(() => passUntil(farm, clock, 'asleep'));
  await clock.pass(windowMs / 3);
  const asleep = (await costOf(() => clock.pass(windowMs))) - (await costOfPassing(windowMs, false));
  const chunks = await costOf(() => keepAlive(farm.streams));
  const lone = await loneWakes(farm, clock);
  await passUntil(farm, clock, 'asleep');
  const all = await allWake(farm, clock);
  await farm.stop();
  const perPlatform = (cost) => cost / platforms / (windowMs / 1000);
  return {
    platforms,
    streams: farm.streams.length,
    windowMs,
    rssPerPlatform: (memory[1] - memory[0]) / platforms,
    rssPerStream: (memory[2] - memory[1]) / farm.streams.length,
    rss: memory[2],
    awakeUs: perPlatform(awake),
    asleepUs: perPlatform(asleep),
    chunkNs: (chunks * 1000) / Math.max(CHUNKS, farm.streams.length),
    sleepUs: sleep / platforms,
    ...lone,
    ...all,
  };
}

/** The bytes that are due in each slice: keys of typists, and everybody else's keepalives, evenly spread. */
function traffic(streams, clock) {
  const every = Math.round(1 / TYPISTS);
  let typist = 0;
  let other = 0;
  let owedKeys = 0;
  let owedKeepalives = 0;
  let typedMs = clock.nowMs();
  return () => {
    const elapsedMs = clock.nowMs() - typedMs;
    typedMs = clock.nowMs();
    owedKeys += (streams.length * TYPISTS * elapsedMs) / 1000;
    for (; owedKeys >= 1; owedKeys -= 1, typist += every) streams[typist % streams.length].press();
    owedKeepalives += (streams.length * elapsedMs) / KEEPALIVE_MS;
    for (; owedKeepalives >= 1; owedKeepalives -= 1, other += 1) {
      if (other % every !== 0) streams[other % streams.length].keepAlive();
    }
  };
}

/** Each stream of the farm gets keepalives, in an order that no cache foresees. */
function keepAlive(streams) {
  const chunks = Math.max(CHUNKS, streams.length);
  for (let i = 0; i < chunks; i += 1) streams[(i * STRIDE) % streams.length].keepAlive();
}

/** What the virtual clock itself takes. */
async function costOfPassing(windowMs, inSlices) {
  const empty = new VirtualClock(START_MS);
  return costOf(() => empty.pass(windowMs, inSlices ? () => {} : null));
}

/** Processor microseconds. */
async function costOf(run) {
  global.gc();
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

async function passUntil(farm, clock, state, everySlice) {
  for (let passedMs = 0; passedMs < SLEEP_BOUND_MS; passedMs += 1000) {
    if (farm.states()[state] === farm.platforms.length) return;
    await clock.pass(1000, everySlice);
  }
  throw new Error(`not all platforms became ${state}: ${JSON.stringify(farm.states())}`);
}

/** Real time from a key of a sleeper's client to the request for its wake, one platform after the other. */
async function loneWakes(farm, clock) {
  const samples = [];
  const step = Math.max(1, Math.floor(farm.platforms.length / LONE_WAKES));
  for (let at = 0; at < farm.platforms.length; at += step) {
    const began = performance.now();
    farm.streams[at * STREAMS].press();
    await clock.pass(20);
    samples.push((farm.platforms[at].wakeAskedAt - began) * 1000);
  }
  return { loneP50Us: quantile(samples, 0.5), loneP99Us: quantile(samples, 0.99) };
}

/** Everybody at once: real time from the first key to each request, and the processor's for a whole wake. */
async function allWake(farm, clock) {
  const began = performance.now();
  const wakeUs = await costOf(async () => {
    for (let at = 0; at < farm.streams.length; at += STREAMS) farm.streams[at].press();
    await passUntil(farm, clock, 'awake');
  });
  const samples = farm.platforms.map(({ wakeAskedAt }) => wakeAskedAt - began);
  return {
    wakeUs: wakeUs / farm.platforms.length,
    allP50Ms: quantile(samples, 0.5),
    allP99Ms: quantile(samples, 0.99),
  };
}

function residentBytes() {
  global.gc();
  return process.memoryUsage().rss;
}

function printRows(rows) {
  const columns = [
    ['platforms', ({ platforms }) => platforms],
    ['streams', ({ streams }) => streams],
    ['awake µs/s', ({ awakeUs }) => awakeUs.toFixed(1)],
    ['asleep µs/s', ({ asleepUs }) => asleepUs.toFixed(1)],
    ['ns a chunk', ({ chunkNs }) => chunkNs.toFixed(0)],
    ['µs a sleep', ({ sleepUs }) => sleepUs.toFixed(0)],
    ['µs a wake', ({ wakeUs }) => wakeUs.toFixed(0)],
    ['wake p50, p99 µs', ({ loneP50Us, loneP99Us }) => `${loneP50Us.toFixed(0)}, ${loneP99Us.toFixed(0)}`],
    ['all at once p99 ms', ({ allP99Ms }) => allP99Ms.toFixed(1)],
    ['KiB a platform', ({ rssPerPlatform }) => (rssPerPlatform / 1024).toFixed(1)],
    ['B a stream', ({ rssPerStream }) => rssPerStream.toFixed(0)],
    ['MiB', ({ rss }) => (rss / 2 ** 20).toFixed(0)],
  ];
  const lines = [columns.map(([title]) => title), ...rows.map((row) => columns.map(([, cell]) => String(cell(row))))];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => line[at].length)));
  for (const line of lines) console.log(`  ${line.map((cell, at) => cell.padStart(widths[at])).join('  ')}`);
}

function fitAll(rows) {
  const growth = (value) => exponentOf(rows.map((row) => [row.platforms, value(row)]));
  return {
    'CPU, platforms in use': growth((row) => row.awakeUs * row.platforms),
    'CPU, platforms asleep': growth((row) => row.asleepUs * row.platforms),
    'CPU, streams, a chunk': growth((row) => row.chunkNs * row.streams),
    'CPU, all go to sleep': growth((row) => row.sleepUs * row.platforms),
    'CPU, all wake': growth((row) => row.wakeUs * row.platforms),
    'latency of one wake, p99': growth((row) => row.loneP99Us),
    'memory above an empty process': growth(
      (row) => row.rssPerPlatform * row.platforms + row.rssPerStream * row.streams,
    ),
  };
}

/** Least squares on logarithms. */
function exponentOf(points) {
  const logs = points.filter(([, y]) => y > 0).map(([x, y]) => [Math.log(x), Math.log(y)]);
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanX = mean(logs.map(([x]) => x));
  const meanY = mean(logs.map(([, y]) => y));
  const covariance = mean(logs.map(([x, y]) => (x - meanX) * (y - meanY)));
  return covariance / mean(logs.map(([x]) => (x - meanX) ** 2));
}
