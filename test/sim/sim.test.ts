// A simulated platform-day, three times. `npm run test:sim` plays as many seeds as wanted; docs/simulation.md says what they show.
import { expect, it } from 'vitest';
import { playSeed } from './play-seed.ts';

/** A fixed one: what another would find is a matter for a long run, not for this one. */
const SEED = Number(process.env.TORPOR_SEED ?? 7);
const PLAN = { seed: SEED, platforms: 1, days: 1, faults: null };

it('a simulated platform-day: faults, sleeps, wakes -> every invariant holds, and the same seed tells the same story', async () => {
  console.log(`simulation: seed ${SEED} (TORPOR_SEED=${SEED} repeats it)`);
  const first = await playSeed(PLAN);
  expect(first.why).toBe('');
  expect(first.figures).toMatchObject({ platformDays: 1, shortDays: 0 });
  expect(first.figures?.bytesThere).toBeGreaterThan(10_000);
  const again = await playSeed(PLAN);
  expect(again.figures).toEqual(first.figures);
});

it('a simulated platform-day: with every tick and every reading that is left out otherwise -> the same story', async () => {
  const left = await playSeed(PLAN);
  const whole = await playSeed({ ...PLAN, everyTick: true });
  expect(whole.figures?.hash).toBe(left.figures?.hash);
  expect(whole.figures?.steps).toBeGreaterThan(2 * (left.figures?.steps ?? 0));
});
