// Windows of linked blocks: grown while busy, given back when idle, bounded together, and none shows another's bytes.
import { beforeEach, describe, expect, it } from 'vitest';
import { LINK_TIERS } from '../../src/core/abi.ts';
import {
  LINK_IDLE_MS,
  type LinkEncoder,
  LinkPool,
  MAX_CHAIN_BYTES,
  MAX_PIECE_BYTES,
} from '../../src/core/link-pool.ts';
import { BUILDS, type RawCore, rawCore } from '../asm/support/raw-core.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { KINDS, makeData } from './support/block-data.ts';
import { drawSeed, randomFrom } from './support/seed.ts';

const seed = drawSeed('link pool');
const SMALL_BYTES = LINK_TIERS[0].encoderBytes;

/** What a user of an encoder keeps: one chain of pieces. */
class Kept {
  readonly #encoder: LinkEncoder;
  readonly #pool: LinkPool;
  #raw: Uint8Array[] = [];
  #packed: Uint8Array[] = [];
  #sizes: number[] = [];
  refused = 0;

  constructor(pool: LinkPool) {
    this.#pool = pool;
    this.#encoder = pool.openEncoder();
  }

  get tier(): number | null {
    return this.#encoder.tier;
  }

  get packedBytes(): number {
    return Buffer.concat(this.#packed).length;
  }

  push(raw: Uint8Array): void {
    const piece = this.#encoder.add(raw);
    if (piece === null) {
      this.refused += 1;
      return;
    }
    if (piece.isFirst) this.check();
    this.#raw.push(raw);
    this.#packed.push(piece.bytes);
    this.#sizes.push(piece.isStored ? -piece.bytes.length : piece.bytes.length);
    if (Buffer.concat(this.#raw).length + MAX_PIECE_BYTES <= MAX_CHAIN_BYTES) return;
    this.check();
    this.#encoder.restart();
  }

  /** The chain so far comes back whole, and is forgotten. */
  check(): void {
    const raw = Buffer.concat(this.#raw);
    const back = this.#pool.restore(Buffer.concat(this.#packed), this.#sizes, raw.length);
    if (!raw.equals(back)) expect.fail(`a chain of ${raw.length} bytes came back different (seed ${seed})`);
    [this.#raw, this.#packed, this.#sizes] = [[], [], []];
  }

  close(): void {
    this.#encoder.close();
  }
}

describe.each(BUILDS)('LinkPool over %s', (build) => {
  let core: RawCore;
  let clock: FakeClock;
  beforeEach(async () => {
    core = await rawCore(1, 1024 * 1024, build);
    clock = new FakeClock();
  });
  const text = (index: number, bytes = 2048) => makeData('words', bytes, index);

  it('tiers: a busy encoder -> no window, then 18, 36 and 72 KiB, the same bytes at each, and the bound counts them', () => {
    const pool = new LinkPool(core, { clock });
    const kept = new Kept(pool);
    const seen: [number | null, number][] = [[kept.tier, pool.usedBytes]];
    for (let index = 0; index < 30; index += 1) {
      kept.push(text(index));
      if (seen.at(-1)?.[0] !== kept.tier) seen.push([kept.tier, pool.usedBytes]);
    }
    expect(seen).toEqual([
      [null, 0],
      [0, 18_432],
      [1, 36_864],
      [2, 73_728],
    ]);
    kept.check();
  });

  it('promotion: what came before it -> still repeated after it', () => {
    const pool = new LinkPool(core, { clock });
    const kept = new Kept(pool);
    const noise = makeData('random', 2048, seed);
    kept.push(noise);
    for (let index = 0; kept.tier === 0; index += 1) kept.push(makeData('random', 2048, seed + 1 + index));
    const before = kept.packedBytes;
    kept.push(noise);
    expect(kept.packedBytes - before).toBeLessThan(40);
    kept.check();
  });

  it('idle: nothing came for LINK_IDLE_MS -> windows are back, entirely; the next piece begins a history in a small one', async () => {
    const pool = new LinkPool(core, { clock });
    const [quiet, busy] = [new Kept(pool), new Kept(pool)];
    for (let index = 0; index < 10; index += 1) quiet.push(text(index));
    for (let passed = 0; passed < 1.5 * LINK_IDLE_MS; passed += LINK_IDLE_MS / 10) {
      await clock.advance(LINK_IDLE_MS / 10);
      busy.push(text(3));
    }
    expect([quiet.tier, pool.windows]).toEqual([null, 1]);
    quiet.push(text(5));
    expect(quiet.tier).toBe(0);
    await clock.advance(1.5 * LINK_IDLE_MS);
    expect([pool.windows, pool.usedBytes, clock.pending]).toEqual([0, 0, 0]);
    for (const kept of [quiet, busy]) kept.check();
  });

  it('bound: reached -> newcomers get none, growth is put off, all bytes come back, and a window given back serves another', () => {
    const pool = new LinkPool(core, { clock, limitBytes: 2 * SMALL_BYTES + 100 });
    const [one, two, three] = [new Kept(pool), new Kept(pool), new Kept(pool)];
    for (let index = 0; index < 25; index += 1) for (const kept of [one, two, three]) kept.push(text(index));
    expect([one.tier, two.tier, three.tier]).toEqual([0, 0, null]);
    expect([one.refused, two.refused, three.refused]).toEqual([0, 0, 25]);
    expect(pool.usedBytes).toBe(2 * SMALL_BYTES);
    one.close();
    three.push(text(1));
    expect([three.tier, three.refused]).toEqual([0, 25]);
    for (const kept of [one, two, three]) kept.check();
  });

  it('bound: larger than the heap bears -> a third of the heap', () => {
    expect(new LinkPool(core, { clock }).limitBytes).toBeCloseTo(core.heap_capacity() / 3);
  });

  it('streams beside each other: random pieces, closes and a tight bound -> each gets its own bytes', () => {
    const random = randomFrom(seed);
    const pool = new LinkPool(core, { clock, limitBytes: 200_000 });
    const all = Array.from({ length: 8 }, () => new Kept(pool));
    for (let turn = 0; turn < 1500; turn += 1) {
      const kept = all[random.below(8)] as Kept;
      const kind = KINDS[random.below(KINDS.length)] as (typeof KINDS)[number];
      if (random.below(40) === 0) {
        kept.check();
        kept.close();
      } else kept.push(makeData(kind, 1 + random.below(MAX_PIECE_BYTES), random.below(30)));
    }
    for (const kept of all) kept.check();
    pool.close();
    expect([pool.windows, pool.usedBytes]).toEqual([0, 0]);
  });

  it('memory: a stream that closed, and a chain that was restored -> no byte of them is left in the module', () => {
    const pool = new LinkPool(core, { clock });
    const secret = Buffer.alloc(3000, 'secret of one stream, ');
    const encoder = pool.openEncoder();
    const pieces = [encoder.add(secret), encoder.add(secret)];
    const bytes = pieces.map((piece) => piece?.bytes as Uint8Array);
    expect(core.bytes().includes('secret of one')).toBe(true);
    encoder.close();
    expect(core.bytes().includes('secret of one')).toBe(false);
    const sizes = bytes.map(({ length }) => length);
    expect(Buffer.from(pool.restore(Buffer.concat(bytes), sizes, 6000)).equals(Buffer.concat([secret, secret]))).toBe(
      true,
    );
    expect(core.bytes().includes('secret of one')).toBe(false);
  });

  it('a chain that is damaged, cut short or not told right -> ERR_LZ4_MALFORMED', () => {
    const pool = new LinkPool(core, { clock });
    const encoder = pool.openEncoder();
    const packed = encoder.add(text(1))?.bytes as Uint8Array;
    const malformed = expect.objectContaining({ code: 'ERR_LZ4_MALFORMED' });
    expect(() => pool.restore(packed, [packed.length], 2047)).toThrow(malformed);
    expect(() => pool.restore(packed, [packed.length - 1], 2048)).toThrow(malformed);
    expect(() => pool.restore(packed, [], 2048)).toThrow(malformed);
    expect(() => pool.restore(packed, [packed.length], MAX_CHAIN_BYTES + 1)).toThrow(malformed);
    expect(Buffer.from(pool.restore(packed, [packed.length], 2048)).equals(text(1))).toBe(true);
  });

  it('a piece over MAX_PIECE_BYTES -> RangeError', () => {
    expect(() => new LinkPool(core, { clock }).openEncoder().add(new Uint8Array(MAX_PIECE_BYTES + 1))).toThrow(
      RangeError,
    );
  });
});
