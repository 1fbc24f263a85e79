// Several Torpors in one memory world that hold one platform's orders, each with a disk that outlives it and, in place of a machine, what it was told.
import { FarmMember } from '../../../../src/farm/farm-member.ts';
import { type MemoryStore, MemoryWorld } from '../../../../src/farm/memory-store.ts';
import {
  type FarmOrders,
  type HeldOrders,
  missingEvents,
  type OrderChange,
} from '../../../../src/farm/orders/farm-orders.ts';
import type { OrdersSink, PlatformOrders } from '../../../../src/farm/orders/platform-orders.ts';
import type { InhibitorStatus, MaintenanceOrder } from '../../../../src/platform/inhibitor.ts';
import type { PlatformEvent } from '../../../../src/platform/model.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { KeptLog } from '../../../support/kept-log.ts';

export const PLATFORM = 'vdi-01';
export const LEASE_MS = 10_000;

/** What a machine makes of orders, and no more. */
class HoldingSink implements OrdersSink {
  readonly #nowMs: () => number;
  #inhibitors: InhibitorStatus[];
  #maintenance: MaintenanceOrder | null;
  #drained: boolean;

  constructor(nowMs: () => number, { inhibitors, maintenance, drained }: HeldOrders) {
    this.#nowMs = nowMs;
    this.#inhibitors = [...inhibitors];
    this.#maintenance = maintenance;
    this.#drained = drained;
  }

  held(): HeldOrders {
    return { inhibitors: this.#inhibitors, maintenance: this.#maintenance, drained: this.#drained };
  }

  apply(orders: FarmOrders): void {
    for (const event of missingEvents(orders, this.held(), this.#nowMs())) this.take(event);
    this.#drained = orders.drained.length > 0;
  }

  take(event: PlatformEvent): void {
    const sinceMs = this.#nowMs();
    if (event.kind === 'inhibit' || event.kind === 'lift')
      this.#inhibitors = this.#inhibitors.filter(({ name }) => name !== event.name);
    if (event.kind === 'inhibit')
      this.#inhibitors.push({ kind: 'operator', name: event.name, why: event.why, sinceMs, untilMs: event.untilMs });
    if (event.kind === 'maintenance') this.#maintenance = event.on ? { why: event.why, sinceMs } : null;
    if (event.kind === 'release') {
      this.#inhibitors = [];
      this.#maintenance = null;
    }
  }

  drain(on: boolean): void {
    this.#drained = on;
  }
}

export class OrdersInstance {
  readonly name: string;
  readonly store: MemoryStore;
  readonly member: FarmMember;
  readonly orders: PlatformOrders;
  readonly #sink: HoldingSink;

  constructor(scene: OrdersScene, name: string, held: HeldOrders) {
    const { clock, world, log } = scene;
    this.name = name;
    this.store = world.client();
    const { random } = world;
    const times = { clock, wallMs: () => clock.nowMs(), leaseMs: LEASE_MS };
    const newBoot = () => scene.nextBoot();
    this.member = new FarmMember({ store: this.store, name, version: '0.1.0', ...times, random, newBoot, log });
    this.#sink = new HoldingSink(() => clock.nowMs(), held);
    this.orders = this.member.orders(PLATFORM, {
      read: async () => scene.disks.get(name) ?? null,
      write: async (_, text) => {
        if (scene.failingDisks.has(name)) throw new Error('disk full');
        scene.disks.set(name, text);
      },
    });
    this.member.start();
  }

  async start(): Promise<void> {
    await this.orders.start(this.#sink);
  }

  /** As an operator's call does it: here first, then to the others. */
  async order(change: OrderChange): Promise<void> {
    if (change.kind === 'drain') this.#sink.drain(change.on);
    else if (change.kind === 'lift') this.#sink.take({ ...change, by: 'operator', why: 'released' });
    else if (change.kind === 'inhibit') this.#sink.take({ ...change, by: 'operator' });
    else this.#sink.take(change);
    await this.orders.order(change);
  }

  get held(): HeldOrders {
    return this.#sink.held();
  }

  /** For comparing: whoever hears of an order later counts its time from then. */
  get view() {
    const { inhibitors, maintenance, drained } = this.held;
    const all = inhibitors.map(({ name, why, untilMs }) => `${name}: ${why} until ${untilMs}`);
    return { inhibitors: all.sort(), maintenance: maintenance?.why ?? null, drained };
  }
}

export class OrdersScene {
  readonly clock = new FakeClock();
  readonly world: MemoryWorld;
  readonly log = new KeptLog();
  readonly disks = new Map<string, string>();
  readonly failingDisks = new Set<string>();
  readonly instances = new Map<string, OrdersInstance>();
  #boots = 0;

  constructor(random: () => number = () => 0) {
    this.world = new MemoryWorld({ clock: this.clock, random });
  }

  nextBoot(): string {
    this.#boots += 1;
    return `boot${this.#boots}`;
  }

  async run(name: string, held: HeldOrders = { inhibitors: [], maintenance: null, drained: false }): Promise<void> {
    const instance = new OrdersInstance(this, name, held);
    this.instances.set(name, instance);
    await instance.start();
  }

  static async of(...names: readonly string[]): Promise<OrdersScene> {
    const scene = new OrdersScene();
    for (const name of names) await scene.run(name);
    await scene.clock.advance(6_000);
    return scene;
  }

  /** As kill -9 and a new start: what was on its disk is there. */
  async restart(name: string): Promise<void> {
    const { held, store } = this.at(name);
    await store.close();
    await this.run(name, held);
  }

  at(name: string): OrdersInstance {
    return this.instances.get(name) as OrdersInstance;
  }

  get all(): OrdersInstance[] {
    return [...this.instances.values()];
  }
}
