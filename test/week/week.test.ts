// A week compressed: real sessions, codecs, streams and platform machine on simulated lines, VM and clock. TORPOR_WEEK_DAYS says how many
// days; `npm run test:week` plays all seven.
import { expect, it } from 'vitest';
import { drawSeed } from '../core/support/seed.ts';
import { DAY_MS, WeekWorld } from './week-world.ts';

const SEED = drawSeed('week');
const DAYS = Number(process.env.TORPOR_WEEK_DAYS ?? 0.5);
const LOOK_MS = 30 * 60_000;

it('links that break, a platform that sleeps, people who come and go -> every byte once and in order, and no wake without somebody', async () => {
  const world = await WeekWorld.start(SEED);
  let noticesChecked = 0;
  for (let passedMs = 0; passedMs < DAYS * DAY_MS; passedMs += LOOK_MS) {
    await world.pass(LOOK_MS);
    noticesChecked += await world.checkNotices();
  }
  const figures = await world.end();
  console.info(`week: ${DAYS} days, seed ${SEED}: ${JSON.stringify({ ...figures, noticesChecked })}`);
  // Half a day has nine on average, and none of some seeds.
  if (DAYS >= 7) expect(figures.ended).toBeGreaterThan(5 * DAYS);
  expect(figures.breaks).toBeGreaterThan(20 * DAYS);
  expect(figures.sleeps).toBeGreaterThan(0);
  expect(figures.wakes).toBeGreaterThan(0);
  expect(figures.wireBytes).toBeLessThan(figures.plainBytes);
  expect(noticesChecked).toBeGreaterThan(0);
}, 3_600_000);
