// One Torpor in a farm: its presence, one watch over the store, and a member for each platform.
import type { Clock, Logger } from '../platform/ports.ts';
import { type FarmView, PLATFORM_PREFIX, PlatformMember } from './platform-member.ts';
import type { MemberId } from './platform-record.ts';
import { PRESENCE_PREFIX, Presence } from './presence.ts';
import type { SharedStore, StoreEntry, StoreWatch } from './shared-store.ts';

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
  readonly #platforms = new Map<string, PlatformMember>();
  /** What the store said last of platforms that nobody has asked for yet. */
  readonly #entries = new Map<string, StoreEntry>();
  readonly #seenSinceMs = new Map<MemberId, number>();
  #watch: StoreWatch | null = null;
  #isCaughtUp = false;
  #ends: Array<() => void> = [];

  constructor(options: FarmMemberOptions) {
    this.#options = options;
    const { store, name, version, leaseMs, clock, wallMs, newBoot, log } = options;
    const onChange = () => this.#changed();
    this.#presence = new Presence({ store, name, version, leaseMs, clock, wallMs, newBoot, log, onChange });
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
    const member = new PlatformMember({ platform, view: this.#view(), store, clock, random, log, publishWake });
    this.#platforms.set(platform, member);
    const entry = this.#entries.get(platform);
    if (entry !== undefined) member.onEntry(entry);
    if (this.#isCaughtUp) member.onCaughtUp();
    return member;
  }

  /** Gives one platform up. */
  async leave(platform: string): Promise<void> {
    const member = this.#platforms.get(platform);
    this.#platforms.delete(platform);
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
    this.#watch?.stop();
    for (const end of this.#ends) end();
  }

  #view(): FarmView {
    const presence = this.#presence;
    return {
      self: this.#options.name,
      get me() {
        return presence.id;
      },
      isLive: (id) => presence.isLive(id),
      doubt: () => presence.doubt(),
      leaseHolds: () => presence.leaseHolds(),
      seenSinceMs: (id) => this.#seenSinceMs.get(id) ?? null,
    };
  }

  #onBegin(): void {
    this.#isCaughtUp = false;
    this.#entries.clear();
    this.#presence.onBegin();
    for (const member of this.#platforms.values()) member.onBegin();
  }

  #onCaughtUp(): void {
    this.#isCaughtUp = true;
    this.#presence.onCaughtUp();
    this.#noteSeen();
    for (const member of this.#platforms.values()) member.onCaughtUp();
  }

  #onEntry(entry: StoreEntry): void {
    if (entry.key.startsWith(PRESENCE_PREFIX)) {
      const before = this.#who();
      this.#presence.onEntry(entry);
      // A beat alone changes nothing that a platform would be told.
      if (this.#isCaughtUp && this.#who() !== before) this.#changed();
    } else if (entry.key.startsWith(PLATFORM_PREFIX)) {
      const platform = entry.key.slice(PLATFORM_PREFIX.length);
      this.#entries.set(platform, entry);
      this.#platforms.get(platform)?.onEntry(entry);
    }
  }

  #who(): string {
    const ids = this.#presence.others().map(({ id }) => id);
    return `${ids.sort().join(' ')} ${this.#presence.doubt()}`;
  }

  #changed(): void {
    if (this.#presence.needsNewWatch) this.#watch?.again();
    this.#noteSeen();
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
