// Emptying platforms on the simulated farm: what is moved and when, what is done where a move fails half-way, and what a day gains.
import { describe, expect, it } from 'vitest';
import type { EvacuationRule } from '../../../src/platform/evacuation-rule.ts';
import { Random } from '../../platform/random.ts';
import { SimulatedFarm } from './simulated-farm.ts';

/** One day, always the same: what it gains is a figure of that day. */
const SEED = Number(process.env.TORPOR_SEED ?? 7);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const RULE: EvacuationRule = {
  vmsPerPlatform: 4,
  activeAtMost: 1,
  quietForMs: 15 * MINUTE_MS,
  idleForMs: 0,
  restForMs: HOUR_MS,
  moveActive: false,
};

/** Two at b work without a pause, one at a does, its neighbour has gone. */
function halfEmpty(rule: EvacuationRule = RULE): { farm: SimulatedFarm; work: () => void } {
  const farm = new SimulatedFarm({ a: ['a1', 'a2'], b: ['b1', 'b2'] }, rule);
  const work = () => {
    for (const vm of ['a1', 'b1', 'b2']) farm.act(vm);
  };
  return { farm, work };
}

describe('Evacuations', () => {
  it('one idle beside one active -> the idle one is moved when the times are over; the active one when it is idle; then it sleeps, and they wake nobody', async () => {
    const { farm, work } = halfEmpty();
    await farm.run(RULE.quietForMs - MINUTE_MS, work);
    expect(farm.mover.moves).toEqual([]);
    await farm.run(5 * MINUTE_MS, work);
    expect([farm.vmsAt('a'), farm.vmsAt('b')]).toEqual([['a1'], ['a2', 'b1', 'b2']]);
    expect(farm.told).toEqual([
      'a evacuation: a2 is being moved to b',
      expect.stringMatching(/^a evacuation: a2 was moved to b in 1m/),
    ]);
    const stillAtB = () => {
      for (const vm of ['b1', 'b2']) farm.act(vm);
    };
    await farm.run(25 * MINUTE_MS, stillAtB);
    expect([farm.vmsAt('a'), farm.place('a').rig.state]).toEqual([[], 'asleep']);
    farm.act('a1');
    farm.act('a2');
    await farm.run(MINUTE_MS, stillAtB);
    expect([farm.place('a').rig.state, farm.place('b').rig.state]).toEqual(['asleep', 'awake']);
    expect(farm.users.map(({ waits }) => waits)).toEqual([0, 0, 0, 0]);
  });

  it('while it is under way -> both are kept awake, though all of them are idle; after it they are let go', async () => {
    const { farm, work } = halfEmpty();
    farm.mover.moveMs = 25 * MINUTE_MS;
    await farm.run(RULE.quietForMs + MINUTE_MS, work);
    expect(farm.evacuations.status('office')).toMatchObject({ moving: { vm: 'a2', stage: 'moving' }, moves: 0 });
    await farm.run(20 * MINUTE_MS);
    for (const name of ['a', 'b']) expect([name, farm.place(name).rig.state]).toEqual([name, 'awake']);
    expect(farm.place('a').rig.model.inhibitors[0]?.why).toBe('a2 is being moved from a to b');
    await farm.run(10 * MINUTE_MS);
    for (const name of ['a', 'b']) expect([name, farm.place(name).rig.state]).toEqual([name, 'asleep']);
  });

  it('refused half-way -> it stays, an alarm, both are let go, and nothing is tried before the rest is over', async () => {
    const { farm, work } = halfEmpty();
    farm.mover.next = 'refused';
    await farm.run(30 * MINUTE_MS, work);
    expect(farm.vmsAt('a')).toEqual(['a1', 'a2']);
    expect(farm.told[1]).toBe(
      'a alarm: a2 stays: it could not be moved to b: not enough memory; not tried again for 1h',
    );
    expect(farm.place('a').rig.model.inhibitors).toEqual([]);
    await farm.run(HOUR_MS - 20 * MINUTE_MS, work);
    expect(farm.mover.moves).toHaveLength(1);
    await farm.run(20 * MINUTE_MS, work);
    expect(farm.vmsAt('a')).toEqual(['a1']);
  });

  it('it never ends -> cancelled at its bound, and it stays', async () => {
    const { farm, work } = halfEmpty();
    farm.mover.next = 'never';
    await farm.run(HOUR_MS, work);
    expect(farm.told.at(-1)).toMatch(/^a alarm: a2 stays: it could not be moved to b: it took longer than 30m/);
  });

  it('moved, but nobody said so -> its hypervisors are asked, and it counts where it runs', async () => {
    const { farm, work } = halfEmpty();
    farm.mover.next = 'moved, and no answer';
    await farm.run(30 * MINUTE_MS, work);
    expect(farm.vmsAt('b')).toContain('a2');
    expect(farm.told.filter((text) => text.includes('alarm'))).toEqual([]);
  });

  it.each(['lost', 'moved, and no answer'] as const)(
    '%s, and nobody can be asked -> both stay awake until it is known, with one alarm',
    async (next) => {
      const { farm, work } = halfEmpty();
      farm.mover.next = next;
      farm.mover.canBeAsked = false;
      await farm.run(30 * MINUTE_MS, work);
      await farm.run(HOUR_MS);
      for (const name of ['a', 'b']) expect([name, farm.place(name).rig.state]).toEqual([name, 'awake']);
      expect(farm.evacuations.status('office')?.moving?.stage).toBe('unclear');
      expect(farm.told.filter((text) => text.includes('alarm'))).toHaveLength(1);
      farm.mover.canBeAsked = true;
      if (next === 'lost') farm.mover.truth.set('a2', 'a');
      await farm.run(10 * MINUTE_MS);
      expect(farm.home.get('a2')).toBe(next === 'lost' ? 'a' : 'b');
      for (const name of ['a', 'b']) expect([name, farm.place(name).rig.state]).toEqual([name, 'asleep']);
    },
  );

  it.each(['under way', 'unclear'] as const)(
    'a move is %s, and a reload takes its pool out -> seen to its end, then both are let go, and nothing more is moved',
    async (stage) => {
      const { farm, work } = halfEmpty();
      farm.mover.moveMs = 25 * MINUTE_MS;
      if (stage === 'unclear') farm.mover.next = 'lost';
      farm.mover.canBeAsked = stage === 'under way';
      await farm.run(stage === 'unclear' ? 45 * MINUTE_MS : RULE.quietForMs + MINUTE_MS, work);
      expect(farm.evacuations.status('office')?.moving?.stage).toBe(stage === 'unclear' ? 'unclear' : 'moving');
      farm.evacuations.configure([]);
      await farm.run(10 * MINUTE_MS);
      for (const name of ['a', 'b']) expect([name, farm.place(name).rig.state]).toEqual([name, 'awake']);
      if (stage === 'unclear') farm.mover.truth.set('a2', 'a');
      farm.mover.canBeAsked = true;
      await farm.run(40 * MINUTE_MS);
      for (const name of ['a', 'b']) expect([name, farm.place(name).rig.state]).toEqual([name, 'asleep']);
      expect(farm.places.flatMap(({ rig }) => rig.model.inhibitors)).toEqual([]);
      expect(farm.mover.moves).toHaveLength(1);
    },
  );

  it('a former Torpor had begun one -> nobody sleeps before it is known where the VM is', async () => {
    const farm = new SimulatedFarm({ a: ['a1'], b: ['b1'] }, RULE, [{ vm: 'a1', from: 'a', to: 'b' }]);
    farm.mover.canBeAsked = false;
    await farm.run(HOUR_MS);
    expect(farm.places.map(({ rig }) => rig.state)).toEqual(['awake', 'awake']);
    farm.mover.truth.set('a1', 'b');
    farm.mover.canBeAsked = true;
    await farm.run(10 * MINUTE_MS);
    expect([farm.vmsAt('b'), farm.places.map(({ rig }) => rig.state)]).toEqual([
      ['a1', 'b1'],
      ['asleep', 'asleep'],
    ]);
  });

  it.each<[string, (farm: SimulatedFarm) => void]>([
    ['an operator keeps it awake', (farm) => void farm.place('a').rig.inhibit()],
    ['it is drained', (farm) => void farm.drained.add('a')],
    ['the other one is drained', (farm) => void farm.drained.add('b')],
    ['it is in maintenance', (farm) => void farm.place('a').rig.maintenance(true)],
  ])('%s -> nobody is moved', async (_, prepare) => {
    const { farm, work } = halfEmpty();
    prepare(farm);
    await farm.run(HOUR_MS, work);
    expect(farm.mover.moves).toEqual([]);
  });

  it('a working day of thirty users, with it and without -> more sleep, fewer waits; never beyond the capacity, never one who is active', async () => {
    const without = await playDay(SEED, null);
    const farm = await playDay(SEED, { ...RULE, vmsPerPlatform: 15, activeAtMost: 2 });
    const sum = (all: SimulatedFarm) => ({
      asleepHours: all.places.reduce((total, { asleepMs }) => total + asleepMs / HOUR_MS, 0),
      waits: all.users.reduce((total, { waits }) => total + waits, 0),
      waitedMinutes: all.users.reduce((total, { waitedMs }) => total + waitedMs / MINUTE_MS, 0),
    });
    console.log(
      `evacuations: seed ${SEED}: ${JSON.stringify({ without: sum(without), with: sum(farm), moves: farm.mover.moves.length })}`,
    );
    expect(farm.mover.moves.length).toBeGreaterThan(0);
    expect(farm.mover.disturbed).toEqual([]);
    expect(sum(farm).asleepHours).toBeGreaterThan(sum(without).asleepHours);
  });
});

/** Six hours of a day on which each user works for a tenth of the time, for a quarter of an hour each time. */
async function playDay(seed: number, rule: EvacuationRule | null): Promise<SimulatedFarm> {
  const random = new Random(seed);
  const vms = (platform: string) => Array.from({ length: 6 }, (_, index) => `${platform}${index}`);
  const platforms = ['a', 'b', 'c', 'd', 'e'];
  const farm = new SimulatedFarm(Object.fromEntries(platforms.map((name) => [name, vms(name)])), rule);
  const isWorking = new Map<string, boolean>();
  let step = 0;
  await farm.run(6 * HOUR_MS, () => {
    for (const { vm } of farm.users) {
      const works = isWorking.get(vm) ?? false;
      // Drawn whatever is moved, so that both days are the same to their users.
      if (random.chance(works ? 1 / 90 : 1 / 720)) isWorking.set(vm, !works);
      if (isWorking.get(vm) && (step % 12 === 0 || !farm.isActive(vm))) farm.act(vm);
    }
    for (const name of platforms) expect(farm.vmsAt(name).length).toBeLessThanOrEqual(15);
    step += 1;
  });
  return farm;
}
