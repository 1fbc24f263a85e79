// Addresses and networks against Node's own net.BlockList and net.isIP.
import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { containsIp, formatIp, maskIp, parseIp } from '../../src/platform/ip-network.ts';
import { drawSeed, runs } from '../core/support/seed.ts';

const SEED = drawSeed('IP networks');
const OPTIONS = runs(500, SEED);

const anyIp = fc.oneof(fc.ipV4(), fc.ipV6());

describe('IP networks', () => {
  it('any text: read as an address -> exactly where Node takes it for one', () => {
    const almost = fc.string({ unit: fc.constantFrom(...'0123456789abcdef:.'), maxLength: 24 });
    fc.assert(
      fc.property(fc.oneof(anyIp, almost), (text) => (parseIp(text) !== null) === (isIP(text) !== 0)),
      OPTIONS,
    );
  });

  it('any two addresses of a kind and a prefix: contained -> exactly where net.BlockList says so', () => {
    const pair = fc.oneof(
      fc.tuple(fc.ipV4(), fc.ipV4(), fc.integer({ min: 0, max: 32 }), fc.constant('ipv4' as const)),
      fc.tuple(fc.ipV6(), fc.ipV6(), fc.integer({ min: 0, max: 128 }), fc.constant('ipv6' as const)),
    );
    fc.assert(
      fc.property(pair, fc.boolean(), ([base, other, prefixBits, family], isNear) => {
        const bytes = maskIp(parseIp(base) as Uint8Array, prefixBits);
        const address = isNear ? base : other;
        // A mapped address becomes IPv4 here and stays IPv6 there.
        const plain = parseIp(address) as Uint8Array;
        if (bytes.length !== plain.length || (family === 'ipv6' && plain.length === 4)) return true;
        const list = new BlockList();
        list.addSubnet(formatIp(bytes), prefixBits, family);
        return containsIp({ bytes, prefixBits }, plain) === list.check(address, family);
      }),
      OPTIONS,
    );
  });

  it('any address: written and read again -> the same bytes', () => {
    fc.assert(
      fc.property(anyIp, (text) => {
        const bytes = parseIp(text) as Uint8Array;
        const again = parseIp(formatIp(bytes)) as Uint8Array;
        return Buffer.from(bytes).equals(Buffer.from(again));
      }),
      OPTIONS,
    );
  });
});
