// One BMC user's name and password. The password never leaves: only HMACs keyed with it do.
import { createHmac } from 'node:crypto';
import { TorporError } from '../../platform/errors.ts';

/** IPMI v2.0 section 22.28: user names have at most 16 bytes. */
export const MAX_USER_NAME_BYTES = 16;
/** IPMI v2.0 section 22.30: passwords for RMCP+ have at most 20 bytes. */
export const MAX_PASSWORD_BYTES = 20;

/**
 * Holds a password where neither a log line, nor an error, nor `util.inspect` can reach it. Throws ERR_CONFIG_INVALID
 * where name or password is longer than IPMI can carry; the message names the length, never the text.
 */
export class BmcCredentials {
  readonly userName: string;
  readonly #password: Buffer;

  constructor(userName: string, password: string) {
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
  }

  /**
   * HMAC keyed with K[UID], the password padded with zeros to 20 bytes. HMAC pads every key with zeros to its block, so
   * the padding needs no step of its own. Source: IPMI v2.0 section 13.31.
   */
  hmac(hash: 'sha1' | 'sha256', data: Uint8Array): Uint8Array {
    return createHmac(hash, this.#password).update(data).digest();
  }
}
