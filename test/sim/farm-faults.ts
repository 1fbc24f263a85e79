// What goes wrong between several Torpors of a simulated world, and with one of them: how each kind comes and goes. When they come is the plan's.
import type { Random } from '../platform/random.ts';
import type { EventClock } from './event-clock.ts';
import type { FarmFaultKind, Fault } from './fault-plan.ts';
import { type Moment, RECOVERY_MS } from './platform-faults.ts';
import type { SimTorpor } from './sim-torpor.ts';
import type { WatchedStore } from './watched-store.ts';

/** A way that is longer than a request is waited for: answers come late, when nobody waits. */
const SLOW_WAY_MS = [50, 4000] as const;
const LOSSES = { lostRequests: 0.15, lostAnswers: 0.15, doubles: 0.3, lostMessages: 0.4 };
const NO_LOSSES = { lostRequests: 0, lostAnswers: 0, doubles: 0, lostMessages: 0 };

export interface FaultyFarm {
  readonly clock: EventClock;
  readonly random: Random;
  anyTorpor(): SimTorpor;
  /** Whatever was left out of its readings is made up for. */
  catchUp(torpor: SimTorpor): void;
  exclude(forMs: number): void;
  /** At the next such moment of some platform. */
  armAnywhere(moment: Moment, strike: (torpor: SimTorpor) => void): void;
  crash(torpor: SimTorpor | null, forMs: number): void;
  pause(torpor: SimTorpor | null, forMs: number): void;
}

export class FarmFaults {
  readonly #farm: FaultyFarm;
  readonly #store: WatchedStore;
  readonly #usualDelayMs: readonly [number, number];

  constructor(farm: FaultyFarm, store: WatchedStore) {
    this.#farm = farm;
    this.#store = store;
    this.#usualDelayMs = store.faults.delayMs;
  }

  strike(fault: Fault<FarmFaultKind>): void {
    this.#kinds[fault.kind](fault, this.#farm.anyTorpor());
  }

  /** One entry for each kind. */
  readonly #kinds: Readonly<Record<FarmFaultKind, (fault: Fault, torpor: SimTorpor) => void>> = {
    'store-slow': (fault) =>
      this.#lasts(fault, (on) => {
        this.#store.faults.delayMs = on ? SLOW_WAY_MS : this.#usualDelayMs;
      }),
    'store-loses': (fault) =>
      this.#lasts(fault, (on) => void Object.assign(this.#store.faults, on ? LOSSES : NO_LOSSES)),
    'store-down': (fault) =>
      this.#lasts(fault, (on) => {
        this.#store.answers = !on;
      }),
    'cut-from-store': (fault, torpor) => this.#lasts(fault, (on) => torpor.cutFromStore(on ? { silent: false } : null)),
    'cut-from-store-unawares': (fault, torpor) =>
      this.#lasts(fault, (on) => torpor.cutFromStore(on ? { silent: true } : null)),
    'cut-from-bmc': (fault, torpor) =>
      this.#lasts(fault, (on) => {
        this.#farm.catchUp(torpor);
        torpor.isCutFromBmc = on;
      }),
    'clock-jumps': ({ forMs }, torpor) => {
      this.#farm.exclude(this.#leftBehindMs);
      torpor.wallOffMs += forMs;
    },
    'farm-pause': ({ forMs }, torpor) => this.#farm.pause(torpor, forMs),
    'farm-crash': ({ forMs }, torpor) => this.#farm.crash(torpor, forMs),
    // Stopped between the decision and the packet that acts: what it decided on may be over by then.
    'pause-at-press': ({ forMs }) => this.#farm.armAnywhere('press', (torpor) => this.#farm.pause(torpor, forMs)),
  };

  /** Until everybody is sure of everybody again. */
  get #leftBehindMs(): number {
    return 2 * this.#store.leaseMs + RECOVERY_MS;
  }

  #lasts({ forMs }: Fault, set: (on: boolean) => void): void {
    this.#farm.exclude(forMs + this.#leftBehindMs);
    set(true);
    this.#farm.clock.schedule(forMs, () => set(false));
  }
}
