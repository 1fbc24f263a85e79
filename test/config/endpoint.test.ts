// Endpoints as people write them. Expected values are written out by hand.
import { describe, expect, it } from 'vitest';
import { endpointsClash, isHost, parseEndpoint } from '../../src/config/endpoint.ts';
import { formatEndpoint } from '../../src/platform/endpoint.ts';

describe('parseEndpoint', () => {
  it.each([
    ['10.0.1.21:3389', '10.0.1.21', 3389],
    ['vdi-01.example:22', 'vdi-01.example', 22],
    ['localhost:1', 'localhost', 1],
    ['my_host:65535', 'my_host', 65_535],
    ['[::1]:7070', '::1', 7070],
    ['[fe80::1%eth0]:22', 'fe80::1%eth0', 22],
    ['[2001:db8::10.0.0.1]:80', '2001:db8::10.0.0.1', 80],
    [' 127.0.0.1:0 ', '127.0.0.1', 0],
    ['host.example.:443', 'host.example.', 443],
  ])('%s -> host %s, port %d, and back', (text, host, port) => {
    expect(parseEndpoint(text)).toEqual({ host, port });
    expect(formatEndpoint(parseEndpoint(text))).toBe(text.trim());
  });

  it.each([
    '',
    ':',
    'host',
    'host:',
    ':22',
    'host:x',
    'host:-1',
    'host:65536',
    'host:123456',
    '::1:22',
    '[::1]',
    '[::1]22',
    '[10.0.0.1]:22',
    '[host]:22',
    '[]:22',
    '10.0.0.256:22',
    '10.0.0:22',
    '1.2.3.4.5:22',
    '-host:22',
    'ho st:22',
    'host..example:22',
    'user@host:22',
    'http://host:22',
    'host:22/path',
    `${'a'.repeat(64)}:22`,
  ])('%j -> refused with what to write', (text) => {
    expect(() => parseEndpoint(text)).toThrowError(
      expect.objectContaining({ code: 'ERR_CONFIG_INVALID', message: expect.stringContaining('is no address: ') }),
    );
  });
});

describe('isHost', () => {
  it.each(['10.0.0.1', '::1', 'bmc', 'bmc.lab.example', 'a'.repeat(63)])('%s -> yes', (text) => {
    expect(isHost(text)).toBe(true);
  });
  it.each(['', '10.0.0.1:623', '[::1]', '10.0.0', '1234', 'a b', 'a'.repeat(64), '.', 'x'.repeat(300)])(
    '%j -> no',
    (text) => {
      expect(isHost(text)).toBe(false);
    },
  );
});

describe('endpointsClash', () => {
  const at = (host: string, port = 22) => ({ host, port });
  it.each([
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.1', '127.0.0.2', false],
    ['0.0.0.0', '10.0.0.1', true],
    ['0.0.0.0', 'localhost', true],
    ['0.0.0.0', '::1', false],
    ['::', '0.0.0.0', true],
    ['::', '10.0.0.1', true],
    ['::1', '::', true],
    ['LOCALHOST', 'localhost', true],
  ])('%s and %s on one port -> %s, either way', (a, b, clash) => {
    expect(endpointsClash(at(a), at(b))).toBe(clash);
    expect(endpointsClash(at(b), at(a))).toBe(clash);
  });

  it('other ports, or port 0 -> never', () => {
    expect(endpointsClash(at('127.0.0.1', 22), at('127.0.0.1', 23))).toBe(false);
    expect(endpointsClash(at('127.0.0.1', 0), at('127.0.0.1', 0))).toBe(false);
  });
});
