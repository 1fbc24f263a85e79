// LZ4 blocks: golden vectors from the specification and from liblz4, and every kind of hostile block.
import { beforeAll, describe, expect, it } from 'vitest';
import {
  STATUS_BAD_ARGUMENT,
  STATUS_LZ4_BAD_OFFSET,
  STATUS_LZ4_INPUT_TOO_LARGE,
  STATUS_LZ4_OUTPUT_TOO_SMALL,
  STATUS_LZ4_TRUNCATED,
} from '../../src/core/abi.ts';
import { BUILDS, type RawCore, rawCore } from './support/raw-core.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const countUp = (length: number) => Buffer.from(Array.from({ length }, (_, index) => index & 0xff));

const HEAP_BYTES = 512 * 1024;
let core: RawCore;
/** End of all memory that is laid out. */
let laidOutBytes = 0;
beforeAll(async () => {
  core = await rawCore(1, HEAP_BYTES);
  const first = core.buffer_alloc(1);
  laidOutBytes = first + HEAP_BYTES;
  core.buffer_free(first);
});

/** Runs the decoder into a buffer between two others, and fails if any byte of the core outside that buffer changed. */
function decode(block: Uint8Array, capacity: number): { status: number; content: Buffer } {
  const before = core.place(Buffer.alloc(4096, 0xc3));
  const dst = core.buffer_alloc(capacity);
  const after = core.place(Buffer.alloc(4096, 0x3c));
  const src = core.place(block);
  core.bytes().fill(0x77, dst, dst + capacity);
  // What lies behind the block must not change the answer.
  core.bytes().fill(0xff, src + block.length, src + granulesOf(block.length));
  const snapshot = core.read(0, laidOutBytes);
  const status = core.lz4_decompress_block(src, block.length, dst, capacity);
  const content = core.read(dst, Math.max(0, status));
  core.bytes().copy(snapshot, dst, dst, dst + capacity);
  expect(snapshot.equals(core.bytes().subarray(0, laidOutBytes))).toBe(true);
  for (const pointer of [before, dst, after, src]) expect(core.buffer_free(pointer)).toBe(0);
  return { status, content };
}

const granulesOf = (length: number) => Math.max(1, Math.ceil(length / 256)) * 256;

function encode(content: Uint8Array, capacity = core.lz4_compress_bound(content.length)): Buffer | number {
  const src = core.place(content);
  const dst = core.buffer_alloc(capacity);
  const status = core.lz4_compress_block(src, content.length, dst, capacity);
  const block = core.read(dst, Math.max(0, status));
  core.buffer_free(src);
  core.buffer_free(dst);
  return status < 0 ? status : block;
}

// Built by hand from lz4_Block_format.md: token, length bytes, literals, offset, length bytes.
const SPECIFICATION_VECTORS: Array<[string, Buffer, Buffer]> = [
  ['empty input: "a zero byte"', hex('00'), Buffer.alloc(0)],
  ['5 literals', hex('50 68656c6c6f'), Buffer.from('hello')],
  ['14 literals: no length byte', Buffer.concat([hex('e0'), countUp(14)]), countUp(14)],
  ['15 literals: length byte 0', Buffer.concat([hex('f0 00'), countUp(15)]), countUp(15)],
  ['48 literals: "15 + 33"', Buffer.concat([hex('f0 21'), countUp(48)]), countUp(48)],
  ['280 literals: "15 + 255 + 10"', Buffer.concat([hex('f0 ff 0a'), countUp(280)]), countUp(280)],
  ['270 literals: "15 + 255 + 0"', Buffer.concat([hex('f0 ff 00'), countUp(270)]), countUp(270)],
  ['match of 4, the least, no literal before it', hex('40 61626364 0400 50 6162636465'), Buffer.from('abcdabcdabcde')],
  ['offset 1: one byte repeated', hex('1a 61 0100 50 6161616161'), Buffer.alloc(20, 'a')],
  ['offset 3 overlapping', hex('36 616263 0300 50 6263616263'), Buffer.from('abcabcabcabcabcabc')],
  ['match of 18: no length byte', hex('1e 62 0100 50 6262626262'), Buffer.alloc(24, 'b')],
  ['match of 19: length byte 0', hex('1f 62 0100 00 50 6262626262'), Buffer.alloc(25, 'b')],
  ['match of 274: "4 + 15 + 255 + 0"', hex('1f 62 0100 ff00 50 6262626262'), Buffer.alloc(280, 'b')],
  ['second sequence without literals', hex('20 7879 0200 04 0600 50 7879787978'), Buffer.from('xyxyxyxyxyxyxyxyxyx')],
  ['last literals fewer than 5: a decoder may accept it', hex('14 61 0100 10 61'), Buffer.alloc(10, 'a')],
  [
    'offset 65535, the furthest',
    // 65,550 literals: 15 + 257 * 255 + 0.
    Buffer.concat([hex('f0'), Buffer.alloc(257, 255), hex('00'), farContent(), hex('ffff 50'), Buffer.from('tails')]),
    Buffer.concat([farContent(), farContent().subarray(15, 19), Buffer.from('tails')]),
  ],
];

