// Measures the wake latency that Torpor adds: from the moment a VM would answer to its first held byte. Simulated farm.
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runTorpor } from '../dist/compose.js';
import { loadConfig } from '../dist/config/load-config.js';
import { SimulatedPlatform } from '../dist/power/simulated/simulated-platform.js';
import { systemClock } from '../dist/system-clock.js';
import { AMOUNT, COUNT, FILE, readOptions, WHOLE } from './options.mjs';

const PASSWORD_VARIABLE = 'TORPOR_BENCH_BMC_PASSWORD';
const RESUME_MS = { min: 200, max: 1500 };
const QUIET = { debug() {}, info() {}, warn() {}, error() {} };
const args = readOptions({
  script: 'bench:wake',
  about: 'Measures the wake latency that Torpor adds: from the moment a VM would answer to its first held byte.',
  options: {
    wakes: { kind: COUNT, default: 500, about: 'in all' },
    platforms: { kind: COUNT, default: 25, about: 'simulated ones, which sleep and wake side by side' },
    seed: { kind: WHOLE, default: 1, about: 'of the times that they take to resume' },
    'drop-syn': { kind: AMOUNT, about: 'per cent of the SYNs that are lost (Linux, root)' },
    json: { kind: FILE, about: 'where raw results go' },
    'inside-namespace': {},
  },
});

if (args['drop-syn'] !== undefined && !args['inside-namespace']) runInNamespace();
else await measure();

