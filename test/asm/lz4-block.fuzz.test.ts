// The decoder on damaged and invented blocks, against an independent reader of the format, with canaries around the output.
// TORPOR_FUZZ_BLOCKS raises the number of blocks, TORPOR_SEED repeats a run.
import { describe, expect, it } from 'vitest';
import { readBlock } from '../core/support/block-reader.ts';
import { drawSeed, randomFrom } from '../core/support/seed.ts';
import { GuardedOutput, makeHostileBlocks } from './support/block-fuzz.ts';
import { BUILDS, rawCore } from './support/raw-core.ts';

const DEFAULT_BLOCKS = 50_000;

describe.each(BUILDS)('LZ4 decoder of %s', (build) => {
  const seed = drawSeed('LZ4 fuzz');
  const blocks = Number(process.env.TORPOR_FUZZ_BLOCKS ?? DEFAULT_BLOCKS);

  it(`decoder: ${blocks} damaged or invented blocks -> accepted and refused as the format says, no byte outside changed`, {
    timeout: 60_000 + blocks * 2,
  }, async () => {
    const random = randomFrom(seed);
    const core = await rawCore(1, 256 * 1024, build);
    const output = new GuardedOutput(core);
    const hostile = makeHostileBlocks(core, random);
    let accepted = 0;
    for (let index = 0; index < blocks; index += 1) {
      const { block, capacity } = hostile.next().value;
      const { status, content } = output.decode(block, capacity);
      const reading = readBlock(block, capacity);
      const expected = 'content' in reading ? reading.content : null;
      if (expected === null ? status >= 0 : !content.equals(expected) || status !== expected.length) {
        expect.fail(
          `block ${index}: status ${status}, the reader says ${expected === null ? JSON.stringify(reading) : `${expected.length} bytes`}; capacity ${capacity}, block ${block.toString('hex')}`,
        );
      }
      if (status >= 0) accepted += 1;
    }
    console.log(`LZ4 fuzz: ${blocks} blocks, seed ${seed}: ${accepted} accepted, ${blocks - accepted} refused`);
    expect(accepted).toBeGreaterThan(blocks / 50);
    expect(accepted).toBeLessThan(blocks);
  });
});
