// RMCP+ and RAKP message status codes in words, and the errors they become. Source: IPMI v2.0 table 13-15.
import { TorporError, type TorporErrorCode } from '../../platform/errors.ts';
import { hexByte } from './byte-reader.ts';

export const RMCP_STATUS = {
  ok: 0x00,
  noResources: 0x01,
  invalidSessionId: 0x02,
  invalidAuthenticationAlgorithm: 0x04,
  invalidIntegrityAlgorithm: 0x05,
  invalidRole: 0x09,
  unauthorizedRole: 0x0a,
  noResourcesAtRole: 0x0b,
  invalidNameLength: 0x0c,
  unauthorizedName: 0x0d,
  invalidIntegrityCheck: 0x0f,
  invalidConfidentialityAlgorithm: 0x10,
  noCipherSuiteMatch: 0x11,
  illegalParameter: 0x12,
} as const;

interface Meaning {
  readonly words: string;
  readonly code: TorporErrorCode;
  readonly retryable?: boolean;
  readonly advice: string;
}

const USE_OTHER_SUITE = 'set cipherSuite to one the BMC allows (ipmitool: "channel getciphers ipmi 1")';
const ASK_LESS_OR_RAISE = "raise this user's privilege limit on the BMC's LAN channel";
const CHECK_USER = 'check the user name, and that the user is enabled for IPMI over LAN';
const TRY_AGAIN = 'it should work when asked again';

const MEANINGS: Readonly<Record<number, Meaning>> = {
  1: session(
    'insufficient resources to create a session',
    'other programs hold its few session places: close them, or wait a minute for the idle ones to expire',
  ),
  2: session('invalid session id', TRY_AGAIN),
  3: { words: 'invalid payload type', code: 'ERR_IPMI_PROTOCOL', advice: 'update the BMC firmware' },
  4: suite('invalid authentication algorithm'),
  5: suite('invalid integrity algorithm'),
  6: suite('no matching authentication payload'),
  7: suite('no matching integrity payload'),
  8: session('inactive session id', TRY_AGAIN),
  9: { words: 'invalid role', code: 'ERR_IPMI_PRIVILEGE', advice: ASK_LESS_OR_RAISE },
  10: { words: 'unauthorized role or privilege level', code: 'ERR_IPMI_PRIVILEGE', advice: ASK_LESS_OR_RAISE },
  11: session(
    'insufficient resources to create a session at this role',
    'other programs hold its few session places: close them, or wait a minute for the idle ones to expire',
  ),
  12: { words: 'invalid name length', code: 'ERR_IPMI_AUTHENTICATION', advice: CHECK_USER },
  13: { words: 'unauthorized name', code: 'ERR_IPMI_AUTHENTICATION', advice: CHECK_USER },
  14: { words: 'unauthorized GUID', code: 'ERR_IPMI_AUTHENTICATION', advice: CHECK_USER },
  15: {
    words: 'invalid integrity check value',
    code: 'ERR_IPMI_AUTHENTICATION',
    advice: 'check the password, and the BMC key (K_G) where it has one set',
  },
  16: suite('invalid confidentiality algorithm'),
  17: suite('no cipher suite match with the proposed algorithms'),
  18: { words: 'illegal or unrecognized parameter', code: 'ERR_IPMI_PROTOCOL', advice: 'update the BMC firmware' },
};

function session(words: string, advice: string): Meaning {
  return { words, code: 'ERR_IPMI_SESSION', retryable: true, advice };
}

function suite(words: string): Meaning {
  return { words, code: 'ERR_IPMI_CIPHER_SUITE', advice: USE_OTHER_SUITE };
}

/** The code's words, or its number where the specification has none. */
export function rmcpStatusWords(status: number): string {
  return `${MEANINGS[status]?.words ?? 'a status outside the specification'} (${hexByte(status)})`;
}

/** A setup message that was refused. Made by `rmcpStatusError` alone. */
export class RmcpStatusError extends TorporError {
  readonly status: number;

  constructor(code: TorporErrorCode, message: string, status: number, retryable: boolean) {
    super(code, message, { retryable });
    this.status = status;
  }

  /** True where the BMC had no place left for a session: it may have one in a while. */
  get isNoRoom(): boolean {
    return this.status === RMCP_STATUS.noResources || this.status === RMCP_STATUS.noResourcesAtRole;
  }
}

/** The error for a status other than 00h. `tried` says what was refused: "RAKP message 1 to 10.0.9.11:623 as user torpor". */
export function rmcpStatusError(status: number, tried: string): RmcpStatusError {
  const meaning = MEANINGS[status];
  const advice = meaning?.advice ?? 'update the BMC firmware';
  return new RmcpStatusError(
    meaning?.code ?? 'ERR_IPMI_PROTOCOL',
    `${tried} was refused: ${rmcpStatusWords(status)}; ${advice}`,
    status,
    meaning?.retryable ?? false,
  );
}