/** 65,550 bytes that do not repeat within 8 bytes. */
function farContent(): Buffer {
  const content = Buffer.alloc(65_550);
  for (let at = 0; at + 4 <= content.length; at += 4) content.writeUInt32LE(Math.imul(at + 1, 2654435761) >>> 0, at);
  return content;
}

// Made by liblz4 1.9.4 through its command line tool; the block lies between the frame's 7 header bytes plus 4 bytes of
// block size, and the end mark.
const LIBLZ4_VECTORS: Array<[string, Buffer, Buffer]> = [
  ["printf 'a%.0s' $(seq 100) | lz4 -1 --no-frame-crc", hex('1f6101004b506161616161'), Buffer.alloc(100, 'a')],
  ["printf 'abc%.0s' $(seq 40) | lz4 -1 --no-frame-crc", hex('3f61626303005d506263616263'), Buffer.alloc(120, 'abc')],
  [
    "printf 'Idle is not disconnected. Idle is not disconnected, idle is not disconnected.\\n' | lz4 -1 --no-frame-crc",
    hex('ff0b49646c65206973206e6f7420646973636f6e6e65637465642e201a00053f2c2069340001507465642e0a'),
    Buffer.from('Idle is not disconnected. Idle is not disconnected, idle is not disconnected.\n'),
  ],
  [
    "seq -f 'row %g of the table' 1 12 | lz4 -12 --no-frame-crc",
    hex(
      'f004726f772031206f6620746865207461626c650a13001e3213001e3313001e3413001e3513001e3613001e3713001e3813001e3913003e31302014002e3120140006c1005061626c650a',
    ),
    Buffer.from(Array.from({ length: 12 }, (_, index) => `row ${index + 1} of the table\n`).join('')),
  ],
  [
    'head -c 65536 /dev/zero | lz4 -1 -B4 --no-frame-crc',
    Buffer.concat([hex('1f000100'), Buffer.alloc(256, 0xff), hex('e7500000000000')]),
    Buffer.alloc(65_536),
  ],
];

describe('LZ4 decoder on valid blocks', () => {
  it.each(SPECIFICATION_VECTORS)('decoder: specification, %s -> the content', (_name, block, content) => {
    expect(decode(block, content.length).content.equals(content)).toBe(true);
    expect(decode(block, content.length + 100).content.equals(content)).toBe(true);
  });

  it.each(LIBLZ4_VECTORS)('decoder: liblz4, %s -> the content', (_command, block, content) => {
    expect(decode(block, content.length).content.equals(content)).toBe(true);
  });

  it.each([...SPECIFICATION_VECTORS, ...LIBLZ4_VECTORS])(
    'decoder: %s, output one byte too small -> refused, nothing written beyond',
    (_name, block, content) => {
      if (content.length > 0) expect(decode(block, content.length - 1).status).toBe(STATUS_LZ4_OUTPUT_TOO_SMALL);
    },
  );

  it.each([...SPECIFICATION_VECTORS, ...LIBLZ4_VECTORS])(
    'decoder: %s, cut at every place -> refused or a prefix, never anything else',
    (_name, block, content) => {
      const step = Math.max(1, Math.floor(block.length / 48));
      for (let length = 0; length < block.length; length += step) {
        const { status, content: part } = decode(block.subarray(0, length), content.length);
        if (status >= 0) expect(content.subarray(0, status).equals(part)).toBe(true);
        else expect(status).toBe(STATUS_LZ4_TRUNCATED);
      }
    },
  );
});

