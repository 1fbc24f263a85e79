// The backward programme of a plan against a plain one that counts both costs, awake and asleep, from the horizon on.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CostRates, toRates } from '../../src/policy/cost-model.ts';
import { GRID_STEPS, PLAN_HORIZON_MS, STEP_BEGIN_MS, STEP_LENGTH_MS } from '../../src/policy/plan-grid.ts';
import { PlanProgram } from '../../src/policy/plan-program.ts';
import { SeededRandom } from '../../src/policy/random.ts';
import { drawSeed, runs } from '../core/support/seed.ts';
import { anyCosts, MONDAY_MS } from './support.ts';

const SEED = drawSeed('plan program');
const HOUR_MS = 3_600_000;
const anyDay = fc.record({ costs: anyCosts, seed: fc.nat(), isAsleep: fc.boolean() });

/** Returns an hour that change every few steps, from one in weeks to one a minute, as days and nights do. */
function fillRates(program: PlanProgram, seed: number): void {
  const random = new SeededRandom(seed);
  let [people, jobs] = [0, 0];
  for (let step = 0; step < GRID_STEPS; step += 1) {
    if (step === 0 || random.chance(0.15))
      people = random.chance(0.1) ? 0 : 10 ** (random.next() * 4.5 - 2.7) / HOUR_MS;
    if (step === 0 || random.chance(0.05)) jobs = random.chance(0.8) ? 0 : 10 ** (random.next() * 3 - 2) / HOUR_MS;
    program.people[step] = people;
    program.jobs[step] = jobs;
  }
}

function planPlainly({ people, jobs }: PlanProgram, rates: CostRates, isAsleepAtFirst: boolean): number[] {
  const { idlePerMs, asleepPerMs, transitionPerMs, suspendMs, resumeMs, cycle, wait } = rates;
  const sleepCost = cycle + suspendMs * (transitionPerMs - asleepPerMs);
  const wakeCost = resumeMs * (transitionPerMs - asleepPerMs);
  const changes: Array<{ sleeps: boolean; wakes: boolean }> = [];
  let [awake, asleep] = [wakeCost, 0];
  for (let step = GRID_STEPS - 1; step >= 0; step -= 1) {
    const [lengthMs, person, job] = [STEP_LENGTH_MS[step], people[step], jobs[step]] as [number, number, number];
    const all = person + job;
    const survives = Math.exp(-all * lengthMs);
    const expectedMs = all * lengthMs < 1e-9 ? lengthMs : (1 - survives) / all;
    const comes = all > 0 ? (1 - survives) * (resumeMs * transitionPerMs + (wait * person) / all) : 0;
    const stayAwake = expectedMs * idlePerMs + survives * awake;
    const stayAsleep = expectedMs * asleepPerMs + comes + survives * asleep;
    changes[step] = { sleeps: sleepCost + stayAsleep < stayAwake, wakes: wakeCost + stayAwake < stayAsleep };
    awake = Math.min(stayAwake, sleepCost + stayAsleep);
    asleep = Math.min(stayAsleep, wakeCost + stayAwake);
  }
  const momentsMs: number[] = [];
  let isAsleep = isAsleepAtFirst;
  for (const [step, { sleeps, wakes }] of changes.entries()) {
    if (!(isAsleep ? wakes : sleeps)) continue;
    const stepMs = MONDAY_MS + (STEP_BEGIN_MS[step] as number);
    momentsMs.push(isAsleep ? Math.max(MONDAY_MS, stepMs - resumeMs) : stepMs);
    isAsleep = !isAsleep;
  }
  return momentsMs;
}

describe('the programme of a plan', () => {
  it('any rates and costs -> the moments of the plain one', () => {
    let changes = 0;
    fc.assert(
      fc.property(anyDay, ({ costs, seed, isAsleep }) => {
        const rates = toRates(costs);
        const program = new PlanProgram(rates);
        fillRates(program, seed);
        const planned = program.solve(MONDAY_MS, isAsleep, rates.wait);
        changes += planned?.length ?? 0;
        expect(planned).toEqual(planPlainly(program, rates, isAsleep));
      }),
      runs(300, SEED),
    );
    expect(changes).toBeGreaterThan(300);
  });

  it('needed up to a moment, later rates not filled in -> what the whole plan says before it, or nothing', () => {
    let answered = 0;
    const neededMs = fc.integer({ min: 0, max: PLAN_HORIZON_MS });
    fc.assert(
      fc.property(anyDay, neededMs, ({ costs, seed, isAsleep }, neededMs) => {
        const rates = toRates(costs);
        const program = new PlanProgram(rates);
        fillRates(program, seed);
        const untilMs = MONDAY_MS + neededMs;
        const soon = (momentsMs: readonly number[]) => momentsMs.filter((momentMs) => momentMs < untilMs);
        const whole = soon(planPlainly(program, rates, isAsleep));
        const steps = program.stepsFor(neededMs);
        program.people.fill(Number.NaN, steps);
        program.jobs.fill(Number.NaN, steps);
        const planned = program.solve(MONDAY_MS, isAsleep, rates.wait, steps, untilMs);
        if (planned === null) return;
        answered += 1;
        expect(soon(planned)).toEqual(whole);
      }),
      runs(300, SEED),
    );
    // Whatever the drawn prices, most are answered.
    expect(answered).toBeGreaterThan(100);
  });
});
