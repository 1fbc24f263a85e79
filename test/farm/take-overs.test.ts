// How platforms that nobody owns any more are taken over: a few at a time, each by one, also where there are many.
import { describe, expect, it } from 'vitest';
import { FarmMember } from '../../src/farm/farm-member.ts';
import { MemoryWorld } from '../../src/farm/memory-store.ts';
import { TAKE_OVER_MOST_MS, TAKE_OVER_STEP_MS, TAKE_OVERS_AT_ONCE_MAX, TakeOvers } from '../../src/farm/take-overs.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { KeptLog } from '../support/kept-log.ts';
import { PausedClock } from './support/paused-clock.ts';

const PLATFORMS = 200;

function ownersOf(world: MemoryWorld): string[] {
  return world
    .entries()
    .filter(({ key, value }) => key.startsWith('platform.') && value !== null)
    .map(({ value }) => JSON.parse(value ?? '').owner as string);
}

function run(world: MemoryWorld, name: string) {
  const clock = new PausedClock(world.clock as FakeClock, 1);
  const store = world.client(clock);
  const member = new FarmMember({
    ...{ store, name, version: '0', leaseMs: 10_000, clock, random: () => 0, log: new KeptLog() },
    wallMs: () => clock.nowMs(),
    newBoot: () => '1',
  });
  member.start();
  for (let number = 0; number < PLATFORMS; number += 1) {
    const share = member.share(`host-${number}`);
    share.start(() => {});
    share.tell({ active: 0, newestDeadlineMs: null, keeps: null, held: false });
  }
  return { clock, store };
}

describe('take-overs', () => {
  it('many queue -> a few have their turn at once, the others as those are done, whoever is done at once included', () => {
    const takeOvers = new TakeOvers(new FakeClock());
    let turns = 0;
    for (let each = 0; each < TAKE_OVERS_AT_ONCE_MAX + 10; each += 1) takeOvers.queue(() => (turns += 1));
    expect(turns).toBe(TAKE_OVERS_AT_ONCE_MAX);
    takeOvers.done();
    expect(turns).toBe(TAKE_OVERS_AT_ONCE_MAX + 1);
    for (let each = 0; each < 20_000; each += 1) takeOvers.queue(() => takeOvers.done());
    let isLast = false;
    takeOvers.queue(() => (isLast = true));
    for (let each = 0; each < 10; each += 1) takeOvers.done();
    expect(isLast).toBe(true);
  });

  it('the better one is at work -> the next waits on, but not for ever', async () => {
    const clock = new FakeClock();
    const takeOvers = new TakeOvers(clock);
    const sinceMs = clock.nowMs();
    expect(takeOvers.dueMs(sinceMs, [])).toBe(sinceMs);
    expect(takeOvers.dueMs(sinceMs, ['a'])).toBe(sinceMs + TAKE_OVER_STEP_MS);
    await clock.advance(400);
    takeOvers.seen('a');
    expect(takeOvers.dueMs(sinceMs, ['a'])).toBe(sinceMs + 400 + TAKE_OVER_STEP_MS);
    expect(takeOvers.dueMs(sinceMs, ['b', 'c'])).toBe(sinceMs + 2 * TAKE_OVER_STEP_MS);
    await clock.advance(60_000);
    takeOvers.seen('a');
    expect(takeOvers.dueMs(sinceMs, ['a'])).toBe(sinceMs + TAKE_OVER_MOST_MS);
  });

  it('the owner of all dies, the store is slow -> each platform is written once, and all have owners', async () => {
    const clock = new FakeClock();
    const world = new MemoryWorld({ clock });
    const first = run(world, 'a');
    await clock.advance(6_000);
    run(world, 'b');
    run(world, 'c');
    await clock.advance(6_000);
    expect(ownersOf(world).every((owner) => owner === 'a@1')).toBe(true);
    // A round trip of 600 ms: what one of two has to write takes longer than the step.
    world.faults.delayMs = [300, 300];
    first.store.cut();
    first.clock.pause();
    const before = world.attempts;
    await clock.advance(10_000 + 6_000);
    const owners = ownersOf(world);
    expect(new Set(owners)).toEqual(new Set(['b@1', 'c@1']));
    const beats = 2 * (16_000 / 2_000);
    expect(world.attempts - before).toBeGreaterThanOrEqual(PLATFORMS);
    expect(world.attempts - before).toBeLessThanOrEqual(PLATFORMS + beats + 2 + 1);
  });
});