describe('LZ4 decoder on hostile blocks', () => {
  const longRun = (count: number) => Buffer.alloc(count, 0xff);

  it.each<[string, Buffer, number, number]>([
    ['no byte at all', hex(''), 16, STATUS_LZ4_TRUNCATED],
    ['offset 0', hex('14 61 0000 50 6161616161'), 64, STATUS_LZ4_BAD_OFFSET],
    ['offset one beyond the history', hex('14 61 0200 50 6161616161'), 64, STATUS_LZ4_BAD_OFFSET],
    ['match before any literal', hex('00 0100 50 6161616161'), 64, STATUS_LZ4_BAD_OFFSET],
    ['offset 65535 after one byte', hex('14 61 ffff 50 6161616161'), 64, STATUS_LZ4_BAD_OFFSET],
    ['literals longer than the block', hex('50 616161'), 64, STATUS_LZ4_TRUNCATED],
    ['literal length byte missing', hex('f0'), 64, STATUS_LZ4_TRUNCATED],
    ['half an offset', hex('14 61 01'), 64, STATUS_LZ4_TRUNCATED],
    ['match length byte missing', hex('1f 61 0100'), 64, STATUS_LZ4_TRUNCATED],
    ['ends with a match', hex('14 61 0100'), 64, STATUS_LZ4_TRUNCATED],
    ['literals longer than the output', hex('50 6162636465'), 4, STATUS_LZ4_OUTPUT_TOO_SMALL],
    ['match longer than the output', hex('1e 61 0100 50 6161616161'), 18, STATUS_LZ4_OUTPUT_TOO_SMALL],
    ['no room for the last literals', hex('1e 61 0100 50 6161616161'), 19, STATUS_LZ4_OUTPUT_TOO_SMALL],
    ['literals into an output of nothing', hex('10 61'), 0, STATUS_LZ4_OUTPUT_TOO_SMALL],
    ['literal length of 100,000 bytes of 255', Buffer.concat([hex('f0'), longRun(100_000)]), 64, STATUS_LZ4_TRUNCATED],
    [
      'match length of 100,000 bytes of 255',
      Buffer.concat([hex('1f 61 0100'), longRun(100_000), hex('00 50 6161616161')]),
      64,
      STATUS_LZ4_OUTPUT_TOO_SMALL,
    ],
    [
      'literal length bytes, then the end',
      Buffer.concat([hex('f0'), longRun(3), hex('00'), hex('61')]),
      4096,
      STATUS_LZ4_TRUNCATED,
    ],
  ])('decoder: %s -> refused', (_name, block, capacity, status) => {
    expect(decode(block, capacity).status).toBe(status);
  });

  it('decoder: nothing after the literals -> a whole block, whatever the match field says', () => {
    expect(decode(hex('14 61'), 64)).toEqual({ status: 1, content: Buffer.from('a') });
  });

  // The check `matchLength > end - out` underflows where `out` passed `end`: a decoder that lets literals run into a margin
  // behind the output, or that checks only the match, then writes over the next stream's memory.
  it('decoder: literals fill the output exactly, then a match of any length -> refused, neighbours untouched', () => {
    for (const capacity of [1, 4, 8, 15, 16, 17, 64, 255, 256]) {
      const literals = countUp(capacity);
      const head =
        capacity < 15 ? Buffer.from([(capacity << 4) | 15]) : Buffer.concat([hex('ff'), lengthBytes(capacity)]);
      for (const extra of [0, 1, 100, 254, 5000, 70_000]) {
        const block = Buffer.concat([head, literals, hex('0100'), lengthBytes(extra + 15), hex('50 6161616161')]);
        expect(decode(block, capacity).status).toBe(STATUS_LZ4_OUTPUT_TOO_SMALL);
      }
    }
  });

  it('decoder: literals run past the output by 1 to 64 bytes, then a match -> refused, neighbours untouched', () => {
    for (const capacity of [1, 8, 16, 31, 256]) {
      for (const over of [1, 2, 7, 8, 9, 15, 16, 17, 32, 64]) {
        const count = capacity + over;
        const head = count < 15 ? Buffer.from([(count << 4) | 15]) : Buffer.concat([hex('ff'), lengthBytes(count)]);
        const block = Buffer.concat([head, countUp(count), hex('0100 ff ff 00'), hex('50 6161616161')]);
        expect(decode(block, capacity).status).toBe(STATUS_LZ4_OUTPUT_TOO_SMALL);
      }
    }
  });

  // 2^32 / 255 length bytes wrap a 32-bit sum back to a small number.
  it('decoder: lengths that sum to 2^32 and beyond -> refused before they wrap', async () => {
    const large = await rawCore(1, 32 * 1024 * 1024);
    const [dst, guard] = [large.buffer_alloc(4096), large.place(Buffer.alloc(65_536, 0x5a))];
    const run = Buffer.alloc(16_843_010, 0xff);
    const match = Buffer.concat([hex('1f 61 0100'), run, hex('00 50 6161616161')]);
    const src = large.place(match);
    expect(large.lz4_decompress_block(src, match.length, dst, 4096)).toBe(STATUS_LZ4_OUTPUT_TOO_SMALL);
    large.bytes().set(hex('f0 ffffff'), src);
    expect(large.lz4_decompress_block(src, match.length, dst, 4096)).toBe(STATUS_LZ4_TRUNCATED);
    expect(large.read(guard, 65_536).every((byte) => byte === 0x5a)).toBe(true);
  });

  it('decoder: block and output overlap -> refused', () => {
    const pointer = core.place(Buffer.concat([hex('50'), countUp(5)]));
    expect(core.lz4_decompress_block(pointer, 6, pointer, 64)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_decompress_block(pointer, 6, pointer + 5, 64)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_decompress_block(pointer, 6, pointer + 6, 64)).toBe(5);
    core.buffer_free(pointer);
  });
});

