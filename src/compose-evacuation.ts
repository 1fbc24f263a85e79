// Part of the composition root: VMs that are moved between running platforms. Their movers are built by `driver`; where each VM is stands in the book.
import { isDeepStrictEqual } from 'node:util';
import { buildProxmoxClient } from './compose-context.ts';
import type { RunningPlatform } from './compose-platform.ts';
import type { EvacuateConfig } from './config/evacuate-schema.ts';
import { placeVms } from './config/place-vms.ts';
import { readSecret } from './config/secret.ts';
import type { PlatformConfig, TorporConfig } from './config/torpor-config.ts';
import { type EvacuatedPlatform, type EvacuatedPool, Evacuations } from './farm/evacuation/evacuations.ts';
import type { EvacuationBook } from './history/evacuation-book.ts';
import type { EventLog } from './history/event-log.ts';
import { errorText } from './platform/errors.ts';
import type { EvacuationMove } from './platform/evacuation-rule.ts';
import type { Logger } from './platform/ports.ts';
import type { VmMover } from './platform/vm-mover.ts';
import { LibvirtMover } from './power/evacuation/libvirt-mover.ts';
import { ProxmoxMover } from './power/evacuation/proxmox-mover.ts';
import { Virsh } from './power/inband/virsh.ts';
import { StreamSet } from './streams/stream-set.ts';
import { systemClock } from './system-clock.ts';

type Placed = Pick<TorporConfig, 'platforms' | 'pools'>;

export interface FarmEvacuationOptions {
  /** Those that run, as they are at any time. */
  readonly platforms: readonly RunningPlatform[];
  readonly book: EvacuationBook;
  readonly drained: ReadonlySet<string>;
  readonly events: EventLog;
  readonly log: Logger;
}

export class FarmEvacuation {
  readonly evacuations: Evacuations;
  readonly #options: FarmEvacuationOptions;
  /** As the file has it: each VM under its own platform. */
  #file: Placed;

  constructor(file: Placed, options: FarmEvacuationOptions) {
    this.#file = file;
    this.#options = options;
    const { book } = options;
    this.evacuations = new Evacuations({
      pools: poolsOf(file),
      platforms: () => options.platforms.map((platform) => this.#evacuated(platform)),
      begun: book.begun,
      noteBegun: (move) => book.noteBegun(move),
      noteMoved: (move) => this.#follow(move),
      noteStayed: async (move) => this.#tell(move, await problemOf(book.noteStayed(move))),
      clock: systemClock,
      tell: (platform, kind, message, move) => this.#report(platform, kind, message, move),
    });
  }

  /** The configuration with each VM where it is. */
  place(file: Placed): readonly PlatformConfig[] {
    return placeVms(file, this.#options.book.places);
  }

  configure(file: Placed): void {
    if (!isDeepStrictEqual(this.#file.pools, file.pools)) this.evacuations.configure(poolsOf(file));
    this.#file = file;
  }

  /** Its clients first, at once; then all else that its configuration says of it. */
  async #follow(move: EvacuationMove): Promise<void> {
    const { platforms, book } = this.#options;
    const kept = book.noteMoved(move);
    const [from, to] = [move.from, move.to].map((name) => platforms.find((platform) => platform.name === name));
    if (from !== undefined && to !== undefined) {
      setOf(from)?.passVm(move.vm, setOf(to) as StreamSet);
      for (const platform of [to, from]) {
        const next = this.place(this.#file).find(({ name }) => name === platform.name);
        const problems = next === undefined ? [] : await platform.change(next).catch((thrown) => [errorText(thrown)]);
        for (const problem of problems) this.#tell(move, problem);
      }
    }
    this.#tell(move, await problemOf(kept));
  }

  #tell(move: EvacuationMove, problem: string | null): void {
    if (problem !== null) this.#report(move.from, 'alarm', problem, move);
  }

  #report(platform: string, kind: string, message: string, { vm, from, to }: EvacuationMove): void {
    const { log, events } = this.#options;
    const facts = { platform, kind, vm, from, to };
    if (kind === 'alarm') log.error(facts, message);
    else log.info(facts, message);
    events.append(platform, kind, message, { vm, from, to });
  }

  #evacuated(platform: RunningPlatform): EvacuatedPlatform {
    const { controller, config, isRetiring, name } = platform;
    const isDrained = this.#options.drained.has(name);
    const closedFor = isRetiring ? 'it is taken out of the configuration' : isDrained ? 'it is drained' : null;
    const whyFixed = (vm: string) => setOf(platform)?.whyFixed(vm) ?? null;
    return { controller, vms: config.vms.map((vm) => vm.name), closedFor, whyFixed };
  }
}

/** With several workers, which the configuration's checks refuse here, there is none. */
function setOf({ streams }: RunningPlatform): StreamSet | null {
  return streams instanceof StreamSet ? streams : null;
}

async function problemOf(kept: Promise<void>): Promise<string | null> {
  try {
    await kept;
    return null;
  } catch (thrown) {
    return errorText(thrown);
  }
}

function poolsOf({ pools }: Placed): EvacuatedPool[] {
  return pools.flatMap(({ name, platforms, evacuate }) => {
    if (evacuate === null) return [];
    const { rule, moveTimeoutMs } = evacuate;
    return [{ name, platforms, rule, moveTimeoutMs, mover: new LateMover(evacuate) }];
  });
}

/** Built when it is first needed, since secrets are read then; anew where that failed. */
class LateMover implements VmMover {
  readonly #config: EvacuateConfig;
  #mover: VmMover | null = null;

  constructor(config: EvacuateConfig) {
    this.#config = config;
  }

  async move(move: EvacuationMove, signal: AbortSignal): Promise<void> {
    await (await this.#built()).move(move, signal);
  }

  async whereIs(vm: string, platforms: readonly string[], signal: AbortSignal): Promise<string | null> {
    return (await this.#built()).whereIs(vm, platforms, signal);
  }

  async #built(): Promise<VmMover> {
    this.#mover ??= await buildMover(this.#config);
    return this.#mover;
  }
}

/** Rejects with ERR_SECRET_… where a token cannot be read. The configuration's checks have seen to it that all are of one driver. */
export async function buildMover({ hypervisors }: EvacuateConfig): Promise<VmMover> {
  const nodes = new Map();
  const hosts = new Map();
  for (const host of hypervisors) {
    if (host.driver === 'libvirt') hosts.set(host.platform, { ...host, virsh: new Virsh({ uri: host.uri }) });
    else nodes.set(host.platform, await buildProxmoxClient(host, async (source) => (await readSecret(source)).value));
  }
  return nodes.size > 0 ? new ProxmoxMover(nodes) : new LibvirtMover(hosts, systemClock);
}
