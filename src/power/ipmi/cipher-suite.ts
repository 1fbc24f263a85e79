// The cipher suites Torpor speaks, as numbers and lengths, and which of them it takes unasked. Suites without authentication or integrity (0, 1, 15) are deliberately absent.

/**
 * Source: IPMI v2.0 table 22-20. 3 is mandatory for every BMC; 17 came with revision 1.1 and uses SHA-256 throughout. 2 and 16
 * are the same without encryption: who listens reads along, but can forge nothing.
 */
export type CipherSuiteId = 2 | 3 | 16 | 17;

/** What a configuration says: one suite by name, or the best that the BMC offers. */
export type CipherSuiteChoice = CipherSuiteId | 'auto';

/** The suites that `auto` takes, best first. Those without encryption are spoken only where they are asked for by name. */
export const AUTO_SUITES: readonly CipherSuiteId[] = [17, 3];

/** Algorithm numbers go onto the wire, lengths rule the layout of RAKP messages and session trailers. */
export interface CipherSuite {
  readonly id: CipherSuiteId;
  readonly name: string;
  /** Node's name of the hash below every HMAC of the suite. */
  readonly hash: 'sha1' | 'sha256';
  /** Table 13-17: RAKP-HMAC-SHA1 01h, RAKP-HMAC-SHA256 03h. */
  readonly authenticationAlgorithm: number;
  /** Length of the key exchange authentication codes of RAKP messages 2 and 3. */
  readonly rakpCodeBytes: number;
  /** Table 13-18: HMAC-SHA1-96 01h, HMAC-SHA256-128 04h. */
  readonly integrityAlgorithm: number;
  /** Length of the truncated HMAC of RAKP message 4 and of every session trailer. */
  readonly integrityCodeBytes: number;
  /** Table 13-19: none 00h, AES-CBC-128 01h. */
  readonly confidentialityAlgorithm: 0x00 | 0x01;
}

const SHA1 = {
  hash: 'sha1',
  authenticationAlgorithm: 0x01,
  rakpCodeBytes: 20,
  integrityAlgorithm: 0x01,
  integrityCodeBytes: 12,
} as const;

const SHA256 = {
  hash: 'sha256',
  authenticationAlgorithm: 0x03,
  rakpCodeBytes: 32,
  integrityAlgorithm: 0x04,
  integrityCodeBytes: 16,
} as const;

export const CIPHER_SUITES: Readonly<Record<CipherSuiteId, CipherSuite>> = {
  2: {
    ...SHA1,
    id: 2,
    name: 'cipher suite 2 (RAKP-HMAC-SHA1, HMAC-SHA1-96, no encryption)',
    confidentialityAlgorithm: 0x00,
  },
  3: {
    ...SHA1,
    id: 3,
    name: 'cipher suite 3 (RAKP-HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128)',
    confidentialityAlgorithm: 0x01,
  },
  16: {
    ...SHA256,
    id: 16,
    name: 'cipher suite 16 (RAKP-HMAC-SHA256, HMAC-SHA256-128, no encryption)',
    confidentialityAlgorithm: 0x00,
  },
  17: {
    ...SHA256,
    id: 17,
    name: 'cipher suite 17 (RAKP-HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128)',
    confidentialityAlgorithm: 0x01,
  },
};

/** What follows from a suite for whoever can listen on the way; null where nothing does. */
export function suiteWarning(suite: CipherSuite): string | null {
  if (suite.confidentialityAlgorithm !== 0) return null;
  return `cipher suite ${suite.id} does not encrypt: whoever listens on the way reads all that is said with the BMC`;
}

/**
 * The suites to propose one after the other. `auto`: of AUTO_SUITES those that the BMC listed, all of them where it listed
 * none that is known (a list may be wrong, and 3 is mandatory).
 */
export function suitesToPropose(choice: CipherSuiteChoice, offered: readonly number[] | null): readonly CipherSuite[] {
  if (choice !== 'auto') return [CIPHER_SUITES[choice]];
  const listed = AUTO_SUITES.filter((id) => offered?.includes(id) ?? false);
  return (listed.length > 0 ? listed : AUTO_SUITES).map((id) => CIPHER_SUITES[id]);
}

/** The three algorithm numbers of one session. */
export interface SessionAlgorithms {
  readonly authentication: number;
  readonly integrity: number;
  readonly confidentiality: number;
}

export function algorithmsOf(suite: CipherSuite): SessionAlgorithms {
  return {
    authentication: suite.authenticationAlgorithm,
    integrity: suite.integrityAlgorithm,
    confidentiality: suite.confidentialityAlgorithm,
  };
}

/** The suite made of exactly these algorithms, or null where Torpor speaks none such. */
export function suiteWith(algorithms: SessionAlgorithms): CipherSuite | null {
  for (const suite of Object.values(CIPHER_SUITES)) {
    const own = algorithmsOf(suite);
    const same =
      own.authentication === algorithms.authentication &&
      own.integrity === algorithms.integrity &&
      own.confidentiality === algorithms.confidentiality;
    if (same) return suite;
  }
  return null;
}
