// Part of the composition root: what several platforms decide together, the order of their wakes, their pools' spares, and VMs that are moved.
import { FarmEvacuation } from './compose-evacuation.ts';
import type { SharedFarm } from './compose-farm.ts';
import type { RunningPlatform } from './compose-platform.ts';
import type { PlatformConfig, TorporConfig } from './config/torpor-config.ts';
import type { Evacuations } from './farm/evacuation/evacuations.ts';
import type { Drains } from './farm/memory-farm.ts';
import { SparePools } from './farm/spare-pools.ts';
import { type CircuitMember, WakeTurns } from './farm/wake-turns.ts';
import type { DrainBook } from './history/drain-book.ts';
import type { EvacuationBook } from './history/evacuation-book.ts';
import type { EventLog } from './history/event-log.ts';
import type { Logger } from './platform/ports.ts';
import type { Broker } from './streams/broker.ts';
import { systemClock } from './system-clock.ts';

type FarmConfig = Pick<TorporConfig, 'circuits' | 'pools' | 'platforms'>;

/** Between two looks at who takes nobody new. Milliseconds. */
const CLOSE_LOOK_MS = 5_000;

export interface FarmSenseOptions {
  /** Those that run, as they are at any time. */
  readonly platforms: readonly RunningPlatform[];
  readonly drains: DrainBook;
  readonly broker: Broker;
  /** Null: this Torpor is alone. */
  readonly farm: SharedFarm | null;
  readonly evacuated: EvacuationBook;
  readonly events: EventLog;
  readonly log: Logger;
}

export class FarmSense {
  readonly turns: WakeTurns;
  readonly pools: SparePools;
  readonly evacuations: Evacuations;
  /** Where no pool places anybody new. */
  readonly drains: Drains;
  readonly #options: FarmSenseOptions;
  readonly #evacuation: FarmEvacuation;
  #cancelLook: () => void = () => {};

  /** `config` as the file has it. */
  constructor(config: FarmConfig, options: FarmSenseOptions) {
    const { circuits, pools } = config;
    this.#options = options;
    const { platforms, drains, farm, broker, evacuated: book, events, log } = options;
    broker.shared = farm?.places ?? null;
    const clock = systemClock;
    this.drains = {
      drained: drains.drained,
      set: async (name, on) => {
        const kept = drains.set(name, on);
        this.#closePlaces();
        await kept;
      },
    };
    const shared = farm?.turns ?? null;
    this.turns = new WakeTurns({ circuits, members: () => circuitMembers(platforms), clock, shared });
    const controllers = () => platforms.map(({ controller }) => controller);
    const leads = (pool: string) => farm?.leads(`spares ${pool}`) ?? true;
    this.pools = new SparePools({ pools, controllers, clock, leads });
    this.#evacuation = new FarmEvacuation(config, {
      ...{ platforms, book, events, log },
      drained: drains.drained,
    });
    this.evacuations = this.#evacuation.evacuations;
  }

  /** The platforms with each VM where it is. */
  place(config: FarmConfig): readonly PlatformConfig[] {
    return this.#evacuation.place(config);
  }

  /** Its part in them has changed. */
  changed(platform: string): void {
    this.turns.look();
    this.pools.changed(platform);
    this.#closePlaces();
  }

  /** Platforms came, or went. */
  look(): void {
    this.turns.look();
    this.pools.look();
    this.evacuations.look();
    this.#closePlaces();
    this.#cancelLook();
    this.#cancelLook = systemClock.schedule(CLOSE_LOOK_MS, () => this.#closeAgain());
  }

  /** As the file has it. */
  configure(config: FarmConfig): void {
    this.turns.configure(config.circuits);
    this.pools.configure(config.pools);
    this.#evacuation.configure(config);
  }

  stop(): void {
    this.turns.stop();
    this.pools.stop();
    this.evacuations.stop();
    this.#cancelLook();
  }

  /** Maintenance begins and ends without a change of state. */
  #closeAgain(): void {
    this.#closePlaces();
    this.#cancelLook = systemClock.schedule(CLOSE_LOOK_MS, () => this.#closeAgain());
  }

  /** Nobody is placed where nobody could be served. */
  #closePlaces(): void {
    const { platforms, drains, broker } = this.#options;
    const unfit = platforms.filter(({ controller: { model }, isRetiring }) => {
      return isRetiring || model.maintenance || (model.state === 'failed' && model.progress.phase === 'wake');
    });
    broker.close(new Set([...drains.drained, ...unfit.map(({ name }) => name)]));
  }
}

function circuitMembers(platforms: readonly RunningPlatform[]): CircuitMember[] {
  return platforms.flatMap(({ config: { circuit }, controller }) => {
    if (circuit === null) return [];
    const { name, priority, watts } = circuit;
    return [{ circuit: name, priority, watts, controller }];
  });
}
