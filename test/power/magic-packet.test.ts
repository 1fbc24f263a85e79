// The magic packet's bytes: as Debian's wakeonlan and etherwake sent them, and as the format's description has them.
import { describe, expect, it } from 'vitest';
import { encodeMagicPacket } from '../../src/power/magic-packet.ts';

/** The payload that `wakeonlan -i 127.0.0.1 -p PORT 01:23:45:67:89:ab` sent (Debian 12, wakeonlan 0.41-12.1), received by a UDP socket. */
const FROM_WAKEONLAN =
  'ffffffffffff' +
  '0123456789ab0123456789ab0123456789ab0123456789ab0123456789ab0123456789ab0123456789ab0123456789ab' +
  '0123456789ab0123456789ab0123456789ab0123456789ab0123456789ab0123456789ab0123456789ab0123456789ab';
/** What `etherwake -D -p …` says of its password (Debian 12, etherwake 1.09-4+b1): four bytes from a dotted quad, else six. */
const ETHERWAKE_FOUR = 'c0a80101';
/** The example of AMD publication 20213: the address 11h 22h 33h 44h 55h 66h sixteen times behind FFh six times. */
const AMD_EXAMPLE = `ffffffffffff${'112233445566'.repeat(16)}`;

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('magic packet', () => {
  it('without a password -> the bytes that wakeonlan sends', () => {
    expect(hex(encodeMagicPacket('01:23:45:67:89:ab', null))).toBe(FROM_WAKEONLAN);
  });

  it('the example of its inventors -> its bytes; hyphens and capitals mean the same', () => {
    expect(hex(encodeMagicPacket('11-22-33-44-55-66', null))).toBe(AMD_EXAMPLE);
    expect(encodeMagicPacket('AA:BB:CC:DD:EE:FF', null)).toEqual(encodeMagicPacket('aa-bb-cc-dd-ee-ff', null));
  });

  it.each([
    ['192.168.1.1', ETHERWAKE_FOUR, 106],
    ['00:11:22:33:44:55', '001122334455', 108],
  ])('SecureOn %s -> behind the addresses, %s', (password, tail, length) => {
    const packet = encodeMagicPacket('01:23:45:67:89:ab', password);
    expect(packet.length).toBe(length);
    expect(hex(packet)).toBe(FROM_WAKEONLAN + tail);
  });

  it.each(['', '01:23:45:67:89', '01:23:45:67:89:ab:cd', '01:23:45:67:89:zz', '0123456789ab'])(
    'address %j -> refused',
    (mac) => {
      expect(() => encodeMagicPacket(mac, null)).toThrow('is no MAC address');
    },
  );

  it.each(['hunter2', '1.2.3', '1.2.3.256', '00:de'])('SecureOn %j -> refused without showing it', (password) => {
    expect(() => encodeMagicPacket('01:23:45:67:89:ab', password)).toThrow(
      'the SecureOn password is none: write it like',
    );
    expect(() => encodeMagicPacket('01:23:45:67:89:ab', password)).not.toThrow(password);
  });
});
