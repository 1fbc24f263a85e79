import { describe, expect, it } from 'vitest';
import { containsIp, formatIp, maskIp, parseIp } from '../../src/platform/ip-network.ts';

function network(text: string, prefixBits: number) {
  return { bytes: parseIp(text) as Uint8Array, prefixBits };
}

describe('parseIp', () => {
  it.each([
    ['10.0.1.21', [10, 0, 1, 21]],
    ['255.255.255.255', [255, 255, 255, 255]],
    // RFC 4291 section 2.2, its examples.
    ['::', new Array<number>(16).fill(0)],
    ['::1', [...new Array<number>(15).fill(0), 1]],
    ['2001:DB8::8:800:200C:417A', [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 8, 8, 0, 0x20, 0x0c, 0x41, 0x7a]],
    ['::13.1.68.3', [...new Array<number>(12).fill(0), 13, 1, 68, 3]],
    // What a dual-stack socket calls an IPv4 client.
    ['::ffff:129.144.52.38', [129, 144, 52, 38]],
    ['fe80::1%eth0', [0xfe, 0x80, ...new Array<number>(13).fill(0), 1]],
  ])('%s -> its bytes', (text, bytes) => {
    expect([...(parseIp(text) ?? [])]).toEqual(bytes);
  });

  it.each([
    '',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '1.2.3.4.5',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '::12345',
    'a.b.c.d',
    '1:2:3:4:5:6:7:8:9',
    '1.2.3.4::',
    'host',
  ])('"%s" -> null', (text) => {
    expect(parseIp(text)).toBeNull();
  });
});

describe('containsIp', () => {
  it.each([
    ['10.0.0.0', 8, '10.255.255.255', true],
    ['10.0.0.0', 8, '11.0.0.0', false],
    ['192.168.4.0', 22, '192.168.7.255', true],
    ['192.168.4.0', 22, '192.168.8.0', false],
    ['0.0.0.0', 0, '203.0.113.7', true],
    ['0.0.0.0', 0, '::1', false],
    ['2001:db8::', 32, '2001:db8:ffff::1', true],
    ['2001:db8::', 33, '2001:db8:8000::1', false],
    ['::', 0, '10.0.0.1', false],
    ['10.0.0.0', 8, '::ffff:10.1.2.3', true],
  ])('%s/%d and %s -> %s', (base, bits, address, expected) => {
    expect(containsIp(network(base, bits), parseIp(address) as Uint8Array)).toBe(expected);
  });
});

describe('formatIp', () => {
  it.each([
    ['10.0.1.21', '10.0.1.21'],
    // RFC 5952 section 4.2.3: the first of equally long runs is shortened.
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::', '::'],
    ['::1', '::1'],
    ['fe80::', 'fe80::'],
  ])('%s -> %s', (text, expected) => {
    expect(formatIp(parseIp(text) as Uint8Array)).toBe(expected);
  });

  it('maskIp: an address and 64 bits -> its network', () => {
    expect(formatIp(maskIp(parseIp('2001:db8:1:2:3:4:5:6') as Uint8Array, 64))).toBe('2001:db8:1:2::');
  });
});
