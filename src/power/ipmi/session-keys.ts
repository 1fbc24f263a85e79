// The keys of one established session and what they do: integrity codes and AES-CBC-128. Keys never leave.
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { concatBytes } from './byte-reader.ts';
import type { CipherSuite } from './cipher-suite.ts';

const AES_BLOCK_BYTES = 16;
/** Length of the constants that K1 and K2 are made from. Source: IPMI v2.0 section 13.32. */
const KEY_CONSTANT_BYTES = 20;

/** Compares without telling by its time where two codes differ. Lengths are no secret. */
export function sameCode(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

/** K1 and K2 of one session, and the suite's ways of using them. */
export class SessionKeys {
  readonly suite: CipherSuite;
  readonly #integrityKey: Buffer;
  readonly #aesKey: Buffer;
  readonly #sik: Uint8Array;

  /**
   * Derives K1 (integrity) and K2 (encryption) as HMAC SIK (01h × 20) and HMAC SIK (02h × 20); AES-128 takes the first
   * 16 bytes of K2. Source: IPMI v2.0 sections 13.32 and 13.29.
   */
  constructor(suite: CipherSuite, sik: Uint8Array) {
    this.suite = suite;
    this.#sik = sik;
    const derive = (constant: number) =>
      createHmac(suite.hash, sik).update(Buffer.alloc(KEY_CONSTANT_BYTES, constant)).digest();
    this.#integrityKey = derive(1);
    this.#aesKey = derive(2).subarray(0, AES_BLOCK_BYTES);
  }

  /** False for suites without confidentiality: their payloads go as they are. */
  get encrypts(): boolean {
    return this.suite.confidentialityAlgorithm !== 0;
  }

  /** The truncated HMAC SIK that RAKP message 4 carries. Source: IPMI v2.0 section 13.31 and 13.28.4. */
  confirmationCode(data: Uint8Array): Uint8Array {
    return createHmac(this.suite.hash, this.#sik).update(data).digest().subarray(0, this.suite.integrityCodeBytes);
  }

  /** The truncated HMAC K1 that ends every authenticated packet. Source: IPMI v2.0 section 13.28.4. */
  integrityCode(data: Uint8Array): Uint8Array {
    const full = createHmac(this.suite.hash, this.#integrityKey).update(data).digest();
    return full.subarray(0, this.suite.integrityCodeBytes);
  }

  /**
   * Initialization vector, then the encrypted payload, pad 01h 02h ... and pad length. `iv` is 16 unpredictable bytes,
   * never used twice. Source: IPMI v2.0 table 13-20.
   */
  encrypt(payload: Uint8Array, iv: Uint8Array): Uint8Array {
    if (!this.encrypts) return payload;
    const padBytes = AES_BLOCK_BYTES - 1 - (payload.length % AES_BLOCK_BYTES);
    const trailer = Uint8Array.from({ length: padBytes + 1 }, (_, index) => (index < padBytes ? index + 1 : padBytes));
    const cipher = createCipheriv('aes-128-cbc', this.#aesKey, iv).setAutoPadding(false);
    return concatBytes(iv, cipher.update(payload), cipher.update(trailer), cipher.final());
  }

  /** The payload, or null where lengths or pad are not what `encrypt` makes. Call it after the integrity code was verified. */
  decrypt(encrypted: Uint8Array): Uint8Array | null {
    if (!this.encrypts) return encrypted;
    const cipherBytes = encrypted.length - AES_BLOCK_BYTES;
    if (cipherBytes < AES_BLOCK_BYTES || cipherBytes % AES_BLOCK_BYTES !== 0) return null;
    const iv = encrypted.subarray(0, AES_BLOCK_BYTES);
    const decipher = createDecipheriv('aes-128-cbc', this.#aesKey, iv).setAutoPadding(false);
    const plain = concatBytes(decipher.update(encrypted.subarray(AES_BLOCK_BYTES)), decipher.final());
    const padBytes = plain[plain.length - 1] as number;
    const payloadBytes = plain.length - 1 - padBytes;
    if (padBytes >= AES_BLOCK_BYTES) return null;
    for (let index = 0; index < padBytes; index += 1) if (plain[payloadBytes + index] !== index + 1) return null;
    return plain.subarray(0, payloadBytes);
  }
}
