// What all Torpors of a farm carry of one platform together, as far as they told.
import type { CarriedSums, PlatformStatus } from './status.ts';

export interface FarmSums extends Pick<CarriedSums, 'pool' | 'streams' | 'heldBytes' | 'heldStoredBytes'> {
  /** Torpors that did not tell: there may be more. */
  readonly untold: readonly string[];
}

/** One Torpor alone: its own. */
export function farmSums({ instances, ...own }: PlatformStatus): FarmSums {
  // A Torpor of before knows no others.
  const all = instances ?? [{ instance: '', carried: own }];
  const told = all.flatMap(({ carried }) => (carried === null ? [] : [carried]));
  const sum = (key: 'pool' | 'streams' | 'heldBytes' | 'heldStoredBytes') =>
    told.reduce((total, each) => total + each[key], 0);
  return {
    pool: sum('pool'),
    streams: sum('streams'),
    heldBytes: sum('heldBytes'),
    heldStoredBytes: sum('heldStoredBytes'),
    untold: all.filter(({ carried }) => carried === null).map(({ instance }) => instance),
  };
}
