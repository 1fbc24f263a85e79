// The proxies of the data-path bench, each in front of the same two targets: Torpor as its users run it, nginx stream, HAProxy.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BUSY_BYTES } from '../dist/streams/read-buffers.js';
import { endChild, startPinned } from './data-load.mjs';

const MAIN = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const NGINX_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so';
/** What Torpor reads at once of a busy stream: nginx is given the same, and, as many have it, 64 KiB. */
const OWN_KIB = BUSY_BYTES / 1024;
/** Nobody listens there: Torpor in observe mode needs no BMC to relay bytes. */
const ABSENT_BMC_PORT = 9;
const START_BOUND_MS = 20_000;

/**
 * Rivals by name: `missing` with the reason, or `start(ports, pinning)`, where `ports` are `{ source, echo, listenSource,
 * listenEcho, api }` and `pinning` is `{ cpus, limit, maxStreams }`, for Torpor also
 * `workers`, `env`, `nodeOptions` and `main`, the program of another build. A started one has `usage()` (CPU seconds and resident KiB of all its processes) and `end()`.
 */
export function listRivals() {
  return {
    torpor: { start: startTorpor },
    [`nginx, ${OWN_KIB} KiB`]: nginx(`${OWN_KIB}k`),
    'nginx, 64 KiB': nginx('64k'),
    haproxy: findHaproxy(),
  };
}

async function startTorpor(ports, pinning) {
  const listener = (listen, target, probe) => ({
    listen: `127.0.0.1:${listen}`,
    target: `127.0.0.1:${target}`,
    probe,
    protocol: 'raw',
    maxStreams: pinning.maxStreams,
  });
  const config = (folder) => ({
    api: { listen: `127.0.0.1:${ports.api}` },
    stateDir: path.join(folder, 'state'),
    log: { level: 'error' },
    workers: pinning.workers ?? 1,
    platforms: [
      {
        name: 'bench',
        mode: 'observe',
        power: {
          bmc: {
            driver: 'ipmi',
            host: '127.0.0.1',
            port: ABSENT_BMC_PORT,
            user: 'bench',
            passwordEnv: 'BENCH_PASSWORD',
          },
        },
        vms: [
          {
            name: 'vm',
            listeners: [
              listener(ports.listenEcho, ports.echo, 'tcp'),
              listener(ports.listenSource, ports.source, 'none'),
            ],
          },
        ],
      },
    ],
  });
  const env = { ...process.env, BENCH_PASSWORD: 'bench', ...pinning.env };
  const nodeOptions = pinning.nodeOptions ?? [];
  const command = (file) => [process.execPath, ...nodeOptions, pinning.main ?? MAIN, 'run', '--config', file];
  // YAML reads JSON.
  return startProxy('torpor', (folder) => JSON.stringify(config(folder)), command, ports, { ...pinning, env });
}

function nginx(bufferSize) {
  const program = findSystemProgram('nginx');
  if (program === null || !existsSync(NGINX_MODULE))
    return { missing: 'nginx stream (apt-get install nginx libnginx-mod-stream)' };
  const server = (listen, target) =>
    `server { listen 127.0.0.1:${listen} backlog=4096; proxy_pass 127.0.0.1:${target}; proxy_buffer_size ${bufferSize}; proxy_timeout 1h; }`;
  const config = (folder, ports, { maxStreams }) => `load_module ${NGINX_MODULE};
worker_processes 1; daemon off; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections ${maxStreams * 2 + 100}; }
stream { ${server(ports.listenSource, ports.source)} ${server(ports.listenEcho, ports.echo)} }
`;
  const start = (ports, pinning) =>
    startProxy(
      'nginx',
      (folder) => config(folder, ports, pinning),
      (file) => [program, '-c', file],
      ports,
      pinning,
    );
  return { start, version: versionOf(program, ['-v']) };
}

function findHaproxy() {
  const program = findSystemProgram('haproxy');
  if (program === null) return { missing: 'HAProxy (apt-get install haproxy)' };
  const relay = (name, listen, target) => `listen ${name}
  bind 127.0.0.1:${listen} backlog 4096
  server target 127.0.0.1:${target}
`;
  const config = (ports, { maxStreams }) => `global
  maxconn ${maxStreams}
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
${relay('source', ports.listenSource, ports.source)}${relay('echo', ports.listenEcho, ports.echo)}`;
  const start = (ports, pinning) =>
    startProxy(
      'haproxy',
      () => config(ports, pinning),
      (file) => [program, '-db', '-f', file],
      ports,
      pinning,
    );
  return { start, version: versionOf(program, ['-v']) };
}

async function startProxy(name, makeConfig, makeCommand, ports, options) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'torpor-bench-'));
  const file = path.join(folder, 'config');
  await writeFile(file, makeConfig(folder));
  // Its output is of no interest, and a pipe that nobody reads would stop it.
  const child = startPinned(makeCommand(file), { ...options, stdio: ['ignore', 'ignore', 'inherit'] });
  await answers(name, child, ports.listenEcho);
  return {
    pid: child.pid,
    usage: () => addUsage(familyOf(child.pid)),
    async end() {
      await endChild(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Until a byte comes back through the proxy. */
async function answers(name, child, port) {
  const end = performance.now() + START_BOUND_MS;
  while (performance.now() < end) {
    if (child.exitCode !== null) throw new Error(`${name} ended with code ${child.exitCode} before it relayed a byte`);
    if (await echoes(port)) return;
    await pause(50);
  }
  await endChild(child);
  throw new Error(`${name} relayed no byte within ${START_BOUND_MS} ms`);
}

function echoes(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('?'));
    const end = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1000, () => end(false));
    socket
      .on('error', () => end(false))
      .on('end', () => end(false))
      .on('data', () => end(true));
  });
}

/** A process and its descendants. */
function familyOf(pid) {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const fields = statOf(name);
      return fields === null ? [] : [{ pid: Number(name), parent: Number(fields[1]) }];
    });
  const family = [pid];
  for (const each of family) for (const { pid: child, parent } of parents) if (parent === each) family.push(child);
  return family;
}

/** The fields of /proc/PID/stat from the state on; proc(5) counts it as the third. */
function statOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

const TICKS_PER_SECOND = 100;

function addUsage(pids) {
  const usage = { cpuSeconds: 0, residentKib: 0 };
  for (const pid of pids) {
    const fields = statOf(pid);
    if (fields === null) continue;
    usage.cpuSeconds += (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    usage.residentKib += Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  }
  return usage;
}

function findSystemProgram(name) {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file)) ?? null;
}

function versionOf(program, words) {
  try {
    return execFileSync('/bin/sh', ['-c', '"$@" 2>&1', 'sh', program, ...words], { encoding: 'utf8' }).split('\n')[0];
  } catch {
    return 'unknown';
  }
}
