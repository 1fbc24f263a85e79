// Measures the compressed link beside ssh -L and ssh -C -L, in one run, over a shaped cable between two network namespaces.
// Rates by tc's tbf; netem is not in every kernel, so the delay comes from a relay before the cable, which every rival passes alike. Rounds go
// from rival to rival.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describeMachine, machineLine } from './machine.mjs';
import { FILE, oneOf, readOptions } from './options.mjs';
import { quantile } from './quantile.mjs';
import { makeStreamCorpora } from './streams-corpus.mjs';

const args = readOptions({
  script: 'bench:link',
  about:
    'Measures the compressed link beside ssh -L and ssh -C -L, over a shaped cable between two network namespaces.',
  needs: 'Linux, root, OpenSSH',
  options: {
    quick: { about: 'one round, and less of everything' },
    only: { kind: oneOf('slow', 'keys', 'fast'), about: 'a slow cable, keys under a transfer, or a fast cable alone' },
    json: { kind: FILE, about: 'where raw results go' },
  },
});
const HERE = fileURLToPath(new URL('.', import.meta.url));
const LOAD = path.join(HERE, 'link-load.mjs');
const TORPOR = path.join(HERE, '../dist/cli/main.js');
const NEAR = `torpor-bench-near-${process.pid}`;
const FAR = `torpor-bench-far-${process.pid}`;
const FAR_ADDRESS = '10.79.0.2';
const PORTS = { sink: 7001, gate: 7002, sshd: 7003, delayGate: 7102, delaySshd: 7103 };
const DELAY_MS = 25;
const SLOW = { name: '20 Mbit/s, 50 ms', rate: '20mbit', burst: '16kb', delayed: true };
const FAST = { name: '1 Gbit/s', rate: '1gbit', burst: '256kb', delayed: false };
const ROUNDS = args.quick ? 1 : 3;
const SLOW_BYTES = args.quick ? 500_000 : 3_000_000;
const FAST_BYTES = 8_000_000;
const FAST_TIMES = args.quick ? 4 : 16;
const TYPE_SECONDS = args.quick ? 4 : 15;
const CLOCK_TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

const folder = mkdtempSync(path.join(os.tmpdir(), 'torpor-bench-link-'));
const children = new Set();
const ip = (...words) => execFileSync('ip', words, { encoding: 'utf8' });

async function main() {
  const machine = describeMachine();
  console.log(`the compressed link beside OpenSSH: ${machineLine(machine)}`);
  layCable();
  makeKeys();
  await start(FAR, ['node', LOAD, 'sink', PORTS.sink], /ready/);
  await start(FAR, [program('sshd'), '-D', '-e', '-f', sshdConfig()], /listening/i);
  const gate = [process.execPath, TORPOR, 'link', 'gate', '--keys', path.join(folder, 'keys')];
  await start(
    FAR,
    [...gate, '--listen', `${FAR_ADDRESS}:${PORTS.gate}`, '--service', `sink=127.0.0.1:${PORTS.sink}`],
    /gate listens/,
  );
  await start(NEAR, ['node', LOAD, 'delay', PORTS.delayGate, FAR_ADDRESS, PORTS.gate, DELAY_MS], /ready/);
  await start(NEAR, ['node', LOAD, 'delay', PORTS.delaySshd, FAR_ADDRESS, PORTS.sshd, DELAY_MS], /ready/);
  const report = { machine, args, slow: null, fast: null, keys: null };
  const deeds = { slow: measureSlow, keys: measureKeys, fast: measureFast };
  for (const [name, measure] of Object.entries(deeds)) {
    if (args.only === undefined || args.only === name) report[name] = await measure();
  }
  printReport(report);
  if (args.json !== undefined) writeFileSync(args.json, `${JSON.stringify(report, null, 2)}\n`);
}

// ------------------------------------------------------------------------------------------------ what is measured

