// Any bytes through torpor-lz4.v1: the same ones come out, whatever is given up in between, and no stream knows another's. And anything at
// a decoder: an error or bounded bytes, and nobody else is hurt. TORPOR_FUZZ_TUNNEL sets the count.
import { describe, expect, it } from 'vitest';
import { TunnelDecoder } from '../../src/tunnel/tunnel-decoder.ts';
import { TunnelEncoder } from '../../src/tunnel/tunnel-encoder.ts';
import { MAX_HEAD_BYTES, MAX_MESSAGE_RAW_BYTES } from '../../src/tunnel/tunnel-message.ts';
import { BUILDS } from '../asm/support/raw-core.ts';
import { KINDS, type Kind, makeData } from '../core/support/block-data.ts';
import { drawSeed, randomFrom } from '../core/support/seed.ts';
import { spoil } from '../streams/support/spoil.ts';
import { openCodec, type TestCodec } from './support/open-codec.ts';

const COUNT = Number(process.env.TORPOR_FUZZ_TUNNEL ?? 5_000);
const SEED = drawSeed('torpor-lz4.v1');
type Random = ReturnType<typeof randomFrom>;

/** Mostly short, now and then as long as may be. */
function drawSize({ below }: Random): number {
  const ways = [() => below(40), () => below(1500), () => below(70_000), () => below(MAX_MESSAGE_RAW_BYTES + 1)];
  const weighted = [0, 0, 0, 1, 1, 1, 1, 1, 2, 2][below(10)] as number;
  return (below(60) === 0 ? (ways[3] as () => number) : (ways[weighted] as () => number))();
}

function drawBytes(random: Random): Uint8Array {
  return makeData(KINDS[random.below(KINDS.length)] as Kind, drawSize(random), random.u32());
}

/** One direction of one stream, both its ends. */
class Way {
  readonly encoder: TunnelEncoder;
  readonly decoder: TunnelDecoder;
  rawBytes = 0;
  codedBytes = 0;

  constructor(at: TestCodec, to: TestCodec) {
    this.encoder = new TunnelEncoder(at.codec);
    this.decoder = new TunnelDecoder(to.codec);
  }

  pass(bytes: Uint8Array): void {
    const message = this.encoder.encode(bytes);
    const pieces = Math.max(1, Math.ceil(bytes.length / 32_768));
    expect(message.length).toBeLessThanOrEqual(bytes.length + pieces * MAX_HEAD_BYTES);
    const back = this.decoder.decode(message);
    // Compared as Buffers: expect's own comparison takes seconds for a megabyte.
    if (Buffer.compare(back, bytes) !== 0) expect.fail(`${bytes.length} bytes came back as others (seed ${SEED})`);
    this.rawBytes += bytes.length;
    this.codedBytes += message.length;
  }

  /** With or without a word to the peer: both are allowed. */
  sweep(isTold: boolean): void {
    const forget = this.encoder.sweep();
    if (forget !== null && isTold) expect(this.decoder.decode(forget).length).toBe(0);
  }

  close(): void {
    this.encoder.close();
    this.decoder.close();
  }
}

describe.each(BUILDS)('torpor-lz4.v1, %s', (build) => {
  it('ten streams that come, go and fall silent between 800 messages -> the same bytes, all memory given back', async () => {
    const random = randomFrom(SEED);
    const [here, there] = [await openCodec(build), await openCodec(build)];
    const ways = Array.from({ length: 10 }, () => new Way(here, there));
    const every = [...ways];
    for (let count = 0; count < 800; count += 1) {
      const at = random.below(ways.length);
      const way = ways[at] as Way;
      way.pass(drawBytes(random));
      if (random.below(8) === 0) way.sweep(random.below(2) === 0);
      if (random.below(50) !== 0) continue;
      way.close();
      const next = new Way(here, there);
      ways[at] = next;
      every.push(next);
    }
    for (const way of ways) way.close();
    expect([here.codec.usedBytes, there.codec.usedBytes]).toEqual([0, 0]);
    const sum = (of: (way: Way) => number) => every.reduce((total, way) => total + of(way), 0);
    // How much is a matter of what was drawn; that it shrinks at all is not.
    expect(sum((way) => way.codedBytes)).toBeLessThan(sum((way) => way.rawBytes));
  });

  it('what one stream carried -> another does not repeat from it, nor does its other direction', async () => {
    const core = await openCodec(build);
    // Half of it shrinks, so that the stream is worth compressing; the other half can only be repeated from what went before.
    const secret = Buffer.concat([makeData('random', 2000, SEED), makeData('zeros', 2000, SEED)]);
    const [way, back, other] = [new Way(core, core), new Way(core, core), new Way(core, core)];
    expect(way.encoder.encode(secret).length).toBeGreaterThan(2000);
    expect(way.encoder.encode(secret).length).toBeLessThan(100);
    expect(back.encoder.encode(secret).length).toBeGreaterThan(2000);
    expect(other.encoder.encode(secret).length).toBeGreaterThan(2000);
  });

  it(`${COUNT} hostile messages -> an error in words or bounded bytes; neighbours stay in step and memory beside them as it was`, async () => {
    const random = randomFrom(SEED);
    const core = await openCodec(build);
    core.placeCanary();
    const neighbour = new Way(core, core);
    neighbour.pass(makeData('words', 3000, SEED));
    core.placeCanary();
    const seen = { taken: 0, refused: 0 };
    let victim = new Way(core, core);
    for (let count = 0; count < COUNT; count += 1) {
      const size = random.below(400) === 0 ? random.below(40_000) : random.below(300);
      const good = victim.encoder.encode(makeData(KINDS[count % KINDS.length] as Kind, size, random.u32()));
      const message = random.below(4) === 0 ? Buffer.from(good) : spoil(Buffer.from(good), random.below);
      try {
        expect(victim.decoder.decode(message).length).toBeLessThanOrEqual(MAX_MESSAGE_RAW_BYTES);
        seen.taken += 1;
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_LINK_PROTOCOL' });
        seen.refused += 1;
        victim.close();
        victim = new Way(core, core);
      }
      if (count % 100 === 0) neighbour.pass(makeData('words', 500, random.u32()));
    }
    expect(core.areCanariesWell()).toBe(true);
    expect(Math.min(seen.taken, seen.refused)).toBeGreaterThan(COUNT / 100);
  });
});
