// Part of the composition root: this Torpor's place among others that share its platforms, where the configuration says so.
import { randomBytes } from 'node:crypto';
import type { FarmConfig } from './config/farm-schema.ts';
import { FarmMember } from './farm/farm-member.ts';
import { FarmPlaces, PLACE_PREFIX } from './farm/farm-places.ts';
import { FarmTalk, type TalkAnswers } from './farm/farm-talk.ts';
import { CIRCUIT_PREFIX, FarmTurns } from './farm/farm-turns.ts';
import { FarmViews } from './farm/farm-views.ts';
import type { OtherTorpors } from './farm/memory-farm.ts';
import { NatsStore } from './farm/nats/nats-store.ts';
import type { OrderChange } from './farm/orders/farm-orders.ts';
import type { OrdersCopy, OrdersSink } from './farm/orders/platform-orders.ts';
import { FarmOrderBook } from './history/farm-order-book.ts';
import { packageVersion } from './package-version.ts';
import type { Logger } from './platform/ports.ts';
import type { PlatformShare } from './platform/share.ts';
import { systemClock } from './system-clock.ts';

/** Bytes that tell one run of a Torpor from all others. */
const BOOT_BYTES = 6;
/** Between two looks at places that are over. Milliseconds. */
const TIDY_MS = 3_600_000;

export class SharedFarm implements OtherTorpors {
  readonly views: FarmViews;
  /** Which wakes take a place on circuits. */
  readonly turns: FarmTurns;
  /** Where pools' users were placed. */
  readonly places: FarmPlaces;
  readonly #store: NatsStore;
  readonly #member: FarmMember;
  readonly #talk: FarmTalk;
  readonly #orderCopy: OrdersCopy;
  #answers: TalkAnswers | null = null;
  #cancelTidy: () => void = () => {};

  /**
   * Connects behind: until the store has answered nothing is suspended, and all else goes on. `follows`: a process of this Torpor has handed over
   * to this one.
   */
  constructor(config: FarmConfig, stateDir: string, log: Logger, follows: boolean) {
    this.#orderCopy = new FarmOrderBook(stateDir);
    const { instance, leaseMs, servers, bucket, replicas, credentialsFile, tls } = config;
    const name = `torpor ${instance}`;
    const clock = systemClock;
    this.#store = new NatsStore({ servers, bucket, replicas, name, credentialsFile, tls, clock, log });
    this.#talk = new FarmTalk(this.#store, instance);
    this.#member = new FarmMember({
      store: this.#store,
      name: instance,
      version: packageVersion(),
      leaseMs,
      clock,
      wallMs: Date.now,
      random: Math.random,
      newBoot: () => randomBytes(BOOT_BYTES).toString('hex'),
      log,
      follows,
    });
    const instances = () => this.#member.instances();
    this.views = new FarmViews(instances, (name, detail) => this.#talk.askView(name, detail));
    const store = this.#store;
    const count = () => this.#member.instances().length;
    this.turns = new FarmTurns({ store, view: this.#member.view(), instances: count, clock });
    this.places = new FarmPlaces({ store, wallMs: Date.now, leads: () => this.leads('places'), log });
    this.#member.follow(CIRCUIT_PREFIX, this.turns);
    this.#member.follow(PLACE_PREFIX, this.places);
  }

  /** Of all Torpors that live this one is to do it. */
  leads(thing: string): boolean {
    return this.#member.leads(thing);
  }

  start(): void {
    this.#member.start();
    this.#tidyLater();
    if (this.#answers !== null) this.#talk.start(this.#answers);
  }

  /** Answers what the others ask of this Torpor, from now on while it takes part. */
  serve(answers: TalkAnswers): void {
    this.#answers = answers;
    this.#talk.start(answers);
  }

  share(platform: string): PlatformShare {
    return this.#member.share(platform);
  }

  /** What operators order for the platform at any Torpor holds at `sink`, too, from now on until it is left. Never rejects. */
  followOrders(platform: string, sink: OrdersSink): Promise<void> {
    return this.#member.orders(platform, this.#orderCopy).start(sink);
  }

  /** For all Torpors of the farm; where the store is away, once it is back. Rejects with ERR_JOURNAL where it is not on disk here. */
  order(platform: string, change: OrderChange): Promise<void> {
    return this.#member.orders(platform, this.#orderCopy).order(change);
  }

  askSleep(owner: string, platform: string, force: boolean): Promise<void> {
    return this.#talk.askSleep(owner, platform, force);
  }

  /** The platform is this Torpor's no longer. */
  leave(platform: string): Promise<void> {
    return this.#member.leave(platform);
  }

  /** Says nothing more, and leaves its place to the process that follows this one, or to itself when it is started again. */
  handOver(): Promise<void> {
    this.#quiet();
    return this.#member.rest();
  }

  #quiet(): void {
    this.#talk.stop();
    this.#cancelTidy();
  }

  #tidyLater(): void {
    this.#cancelTidy();
    this.#cancelTidy = systemClock.schedule(TIDY_MS, () => {
      this.places.tidy();
      this.#tidyLater();
    });
  }

  async stop(): Promise<void> {
    this.#quiet();
    await this.#member.stop();
    await this.#store.close();
  }
}
