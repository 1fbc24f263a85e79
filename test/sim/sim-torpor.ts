// One Torpor of a simulated world: a process that starts, stands still, dies and starts again, with its place among the others where there are any.
import { FarmMember } from '../../src/farm/farm-member.ts';
import type { MemoryStore } from '../../src/farm/memory-store.ts';
import type { MemberId } from '../../src/farm/platform-record.ts';
import type { StreamRegistry } from '../../src/streams/stream-registry.ts';
import { PausedClock } from '../farm/support/paused-clock.ts';
import type { EventClock } from './event-clock.ts';
import { ProcessClock } from './process-clock.ts';
import { QuietRegistry } from './quiet-registry.ts';
import { SilentLog } from './silent-log.ts';
import { makeCore } from './sim-core.ts';
import type { WatchedStore } from './watched-store.ts';

/** One process of Torpor, and what all of its platforms share. */
export interface Life {
  readonly clock: ProcessClock;
  readonly registry: StreamRegistry;
  /** Null: it is alone. */
  readonly member: FarmMember | null;
}

/** What several share. */
export interface SharedWorld {
  readonly store: WatchedStore;
  readonly random: () => number;
  /** Of each, by its place: how fast its clock runs. */
  readonly rates: readonly number[];
}

export class SimTorpor {
  readonly name: string;
  readonly place: number;
  /** When the process was stopped last, and went on. */
  readonly paused = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.NEGATIVE_INFINITY };
  isCutFromBmc = false;
  /** What its wall clock says beside the truth. */
  wallOffMs = 0;
  lives = 0;
  readonly #clock: EventClock;
  /** Null: it is alone. */
  readonly #shared: SharedWorld | null;
  readonly #skips: boolean;
  #life: Life | null = null;
  #store: MemoryStore | null = null;
  #boots = 0;
  #cut: { readonly silent: boolean } | null = null;

  constructor(place: number, clock: EventClock, shared: SharedWorld | null, skips: boolean) {
    this.place = place;
    this.name = `t${place + 1}`;
    this.#clock = clock;
    this.#shared = shared;
    this.#skips = skips;
  }

  /** Behind a platform's name in the story. */
  get suffix(): string {
    return this.#shared === null ? '' : `/${this.name}`;
  }

  life(): Life | null {
    return this.#life;
  }

  /** This run of it, as the others know it. */
  get id(): MemberId {
    return `${this.name}@${this.#bootName}`;
  }

  start(): Life {
    this.lives += 1;
    const clock = new ProcessClock(this.#clock);
    const registry = new QuietRegistry({ core: makeCore(), clock }, this.#skips);
    registry.start();
    this.#life = { clock, registry, member: this.#join(clock) };
    return this.#life;
  }

  /** kill -9. */
  kill(): void {
    this.#life?.registry.stop();
    this.#life?.clock.kill();
    this.#life = null;
    if (this.#store !== null) this.#shared?.store.clients.delete(this.#store);
    this.#store = null;
  }

  pause(forMs: number): void {
    this.paused.fromMs = this.#clock.nowMs();
    this.paused.toMs = this.#clock.nowMs() + forMs;
    this.#life?.clock.pause(forMs);
  }

  /** Nothing passes between it and the store, from now on and also in its next life. `silent`: nobody tells it so. */
  cutFromStore(how: { readonly silent: boolean } | null): void {
    this.#cut = how;
    if (how === null) this.#store?.mend();
    else this.#store?.cut(how);
  }

  /** Its clock runs a little fast or slow, and began at another moment than the others': nobody may compare them. */
  #join(life: ProcessClock): FarmMember | null {
    if (this.#shared === null) return null;
    const { store: world, random, rates } = this.#shared;
    const clock = new PausedClock(life, rates[this.place]);
    const store = world.client(life);
    this.#store = store;
    if (this.#cut !== null) store.cut(this.#cut);
    const { name } = this;
    const newBoot = () => {
      this.#boots += 1;
      return this.#bootName;
    };
    const wallMs = () => this.#clock.nowMs() + this.wallOffMs;
    const times = { leaseMs: world.leaseMs, clock, wallMs, newBoot };
    const member = new FarmMember({ store, name, version: '0.0.0', random, log: new SilentLog(), ...times });
    member.start();
    return member;
  }

  get #bootName(): string {
    return `run${this.#boots}`;
  }
}
