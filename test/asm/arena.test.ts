// Buffers of the core: what is given, what is refused, and that nothing is left behind.
import { beforeEach, describe, expect, it } from 'vitest';
import { STATUS_BAD_RANGE, STATUS_NOT_A_BUFFER } from '../../src/core/abi.ts';
import { type RawCore, rawCore } from './support/raw-core.ts';

const HEAP_BYTES = 64 * 1024;

describe('arena', () => {
  let core: RawCore;
  beforeEach(async () => {
    core = await rawCore(4, HEAP_BYTES);
  });

  it('arena: alloc -> zero-filled, aligned, apart from the others', () => {
    const [first, second] = [core.buffer_alloc(100), core.buffer_alloc(300)];
    expect(first).toBeGreaterThan(0);
    expect(first % 256).toBe(0);
    expect(second).toBeGreaterThanOrEqual(first + 100);
    expect(core.read(second, 300).every((byte) => byte === 0)).toBe(true);
  });

  it('arena: alloc of 0 bytes -> a buffer of its own', () => {
    const [first, second] = [core.buffer_alloc(0), core.buffer_alloc(0)];
    expect(first).toBeGreaterThan(0);
    expect(second).not.toBe(first);
    expect(core.buffer_free(first)).toBe(0);
  });

  it('arena: free -> every byte is wiped before anybody can have it', () => {
    const pointer = core.place(Buffer.alloc(5000, 0xa5));
    expect(core.buffer_free(pointer)).toBe(0);
    expect(core.read(pointer, 5120).every((byte) => byte === 0)).toBe(true);
    expect(core.buffer_alloc(5000)).toBe(pointer);
  });

  it('arena: the whole heap as one buffer -> given once, then none, then again after the free', () => {
    const whole = core.buffer_alloc(HEAP_BYTES);
    expect(whole).toBeGreaterThan(0);
    expect(core.buffer_alloc(1)).toBe(0);
    expect(core.buffer_free(whole)).toBe(0);
    expect(core.buffer_alloc(HEAP_BYTES)).toBe(whole);
  });

  it.each([HEAP_BYTES + 1, 2 ** 30, 2 ** 30 + 1, 2 ** 31 - 1, -1, -256])('arena: alloc of %i bytes -> 0', (bytes) => {
    expect(core.buffer_alloc(bytes)).toBe(0);
    expect(core.buffer_alloc(HEAP_BYTES)).toBeGreaterThan(0);
  });

  it('arena: free twice -> refused, also after the range became part of a larger one', () => {
    const [first, second] = [core.buffer_alloc(256), core.buffer_alloc(256)];
    core.buffer_free(second);
    expect(core.buffer_free(second)).toBe(STATUS_NOT_A_BUFFER);
    core.buffer_free(first);
    expect(core.buffer_free(first)).toBe(STATUS_NOT_A_BUFFER);
    expect(core.buffer_free(second)).toBe(STATUS_NOT_A_BUFFER);
  });

  it('arena: free of a foreign pointer -> refused, and the buffer lives on', () => {
    const pointer = core.place(Buffer.alloc(1024, 7));
    for (const foreign of [0, 1, 4096, pointer + 1, pointer + 256, pointer - 256, pointer + HEAP_BYTES, -1, -256]) {
      expect(core.buffer_free(foreign)).toBe(STATUS_NOT_A_BUFFER);
    }
    expect(core.read(pointer, 1024).every((byte) => byte === 7)).toBe(true);
  });

  it('arena: free in any order -> ranges become one again', () => {
    const orders = [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [1, 3, 0, 2],
      [2, 0, 3, 1],
    ];
    for (const order of orders) {
      const buffers = [1, 2, 3, 4].map(() => core.buffer_alloc(HEAP_BYTES / 4));
      expect(buffers.every((pointer) => pointer > 0)).toBe(true);
      for (const index of order) expect(core.buffer_free(buffers[index] as number)).toBe(0);
    }
    expect(core.buffer_alloc(HEAP_BYTES)).toBeGreaterThan(0);
  });

  it('arena: a hole too small for one buffer -> still found by a later one that fits', () => {
    const hole = core.buffer_alloc(256);
    core.buffer_alloc(256);
    core.buffer_free(hole);
    expect(core.buffer_alloc(HEAP_BYTES - 512)).toBeGreaterThan(hole);
    expect(core.buffer_alloc(1)).toBe(hole);
    expect(core.buffer_alloc(1)).toBe(0);
  });

  it('arena: a range that leaves its buffer, or was freed -> no call takes it', () => {
    const [small, next] = [core.buffer_alloc(256), core.buffer_alloc(256)];
    const src = core.place(Buffer.from([0x50, 1, 2, 3, 4, 5]));
    expect(core.lz4_decompress_block(src, 6, small, 256)).toBe(5);
    expect(core.lz4_decompress_block(src, 6, small, 257)).toBe(STATUS_BAD_RANGE);
    expect(core.lz4_decompress_block(src, 6, small + 1, 256)).toBe(STATUS_BAD_RANGE);
    expect(core.lz4_decompress_block(src, 6, small - 1, 10)).toBe(STATUS_BAD_RANGE);
    expect(core.lz4_decompress_block(src, 6, 0, 10)).toBe(STATUS_BAD_RANGE);
    expect(core.lz4_decompress_block(src, 6, 131_072, 10)).toBe(STATUS_BAD_RANGE);
    expect(core.lz4_decompress_block(src, 6, small, -1)).toBe(STATUS_BAD_RANGE);
    expect(core.lz4_decompress_block(src, 6, -1, 10)).toBe(STATUS_BAD_RANGE);
    core.buffer_free(next);
    expect(core.lz4_decompress_block(src, 6, next, 256)).toBe(STATUS_BAD_RANGE);
  });
});
