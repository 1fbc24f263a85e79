// One Torpor in a farm: its presence, one watch over the store, and a member and the orders of each platform.
import type { Clock, Logger } from '../platform/ports.ts';
import { ORDERS_PREFIX, type OrdersCopy, PlatformOrders } from './orders/platform-orders.ts';
import { type FarmView, PLATFORM_PREFIX, PlatformMember } from './platform-member.ts';
import type { MemberId } from './platform-record.ts';
import { PRESENCE_PREFIX, Presence } from './presence.ts';
import { rankFor } from './rendezvous.ts';
import type { SharedStore, StoreEntry, StoreWatch, WatchListener } from './shared-store.ts';
import { TakeOvers } from './take-overs.ts';

const WAKE_SUBJECT = 'wake';

export interface FarmMemberOptions {
  readonly store: SharedStore;
  /** This Torpor's name, no other's in the farm. */
  readonly name: string;
  /** Of Torpor, for people: a farm may run several while it is brought up to date. */
  readonly version: string;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly wallMs: () => number;
  readonly random: () => number;
  readonly newBoot: () => string;
  readonly log: Logger;
  /** Another process of this Torpor has rested for this one. Left out: false. */
  readonly follows?: boolean;
}

/** What is known of one Torpor of the farm, for people. */
export interface InstanceStatus {
  readonly name: string;
  readonly version: string;
  /** Since its last beat, milliseconds, by the clock of who says so. */
  readonly silentMs: number;
}

export class FarmMember {
  readonly #options: FarmMemberOptions;
  readonly #presence: Presence;
  readonly #takeOvers: TakeOvers;
  readonly #platforms = new Map<string, PlatformMember>();
  readonly #orders = new Map<string, PlatformOrders>();
  /** What the store said last, by key: of platforms that nobody has asked for yet, too. */
  readonly #entries = new Map<string, StoreEntry>();
  readonly #seenSinceMs = new Map<MemberId, number>();
  /** Who is told of all keys that begin so. */
  readonly #followers = new Map<string, WatchListener>();
  #watch: StoreWatch | null = null;
  #isCaughtUp = false;
  #ends: Array<() => void> = [];

  constructor(options: FarmMemberOptions) {
    this.#options = options;
    const { store, name, version, leaseMs, clock, wallMs, newBoot, log, follows = false } = options;
    this.#takeOvers = new TakeOvers(clock);
    const onChange = () => this.#changed();
    this.#presence = new Presence({ store, name, version, leaseMs, clock, wallMs, newBoot, log, onChange, follows });
  }

