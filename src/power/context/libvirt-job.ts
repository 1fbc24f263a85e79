// One long job of a libvirt domain (a save, a migration), that can be called off. What the job is, is its caller's.
import type { Clock } from '../../platform/ports.ts';
import type { Virsh } from '../inband/virsh.ts';

/** Bound on one job: a large memory on a slow disk or network takes minutes. Its caller's own bound is usually shorter. */
export const JOB_BOUND_MS = 60 * 60_000;
/** After this time a job that was called off is asked again to end: at first there may have been none to abort yet. */
const ABORT_AGAIN_MS = 500;
/** And when it has not ended by then, virsh is ended, and what became of the VM shows later. */
const STUCK_AFTER_MS = 60_000;

export interface LibvirtJob {
  readonly virsh: Virsh;
  readonly clock: Clock;
  readonly domain: string;
  readonly args: readonly string[];
}

/** Settles when nothing is under way any more. Called off it is aborted at libvirt, and the VM runs on where it stood: ending virsh alone would let it go on. */
export async function runLibvirtJob(job: LibvirtJob, signal: AbortSignal): Promise<void> {
  const stuck = new AbortController();
  const running = job.virsh.run(job.args, stuck.signal, JOB_BOUND_MS);
  const ended = running.then(
    () => true,
    () => true,
  );
  const onAbort = () => void abortJob(job, ended, stuck);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    await running;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Until the job has ended: "no job is active" is an answer, too, where it has not begun yet. */
async function abortJob({ virsh, clock, domain }: LibvirtJob, ended: Promise<boolean>, stuck: AbortController) {
  const endMs = clock.nowMs() + STUCK_AFTER_MS;
  const unlimited = new AbortController().signal;
  for (;;) {
    await virsh.run(['domjobabort', '--domain', domain], unlimited).catch(() => {});
    const pause = new Promise<false>((resolve) => clock.schedule(ABORT_AGAIN_MS, () => resolve(false)));
    if (await Promise.race([ended, pause])) return;
    if (clock.nowMs() >= endMs) return stuck.abort();
  }
}
