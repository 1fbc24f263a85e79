// The seats of a process that carries streams.
import { expect, it } from 'vitest';
import { StreamRegistry } from '../../src/streams/stream-registry.ts';
import { loadHostCore } from '../../src/workers/stream-host.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** `maxStreams` by default. */
const OPEN = 50_000;
/** Closed within one grace of 5 s, at 3,000 short connections a second. */
const CLOSED = 15_000;

it('as many streams as may be open by default, and thousands closed in their grace -> each has a seat', async () => {
  const clock = new FakeClock();
  const registry = new StreamRegistry({ core: await loadHostCore(), clock });
  const owner = { onExpired: () => {} };
  for (let at = 0; at < CLOSED; at += 1) registry.close(registry.open(600_000, owner), 5_000);
  for (let at = 0; at < OPEN; at += 1) registry.open(600_000, owner);
  expect(registry.size).toBe(OPEN + CLOSED);
});
