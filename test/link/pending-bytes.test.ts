// What waits to be sent: in order, in pieces of any size, and its memory given back.
import { describe, expect, it } from 'vitest';
import { joinNeighbours, PendingBytes } from '../../src/link/pending-bytes.ts';
import { SLAB_BYTES, SlabPool } from '../../src/link/slab-pool.ts';

const PERIOD = 251;
const PATTERN = Buffer.from(Array.from({ length: PERIOD + 3 * SLAB_BYTES }, (_, at) => at % PERIOD));
/** Bytes that tell their place. */
const numbered = (from: number, bytes: number) => PATTERN.subarray(from % PERIOD, (from % PERIOD) + bytes);

describe('PendingBytes', () => {
  it('three streams of one pool, pushed and taken in all sizes -> each its own bytes, in order', () => {
    const pool = new SlabPool();
    const streams = [0, 1, 2].map((first) => ({ pending: new PendingBytes(pool), pushed: first, taken: first }));
    let size = 1;
    for (let step = 0; step < 3000; step += 1) {
      size = (size * 7919) % 65_521;
      const stream = streams[step % 3] as (typeof streams)[number];
      const source = Buffer.from(numbered(stream.pushed, size));
      stream.pending.push(source);
      // The caller's memory is its own again.
      source.fill(255);
      stream.pushed += size;
      while (stream.pending.bytes > 40_000) {
        const wanted = Math.min(stream.pending.bytes, 1 + ((size * 31) % 32_768));
        const piece = stream.pending.take(wanted);
        expect(piece.equals(numbered(stream.taken, wanted))).toBe(true);
        stream.taken += wanted;
      }
      expect(stream.pending.bytes).toBe(stream.pushed - stream.taken);
    }
  });

  it('pushed one behind the other -> taken over their borders without a copy', () => {
    const pool = new SlabPool();
    const pending = new PendingBytes(pool);
    pending.push(numbered(0, 5000));
    pending.push(numbered(5000, 5000));
    const piece = pending.take(7500);
    expect([piece.buffer.byteLength, piece.equals(numbered(0, 7500))]).toEqual([SLAB_BYTES, true]);
  });

  it('all taken, or cleared -> the pool has its memory back', () => {
    const pool = new SlabPool({ maxLentSlabs: 1 });
    const isOfPool = () => pool.copy(new Uint8Array(SLAB_BYTES - 1000)).copy.buffer.byteLength === SLAB_BYTES;
    for (const end of [(each: PendingBytes) => each.take(11_000), (each: PendingBytes) => each.clear()]) {
      const pending = new PendingBytes(pool);
      pending.push(numbered(0, 6000));
      pending.push(numbered(6000, 5000));
      end(pending);
      expect(pending.bytes).toBe(0);
    }
    expect([isOfPool(), isOfPool()]).toEqual([true, false]);
  });

  it('longer than a slab -> whole', () => {
    const pending = new PendingBytes(new SlabPool());
    const bytes = numbered(0, 2 * SLAB_BYTES + 5);
    pending.push(bytes);
    expect(pending.take(bytes.length).equals(bytes)).toBe(true);
  });
});

describe('joinNeighbours', () => {
  it('behind one another -> one; a gap, another order, other memory -> none', () => {
    const memory = Buffer.from(numbered(0, 20));
    const [a, b] = [memory.subarray(2, 5), memory.subarray(5, 9)];
    expect(joinNeighbours(a, b)?.equals(numbered(2, 7))).toBe(true);
    expect(joinNeighbours(a, memory.subarray(6, 9))).toBeNull();
    expect(joinNeighbours(b, a)).toBeNull();
    expect(joinNeighbours(a, Buffer.alloc(20).subarray(5, 9))).toBeNull();
  });
});