/** Goodput of each corpus, in megabytes a second of what the client sends. */
async function measureSlow() {
  shape(SLOW);
  const corpora = await makeStreamCorpora(SLOW_BYTES, 11);
  const rows = [];
  const rivals = await startRivals(SLOW);
  for (const { name, data } of corpora) {
    const file = path.join(folder, `slow-${name}`);
    writeFileSync(file, data);
    const row = { name, torpor: [], sshC: [], ssh: [] };
    for (let round = 0; round < ROUNDS; round += 1)
      for (const rival of rivals) row[rival.name].push(await goodput(rival, file, 1));
    rows.push(row);
    tell(`${name}: ${rivals.map(({ name: rival }) => `${rival} ${median(row[rival]).toFixed(2)}`).join(', ')} MB/s`);
  }
  await stopRivals(rivals);
  return rows;
}

/** A key every 50 ms while the same tunnel carries a bulk transfer that does not shrink. */
async function measureKeys() {
  shape(SLOW);
  const file = path.join(folder, 'bulk');
  const [random] = (await makeStreamCorpora(4_000_000, 12)).filter(({ name }) => name === 'random');
  writeFileSync(file, random.data);
  const row = { torpor: [], sshC: [], ssh: [] };
  const rivals = await startRivals(SLOW);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const rival of rivals) {
      const bulk = run(NEAR, ['node', LOAD, 'send', rival.port, file, 1000]);
      await pause(2000);
      const typed = JSON.parse(await run(NEAR, ['node', LOAD, 'type', rival.port, TYPE_SECONDS]).done);
      bulk.child.kill('SIGKILL');
      await bulk.done.catch(() => {});
      row[rival.name].push(typed);
      tell(`keys: ${rival.name} p50 ${typed.p50Ms.toFixed(0)} ms, p99 ${typed.p99Ms.toFixed(0)} ms`);
      await pause(1500);
    }
  }
  await stopRivals(rivals);
  return row;
}

/** All corpora one behind the other, several times; what both ends cost. */
async function measureFast() {
  shape(FAST);
  const corpora = await makeStreamCorpora(Math.floor(FAST_BYTES / 9), 13);
  const file = path.join(folder, 'fast');
  writeFileSync(file, Buffer.concat(corpora.map(({ data }) => data)));
  const row = { torpor: [], sshC: [], ssh: [] };
  const rivals = await startRivals(FAST);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const rival of rivals) {
      const before = cpuSeconds(rival);
      const megabytesPerSecond = await goodput(rival, file, FAST_TIMES);
      const bytes = readFileSync(file).length * FAST_TIMES;
      const cpuPerGigabyte = (cpuSeconds(rival) - before) / (bytes / 1e9);
      row[rival.name].push({ megabytesPerSecond, cpuPerGigabyte });
      tell(`1 Gbit/s: ${rival.name} ${megabytesPerSecond.toFixed(0)} MB/s, ${cpuPerGigabyte.toFixed(1)} s/GB`);
    }
  }
  await stopRivals(rivals);
  return row;
}

async function goodput(rival, file, times) {
  const { bytes, seconds } = JSON.parse(await run(NEAR, ['node', LOAD, 'send', rival.port, file, times]).done);
  return bytes / 1e6 / seconds;
}

// ------------------------------------------------------------------------------------------------ the rivals

