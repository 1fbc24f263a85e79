// Part of the composition root: what several platforms decide together, the order of their wakes and their pools' spares.
import type { RunningPlatform } from './compose-platform.ts';
import type { TorporConfig } from './config/torpor-config.ts';
import { SparePools } from './farm/spare-pools.ts';
import { type CircuitMember, WakeTurns } from './farm/wake-turns.ts';
import { systemClock } from './system-clock.ts';

type FarmConfig = Pick<TorporConfig, 'circuits' | 'pools'>;

export class FarmSense {
  readonly turns: WakeTurns;
  readonly pools: SparePools;

  /** `platforms`: those that run, as they are at any time. */
  constructor({ circuits, pools }: FarmConfig, platforms: readonly RunningPlatform[]) {
    const clock = systemClock;
    this.turns = new WakeTurns({ circuits, members: () => circuitMembers(platforms), clock });
    this.pools = new SparePools({ pools, controllers: () => platforms.map(({ controller }) => controller), clock });
  }

  /** Its part in them has changed. */
  changed(platform: string): void {
    this.turns.look();
    this.pools.changed(platform);
  }

  /** Platforms came, or went. */
  look(): void {
    this.turns.look();
    this.pools.look();
  }

  configure({ circuits, pools }: FarmConfig): void {
    this.turns.configure(circuits);
    this.pools.configure(pools);
  }

  stop(): void {
    this.turns.stop();
    this.pools.stop();
  }
}

function circuitMembers(platforms: readonly RunningPlatform[]): CircuitMember[] {
  return platforms.flatMap(({ config: { circuit }, controller }) => {
    if (circuit === null) return [];
    const { name, priority, watts } = circuit;
    return [{ circuit: name, priority, watts, controller }];
  });
}
