// The backward dynamic programme over a plan's grid: when to sleep, when to wake ahead, given how likely somebody comes.
import type { CostRates } from './cost-model.ts';
import { firstStepFrom, GRID_STEPS, PLAN_HORIZON_MS, STEP_BEGIN_MS, STEP_LENGTH_MS } from './plan-grid.ts';

/** How far beyond what is needed rates are looked at first: in nine of ten plans nothing later changes what comes before. */
const LOOK_BEYOND_MS = 30 * 60_000;

/** The cheapest plan in expectation. One instance per policy: it owns its working memory. */
export class PlanProgram {
  readonly #rates: CostRates;
  /**
   * What a platform that is awake at a step's begin costs beyond one that sleeps, if both stay so over the step: above the price of
   * a sleep it should sleep, below that of a wake (negative) it should wake.
   */
  readonly #beyond = new Float64Array(GRID_STEPS);
  readonly people = new Float64Array(GRID_STEPS);
  readonly jobs = new Float64Array(GRID_STEPS);

  constructor(rates: CostRates) {
    this.#rates = rates;
  }

  /** How many steps' rates are looked at for a plan that is needed up to a time since its making: GRID_STEPS for the whole of it. */
  stepsFor(neededMs: number): number {
    return firstStepFrom(neededMs + this.#rates.resumeMs + LOOK_BEYOND_MS);
  }

  /**
   * Moments of change from `atMs` on, by the rates in the first `steps` of `people` and `jobs`; `wait` is the price of a waiting person.
   * Moments before `neededUntilMs` are all there, later ones may be missing. Null where later steps than these have a say in them.
   */
  solve(
    atMs: number,
    isAsleep: boolean,
    wait: number,
    steps = GRID_STEPS,
    neededUntilMs = Number.POSITIVE_INFINITY,
  ): number[] | null {
    const settledSteps = this.#goBackwards(wait, steps);
    // A wake is asked for a resume ahead of its step.
    const neededSteps = firstStepFrom(neededUntilMs - atMs + this.#rates.resumeMs);
    return settledSteps < neededSteps ? null : this.#readPlan(atMs, isAsleep, settledSteps);
  }

  /**
   * Goes back from `steps` to the first and answers how many of the first steps are settled. Only the difference between being awake
   * and asleep decides, and it is never above the price of a sleep nor below that of a wake, since either may be changed into the other.
   * So whatever comes after the last step lies between these two: from where both have led to the same difference nothing later matters,
   * and that is soon, since what five minutes awake cost is more than a sleep and a wake.
   */
  #goBackwards(wait: number, steps: number): number {
    const { people, jobs } = this;
    const rates = this.#rates;
    const beyond = this.#beyond;
    const savedPerMs = rates.idlePerMs - rates.asleepPerMs;
    const sleepCost = rates.cycle + rates.suspendMs * (rates.transitionPerMs - rates.asleepPerMs);
    const wakeCost = rates.resumeMs * (rates.transitionPerMs - rates.asleepPerMs);
    const resumeCost = rates.resumeMs * rates.transitionPerMs;
    // At the horizon being awake is charged as a wake.
    let high = steps === GRID_STEPS ? wakeCost : sleepCost;
    let low = steps === GRID_STEPS ? wakeCost : -wakeCost;
    let settledSteps = high === low ? steps : 0;
    for (let step = steps - 1; step >= 0; step -= 1) {
      const lengthMs = STEP_LENGTH_MS[step] as number;
      const comingPeople = people[step] as number;
      const all = comingPeople + (jobs[step] as number);
      const survives = Math.exp(-all * lengthMs);
      const expectedMs = all * lengthMs < 1e-9 ? lengthMs : (1 - survives) / all;
      const comes = all > 0 ? (1 - survives) * (resumeCost + (wait * comingPeople) / all) : 0;
      const now = expectedMs * savedPerMs - comes;
      beyond[step] = now + survives * high;
      high = Math.max(-wakeCost, Math.min(sleepCost, now + survives * high));
      if (settledSteps > 0) continue;
      low = Math.max(-wakeCost, Math.min(sleepCost, now + survives * low));
      if (low === high) settledSteps = step;
    }
    return settledSteps;
  }

  #readPlan(atMs: number, wasAsleep: boolean, steps: number): number[] {
    const { cycle, suspendMs, resumeMs, transitionPerMs, asleepPerMs } = this.#rates;
    const sleepCost = cycle + suspendMs * (transitionPerMs - asleepPerMs);
    const wakeCost = resumeMs * (transitionPerMs - asleepPerMs);
    const beyond = this.#beyond;
    const momentsMs: number[] = [];
    let isAsleep = wasAsleep;
    for (let step = 0; step < steps; step += 1) {
      const excess = beyond[step] as number;
      if (!isAsleep && excess > sleepCost) {
        momentsMs.push(atMs + (STEP_BEGIN_MS[step] as number));
        isAsleep = true;
      } else if (isAsleep && excess < -wakeCost) {
        momentsMs.push(Math.max(atMs, atMs + (STEP_BEGIN_MS[step] as number) - resumeMs));
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
