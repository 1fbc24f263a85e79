// High compression: blocks that the format leaves no choice about, what the search must find, and what is refused.
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  STATUS_BAD_ARGUMENT,
  STATUS_BAD_RANGE,
  STATUS_LZ4_INPUT_TOO_LARGE,
  STATUS_LZ4_OUTPUT_TOO_SMALL,
} from '../../src/core/abi.ts';
import { makeData } from '../core/support/block-data.ts';
import { readBlock } from '../core/support/block-reader.ts';
import { BUILDS, type RawCore, rawCore } from './support/raw-core.ts';

describe.each(BUILDS)('LZ4 high compression by %s', (build) => {
  let core: RawCore;
  let state: number;
  beforeAll(async () => {
    core = await rawCore(1, 8 * 1024 * 1024, build);
    const stateBytes = core.lz4_hc_state_bytes(0, 0);
    state = core.buffer_alloc(stateBytes);
    expect(core.lz4_hc_init(state, stateBytes, 0)).toBe(0);
  });

  function encode(content: Uint8Array, capacity = core.lz4_compress_bound(content.length)): Buffer | number {
    const src = core.place(content);
    const dst = core.buffer_alloc(capacity);
    const status = core.lz4_hc_compress(state, src, content.length, dst, capacity);
    const block = core.read(dst, Math.max(0, status));
    core.buffer_free(src);
    core.buffer_free(dst);
    return status < 0 ? status : block;
  }

  it.each([
    ['empty input', Buffer.alloc(0), '00'],
    ['12 equal bytes: too short for a match', Buffer.alloc(12, 'a'), `c0${'61'.repeat(12)}`],
    ['13 equal bytes: the shortest match', Buffer.alloc(13, 'a'), '13 61 0100 50 6161616161'],
    // printf 'a%.0s' $(seq 100) | lz4 -9 --no-frame-crc, of liblz4 1.9.4
    ['100 equal bytes, as liblz4', Buffer.alloc(100, 'a'), '1f6101004b506161616161'],
    ['abc 40 times, as liblz4', Buffer.alloc(120, 'abc'), '3f61626303005d506263616263'],
    ['65,536 zeros, as liblz4', Buffer.alloc(65_536), `1f000100${'ff'.repeat(256)}e7500000000000`],
  ])('hc: %s -> the one block the rules leave', (_name, content, block) => {
    expect((encode(content) as Buffer).toString('hex')).toBe(block.replaceAll(' ', ''));
  });

  it('hc: a longer match begins one byte later -> a literal, then the longer match', () => {
    // Greedy takes "bcde" at 28; one literal more, and the match is "cdefghijklmn_".
    const content = Buffer.from('abcdeZ_cdefghijklmn_QRSTUVW_bcdefghijklmn_tail.');
    const reading = readBlock(encode(content) as Buffer, content.length);
    if (!('sequences' in reading)) return expect.fail(reading.fault);
    expect(reading.sequences.slice(0, -1)).toEqual([{ literals: 29, offset: 22, matchAt: 29, matchLength: 13 }]);
  });

  it('hc: the longest of 100 matches stands furthest back -> it is the one', () => {
    const long = 'the same beginning, and then something of its own';
    const decoys = Array.from({ length: 100 }, (_, index) => `the same ${String(index).padStart(3, '#')}`).join('');
    const content = Buffer.from(`${long}${decoys}|${long}|12345678`);
    const reading = readBlock(encode(content) as Buffer, content.length);
    if (!('sequences' in reading)) return expect.fail(reading.fault);
    expect(Math.max(...reading.sequences.map(({ matchLength }) => matchLength))).toBe(long.length);
  });

  it('hc: what repeats at the furthest offset -> found; one byte further -> not', () => {
    for (const [distance, offsets] of [
      [65_535, [65_535]],
      [65_536, []],
    ] as const) {
      const content = Buffer.concat([makeData('random', distance, 7), Buffer.alloc(64)]);
      content.copy(content, distance, 0, 40);
      const reading = readBlock(encode(content) as Buffer, content.length);
      if (!('sequences' in reading)) return expect.fail(reading.fault);
      const far = reading.sequences.filter(({ matchAt, matchLength }) => matchAt >= distance && matchLength === 40);
      expect(far.map(({ offset }) => offset)).toEqual(offsets);
    }
  });

  it('hc: output of exactly the block -> fits; every smaller one -> refused, nothing written beyond', () => {
    const content = Buffer.from(
      'the pool is empty, the pool is empty; the window is over. 0123456789 the pool is empty',
    );
    const block = encode(content) as Buffer;
    expect(encode(content, block.length)).toEqual(block);
    const guard = core.place(Buffer.alloc(512, 0x99));
    for (let capacity = 0; capacity < block.length; capacity += 1) {
      expect(encode(content, capacity)).toBe(STATUS_LZ4_OUTPUT_TOO_SMALL);
    }
    expect(core.read(guard, 512).every((byte) => byte === 0x99)).toBe(true);
    core.buffer_free(guard);
  });

  it('hc: the same input twice, another between -> the same block: nothing is remembered', () => {
    const [one, other] = [makeData('words', 30_000, 1), makeData('words', 30_000, 2)];
    const first = encode(one);
    encode(other);
    expect(encode(one)).toEqual(first);
  });

  it('hc: source with secrets before and behind it -> none of them in the output', () => {
    for (const length of [13, 40, 255, 700]) {
      const frame = core.place(Buffer.alloc(2048, 0xee));
      const src = frame + 1024;
      core.bytes().set(makeData('words', length, 3), src);
      const dst = core.buffer_alloc(1024);
      expect(core.lz4_hc_compress(state, src, length, dst, 1024)).toBeGreaterThan(0);
      expect(core.read(dst, 1024).includes(0xee)).toBe(false);
      core.buffer_free(dst);
      core.buffer_free(frame);
    }
  });

  it('hc: wrong arguments -> statuses, no trap', () => {
    expect(core.lz4_hc_state_bytes(255, 1000)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_hc_state_bytes(65_537, 1000)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_hc_state_bytes(65_536, 2 ** 30)).toBe(STATUS_BAD_ARGUMENT);
    const bytes = core.lz4_hc_state_bytes(1000, 500);
    const linked = core.buffer_alloc(bytes);
    const data = core.place(Buffer.alloc(1024, 'text '));
    expect(core.lz4_hc_init(linked, bytes, 100)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_hc_init(linked, 100_000, 1000)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_hc_init(linked, bytes + 512, 1000)).toBe(STATUS_BAD_RANGE);
    expect(core.lz4_hc_init(linked, bytes, 1000)).toBe(0);
    expect(core.lz4_hc_append(linked, data, 1000)).toBe(0);
    expect(core.lz4_hc_compress(linked, data, 501, data + 512, 512)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_hc_append(linked, data, 501)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_hc_compress(linked, data, 600, data + 512, 512)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_hc_compress(linked, linked + 64, 100, data, 512)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_hc_compress(linked, data, 100, linked + 64, 512)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_hc_compress(linked, data, 2000, data, 512)).toBe(STATUS_BAD_RANGE);
    expect(core.lz4_hc_compress(0, data, 100, data + 512, 512)).toBe(STATUS_BAD_RANGE);
    expect(core.lz4_hc_compress(state, 0, -1, data, 512)).toBe(STATUS_LZ4_INPUT_TOO_LARGE);
    expect(core.lz4_hc_append(state, data, 10)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_hc_reset(data)).toBe(STATUS_BAD_RANGE);
    core.bytes().fill(0xff, linked, linked + 64);
    expect(core.lz4_hc_reset(linked)).toBe(STATUS_BAD_RANGE);
    expect(core.lz4_hc_compress(linked, data, 100, data + 512, 512)).toBe(STATUS_BAD_RANGE);
    for (const pointer of [linked, data]) expect(core.buffer_free(pointer)).toBe(0);
  });

  it('hc: state released -> no byte of it is left', () => {
    const bytes = core.lz4_hc_state_bytes(4096, 4096);
    const linked = core.buffer_alloc(bytes);
    core.lz4_hc_init(linked, bytes, 4096);
    const [src, dst] = [core.place(makeData('words', 4096, 5)), core.buffer_alloc(5000)];
    expect(core.lz4_hc_compress(linked, src, 4096, dst, 5000)).toBeGreaterThan(0);
    expect(core.read(linked, bytes).some((byte) => byte !== 0)).toBe(true);
    core.buffer_free(linked);
    expect(core.read(linked, bytes).some((byte) => byte !== 0)).toBe(false);
    for (const pointer of [src, dst]) core.buffer_free(pointer);
  });
});

describe('LZ4 high compression and the fast encoder', () => {
  it('hc: both builds -> the same block', async () => {
    const blocks = await Promise.all(
      BUILDS.map(async (build) => {
        const core = await rawCore(1, 2 * 1024 * 1024, build);
        const bytes = core.lz4_hc_state_bytes(0, 0);
        const [state, dst] = [core.buffer_alloc(bytes), core.buffer_alloc(200_000)];
        core.lz4_hc_init(state, bytes, 0);
        const content = await readFile(new URL('../../src/core/stream-core.ts', import.meta.url));
        const size = core.lz4_hc_compress(state, core.place(content), content.length, dst, 200_000);
        return core.read(dst, size);
      }),
    );
    expect(blocks[0]).toEqual(blocks[1]);
  });
});
