// Several machines over one platform and a tiny store: cut off, standing still or dying, none presses over another one's streams.
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { type FarmPlan, FarmWorld } from './farm-world.ts';

const SEED = Number(process.env.TORPOR_SEED ?? Date.now() % 2 ** 31);
console.log(`farm.property: seed ${SEED} (TORPOR_SEED repeats it, TORPOR_RUNS runs more)`);
const PARAMETERS = { seed: SEED, numRuns: Number(process.env.TORPOR_RUNS ?? 25) };

const total = { farms: 0, presses: 0, sleeps: 0, commits: 0, fenced: 0 };

const CALM: FarmPlan = {
  seed: 1,
  torpors: 3,
  sleep: 'S3',
  chaosMs: 300_000,
  bursts: 8,
  cuts: 0,
  pauses: 0,
  deaths: 0,
  operator: false,
  slowBmcMs: 200,
};

const plan: fc.Arbitrary<FarmPlan> = fc.record({
  seed: fc.nat(),
  torpors: fc.constantFrom(2, 3),
  sleep: fc.constantFrom('S3' as const, 'S5' as const),
  chaosMs: fc.constant(300_000),
  bursts: fc.integer({ min: 4, max: 30 }),
  cuts: fc.nat({ max: 6 }),
  pauses: fc.nat({ max: 6 }),
  deaths: fc.nat({ max: 3 }),
  operator: fc.boolean(),
  slowBmcMs: fc.constantFrom(50, 500, 9_000),
});

function demand(holds: boolean, what: string, world: FarmWorld): void {
  if (!holds || world.problems.length > 0) throw new Error(`${what}\n${world.story()}`);
}

function countIn(world: FarmWorld): void {
  total.farms += 1;
  total.presses += world.presses;
  total.fenced += world.fenced;
  total.sleeps += world.host.sleeps;
  total.commits += world.store.commits;
}

/** A client types on at one of them: it runs, and everybody's streams flow, that client's first. */
function endWithClient(world: FarmWorld, at: number): void {
  world.settle(at);
  const flows = (index: number) => world.torpors[index]?.life?.flows === true;
  const isServed = () => world.host.isUp && flows(at);
  demand(world.runUntil(isServed, 300_000), 'a client types, and its streams do not flow', world);
  world.runUntil(() => false, 60_000);
  const allFlow = () => world.host.isUp && world.torpors.every((_, index) => flows(index));
  demand(world.runUntil(allFlow, 120_000), 'it runs for a client, and somebody’s streams are held for ever', world);
  countIn(world);
}

/** Nobody is there: all of them know it asleep in the end. */
function endWithoutClients(world: FarmWorld): void {
  world.settle(null);
  const rests = () =>
    world.host.state === 'sleeps' &&
    world.torpors.every(({ life }) => life?.model.state === 'asleep' && life.model.held);
  demand(world.runUntil(rests, 20 * 60_000), 'nobody is there, and it does not sleep for all', world);
  countIn(world);
}

describe('farm', () => {
  afterAll(() => {
    const { farms, presses, sleeps, commits, fenced } = total;
    console.log(
      `farm.property: ${farms} farms, ${commits} commits, ${presses} presses, ${fenced} fenced, ${sleeps} sleeps`,
    );
  });

  it('farm: no faults -> sleeps between the clients of all three, and each of them wakes it', () => {
    const world = new FarmWorld(CALM);
    world.runUntil(() => false, CALM.chaosMs);
    demand(world.host.sleeps > 1, 'it hardly slept', world);
    expect(world.store.commits).toBe(world.presses);
    for (const at of [0, 1, 2]) {
      const each = new FarmWorld({ ...CALM, seed: at, bursts: 0 });
      each.runUntil(() => false, 60_000);
      demand(
        each.torpors.every(({ life }) => life?.model.state === 'asleep'),
        'not asleep',
        each,
      );
      endWithClient(each, at);
    }
  });

  it('farm: any faults, then a client that types on anywhere -> no press over anybody’s streams, it runs, and all streams flow', () => {
    fc.assert(
      fc.property(plan, fc.nat({ max: 1 }), (farmPlan, at) => {
        const world = new FarmWorld(farmPlan);
        world.runUntil(() => false, farmPlan.chaosMs);
        endWithClient(world, at);
      }),
      PARAMETERS,
    );
  });

  it('farm: any faults, then nobody -> it ends asleep, and all know it', () => {
    fc.assert(
      fc.property(plan, (farmPlan) => {
        const world = new FarmWorld({ ...farmPlan, operator: false });
        world.runUntil(() => false, farmPlan.chaosMs);
        endWithoutClients(world);
      }),
      PARAMETERS,
    );
  });
});
