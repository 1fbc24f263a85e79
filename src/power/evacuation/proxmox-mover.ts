// VMs of a Proxmox VE cluster, moved while they run. Source: Proxmox VE API, POST /nodes/{node}/qemu/{vmid}/migrate, DELETE /nodes/{node}/tasks/{upid}.

import { TorporError } from '../../platform/errors.ts';
import type { EvacuationMove } from '../../platform/evacuation-rule.ts';
import type { VmMover } from '../../platform/vm-mover.ts';
import { asRecord, type ProxmoxClient } from '../inband/proxmox-client.ts';

export class ProxmoxMover implements VmMover {
  readonly #nodes: ReadonlyMap<string, ProxmoxClient>;

  /** By platform. */
  constructor(nodes: ReadonlyMap<string, ProxmoxClient>) {
    this.#nodes = nodes;
  }

  /** Called off, the task is stopped: Proxmox cleans the other node up and lets the VM run on. */
  async move({ vm, from, to }: EvacuationMove, signal: AbortSignal): Promise<void> {
    const source = this.#node(from);
    const target = this.#node(to).node;
    const vmid = (await this.#running(from, signal)).get(vm);
    if (vmid === undefined) {
      const message = `${source.name}: no VM called ${vm} runs there: a VM's name in Torpor is its name, or number, there`;
      throw new TorporError('ERR_HYPERVISOR_REFUSED', message);
    }
    signal.throwIfAborted();
    const unlimited = new AbortController().signal;
    const path = source.nodePath(`/qemu/${vmid}/migrate`);
    const task = await source.post(path, { target, online: '1' }, unlimited);
    const onAbort = () => void source.stopTask(String(task), unlimited).catch(() => {});
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      await source.taskEnds(task, unlimited);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async whereIs(vm: string, platforms: readonly string[], signal: AbortSignal): Promise<string | null> {
    const found: string[] = [];
    for (const platform of platforms) if ((await this.#running(platform, signal)).has(vm)) found.push(platform);
    return found.length === 1 ? (found[0] as string) : null;
  }

  /** Numbers of the VMs that run there, by name and by number. */
  async #running(platform: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const client = this.#node(platform);
    const listed = await client.get(client.nodePath('/qemu'), signal);
    if (!Array.isArray(listed)) throw new TorporError('ERR_HYPERVISOR_PROTOCOL', `${client.name} lists no VMs`);
    const vms = listed.map(asRecord).filter(({ status }) => status === 'running');
    return new Map(vms.flatMap(({ vmid, name }) => [[String(vmid), String(vmid)], ...named(name, vmid)]));
  }

  #node(platform: string): ProxmoxClient {
    const node = this.#nodes.get(platform);
    if (node !== undefined) return node;
    throw new TorporError('ERR_HYPERVISOR_REFUSED', `${platform} has no node: write it under evacuate.hypervisors`);
  }
}

function named(name: unknown, vmid: unknown): Array<[string, string]> {
  return typeof name === 'string' && name !== '' ? [[name, String(vmid)]] : [];
}
