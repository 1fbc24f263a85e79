// Hostile PROXY headers: nothing throws, no verdict is taken back, and none is believed that a second reading of the text would refuse.
// TORPOR_FUZZ_HEADERS sets the count.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeProxyHeader, readProxyHeader, V2_MAX_BYTES } from '../../src/streams/proxy-header.ts';
import { drawSeed, runs } from '../core/support/seed.ts';
import { makeRandom } from './support/checked-traffic.ts';
import { spoil } from './support/spoil.ts';

const HEADERS = Number(process.env.TORPOR_FUZZ_HEADERS ?? 100_000);
const SEED = drawSeed('PROXY headers');
const V2_START = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** Good headers, of which hostile ones are made. */
const GOOD: readonly Buffer[] = [
  Buffer.from('PROXY TCP4 192.0.2.33 203.0.113.7 51234 443\r\n'),
  Buffer.from('PROXY TCP6 2001:db8::21 2001:db8::7 51234 443\r\n'),
  Buffer.from('PROXY UNKNOWN\r\n'),
  Buffer.from(`${V2_START.toString('hex')}2111000cc0000221cb007107c82201bb`, 'hex'),
  Buffer.from(`${V2_START.toString('hex')}2111001ac0000221cb007107c82201bb040004000000000100026832`, 'hex'),
  Buffer.from(`${V2_START.toString('hex')}20000000`, 'hex'),
];

describe('PROXY headers', () => {
  it(`${HEADERS} hostile ones -> nothing throws, what is believed reads the same when it is written anew`, () => {
    const random = makeRandom(SEED);
    const seen = { header: 0, wrong: 0, incomplete: 0 };
    for (let count = 0; count < HEADERS; count += 1) {
      const bytes = spoil(GOOD[random(GOOD.length)] as Buffer, random);
      const reading = readProxyHeader(bytes);
      seen[reading.kind] += 1;
      if (reading.kind === 'incomplete') expect(bytes.length).toBeLessThan(V2_MAX_BYTES);
      if (reading.kind !== 'header') continue;
      expect(reading.bytes).toBeLessThanOrEqual(bytes.length);
      // Its own bytes, and no others, are the header.
      expect(readProxyHeader(bytes.subarray(0, reading.bytes))).toEqual(reading);
      expect(readProxyHeader(bytes.subarray(0, reading.bytes - 1)).kind).toBe('incomplete');
      if (reading.ends === null) continue;
      const again = readProxyHeader(encodeProxyHeader('v2', reading.ends));
      expect(again).toMatchObject({ ends: reading.ends });
    }
    // A fuzzer that meets one branch only tests nothing.
    expect(Math.min(seen.header, seen.wrong, seen.incomplete)).toBeGreaterThan(HEADERS / 100);
  });

  it('any bytes, cut anywhere -> a verdict is never taken back', () => {
    const start = fc.constantFrom(...GOOD, V2_START, Buffer.from('PROXY '), Buffer.alloc(0));
    const bytes = fc
      .tuple(start, fc.uint8Array({ maxLength: 300 }), fc.nat(60))
      .map(([head, rest, cut]) => Buffer.concat([head.subarray(0, head.length - Math.min(cut, head.length)), rest]));
    fc.assert(
      fc.property(bytes, fc.nat(400), (all, cut) => {
        const early = readProxyHeader(all.subarray(0, cut));
        if (early.kind !== 'incomplete') expect(readProxyHeader(all)).toEqual(early);
      }),
      runs(20_000, SEED),
    );
  });
});