/** The bytes that follow a token field of 15 for a length of `value` (15 or more). */
function lengthBytes(value: number): Buffer {
  const rest = value - 15;
  return Buffer.from([...Array<number>(Math.floor(rest / 255)).fill(255), rest % 255]);
}

describe('LZ4 isolation', () => {
  // Copying in steps of 8 or 16 reads a little further than asked, and only where that is still the caller's own range.
  it('isolation: sources of every length to 100 -> nothing from behind a source reaches the destination', () => {
    for (let length = 1; length <= 100; length += 1) {
      const literals = countUp(length);
      const block = Buffer.concat([
        length < 15 ? Buffer.from([length << 4]) : Buffer.concat([hex('f0'), lengthBytes(length)]),
        literals,
      ]);
      for (const [source, run] of [
        [block, core.lz4_decompress_block],
        [literals, core.lz4_compress_block],
      ] as const) {
        const src = core.place(source);
        const secret = core.bytes().subarray(src + source.length, src + granulesOf(source.length));
        secret.fill(0xee);
        const dst = core.buffer_alloc(1024);
        expect(run(src, source.length, dst, 1024)).toBeGreaterThan(0);
        expect(core.read(dst, 1024).includes(0xee)).toBe(false);
        core.buffer_free(dst);
        core.buffer_free(src);
      }
    }
  });
});

