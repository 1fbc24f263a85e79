// Child processes that do not outlive the test process, even where that one is killed.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { findProgram } from './requirements.ts';

/** util-linux, part of every Debian. */
const SETPRIV = findProgram('setpriv');

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * As `spawn`. The child is ended when this process exits, and on Linux, by the kernel (prctl(2), PR_SET_PDEATHSIG), also
 * when it is killed.
 */
export function spawnTied(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child =
    SETPRIV === null
      ? spawn(program, args, options)
      : spawn(SETPRIV, ['--pdeathsig', 'KILL', '--', program, ...args], options);
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}
