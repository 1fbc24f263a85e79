// The arena against a model that knows only which byte ranges are taken.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { STATUS_NOT_A_BUFFER } from '../../src/core/abi.ts';
import { drawSeed, runs } from '../core/support/seed.ts';
import { rawCore } from './support/raw-core.ts';

const HEAP_BYTES = 128 * 1024;
const seed = drawSeed('arena');

type Step = { alloc: number } | { free: number } | { freeForeign: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ alloc: fc.oneof(fc.nat(600), fc.nat(20_000)) }) },
  { weight: 4, arbitrary: fc.record({ free: fc.nat(1000) }) },
  { weight: 1, arbitrary: fc.record({ freeForeign: fc.nat(HEAP_BYTES + 8192) }) },
);

describe('arena', () => {
  it('arena: any sequence of alloc and free -> never overlapping, always wiped, nothing lost', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 120, size: 'max' }), async (steps) => {
        const core = await rawCore(1, HEAP_BYTES);
        const live = new Map<number, { bytes: number; mark: number }>();
        let heapBase = 0;
        for (const [index, each] of steps.entries()) {
          if ('alloc' in each) {
            const pointer = core.buffer_alloc(each.alloc);
            if (pointer === 0) continue;
            if (heapBase === 0) heapBase = pointer;
            const end = pointer + each.alloc;
            for (const [other, { bytes }] of live) expect(end <= other || pointer >= other + bytes).toBe(true);
            expect(core.read(pointer, each.alloc).every((byte) => byte === 0)).toBe(true);
            const mark = 1 + (index % 255);
            core.bytes().fill(mark, pointer, end);
            live.set(pointer, { bytes: Math.max(1, each.alloc), mark });
          } else if ('free' in each) {
            const pointer = [...live.keys()][each.free % Math.max(1, live.size)];
            if (pointer === undefined) continue;
            expect(core.buffer_free(pointer)).toBe(0);
            live.delete(pointer);
            expect(core.buffer_free(pointer)).toBe(STATUS_NOT_A_BUFFER);
          } else {
            const foreign = heapBase + each.freeForeign;
            if (!live.has(foreign)) expect(core.buffer_free(foreign)).toBe(STATUS_NOT_A_BUFFER);
          }
        }
        for (const [pointer, { bytes, mark }] of live) {
          if (bytes > 1) expect(core.read(pointer, bytes).every((byte) => byte === mark)).toBe(true);
          expect(core.buffer_free(pointer)).toBe(0);
        }
        expect(core.buffer_alloc(HEAP_BYTES)).toBeGreaterThan(0);
      }),
      runs(150, seed),
    );
  });
});
