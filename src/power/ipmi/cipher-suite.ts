// The cipher suites Torpor speaks, as numbers and lengths. Suite 0 (no authentication at all) and every suite without encryption are deliberately absent.

/** Source: IPMI v2.0 table 22-20. 3 is mandatory for every BMC; 17 came with revision 1.1 and uses SHA-256 throughout. */
export type CipherSuiteId = 3 | 17;

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
  /** Table 13-19: AES-CBC-128 01h. */
  readonly confidentialityAlgorithm: number;
}

export const CIPHER_SUITES: Readonly<Record<CipherSuiteId, CipherSuite>> = {
  3: {
    id: 3,
    name: 'cipher suite 3 (RAKP-HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128)',
    hash: 'sha1',
    authenticationAlgorithm: 0x01,
    rakpCodeBytes: 20,
    integrityAlgorithm: 0x01,
    integrityCodeBytes: 12,
    confidentialityAlgorithm: 0x01,
  },
  17: {
    id: 17,
    name: 'cipher suite 17 (RAKP-HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128)',
    hash: 'sha256',
    authenticationAlgorithm: 0x03,
    rakpCodeBytes: 32,
    integrityAlgorithm: 0x04,
    integrityCodeBytes: 16,
    confidentialityAlgorithm: 0x01,
  },
};

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
