// One platform of the real parts, controller, machine, streams, over a simulated host and VM in virtual time.
import { PlatformController } from '../../src/controller/platform-controller.ts';
import { loadCore } from '../../src/core/stream-core.ts';
import type { PowerAnswer, PowerDriver } from '../../src/platform/ports.ts';
import type { StateName } from '../../src/platform/status.ts';
import { SimulatedHost } from '../../src/power/simulated/simulated-host.ts';
import { StreamRegistry } from '../../src/streams/stream-registry.ts';
import type { StreamSet } from '../../src/streams/stream-set.ts';
import { DeskProber, deskDriver, EMPTY_CONTEXT } from '../support/desk-host.ts';
import { KeptLog } from '../support/kept-log.ts';
import { openVirtualStreams, POLICY, VM } from '../support/virtual-streams.ts';
import type { VirtualClock } from './virtual-clock.ts';
import { VmSocket } from './virtual-vm.ts';

const ACCEPTED: PowerAnswer = { outcome: 'accepted', attempts: ['sent'] };

export interface PlatformWatch {
  onState(from: StateName, to: StateName): void;
  /** A stream entered the pool, or left it. */
  onJudged(stream: string, isActive: boolean): void;
  onKnown(number: number, socket: VmSocket): void;
}

export class VirtualPlatform {
  readonly streams: StreamSet;
  readonly controller: PlatformController;
  readonly host: SimulatedHost;
  readonly disturbances: string[] = [];
  /** What the streams and the controller logged as a warning or an error, the last ones. */
  readonly log = new KeptLog();
  asleepMs = 0;
  lastClosed = '';
  readonly #registry: StreamRegistry;
  readonly #clock: VirtualClock;

  static async start(
    clock: VirtualClock,
    random: (below: number) => number,
    watch: PlatformWatch,
  ): Promise<VirtualPlatform> {
    const core = await loadCore({});
    return new VirtualPlatform(clock, random, watch, new StreamRegistry({ core, clock }));
  }

  private constructor(
    clock: VirtualClock,
    random: (below: number) => number,
    watch: PlatformWatch,
    registry: StreamRegistry,
  ) {
    this.#clock = clock;
    this.#registry = registry;
    this.host = new SimulatedHost({ clock, suspendMs: () => 500 + random(4000), resumeMs: () => 800 + random(5000) });
    this.#countSleep();
    this.controller = new PlatformController({
      name: 'vdi-01',
      policy: POLICY,
      armed: true,
      intent: null,
      orders: null,
      driver: this.#driver(),
      journal: { read: async () => null, write: async () => {} },
      orderStore: { read: async () => null, write: async () => {} },
      context: EMPTY_CONTEXT,
      clock,
      log: this.log,
      report: ({ kind, facts, message }) => {
        if (kind === 'transition') watch.onState(facts?.from as StateName, facts?.to as StateName);
        else if (kind === 'stream-closed') this.lastClosed = `${facts?.stream}: ${message}`;
        else if (kind === 'stream-active' || kind === 'stream-idle')
          watch.onJudged(String(facts?.stream), kind === 'stream-active');
      },
    });
    const vmHost = {
      clock,
      isRunning: () => this.host.phase === 'running',
      onDisturbed: (what: string) => void this.disturbances.push(`${what} while it is ${this.host.phase}`),
      onKnown: (number: number, socket: VmSocket) => watch.onKnown(number, socket),
    };
    this.streams = openVirtualStreams({
      platform: 'vdi-01',
      registry,
      clock,
      observer: this.controller,
      log: this.log,
      connect: () => new VmSocket(vmHost),
      listener: { device: 'terminal' },
      readUnacked: async () => new Map(),
    });
    const prober = new DeskProber(
      clock,
      () => this.host.phase === 'running',
      (result) => this.controller.onProbeResult(VM, result),
      VM,
    );
    this.controller.attach({ gate: this.streams, probers: [prober], inhibitors: [] });
    registry.start();
    this.controller.start();
  }

  get state(): StateName {
    return this.controller.model.state;
  }

  async stop(): Promise<void> {
    this.#registry.stop();
    await this.controller.stop();
    await this.streams.close();
    this.host.stop();
  }

  #countSleep(): void {
    let sinceMs: number | null = null;
    this.host.onChange(({ phase, atMs }) => {
      if (sinceMs !== null) this.asleepMs += atMs - sinceMs;
      sinceMs = phase === 'asleep' ? atMs : null;
    });
  }

  #driver(): PowerDriver {
    const { host } = this;
    const clock = this.#clock;
    return deskDriver({ acpi: 'S0' }, clock, {
      readPower: async () => ({
        atMs: clock.nowMs(),
        acpi: host.powerState(),
        acpiSource: 'sensor',
        powerBit: host.powerBit(),
        watts: null,
      }),
      requestSleep: async () => {
        host.pressPowerButton();
        return ACCEPTED;
      },
      requestWake: async () => {
        host.powerOn();
        return ACCEPTED;
      },
    });
  }
}
