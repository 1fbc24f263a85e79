// Measures what one short connection costs (connect, a byte to and fro, close): processor time of this build and of others, by turns.
// Judged is processor time, all threads of the proxy together, so that a machine that is busy with other things counts as little as can be;
// ratios are those of two turns of one round. On an overloaded machine what disturbs one disturbs the others where all are loaded together.
import { readdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { withLoad, writeFacts } from './data-load.mjs';
import { listRivals } from './data-peers.mjs';
import { AMOUNT, COUNT, FILE, FOLDER, readOptions } from './options.mjs';

const args = readOptions({
  script: 'bench:connects',
  about: 'Measures what one short connection costs: this build, others, and nginx stream where it is installed.',
  needs: 'Linux, a C compiler',
  options: {
    before: { kind: FOLDER, multiple: true, about: 'another checkout of Torpor, which is built' },
    together: { about: 'all are loaded at the same time, in place of by turns' },
    rounds: { kind: COUNT, default: 20, about: 'turns of each' },
    seconds: { kind: AMOUNT, default: 0.5, about: 'a turn' },
    json: { kind: FILE, about: 'where raw results go, in place of artifacts/' },
  },
});
const { rounds } = args;
const AT_ONCE = 32;
const WARM_SECONDS = 8;
const FILES = 20_000;
const SOURCE_PORT = 27_600;

await withLoad({ cpus: os.cpus().length > 1 ? '1' : null, limit: FILES, port: SOURCE_PORT }, main);

async function main(load) {
  const { torpor, 'nginx, 64 KiB': nginx } = listRivals();
  const builds = args.before.map((folder) => [folder, torpor, path.resolve(folder, 'dist/cli/main.js')]);
  const rivals = [['this build', torpor], ...builds, ...('missing' in nginx ? [] : [['nginx', nginx]])];
  const started = [];
  try {
    for (const [name, rival, main] of rivals) {
      const ports = load.portsOf(started.length);
      const pinning = { cpus: os.cpus().length > 1 ? '0' : null, limit: FILES, maxStreams: FILES / 2, main };
      started.push({
        name,
        ports,
        samples: [],
        turn: null,
        proxy: await rival.start(ports, pinning),
      });
    }
    // Its code is compiled while it warms up.
    for (const { ports } of started) await load.measure('connect', ports.listenEcho, AT_ONCE, WARM_SECONDS);
    for (let round = 0; round < rounds; round += 1) {
      if (args.together) await Promise.all(started.map((each) => takeTurn(load, each)));
      else for (const each of started) await takeTurn(load, each);
    }
    for (const each of started) endTurn(each);
  } finally {
    for (const { proxy } of started) await proxy.end();
  }
  await report(started);
}

/** From the start of a proxy's turn to that of its next one: what a connection leaves to be done later is its cost, too. */
async function takeTurn(load, each) {
  endTurn(each);
  const cpuNs = cpuNsOf(each.proxy.pid);
  const { connections, failed, seconds, all } = await load.measure(
    'connect',
    each.ports.listenEcho,
    AT_ONCE,
    args.seconds,
  );
  each.turn = { cpuNs, all, failed, perSecond: connections / seconds };
}

function endTurn(each) {
  const { turn, proxy, samples } = each;
  if (turn === null) return;
  const { cpuNs, all, failed, perSecond } = turn;
  samples.push({ cpuMicroseconds: (cpuNsOf(proxy.pid) - cpuNs) / 1000 / all, perSecond, failed });
}

/** Of all threads of the program and its children: what they ran, nanoseconds. Source: sched-stats, /proc/<pid>/schedstat. */
function cpuNsOf(pid) {
  let sum = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    sum += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')[0]);
    const children = readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').trim();
    if (children !== '') for (const child of children.split(' ')) sum += cpuNsOf(Number(child));
  }
  return sum;
}

async function report(started) {
  const [mine] = started;
  for (const { name, samples } of started) {
    const of = (key) => quartiles(samples.map((sample) => sample[key]));
    const to = (key) => quartiles(samples.map((sample, round) => mine.samples[round][key] / sample[key]));
    const [cpu, rate] = [of('cpuMicroseconds'), of('perSecond')];
    const [cpuTo, rateTo] = [to('cpuMicroseconds'), to('perSecond')];
    const failed = samples.reduce((sum, sample) => sum + sample.failed, 0);
    console.log(
      `${name}: ${cpu.text(1)} µs of processor time each, ${rate.text(0)}/s, ${failed} failed; this build to it: ${cpuTo.text(3)} of the time, ${rateTo.text(3)} of the rate`,
    );
  }
  const machine = { cpu: os.cpus()[0]?.model, cores: os.cpus().length, load: os.loadavg()[0], node: process.version };
  const results = started.map(({ name, samples }) => ({ name, samples }));
  console.log(
    `${machine.cpu}, ${machine.cores} cores, load ${machine.load.toFixed(1)}, Node ${machine.node}; medians and quartiles of ${rounds} rounds`,
  );
  await writeFacts('data-connects', args.json, { machine, rounds, seconds: args.seconds, results });
}

function quartiles(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  return {
    text: (decimals) => `${at(0.5).toFixed(decimals)} (${at(0.25).toFixed(decimals)}-${at(0.75).toFixed(decimals)})`,
  };
}
