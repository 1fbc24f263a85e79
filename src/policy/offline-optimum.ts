// The best that anybody could have done who knew the future: exact, by dynamic programming, once allowed to wake ahead, once not.
import type { CostRates } from './cost-model.ts';
import { type Arrival, addCourse, type CourseSums, newSums } from './idle-course.ts';
import type { IntervalList } from './interval-list.ts';
import { ArrivalCursor, type ReplayWindow } from './replay.ts';

/** The optimum's sums over the intervals that begin within the window. */
export function sumOptimum(
  list: IntervalList,
  rates: CostRates,
  mayWakeAhead: boolean,
  window: ReplayWindow = list,
): CourseSums {
  const sums = newSums();
  const cursor = new ArrivalCursor(list);
  for (let index = 0; index < list.beginMs.length; index += 1) {
    const beginMs = list.beginMs[index] as number;
    if (beginMs < window.fromMs || beginMs >= window.toMs) continue;
    const arrival = cursor.moveTo(index);
    addCourse(rates, bestCourse(rates, beginMs, arrival, mayWakeAhead), beginMs, arrival, sums);
  }
  return sums;
}

/**
 * The cheapest course of one interval. Cost is piecewise linear in the moment of each change, so that some cheapest course changes
 * only at the interval's begin, or where a resume ends with the arrival or somebody's first action. Those moments are the stages; the programme goes
 * backwards over them with the cheapest rest of the way for a platform that sleeps. Whoever wakes at a stage is ready when the first
 * person acts, or later: awake there is no way but to the end. Intervals do not meet, since the lag before each is as long as a sleep
 * and a wake: so the sum over all of them is the optimum of the whole record.
 */
export function bestCourse(rates: CostRates, beginMs: number, arrival: Arrival, mayWakeAhead: boolean): number[] {
  const { endMs, hasArrival } = arrival;
  if (endMs <= beginMs) return [];
  const asleepFromMs = beginMs + rates.suspendMs;
  const untilMs = Math.max(endMs, asleepFromMs);
  let cheapestRest = hasArrival ? wakeCost(rates, untilMs, arrival) : 0;
  let wakeMs = Number.POSITIVE_INFINITY;
  let stageMs = untilMs;
  const stagesMs = mayWakeAhead && hasArrival ? usefulWakes(rates, asleepFromMs, arrival) : [];
  for (const earlierMs of stagesMs) {
    cheapestRest += (stageMs - earlierMs) * rates.asleepPerMs;
    stageMs = earlierMs;
    const wakeNow = wakeCost(rates, earlierMs, arrival);
    if (wakeNow <= cheapestRest) [cheapestRest, wakeMs] = [wakeNow, earlierMs];
  }
  const suspending =
    (hasArrival ? rates.suspendMs : Math.min(rates.suspendMs, endMs - beginMs)) * rates.transitionPerMs;
  const sleeping = Math.max(0, stageMs - asleepFromMs) * rates.asleepPerMs;
  const sleep = rates.cycle + suspending + sleeping + cheapestRest;
  if (sleep >= (endMs - beginMs) * rates.idlePerMs) return [];
  return wakeMs === Number.POSITIVE_INFINITY ? [beginMs] : [beginMs, wakeMs];
}

/** Moments from which a resume ends just when somebody acts, or with the interval (a job's), latest first. */
function usefulWakes(rates: CostRates, asleepFromMs: number, arrival: Arrival): number[] {
  const wakesMs: number[] = [];
  for (let index = arrival.waiterTo - 1; index >= arrival.waiterFrom; index -= 1) {
    const wakeMs = arrival.endMs + (arrival.waiterMs[index] as number) - rates.resumeMs;
    if (wakeMs >= asleepFromMs && wakeMs < arrival.endMs) wakesMs.push(wakeMs);
  }
  const lastMs = arrival.endMs - rates.resumeMs;
  if (lastMs >= asleepFromMs && wakesMs.at(-1) !== lastMs) wakesMs.push(lastMs);
  return wakesMs;
}

/** A wake from this moment on: the resume, and whoever acts before its end. */
function wakeCost(rates: CostRates, wakeMs: number, arrival: Arrival): number {
  const readyMs = wakeMs + rates.resumeMs;
  let waits = 0;
  for (let index = arrival.waiterFrom; index < arrival.waiterTo; index += 1) {
    if (arrival.endMs + (arrival.waiterMs[index] as number) < readyMs) waits += 1;
  }
  return rates.resumeMs * rates.transitionPerMs + waits * rates.wait;
}
