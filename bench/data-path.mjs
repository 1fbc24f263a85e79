// Measures how Torpor moves bytes beside nginx stream and HAProxy, in one run on loopback: bulk, echo, connections, idle streams.
// With two cores or more the proxy has CPU 0 to itself and load and targets share CPU 1. Rounds go from rival to rival, so that
// a machine that is busy with other things is so for all of them; a ratio is that of two figures of one round.
import { execFileSync, spawnSync } from 'node:child_process';
import os from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { withLoad, writeFacts } from './data-load.mjs';
import { listRivals } from './data-peers.mjs';
import { COUNT, FILE, readOptions } from './options.mjs';
import { pathRows, writeRows } from './readme-rows.mjs';

const SOURCE_PORT = 27_000;
const FILES_WANTED = 60_000;
/** Descriptors of a proxy beyond two per stream. */
const FILES_SPARE = 400;
const ECHO_STREAMS = 100;
const ECHO_BYTES = 64;
/** Paced: each stream sends 20 times a second. */
const ECHO_PAUSE_US = 50_000;
const CONNECTS_AT_ONCE = 32;
/** What ten thousand connections left behind is collected by then: watched is how idle streams stay so, not how they came. */
const IDLE_SETTLE_MS = 30_000;
/** After the last idle stream opened, before anything is measured. */
const SETTLE_MS = 5000;

/** What is told: key, label, unit, decimals. */
const ROWS = [
  ['bulkOne', 'bulk, 1 stream', 'GB/s', 2],
  ['bulkOneCpu', '  CPU of the proxy', 's/GB', 2],
  ['bulkOneShare', '  share of its core', '', 2],
  ['bulkEight', 'bulk, 8 streams', 'GB/s', 2],
  ['bulkEightCpu', '  CPU of the proxy', 's/GB', 2],
  ['bulkEightShare', '  share of its core', '', 2],
  ['pacedP50', `echo 64 B, ${ECHO_STREAMS} streams, ${1e6 / ECHO_PAUSE_US}/s each: p50`, 'µs', 0],
  ['pacedP99', '  p99', 'µs', 0],
  ['fullRate', `echo 64 B, ${ECHO_STREAMS} streams, one after the other`, '/s', 0],
  ['fullP50', '  p50', 'µs', 0],
  ['fullP99', '  p99', 'µs', 0],
  ['connects', `connections, ${CONNECTS_AT_ONCE} at once`, '/s', 0],
];

/** What is measured, in this order; each answers figures of ROWS. */
const DEEDS = {
  'bulk, 1 stream': (load, proxy) => measureBulk(load, proxy, 1, 'bulkOne'),
  'bulk, 8 streams': (load, proxy) => measureBulk(load, proxy, 8, 'bulkEight'),
  'echo, paced': async (load, { ports }) => {
    const { p50Us, p99Us } = await load.measure(
      'echo',
      ports.listenEcho,
      ECHO_STREAMS,
      seconds,
      ECHO_PAUSE_US,
      ECHO_BYTES,
    );
    return { pacedP50: p50Us, pacedP99: p99Us };
  },
  'echo, at full speed': async (load, { ports }) => {
    const echoed = await load.measure('echo', ports.listenEcho, ECHO_STREAMS, seconds, 0, ECHO_BYTES);
    return { fullRate: echoed.messages / echoed.seconds, fullP50: echoed.p50Us, fullP99: echoed.p99Us };
  },
  connections: async (load, { ports }) => {
    const made = await load.measure('connect', ports.listenEcho, CONNECTS_AT_ONCE, seconds);
    return { connects: made.connections / made.seconds, connectsFailed: made.failed };
  },
};

async function measureBulk(load, proxy, streams, key) {
  const before = proxy.usage();
  const began = performance.now();
  const { bytes, seconds: took } = await load.measure('bulk', proxy.ports.listenSource, streams, seconds);
  const cpuSeconds = proxy.usage().cpuSeconds - before.cpuSeconds;
  // The load warms up unseen: the processor's share of the whole run stands for that of the measured part.
  const share = cpuSeconds / ((performance.now() - began) / 1000);
  const gigabytes = bytes / 1e9;
  return { [key]: gigabytes / took, [`${key}Cpu`]: (share * took) / gigabytes, [`${key}Share`]: share };
}

