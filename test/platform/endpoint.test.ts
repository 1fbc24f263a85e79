import { describe, expect, it } from 'vitest';
import { hostOfClient } from '../../src/platform/endpoint.ts';

describe('hostOfClient', () => {
  it.each([
    ['10.0.9.4:51234', '10.0.9.4'],
    ['[2001:db8::1]:51234', '2001:db8::1'],
    ['[::1]', '::1'],
    ['unix', 'unix'],
    ['unknown:0', 'unknown'],
    ['[alice]:22', 'alice'],
    ['alice:', 'alice:'],
    ['alice:22b', 'alice:22b'],
    [':22', ''],
    ['', ''],
  ])('%j -> %j', (client, host) => {
    expect(hostOfClient(client)).toBe(host);
  });
});
