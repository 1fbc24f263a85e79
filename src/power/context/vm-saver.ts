// Saves a platform's VMs to disk before it sleeps and lets them go on after it woke, through whatever hypervisor it has. All or
// none: where one cannot be saved there is no sleep, and those that were are restored.
import { errorText } from '../../platform/errors.ts';
import type { Clock } from '../../platform/ports.ts';
import { formatDuration } from '../../platform/units.ts';
import type { ContextPart } from './context-chain.ts';
import type { HostedVm, Hypervisor } from './hypervisor.ts';
import type { SavedVm, SavedVmsRecord } from './saved-vms.ts';
import { sideBySide } from './side-by-side.ts';
import type { TellContext } from './tell-context.ts';

/** A hypervisor that says nothing for this long does not answer: it may be booting, and is asked again by the machine. */
export const LIST_BOUND_MS = 20_000;
/** A start that fails is tried once more: the storage may have come a moment later than the hypervisor. */
const START_TRIES = 2;
const START_AGAIN_MS = 2_000;
/** A VM to which something is still being done after a start of Torpor is looked at again after this time. */
const BUSY_LOOK_MS = 1_000;

export interface VmSaverOptions {
  readonly hypervisor: Hypervisor;
  /** Names or ids; all: whatever runs when it is time. */
  readonly vms: 'all' | readonly string[];
  /** So many are saved, or restored, at a time. */
  readonly parallel: number;
  /** Bound on saving all, and on restoring all. */
  readonly timeoutMs: number;
  readonly record: SavedVmsRecord;
  readonly clock: Clock;
  readonly tell: TellContext;
}

export class VmSaver implements ContextPart {
  readonly name: string;
  readonly #options: VmSaverOptions;

  constructor(options: VmSaverOptions) {
    this.#options = options;
    this.name = options.hypervisor.name;
  }

  async save(signal: AbortSignal): Promise<string | null> {
    const { timeoutMs, clock } = this.#options;
    const bound = new AbortController();
    const cancel = clock.schedule(timeoutMs, () => bound.abort());
    try {
      return await this.#saveAll(AbortSignal.any([signal, bound.signal]));
    } catch (thrown) {
      if (signal.aborted) return 'called off';
      return bound.signal.aborted
        ? `saving the VMs did not end within ${formatDuration(timeoutMs)}`
        : errorText(thrown);
    } finally {
      cancel();
    }
  }

  async restore(signal: AbortSignal): Promise<string | null> {
    try {
      return await this.#restoreAll(signal);
    } catch (thrown) {
      return errorText(thrown);
    }
  }

