// All UDP listeners of one platform: what its StreamSet tells its streams, told to their flows.
import { udpAddressOf } from '../../platform/endpoint.ts';
import type { StreamStatus } from '../../platform/ports.ts';
import type { Listener } from '../listener.ts';
import type { DatagramFlow } from './datagram-flow.ts';
import { DatagramPort, type DatagramPortOptions } from './datagram-port.ts';

export function isDatagramListener({ options }: Listener): boolean {
  return udpAddressOf(options.listen) !== null;
}

export class DatagramSet {
  readonly #options: Omit<DatagramPortOptions, 'listener'>;
  readonly #ports = new Map<Listener, DatagramPort>();

  constructor(options: Omit<DatagramPortOptions, 'listener'>) {
    this.#options = options;
  }

  /** Rejects with ERR_STREAM_LISTEN. */
  async open(listener: Listener): Promise<void> {
    const port = new DatagramPort({ ...this.#options, listener });
    listener.boundAt(await port.open());
    this.#ports.set(listener, port);
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
