// Where a pool's next client goes: by example, and for any pool.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { choosePlace, type PlacementSeat } from '../../src/platform/placement.ts';

const SEED = Number(process.env.TORPOR_SEED ?? Date.now() % 2 ** 31);
console.log(`placement: seed ${SEED} (TORPOR_SEED repeats it, TORPOR_RUNS runs more)`);
const PARAMETERS = { seed: SEED, numRuns: Number(process.env.TORPOR_RUNS ?? 300) };

function seat(key: string, change: Partial<PlacementSeat> = {}): PlacementSeat {
  const platform = key.split('/')[0] as string;
  return { key, platform, stage: 'awake', platformSessions: 0, sessions: 0, isClosed: false, ...change };
}

const keyOf = (...args: Parameters<typeof choosePlace>) => choosePlace(...args)?.key ?? null;

describe('choosePlace', () => {
  const asleep = { stage: 'asleep' } as const;

  it('some sleep -> what is awake fills up, the fullest first, its emptiest VM', () => {
    const seats = [
      seat('a/one', asleep),
      seat('b/one', { platformSessions: 3, sessions: 2 }),
      seat('b/two', { platformSessions: 3, sessions: 1 }),
      seat('c/one', { platformSessions: 1, sessions: 1 }),
    ];
    expect(keyOf(seats, null, null)).toBe('b/two');
    expect(keyOf(seats, null, 3)).toBe('c/one');
    expect(keyOf(seats, null, 1)).toBe('a/one');
  });

  it('one wakes already -> it, before another is woken', () => {
    expect(keyOf([seat('a/one', asleep), seat('b/one', { stage: 'waking' })], null, null)).toBe('b/one');
  });

  it('a user who was placed -> there again, asleep or full; not where nobody new is taken', () => {
    const seats = [seat('a/one'), seat('b/one', { ...asleep, platformSessions: 5 })];
    expect(keyOf(seats, 'b/one', 5)).toBe('b/one');
    expect(keyOf([seat('a/one'), seat('b/one', { isClosed: true })], 'b/one', null)).toBe('a/one');
    expect(keyOf(seats, 'gone/one', null)).toBe('a/one');
  });

  it('all full or closed -> nobody', () => {
    expect(keyOf([seat('a/one', { platformSessions: 2 }), seat('b/one', { isClosed: true })], null, 2)).toBeNull();
    expect(keyOf([], null, null)).toBeNull();
  });

  it('any pool -> never closed, never over the limit but for who was there; no sleeper while somebody awake has room', () => {
    const seats = fc.array(
      fc.record({
        stage: fc.constantFrom('awake', 'waking', 'asleep'),
        platformSessions: fc.nat({ max: 6 }),
        sessions: fc.nat({ max: 3 }),
        isClosed: fc.boolean(),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(
        seats,
        fc.option(fc.nat({ max: 8 })),
        fc.option(fc.integer({ min: 1, max: 6 })),
        (list, was, limit) => {
          const all = list.map((each, index) => seat(`p${index}/vm`, each as Partial<PlacementSeat>));
          const former = was === null ? null : `p${was}/vm`;
          const chosen = choosePlace(all, former, limit);
          const free = all.filter((each) => !each.isClosed && (limit === null || each.platformSessions < limit));
          if (chosen === null) {
            expect(free).toEqual([]);
            return;
          }
          expect(chosen.isClosed).toBe(false);
          if (chosen.key === former) return;
          expect(free).toContain(chosen);
          if (chosen.stage !== 'awake') expect(free.filter(({ stage }) => stage === 'awake')).toEqual([]);
        },
      ),
      PARAMETERS,
    );
  });
});
