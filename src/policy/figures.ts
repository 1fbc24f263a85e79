// What sums say: money and energy against always-on, the optimum and `fixed 10m`. Arithmetic only.
import type { CostModel, CostRates } from './cost-model.ts';
import type { CourseSums } from './idle-course.ts';
import type { IntervalList } from './interval-list.ts';
import { DAY_MS } from './local-time.ts';
import type { ReplayWindow } from './replay.ts';

/** Watts times milliseconds in a kilowatt-hour. */
export const MS_PER_KWH_WATT = 3.6e9;

/** Idle time within the window, and what it costs to idle through all of it. */
export function sumAlwaysOn(
  list: IntervalList,
  rates: CostRates,
  window: ReplayWindow = list,
): { idleMs: number; cost: number } {
  const idleMs = sumIdleMs(list, window);
  return { idleMs, cost: idleMs * rates.idlePerMs };
}

function sumIdleMs(list: IntervalList, window: ReplayWindow): number {
  let idleMs = 0;
  for (let index = 0; index < list.beginMs.length; index += 1) {
    const beginMs = list.beginMs[index] as number;
    if (beginMs >= window.fromMs && beginMs < window.toMs) idleMs += (list.endMs[index] as number) - beginMs;
  }
  return idleMs;
}

/** S: the share of what could be saved that was saved; null where nothing could be. */
export function savedShare(alwaysCost: number, optimumCost: number, cost: number): number | null {
  return alwaysCost - optimumCost > 1e-12 ? (alwaysCost - cost) / (alwaysCost - optimumCost) : null;
}

/** Energy of a course inside idle intervals, in kWh. */
export function courseKwh(costs: CostModel, sums: CourseSums): number {
  const wattMs =
    sums.idleMs * costs.idleWatts + sums.asleepMs * costs.asleepWatts + sums.changingMs * costs.transitionWatts;
  return wattMs / MS_PER_KWH_WATT;
}

/** Energy outside idle intervals, which no policy changes: busy, or between activities too close for an interval. */
export function outsideKwh(list: IntervalList, costs: CostModel, window: ReplayWindow = list): number {
  const firstDay = Math.round((window.fromMs - list.fromMs) / DAY_MS);
  const busyMs = list.busyMsByDay.slice(firstDay).reduce((sum, ms) => sum + ms, 0);
  const idleMs = sumIdleMs(list, window);
  const restMs = Math.max(0, window.toMs - window.fromMs - idleMs - busyMs);
  return (busyMs * costs.busyWatts + restMs * costs.idleWatts) / MS_PER_KWH_WATT;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** y at x on the line through the points, ordered by x; null beyond their ends. */
export function interpolate(points: readonly Point[], x: number): number | null {
  const sorted = [...points].sort((one, other) => one.x - other.x);
  for (let index = 1; index < sorted.length; index += 1) {
    const [left, right] = [sorted[index - 1] as Point, sorted[index] as Point];
    if (x < left.x || x > right.x) continue;
    return right.x === left.x ? left.y : left.y + ((right.y - left.y) * (x - left.x)) / (right.x - left.x);
  }
  return null;
}
