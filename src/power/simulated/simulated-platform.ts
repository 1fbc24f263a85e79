// One whole simulated platform: joins host, BMC and VMs. Each of them behaves by itself.
import { TorporError } from '../../platform/errors.ts';
import { SimulatedBmc, type SimulatedBmcOptions } from './simulated-bmc.ts';
import { type HostChange, SimulatedHost, type SimulatedHostOptions } from './simulated-host.ts';
import { SimulatedVm } from './simulated-vm.ts';
import type { VmService } from './vm-connection.ts';

type BmcTraits = Pick<
  SimulatedBmcOptions,
  | 'cipherSuites'
  | 'acpiSensor'
  | 'acpiCommand'
  | 'powerSensor'
  | 'dcmi'
  | 'kg'
  | 'maxSessions'
  | 'selRecords'
  | 'log'
  | 'seed'
>;

export interface SimulatedPlatformOptions extends Omit<SimulatedHostOptions, 'startsIn'>, BmcTraits {
  /** A BMC user with operator privilege. */
  readonly user: string;
  readonly password: string;
  /** 0 (default): any free port. */
  readonly bmcPort?: number | undefined;
  readonly vms: ReadonlyArray<{
    readonly name: string;
    /** 0 (default): a free port below the ephemeral range. */
    readonly port?: number | undefined;
    readonly service?: VmService | undefined;
  }>;
}

/** Everything on 127.0.0.1. */
export class SimulatedPlatform {
  readonly host: SimulatedHost;
  readonly bmc: SimulatedBmc;
  #vms: readonly SimulatedVm[];

  constructor(options: SimulatedPlatformOptions) {
    const { clock, user, password, vms, bmcPort } = options;
    this.host = new SimulatedHost(options);
    this.bmc = new SimulatedBmc({
      ...options,
      host: undefined,
      port: bmcPort,
      machine: this.host,
      users: [{ name: user, password, privilege: 'operator' }],
    });
    this.#vms = vms.map(({ name, port, service }) => new SimulatedVm({ name, clock, port, service }));
    this.host.onChange((change) => this.#followHost(change));
  }

  get vms(): readonly SimulatedVm[] {
    return this.#vms;
  }

  /** Moves a VM while it runs: from now on it sleeps, wakes and loses its memory with the other platform. Its connections do not notice. */
  moveVm(name: string, to: SimulatedPlatform): void {
    const vm = this.vm(name);
    this.#vms = this.#vms.filter((each) => each !== vm);
    to.#vms = [...to.#vms, vm];
    vm.follow(to.host.bootId);
  }

  #followHost({ phase, bootId }: HostChange): void {
    for (const vm of this.vms) {
      if (phase === 'asleep') vm.freeze();
      else if (phase === 'off' || phase === 'booting') vm.lose();
      else if (phase === 'running' && vm.bootId === bootId) vm.thaw();
      else if (phase === 'running') vm.boot(bootId);
    }
  }

  /** By name; throws ERR_PLATFORM_UNKNOWN. */
  vm(name: string): SimulatedVm {
    const found = this.vms.find((vm) => vm.name === name);
    if (found !== undefined) return found;
    const known = this.vms.map((vm) => vm.name).join(', ');
    throw new TorporError('ERR_PLATFORM_UNKNOWN', `no simulated VM is called "${name}"; there are: ${known}`);
  }

  /** Known after `start`. */
  get bmcPort(): number {
    return this.bmc.port;
  }

  /** In the order of `vms`; known after `start`. */
  get vmPorts(): readonly number[] {
    return this.vms.map((vm) => vm.port);
  }

  /** Resolves when BMC and VMs answer. Rejects with ERR_IPMI_LISTEN or ERR_STREAM_LISTEN, and leaves nothing open then. */
  async start(): Promise<void> {
    try {
      await this.bmc.start();
      for (const vm of this.vms) await vm.start(this.host.bootId);
    } catch (thrown) {
      await this.stop();
      throw thrown;
    }
  }

  /** Ends everything at once: connections are reset. Idempotent. */
  async stop(): Promise<void> {
    this.host.stop();
    await this.bmc.stop();
    await Promise.all(this.vms.map((vm) => vm.stop()));
  }
}
