// Ends one child process: asked first, so that it clears up after itself, then made to.
import type { ChildProcess } from 'node:child_process';

const TERMINATE_BOUND_MS = 3_000;

/** Resolves when `child` has ended. It must not be stopped: a stopped process takes no SIGTERM. */
export function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), TERMINATE_BOUND_MS);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
