// High compression over random and structured content: round trips, the rules of the format, and windows that slide in step.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { STATUS_LZ4_OUTPUT_TOO_SMALL } from '../../src/core/abi.ts';
import { KINDS, makeData } from '../core/support/block-data.ts';
import { readBlock } from '../core/support/block-reader.ts';
import { drawSeed, randomFrom, runs } from '../core/support/seed.ts';
import { BUILDS, type RawCore, rawCore } from './support/raw-core.ts';

const seed = drawSeed('LZ4 high compression');
const CANARY_BYTES = 512;
const MAX_MESSAGE_BYTES = 3000;

const content = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.uint8Array({ maxLength: 300, max: 2 }),
  fc
    .record({
      kind: fc.constantFrom(...KINDS),
      size: fc.oneof(
        fc.nat(40),
        fc.nat(5000),
        fc.integer({ min: 8000, max: 9500 }),
        fc.integer({ min: 65_000, max: 140_000 }),
      ),
      seed: fc.nat(),
    })
    .map(({ kind, size, seed: dataSeed }) => makeData(kind, size, dataSeed)),
);

describe.each(BUILDS)('LZ4 high compression by %s', (build) => {
  let core: RawCore;
  let state: number;
  beforeAll(async () => {
    core = await rawCore(1, 4 * 1024 * 1024, build);
    const stateBytes = core.lz4_hc_state_bytes(0, 0);
    state = core.buffer_alloc(stateBytes);
    core.lz4_hc_init(state, stateBytes, 0);
  });

  /** Compresses into `capacity` bytes between two canaries. */
  function encode(data: Uint8Array, capacity = core.lz4_compress_bound(data.length)) {
    const before = core.place(Buffer.alloc(CANARY_BYTES, 0xc3));
    const dst = core.buffer_alloc(capacity);
    const after = core.place(Buffer.alloc(CANARY_BYTES, 0x3c));
    const src = core.place(data);
    const slack = dst + Math.max(1, Math.ceil(capacity / 256)) * 256;
    core.bytes().fill(0xee, dst + capacity, slack);
    const status = core.lz4_hc_compress(state, src, data.length, dst, capacity);
    const all = core.bytes();
    const canariesIntact =
      all.subarray(before, before + CANARY_BYTES).every((byte) => byte === 0xc3) &&
      all.subarray(dst + capacity, slack).every((byte) => byte === 0xee) &&
      all.subarray(after, after + CANARY_BYTES).every((byte) => byte === 0x3c) &&
      all.subarray(src, src + data.length).equals(data);
    const bytes = core.read(dst, Math.max(0, status));
    for (const pointer of [before, dst, after, src]) core.buffer_free(pointer);
    return { status, bytes, canariesIntact };
  }

  function decode(block: Uint8Array, capacity: number): Buffer {
    const [src, dst] = [core.place(block), core.buffer_alloc(capacity)];
    const status = core.lz4_decompress_block(src, block.length, dst, capacity);
    const bytes = core.read(dst, Math.max(0, status));
    core.buffer_free(src);
    core.buffer_free(dst);
    return bytes;
  }

  it('hc: any content -> comes back the same, nothing written beside', () => {
    fc.assert(
      fc.property(content, (data) => {
        const block = encode(data);
        expect(block.status).toBeGreaterThan(0);
        expect(block.status).toBeLessThanOrEqual(core.lz4_compress_bound(data.length));
        expect(block.canariesIntact).toBe(true);
        expect(decode(block.bytes, data.length).equals(data)).toBe(true);
      }),
      runs(600, seed),
    );
  });

  it('hc: any content -> the end-of-block rules hold, read by an independent reader', () => {
    fc.assert(
      fc.property(content, (data) => {
        const reading = readBlock(encode(data).bytes, data.length);
        if (!('sequences' in reading)) return expect.fail(`the reader refuses it: ${reading.fault}`);
        expect(Buffer.from(data).equals(reading.content)).toBe(true);
        const matches = reading.sequences.slice(0, -1);
        if (matches.length > 0) expect(reading.sequences.at(-1)?.literals).toBeGreaterThanOrEqual(5);
        for (const { matchAt, offset } of matches) {
          if (matchAt > data.length - 12) expect.fail(`a match starts at ${matchAt} of ${data.length}`);
          if (offset < 1 || offset > 65_535) expect.fail(`offset ${offset}`);
        }
      }),
      runs(300, seed),
    );
  });

  it('hc: destination of every size up to the block -> only the whole fits, nothing is written beside', () => {
    fc.assert(
      fc.property(content, fc.integer({ min: 1, max: 400 }), (data, less) => {
        const block = encode(data);
        expect(encode(data, block.status).bytes.equals(block.bytes)).toBe(true);
        const tight = encode(data, Math.max(0, block.status - less));
        expect(tight).toMatchObject({ status: STATUS_LZ4_OUTPUT_TOO_SMALL, canariesIntact: true });
      }),
      runs(300, seed),
    );
  });

  it('hc: structured content -> never larger than fast, but for 1 byte in 1,000', () => {
    for (const kind of KINDS) {
      const data = makeData(kind, 65_536, seed);
      const [src, dst] = [core.place(data), core.buffer_alloc(70_000)];
      const fast = core.lz4_compress_block(src, data.length, dst, 70_000);
      expect(encode(data).status, kind).toBeLessThanOrEqual(fast * 1.001);
      core.buffer_free(src);
      core.buffer_free(dst);
    }
  });

  it('hc: short periods, and runs of every length, in 1 MiB -> back the same from a 200th', () => {
    for (const period of [1, 2, 3, 4, 5, 7, 8, 13, 255, 1000]) {
      const unit = makeData('random', period, seed + period);
      const data = Buffer.alloc(1024 * 1024, unit);
      const block = encode(data);
      expect(block.status).toBeLessThan(period + 20 + data.length / 200);
      expect(decode(block.bytes, data.length).equals(data)).toBe(true);
    }
  });

  it('hc: linked, 8 streams in turn, windows of 256 bytes to 64 KiB, messages of every kind -> each gets its own bytes', async () => {
    const streams = await rawCore(1, 8 * 1024 * 1024, build);
    const random = randomFrom(seed);
    const pairs = [256, 257, 1000, 4096, 16_384, 40_000, 65_535, 65_536].map((bytes) => openPair(streams, bytes));
    for (let turn = 0; turn < 3000; turn += 1) {
      const kind = KINDS[random.below(KINDS.length)] as (typeof KINDS)[number];
      const message = makeData(kind, random.below(random.below(4) === 0 ? MAX_MESSAGE_BYTES : 120), random.below(40));
      const { back } = (pairs[turn % 8] as ReturnType<typeof openPair>)(message);
      if (!back.equals(message)) expect.fail(`turn ${turn}: ${kind} of ${message.length} bytes differs (seed ${seed})`);
    }
  });

  it('hc: linked, a message that came before -> a few bytes; beyond the window or after a reset -> stored', async () => {
    const streams = await rawCore(1, 4 * 1024 * 1024, build);
    const send = openPair(streams, 1024);
    const message = makeData('random', 400, seed);
    expect(send(message).sentBytes).toBe(400);
    expect(send(message).sentBytes).toBeLessThan(25);
    send(makeData('random', 1024, seed + 1));
    expect(send(message).sentBytes).toBe(400);
    send.reset();
    expect(send(message).sentBytes).toBe(400);
  });
});