const args = readOptions({
  script: 'bench:path',
  about: 'Measures how Torpor moves bytes beside nginx stream and HAProxy, where these are installed.',
  needs: 'Linux, a C compiler',
  options: {
    quick: { about: 'fewer and shorter rounds' },
    rounds: { kind: COUNT, default: 7, quick: 3, about: 'of each measurement' },
    idle: { kind: COUNT, default: 10_000, quick: 2000, about: 'idle streams, or as many as there may be descriptors' },
    readme: { about: "writes README's rows of the data path" },
    json: { kind: FILE, about: 'where raw results go, in place of artifacts/' },
  },
});
const { rounds } = args;
const seconds = args.quick ? 0.8 : 2;
const hardLimit = execFileSync('/bin/sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim();
const limit = Math.min(FILES_WANTED, hardLimit === 'unlimited' ? FILES_WANTED : Number(hardLimit));
const maxStreams = Math.floor((limit - FILES_SPARE) / 2);
const idleStreams = Math.min(args.idle, maxStreams);

const isPinned = os.cpus().length > 1 && spawnSync('taskset', ['-c', '0,1', 'true']).status === 0;
await withLoad({ cpus: isPinned ? '1' : null, limit, port: SOURCE_PORT }, main);

async function main(load) {
  const rivals = Object.entries(listRivals());
  for (const [, { missing }] of rivals) if (missing !== undefined) console.log(`skipped: ${missing}`);
  const present = rivals.filter(([, { missing }]) => missing === undefined);
  const pinning = { cpus: isPinned ? '0' : null, limit, maxStreams };
  const samples = Object.fromEntries(present.map(([name]) => [name, []]));
  let started = 0;
  const start = async ([, rival]) => {
    const ports = load.portsOf(started);
    started += 1;
    return { ...(await rival.start(ports, pinning)), ports };
  };
  const proxies = new Map();
  try {
    for (const rival of present) proxies.set(rival[0], await start(rival));
    // Deed by deed: connections leave tens of thousands of sockets in TIME_WAIT behind, so they come last.
    for (const [deed, measure] of Object.entries(DEEDS)) {
      for (let round = 0; round < rounds; round += 1) {
        for (const [name, proxy] of proxies) {
          samples[name][round] = { ...samples[name][round], ...(await measure(load, proxy)) };
        }
      }
      console.error(`${deed}: ${rounds} rounds`);
    }
  } finally {
    for (const proxy of proxies.values()) await proxy.end();
  }
  const idle = {};
  // A process of its own each, so that what bulk left behind does not count.
  for (const rival of present) idle[rival[0]] = await measureIdle(load, await start(rival));
  await report(present, samples, idle);
}

async function measureIdle(load, proxy) {
  try {
    const before = await settledUsage(proxy);
    const endStreams = await load.holdIdle(proxy.ports.listenEcho, idleStreams);
    await pause(args.quick ? SETTLE_MS : IDLE_SETTLE_MS);
    const opened = proxy.usage();
    const watchedMs = args.quick ? 3000 : 20_000;
    await pause(watchedMs);
    const after = proxy.usage();
    await endStreams();
    return {
      kibPerStream: (opened.residentKib - before.residentKib) / idleStreams,
      cpuShare: (after.cpuSeconds - opened.cpuSeconds) / (watchedMs / 1000),
    };
  } finally {
    await proxy.end();
  }
}

/** Its usage once what its start takes is taken: a program that answers may still be touching memory for the first time. */
async function settledUsage(proxy) {
  for (let last = proxy.usage(); ; ) {
    await pause(SETTLE_MS);
    const now = proxy.usage();
    if (now.residentKib - last.residentKib < last.residentKib / 100) return now;
    last = now;
  }
}

async function report(present, samples, idle) {
  const names = present.map(([name]) => name);
  const table = [['', ...names.flatMap((name) => (name === 'torpor' ? [name] : [name, 'torpor to it']))]];
  const results = {};
  for (const [key, label, unit, decimals] of ROWS) {
    const line = [label];
    results[key] = {};
    for (const name of names) {
      const value = summarize(samples[name].map((sample) => sample[key]));
      results[key][name] = value;
      line.push(`${value.median.toFixed(decimals)} ${unit} ±${(value.spread * 50).toFixed(0)}%`);
      if (name === 'torpor') continue;
      const ratio = summarize(samples.torpor.map((sample, round) => sample[key] / samples[name][round][key]));
      results[key][name].torporToIt = ratio;
      line.push(`${ratio.median.toFixed(2)}x`);
    }
    table.push(line);
  }
  for (const [key, label, decimals] of [
    ['kibPerStream', `${idleStreams} idle streams: KiB each`, 1],
    ['cpuShare', '  share of a core', 3],
  ]) {
    const cell = (name) => idle[name][key].toFixed(decimals);
    const ratio = (name) => (idle[name][key] > 0 ? `${(idle.torpor[key] / idle[name][key]).toFixed(2)}x` : '');
    table.push([label, ...names.flatMap((name) => (name === 'torpor' ? [cell(name)] : [cell(name), ratio(name)]))]);
  }
  const machine = {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.cpus().length,
    cpusShared: isPinned ? 'proxy on CPU 0, load and targets on CPU 1' : 'not pinned',
    kernel: os.release(),
    node: process.version,
    load: os.loadavg()[0],
  };
  const versions = Object.fromEntries(present.map(([name, { version }]) => [name, version ?? 'this checkout']));
  printTable(table);
  console.log(
    `\n${machine.cpu}, ${machine.cores} cores (${machine.cpusShared}), load ${machine.load.toFixed(1)}, Node ${machine.node}`,
  );
  console.log(
    `median of ${rounds} rounds; ± is half the interquartile range; ratios are medians of the rounds' ratios`,
  );
  console.log(
    `failed connections: ${names.map((name) => `${name} ${samples[name].reduce((sum, { connectsFailed }) => sum + connectsFailed, 0)}`).join(', ')}`,
  );
  await writeFacts('data-path', args.json, { machine, versions, rounds, seconds, idleStreams, results, idle, samples });
  if (args.readme) {
    const where = `${machine.cpu}, ${machine.cores} cores (${machine.cpusShared}), load ${machine.load.toFixed(1)}, Node ${machine.node}`;
    await writeRows('path', [
      '',
      ...pathRows({ results, idle, idleStreams }),
      '',
      `${where}; medians of ${rounds} rounds.`,
      '',
    ]);
  }
}

function summarize(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const quantile = (share) => sorted[Math.round(share * (sorted.length - 1))];
  const median = quantile(0.5);
  return { median, spread: median === 0 ? 0 : (quantile(0.75) - quantile(0.25)) / median };
}

function printTable(table) {
  const widths = table[0].map((_, column) => Math.max(...table.map((line) => line[column].length)));
  for (const line of table)
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    );
}