async function startRivals({ delayed }) {
  const gatePort = delayed ? PORTS.delayGate : PORTS.gate;
  const sshPort = delayed ? PORTS.delaySshd : PORTS.sshd;
  const host = delayed ? '127.0.0.1' : FAR_ADDRESS;
  const edge = [
    process.execPath,
    TORPOR,
    'link',
    'edge',
    '--keys',
    path.join(folder, 'keys'),
    '--gate',
    `${host}:${gatePort}`,
  ];
  const torpor = await start(NEAR, [...edge, '--listen', '7201=sink'], /link stands/);
  const ssh = async (port, ...flags) => {
    const words = [
      '-N',
      '-F',
      'none',
      '-i',
      path.join(folder, 'user'),
      '-p',
      sshPort,
      '-o',
      'StrictHostKeyChecking=no',
    ];
    const rest = [
      '-o',
      'UserKnownHostsFile=/dev/null',
      '-o',
      'ExitOnForwardFailure=yes',
      '-L',
      `${port}:127.0.0.1:${PORTS.sink}`,
    ];
    const child = await start(NEAR, [program('ssh'), ...words, ...rest, ...flags, `root@${host}`], null);
    await reachable(port);
    return child;
  };
  return [
    { name: 'torpor', port: 7201, near: torpor, isOurs: true },
    { name: 'sshC', port: 7202, near: await ssh(7202, '-C'), isOurs: false },
    { name: 'ssh', port: 7203, near: await ssh(7203), isOurs: false },
  ];
}

async function stopRivals(rivals) {
  for (const { near } of rivals) {
    near.kill('SIGTERM');
    children.delete(near);
  }
  await pause(500);
}

/** A listener that is open: connections to it are taken, by whatever is behind. */
async function reachable(port) {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (ip('netns', 'exec', NEAR, 'ss', '-Hltn', `sport = :${port}`).trim() !== '') return;
    await pause(100);
  }
  throw new Error(`nobody listens on port ${port}`);
}

/** User and system time of both ends: edge and gate, or ssh and the sshd processes that serve it. */
function cpuSeconds(rival) {
  const pids = [pidOf(rival.near), ...(rival.isOurs ? farPids(/link gate/) : farPids(/sshd/))];
  return pids.map(ticksOf).reduce((sum, ticks) => sum + ticks, 0) / CLOCK_TICKS;
}

/** `ip netns exec` replaces itself by the program. */
const pidOf = (child) => child.pid;

function farPids(pattern) {
  const pids = ip('netns', 'pids', FAR).trim().split('\n');
  return pids.filter((pid) => pattern.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')));
}

/** Its own and its ended children's. Of sshd all sessions count: while one rival is measured the others do nothing. */
function ticksOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return [11, 12].reduce((sum, index) => sum + Number(fields[index]), 0);
}

// ------------------------------------------------------------------------------------------------ the set-up

function layCable() {
  for (const name of [NEAR, FAR]) ip('netns', 'add', name);
  ip('link', 'add', 'cable', 'netns', NEAR, 'type', 'veth', 'peer', 'name', 'cable', 'netns', FAR);
  for (const [name, address] of [
    [NEAR, '10.79.0.1'],
    [FAR, FAR_ADDRESS],
  ]) {
    ip('-n', name, 'address', 'add', `${address}/24`, 'dev', 'cable');
    for (const device of ['lo', 'cable']) ip('-n', name, 'link', 'set', device, 'up');
  }
}

function shape({ rate, burst }) {
  for (const name of [NEAR, FAR])
    execFileSync('tc', [
      '-n',
      name,
      'qdisc',
      'replace',
      'dev',
      'cable',
      'root',
      'tbf',
      'rate',
      rate,
      'burst',
      burst,
      'latency',
      '50ms',
    ]);
}

function makeKeys() {
  execFileSync(process.execPath, [TORPOR, 'link', 'keygen', '--keys', path.join(folder, 'keys')]);
  for (const name of ['host', 'user'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(folder, name)]);
}

