// Plays one seed, leaves out what a failure does not need, and plays blocks of seeds for whoever sums them up.
import { SimTotals } from './sim-totals.ts';
import { type SimFigures, type SimPlan, SimWorld } from './sim-world.ts';

const LAST_LINES = 60;

export interface Played {
  readonly plan: SimPlan;
  readonly world: SimWorld;
  readonly figures: SimFigures | null;
  readonly invariant: string | null;
  readonly why: string;
}

export async function playSeed(plan: SimPlan): Promise<Played> {
  const { world, figures, problem } = await SimWorld.play(plan);
  return { plan, world, figures, invariant: problem?.invariant ?? null, why: problem?.message ?? '' };
}

/** Leaves out one fault after the other as long as the same invariant fails. */
export async function shrinkFaults(failed: Played): Promise<Played> {
  let least = failed;
  let places = failed.plan.faults ?? failed.world.faults.map((_, place) => place);
  for (const place of [...places]) {
    const fewer = places.filter((other) => other !== place);
    const played = await playSeed({ ...failed.plan, faults: fewer });
    if (played.invariant !== failed.invariant) continue;
    places = fewer;
    least = played;
  }
  return least;
}

/** The first seed of a block that was wrong. Plain data. */
export interface Failure {
  readonly seed: number;
  readonly invariant: string;
  readonly why: string;
  /** The end of its story, and how to play it again; empty where nobody asked for it. */
  readonly story: string;
}

export interface BlockPlan extends Omit<SimPlan, 'seed'> {
  readonly from: number;
  readonly to: number;
  /** One seed of so many speaks RMCP+; 0: none. */
  readonly packetsEvery: number;
  /** Whether a failure is made smaller and told. */
  readonly tells: boolean;
}

export interface BlockEnd {
  readonly totals: SimTotals;
  readonly failure: Failure | null;
  /** Of the last seed's story. */
  readonly hash: string | null;
}

export async function playBlock({ from, to, packetsEvery, tells, ...plan }: BlockPlan): Promise<BlockEnd> {
  const totals = new SimTotals();
  const began = process.cpuUsage();
  let failure: Failure | null = null;
  let hash: string | null = null;
  for (let seed = from; seed <= to && failure === null; seed += 1) {
    const packets = plan.packets === true || (packetsEvery > 0 && seed % packetsEvery === 0);
    const played = await playSeed({ ...plan, seed, packets });
    if (played.figures !== null) totals.add(played.figures);
    hash = played.figures?.hash ?? null;
    if (played.invariant === null) continue;
    const story = tells ? await tellFailure(played) : '';
    failure = { seed, invariant: played.invariant, why: played.why, story };
  }
  const { user, system } = process.cpuUsage(began);
  totals.cpuMs = (user + system) / 1000;
  return { totals, failure, hash };
}

async function tellFailure(played: Played): Promise<string> {
  const { seed, platforms, days, torpors = 1, vms = 1, packets } = played.plan;
  const least = await shrinkFaults(played);
  const again = `npm run test:sim -- --seed ${seed} --platforms ${platforms} --days ${days}${torpors > 1 ? ` --torpors ${torpors}` : ''}${vms > 1 ? ` --vms ${vms}` : ''}${packets ? ' --packets' : ''}`;
  const kept = least.plan.faults === null ? '' : ` --faults '${least.plan.faults.join(',')}'`;
  return [
    ...least.world.lines.slice(-LAST_LINES),
    `again, with all its faults: ${again}`,
    `with the ${least.world.faults.length} it needs: ${again}${kept}`,
  ].join('\n');
}
