// Torpor's records in a BMC's log: byte by byte against docs/bmc-log.md, both ways, and what is not one.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  decodeTorporRecord,
  describeTorporRecord,
  encodeTorporRecord,
  type TorporRecord,
} from '../../../src/power/ipmi/torpor-record.ts';
import { bytesOf, hexOf } from '../support/hex.ts';

/** Written out from the tables of docs/bmc-log.md. */
const ROWS: ReadonlyArray<readonly [TorporRecord, string, string]> = [
  [
    { kind: 'transition', from: 'suspending', to: 'asleep', pool: 0, leftOut: 0 },
    '00 00 d4 00 00 00 00 00 00 00 54 11 56 00 00 00',
    'Torpor: suspending -> asleep, nobody active',
  ],
  [
    { kind: 'transition', from: 'asleep', to: 'waking', pool: 3, leftOut: 7 },
    '00 00 d4 00 00 00 00 00 00 00 54 11 67 03 07 00',
    'Torpor: asleep -> waking, 3 active; 7 records before it were left out',
  ],
  [
    { kind: 'transition', from: 'unknown', to: 'maintenance', pool: 255, leftOut: 255 },
    '00 00 d4 00 00 00 00 00 00 00 54 11 09 ff ff 00',
    'Torpor: unknown -> maintenance, 255 or more active; 255 or more records before it were left out',
  ],
  [
    { kind: 'client-entered', client: '10.0.9.4' },
    '00 00 d4 00 00 00 00 00 00 00 54 12 0a 00 09 04',
    'Torpor: client 10.0.9.4 became active',
  ],
  [
    { kind: 'client-left', client: '255.254.1.0' },
    '00 00 d4 00 00 00 00 00 00 00 54 13 ff fe 01 00',
    'Torpor: client 255.254.1.0 left the active pool',
  ],
];

describe('Torpor records', () => {
  it.each(ROWS)('%o -> both ways, in words', (record, hex, words) => {
    expect(hexOf(encodeTorporRecord(record))).toBe(hexOf(bytesOf(hex)));
    expect(decodeTorporRecord(bytesOf(hex))).toEqual(record);
    expect(describeTorporRecord(record)).toBe(words);
  });

  it('an IPv6 client -> its FNV-1a hash, whatever the case of its digits', () => {
    // FNV-1a of "2001:db8::7", from the algorithm's definition (draft-eastlake-fnv), computed apart from this code.
    const upper = encodeTorporRecord({ kind: 'client-entered', client: '2001:DB8::7' });
    expect(hexOf(upper.subarray(10))).toBe('541438efc6a1');
    expect(decodeTorporRecord(upper)).toEqual({ kind: 'client-entered', client: 'ipv6 #38efc6a1' });
    expect(hexOf(encodeTorporRecord({ kind: 'client-left', client: '2001:db8::7' }).subarray(10))).toBe('541538efc6a1');
  });

  it('more than a byte can count, and a state of a later version -> 255, unknown', () => {
    const bytes = encodeTorporRecord({ kind: 'transition', from: 'dreaming', to: 'awake', pool: 1000, leftOut: 256 });
    expect(hexOf(bytes.subarray(11))).toBe('1102ffff00');
  });

  it.each([
    ['another record type', '00 00 d5 00 00 00 00 00 00 00 54 11 56 00 00 00'],
    ['a manufacturer', '00 00 d4 00 00 00 00 57 01 00 54 11 56 00 00 00'],
    ['another signature', '00 00 d4 00 00 00 00 00 00 00 55 11 56 00 00 00'],
    ['another format version', '00 00 d4 00 00 00 00 00 00 00 54 21 56 00 00 00'],
    ['an unknown kind', '00 00 d4 00 00 00 00 00 00 00 54 16 56 00 00 00'],
    ['a system event', '01 00 02 5d 87 5e 5b 20 00 04 22 01 6f 03 ff ff'],
  ])('%s -> none of Torpor’s', (_what, hex) => {
    expect(decodeTorporRecord(bytesOf(hex))).toBeNull();
  });

  it('the documentation -> names every state with its number, and the example of each kind', () => {
    const text = readFileSync(new URL('../../../docs/bmc-log.md', import.meta.url), 'utf8');
    const states = ['starting', 'awake', 'drowsy', 'saving', 'suspending', 'asleep', 'waking', 'failed', 'maintenance'];
    for (const [index, state] of states.entries()) expect(text).toContain(`| ${index + 1} | ${state} |`);
    for (const [, hex] of ROWS.slice(0, 5)) expect(text.toLowerCase()).toContain(hex.slice(9 * 3 + 3));
  });
});
