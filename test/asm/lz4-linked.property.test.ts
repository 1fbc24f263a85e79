// Linked blocks: two windows that slide in step, streams beside each other, and histories that end where they are told to.
import { describe, expect, it } from 'vitest';
import { STATUS_BAD_ARGUMENT, STATUS_BAD_RANGE } from '../../src/core/abi.ts';
import { KINDS, makeData } from '../core/support/block-data.ts';
import { drawSeed, randomFrom } from '../core/support/seed.ts';
import { BUILDS, type RawCore, rawCore } from './support/raw-core.ts';

const seed = drawSeed('LZ4 linked');
const MAX_MESSAGE_BYTES = 3000;

/** Both ends of one direction. */
function openPair(core: RawCore, windowBytes: number) {
  const [encoderBytes, decoderBytes] = [32 + 16_384 + windowBytes + 9000, 32 + windowBytes + 4000];
  const [encoder, decoder] = [core.buffer_alloc(encoderBytes), core.buffer_alloc(decoderBytes)];
  expect(core.lz4_link_init(encoder, encoderBytes, windowBytes, 1)).toBe(0);
  expect(core.lz4_link_init(decoder, decoderBytes, windowBytes, 0)).toBe(0);
  const [src, dst] = [core.buffer_alloc(MAX_MESSAGE_BYTES), core.buffer_alloc(MAX_MESSAGE_BYTES)];
  return (message: Uint8Array): { back: Buffer; sentBytes: number } => {
    core.bytes().set(message, src);
    const packed = core.lz4_link_compress(encoder, src, message.length, dst, Math.max(0, message.length - 1));
    const restored =
      packed < 0
        ? core.lz4_link_append(decoder, src, message.length) || message.length
        : core.lz4_link_decompress(decoder, dst, packed, MAX_MESSAGE_BYTES);
    if (restored !== message.length) expect.fail(`${message.length} bytes came back as ${restored} (seed ${seed})`);
    const back = core.read(core.lz4_link_output(decoder, restored), restored);
    return { back, sentBytes: packed < 0 ? message.length : packed };
  };
}

describe.each(BUILDS)('linked blocks by %s', (build) => {
  it('linked: 8 streams in turn, windows of 256 bytes to 64 KiB, messages of every kind -> each gets its own bytes', async () => {
    const core = await rawCore(1, 4 * 1024 * 1024, build);
    const random = randomFrom(seed);
    const pairs = [256, 257, 1000, 4096, 16_384, 40_000, 65_535, 65_536].map((bytes) => openPair(core, bytes));
    for (let turn = 0; turn < 3000; turn += 1) {
      const kind = KINDS[random.below(KINDS.length)] as (typeof KINDS)[number];
      const message = makeData(kind, random.below(random.below(4) === 0 ? MAX_MESSAGE_BYTES : 120), random.below(40));
      const { back } = (pairs[turn % 8] as ReturnType<typeof openPair>)(message);
      if (!back.equals(message)) expect.fail(`turn ${turn}: ${kind} of ${message.length} bytes differs (seed ${seed})`);
    }
  });

  it('linked: a message that came before -> a few bytes; beyond the window -> stored', async () => {
    const core = await rawCore(1, 1024 * 1024, build);
    const send = openPair(core, 1024);
    const message = makeData('random', 400, seed);
    expect(send(message).sentBytes).toBe(400);
    expect(send(message).sentBytes).toBeLessThan(25);
    send(makeData('random', 1024, seed + 1));
    expect(send(message).sentBytes).toBe(400);
  });

  it('linked: wrong arguments -> statuses, no trap', async () => {
    const core = await rawCore(1, 1024 * 1024, build);
    const state = core.buffer_alloc(40_000);
    expect(core.lz4_link_init(state, 40_000, 255, 1)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_link_init(state, 40_000, 65_537, 1)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_link_init(state, 40_000, 30_000, 1)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_link_init(state, 80_000, 1000, 1)).toBe(STATUS_BAD_RANGE);
    expect(core.lz4_link_init(state, 40_000, 1000, 1)).toBe(0);
    expect(core.lz4_link_decompress(0, state, 10, 10)).toBe(STATUS_BAD_RANGE);
    expect(core.lz4_link_append(state, state + 100, 10)).toBe(STATUS_BAD_ARGUMENT);
    core.bytes().fill(0xff, state, state + 32);
    expect(core.lz4_link_reset(state)).toBe(STATUS_BAD_RANGE);
    expect(core.lz4_link_output(state, 1)).toBe(0);
  });
});