it.each(BUILDS)('LZ4: empty ranges at any pointer -> no trap, in %s', async (build) => {
  const core = await rawCore(1, 1024 * 1024, build);
  const [link, linkBytes] = [core.buffer_alloc(18_432), 18_432];
  core.lz4_link_init(link, linkBytes, 8192, 1);
  const hcBytes = core.lz4_hc_state_bytes(256, 256);
  const hc = core.buffer_alloc(hcBytes);
  core.lz4_hc_init(hc, hcBytes, 256);
  const hash = core.buffer_alloc(64);
  core.xxh32_init(hash, 0);
  const dst = core.buffer_alloc(256);
  for (const pointer of [0, 1, 8, 15, 16, dst, -16, -1]) {
    expect(core.lz4_compress_block(pointer, 0, dst, 256)).toBe(1);
    expect(core.lz4_compress_block(pointer, 0, dst, 1)).toBe(1);
    expect(core.lz4_compress_block(dst, 20, pointer, 0)).toBe(STATUS_LZ4_OUTPUT_TOO_SMALL);
    expect(core.lz4_link_compress(link, pointer, 0, dst, 256)).toBe(1);
    expect(core.lz4_link_compress(link, dst, 20, pointer, 0)).toBe(STATUS_LZ4_OUTPUT_TOO_SMALL);
    expect(core.lz4_link_append(link, pointer, 0)).toBe(0);
    expect(core.lz4_link_decompress(link, pointer, 0, 10)).toBe(STATUS_LZ4_TRUNCATED);
    expect(core.lz4_hc_compress(hc, pointer, 0, dst, 256)).toBe(1);
    expect(core.lz4_hc_append(hc, pointer, 0)).toBe(0);
    expect(core.lz4_decompress_block(pointer, 0, dst, 256)).toBe(STATUS_LZ4_TRUNCATED);
    core.bytes()[dst] = 0;
    expect(core.lz4_decompress_block(dst, 1, pointer, 0)).toBe(0);
    expect(core.xxh32_update(hash, pointer, 0)).toBe(0);
  }
});

describe('LZ4 encoder', () => {
  it.each([
    ['empty input', Buffer.alloc(0), '00'],
    ['12 equal bytes: too short for a match', Buffer.alloc(12, 'a'), `c0${'61'.repeat(12)}`],
    // 1 literal, then a match up to 5 bytes before the end.
    ['13 equal bytes: the shortest match', Buffer.alloc(13, 'a'), '13 61 0100 50 6161616161'],
    ['100 equal bytes, as liblz4', Buffer.alloc(100, 'a'), '1f6101004b506161616161'],
    ['abc 40 times, as liblz4', Buffer.alloc(120, 'abc'), '3f61626303005d506263616263'],
  ])('encoder: %s -> the one block the rules leave', (_name, content, block) => {
    expect((encode(content) as Buffer).toString('hex')).toBe(block.replaceAll(' ', ''));
  });

  it('encoder: output of exactly the block -> fits; every smaller one -> refused, nothing written beyond', () => {
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

  it('encoder: bound -> n + n/255 + 16, up to the limit of the format', () => {
    expect([0, 1, 254, 255, 65_536].map((size) => core.lz4_compress_bound(size))).toEqual([16, 17, 270, 272, 65_809]);
    expect(core.lz4_compress_bound(0x7e00_0000)).toBe(0x7e00_0000 + Math.floor(0x7e00_0000 / 255) + 16);
    expect(core.lz4_compress_bound(0x7e00_0001)).toBe(STATUS_LZ4_INPUT_TOO_LARGE);
    expect(core.lz4_compress_bound(-1)).toBe(STATUS_LZ4_INPUT_TOO_LARGE);
    expect(core.lz4_compress_block(0, -1, 0, 0)).toBe(STATUS_LZ4_INPUT_TOO_LARGE);
  });

  it('encoder: the same input twice, another between -> the same block: nothing is remembered', () => {
    const [one, other] = [Buffer.from('one stream '.repeat(20)), Buffer.from('another stream '.repeat(20))];
    const first = encode(one);
    encode(other);
    expect(encode(one)).toEqual(first);
  });
});
