// Streams beside each other in one module: whatever hostile bytes one of them sends, none of the others' bytes comes out of it, and none
// of theirs changes. All that is not the hostile stream's own holds one byte that it never sends: were it to come out, it was a
// leak. TORPOR_FUZZ_BLOCKS sets the count, TORPOR_SEED repeats a run.
import { describe, expect, it } from 'vitest';
import { drawSeed, randomFrom } from '../core/support/seed.ts';
import { CAPACITY_BYTES, MAX_BLOCK_BYTES, makeHostileBlocks } from './support/block-fuzz.ts';
import { BUILDS, type RawCore, rawCore } from './support/raw-core.ts';

const BLOCKS = Number(process.env.TORPOR_FUZZ_BLOCKS ?? 50_000);
const SECRET = 0xe5;
const WINDOW_BYTES = 4096;
const NEIGHBOUR_BYTES = 32 + WINDOW_BYTES + 4096;
const ENCODER_TABLE_BYTES = 16_384;
const MESSAGE_BYTES = 300;

/** Another stream's two ends, whose messages consist of nothing but the secret. */
class Neighbour {
  readonly #core: RawCore;
  readonly #encoder: number;
  readonly #decoder: number;
  readonly #message: number;
  readonly #packed: number;

  constructor(core: RawCore) {
    this.#core = core;
    this.#encoder = core.buffer_alloc(NEIGHBOUR_BYTES + ENCODER_TABLE_BYTES);
    this.#decoder = core.buffer_alloc(NEIGHBOUR_BYTES);
    this.#message = core.place(Buffer.alloc(MESSAGE_BYTES, SECRET));
    this.#packed = core.buffer_alloc(MESSAGE_BYTES);
    core.lz4_link_init(this.#encoder, NEIGHBOUR_BYTES + ENCODER_TABLE_BYTES, WINDOW_BYTES, 1);
    core.lz4_link_init(this.#decoder, NEIGHBOUR_BYTES, WINDOW_BYTES, 0);
  }

  /** One message through both ends. */
  talk(): void {
    const core = this.#core;
    const packed = core.lz4_link_compress(this.#encoder, this.#message, MESSAGE_BYTES, this.#packed, MESSAGE_BYTES);
    const restored = core.lz4_link_decompress(this.#decoder, this.#packed, packed, MESSAGE_BYTES);
    const content = core.read(core.lz4_link_output(this.#decoder, MESSAGE_BYTES), MESSAGE_BYTES);
    if (restored !== MESSAGE_BYTES || !content.every((byte) => byte === SECRET))
      expect.fail('a neighbour was disturbed');
  }

  /** All that is this stream's, as it stands. */
  snapshot(): Buffer {
    return Buffer.concat([
      this.#core.read(this.#encoder, NEIGHBOUR_BYTES + ENCODER_TABLE_BYTES),
      this.#core.read(this.#decoder, NEIGHBOUR_BYTES),
    ]);
  }
}

const withoutSecret = (block: Buffer): Buffer =>
  Buffer.from(block.map((byte) => (byte === SECRET ? SECRET ^ 1 : byte)));

describe.each(BUILDS)('streams apart in %s', (build) => {
  const seed = drawSeed('streams apart');

  it(`streams: ${BLOCKS} hostile blocks on one, alone and linked -> no byte of its neighbours comes out, none of theirs changes`, {
    timeout: 60_000 + BLOCKS * 2,
  }, async () => {
    const random = randomFrom(seed);
    const core = await rawCore(1, 512 * 1024, build);
    const hostile = makeHostileBlocks(await rawCore(1, 64 * 1024, build), random);
    const before = new Neighbour(core);
    const [src, dst] = [core.buffer_alloc(MAX_BLOCK_BYTES), core.buffer_alloc(CAPACITY_BYTES)];
    const linkBytes = 32 + WINDOW_BYTES + CAPACITY_BYTES;
    const link = core.buffer_alloc(linkBytes);
    const after = new Neighbour(core);
    core.lz4_link_init(link, linkBytes, WINDOW_BYTES, 0);
    let accepted = 0;
    for (let index = 0; index < BLOCKS; index += 1) {
      const { block, capacity } = hostile.next().value;
      const sent = withoutSecret(block);
      const memory = core.bytes();
      memory.fill(SECRET, src + sent.length, src + MAX_BLOCK_BYTES);
      memory.fill(SECRET, dst, dst + CAPACITY_BYTES);
      memory.set(sent, src);
      if (index % 1000 === 0) for (const neighbour of [before, after]) neighbour.talk();
      const [left, right] = index % 100 === 0 ? [before.snapshot(), after.snapshot()] : [null, null];
      if (index % 200 === 0) core.lz4_link_reset(link);

      const linked = core.lz4_link_decompress(link, src, sent.length, capacity);
      const outputs = [core.read(core.lz4_link_output(link, Math.max(0, linked)), Math.max(0, linked))];
      const alone = core.lz4_decompress_block(src, sent.length, dst, capacity);
      outputs.push(core.read(dst, Math.max(0, alone)));
      if (linked >= 0) accepted += 1;
      if (outputs.some((output) => output.includes(SECRET))) {
        expect.fail(`block ${index}: a foreign byte came out of ${sent.toString('hex')} (seed ${seed})`);
      }
      if (left !== null && !(left.equals(before.snapshot()) && right?.equals(after.snapshot()))) {
        expect.fail(`block ${index}: a neighbour changed after ${sent.toString('hex')} (seed ${seed})`);
      }
    }
    for (const neighbour of [before, after]) neighbour.talk();
    console.log(`streams apart: ${BLOCKS} hostile blocks, ${accepted} taken as linked, seed ${seed}`);
    expect(accepted).toBeGreaterThan(BLOCKS / 50);
  });
});
