// The data-path bench's load and targets: builds bench/native/data-load.c with the system's compiler and runs it.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SOURCE = fileURLToPath(new URL('./native/data-load.c', import.meta.url));
const run = promisify(execFile);

/**
 * Builds the program. Answers what runs it on the CPUs `cpus` (null: on any), or `{ missing }` with the reason where there is no
 * compiler. `limit`: file descriptors that its processes may have.
 */
export async function buildLoad({ cpus, limit }) {
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
    folder,
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