  async #restoreAll(signal: AbortSignal): Promise<string | null> {
    const { record, timeoutMs, clock } = this.#options;
    const recorded = await record.read();
    if (recorded.length === 0) return null;
    const endMs = clock.nowMs() + timeoutMs;
    // Rejects where the hypervisor does not answer: it may be booting.
    const hosted = await this.#list(signal);
    let left = recorded;
    let written = Promise.resolve();
    const problems: string[] = [];
    await sideBySide(recorded, this.#options.parallel, async (saved) => {
      const problem = await this.#restoreOne(saved, hosted, endMs, signal);
      if (problem === null) left = left.filter((each) => each !== saved);
      else problems.push(problem);
      const now = left;
      written = written.then(() => record.write(now));
      await written;
    });
    return problems.length === 0 ? null : problems.join('; ');
  }

  async #saveAll(signal: AbortSignal): Promise<string | null> {
    const { hypervisor, record, tell } = this.#options;
    const choice = this.#choose(await this.#list(signal));
    if ('veto' in choice) return choice.veto;
    const obstacles = await this.#obstacles(choice.vms, signal);
    if (obstacles.length > 0) return obstacles.join('; ');
    const before = await record.read();
    const others = before.filter(({ id }) => !choice.vms.some((vm) => vm.id === id));
    // What is on record too early does no harm: a VM that runs is only taken off it again.
    await record.write([...others, ...choice.vms.map(({ id, name }) => ({ id, name }))]);
    if (choice.vms.length === 0) tell('context', `${hypervisor.name}: no VM runs, none was saved`);
    return await this.#saveEach(choice.vms, signal);
  }

  /** Where one cannot be saved, what is under way for the others is called off, and no further one is begun. */
  async #saveEach(vms: readonly HostedVm[], signal: AbortSignal): Promise<string | null> {
    const given = new AbortController();
    const both = AbortSignal.any([signal, given.signal]);
    let problem: string | null = null;
    try {
      await sideBySide(vms, this.#options.parallel, async (vm, index) => {
        const found = await this.#saveOne(vm, `VM ${vm.name} (${index + 1} of ${vms.length})`, both);
        if (found === null) return;
        problem ??= found;
        given.abort();
      });
    } catch (thrown) {
      if (problem === null) throw thrown;
    }
    return problem;
  }

  async #saveOne(vm: HostedVm, which: string, signal: AbortSignal): Promise<string | null> {
    const { hypervisor, clock, tell } = this.#options;
    signal.throwIfAborted();
    const fromMs = clock.nowMs();
    tell('context', `saving ${which}`);
    try {
      await hypervisor.save(vm, signal);
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      return `VM ${vm.name} could not be saved: ${errorText(thrown)}`;
    }
    tell('context', `saved ${which} in ${formatDuration(clock.nowMs() - fromMs)}`);
    return null;
  }

  #choose(hosted: readonly HostedVm[]): { readonly vms: readonly HostedVm[] } | { readonly veto: string } {
    const { vms, hypervisor } = this.#options;
    const named = vms === 'all' ? hosted : hosted.filter(({ id, name }) => vms.includes(id) || vms.includes(name));
    if (vms !== 'all') {
      const missing = vms.filter((wanted) => !named.some(({ id, name }) => id === wanted || name === wanted));
      if (missing.length > 0) return { veto: `${hypervisor.name} knows no VM ${missing.join(', ')}` };
    }
    const busy = named.filter(({ state }) => state === 'busy');
    if (busy.length > 0) return { veto: busy.map(({ name, detail }) => `VM ${name} is busy (${detail})`).join('; ') };
    return { vms: named.filter(({ state }) => state === 'running') };
  }

  /** All are looked at before the first is saved: nobody's VM is stopped for a sleep that cannot be. */
  async #obstacles(vms: readonly HostedVm[], signal: AbortSignal): Promise<string[]> {
    const found: string[] = [];
    for (const vm of vms) {
      const obstacle = await this.#options.hypervisor.obstacle(vm, signal);
      if (obstacle !== null) found.push(`VM ${vm.name} ${obstacle}`);
    }
    return found;
  }

  /** Null where nothing is left to do for it. */
  async #restoreOne(
    saved: SavedVm,
    hosted: readonly HostedVm[],
    endMs: number,
    signal: AbortSignal,
  ): Promise<string | null> {
    const { clock, tell } = this.#options;
    try {
      const vm = await this.#settled(saved, hosted, endMs, signal);
      if (vm === null || vm.state === 'off') {
        // Somebody was here in between: booting it anew is theirs to decide.
        const what = vm === null ? 'is gone' : 'is off, and there is no saved state of it';
        tell('note', `VM ${saved.name} ${what}: it is left as it is`);
        return null;
      }
      if (vm.state === 'busy') return `VM ${vm.name} is busy (${vm.detail})`;
      if (vm.state === 'running') return null;
      const fromMs = clock.nowMs();
      await this.#start(vm, signal);
      tell('context', `restored VM ${vm.name} in ${formatDuration(clock.nowMs() - fromMs)}`);
      return null;
    } catch (thrown) {
      return errorText(thrown);
    }
  }

  /** The VM once nothing is being done to it; also then busy where that does not end in time. */
  async #settled(
    saved: SavedVm,
    hosted: readonly HostedVm[],
    endMs: number,
    signal: AbortSignal,
  ): Promise<HostedVm | null> {
    const { clock } = this.#options;
    let vm = hosted.find(({ id }) => id === saved.id) ?? null;
    while (vm?.state === 'busy' && !signal.aborted && clock.nowMs() < endMs) {
      await this.#pause(BUSY_LOOK_MS);
      vm = (await this.#list(signal)).find(({ id }) => id === saved.id) ?? null;
    }
    return vm;
  }

  async #start(vm: HostedVm, signal: AbortSignal): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#options.hypervisor.start(vm, signal);
        return;
      } catch (thrown) {
        if (tries >= START_TRIES || signal.aborted) throw thrown;
        await this.#pause(START_AGAIN_MS);
      }
    }
  }

  async #list(signal: AbortSignal): Promise<readonly HostedVm[]> {
    const bound = new AbortController();
    const cancel = this.#options.clock.schedule(LIST_BOUND_MS, () => bound.abort());
    try {
      return await this.#options.hypervisor.list(AbortSignal.any([signal, bound.signal]));
    } finally {
      cancel();
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#options.clock.schedule(ms, resolve));
  }
}
