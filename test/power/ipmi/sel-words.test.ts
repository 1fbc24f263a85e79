// Entries of a BMC's log in words. The records are published ones (IPMI v2.0 tables 32-1 and 42-3, vendors' SEL guides) or written out from the tables.
import { describe, expect, it } from 'vitest';
import { describeSelRecord } from '../../../src/power/ipmi/sel-words.ts';
import { bytesOf } from '../support/hex.ts';

const NAMES = new Map([[1, '"ACPI State"']]);

describe('SEL entries in words', () => {
  it.each([
    ['01 00 02 5d 87 5e 5b 20 00 04 22 01 6f 03 ff ff', 'system ACPI power state "ACPI State": S3, suspended to RAM'],
    [
      '02 00 02 5d 87 5e 5b 20 00 04 01 30 01 59 5a 5b',
      'temperature #30h: upper critical, going high, raw reading 5Ah, threshold 5Bh',
    ],
    ['03 00 02 5d 87 5e 5b 20 00 04 0c 53 6f a0 ff 20', 'memory #53h: correctable ECC, data 20h'],
    ['04 00 02 5d 87 5e 5b 20 00 04 08 64 ef 00 ff ff', 'power supply #64h: presence detected (deasserted)'],
    [
      '05 00 02 5d 87 5e 5b 41 00 04 20 00 6f a3 01 02',
      'OS stop or shutdown #00h: OS graceful shutdown, data 01h 02h, by system software',
    ],
    ['06 00 02 5d 87 5e 5b 33 00 04 0c 00 6f 01 ff ff', 'memory #00h: uncorrectable ECC, by an SMI handler'],
    [
      '07 00 02 5d 87 5e 5b 01 00 04 0f 06 6f c2 13 ff',
      'system firmware progress #06h: firmware progress, data 13h, by the BIOS',
    ],
    ['08 00 02 5d 87 5e 5b 2c 00 04 04 10 0b 01 ff ff', 'fan #10h: redundancy lost, by controller 2Ch'],
    ['09 00 02 5d 87 5e 5b 20 00 04 c7 10 70 0a ff ff', 'sensor type C7h #10h: event type 70h, offset 0Ah'],
    ['0a 00 02 5d 87 5e 5b 20 00 04 23 81 6f 04 ff ff', 'watchdog #81h: event type 6Fh, offset 04h'],
    ['0b 00 c1 5d 87 5e 5b 57 01 00 01 02 03 04 05 06', 'OEM record C1h of manufacturer 343: 01 02 03 04 05 06'],
    ['0c 00 e0 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d', 'OEM record E0h: 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d'],
    ['0d 00 d4 5d 87 5e 5b 00 00 00 54 11 56 00 00 00', 'Torpor: suspending -> asleep, nobody active'],
  ])('%s -> %s', (hex, words) => {
    expect(describeSelRecord(bytesOf(hex), NAMES).words).toBe(words);
  });

  it.each([
    ['5d 87 5e 5b', { kind: 'calendar', seconds: 0x5b5e875d }],
    ['ff ff ff 1f', { kind: 'since-start', seconds: 0x1fffffff }],
    ['00 00 00 20', { kind: 'calendar', seconds: 0x20000000 }],
    ['ff ff ff ff', { kind: 'none' }],
  ])('time %s -> %o', (hex, time) => {
    expect(describeSelRecord(bytesOf(`01 00 02 ${hex} 20 00 04 22 01 6f 03 ff ff`)).time).toEqual(time);
  });

  it('too short at every length -> ERR_IPMI_PROTOCOL', () => {
    for (const whole of [
      '01 00 02 5d 87 5e 5b 20 00 04 22 01 6f 03 ff ff',
      '0c 00 e0 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d',
    ]) {
      for (let length = 0; length < 16; length += 1) {
        expect(() => describeSelRecord(bytesOf(whole).subarray(0, length))).toThrow(
          expect.objectContaining({ code: 'ERR_IPMI_PROTOCOL' }),
        );
      }
    }
  });
});
