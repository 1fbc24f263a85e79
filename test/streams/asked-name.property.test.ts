// Hostile first bytes: nothing throws, no answer is taken back, names that are told are plain. TORPOR_FUZZ_HEADERS sets the count.
import { describe, expect, it } from 'vitest';
import { readAskedName } from '../../src/streams/asked-name.ts';
import { drawSeed } from '../core/support/seed.ts';
import { makeRandom } from './support/checked-traffic.ts';
import { spoil } from './support/spoil.ts';

const COUNT = Number(process.env.TORPOR_FUZZ_HEADERS ?? 100_000);
const SEED = drawSeed('asked names');

const HELLO = Buffer.from(
  '1603010045010000410303cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece70000021301010000160000000b0009000006736572766572002b0003020304',
  'hex',
);
const GOOD: readonly Buffer[] = [
  HELLO,
  Buffer.from('GET /x HTTP/1.1\r\nHost: alice.example\r\nAccept: */*\r\n\r\n'),
  Buffer.from('0300002c27e00000000000436f6f6b69653a206d737473686173683d656c746f6e730d0a0100080000000000', 'hex'),
];

describe('asked names', () => {
  it('what they are made of -> names', () => {
    expect(GOOD.map((bytes) => readAskedName(bytes)?.host ?? readAskedName(bytes)?.rdp)).toEqual([
      'server',
      'alice.example',
      'eltons',
    ]);
  });

  it(`${COUNT} hostile first bytes -> nothing throws, no answer is taken back`, () => {
    const random = makeRandom(SEED);
    const seen = { named: 0, nobody: 0, waits: 0 };
    for (let count = 0; count < COUNT; count += 1) {
      const bytes = spoil(GOOD[random(GOOD.length)] as Buffer, random);
      const asked = readAskedName(bytes);
      const early = readAskedName(bytes.subarray(0, random(bytes.length + 1)));
      if (early !== null) expect(asked).toEqual(early);
      if (asked === null) seen.waits += 1;
      else if (asked.host === null && asked.rdp === null) seen.nobody += 1;
      else seen.named += 1;
      if (asked?.host != null) expect(asked.host).toMatch(/^[a-z0-9_][a-z0-9_.-]*$/);
    }
    expect(Math.min(seen.named, seen.nobody, seen.waits)).toBeGreaterThan(COUNT / 100);
  });
});
