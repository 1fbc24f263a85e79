// One platform of the real parts, controller, machine, streams, over a simulated host and VM in virtual time.
import { PlatformController } from '../../src/controller/platform-controller.ts';
import { loadCore } from '../../src/core/stream-core.ts';
import type { PlatformPolicy } from '../../src/platform/model.ts';
import type { PowerAnswer, PowerDriver, Prober } from '../../src/platform/ports.ts';
import type { StateName } from '../../src/platform/status.ts';
import { SimulatedHost } from '../../src/power/simulated/simulated-host.ts';
import { ReadBuffers } from '../../src/streams/read-buffers.ts';
import { StreamRegistry } from '../../src/streams/stream-registry.ts';
import { StreamSet } from '../../src/streams/stream-set.ts';
import { EMPTY_CONTEXT } from '../support/desk-host.ts';
import { DESK_POLICY } from '../support/desk-policy.ts';
import { KeptLog } from '../support/kept-log.ts';
import { rawSocketsOf } from '../support/raw-sockets-of.ts';
import type { VirtualClock } from './virtual-clock.ts';
import { VmSocket } from './virtual-vm.ts';

export const IDLE_TIMEOUT_MS = 5 * 60_000;
const VM = 'alice';
const ACCEPTED: PowerAnswer = { outcome: 'accepted', attempts: ['sent'] };
const WAKE_METHODS = ['chassis-on'] as const;

const POLICY: PlatformPolicy = {
  ...DESK_POLICY,
  minAwakeMs: 60_000,
  drowsyForMs: 30_000,
  suspendTimeoutMs: 60_000,
  wakeTimeoutMs: 60_000,
  vms: [VM],
  probedVms: [VM],
};

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
    return new VirtualPlatform(clock, random, watch, new StreamRegistry({ core, clock }), core);
  }

  private constructor(
    clock: VirtualClock,
    random: (below: number) => number,
    watch: PlatformWatch,
    registry: StreamRegistry,
    core: Awaited<ReturnType<typeof loadCore>>,
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
    const raw = rawSocketsOf(() => new VmSocket(vmHost));
    this.streams = new StreamSet({
      platform: 'vdi-01',
      registry,
      buffers: Object.assign(new ReadBuffers({ core, clock, direct: null }), { raw }),
      clock,
      observer: this.controller,
      log: this.log,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      disconnectGraceMs: 5000,
      hold: { perStreamBytes: 1024 * 1024, perPlatformBytes: 16 * 1024 * 1024 },
      initiallyHeld: true,
      listeners: [
        {
          listen: { host: '127.0.0.1', port: 13389 },
          target: { host: '10.0.1.21', port: 3389 },
          vm: VM,
          protocol: 'raw',
          device: 'terminal',
          wakeOn: 'connect',
          maxStreams: null,
          link: { service: 'desktop' },
        },
      ],
      readUnacked: async () => new Map(),
    });
    this.controller.attach({ gate: this.streams, probers: [this.#prober()], inhibitors: [] });
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
    return {
      name: 'virtual',
      wakeMethods: WAKE_METHODS,
      sleepWitness: () => 'sensor',
      capabilities: () => ({ sleep: 'S3', retainsRam: true, readsSleepState: 'sensor', wakeMethods: WAKE_METHODS }),
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
      proveWake: async () => ({ proven: true, why: 'operator session, sensor read' }),
      close: async () => {},
    };
  }

  #prober(): Prober {
    const clock = this.#clock;
    let paceMs: number | null = null;
    let cancel = () => {};
    const ask = () => {
      const atMs = clock.nowMs();
      this.controller.onProbeResult(VM, { answered: this.host.phase === 'running', askedAtMs: atMs, atMs });
      cancel = paceMs === null ? () => {} : clock.schedule(paceMs, ask);
    };
    return {
      vm: VM,
      setPace: (next) => {
        if (next === paceMs) return;
        paceMs = next;
        cancel();
        if (paceMs !== null) cancel = clock.schedule(paceMs, ask);
      },
      stop: () => {
        paceMs = null;
        cancel();
      },
    };
  }
}
