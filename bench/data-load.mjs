// The data benches' load and targets: builds bench/native/data-load.c with the system's compiler, runs it, and puts down what a bench found.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SOURCE = fileURLToPath(new URL('./native/data-load.c', import.meta.url));
const run = promisify(execFile);

/** Ports of a proxy's own, behind those of the two targets. */
const PROXY_PORTS = 3;

/**
 * Builds the program, starts its targets on `port` and the next one, and ends all of it once `bench` has settled, which is given what
 * `buildLoad` answers, and `portsOf(index)`, what the bench's proxy of that number listens on and has behind it. Where there is no compiler
 * it says so and does nothing else. `cpus`: those that load and targets run on (null: any); `limit`: file descriptors that each may have.
 */
export async function withLoad({ cpus, limit, port }, bench) {
  const load = await buildLoad({ cpus, limit });
  if ('missing' in load) {
    console.log(`skipped: the data path needs ${load.missing}`);
    return;
  }
  const portsOf = (index) => {
    const own = port + 2 + index * PROXY_PORTS;
    return { source: port, echo: port + 1, listenSource: own, listenEcho: own + 1, api: own + 2 };
  };
  try {
    const endTargets = await load.serve(port, port + 1);
    try {
      await bench({ ...load, portsOf });
    } finally {
      await endTargets();
    }
  } finally {
    await load.end();
  }
}

/** Writes what bench `name` found to `file`, by default one of artifacts/, and says where. */
export async function writeFacts(name, file, facts) {
  const target = file ?? fileURLToPath(new URL(`../artifacts/${name}-${Date.now()}.json`, import.meta.url));
  await mkdir(path.dirname(target), { recursive: true });
  await writeFile(target, `${JSON.stringify(facts, null, 2)}\n`);
  console.log(`raw results: ${target}`);
}

/** Answers what runs the program, or `{ missing }` with the reason where there is no compiler. */
async function buildLoad({ cpus, limit }) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'torpor-bench-'));
  const program = path.join(folder, 'data-load');
  try {
    await run('cc', ['-O2', '-o', program, SOURCE]);
  } catch (error) {
    await rm(folder, { recursive: true });
    return {
      missing: `a C compiler (apt-get install gcc libc6-dev): ${String(error.stderr || error.message).split('\n')[0]}`,
    };
  }
  const start = (words) => startPinned([program, ...words.map(String)], { cpus, limit });
  return {
    /** Starts the targets; answers how to end them. */
    async serve(sourcePort, echoPort) {
      const child = start(['serve', sourcePort, echoPort]);
      await nextLine(child);
      return () => endChild(child);
    },
    /** One load to its end; answers what it printed. */
    async measure(...words) {
      const child = start(words);
      return JSON.parse(await nextLine(child));
    },
    /** Opens streams and holds them until the answer is called. */
    async holdIdle(port, count) {
      const child = start(['idle', port, count]);
      await nextLine(child);
      return () => endChild(child);
    },
    end: () => rm(folder, { recursive: true }),
  };
}

/** Starts a program on the given CPUs, allowed `limit` file descriptors. */
export function startPinned(command, { cpus, limit, ...options }) {
  const pinned = cpus === null ? command : ['taskset', '-c', cpus, ...command];
  const shell = `ulimit -n ${limit} 2>/dev/null; exec "$@"`;
  return spawn('/bin/sh', ['-c', shell, 'sh', ...pinned], { stdio: ['pipe', 'pipe', 'inherit'], ...options });
}

/** Ends a program that was started here. */
export async function endChild(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await exited;
  clearTimeout(killer);
}

async function nextLine(child) {
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error(`${child.spawnargs.at(-1)}: ended before it answered`);
}
