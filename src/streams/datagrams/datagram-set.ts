// All UDP listeners of one platform: what its StreamSet tells its streams, told to their flows.
import { formatEndpoint, isDatagramEndpoint } from '../../platform/endpoint.ts';
import type { StreamStatus } from '../../platform/ports.ts';
import type { InheritedSockets, PassedSocket } from '../inherited-sockets.ts';
import { claimSocket, type Listener } from '../listener.ts';
import type { DatagramFlow } from './datagram-flow.ts';
import { DatagramPort, type DatagramPortOptions } from './datagram-port.ts';
import type { DatagramTarget } from './datagram-target.ts';
import type { LeavingFlows } from './flow-record.ts';

export function isDatagramListener({ options }: Listener): boolean {
  return isDatagramEndpoint(options.listen);
}

export class DatagramSet {
  readonly #options: Omit<DatagramPortOptions, 'listener'>;
  readonly #ports = new Map<Listener, DatagramPort>();

  constructor(options: Omit<DatagramPortOptions, 'listener'>) {
    this.#options = options;
  }

  /** On the socket that this process was given for it, if there is one. Rejects with ERR_STREAM_LISTEN. */
  async open(listener: Listener, inherited: InheritedSockets | null): Promise<void> {
    const given = claimSocket(listener.options.listen, inherited);
    const port = new DatagramPort({ ...this.#options, listener }, given);
    listener.boundAt(await port.open());
    this.#ports.set(listener, port);
    const { listen, vm, target } = listener.options;
    const record = { listen: formatEndpoint(listen), vm, target: formatEndpoint(target) };
    port.goOnWith(inherited?.flows.claim(record) ?? []);
  }

  /** Towards VMs. */
  get targets(): DatagramTarget[] {
    return [...this.#ports.values()].flatMap(({ targets }) => targets);
  }

  leaveFlows(leaving: LeavingFlows): void {
    for (const port of this.#ports.values()) port.leaveFlows(leaving);
  }

  /** For a process that is to read them in place of this one. */
  get sockets(): PassedSocket[] {
    return [...this.#ports.values()].flatMap(({ passed }) => passed ?? []);
  }

  /** Its flows end with it: they have no connection of their own. */
  async retire(listener: Listener): Promise<void> {
    const port = this.#ports.get(listener);
    this.#ports.delete(listener);
    await port?.close('its listener is closed');
  }

  followRules(): void {
    for (const port of this.#ports.values()) port.followRules();
  }

  /** The observer hears nothing of it. */
  async close(): Promise<void> {
    const ports = [...this.#ports.values()];
    this.#ports.clear();
    await Promise.all(ports.map((port) => port.close(null)));
  }

  streams(): StreamStatus[] {
    return this.#flows().map((flow) => flow.status());
  }

  waitingVms(): string[] {
    return this.#flows().flatMap((flow) => (flow.isWaiting ? [flow.vm] : []));
  }

  hold(): void {
    for (const flow of this.#flows()) flow.hold();
  }

  /** Of a VM (null: all) that is held no more. */
  release(vm: string | null): void {
    for (const flow of this.#flows(vm)) if (!flow.isHeld) flow.release();
  }

  giveUp(vm: string | null, why: string): void {
    for (const flow of this.#flows(vm)) if (flow.isWaiting) flow.end(`gave up: ${why}`);
  }

  #flows(vm: string | null = null): DatagramFlow[] {
    return [...this.#ports.values()].flatMap(({ flows }) => flows).filter((flow) => vm === null || flow.vm === vm);
  }
}
