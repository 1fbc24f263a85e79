// Whole histories in a simulated world: whatever fails on the way, nobody is put to sleep while working, and all ends well.
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { World, type WorldPlan } from './world.ts';

const SEED = Number(process.env.TORPOR_SEED ?? Date.now() % 2 ** 31);
console.log(`world.property: seed ${SEED} (TORPOR_SEED repeats it, TORPOR_RUNS runs more)`);
const PARAMETERS = { seed: SEED, numRuns: Number(process.env.TORPOR_RUNS ?? 40) };

/** A wake series may have failed several times in the chaos; the back-off before the next one is at most 15 min. */
const SETTLE_BOUND_MS = 20 * 60_000;
const total = { presses: 0, sleeps: 0, deaths: 0, worlds: 0 };

const CALM: WorldPlan = {
  seed: 1,
  host: {
    sleep: 'S3',
    button: 'suspend',
    entryMs: [500, 2_000],
    entryAnswersPart: 0.5,
    resumeMs: [500, 4_000],
    wakeMethods: { 'chassis-on': true, 'wake-on-lan': true },
    deafVms: [],
  },
  witness: 'sensor',
  hooks: 'none',
  vms: ['alice', 'bob'],
  clients: 2,
  armed: true,
  chaosMs: 300_000,
  bmcLoss: 0,
  bmcSilences: 0,
  probeLoss: 0,
  vetoes: 0,
  journalFailures: 0,
  wakesAlone: false,
  inhibitors: 0,
  maxSuspendsPerHour: null,
  checks: false,
  operator: false,
  deaths: 0,
  deathAtEffect: null,
};

const rarely = fc.constantFrom(0, 0, 0.05, 0.3);

const host = fc
  .record({
    sleep: fc.constantFrom('S3' as const, 'S3' as const, 'S5' as const),
    button: fc.constantFrom(
      'suspend' as const,
      'suspend' as const,
      'suspend' as const,
      'ignore' as const,
      'poweroff' as const,
    ),
    entryMs: fc.constantFrom<[number, number]>([200, 2_000], [1_000, 12_000], [15_000, 30_000]),
    entryAnswersPart: fc.constantFrom(0, 0.5, 1),
    resumeMs: fc.constantFrom<[number, number]>([200, 3_000], [3_000, 15_000]),
    works: fc.constantFrom([true, true], [true, true], [true, false], [false, true]),
    deafVms: fc.constantFrom([], [], ['bob']),
  })
  .map(({ works, ...rest }) => ({
    ...rest,
    wakeMethods: { 'chassis-on': works[0] === true, 'wake-on-lan': works[1] === true },
  }));

const plan: fc.Arbitrary<WorldPlan> = fc.record({
  seed: fc.nat(),
  host,
  witness: fc.constantFrom(
    'sensor' as const,
    'sensor' as const,
    'power-bit' as const,
    'watts' as const,
    'none' as const,
  ),
  hooks: fc.constantFrom('none' as const, 'none' as const, 'notify' as const, 'save-vms' as const, 'saver' as const),
  vms: fc.constantFrom(['alice'], ['alice', 'bob']),
  clients: fc.integer({ min: 1, max: 3 }),
  armed: fc.constantFrom(true, true, true, true, false),
  chaosMs: fc.constant(300_000),
  bmcLoss: rarely,
  bmcSilences: fc.nat({ max: 3 }),
  probeLoss: rarely,
  vetoes: rarely,
  journalFailures: rarely,
  wakesAlone: fc.boolean(),
  inhibitors: fc.nat({ max: 2 }),
  maxSuspendsPerHour: fc.constantFrom(null, null, 2, 6),
  checks: fc.boolean(),
  operator: fc.boolean(),
  deaths: fc.constantFrom(0, 0, 1, 3),
  deathAtEffect: fc.option(fc.record({ nth: fc.integer({ min: 1, max: 60 }), afterDeed: fc.boolean() })),
});

/**
 * Where no witness of power speaks and hooks silence the VMs, nothing tells a sleep from a press that was lost. Clients are
 * served all the same, but no state can be asked to be true.
 */
const tellingPlan = plan.map((any) =>
  any.witness === 'none' && ['save-vms', 'saver'].includes(any.hooks) ? { ...any, hooks: 'notify' as const } : any,
);

function countIn(world: World): void {
  total.worlds += 1;
  total.presses += world.presses;
  total.sleeps += world.host.sleeps;
  total.deaths += world.deaths;
}

function demand(holds: boolean, what: string, world: World): void {
  if (!holds || world.problems.length > 0) {
    throw new Error(`${what}\n${JSON.stringify(world.model)}\n${world.story()}`);
  }
}

