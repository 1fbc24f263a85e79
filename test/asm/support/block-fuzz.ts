// Damaged and invented LZ4 blocks, and a decoder's output with guards around it. Leaves to the tests what the right verdict is.
import { expect } from 'vitest';
import { KINDS, makeData } from '../../core/support/block-data.ts';
import type { randomFrom } from '../../core/support/seed.ts';
import type { RawCore } from './raw-core.ts';

const MAX_CONTENT_BYTES = 600;
export const MAX_BLOCK_BYTES = 2048;
export const CAPACITY_BYTES = 2048;
const GUARD_BYTES = 4096;
/** Content takes part in the next mutation for so many blocks. */
const BLOCKS_PER_CONTENT = 50;
/** What the output holds before, unless a test says otherwise. */
const DEFAULT_FILL = 0xaa;

type Random = ReturnType<typeof randomFrom>;

/** Endless blocks, each with the capacity to decode it into. */
export function* makeHostileBlocks(
  core: RawCore,
  random: Random,
): Generator<{ block: Buffer; capacity: number }, never> {
  for (;;) {
    const base = makeBlock(core, random);
    for (let count = 0; count < BLOCKS_PER_CONTENT; count += 1) {
      const block = (random.below(4) === 0 ? invent(random) : mutate(base, random)).subarray(0, MAX_BLOCK_BYTES);
      yield { block, capacity: random.below(3) === 0 ? random.below(64) : random.below(CAPACITY_BYTES + 1) };
    }
  }
}

/** One output between two guards. What the guards hold differs from byte to byte, so that a copy of them is seen as well. */
export class GuardedOutput {
  readonly #core: RawCore;
  readonly #src: number;
  readonly #dst: number;
  readonly #guards: Buffer;
  readonly #filled = new Map<number, Buffer>();

  constructor(core: RawCore) {
    this.#core = core;
    const before = core.buffer_alloc(GUARD_BYTES);
    this.#dst = core.buffer_alloc(CAPACITY_BYTES);
    core.buffer_alloc(GUARD_BYTES);
    this.#src = core.buffer_alloc(MAX_BLOCK_BYTES);
    for (let at = 0; at < GUARD_BYTES; at += 1) {
      core.bytes()[before + at] = 1 + (at % 251);
      core.bytes()[this.#dst + CAPACITY_BYTES + at] = 1 + (at % 241);
    }
    this.#guards = core.read(before, GUARD_BYTES * 2 + CAPACITY_BYTES);
  }

  decode(block: Uint8Array, capacity: number, fill = DEFAULT_FILL): { status: number; content: Buffer } {
    const memory = this.#core.bytes();
    // Neither what lies behind the block nor what the output held may matter.
    memory.set(block, this.#src);
    memory.fill(fill, this.#src + block.length, this.#src + MAX_BLOCK_BYTES);
    memory.fill(fill, this.#dst, this.#dst + CAPACITY_BYTES);
    const status = this.#core.lz4_decompress_block(this.#src, block.length, this.#dst, capacity);
    const end = this.#dst + capacity;
    const around =
      memory.subarray(this.#dst - GUARD_BYTES, this.#dst).equals(this.#guards.subarray(0, GUARD_BYTES)) &&
      memory.subarray(end, this.#dst + CAPACITY_BYTES).equals(this.#filledWith(fill).subarray(capacity)) &&
      memory
        .subarray(this.#dst + CAPACITY_BYTES, this.#dst + CAPACITY_BYTES + GUARD_BYTES)
        .equals(this.#guards.subarray(GUARD_BYTES + CAPACITY_BYTES));
    if (!around) expect.fail(`bytes outside the output changed; block ${Buffer.from(block).toString('hex')}`);
    return { status, content: this.#core.read(this.#dst, Math.max(0, status)) };
  }

  #filledWith(fill: number): Buffer {
    let filled = this.#filled.get(fill);
    if (filled === undefined) {
      filled = Buffer.alloc(CAPACITY_BYTES, fill);
      this.#filled.set(fill, filled);
    }
    return filled;
  }
}

/** A block to damage: from the encoder, whose own correctness is tested elsewhere. */
function makeBlock(core: RawCore, random: Random): Buffer {
  const kind = KINDS[random.below(KINDS.length)] as (typeof KINDS)[number];
  const content = makeData(kind, random.below(MAX_CONTENT_BYTES), random.u32());
  const src = core.place(content);
  const dst = core.buffer_alloc(MAX_BLOCK_BYTES);
  const size = core.lz4_compress_block(src, content.length, dst, MAX_BLOCK_BYTES);
  const block = core.read(dst, size);
  core.buffer_free(src);
  core.buffer_free(dst);
  return block;
}

/** Changes, cuts, inserts or removes at one to three places. */
export function mutate(block: Buffer, random: Random): Buffer {
  const result = Buffer.from(block);
  for (let count = 1 + random.below(3); count > 0; count -= 1) {
    const at = random.below(Math.max(1, result.length));
    switch (random.below(6)) {
      case 0:
        result[at] = random.u32();
        break;
      case 1:
        result[at] = (result[at] as number) ^ (1 << random.below(8));
        break;
      case 2:
        result[at] = [0x00, 0xff, 0x0f, 0xf0, 0x01][random.below(5)] as number;
        break;
      case 3:
        return result.subarray(0, at);
      case 4:
        return Buffer.concat([result.subarray(0, at), Buffer.alloc(1 + random.below(20), 0xff), result.subarray(at)]);
      default:
        return Buffer.concat([result.subarray(0, at), result.subarray(at + 1 + random.below(4))]);
    }
  }
  return result;
}

/** Bytes that look like sequences: small tokens, small offsets. They get further than noise does. */
function invent(random: Random): Buffer {
  const parts: number[] = [];
  for (let sequence = 1 + random.below(12); sequence > 0; sequence -= 1) {
    const literals = random.below(5) === 0 ? 15 : random.below(8);
    parts.push((literals << 4) | random.below(16));
    if (literals === 15) parts.push(random.below(30));
    for (let count = literals; count > 0; count -= 1) parts.push(random.below(256));
    parts.push(random.below(20), random.below(10) === 0 ? 1 : 0);
    if (random.below(3) === 0) parts.push(random.below(256));
  }
  return Buffer.from(parts);
}
