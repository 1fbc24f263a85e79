// A platform's course through one idle interval, sleep and wake by turns, and what it costs exactly.
import type { CostRates } from './cost-model.ts';

/** What courses add up to. Mutable: loops over millions of intervals add to one. */
export interface CourseSums {
  /** Energy, waits and wear, in money. */
  cost: number;
  asleepMs: number;
  changingMs: number;
  /** Awake inside idle intervals. */
  idleMs: number;
  /** Distinct people who acted before the resume was complete. */
  waits: number;
  /** How long they waited, together. */
  waitedMs: number;
  /** Sleeps that were asked for. */
  cycles: number;
  /** Wakes ahead of anybody's arrival. */
  preWakes: number;
}

export function newSums(): CourseSums {
  return { cost: 0, asleepMs: 0, changingMs: 0, idleMs: 0, waits: 0, waitedMs: 0, cycles: 0, preWakes: 0 };
}

/** How an interval ended. `waiterMs[from … to)`: first actions of distinct people since its end, the earliest at 0 where a person ended it. */
export interface Arrival {
  readonly endMs: number;
  /** False where the record ended: then nothing resumes. */
  readonly hasArrival: boolean;
  readonly waiterMs: ArrayLike<number>;
  readonly waiterFrom: number;
  readonly waiterTo: number;
}

/**
 * Adds the course of one interval to `sums`. `momentsMs` ascend: sleep, wake, sleep, …, Unix milliseconds. A sleep at the
 * very end does not happen; a wake that is asked for while it suspends begins when it is suspended, as an arrival's does.
 * The resume after the arrival counts here. Returns this interval's cost.
 */
export function addCourse(
  rates: CostRates,
  momentsMs: ArrayLike<number>,
  beginMs: number,
  arrival: Arrival,
  sums: CourseSums,
): number {
  const { endMs } = arrival;
  let awakeFromMs = beginMs;
  let idleMs = 0;
  let asleepMs = 0;
  let changingMs = 0;
  let cycles = 0;
  let readyMs = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < momentsMs.length; index += 2) {
    const sleepMs = Math.max(momentsMs[index] as number, awakeFromMs);
    if (sleepMs >= endMs) break;
    idleMs += sleepMs - awakeFromMs;
    cycles += 1;
    const suspendedMs = sleepMs + rates.suspendMs;
    const isWoken = index + 1 < momentsMs.length && (momentsMs[index + 1] as number) < endMs;
    const wakeMs = Math.max(isWoken ? (momentsMs[index + 1] as number) : endMs, suspendedMs);
    if (!arrival.hasArrival && wakeMs >= endMs) {
      const fallsAsleepMs = Math.min(suspendedMs, endMs);
      changingMs += fallsAsleepMs - sleepMs;
      asleepMs += endMs - fallsAsleepMs;
      awakeFromMs = endMs;
      break;
    }
    asleepMs += wakeMs - suspendedMs;
    changingMs += rates.suspendMs + rates.resumeMs;
    awakeFromMs = wakeMs + rates.resumeMs;
    if (isWoken && wakeMs < endMs) sums.preWakes += 1;
    readyMs = awakeFromMs;
    if (awakeFromMs >= endMs) break;
  }
  if (awakeFromMs < endMs) idleMs += endMs - awakeFromMs;
  const waits = readyMs > endMs ? addWaits(arrival, readyMs, sums) : 0;
  const cost =
    idleMs * rates.idlePerMs +
    asleepMs * rates.asleepPerMs +
    changingMs * rates.transitionPerMs +
    cycles * rates.cycle +
    waits * rates.wait;
  sums.cost += cost;
  sums.asleepMs += asleepMs;
  sums.changingMs += changingMs;
  sums.idleMs += idleMs;
  sums.cycles += cycles;
  return cost;
}

function addWaits({ endMs, waiterMs, waiterFrom, waiterTo }: Arrival, readyMs: number, sums: CourseSums): number {
  let waits = 0;
  for (let index = waiterFrom; index < waiterTo; index += 1) {
    const waitedMs = readyMs - endMs - (waiterMs[index] as number);
    if (waitedMs <= 0) break;
    waits += 1;
    sums.waitedMs += waitedMs;
  }
  sums.waits += waits;
  return waits;
}
