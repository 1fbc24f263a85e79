// Decryption of packets that no honest peer sends: every pad and length that is not what the specification says.
import { createCipheriv, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CIPHER_SUITES } from '../../../src/power/ipmi/cipher-suite.ts';
import { SessionKeys } from '../../../src/power/ipmi/session-keys.ts';
import { hexOf } from '../support/hex.ts';

const SIK = Uint8Array.from({ length: 20 }, (_, index) => 3 * index);
const IV = Uint8Array.from({ length: 16 }, (_, index) => 0xf0 ^ index);
const keys = new SessionKeys(CIPHER_SUITES[3], SIK);

/** AES-128-CBC over whole blocks, keyed as IPMI v2.0 sections 13.32 and 13.29 say, done here apart. */
function encryptBlocks(plain: Uint8Array): Uint8Array {
  const k2 = createHmac('sha1', SIK).update(Buffer.alloc(20, 2)).digest();
  const cipher = createCipheriv('aes-128-cbc', k2.subarray(0, 16), IV).setAutoPadding(false);
  return Buffer.concat([IV, cipher.update(plain), cipher.final()]);
}

/** One block: the payload, the given pad, the given pad length. */
function block(payload: readonly number[], pad: readonly number[], padLength: number): Uint8Array {
  return Uint8Array.from([...payload, ...pad, padLength]);
}

describe('session keys: decryption', () => {
  const payload = [0xa0, 0xa1, 0xa2, 0xa3, 0xa4];
  const goodPad = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

  it('pad 01h 02h ... and its length -> the payload', () => {
    const plain = keys.decrypt(encryptBlocks(block(payload, goodPad, 10)));
    expect(plain && hexOf(plain)).toBe('a0a1a2a3a4');
  });

  it('pad length of 15 -> an empty payload; none -> 15 bytes', () => {
    const full = Array.from({ length: 15 }, (_, index) => index + 1);
    expect(keys.decrypt(encryptBlocks(block([], full, 15)))).toHaveLength(0);
    expect(keys.decrypt(encryptBlocks(block(full, [], 0)))).toHaveLength(15);
  });

  it('pad length of a block or more -> null, in one block and in two', () => {
    for (let padLength = 16; padLength <= 255; padLength += 1) {
      expect(keys.decrypt(encryptBlocks(block(payload, goodPad, padLength)))).toBeNull();
    }
    const counted = Array.from({ length: 31 }, (_, index) => (index < 15 ? 0xee : index - 14));
    expect(keys.decrypt(encryptBlocks(Uint8Array.from([...counted, 16])))).toBeNull();
  });

  it('any pad byte that does not count up -> null', () => {
    for (let index = 0; index < goodPad.length; index += 1) {
      const pad = goodPad.map((byte, at) => (at === index ? byte + 1 : byte));
      expect(keys.decrypt(encryptBlocks(block(payload, pad, 10)))).toBeNull();
    }
  });

  it('every length but an IV and whole blocks -> null', () => {
    const whole = encryptBlocks(Uint8Array.from([...new Array<number>(31).fill(0xee), 0]));
    for (let length = 0; length < whole.length; length += 1) {
      const cut = keys.decrypt(whole.subarray(0, length));
      // 32 bytes are an IV and one block, whose last byte is EEh: no pad length.
      expect(cut, `${length} bytes`).toBeNull();
    }
    expect(keys.decrypt(whole)).toHaveLength(31);
  });
});
