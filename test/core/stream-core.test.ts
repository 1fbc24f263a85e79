// The core as the rest of Torpor uses it: bytes of any length in, errors with codes out.
import { beforeEach, describe, expect, it } from 'vitest';
import { FLAG_ACTIVE, FLAG_ENTERED } from '../../src/core/abi.ts';
import { instantiateCore } from '../../src/core/load.ts';
import { loadCore, StreamCore, type StreamHandle } from '../../src/core/stream-core.ts';
import { TorporError, type TorporErrorCode } from '../../src/platform/errors.ts';
import { makeData } from './support/block-data.ts';

let core: StreamCore;
beforeEach(async () => {
  core = await loadCore({ maxStreams: 600, heapBytes: 4 * 1024 * 1024 });
});

function expectCode(code: TorporErrorCode, run: () => unknown): TorporError {
  try {
    run();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(TorporError);
    expect((thrown as TorporError).code).toBe(code);
    return thrown as TorporError;
  }
  return expect.fail(`${code} was not thrown`);
}

function expiredBy(nowTicks: number, max?: number): StreamHandle[] {
  const streams: StreamHandle[] = [];
  const count = core.advance(nowTicks, (stream) => streams.push(stream), max);
  expect(count).toBe(streams.length);
  return streams;
}

describe('StreamCore streams', () => {
  it('stream: open, silence, bytes, close, release -> active, idle, active again, gone', () => {
    const stream = core.openStream(1000, 5);
    expect(core.isActive(stream)).toBe(true);
    expect(core.deadlineTicks(stream)).toBe(1005);
    expect(expiredBy(1004)).toEqual([]);
    expect(expiredBy(1005)).toEqual([stream]);
    expect(core.isActive(stream)).toBe(false);
    expect(core.observe(stream, 'server', Buffer.from('screen'), 1100)).toBe(0);
    expect(core.observe(stream, 'client', Buffer.from('k'), 1200)).toBe(FLAG_ACTIVE | FLAG_ENTERED);
    core.closeStream(stream, 50, 1300);
    expect(expiredBy(1349)).toEqual([]);
    expect(expiredBy(1350)).toEqual([stream]);
    core.releaseStream(stream);
    expectCode('ERR_CORE_STREAM_UNKNOWN', () => core.isActive(stream));
  });

  it('stream: a chunk of 1 MB -> one chunk in the tally, all its bytes, ENTERED once', () => {
    const stream = core.openStream(1000, 0);
    expiredBy(1000);
    const chunk = makeData('random', 1_000_003, 1);
    expect(core.observe(stream, 'client', chunk, 2000)).toBe(FLAG_ACTIVE | FLAG_ENTERED);
    expect(core.observe(stream, 'client', chunk, 2001)).toBe(FLAG_ACTIVE);
    core.observe(stream, 'server', chunk.subarray(0, 65_536), 2002);
    core.observe(stream, 'server', new Uint8Array(0), 2003);
    expect(core.tally(stream)).toEqual({
      clientBytes: 2_000_006,
      clientChunks: 2,
      serverBytes: 65_536,
      serverChunks: 1,
    });
  });

  it('stream: ticks beyond 2^32 -> wrap as the core does, and nothing expires early', () => {
    const start = 2 ** 32 - 500;
    const stream = core.openStream(1000, start);
    expect(core.deadlineTicks(stream)).toBe(500);
    expect(expiredBy(start + 999)).toEqual([]);
    expect(expiredBy(start + 1000)).toEqual([stream]);
  });

  it('stream: one more than maxStreams -> ERR_CORE_STREAMS_EXHAUSTED, retryable', () => {
    const streams = Array.from({ length: 600 }, () => core.openStream(1000, 0));
    const error = expectCode('ERR_CORE_STREAMS_EXHAUSTED', () => core.openStream(1000, 0));
    expect(error.retryable).toBe(true);
    expect(error.message).toMatch(/600/);
    core.releaseStream(streams[0] as StreamHandle);
    expect(core.isActive(core.openStream(1000, 0))).toBe(true);
  });

  it('stream: a stale handle -> ERR_CORE_STREAM_UNKNOWN from every call', () => {
    const stream = core.openStream(1000, 0);
    core.releaseStream(stream);
    const calls = [
      () => core.observe(stream, 'client', Buffer.from('x'), 1),
      () => core.closeStream(stream, 0, 1),
      () => core.releaseStream(stream),
      () => core.isActive(stream),
      () => core.deadlineTicks(stream),
      () => core.tally(stream),
    ];
    for (const call of calls) expectCode('ERR_CORE_STREAM_UNKNOWN', call);
  });

  it.each([-1, 2 ** 31, Number.NaN, Number.POSITIVE_INFINITY])('stream: a delay of %d -> refused by name', (delay) => {
    expect(() => core.openStream(delay, 0)).toThrow(/idleTimeoutTicks/);
    const stream = core.openStream(1, 0);
    expect(() => core.closeStream(stream, delay, 0)).toThrow(/graceTicks/);
  });
});

