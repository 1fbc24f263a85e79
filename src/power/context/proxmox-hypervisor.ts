// VMs of a Proxmox VE node, hibernated and started. Source: Proxmox VE API, /nodes/{node}/qemu/{vmid}/status/suspend and start, /nodes/{node}/lxc.
import { TorporError } from '../../platform/errors.ts';
import { asRecord, type ProxmoxClient } from '../inband/proxmox-client.ts';
import type { HostedVm, Hypervisor } from './hypervisor.ts';

/** The lock of a VM that is hibernated, and that of one which is just being. Source: qemu-server, PVE::QemuConfig. */
const HIBERNATED = 'suspended';

export class ProxmoxHypervisor implements Hypervisor {
  readonly name: string;
  readonly #client: ProxmoxClient;

  constructor(client: ProxmoxClient) {
    this.#client = client;
    this.name = client.name;
  }

  async list(signal: AbortSignal): Promise<readonly HostedVm[]> {
    const listed = await this.#client.get(this.#client.nodePath('/qemu'), signal);
    if (!Array.isArray(listed)) throw new TorporError('ERR_HYPERVISOR_PROTOCOL', `${this.name} lists no VMs`);
    return listed.map((entry) => readVm(asRecord(entry)));
  }

  /** Containers have no state on disk that could be kept. */
  async listUnsavable(signal: AbortSignal): Promise<readonly string[]> {
    const listed = await this.#client.get(this.#client.nodePath('/lxc'), signal);
    if (!Array.isArray(listed)) throw new TorporError('ERR_HYPERVISOR_PROTOCOL', `${this.name} lists no containers`);
    const containers = listed.map((entry) => readVm(asRecord(entry)));
    return containers.filter(({ state }) => state !== 'off').map(({ id, name }) => `container ${name} (${id})`);
  }

  /** Devices of the host keep their state to themselves: Proxmox would refuse in the middle. */
  async obstacle({ id }: HostedVm, signal: AbortSignal): Promise<string | null> {
    const config = asRecord(await this.#client.get(this.#client.nodePath(`/qemu/${id}/config`), signal));
    const passed = Object.keys(config).find((key) => /^hostpci\d+$/.test(key));
    return passed === undefined
      ? null
      : `has a device of the host passed through (${passed}), which cannot be hibernated`;
  }

  /**
   * A hibernation that is under way is let end: to stop its task in the middle leaves the VM locked. Then it is saved, and who
   * called it off starts it again.
   */
  async save({ id }: HostedVm, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const unlimited = new AbortController().signal;
    const task = await this.#client.post(
      this.#client.nodePath(`/qemu/${id}/status/suspend`),
      { todisk: '1' },
      unlimited,
    );
    await this.#client.taskEnds(task, unlimited);
  }

  async start({ id }: HostedVm, signal: AbortSignal): Promise<void> {
    const task = await this.#client.post(this.#client.nodePath(`/qemu/${id}/status/start`), {}, signal);
    await this.#client.taskEnds(task, signal);
  }

  async close(): Promise<void> {}
}

function readVm({ vmid, name, status, lock }: Readonly<Record<string, unknown>>): HostedVm {
  const id = String(vmid);
  const shown = typeof name === 'string' && name !== '' ? name : id;
  if (lock === HIBERNATED && status !== 'running') return { id, name: shown, state: 'saved', detail: null };
  if (typeof lock === 'string' && lock !== '') return { id, name: shown, state: 'busy', detail: `locked: ${lock}` };
  return { id, name: shown, state: status === 'running' ? 'running' : 'off', detail: null };
}
