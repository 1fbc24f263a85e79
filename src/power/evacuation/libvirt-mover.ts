// VMs of libvirt hosts, moved while they run. Source: virsh(1), migrate; libvirt, "Guest migration". Storage is shared between the hosts: it is not copied.

import { TorporError } from '../../platform/errors.ts';
import type { EvacuationMove } from '../../platform/evacuation-rule.ts';
import type { Clock } from '../../platform/ports.ts';
import type { VmMover } from '../../platform/vm-mover.ts';
import { runLibvirtJob } from '../context/libvirt-job.ts';
import type { Virsh } from '../inband/virsh.ts';

/** p2p: the source's libvirt connects to the other. tunnelled: the memory goes through that connection, too. direct: virsh connects to both. */
export type LibvirtTransport = 'p2p' | 'tunnelled' | 'direct';

export interface LibvirtMoverHost {
  readonly virsh: Virsh;
  /** As Torpor's virsh reaches it, and as other hosts' libvirt does. */
  readonly uri: string;
  readonly peerUri: string;
  readonly transport: LibvirtTransport;
}

export class LibvirtMover implements VmMover {
  readonly #hosts: ReadonlyMap<string, LibvirtMoverHost>;
  readonly #clock: Clock;

  /** By platform. */
  constructor(hosts: ReadonlyMap<string, LibvirtMoverHost>, clock: Clock) {
    this.#hosts = hosts;
    this.#clock = clock;
  }

  async move({ vm, from, to }: EvacuationMove, signal: AbortSignal): Promise<void> {
    const source = this.#host(from);
    const args = migrateArgs(vm, source.transport, this.#host(to));
    await runLibvirtJob({ virsh: source.virsh, clock: this.#clock, domain: vm, args }, signal);
  }

  /** While it is under way both have it. */
  async whereIs(vm: string, platforms: readonly string[], signal: AbortSignal): Promise<string | null> {
    const found: string[] = [];
    for (const platform of platforms) {
      const names = (await this.#host(platform).virsh.run(['list', '--name'], signal)).split('\n');
      if (names.some((name) => name.trim() === vm)) found.push(platform);
    }
    return found.length === 1 ? (found[0] as string) : null;
  }

  #host(platform: string): LibvirtMoverHost {
    const host = this.#hosts.get(platform);
    if (host !== undefined) return host;
    throw new TorporError(
      'ERR_HYPERVISOR_REFUSED',
      `${platform} has no hypervisor: write it under evacuate.hypervisors`,
    );
  }
}

/** `--undefinesource` with `--persistent`: the domain is defined where it runs, and nowhere else, so that nobody can start it twice. */
export function migrateArgs(
  vm: string,
  transport: LibvirtTransport,
  { uri, peerUri }: Pick<LibvirtMoverHost, 'uri' | 'peerUri'>,
): string[] {
  const ways = { p2p: ['--p2p'], tunnelled: ['--p2p', '--tunnelled'], direct: [] } as const;
  const target = transport === 'direct' ? uri : peerUri;
  return [
    'migrate',
    '--live',
    '--persistent',
    '--undefinesource',
    ...ways[transport],
    '--domain',
    vm,
    '--desturi',
    target,
  ];
}
