// Measures what several workers gain: Torpor with some beside Torpor with one, in one run on loopback, on all cores.
// Load and targets want the same cores, so a rate can grow only by what they leave. Processor time per piece of work says what
// spreading it costs: where it stays the same, free cores are used in full.
import os from 'node:os';
import { withLoad, writeFacts } from './data-load.mjs';
import { listRivals } from './data-peers.mjs';
import { COUNT, FILE, readOptions } from './options.mjs';

const args = readOptions({
  script: 'bench:workers',
  about: 'Measures what several workers gain beside one.',
  needs: 'Linux, a C compiler',
  options: {
    workers: { kind: COUNT, default: 2, about: 'beside one' },
    rounds: { kind: COUNT, default: 5, about: 'of each measurement' },
    json: { kind: FILE, about: 'where raw results go, in place of artifacts/' },
  },
});
const SECONDS = 2;
const limit = 20_000;
const SOURCE_PORT = 27_500;
const DEEDS = {
  'connections, 32 at once': async (load, { listenEcho }) => {
    const made = await load.measure('connect', listenEcho, 32, SECONDS);
    return { done: made.connections, seconds: made.seconds };
  },
  'echo of 64 B, 100 streams': async (load, { listenEcho }) => {
    const echoed = await load.measure('echo', listenEcho, 100, SECONDS, 0, 64);
    return { done: echoed.messages, seconds: echoed.seconds };
  },
  'bulk, 8 streams, GB': async (load, { listenSource }) => {
    const { bytes, seconds } = await load.measure('bulk', listenSource, 8, SECONDS);
    return { done: bytes / 1e9, seconds };
  },
};

await withLoad({ cpus: null, limit, port: SOURCE_PORT }, main);

async function main(load) {
  const rivals = [];
  try {
    for (const workers of [1, args.workers]) {
      const ports = load.portsOf(rivals.length);
      const proxy = await listRivals().torpor.start(ports, { cpus: null, limit, maxStreams: limit / 2, workers });
      rivals.push({ workers, ports, proxy, samples: {} });
    }
    for (const [deed, measure] of Object.entries(DEEDS)) {
      for (let round = 0; round < args.rounds; round += 1) {
        for (const { ports, proxy, samples } of rivals) {
          const before = proxy.usage().cpuSeconds;
          const { done, seconds } = await measure(load, ports);
          const cpuSeconds = proxy.usage().cpuSeconds - before;
          samples[deed] ??= [];
          samples[deed].push({ rate: done / seconds, cpuPerPiece: cpuSeconds / done, share: cpuSeconds / seconds });
        }
      }
    }
  } finally {
    for (const { proxy } of rivals) await proxy.end();
  }
  await report(rivals);
}

async function report(rivals) {
  const [one, many] = rivals;
  for (const deed of Object.keys(DEEDS)) {
    const ratio = (key) =>
      median(many.samples[deed].map((sample, round) => sample[key] / one.samples[deed][round][key]));
    const value = ({ samples }, key) => median(samples[deed].map((sample) => sample[key])).toPrecision(3);
    console.log(
      `${deed}: ${value(one, 'rate')}/s with 1 worker (${value(one, 'share')} of a core), ${value(many, 'rate')}/s with ${many.workers} (${value(many, 'share')}): ${ratio('rate').toFixed(2)}x; processor time per piece ${ratio('cpuPerPiece').toFixed(2)}x`,
    );
  }
  const machine = { cpu: os.cpus()[0]?.model, cores: os.cpus().length, node: process.version, load: os.loadavg()[0] };
  console.log(
    `\n${machine.cpu}, ${machine.cores} cores shared by all, load ${machine.load.toFixed(1)}, Node ${machine.node}`,
  );
  console.log(`medians of ${args.rounds} rounds; ratios are medians of the rounds' ratios`);
  const measured = rivals.map(({ workers, samples }) => ({ workers, samples }));
  await writeFacts('data-workers', args.json, { machine, rivals: measured });
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
