// A hold of datagrams against a plain list: whatever comes, its bounds hold, what is left is the newest in order, and nothing vanishes uncounted.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DatagramHold, type DatagramHoldBounds } from '../../../src/streams/datagrams/datagram-hold.ts';
import { drawSeed, runs } from '../../core/support/seed.ts';

const SEED = drawSeed('DatagramHold');
const BOUNDS: DatagramHoldBounds = { maxDatagrams: 5, maxBytes: 40, maxAgeMs: 100 };

const act = fc.oneof(
  { weight: 8, arbitrary: fc.record({ bytes: fc.uint8Array({ maxLength: 45 }), mayGrow: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ passMs: fc.integer({ min: 0, max: 80 }) }) },
  { weight: 1, arbitrary: fc.constant('expire' as const) },
  { weight: 1, arbitrary: fc.constant('take' as const) },
);

class Budget {
  storedBytes = 0;
  heldBytes = 0;
  change(storedBytes: number, heldBytes: number): void {
    this.storedBytes += storedBytes;
    this.heldBytes += heldBytes;
  }
}

describe('DatagramHold', () => {
  it('pushes, time and takes in any order -> within bounds, in order, every datagram taken or counted as dropped', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        const budget = new Budget();
        const hold = new DatagramHold(budget);
        /** What may be left: oldest first. */
        let model: Array<{ bytes: Uint8Array; atMs: number }> = [];
        let nowMs = 1000;
        const dropFromModel = (count: number) => {
          model = model.slice(count);
        };
        for (const next of acts) {
          if (next === 'take') {
            expect(hold.take()).toEqual(model.map(({ bytes }) => bytes));
            model = [];
          } else if (next === 'expire') {
            const old = model.filter(({ atMs }) => nowMs - atMs > BOUNDS.maxAgeMs).length;
            expect(hold.expire(BOUNDS, nowMs)).toBe(old);
            dropFromModel(old);
          } else if ('passMs' in next) nowMs += next.passMs;
          else {
            const before = { bytes: hold.heldBytes, count: hold.count };
            const dropped = hold.push(next.bytes, BOUNDS, nowMs, next.mayGrow);
            model.push({ bytes: next.bytes, atMs: nowMs });
            // Nothing fits into a full house but what is no larger than what it takes the place of.
            if (
              next.bytes.length > (next.mayGrow ? BOUNDS.maxBytes : before.bytes) ||
              (!next.mayGrow && before.count === 0)
            )
              model.pop();
            else dropFromModel(dropped);
            if (!next.mayGrow) expect(hold.heldBytes).toBeLessThanOrEqual(before.bytes);
            expect(dropped).toBeGreaterThanOrEqual(0);
          }
          expect(hold.count).toBe(model.length);
          expect(hold.count).toBeLessThanOrEqual(BOUNDS.maxDatagrams);
          expect(hold.heldBytes).toBe(model.reduce((sum, { bytes }) => sum + bytes.length, 0));
          expect(hold.heldBytes).toBeLessThanOrEqual(BOUNDS.maxBytes);
          expect(budget).toMatchObject({ storedBytes: hold.heldBytes, heldBytes: hold.heldBytes });
        }
        expect(hold.take()).toEqual(model.map(({ bytes }) => bytes));
        expect(budget.heldBytes).toBe(0);
      }),
      runs(300, SEED),
    );
  });

  it('no more than must be goes: one over the bound of datagrams, one; one over that of bytes, as many as it needs', () => {
    const hold = new DatagramHold(new Budget());
    const pushes = [1, 2, 3, 4, 5, 6].map((value) => hold.push(Uint8Array.of(value), BOUNDS, 0));
    expect(pushes).toEqual([0, 0, 0, 0, 0, 1]);
    expect(hold.push(new Uint8Array(38), BOUNDS, 0)).toBe(3);
    expect(hold.take().map((bytes) => bytes.length)).toEqual([1, 1, 38]);
  });
});
