// One BMC user's name and password, and the BMC's own key K[G] where it has one. Neither secret ever leaves: only HMACs keyed with them do.
import { createHmac } from 'node:crypto';
import { TorporError } from '../../platform/errors.ts';

/** IPMI v2.0 section 22.28: user names have at most 16 bytes. */
export const MAX_USER_NAME_BYTES = 16;
/** IPMI v2.0 section 22.30: passwords for RMCP+ have at most 20 bytes. */
export const MAX_PASSWORD_BYTES = 20;
/** IPMI v2.0 section 22.25: K[G] has 20 bytes, padded with zeros. */
export const MAX_KG_BYTES = 20;

/**
 * K[G] as people write it: text of up to 20 bytes, or hex digits after `0x` (40 hex digits are hex without it, too, being longer
 * than any text). Throws ERR_CONFIG_INVALID, naming lengths alone. Null stands for a key of zeros: "no key is set".
 */
function parseKg(text: string): Buffer | null {
  const hex = /^0x([0-9a-f]*)$/i.exec(text)?.[1] ?? (/^[0-9a-f]{40}$/i.test(text) ? text : null);
  if (hex !== null && (hex.length === 0 || hex.length % 2 !== 0)) {
    throw new TorporError('ERR_CONFIG_INVALID', `BMC key has ${hex.length} hex digits: write two for each byte`);
  }
  const key = hex === null ? Buffer.from(text) : Buffer.from(hex, 'hex');
  if (key.length > MAX_KG_BYTES) {
    const what = `BMC key has ${key.length} bytes, IPMI allows ${MAX_KG_BYTES}: write it as the BMC has it`;
    throw new TorporError('ERR_CONFIG_INVALID', `${what} (text, or hex digits after 0x)`);
  }
  return key.some((byte) => byte !== 0) ? key : null;
}

/**
 * Holds the secrets where neither a log line, nor an error, nor `util.inspect` can reach it. Throws ERR_CONFIG_INVALID
 * where name, password or key is longer than IPMI can carry; the message names the length, never the text.
 */
export class BmcCredentials {
  readonly userName: string;
  readonly #password: Buffer;
  readonly #kg: Buffer | null;

  /** `kg` as `parseKg` reads it; null where the BMC has none. */
  constructor(userName: string, password: string, kg: string | null = null) {
    const nameBytes = Buffer.byteLength(userName);
    if (nameBytes > MAX_USER_NAME_BYTES) {
      throw new TorporError(
        'ERR_CONFIG_INVALID',
        `BMC user name has ${nameBytes} bytes, IPMI allows ${MAX_USER_NAME_BYTES}: use a shorter name`,
      );
    }
    const secret = Buffer.from(password);
    if (secret.length > MAX_PASSWORD_BYTES) {
      throw new TorporError(
        'ERR_CONFIG_INVALID',
        `password of BMC user "${userName}" has ${secret.length} bytes, IPMI v2.0 allows ${MAX_PASSWORD_BYTES}: ` +
          'set a shorter one on the BMC (a trailing newline in the password file counts)',
      );
    }
    this.userName = userName;
    this.#password = secret;
    this.#kg = kg === null ? null : parseKg(kg);
  }

  /** True for a two-key login: user's password and BMC's key. */
  get hasKg(): boolean {
    return this.#kg !== null;
  }

  /**
   * HMAC keyed with K[UID], the password padded with zeros to 20 bytes. HMAC pads every key with zeros to its block, so
   * the padding needs no step of its own. Source: IPMI v2.0 section 13.31.
   */
  hmac(hash: 'sha1' | 'sha256', data: Uint8Array): Uint8Array {
    return createHmac(hash, this.#password).update(data).digest();
  }

  /** HMAC keyed with K[G], for which K[UID] stands where none is set ("one-key login"). Source: IPMI v2.0 section 13.31. */
  hmacWithBmcKey(hash: 'sha1' | 'sha256', data: Uint8Array): Uint8Array {
    return createHmac(hash, this.#kg ?? this.#password)
      .update(data)
      .digest();
  }
}