  start(): void {
    const { store } = this.#options;
    this.#ends = [store.onStatus(() => this.#changed()), store.subscribe(WAKE_SUBJECT, (text) => this.#onWake(text))];
    this.#watch = store.watch({
      onBegin: () => this.#onBegin(),
      onEntry: (entry) => this.#onEntry(entry),
      onCaughtUp: () => this.#onCaughtUp(),
    });
    this.#presence.start();
  }

  /** The platform's share; one for each platform, until that is stopped. */
  share(platform: string): PlatformMember {
    const known = this.#platforms.get(platform);
    if (known !== undefined) return known;
    const { store, clock, random, log, name } = this.#options;
    const publishWake = (why: string) => store.publish(WAKE_SUBJECT, JSON.stringify({ platform, by: name, why }));
    const view = this.#view(() => this.#orders.get(platform)?.problem() ?? null);
    const takeOvers = this.#takeOvers;
    const member = new PlatformMember({ platform, view, store, takeOvers, clock, random, log, publishWake });
    this.#platforms.set(platform, member);
    this.#tellKnown(PLATFORM_PREFIX + platform, member);
    return member;
  }

  /** Operators' orders for the platform; one for each, until it is left. Its `start` is left to who asks first. */
  orders(platform: string, copy: OrdersCopy): PlatformOrders {
    const known = this.#orders.get(platform);
    if (known !== undefined) return known;
    const { store, clock, random, log, name: self } = this.#options;
    const orders = new PlatformOrders({ platform, self, store, copy, clock, random, log });
    this.#orders.set(platform, orders);
    this.#tellKnown(ORDERS_PREFIX + platform, orders);
    return orders;
  }

  /** Is told of all keys that begin so, from the start on: to be called before it. */
  follow(prefix: string, follower: WatchListener): void {
    this.#followers.set(prefix, follower);
  }

  /** The farm as it is seen from here, for what concerns no platform alone. */
  view(): FarmView {
    return this.#view(() => null);
  }

  /** Of all who live this one is to do it. Two may think so for a moment while one comes or goes, nobody for longer than a lease. */
  leads(thing: string): boolean {
    const names = [this.#options.name, ...this.#presence.others().map(({ name }) => name)];
    return rankFor(thing, names)[0] === this.#options.name;
  }

  /** Gives one platform up. */
  async leave(platform: string): Promise<void> {
    const member = this.#platforms.get(platform);
    this.#platforms.delete(platform);
    this.#orders.get(platform)?.stop();
    this.#orders.delete(platform);
    await member?.stop();
  }

  /** Why it is not sure who is there; null: it is. */
  doubt(): string | null {
    const { status } = this.#options.store;
    return status.connected ? this.#presence.doubt() : `the shared store: ${status.why}`;
  }

  /** All Torpors of the farm, this one first. */
  instances(): InstanceStatus[] {
    const { name, version } = this.#options;
    const others = this.#presence.others().map(({ name, version, silentMs }) => ({ name, version, silentMs }));
    return [{ name, version, silentMs: 0 }, ...others.sort((a, b) => (a.name < b.name ? -1 : 1))];
  }

  /** Gives up all that it holds: its key goes, and with it what it said of all platforms. `start` takes part again. */
  async stop(): Promise<void> {
    await this.#presence.stop();
    this.#leaveStore();
  }

  /** Says nothing more, and leaves all that it holds to the process that goes on as this run: nobody else takes it meanwhile. `start` goes on. */
  async rest(): Promise<void> {
    await this.#presence.rest();
    this.#leaveStore();
  }

  #leaveStore(): void {
    this.#watch?.stop();
    // What it knows is old from now on: another process of this name may go on with its copy of them.
    for (const orders of this.#orders.values()) orders.onBegin();
    for (const end of this.#ends) end();
  }

  #tellKnown(key: string, to: { onEntry(entry: StoreEntry): void; onCaughtUp(): void }): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) to.onEntry(entry);
    if (this.#isCaughtUp) to.onCaughtUp();
  }

  /** `doubt`: of its own. */
  #view(doubt: () => string | null): FarmView {
    const presence = this.#presence;
    return {
      self: this.#options.name,
      get me() {
        return presence.id;
      },
      isLive: (id) => presence.isLive(id),
      doubt: () => presence.doubt() ?? doubt(),
      leaseHolds: () => presence.leaseHolds(),
      seenSinceMs: (id) => this.#seenSinceMs.get(id) ?? null,
    };
  }

  #onBegin(): void {
    this.#isCaughtUp = false;
    this.#entries.clear();
    this.#presence.onBegin();
    for (const follower of this.#followers.values()) follower.onBegin();
    for (const orders of this.#orders.values()) orders.onBegin();
    for (const member of this.#platforms.values()) member.onBegin();
  }

  #onCaughtUp(): void {
    this.#isCaughtUp = true;
    this.#presence.onCaughtUp();
    this.#noteSeen();
    for (const orders of this.#orders.values()) orders.changed();
    // First: nobody is sure of the others before it knows what is ordered.
    for (const orders of this.#orders.values()) orders.onCaughtUp();
    for (const member of this.#platforms.values()) member.onCaughtUp();
    for (const follower of this.#followers.values()) follower.onCaughtUp();
  }

  #onEntry(entry: StoreEntry): void {
    this.#presence.onTold();
    if (entry.key.startsWith(PRESENCE_PREFIX)) {
      const before = this.#who();
      this.#presence.onEntry(entry);
      // A beat alone changes nothing that a platform would be told.
      if (this.#isCaughtUp && this.#who() !== before) this.#changed();
    } else if (entry.key.startsWith(PLATFORM_PREFIX)) {
      this.#entries.set(entry.key, entry);
      this.#platforms.get(entry.key.slice(PLATFORM_PREFIX.length))?.onEntry(entry);
    } else if (entry.key.startsWith(ORDERS_PREFIX)) {
      this.#entries.set(entry.key, entry);
      const platform = entry.key.slice(ORDERS_PREFIX.length);
      this.#orders.get(platform)?.onEntry(entry);
      if (this.#isCaughtUp) this.#platforms.get(platform)?.changed();
    } else {
      this.#followers.get(entry.key.slice(0, entry.key.indexOf('.') + 1))?.onEntry(entry);
    }
  }

  #who(): string {
    const ids = this.#presence.others().map(({ id }) => id);
    return `${ids.sort().join(' ')} ${this.#presence.doubt()}`;
  }

  #changed(): void {
    if (this.#presence.needsNewWatch) this.#watch?.again();
    this.#noteSeen();
    for (const orders of this.#orders.values()) orders.changed();
    for (const member of this.#platforms.values()) member.changed();
  }

  #noteSeen(): void {
    const nowMs = this.#options.clock.nowMs();
    const there = new Set(this.#presence.others().map(({ id }) => id));
    for (const id of this.#seenSinceMs.keys()) if (!there.has(id)) this.#seenSinceMs.delete(id);
    for (const id of there) if (!this.#seenSinceMs.has(id)) this.#seenSinceMs.set(id, nowMs);
  }

  #onWake(text: string): void {
    const { platform, by, why } = readWake(text);
    if (by !== this.#options.name) this.#platforms.get(platform)?.onPeerWake(by, why);
  }
}

function readWake(text: string): { platform: string; by: string; why: string } {
  try {
    const { platform, by, why } = JSON.parse(text);
    return { platform: String(platform), by: String(by), why: String(why) };
  } catch {
    return { platform: '', by: '', why: '' };
  }
}
