// Processes that are stopped while something happens, so that it happens in another: which of several accepts a client is the kernel's choice.
import { readFileSync } from 'node:fs';
import { eventually } from './eventually.ts';

/** SIGSTOP is sent to each, and `run` begins once none of them runs any more. They go on afterwards, whatever came of it. */
export async function whileStopped<T>(pids: readonly number[], run: () => Promise<T>): Promise<T> {
  try {
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    await eventually('the others to be stopped', () => pids.every((pid) => stateOf(pid) === 'T'), { everyMs: 1 });
    return await run();
  } finally {
    for (const pid of pids) process.kill(pid, 'SIGCONT');
  }
}

/** Processes that this one has started and that have not ended, oldest first. */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

/** The letter after the command in parentheses, proc(5): T is stopped. */
function stateOf(pid: number): string | undefined {
  return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1];
}
