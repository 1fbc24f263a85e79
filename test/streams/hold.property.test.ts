import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadCore } from '../../src/core/stream-core.ts';
import { Hold } from '../../src/streams/hold.ts';
import { HoldBudget } from '../../src/streams/hold-budget.ts';
import { HOLD_BLOCK_BYTES, HoldCodec } from '../../src/streams/hold-codec.ts';
import { drawSeed, runs } from '../core/support/seed.ts';
import { noise } from './support/socket-reader.ts';

const SEED = drawSeed('Hold');

type Act = { readonly push: Buffer } | { readonly take: number };

const chunk = fc.oneof(
  fc.uint8Array({ minLength: 0, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.tuple(fc.integer({ min: 1, max: 3 * HOLD_BLOCK_BYTES }), fc.nat()).map(([bytes, seed]) => noise(bytes, seed)),
  fc.integer({ min: 1, max: 3 * HOLD_BLOCK_BYTES }).map((bytes) => Buffer.alloc(bytes, 'idle chatter; ')),
);
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 3, arbitrary: chunk.map((push) => ({ push })) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 6 }).map((take) => ({ take })) },
);

describe('Hold', () => {
  let codec: HoldCodec;
  beforeAll(async () => {
    codec = new HoldCodec(await loadCore({ maxStreams: 1, heapBytes: 1024 * 1024 }));
  });

  it('random pushes and takes: any seed -> every byte once and in order, counts that end at zero', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
        const budget = new HoldBudget(1e9, () => {});
        const hold = new Hold(codec, budget, 1e9);
        const pushed: Buffer[] = [];
        const taken: Uint8Array[] = [];
        for (const each of acts) {
          if ('push' in each) {
            pushed.push(each.push);
            hold.push(Buffer.from(each.push));
          } else {
            for (let count = 0; count < each.take; count += 1) taken.push(hold.take() ?? new Uint8Array());
          }
          const held =
            pushed.reduce((sum, { length }) => sum + length, 0) - taken.reduce((sum, { length }) => sum + length, 0);
          expect(hold.heldBytes).toBe(held);
          expect(hold.storedBytes).toBeLessThanOrEqual(held);
          expect([budget.heldBytes, budget.storedBytes]).toEqual([hold.heldBytes, hold.storedBytes]);
        }
        for (let piece = hold.take(); piece !== null; piece = hold.take()) taken.push(piece);
        expect(Buffer.concat(taken).equals(Buffer.concat(pushed))).toBe(true);
        expect([hold.heldBytes, hold.storedBytes, budget.storedBytes]).toEqual([0, 0, 0]);
      }),
      runs(200, SEED),
    );
  });
});