describe('StreamCore memory', () => {
  it('memory: a stream is released, a block was compressed and restored -> none of their bytes is left in the core', async () => {
    const exports = await instantiateCore();
    exports.init(2, 1024 * 1024);
    const own = new StreamCore(exports);
    const secret = Buffer.from('correct horse battery staple');
    const long = Buffer.concat([Buffer.alloc(70_000), secret, Buffer.alloc(10)]);
    const kept = () => Buffer.from(exports.memory.buffer).includes(secret);
    const [stream, other] = [own.openStream(10, 0), own.openStream(10, 0)];
    own.observe(stream, 'client', long, 1);
    own.observe(other, 'client', Buffer.from('x'), 2);
    expect(kept()).toBe(true);
    own.releaseStream(stream);
    expect(kept()).toBe(false);
    const block = new Uint8Array(own.compressBound(long.length));
    own.decompressBlock(block.subarray(0, own.compressBlock(long, block)), new Uint8Array(long.length));
    expect(kept()).toBe(false);
  });
});

describe('StreamCore advance', () => {
  it('advance: more streams than one batch -> all are reported, each once', () => {
    const streams = Array.from({ length: 600 }, (_, index) => core.openStream(100 + index, 0));
    expect(expiredBy(1_000_000).sort()).toEqual(streams.sort());
    expect(expiredBy(1_000_000)).toEqual([]);
  });

  it('advance: maxExpiries -> so many now, the rest by later calls', () => {
    for (let index = 0; index < 600; index += 1) core.openStream(100, 0);
    expect(expiredBy(200, 1)).toHaveLength(1);
    expect(expiredBy(200, 300)).toHaveLength(300);
    expect(expiredBy(200, 0)).toHaveLength(0);
    expect(expiredBy(200)).toHaveLength(299);
  });

  it('advance: the callback releases or feeds streams that are due too -> those are not reported', () => {
    const [first, second, third] = [core.openStream(10, 0), core.openStream(10, 0), core.openStream(10, 0)];
    const reported: StreamHandle[] = [];
    core.advance(10, (stream) => {
      reported.push(stream);
      const others = [first, second, third].filter((other) => other !== stream);
      core.releaseStream(others[0] as StreamHandle);
      core.observe(others[1] as StreamHandle, 'client', Buffer.from('k'), 10);
    });
    expect(reported).toHaveLength(1);
    expect(expiredBy(19)).toEqual([]);
    expect(expiredBy(20)).toHaveLength(1);
  });

  it('advance: a callback throws -> the others are reported all the same, then the error comes out', () => {
    const streams = [core.openStream(10, 0), core.openStream(10, 0), core.openStream(10, 0)];
    const reported: StreamHandle[] = [];
    expect(() =>
      core.advance(10, (stream) => {
        reported.push(stream);
        throw new Error(`callback ${reported.length}`);
      }),
    ).toThrow('callback 1');
    expect(reported.sort()).toEqual(streams.sort());
  });
});

