// Compares identities across a sleep: the host's where its memory carries the VMs, each VM's own. Unknown is never lost.
import type { Clock, LostVms, RestoredContext } from '../../platform/ports.ts';
import { type IdentityReading, type IdentitySource, readIdentity } from './identity-source.ts';
import type { TellContext } from './tell-context.ts';

/** Also read by `check --prove` of a running Torpor. */
export const SAME_IDENTITY = 'memory was kept: every identity is the same as before';
/** Bound on reading one identity. It stands between a wake and the first held byte. */
const IDENTITY_BOUND_MS = 10_000;
/** Pause before a VM that does not answer yet is asked again: it may have been restored just now. */
const ASK_AGAIN_MS = 250;

export interface IdentityWatchOptions {
  /** null: the host has none, or its memory does not carry the VMs (they are saved). */
  readonly host: IdentitySource | null;
  readonly vms: ReadonlyArray<{ readonly vm: string; readonly source: IdentitySource | null }>;
  readonly clock: Clock;
  readonly tell: TellContext;
}

interface Watched {
  /** null: the host. */
  readonly vm: string | null;
  readonly source: IdentitySource;
}

export class IdentityWatch {
  readonly #options: IdentityWatchOptions;
  readonly #watched: readonly Watched[];
  /** As read before the sleep; what could not be read is not in it. */
  #before = new Map<Watched, string>();

  constructor(options: IdentityWatchOptions) {
    this.#options = options;
    const vms = options.vms.flatMap(({ vm, source }) => (source === null ? [] : [{ vm, source }]));
    this.#watched = options.host === null ? vms : [{ vm: null, source: options.host }, ...vms];
  }

  /** Before the sleep. */
  async remember(signal: AbortSignal): Promise<void> {
    const before = new Map<Watched, string>();
    await Promise.all(
      this.#watched.map(async (watched) => {
        const reading = await readIdentity(watched.source, { boundMs: IDENTITY_BOUND_MS, signal });
        if ('value' in reading) before.set(watched, reading.value);
        else if (!signal.aborted) this.#tellUnknown(watched, 'before the sleep', reading.problem);
      }),
    );
    this.#before = before;
  }

  /** After the wake. `patient`: a VM that does not answer yet is asked until the bound is over. */
  async compare(signal: AbortSignal, patient: boolean): Promise<Pick<RestoredContext, 'identity' | 'lostVms'>> {
    const changed = await Promise.all(
      [...this.#before].map(async ([watched, before]) => {
        const reading = patient ? await this.#readPatiently(watched, signal) : await this.#read(watched, signal);
        if ('value' in reading) return { watched, isLost: reading.value !== before };
        this.#tellUnknown(watched, 'after the wake', reading.problem);
        return null;
      }),
    );
    const known = new Map(changed.flatMap((one) => (one === null ? [] : [[one.watched.vm, one.isLost] as const])));
    const lostVms = lostAmong(
      this.#options.vms.map(({ vm }) => vm),
      known,
    );
    const isLost = lostVms === 'all' || lostVms.length > 0;
    const isKnown = known.size > 0 && known.size === this.#watched.length;
    if (isKnown && !isLost) this.#options.tell('context', SAME_IDENTITY);
    return { identity: isLost ? 'changed' : isKnown ? 'same' : 'unknown', lostVms };
  }

  /** What was read before is not compared with anything later: until the next sleep VMs may boot anew as they like. */
  forget(): void {
    this.#before.clear();
  }

  #read(watched: Watched, signal: AbortSignal): Promise<IdentityReading> {
    return readIdentity(watched.source, { boundMs: IDENTITY_BOUND_MS, signal });
  }

  async #readPatiently(watched: Watched, signal: AbortSignal): Promise<IdentityReading> {
    const { clock } = this.#options;
    const endMs = clock.nowMs() + IDENTITY_BOUND_MS;
    for (;;) {
      const boundMs = Math.max(1, endMs - clock.nowMs());
      const reading = await readIdentity(watched.source, { boundMs, signal });
      if ('value' in reading || signal.aborted || clock.nowMs() + ASK_AGAIN_MS >= endMs) return reading;
      await new Promise<void>((resolve) => clock.schedule(ASK_AGAIN_MS, resolve));
    }
  }

  #tellUnknown({ vm }: Watched, when: string, problem: string): void {
    const whose = vm === null ? 'the host' : `VM ${vm}`;
    this.#options.tell(
      'note',
      `the identity of ${whose} cannot be read ${when} (${problem}): it is not known whether sessions were lost`,
    );
  }
}

/** A VM's own identity is the better witness; where it has none, its host's memory was its memory. */
function lostAmong(vms: readonly string[], known: ReadonlyMap<string | null, boolean>): LostVms {
  const hostLost = known.get(null) === true;
  const lost = vms.filter((vm) => known.get(vm) ?? hostLost);
  return hostLost && lost.length === vms.length ? 'all' : lost;
}
