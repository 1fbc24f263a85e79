// A hypervisor in memory: VMs with a number in their RAM, saves that take time and may fail, and a list of all that was done.
import type { Clock } from '../../../../src/platform/ports.ts';
import type { HostedVm, Hypervisor } from '../../../../src/power/context/hypervisor.ts';

export interface FakeVm {
  state: HostedVm['state'];
  /** What its RAM holds; a boot loses it. */
  ram: number;
  obstacle?: string;
  saveFails?: string;
  /** Starts that fail before one works. */
  startFailures?: number;
}

export class FakeHypervisor implements Hypervisor {
  readonly name = 'fake';
  readonly deeds: string[] = [];
  answers = true;
  saveMs = 1_000;
  readonly vms: Map<string, FakeVm>;
  readonly #clock: Clock;

  constructor(clock: Clock, vms: Readonly<Record<string, FakeVm>>) {
    this.#clock = clock;
    this.vms = new Map(Object.entries(vms));
  }

  /** The host's power is cut: whatever was not saved is lost. */
  powerOff(): void {
    for (const vm of this.vms.values()) {
      if (vm.state === 'saved') continue;
      vm.state = 'off';
      vm.ram = 0;
    }
  }

  states(): Record<string, string> {
    return Object.fromEntries([...this.vms].map(([name, { state }]) => [name, state]));
  }

  async list(): Promise<readonly HostedVm[]> {
    if (!this.answers) throw new Error('the hypervisor does not answer');
    return [...this.vms].map(([name, { state }]) => ({
      id: `id-${name}`,
      name,
      state,
      detail: state === 'busy' ? 'backup' : null,
    }));
  }

  async listUnsavable(): Promise<readonly string[]> {
    return [];
  }

  async obstacle({ name }: HostedVm): Promise<string | null> {
    return this.vms.get(name)?.obstacle ?? null;
  }

  async save({ name }: HostedVm, signal: AbortSignal): Promise<void> {
    this.deeds.push(`save ${name}`);
    const vm = this.vms.get(name) as FakeVm;
    await this.#wait(this.saveMs, signal);
    if (vm.saveFails !== undefined) throw new Error(vm.saveFails);
    vm.state = 'saved';
  }

  async start({ name }: HostedVm): Promise<void> {
    this.deeds.push(`start ${name}`);
    const vm = this.vms.get(name) as FakeVm;
    if ((vm.startFailures ?? 0) > 0) {
      vm.startFailures = (vm.startFailures ?? 0) - 1;
      throw new Error(`${name} cannot be started`);
    }
    if (vm.state === 'off') vm.ram = 0;
    vm.state = 'running';
  }

  async close(): Promise<void> {}

  #wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.schedule(ms, resolve);
      signal.addEventListener('abort', () => {
        cancel();
        reject(new Error('called off'));
      });
      if (signal.aborted) reject(new Error('called off'));
    });
  }
}
