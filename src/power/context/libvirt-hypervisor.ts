// VMs of a libvirt host, saved and started by managed save. Source: virsh(1), managedsave, start, domjobabort.
import type { Clock } from '../../platform/ports.ts';
import { quoteVirsh, type Virsh, virshField } from '../inband/virsh.ts';
import type { HostedVm, Hypervisor } from './hypervisor.ts';
import { JOB_BOUND_MS, runLibvirtJob } from './libvirt-job.ts';

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

  async save({ id }: HostedVm, signal: AbortSignal): Promise<void> {
    const args = ['managedsave', '--domain', id];
    await runLibvirtJob({ virsh: this.#virsh, clock: this.#clock, domain: id, args }, signal);
  }

  async start({ id }: HostedVm, signal: AbortSignal): Promise<void> {
    await this.#virsh.run(['start', '--domain', id], signal, JOB_BOUND_MS);
  }

  async close(): Promise<void> {}

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