describe('StreamCore LZ4', () => {
  it.each([0, 1, 12, 13, 65_535, 65_536, 65_537, 1_000_000])('LZ4: %i bytes -> there and back', (size) => {
    const content = makeData('words', size, size);
    const block = new Uint8Array(core.compressBound(size));
    const blockBytes = core.compressBlock(content, block);
    const back = new Uint8Array(size);
    expect(core.decompressBlock(block.subarray(0, blockBytes), back)).toBe(size);
    expect(Buffer.from(back).equals(content)).toBe(true);
  });

  it('LZ4: high compression, 100,000 bytes of words -> smaller, there and back; a heap without room for it -> refused', async () => {
    const content = makeData('words', 100_000, 1);
    const block = new Uint8Array(core.compressBound(content.length));
    const fastBytes = core.compressBlock(content, block);
    const blockBytes = core.compressBlockHc(content, block);
    expect(blockBytes).toBeLessThan(fastBytes * 0.95);
    const back = new Uint8Array(content.length);
    expect(core.decompressBlock(block.subarray(0, blockBytes), back)).toBe(content.length);
    expect(Buffer.from(back).equals(content)).toBe(true);
    const small = await loadCore({ maxStreams: 1, heapBytes: 256 * 1024 });
    expect(() => small.compressBlockHc(content.subarray(0, 100), block)).toThrow(/larger heapBytes/);
  });

  it('LZ4: a large destination for a small block -> works, and only the content is written', () => {
    const block = new Uint8Array(100).fill(0xee);
    expect(core.compressBlock(Buffer.from('ab'), block)).toBe(3);
    expect([...block.subarray(0, 4)]).toEqual([0x20, 0x61, 0x62, 0xee]);
    const back = new Uint8Array(20 * 1024 * 1024);
    expect(core.decompressBlock(block.subarray(0, 3), back)).toBe(2);
    expect([...back.subarray(0, 3)]).toEqual([0x61, 0x62, 0]);
  });

  it('LZ4: destination too small -> ERR_LZ4_OUTPUT_TOO_SMALL, destination untouched', () => {
    const content = Buffer.from('idle, idle, idle, idle, idle, idle, idle, idle');
    const block = new Uint8Array(core.compressBound(content.length));
    const blockBytes = core.compressBlock(content, block);
    const small = new Uint8Array(content.length - 1);
    expectCode('ERR_LZ4_OUTPUT_TOO_SMALL', () => core.decompressBlock(block.subarray(0, blockBytes), small));
    expect(small.every((byte) => byte === 0)).toBe(true);
    expectCode('ERR_LZ4_OUTPUT_TOO_SMALL', () => core.compressBlock(content, new Uint8Array(blockBytes - 1)));
    expectCode('ERR_LZ4_OUTPUT_TOO_SMALL', () => core.compressBlock(content, new Uint8Array(0)));
  });

  it.each([
    ['no byte', []],
    ['offset 0', [0x14, 0x61, 0, 0, 0x50, 1, 2, 3, 4, 5]],
    ['offset beyond the history', [0x14, 0x61, 9, 0, 0x50, 1, 2, 3, 4, 5]],
    ['cut short', [0x50, 1, 2]],
  ])('LZ4: malformed, %s -> ERR_LZ4_MALFORMED, and the core works on', (_name, bytes) => {
    expectCode('ERR_LZ4_MALFORMED', () => core.decompressBlock(Uint8Array.from(bytes), new Uint8Array(100)));
    expect(core.decompressBlock(Uint8Array.from([0x10, 0x61]), new Uint8Array(1))).toBe(1);
  });

  it.each([
    ['literals', 'ERR_LZ4_MALFORMED', [0xf0], [...Buffer.from('fifteen letters'), 1, 0]],
    ['a match', 'ERR_LZ4_OUTPUT_TOO_SMALL', [0x1f, 0x61, 1, 0], []],
  ] as const)(
    'LZ4: %s whose length bytes add up to 2^32 -> %s, not a length of almost nothing',
    async (_, code, start, rest) => {
      const roomy = await loadCore();
      // 255 * 16,843,009 and 1 are 2^32; what follows would be a whole block if that were 0.
      const lengthBytes = Buffer.alloc(16_843_009 + 1, 0xff).fill(1, 16_843_009);
      const last = [0xf0, 10, ...Buffer.alloc(25, 0x62)];
      const block = Buffer.concat([Buffer.from(start), lengthBytes, Buffer.from([...rest, ...last])]);
      expectCode(code, () => roomy.decompressBlock(block, new Uint8Array(4096)));
    },
  );

  it('LZ4: exactly maxBlockBytes -> fits, with a destination of the full bound; one more -> ERR_LZ4_INPUT_TOO_LARGE', () => {
    const largest = makeData('random', core.maxBlockBytes, 3);
    const block = new Uint8Array(core.compressBound(largest.length));
    const blockBytes = core.compressBlock(largest, block);
    const back = new Uint8Array(largest.length + 1000);
    expect(core.decompressBlock(block.subarray(0, blockBytes), back)).toBe(largest.length);
    expect(Buffer.from(back.buffer, 0, largest.length).equals(largest)).toBe(true);
    const error = expectCode('ERR_LZ4_INPUT_TOO_LARGE', () =>
      core.compressBlock(new Uint8Array(core.maxBlockBytes + 1), block),
    );
    expect(error.message).toContain(String(core.maxBlockBytes));
  });

  it('LZ4: a block that restores to more than the core holds -> ERR_LZ4_INPUT_TOO_LARGE', async () => {
    const large = await loadCore({ maxStreams: 1 });
    const content = new Uint8Array(core.maxBlockBytes + 1);
    const block = new Uint8Array(large.compressBound(content.length));
    const blockBytes = large.compressBlock(content, block);
    expectCode('ERR_LZ4_INPUT_TOO_LARGE', () => core.decompressBlock(block.subarray(0, blockBytes), content));
  });

  it('LZ4: bound of more than the format allows, or of nonsense -> ERR_LZ4_INPUT_TOO_LARGE', () => {
    expect(core.compressBound(0)).toBe(16);
    for (const bytes of [0x7e00_0001, 2 ** 31, 2 ** 32, 2 ** 53, -1, 0.5, Number.NaN]) {
      expectCode('ERR_LZ4_INPUT_TOO_LARGE', () => core.compressBound(bytes));
    }
  });

  it('LZ4: 5,000 calls that fail and succeed by turns -> no memory is lost', () => {
    const broken = Uint8Array.from([0x14, 0x61, 0, 0, 0x50, 1, 2, 3, 4, 5]);
    const dst = new Uint8Array(core.maxBlockBytes);
    for (let round = 0; round < 5000; round += 1) {
      expectCode('ERR_LZ4_MALFORMED', () => core.decompressBlock(broken, dst));
    }
    expect(core.compressBlock(dst, new Uint8Array(core.compressBound(dst.length)))).toBeGreaterThan(0);
  });

  it('reserve: what was reserved -> zero-filled, apart, judged where it lies, refused beyond the bound', async () => {
    const roomy = await loadCore({ maxStreams: 2, heapBytes: 256 * 1024, reservableBytes: 512 * 1024 });
    const largest = roomy.maxBlockBytes;
    const [one, other] = [roomy.reserve(256 * 1024), roomy.reserve(256 * 1024)];
    expect([one.length, one.every((byte) => byte === 0)]).toEqual([256 * 1024, true]);
    one.fill(1);
    expect(other.every((byte) => byte === 0)).toBe(true);
    const stream = roomy.openStream(1000, 0, { protocol: 'raw' });
    expect(roomy.observe(stream, 'client', one, 1) & FLAG_ACTIVE).toBe(FLAG_ACTIVE);
    roomy.observe(stream, 'server', one.subarray(17, 70), 1);
    expect(roomy.tally(stream)).toEqual({ clientBytes: 256 * 1024, clientChunks: 1, serverBytes: 53, serverChunks: 1 });
    expectCode('ERR_CORE_MEMORY', () => roomy.reserve(1));
    // What is reserved is not taken from the blocks.
    const block = makeData('random', largest, 1);
    expect(roomy.compressBlock(block, new Uint8Array(roomy.compressBound(largest)))).toBeGreaterThan(0);
    const plain = await loadCore({ maxStreams: 2, heapBytes: 256 * 1024 });
    expect(plain.maxBlockBytes).toBe(largest);
  });

  it('LZ4: a source in shared or offset memory -> only its own window is read', () => {
    const pool = Buffer.from('....the window....');
    const block = new Uint8Array(64);
    const size = core.compressBlock(pool.subarray(4, 14), block);
    expect(Buffer.from(block.subarray(1, size)).toString()).toBe('the window');
  });
});
