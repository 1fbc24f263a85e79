// VMs of a libvirt host, saved and started by managed save. Source: virsh(1), managedsave, start, domjobabort.
import type { Clock } from '../../platform/ports.ts';
import { quoteVirsh, type Virsh, virshField } from '../inband/virsh.ts';
import type { HostedVm, Hypervisor } from './hypervisor.ts';

/** Bound on one save or start: a large memory on a slow disk takes minutes. The saver's own bound is usually shorter. */
const JOB_BOUND_MS = 60 * 60_000;
/** After this time a save that was called off is asked again to end: at first there may have been no job to abort yet. */
const ABORT_AGAIN_MS = 500;
/** And when it has not ended by then, virsh is ended, and what became of the VM shows when it is restored. */
const STUCK_AFTER_MS = 60_000;

/** libvirt refuses to save these: their state lies in the device. Source: libvirt, qemuMigrationSrcIsAllowedHostdev. */
const PASSED_THROUGH = /<hostdev\b[^>]*\btype='(pci|mdev|scsi_host)'/;

export class LibvirtHypervisor implements Hypervisor {
  readonly name: string;
  readonly #virsh: Virsh;
  readonly #clock: Clock;

  constructor(options: { readonly virsh: Virsh; readonly clock: Clock }) {
    this.#virsh = options.virsh;
    this.#clock = options.clock;
    this.name = options.virsh.name;
  }

  /** Two connections however many domains there are: over ssh each is a login, and sshd counts them. */
  async list(signal: AbortSignal): Promise<readonly HostedVm[]> {
    const lists = ['list --name --all', 'list --name', 'list --name --inactive --with-managed-save'];
    const answers = await this.#virsh.runEach(lists, signal);
    const [all = [], active = [], saved = []] = answers.map(readLines);
    const jobs = await this.#jobs(active, signal);
    return all.map((name) => {
      const job = jobs.get(name) ?? null;
      const state = job !== null ? 'busy' : active.includes(name) ? 'running' : saved.includes(name) ? 'saved' : 'off';
      return { id: name, name, state, detail: job };
    });
  }

  async listUnsavable(): Promise<readonly string[]> {
    return [];
  }

  async obstacle({ id }: HostedVm, signal: AbortSignal): Promise<string | null> {
    const domain = quoteVirsh(id);
    const questions = [`dominfo --domain ${domain}`, `dumpxml --domain ${domain}`];
    const [info = '', xml = ''] = await this.#virsh.runEach(questions, signal);
    if (virshField(info, 'Persistent') === 'no') return 'is transient: libvirt could not keep its saved state';
    const state = virshField(info, 'State');
    if (state !== 'running' && state !== 'idle' && state !== 'paused') return `is in state ${state}`;
    const passed = PASSED_THROUGH.exec(xml);
    return passed === null ? null : `has a device of the host passed through (${passed[1]}), which cannot be saved`;
  }

  /** A save that is called off is aborted at libvirt: the VM runs on where it stood. Ending virsh alone would let the save go on. */
  async save({ id }: HostedVm, signal: AbortSignal): Promise<void> {
    const stuck = new AbortController();
    const saving = this.#virsh.run(['managedsave', '--domain', id], stuck.signal, JOB_BOUND_MS);
    const ended = saving.then(
      () => true,
      () => true,
    );
    const onAbort = () => void this.#abortJob(id, ended, stuck);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      await saving;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async start({ id }: HostedVm, signal: AbortSignal): Promise<void> {
    await this.#virsh.run(['start', '--domain', id], signal, JOB_BOUND_MS);
  }

  async close(): Promise<void> {}

  /** Until the save has ended: "no job is active" is an answer, too, where it has not begun yet. */
  async #abortJob(id: string, ended: Promise<boolean>, stuck: AbortController): Promise<void> {
    const endMs = this.#clock.nowMs() + STUCK_AFTER_MS;
    const unlimited = new AbortController().signal;
    for (;;) {
      await this.#virsh.run(['domjobabort', '--domain', id], unlimited).catch(() => {});
      const pause = new Promise<false>((resolve) => this.#clock.schedule(ABORT_AGAIN_MS, () => resolve(false)));
      if (await Promise.race([ended, pause])) return;
      if (this.#clock.nowMs() >= endMs) return stuck.abort();
    }
  }

  /** What is being done to running domains. One that ended meanwhile has no job. */
  async #jobs(names: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const questions = names.map((name) => `domjobinfo --domain ${quoteVirsh(name)}`);
    const answers = names.length === 0 ? [] : await this.#virsh.runEach(questions, signal);
    return new Map(
      names.flatMap((name, index) => {
        const answer = answers[index] ?? '';
        const type = virshField(answer, 'Job type');
        if (type === null || type === 'None') return [];
        return [[name, virshField(answer, 'Operation')?.toLowerCase() ?? type.toLowerCase()] as const];
      }),
    );
  }
}

function readLines(text: string): string[] {
  return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
}
