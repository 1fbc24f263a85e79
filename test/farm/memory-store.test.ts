// The memory store keeps the contract of shared stores, and its faults are what they say.
import { describe, expect, it } from 'vitest';
import { MemoryWorld } from '../../src/farm/memory-store.ts';
import { systemClock } from '../../src/system-clock.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { describeContract, KeptWatch } from './support/store-contract.ts';

describeContract('memory store', async () => {
  const world = new MemoryWorld({ clock: systemClock });
  return { client: () => world.client(), close: async () => {} };
});

describe('memory world: faults', () => {
  it('a lost answer: unknown, and it was written', async () => {
    const clock = new FakeClock();
    const world = new MemoryWorld({ clock });
    const store = world.client();
    world.faults.lostAnswers = 1;
    const answer = store.create('a', '1');
    await clock.advance(3_000);
    expect(await answer).toMatchObject({ outcome: 'unknown' });
    expect(world.entry('a')?.value).toBe('1');
  });

  it('cut off silently: nothing is written and nothing told; mended: told anew', async () => {
    const clock = new FakeClock();
    const world = new MemoryWorld({ clock });
    const [store, other] = [world.client(), world.client()];
    const watch = new KeptWatch();
    store.watch(watch);
    store.cut({ silent: true });
    const answer = store.create('a', '1');
    world.write('b', '2', 0);
    await clock.advance(3_000);
    expect(await answer).toMatchObject({ outcome: 'unknown' });
    expect(world.entry('a')).toBeNull();
    expect(watch.values.size).toBe(0);
    expect(other.status.connected).toBe(true);
    store.mend();
    await clock.advance(0);
    expect(watch.values.get('b')).toBe('2');
    expect(watch.isCaughtUp).toBe(true);
  });

  it('no quorum: connected, and unknown', async () => {
    const clock = new FakeClock();
    const world = new MemoryWorld({ clock });
    const store = world.client();
    world.answers = false;
    const answer = store.create('a', '1');
    await clock.advance(3_000);
    expect(await answer).toMatchObject({ outcome: 'unknown' });
    expect(store.status.connected).toBe(true);
  });
});