/** Both ends of one direction: high compression here, the one decoder there. */
function openPair(core: RawCore, windowBytes: number) {
  const encoderBytes = core.lz4_hc_state_bytes(windowBytes, MAX_MESSAGE_BYTES);
  const decoderBytes = 32 + windowBytes + 4000;
  const [encoder, decoder] = [core.buffer_alloc(encoderBytes), core.buffer_alloc(decoderBytes)];
  expect(core.lz4_hc_init(encoder, encoderBytes, windowBytes)).toBe(0);
  expect(core.lz4_link_init(decoder, decoderBytes, windowBytes, 0)).toBe(0);
  const [src, dst] = [core.buffer_alloc(MAX_MESSAGE_BYTES), core.buffer_alloc(MAX_MESSAGE_BYTES)];
  const send = (message: Uint8Array): { back: Buffer; sentBytes: number } => {
    core.bytes().set(message, src);
    const packed = core.lz4_hc_compress(encoder, src, message.length, dst, Math.max(0, message.length - 1));
    const restored =
      packed < 0
        ? core.lz4_link_append(decoder, src, message.length) || message.length
        : core.lz4_link_decompress(decoder, dst, packed, MAX_MESSAGE_BYTES);
    if (restored !== message.length) expect.fail(`${message.length} bytes came back as ${restored} (seed ${seed})`);
    const back = core.read(core.lz4_link_output(decoder, restored), restored);
    return { back, sentBytes: packed < 0 ? message.length : packed };
  };
  const reset = () => {
    expect(core.lz4_hc_reset(encoder)).toBe(0);
    expect(core.lz4_link_reset(decoder)).toBe(0);
  };
  return Object.assign(send, { reset });
}