function sshdConfig() {
  mkdirSync('/run/sshd', { recursive: true });
  const file = path.join(folder, 'sshd_config');
  const lines = [
    `Port ${PORTS.sshd}`,
    `ListenAddress ${FAR_ADDRESS}`,
    `HostKey ${path.join(folder, 'host')}`,
    `AuthorizedKeysFile ${path.join(folder, 'user.pub')}`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'PermitRootLogin yes',
    'Compression yes',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

/** The program's whole path, as sshd wants it. */
function program(name) {
  return execFileSync('sh', ['-c', `command -v ${name} || echo /usr/sbin/${name}`], { encoding: 'utf8' }).trim();
}

function start(namespace, words, ready) {
  const child = spawn('ip', ['netns', 'exec', namespace, ...words.map(String)], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  let said = '';
  return new Promise((resolve, reject) => {
    const hear = (text) => {
      said += text;
      if (ready?.test(said)) resolve(child);
    };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', hear);
    child.on('exit', () => reject(new Error(`${words.join(' ')} ended: ${said}`)));
    if (ready === null) resolve(child);
  });
}

function run(namespace, words) {
  const child = spawn('ip', ['netns', 'exec', namespace, ...words.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  const done = new Promise((resolve, reject) => {
    child.on('exit', (code) => {
      children.delete(child);
      if (code === 0) resolve(said);
      else reject(new Error(`${words.join(' ')} ended with ${code}`));
    });
  });
  return { child, done };
}

// ------------------------------------------------------------------------------------------------ what is told

const median = (numbers) => quantile(numbers, 0.5);
const geometricMean = (numbers) => Math.exp(numbers.reduce((sum, each) => sum + Math.log(each), 0) / numbers.length);
const tell = (text) => console.log(`  ${text}`);
/** Of figures of the same round. */
const ratio = (row, rival, pick = (figure) => figure) =>
  median(row.torpor.map((figure, round) => pick(figure) / pick(row[rival][round])));

function printReport(report) {
  if (report.slow !== null) printSlow(report.slow);
  if (report.keys !== null) printKeys(report.keys);
  if (report.fast !== null) printFast(report.fast);
}

function printSlow(rows) {
  console.log(`\n${SLOW.name}: goodput in MB/s, and Torpor's to ssh -C's, to ssh -L's`);
  for (const row of rows) {
    const figures = ['torpor', 'sshC', 'ssh'].map((name) => median(row[name]).toFixed(2).padStart(8)).join('');
    console.log(`${row.name.padEnd(14)}${figures}   ${ratio(row, 'sshC').toFixed(2)}  ${ratio(row, 'ssh').toFixed(2)}`);
  }
  const shrinking = rows.filter(({ name }) => name !== 'random');
  const mean = (rival) => geometricMean(shrinking.map((row) => ratio(row, rival))).toFixed(2);
  const told = `${mean('sshC')} of ssh -C (asked 0.85), ${mean('ssh')} of ssh -L (asked 1.5)`;
  console.log(`geometric mean of those that shrink: ${told}`);
}

function printKeys(row) {
  const p99 = (name) => median(row[name].map(({ p99Ms }) => p99Ms)).toFixed(0);
  const told = `torpor ${p99('torpor')} ms, ssh -C ${p99('sshC')}, ssh -L ${p99('ssh')}`;
  console.log(`\na key under a bulk transfer, p99: ${told}`);
  console.log(`  to ssh -L ${ratio(row, 'ssh', ({ p99Ms }) => p99Ms).toFixed(2)} (asked 0.33)`);
}

function printFast(row) {
  const speed = ({ megabytesPerSecond }) => megabytesPerSecond;
  const cpu = ({ cpuPerGigabyte }) => cpuPerGigabyte;
  console.log(`\n${FAST.name}: MB/s and CPU seconds a GB of both ends`);
  for (const name of ['torpor', 'sshC', 'ssh']) {
    const figures = [median(row[name].map(speed)).toFixed(0).padStart(6), median(row[name].map(cpu)).toFixed(1)];
    console.log(`${name.padEnd(8)}${figures.join('  ')}`);
  }
  const ratios = [ratio(row, 'sshC', speed).toFixed(2), ratio(row, 'sshC', cpu).toFixed(2)];
  console.log(`  to ssh -C: ${ratios[0]} times as fast (asked 3), CPU ${ratios[1]} (asked 0.2)`);
}

try {
  await main();
} finally {
  for (const child of children) child.kill('SIGKILL');
  for (const name of [NEAR, FAR]) {
    try {
      ip('netns', 'delete', name);
    } catch {}
  }
  rmSync(folder, { recursive: true, force: true });
}
