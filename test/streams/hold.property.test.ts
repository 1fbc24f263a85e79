import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { LINK_TIERS } from '../../src/core/abi.ts';
import { loadCore } from '../../src/core/stream-core.ts';
import { Hold } from '../../src/streams/hold.ts';
import { HoldBudget } from '../../src/streams/hold-budget.ts';
import { HOLD_BLOCK_BYTES, HoldCodec } from '../../src/streams/hold-codec.ts';
import { drawSeed, runs } from '../core/support/seed.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { noise } from './support/socket-reader.ts';

const SEED = drawSeed('Hold');

/** `take` counts pieces; `rest` takes all windows, as idleness does. */
type Act = { readonly to: number } & ({ readonly push: Buffer } | { readonly take: number } | { readonly rest: true });

const HOLDS = 3;
/** Room for one hold that grows, or for a few that do not. */
const LIMIT_BYTES = LINK_TIERS[2].encoderBytes + LINK_TIERS[1].encoderBytes;

const chunk = fc.oneof(
  fc.uint8Array({ minLength: 0, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.tuple(fc.integer({ min: 1, max: 3 * HOLD_BLOCK_BYTES }), fc.nat()).map(([bytes, seed]) => noise(bytes, seed)),
  fc.integer({ min: 1, max: 3 * HOLD_BLOCK_BYTES }).map((bytes) => Buffer.alloc(bytes, 'idle chatter; ')),
  fc.integer({ min: 1, max: 5000 }).map((bytes) => Buffer.alloc(bytes, `chatter ${bytes}; `)),
);
const to = fc.nat({ max: HOLDS - 1 });
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ to, push: chunk }) },
  { weight: 2, arbitrary: fc.record({ to, take: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ to, rest: fc.constant(true as const) }) },
);

describe('Hold', () => {
  let codec: HoldCodec;
  beforeAll(async () => {
    const core = await loadCore({ maxStreams: 1, heapBytes: 1024 * 1024 });
    codec = new HoldCodec(core, core.openLinks({ clock: new FakeClock(), limitBytes: LIMIT_BYTES }));
  });

  it('random pushes, takes and rests of holds that share windows: any seed -> every byte once and in order, counts that end at zero', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
        const budget = new HoldBudget(1e9, () => {});
        const all = Array.from({ length: HOLDS }, () => ({
          hold: new Hold(codec, budget, 1e9),
          pushed: [] as Buffer[],
          taken: [] as Uint8Array[],
        }));
        for (const each of acts) {
          const { hold, pushed, taken } = all[each.to] as (typeof all)[number];
          if ('push' in each) {
            pushed.push(each.push);
            hold.push(Buffer.from(each.push));
          } else if ('take' in each) {
            for (let count = 0; count < each.take; count += 1) taken.push(hold.take() ?? new Uint8Array());
          } else codec.links.close();
          const held =
            pushed.reduce((sum, { length }) => sum + length, 0) - taken.reduce((sum, { length }) => sum + length, 0);
          expect(hold.heldBytes).toBe(held);
          expect(hold.storedBytes).toBeLessThanOrEqual(held);
          expect(codec.links.usedBytes).toBeLessThanOrEqual(LIMIT_BYTES);
          const sum = (of: (hold: Hold) => number) => all.reduce((total, { hold: one }) => total + of(one), 0);
          expect([budget.heldBytes, budget.storedBytes]).toEqual([
            sum((one) => one.heldBytes),
            sum((one) => one.storedBytes),
          ]);
        }
        for (const { hold, pushed, taken } of all) {
          for (let piece = hold.take(); piece !== null; piece = hold.take()) taken.push(piece);
          expect(Buffer.concat(taken).equals(Buffer.concat(pushed))).toBe(true);
          expect([hold.heldBytes, hold.storedBytes]).toEqual([0, 0]);
        }
        expect([budget.heldBytes, budget.storedBytes, codec.links.usedBytes]).toEqual([0, 0, 0]);
      }),
      runs(200, SEED),
    );
  });
});
