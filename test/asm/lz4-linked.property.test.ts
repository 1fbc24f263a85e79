// Linked blocks: histories that slide in step, tiers that grow and shrink, streams beside each other, and ends of histories.
import { describe, expect, it } from 'vitest';
import {
  LINK_TIERS,
  type LinkTier,
  STATUS_BAD_ARGUMENT,
  STATUS_BAD_RANGE,
  STATUS_LZ4_OUTPUT_TOO_SMALL,
} from '../../src/core/abi.ts';
import { KINDS, makeData } from '../core/support/block-data.ts';
import { drawSeed, randomFrom } from '../core/support/seed.ts';
import { BUILDS, type RawCore, rawCore } from './support/raw-core.ts';

const seed = drawSeed('LZ4 linked');
const MAX_MESSAGE_BYTES = 6000;
const HEADER_BYTES = 32;

interface PairSizes {
  readonly encoderBytes: number;
  readonly decoderBytes: number;
  readonly windowBytes: number;
  readonly decoderWindowBytes?: number;
  /** The decoder is told only the bound of a block, not its size. */
  readonly blind?: boolean;
}

/** Any encoder, and the decoder that follows every one. */
const followed = (encoderBytes: number, windowBytes: number): PairSizes => ({
  encoderBytes,
  decoderBytes: HEADER_BYTES + 65_536 + MAX_MESSAGE_BYTES,
  windowBytes,
  decoderWindowBytes: 65_536,
  blind: true,
});

/** Both ends of one direction. */
class Pair {
  readonly #core: RawCore;
  readonly #src: number;
  readonly #dst: number;
  #sizes: PairSizes;
  #encoder: number;
  #decoder: number;

