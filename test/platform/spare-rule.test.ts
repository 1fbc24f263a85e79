// Which platforms of a pool are spares: by example, and for any pool.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseSpares, SPARE_LINGER_MS, type SpareMember } from '../../src/platform/spare-rule.ts';

const SEED = Number(process.env.TORPOR_SEED ?? Date.now() % 2 ** 31);
console.log(`spare-rule: seed ${SEED} (TORPOR_SEED repeats it, TORPOR_RUNS runs more)`);
const PARAMETERS = { seed: SEED, numRuns: Number(process.env.TORPOR_RUNS ?? 300) };
const NOW_MS = 5_000_000;

function member(platform: string, change: Partial<SpareMember> = {}): SpareMember {
  return { platform, stage: 'awake', sessions: 0, hasRoom: true, isKept: false, surplusSinceMs: null, ...change };
}

describe('chooseSpares', () => {
  it('one is in use with room, one is empty -> the one in use is the spare, the empty one may sleep', () => {
    const { keep, wake } = chooseSpares(1, [member('a'), member('b', { sessions: 3 })], NOW_MS);
    expect({ keep, wake }).toEqual({ keep: ['b'], wake: [] });
  });

  it('all that are awake are full -> the first sleeper of the pool is woken ahead', () => {
    const members = [
      member('a', { sessions: 8, hasRoom: false }),
      member('b', { stage: 'asleep' }),
      member('c', { stage: 'asleep' }),
    ];
    expect(chooseSpares(1, members, NOW_MS)).toEqual({ keep: [], wake: ['b'], surplus: [], ready: 0 });
    const waking = members.map((each) => (each.platform === 'b' ? { ...each, stage: 'waking' as const } : each));
    expect(chooseSpares(1, waking, NOW_MS)).toMatchObject({ keep: ['b'], wake: [] });
  });

  it('one that is kept is not needed any more -> let go after a while, and not at all where it is needed again', () => {
    const kept = member('a', { isKept: true });
    const used = member('b', { sessions: 2 });
    expect(chooseSpares(1, [kept, used], NOW_MS)).toMatchObject({ keep: ['b', 'a'], surplus: ['a'] });
    const since = (forMs: number) => ({ ...kept, surplusSinceMs: NOW_MS - forMs });
    expect(chooseSpares(1, [since(SPARE_LINGER_MS - 1), used], NOW_MS).keep).toEqual(['b', 'a']);
    expect(chooseSpares(1, [since(SPARE_LINGER_MS), used], NOW_MS).keep).toEqual(['b']);
    expect(chooseSpares(1, [since(SPARE_LINGER_MS)], NOW_MS)).toMatchObject({ keep: ['a'], surplus: [] });
  });

  it('two empty ones -> the one that is kept stays it: they do not take turns', () => {
    expect(chooseSpares(1, [member('a'), member('b', { isKept: true })], NOW_MS).keep).toEqual(['b']);
  });

  it('any pool -> no more woken than lack, none that is unfit or full; as many kept as can be', () => {
    const pools = fc.array(
      fc.record({
        stage: fc.constantFrom('awake', 'waking', 'asleep', 'unfit'),
        sessions: fc.nat({ max: 9 }),
        hasRoom: fc.boolean(),
        isKept: fc.boolean(),
        surplusSinceMs: fc.option(fc.integer({ min: NOW_MS - 2 * SPARE_LINGER_MS, max: NOW_MS })),
      }),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(fc.nat({ max: 6 }), pools, (spare, list) => {
        const members = list.map((each, index) => member(`p${index}`, each as Partial<SpareMember>));
        const { keep, wake, surplus } = chooseSpares(spare, members, NOW_MS);
        const fit = members
          .filter(({ stage, hasRoom }) => hasRoom && stage !== 'unfit')
          .map(({ platform }) => platform);
        const needed = keep.filter((platform) => !surplus.includes(platform));
        expect(needed.length + wake.length).toBe(Math.min(spare, fit.length));
        for (const platform of [...needed, ...wake]) expect(fit).toContain(platform);
        expect(new Set([...keep, ...wake]).size).toBe(keep.length + wake.length);
        for (const { platform, stage } of members) if (wake.includes(platform)) expect(stage).toBe('asleep');
      }),
      PARAMETERS,
    );
  });
});
