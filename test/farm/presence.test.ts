// Who is there, by one Torpor's own lease: what of a process that handed over may still arrive while the next one goes on as the same run.
import { expect, it } from 'vitest';
import { MemoryWorld } from '../../src/farm/memory-store.ts';
import { PRESENCE_PREFIX, Presence } from '../../src/farm/presence.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { KeptLog } from '../support/kept-log.ts';

const LEASE_MS = 10_000;
const KEY = `${PRESENCE_PREFIX}torpor-a`;

function presenceOf(world: MemoryWorld, clock: FakeClock, boot: string, follows = false): Presence {
  return new Presence({
    ...{ store: world.client(), name: 'torpor-a', version: '0', leaseMs: LEASE_MS, clock, follows },
    wallMs: () => clock.nowMs(),
    newBoot: () => boot,
    log: new KeptLog(),
    onChange: () => {},
  });
}

it('a beat of the process before, late on its way -> is not taken for one of the process that goes on as its run', async () => {
  const clock = new FakeClock();
  const world = new MemoryWorld({ clock });
  const former = presenceOf(world, clock, 'former');
  former.start();
  await clock.advance(3 * former.beatMs);
  await former.rest();
  const left = world.entry(KEY);
  const { beat } = JSON.parse(left?.value ?? '{}');
  expect(beat).toBeGreaterThan(0);

  const next = presenceOf(world, clock, 'next', true);
  next.start();
  await clock.advance(1);
  // It has met the key and goes on from there; nothing of its own stands there yet.
  expect([next.id, next.leaseHolds()]).toEqual(['torpor-a@former', false]);
  // The next beat of the former, whose answer nobody waited for, arrives now.
  const late = JSON.stringify({ boot: 'former', beat: beat + 1, version: '0' });
  expect(world.write(KEY, late, left?.revision ?? 0)).not.toBeNull();

  // Its own first beat is refused: what stands there has no moment from which its lease could run.
  await clock.advance(next.beatMs);
  expect(JSON.parse(world.entry(KEY)?.value ?? '{}').beat).toBe(beat + 1);
  expect(next.leaseHolds()).toBe(false);
  await clock.advance(next.beatMs);
  expect(next.leaseHolds()).toBe(true);
  const stopped = next.stop();
  await clock.advance(1);
  await stopped;
});
