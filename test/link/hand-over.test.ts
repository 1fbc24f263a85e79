// What a Torpor that has handed over waits for before it ends: also for what its links' edges do not have yet.
import { expect, it } from 'vitest';
import { HandOver, type HandOverOptions } from '../../src/compose-hand-over.ts';

it('drained: no stream is left, but an edge does not have all that was sent to it -> waits until it has', async () => {
  const link = { isBusy: true };
  const handOver = new HandOver({ platforms: [], link } as unknown as HandOverOptions);
  let isOver = false;
  const drained = handOver.drained(new AbortController().signal).then(() => {
    isOver = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isOver).toBe(false);
  link.isBusy = false;
  await drained;
});
