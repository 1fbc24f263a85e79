// Memory that is used again: never while somebody may look at it.
import { describe, expect, it } from 'vitest';
import { MAX_FREE_SLABS, SLAB_BYTES, SLAB_COPY_BYTES, SlabPool } from '../../src/link/slab-pool.ts';

const HALF = SLAB_BYTES / 2;
const filled = (value: number, bytes = HALF) => new Uint8Array(bytes).fill(value);

describe('SlabPool', () => {
  it('copies that nobody gave back -> each has memory of its own, whatever comes after', () => {
    const pool = new SlabPool();
    const copies = [1, 2, 3, 4, 5].map((value) => pool.copy(filled(value)).copy);
    expect(copies.map((copy) => [copy[0], copy[HALF - 1]])).toEqual([1, 2, 3, 4, 5].map((value) => [value, value]));
  });

  it('all of a slab given back -> used again; one of its copies kept -> not', () => {
    const pool = new SlabPool();
    const [a, b, c] = [1, 2, 3].map((value) => pool.copy(filled(value)));
    a?.giveBack();
    // b is in a's slab, c in the next.
    const d = pool.copy(filled(4));
    expect([d.copy.buffer === c?.copy.buffer, b?.copy[0]]).toEqual([true, 2]);
    b?.giveBack();
    const e = pool.copy(filled(5));
    expect([e.copy.buffer === a?.copy.buffer, e.copy.byteOffset]).toEqual([true, 0]);
    expect([c?.copy[0], d.copy[0], e.copy[0]]).toEqual([3, 4, 5]);
  });

  it('each given back at once -> one slab for all', () => {
    const pool = new SlabPool();
    const buffers = new Set<ArrayBufferLike>();
    for (let at = 0; at < 20; at += 1) {
      const { copy, giveBack } = pool.copy(filled(at, 30_000));
      buffers.add(copy.buffer);
      giveBack();
    }
    expect(buffers.size).toBe(1);
  });

  it('more given back than is kept -> the bound; nothing copied between two rests -> nothing is kept', () => {
    const pool = new SlabPool();
    const all = Array.from({ length: MAX_FREE_SLABS + 5 }, (_, at) => pool.copy(filled(at, SLAB_BYTES)));
    const before = new Set(all.map(({ copy }) => copy.buffer));
    for (const { giveBack } of all) giveBack();
    const again = () => Array.from({ length: before.size }, () => pool.copy(filled(0, SLAB_BYTES)));
    const second = again();
    expect(second.filter(({ copy }) => before.has(copy.buffer))).toHaveLength(MAX_FREE_SLABS + 1);
    const known = new Set(second.map(({ copy }) => copy.buffer));
    for (const { giveBack } of second) giveBack();
    pool.rest();
    pool.rest();
    expect(again().filter(({ copy }) => known.has(copy.buffer))).toHaveLength(0);
  });

  it('opened and claimed in part -> the rest is the next one’s, right behind; given back meanwhile -> what is open stays where it is', () => {
    const pool = new SlabPool();
    const first = pool.copy(filled(1, 5000));
    const open = pool.open(100);
    open.set(filled(2, 100));
    first.giveBack();
    const second = pool.claim(100);
    const third = pool.copy(filled(3, 5000));
    expect(second.copy.every((byte) => byte === 2)).toBe(true);
    expect([second.copy.byteOffset, third.copy.byteOffset]).toEqual([5000, 5100]);
    expect(second.copy.buffer === third.copy.buffer).toBe(true);
  });

  it('a short copy that is kept -> keeps no slab', () => {
    const pool = new SlabPool();
    const [short, long] = [SLAB_COPY_BYTES - 1, SLAB_COPY_BYTES].map((bytes) => pool.copy(filled(1, bytes)));
    expect(short?.copy.buffer.byteLength).toBeLessThan(SLAB_BYTES);
    expect(long?.copy.buffer.byteLength).toBe(SLAB_BYTES);
  });

  it('as many slabs lent as may be -> a copy has memory of its own, until one is given back', () => {
    const pool = new SlabPool({ maxLentSlabs: 2 });
    const [first, second] = [1, 2].map((value) => pool.copy(filled(value, SLAB_BYTES)));
    const own = pool.copy(filled(3, 5000));
    expect([own.copy.buffer === first?.copy.buffer, own.copy.buffer === second?.copy.buffer]).toEqual([false, false]);
    expect(own.copy.buffer.byteLength).toBeLessThan(SLAB_BYTES);
    own.giveBack();
    first?.giveBack();
    expect(pool.copy(filled(4, 5000)).copy.buffer.byteLength).toBe(SLAB_BYTES);
    expect([own.copy[4999], second?.copy[0]]).toEqual([3, 2]);
  });
});
