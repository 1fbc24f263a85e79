// Several whole Torpors in one memory world, with the machine, the controller and the farm that are shipped, and one host that they share.
import { HeldHere } from '../../../src/compose-orders.ts';
import { PlatformController } from '../../../src/controller/platform-controller.ts';
import { FarmMember } from '../../../src/farm/farm-member.ts';
import { FarmTalk } from '../../../src/farm/farm-talk.ts';
import { FarmViews } from '../../../src/farm/farm-views.ts';
import { MemoryFarm } from '../../../src/farm/memory-farm.ts';
import { type MemoryStore, MemoryWorld } from '../../../src/farm/memory-store.ts';
import { EventLog } from '../../../src/history/event-log.ts';
import { SleepLedger } from '../../../src/history/sleep-ledger.ts';
import type { PlatformPolicy } from '../../../src/platform/model.ts';
import type { StreamGate, StreamStatus } from '../../../src/platform/ports.ts';
import { type DeskHost, DeskProber, deskDriver, EMPTY_CONTEXT, emptyGate } from '../../support/desk-host.ts';
import { DESK_POLICY } from '../../support/desk-policy.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { KeptLog } from '../../support/kept-log.ts';

export const PLATFORM = 'vdi-01';
const LEASE_MS = 10_000;
/** Drowsy for so long that it sleeps only where somebody asks for it. */
const POLICY: PlatformPolicy = { ...DESK_POLICY, drowsyForMs: 3_600_000 };
const UNUSED = { read: async () => null, write: async () => {} };

export class SmallTorpor {
  readonly name: string;
  readonly store: MemoryStore;
  readonly member: FarmMember;
  readonly controller: PlatformController;
  readonly farm: MemoryFarm;
  readonly events: EventLog;
  readonly drained = new Set<string>();
  streams: StreamStatus[] = [];
  /** How often its own gate was asked. */
  looks: string[] = [];
  readonly #farm: SmallFarm;

  constructor(farm: SmallFarm, name: string) {
    this.#farm = farm;
    this.name = name;
    const { clock, world, log } = farm;
    this.store = world.client();
    const times = { clock, wallMs: () => clock.nowMs(), leaseMs: LEASE_MS, newBoot: () => `${name}-boot` };
    const { random } = world;
    this.member = new FarmMember({ store: this.store, name, version: '0.1.0', ...times, random, log });
    this.events = new EventLog(clock);
    this.controller = this.#newController();
    const drains = {
      drained: this.drained,
      set: async (platform: string, on: boolean) => {
        if (on) this.drained.add(platform);
        else this.drained.delete(platform);
      },
    };
    const orders = this.member.orders(PLATFORM, UNUSED);
    const { events } = this;
    const talk = new FarmTalk(this.store, name);
    const instances = () => this.member.instances();
    const views = new FarmViews(instances, (each, detail) => talk.askView(each, detail));
    this.farm = new MemoryFarm({
      controllers: () => [this.controller],
      events,
      ledger: new SleepLedger([], clock.nowMs()),
      clock,
      drains,
      others: {
        order: (_, change) => orders.order(change),
        askSleep: (owner, platform, force) => talk.askSleep(owner, platform, force),
        views,
      },
    });
    talk.start({
      sleep: (platform, force, by) => this.farm.sleepFor(platform, force, by),
      view: (detail) => this.farm.view(detail),
    });
    this.member.start();
    void orders.start(new HeldHere(PLATFORM, { controller: () => this.controller, drains, events, clock, log }));
    this.controller.start();
  }

  get status() {
    return this.farm.platform(PLATFORM);
  }

  /** Somebody is active here. */
  enter(stream: StreamStatus): void {
    this.streams.push(stream);
    this.controller.streamActive(stream, 'a key');
  }

  #newController(): PlatformController {
    const { clock, log, host } = this.#farm;
    const controller = new PlatformController({
      name: PLATFORM,
      policy: POLICY,
      armed: true,
      intent: null,
      orders: null,
      driver: deskDriver(host, clock),
      journal: UNUSED,
      orderStore: UNUSED,
      context: EMPTY_CONTEXT,
      clock,
      log,
      share: this.member.share(PLATFORM),
      report: ({ kind, message, facts }) => this.events.append(PLATFORM, kind, message, facts ?? {}),
    });
    const answers = () => host.acpi === 'S0';
    const prober = new DeskProber(clock, answers, (result) => controller.onProbeResult('desk', result));
    controller.attach({ gate: this.#gate(), probers: [prober], inhibitors: [] });
    return controller;
  }

  #gate(): StreamGate {
    return emptyGate({
      refresh: async (detail) => {
        this.looks.push(detail ?? 'sums');
      },
      streams: () => this.streams,
      carriedBytes: () => ({ fromClients: 10 * this.streams.length, toClients: 20 * this.streams.length }),
    });
  }
}

export class SmallFarm {
  readonly clock = new FakeClock();
  readonly world = new MemoryWorld({ clock: this.clock });
  readonly host: DeskHost = { acpi: 'S0' };
  readonly log = new KeptLog();
  readonly torpors: SmallTorpor[] = [];

  /** Resolves when all are sure of each other and the platform is drowsy at each. */
  static async of(...names: readonly string[]): Promise<SmallFarm> {
    const farm = new SmallFarm();
    for (const name of names) farm.torpors.push(new SmallTorpor(farm, name));
    await farm.clock.advance(30_000);
    return farm;
  }

  at(name: string): SmallTorpor {
    return this.torpors.find((each) => each.name === name) as SmallTorpor;
  }

  get owner(): SmallTorpor {
    return this.at(this.torpors[0]?.status.owner ?? 'nobody');
  }

  /** Those who do not own it. */
  get guests(): SmallTorpor[] {
    return this.torpors.filter((each) => each !== this.owner);
  }
}

export function streamOf(id: string, active: boolean): StreamStatus {
  return {
    id,
    platform: PLATFORM,
    vm: 'desk',
    listener: '127.0.0.1:1',
    client: '127.0.0.1:2',
    target: '127.0.0.1:3',
    protocol: 'raw',
    device: 'desktop',
    speaks: 'bytes',
    verdict: 'a key',
    mode: 'flowing',
    active,
    openedAtMs: 1,
    lastActiveAtMs: 1,
    lastActiveWhy: 'a key',
    idleAtMs: null,
    bytesFromClient: 10,
    bytesToClient: 20,
    heldBytes: 0,
    heldStoredBytes: 0,
  };
}