/** Dropping SYNs on loopback must not reach anybody else's: a network namespace of its own, removed after. */
function runInNamespace() {
  const name = `torpor-bench-${process.pid}`;
  execFileSync('ip', ['netns', 'add', name]);
  try {
    execFileSync('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
    const self = [fileURLToPath(import.meta.url), ...process.argv.slice(2), '--inside-namespace'];
    const child = spawnSync('ip', ['netns', 'exec', name, process.execPath, ...self], { stdio: 'inherit' });
    process.exitCode = child.status ?? 1;
  } finally {
    execFileSync('ip', ['netns', 'del', name]);
  }
}

async function measure() {
  const random = seededRandom(args.seed);
  const folder = await mkdtemp(join(tmpdir(), 'torpor-bench-'));
  process.env[PASSWORD_VARIABLE] = randomBytes(10).toString('hex');
  const resumeMs = () => RESUME_MS.min + random() * (RESUME_MS.max - RESUME_MS.min);
  const names = Array.from({ length: args.platforms }, (_, index) => `sim-${index + 1}`);
  const platforms = await Promise.all(names.map((name) => startPlatform(name, resumeMs)));
  const torpor = await runTorpor(await readConfig(platforms, folder), { log: QUIET });
  try {
    const clients = await Promise.all(platforms.map((platform) => openClient(platform, torpor)));
    if (args['drop-syn'] !== undefined) dropSyns(args['drop-syn']);
    const perPlatform = Math.ceil(args.wakes / platforms.length);
    const samples = await Promise.all(clients.map((client) => wakeAgain(client, torpor.farm, perPlatform)));
    await report(samples.flat());
    for (const { socket } of clients) socket.destroy();
  } finally {
    await torpor.stop();
    await Promise.all(platforms.map(({ simulated }) => simulated.stop()));
    await rm(folder, { recursive: true, force: true });
  }
}

async function startPlatform(name, resumeMs) {
  const simulated = new SimulatedPlatform({
    clock: systemClock,
    user: 'torpor',
    password: process.env[PASSWORD_VARIABLE],
    suspendMs: 50,
    resumeMs,
    vms: [{ name: 'vm' }],
  });
  await simulated.start();
  return { name, simulated };
}

async function openClient({ name, simulated }, torpor) {
  const listener = torpor.listeners.find((each) => each.platform === name);
  const socket = connect(Number(listener.address.split(':').at(-1)), '127.0.0.1').setNoDelay(true);
  await once(socket, 'connect');
  return { name, simulated, socket };
}

function dropSyns(percent) {
  const chance = ['-m', 'statistic', '--mode', 'random', '--probability', String(percent / 100)];
  execFileSync('iptables', ['-A', 'INPUT', '-p', 'tcp', '--syn', ...chance, '-j', 'DROP']);
}

async function wakeAgain({ name, simulated, socket }, farm, times) {
  const [vm] = simulated.vms;
  const samples = [];
  for (let i = 0; i < times; i += 1) {
    while (farm.platform(name).state !== 'asleep') await pause(20);
    await pause(Math.random() * 100);
    samples.push(await wakeOnce(simulated.host, vm, socket, i));
  }
  return samples;
}

/** One key stroke at a sleeping platform. All in milliseconds. */
async function wakeOnce(host, vm, socket, index) {
  const moments = {};
  const ends = [
    host.onChange((change) => {
      if (change.phase === 'resuming') moments.requested = change.atMs;
    }),
    vm.onState((state, atMs) => {
      if (state === 'answering') moments.answering = atMs;
    }),
  ];
  const delivered = new Promise((resolve) => ends.push(vm.onBytes(() => resolve(systemClock.nowMs()))));
  const written = systemClock.nowMs();
  socket.write(`line ${index}\n`);
  moments.delivered = await delivered;
  await once(socket, 'data');
  for (const end of ends) end();
  return {
    requestMs: moments.requested - written,
    platformMs: moments.answering - moments.requested,
    deliveryMs: moments.delivered - moments.answering,
  };
}

async function report(samples) {
  const lossNote = args['drop-syn'] === undefined ? 'no loss' : `${args['drop-syn']} % of SYNs dropped`;
  const figures = {
    wakes: samples.length,
    seed: args.seed,
    dropSynPercent: args['drop-syn'] ?? 0,
    cpu: cpus()[0]?.model ?? 'unknown',
    node: process.version,
    deliveryMs: summarize(samples.map(({ deliveryMs }) => deliveryMs)),
    requestMs: summarize(samples.map(({ requestMs }) => requestMs)),
    platformMs: summarize(samples.map(({ platformMs }) => platformMs)),
  };
  console.log(`wake latency, ${samples.length} wakes, resume ${RESUME_MS.min} to ${RESUME_MS.max} ms, ${lossNote}`);
  console.log('                                             median      p99      max');
  console.log(row('VM would answer -> its first held byte', figures.deliveryMs));
  console.log(row('client writes -> request at the BMC', figures.requestMs));
  console.log(row('the platform itself (simulated)', figures.platformMs));
  if (args.json !== undefined) await writeFile(args.json, `${JSON.stringify({ ...figures, samples }, null, 1)}\n`);
}

function summarize(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { median: at(0.5), p99: at(0.99), max: at(1) };
}

function row(label, { median, p99, max }) {
  return [label.padEnd(42), ...[median, p99, max].map((value) => `${value.toFixed(1)} ms`.padStart(9))].join('');
}

/** As a user would write it; YAML reads JSON. */
async function readConfig(platforms, folder) {
  const file = join(folder, 'torpor.yaml');
  const config = {
    api: { listen: '127.0.0.1:0' },
    stateDir: join(folder, 'state'),
    history: 'off',
    log: { level: 'error' },
    platforms: platforms.map(({ name, simulated }) => ({
      name,
      mode: 'armed',
      idleTimeout: '200ms',
      disconnectGrace: '100ms',
      drowsyFor: '50ms',
      minAwake: '50ms',
      power: {
        wakeTimeout: '30s',
        suspendTimeout: '30s',
        bmc: {
          driver: 'ipmi',
          host: '127.0.0.1',
          port: simulated.bmcPort,
          user: 'torpor',
          passwordEnv: PASSWORD_VARIABLE,
        },
      },
      vms: [
        {
          name: 'vm',
          listeners: [
            {
              listen: '127.0.0.1:0',
              target: `127.0.0.1:${simulated.vmPorts[0]}`,
              protocol: 'raw',
              activity: 'every-byte',
            },
          ],
        },
      ],
    })),
  };
  await writeFile(file, JSON.stringify(config));
  return (await loadConfig(file)).config;
}

function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
