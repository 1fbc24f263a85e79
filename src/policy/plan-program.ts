// The backward dynamic programme over a plan's grid: when to sleep, when to wake ahead, given how likely somebody comes.
import type { CostRates } from './cost-model.ts';
import { GRID_STEPS, PLAN_HORIZON_MS, STEP_BEGIN_MS, STEP_LENGTH_MS } from './plan-grid.ts';

/** The cheapest plan in expectation. One instance per policy: it owns its working memory. */
export class PlanProgram {
  readonly #rates: CostRates;
  /** 1 where a platform that is awake at a step's begin should sleep, or one that sleeps should wake. */
  readonly #sleepNow = new Uint8Array(GRID_STEPS + 1);
  readonly #wakeNow = new Uint8Array(GRID_STEPS + 1);
  readonly people = new Float64Array(GRID_STEPS);
  readonly jobs = new Float64Array(GRID_STEPS);

  constructor(rates: CostRates) {
    this.#rates = rates;
  }

  /** Moments of change from `atMs` on, by the rates in `people` and `jobs`; `wait` is the price of a waiting person. */
  solve(atMs: number, isAsleep: boolean, wait: number): number[] {
    this.#goBackwards(wait);
    return this.#readPlan(atMs, isAsleep);
  }

  #goBackwards(wait: number): void {
    const { people, jobs } = this;
    const rates = this.#rates;
    const { idlePerMs, asleepPerMs } = rates;
    const sleepNow = this.#sleepNow;
    const wakeNow = this.#wakeNow;
    const sleepCost = rates.cycle + rates.suspendMs * (rates.transitionPerMs - rates.asleepPerMs);
    const wakeCost = rates.resumeMs * (rates.transitionPerMs - rates.asleepPerMs);
    const resumeCost = rates.resumeMs * rates.transitionPerMs;
    let awake = wakeCost;
    let asleep = 0;
    for (let step = GRID_STEPS - 1; step >= 0; step -= 1) {
      const lengthMs = STEP_LENGTH_MS[step] as number;
      const comingPeople = people[step] as number;
      const all = comingPeople + (jobs[step] as number);
      const survives = Math.exp(-all * lengthMs);
      const expectedMs = all * lengthMs < 1e-9 ? lengthMs : (1 - survives) / all;
      const comes = all > 0 ? (1 - survives) * (resumeCost + (wait * comingPeople) / all) : 0;
      const stayAwake = expectedMs * idlePerMs + survives * awake;
      const stayAsleep = expectedMs * asleepPerMs + comes + survives * asleep;
      sleepNow[step] = sleepCost + stayAsleep < stayAwake ? 1 : 0;
      wakeNow[step] = wakeCost + stayAwake < stayAsleep ? 1 : 0;
      awake = Math.min(stayAwake, sleepCost + stayAsleep);
      asleep = Math.min(stayAsleep, wakeCost + stayAwake);
    }
  }

  #readPlan(atMs: number, wasAsleep: boolean): number[] {
    const momentsMs: number[] = [];
    let isAsleep = wasAsleep;
    for (let step = 0; step < GRID_STEPS; step += 1) {
      const stepMs = atMs + (STEP_BEGIN_MS[step] as number);
      if (!isAsleep && this.#sleepNow[step] === 1) {
        momentsMs.push(stepMs);
        isAsleep = true;
      } else if (isAsleep && this.#wakeNow[step] === 1) {
        momentsMs.push(Math.max(atMs, stepMs - this.#rates.resumeMs));
        isAsleep = false;
      }
    }
    return momentsMs;
  }
}

/** When a plan is to be made anew. */
export function reviewAtMs(atMs: number): number {
  return atMs + PLAN_HORIZON_MS / 2;
}