/** The chaos, then calm with one client that types on and on: everything must run, and its bytes flow. */
function endWithClient(world: World): void {
  world.settle(true);
  const isWell = () => world.model?.state === 'awake' && world.flowsToVm();
  demand(world.runUntil(isWell, SETTLE_BOUND_MS), 'a client types, and it does not run for it', world);
  // A late sleep may still come; then it is well again, and stays so.
  world.runUntil(() => false, 60_000);
  demand(world.runUntil(isWell, 120_000), 'it did not stay awake for its client', world);
  countIn(world);
}

/** Whether the machine's state is what is true of the host. */
function isTrue(world: World): boolean {
  switch (world.model?.state) {
    case 'asleep':
      return world.host.state === 'sleeps';
    case 'awake':
    case 'drowsy':
    case 'saving':
      return world.host.isUp;
    case 'failed':
      return true;
    default:
      return false;
  }
}

/** The chaos, then calm without anybody: asleep in the end, or something says why not. */
function endWithoutClients(world: World): void {
  world.settle(false);
  const rests = () => {
    const state = world.model?.state;
    if (state === 'asleep') return world.host.state === 'sleeps';
    // A host that could not be woken stays on record until somebody looks at it, asleep or not.
    if (state === 'failed') return world.model?.progress.phase === 'wake' && (world.model?.intent.failedWakes ?? 0) > 0;
    if (state !== 'awake') return false;
    return world.host.isUp && world.blockers().some((kind) => !['min-awake', 'pool', 'inhibitor'].includes(kind));
  };
  demand(world.runUntil(rests, SETTLE_BOUND_MS), 'nobody is there, and it neither sleeps nor says why', world);
  countIn(world);
}

describe('world', () => {
  afterAll(() => {
    const { worlds, presses, sleeps, deaths } = total;
    console.log(`world.property: ${worlds} worlds, ${presses} presses, ${sleeps} sleeps, ${deaths} deaths of Torpor`);
  });

  it('world: no faults -> it sleeps when its clients pause and wakes when they come back', () => {
    const world = new World({ ...CALM, clients: 1, chaosMs: 600_000 });
    world.runUntil(() => false, 600_000);
    expect(world.problems).toEqual([]);
    expect(world.host.sleeps).toBeGreaterThan(1);
    endWithClient(world);
    const other = new World(CALM);
    other.runUntil(() => false, 300_000);
    endWithoutClients(other);
    expect(other.model?.state).toBe('asleep');
  });

  it('world: any faults, then a client that types on -> nobody was put to sleep while working, and it runs for the client', () => {
    fc.assert(
      fc.property(plan, (worldPlan) => {
        const world = new World(worldPlan);
        world.runUntil(() => false, worldPlan.chaosMs);
        endWithClient(world);
      }),
      PARAMETERS,
    );
  });

  it('world: any faults, then nobody -> it ends asleep, or a blocker says why not', () => {
    fc.assert(
      fc.property(tellingPlan, (worldPlan) => {
        const world = new World(worldPlan);
        world.runUntil(() => false, worldPlan.chaosMs);
        endWithoutClients(world);
      }),
      PARAMETERS,
    );
  });

  it('world: a death at any moment, then calm -> within two minutes the state is true of the host', () => {
    fc.assert(
      fc.property(tellingPlan, fc.integer({ min: 1, max: 60 }), fc.boolean(), (worldPlan, nth, afterDeed) => {
        const world = new World({ ...worldPlan, deaths: 0, deathAtEffect: { nth, afterDeed } });
        world.runUntil(() => world.deaths > 0, worldPlan.chaosMs);
        world.settle(false);
        demand(
          world.runUntil(() => isTrue(world), 120_000),
          'the state is not true of the host',
          world,
        );
        countIn(world);
      }),
      PARAMETERS,
    );
  });

  describe.each<[string, Partial<WorldPlan>]>([
    ['S3 by sensor', {}],
    [
      'S5 by power bit, hooks save the VMs',
      { witness: 'power-bit', hooks: 'save-vms', host: { ...CALM.host, sleep: 'S5', entryAnswersPart: 1 } },
    ],
    [
      'S5 by power bit, a saver keeps the VMs',
      { witness: 'power-bit', hooks: 'saver', host: { ...CALM.host, sleep: 'S5', entryAnswersPart: 1 } },
    ],
    ['S3 by learned watts, from a meter that lags', { witness: 'watts' }],
    ['S3 without a witness of power', { witness: 'none' }],
  ])('%s', (_title, change) => {
    it.each([
      ['before its deed', false],
      ['between deed and answer', true],
    ])('world: a death at each of the first 60 effects, %s -> all ends well', (_when, afterDeed) => {
      for (let nth = 1; nth <= 60; nth += 1) {
        for (const end of [endWithClient, endWithoutClients]) {
          const world = new World({ ...CALM, ...change, seed: nth, clients: 1, deathAtEffect: { nth, afterDeed } });
          world.runUntil(() => world.deaths > 0, 600_000);
          end(world);
        }
      }
    });
  });
});
