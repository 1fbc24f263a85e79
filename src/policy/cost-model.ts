// What an idle interval costs: energy of idling, sleeping and changing between them, waiting people, wear. No policy is here.
import { TorporError } from '../platform/errors.ts';

/** An interval begins this long after the last activity, unless a sleep and a wake together take longer. */
export const IDLE_LAG_MS = 60_000;

/** What a platform draws and how long it changes, and what its owner pays. */
export interface CostModel {
  readonly busyWatts: number;
  readonly idleWatts: number;
  readonly asleepWatts: number;
  /** Drawn while it suspends or resumes. */
  readonly transitionWatts: number;
  readonly suspendMs: number;
  readonly resumeMs: number;
  readonly pricePerKwh: number;
  /** For each distinct person who acts before the resume is complete. */
  readonly pricePerWait: number;
  /** Wear of one sleep and wake. Never zero: a policy that flutters must not look free. */
  readonly pricePerCycle: number;
}

/** The platform: a server with S3. The price per cycle is an assumption, see docs/savings.md. */
export const DEFAULT_COSTS: CostModel = {
  busyWatts: 300,
  idleWatts: 175,
  asleepWatts: 8,
  transitionWatts: 175,
  suspendMs: 5000,
  resumeMs: 8000,
  pricePerKwh: 0.3,
  pricePerWait: 0.02,
  pricePerCycle: 0.001,
};

/** The same in money per millisecond, as the loops need it. */
export interface CostRates {
  readonly idlePerMs: number;
  readonly asleepPerMs: number;
  readonly transitionPerMs: number;
  readonly suspendMs: number;
  readonly resumeMs: number;
  readonly wait: number;
  readonly cycle: number;
  /** What a sleep and a wake cost beyond the idle time they replace, one waiting person included: the skis of ski rental. */
  readonly sleepAndWake: number;
}

/** Checks the model and brings it into rates. Throws ERR_CONFIG_INVALID where it makes no sense. */
export function toRates(costs: CostModel): CostRates {
  checkCosts(costs);
  const perMs = (watts: number) => (watts * costs.pricePerKwh) / 3.6e9;
  const { suspendMs, resumeMs } = costs;
  const [idlePerMs, asleepPerMs, transitionPerMs] = [costs.idleWatts, costs.asleepWatts, costs.transitionWatts].map(
    perMs,
  );
  const rates = {
    idlePerMs: idlePerMs as number,
    asleepPerMs: asleepPerMs as number,
    transitionPerMs: transitionPerMs as number,
    suspendMs,
    resumeMs,
    wait: costs.pricePerWait,
    cycle: costs.pricePerCycle,
  };
  const change = suspendMs * (rates.transitionPerMs - rates.asleepPerMs) + resumeMs * rates.transitionPerMs;
  return { ...rates, sleepAndWake: change + rates.cycle + rates.wait };
}

/** How long after the last activity an interval begins: long enough that no resume reaches into the next one. */
export function idleLagMs({ suspendMs, resumeMs }: CostModel): number {
  return Math.max(IDLE_LAG_MS, suspendMs + resumeMs);
}

/** Idle time worth as much as a sleep and a wake with one person who waits, in whole milliseconds, none too many. */
export function breakEvenMs(rates: CostRates): number {
  return Math.floor(rates.sleepAndWake / (rates.idlePerMs - rates.asleepPerMs));
}

function checkCosts(costs: CostModel): void {
  const refuse = (why: string) => {
    throw new TorporError('ERR_CONFIG_INVALID', `cost model: ${why}`);
  };
  for (const [name, value] of Object.entries(costs)) {
    if (!Number.isFinite(value) || value < 0) refuse(`${name} is ${value}: give a number of 0 or more`);
  }
  if (costs.asleepWatts >= costs.idleWatts) refuse('asleepWatts must be below idleWatts, else sleeping saves nothing');
  if (costs.transitionWatts < costs.idleWatts) refuse('transitionWatts must not be below idleWatts');
  if (costs.resumeMs === 0) refuse('resumeMs must be above 0: no platform is there at once');
  if (costs.pricePerKwh === 0) refuse('pricePerKwh must be above 0');
  if (costs.pricePerCycle === 0) refuse('pricePerCycle must be above 0: wear is never free');
}