  constructor(core: RawCore, sizes: PairSizes) {
    this.#core = core;
    this.#sizes = sizes;
    [this.#encoder, this.#decoder] = [core.buffer_alloc(sizes.encoderBytes), core.buffer_alloc(sizes.decoderBytes)];
    [this.#src, this.#dst] = [core.buffer_alloc(MAX_MESSAGE_BYTES), core.buffer_alloc(2 * MAX_MESSAGE_BYTES)];
    const decoderWindow = sizes.decoderWindowBytes ?? sizes.windowBytes;
    expect(core.lz4_link_init(this.#encoder, sizes.encoderBytes, sizes.windowBytes, 1)).toBe(0);
    expect(core.lz4_link_init(this.#decoder, sizes.decoderBytes, decoderWindow, 0)).toBe(0);
  }

  /** Sends a message through; with `tight`, room for less than its bytes. */
  send(message: Uint8Array, tight = true): { back: Buffer; sentBytes: number } {
    const core = this.#core;
    core.bytes().set(message, this.#src);
    const capacity = tight ? Math.max(0, message.length - 1) : 2 * MAX_MESSAGE_BYTES;
    const packed = core.lz4_link_compress(this.#encoder, this.#src, message.length, this.#dst, capacity);
    const restored =
      packed < 0
        ? core.lz4_link_append(this.#decoder, this.#src, message.length) || message.length
        : core.lz4_link_decompress(
            this.#decoder,
            this.#dst,
            packed,
            this.#sizes.blind ? MAX_MESSAGE_BYTES : message.length,
          );
    if (restored !== message.length) expect.fail(`${message.length} bytes came back as ${restored} (seed ${seed})`);
    const back = core.read(core.lz4_link_output(this.#decoder, restored), restored);
    return { back, sentBytes: packed < 0 ? message.length : packed };
  }

  /** Both ends go on in states of another size. */
  move(tier: LinkTier): void {
    this.#encoder = this.#moveEnd(this.#encoder, tier.encoderBytes, tier.windowBytes);
    this.#decoder = this.#moveEnd(this.#decoder, tier.decoderBytes, tier.windowBytes);
    this.#sizes = tier;
  }

  #moveEnd(state: number, bytes: number, windowBytes: number): number {
    const to = this.#core.buffer_alloc(bytes);
    expect(this.#core.lz4_link_move(state, to, bytes, windowBytes)).toBe(0);
    expect(this.#core.buffer_free(state)).toBe(0);
    return to;
  }
}

const SIZES: readonly PairSizes[] = [
  ...LINK_TIERS,
  followed(18_432, 256),
  followed(40_000, 16_384),
  followed(HEADER_BYTES + 16_384 + 65_536, 60_000),
  followed(HEADER_BYTES + 16_384 + 65_537 + MAX_MESSAGE_BYTES, 1000),
  followed(HEADER_BYTES + 16_384 + 4 * 65_536, 65_536),
];

describe.each(BUILDS)('linked blocks by %s', (build) => {
  it('linked: 8 streams in turn, every tier and others, messages of every kind -> each gets its own bytes', async () => {
    const core = await rawCore(1, 8 * 1024 * 1024, build);
    const random = randomFrom(seed);
    const pairs = SIZES.map((sizes) => new Pair(core, sizes));
    for (let turn = 0; turn < 4000; turn += 1) {
      const kind = KINDS[random.below(KINDS.length)] as (typeof KINDS)[number];
      const message = makeData(kind, random.below(random.below(4) === 0 ? MAX_MESSAGE_BYTES : 120), random.below(40));
      const { back } = (pairs[turn % SIZES.length] as Pair).send(message, random.below(2) === 0);
      if (!back.equals(message)) expect.fail(`turn ${turn}: ${kind} of ${message.length} bytes differs (seed ${seed})`);
    }
  });

  it('linked: tiers that change at random between messages -> the same bytes, and history that still serves', async () => {
    const core = await rawCore(1, 1024 * 1024, build);
    const random = randomFrom(seed + 1);
    const pair = new Pair(core, LINK_TIERS[0]);
    let repeatsAfterMove = 0;
    let repeatedBytes = 0;
    let repeatsSentBytes = 0;
    for (let turn = 0; turn < 1500; turn += 1) {
      const kind = KINDS[random.below(KINDS.length)] as (typeof KINDS)[number];
      const message = makeData(kind, random.below(random.below(3) === 0 ? MAX_MESSAGE_BYTES : 200), random.below(40));
      const { back } = pair.send(message);
      if (!back.equals(message)) expect.fail(`turn ${turn}: ${kind} of ${message.length} bytes differs (seed ${seed})`);
      if (turn % 5 !== 0 || message.length < 400) continue;
      pair.move(LINK_TIERS[random.below(3)] as LinkTier);
      repeatsAfterMove += 1;
      repeatedBytes += message.length;
      repeatsSentBytes += pair.send(message).sentBytes;
    }
    // The message before a move is found again behind it, as far as a table of fewer entries still knows it.
    expect(repeatsSentBytes).toBeLessThan(repeatedBytes / 4);
    expect(repeatsAfterMove).toBeGreaterThan(50);
  });

  it('linked: a message that came before -> a few bytes; out of reach -> stored', async () => {
    const core = await rawCore(1, 1024 * 1024, build);
    for (const sizes of [LINK_TIERS[0], followed(HEADER_BYTES + 16_384 + 80_000, 1024)]) {
      const pair = new Pair(core, sizes);
      const message = makeData('random', 400, seed);
      expect(pair.send(message).sentBytes).toBe(400);
      expect(pair.send(message).sentBytes).toBeLessThan(25);
      for (let turn = 0; turn < 6; turn += 1) pair.send(makeData('random', 3000, seed + 1 + turn));
      expect(pair.send(message).sentBytes).toBe(400);
    }
  });

  it('linked: state moved away and freed -> wiped, and no byte of it in what is allocated there', async () => {
    const core = await rawCore(1, 1024 * 1024, build);
    const tier = LINK_TIERS[0];
    const state = core.buffer_alloc(tier.encoderBytes);
    core.lz4_link_init(state, tier.encoderBytes, tier.windowBytes, 1);
    const src = core.place(Buffer.alloc(4000, 'secret '));
    core.lz4_link_append(state, src, 4000);
    expect(core.read(state, tier.encoderBytes).includes('secret')).toBe(true);
    core.buffer_free(state);
    expect(core.read(state, tier.encoderBytes).equals(Buffer.alloc(tier.encoderBytes))).toBe(true);
  });

  it('linked: wrong arguments -> statuses, no trap', async () => {
    const core = await rawCore(1, 1024 * 1024, build);
    const state = core.buffer_alloc(40_000);
    expect(core.lz4_link_init(state, 40_000, 255, 1)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_link_init(state, 40_000, 65_537, 1)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_link_init(state, 40_000, 39_000, 1)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_link_init(state, 80_000, 1000, 1)).toBe(STATUS_BAD_RANGE);
    expect(core.lz4_link_init(state, 40_000, 1000, 1)).toBe(0);
    expect(core.lz4_link_decompress(0, state, 10, 10)).toBe(STATUS_BAD_RANGE);
    expect(core.lz4_link_append(state, state + 100, 10)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_link_move(state, state + 256, 20_000, 1000)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_link_move(state, core.buffer_alloc(1000), 1000, 2000)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_link_move(state, core.buffer_alloc(200_000), 200_000, 2000)).toBe(STATUS_BAD_ARGUMENT);
    expect(core.lz4_link_move(0, state, 40_000, 1000)).toBe(STATUS_BAD_RANGE);
    core.bytes().fill(0xff, state, state + 32);
    expect(core.lz4_link_reset(state)).toBe(STATUS_BAD_RANGE);
    expect(core.lz4_link_output(state, 1)).toBe(0);
  });

  it('linked: a state that is not a buffer from its start -> refused', async () => {
    const core = await rawCore(1, 1024 * 1024, build);
    const { encoderBytes, windowBytes } = LINK_TIERS[0];
    const buffer = core.buffer_alloc(2 * encoderBytes);
    for (const ahead of [1, 16, 256, encoderBytes, -256, -1]) {
      expect(core.lz4_link_init(buffer + ahead, encoderBytes, windowBytes, 1)).toBe(STATUS_BAD_RANGE);
      expect(core.lz4_link_reset(buffer + ahead)).toBe(STATUS_BAD_RANGE);
    }
    expect(core.lz4_link_init(buffer, encoderBytes, windowBytes, 1)).toBe(0);
    core.buffer_free(buffer);
    expect(core.lz4_link_compress(buffer, 0, 0, 0, 0)).toBe(STATUS_BAD_RANGE);
  });

  it('linked: source or destination freed, or given to another, since the call before -> refused beyond what lives', async () => {
    const core = await rawCore(1, 1024 * 1024, build);
    const { encoderBytes, windowBytes } = LINK_TIERS[0];
    const state = core.buffer_alloc(encoderBytes);
    core.lz4_link_init(state, encoderBytes, windowBytes, 1);
    const other = core.buffer_alloc(1024);
    for (const which of ['source', 'destination'] as const) {
      const lent = core.buffer_alloc(2048);
      const compress = () =>
        which === 'source'
          ? core.lz4_link_compress(state, lent + 1000, 1000, other, 1024)
          : core.lz4_link_compress(state, other, 100, lent + 1000, 1000);
      const result = compress();
      expect(result === STATUS_LZ4_OUTPUT_TOO_SMALL || result > 0).toBe(true);
      core.buffer_free(lent);
      expect(compress()).toBe(STATUS_BAD_RANGE);
      expect(core.buffer_alloc(1024)).toBe(lent);
      expect(compress()).toBe(STATUS_BAD_RANGE);
    }
  });

  it('linked: a table that the host has overwritten, at the end of the memory -> no trap, nothing beyond the capacity', async () => {
    const core = await rawCore(1, 256 * 1024, build);
    const tier = LINK_TIERS[0];
    const [src, dst] = [core.place(makeData('words', 2000, seed)), core.buffer_alloc(4096)];
    const rest = 256 * 1024 - 2048 - 4096 - tier.encoderBytes;
    core.buffer_alloc(rest - (rest % 256));
    const state = core.buffer_alloc(tier.encoderBytes);
    expect(state).toBeGreaterThan(0);
    core.lz4_link_init(state, tier.encoderBytes, tier.windowBytes, 1);
    for (const fill of [0xff, 0x80, 0x37]) {
      core.bytes().fill(fill, state + 32, state + 32 + 4096);
      core.bytes().fill(0xaa, dst, dst + 4096);
      core.lz4_link_compress(state, src, 2000, dst, 3000);
      expect(core.read(dst + 3000, 1096).equals(Buffer.alloc(1096, 0xaa))).toBe(true);
    }
  });
});
