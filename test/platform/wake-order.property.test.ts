// Random circuits with random platforms: no limit is passed, nobody is forgotten, and nobody overtakes who has precedence.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Circuit, isOverdue, orderWakes, type WakePlace } from '../../src/platform/wake-order.ts';

const SEED = Number(process.env.TORPOR_SEED ?? Date.now() % 2 ** 31);
console.log(`wake-order.property: seed ${SEED} (TORPOR_SEED repeats it, TORPOR_RUNS runs more)`);
const PARAMETERS = { seed: SEED, numRuns: Number(process.env.TORPOR_RUNS ?? 300) };

const NOW_MS = 1_000_000;
const moment = fc.integer({ min: NOW_MS - 400_000, max: NOW_MS });

const circuits: fc.Arbitrary<Circuit> = fc.record({
  name: fc.constant('rack-a'),
  wakingAtMost: fc.option(fc.integer({ min: 1, max: 5 })),
  watts: fc.option(fc.integer({ min: 300, max: 4000 })),
  waitAtMostMs: fc.constantFrom(60_000, 600_000, 3_600_000),
});

const places: fc.Arbitrary<WakePlace[]> = fc
  .array(
    fc.record({
      priority: fc.integer({ min: 0, max: 3 }),
      drawnWatts: fc.integer({ min: 0, max: 400 }),
      wakingWatts: fc.integer({ min: 20, max: 400 }),
      stage: fc.constantFrom('queued', 'queued', 'queued', 'granted', 'waking', 'other'),
      sinceMs: moment,
      wakeTimeoutMs: fc.constantFrom(30_000, 60_000),
      isOrdered: fc.boolean(),
      waitingSinceMs: fc.option(moment),
    }),
    { maxLength: 24 },
  )
  .map((list) => list.map((place, index) => ({ platform: `p${index}`, ...place }) as WakePlace));

/** Whether `a` must not go after `b`, told from the words of the rule and not from its code. */
function hasPrecedence(a: WakePlace, b: WakePlace, { waitAtMostMs }: Circuit): boolean {
  if (a.isOrdered !== b.isOrdered) return a.isOrdered;
  const isLong = ({ sinceMs }: WakePlace) => NOW_MS - sinceMs >= waitAtMostMs / 2;
  if (isLong(a) !== isLong(b)) return isLong(a);
  if (isLong(a)) return a.sinceMs < b.sinceMs;
  if (a.priority !== b.priority) return a.priority > b.priority;
  if ((a.waitingSinceMs === null) !== (b.waitingSinceMs === null)) return a.waitingSinceMs !== null;
  return (a.waitingSinceMs ?? a.sinceMs) < (b.waitingSinceMs ?? b.sinceMs);
}

const draw = ({ drawnWatts, wakingWatts }: WakePlace, isGranted: boolean) =>
  isGranted ? Math.max(drawnWatts, wakingWatts) : drawnWatts;

describe('orderWakes', () => {
  it('any circuit -> what is granted passes no limit', () => {
    fc.assert(
      fc.property(circuits, places, (circuit, all) => {
        const { granted } = orderWakes(circuit, all, NOW_MS);
        const taken = all.filter((place) => ['waking', 'granted'].includes(place.stage) && !isOverdue(place, NOW_MS));
        const watts = all.reduce((sum, place) => sum + draw(place, granted.includes(place.platform)), 0);
        const adds = all.some((place) => granted.includes(place.platform) && place.wakingWatts > place.drawnWatts);
        if (granted.length === 0) return;
        expect(taken.length + granted.length).toBeLessThanOrEqual(circuit.wakingAtMost ?? Number.POSITIVE_INFINITY);
        if (adds) expect(watts).toBeLessThanOrEqual(circuit.watts ?? Number.POSITIVE_INFINITY);
      }),
      PARAMETERS,
    );
  });

  it('any circuit -> whoever asks is granted or queued, once, and only they; nobody overtakes', () => {
    fc.assert(
      fc.property(circuits, places, (circuit, all) => {
        const { granted, queue } = orderWakes(circuit, all, NOW_MS);
        const line = [...granted, ...queue.map(({ platform }) => platform)];
        const asking = all.filter(({ stage }) => stage === 'queued');
        expect([...line].sort()).toEqual(asking.map(({ platform }) => platform).sort());
        expect(queue.map(({ ahead }) => ahead)).toEqual(queue.map((_, index) => index));
        const placeOf = new Map(all.map((place) => [place.platform, place]));
        line.slice(1).forEach((platform, index) => {
          const [before, after] = [placeOf.get(line[index] as string), placeOf.get(platform)] as [WakePlace, WakePlace];
          expect(hasPrecedence(after, before, circuit)).toBe(false);
        });
      }),
      PARAMETERS,
    );
  });

  it('any circuit -> the first in the queue really does not fit: no place is left unused', () => {
    fc.assert(
      fc.property(circuits, places, (circuit, all) => {
        const { granted, queue, waking } = orderWakes(circuit, all, NOW_MS);
        const [first] = queue;
        if (first === undefined) return;
        const watts = all.reduce(
          (sum, place) => sum + draw(place, [...granted, first.platform].includes(place.platform)),
          0,
        );
        const isFull = circuit.wakingAtMost !== null && waking >= circuit.wakingAtMost;
        expect(isFull || (circuit.watts !== null && watts > circuit.watts)).toBe(true);
        expect(first.why).toContain('circuit rack-a: ');
      }),
      PARAMETERS,
    );
  });
});
