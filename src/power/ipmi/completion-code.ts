// IPMI completion codes in words, and the errors they become. Source: IPMI v2.0 table 5-2.
import { TorporError, type TorporErrorCode } from '../../platform/errors.ts';
import { hexByte } from './byte-reader.ts';

export const COMPLETION = {
  ok: 0x00,
  nodeBusy: 0xc0,
  invalidCommand: 0xc1,
  invalidForLun: 0xc2,
  timeout: 0xc3,
  outOfSpace: 0xc4,
  reservationCancelled: 0xc5,
  requestTruncated: 0xc6,
  requestLengthInvalid: 0xc7,
  requestLengthExceeded: 0xc8,
  parameterOutOfRange: 0xc9,
  cannotReturnLength: 0xca,
  notPresent: 0xcb,
  invalidField: 0xcc,
  illegalForSensor: 0xcd,
  cannotProvide: 0xce,
  repositoryUpdating: 0xd0,
  firmwareUpdating: 0xd1,
  initialising: 0xd2,
  destinationUnavailable: 0xd3,
  insufficientPrivilege: 0xd4,
  notInPresentState: 0xd5,
  disabled: 0xd6,
  unspecified: 0xff,
} as const;

const WORDS: Readonly<Record<number, string>> = {
  192: 'the BMC is busy',
  193: 'the BMC does not know this command',
  194: 'the command is not valid for this logical unit',
  195: 'the BMC timed out while processing it',
  196: 'the BMC is out of space',
  197: 'the reservation was cancelled or is not valid',
  198: 'the request was truncated',
  199: 'the request has the wrong length',
  200: 'the request is too long for the field',
  201: 'a parameter is out of range',
  202: 'that many bytes cannot be returned',
  203: 'the sensor, record or data asked for is not there',
  204: 'the request has an invalid field',
  205: 'the command is not legal for this sensor or record',
  206: 'no answer could be provided',
  207: 'a duplicated request cannot be executed again',
  208: 'no answer: the SDR repository is being updated',
  209: 'no answer: the BMC is being updated',
  210: 'no answer: the BMC is initialising',
  211: 'the destination is not available',
  212: "insufficient privilege, or the BMC's firmware firewall forbids it",
  213: 'not supported in the present state',
  214: 'the command is disabled or unavailable',
  255: 'unspecified error',
};

/** Codes after which the same request may do better later. */
const RETRYABLE: ReadonlySet<number> = new Set([0xc0, 0xc3, 0xc4, 0xce, 0xd0, 0xd1, 0xd2, 0xd3, 0xff]);

/** The BMC had no time for it, and certainly did nothing: busy, being updated, starting. */
const NOT_BEGUN: ReadonlySet<number> = new Set([
  COMPLETION.nodeBusy,
  COMPLETION.repositoryUpdating,
  COMPLETION.firmwareUpdating,
  COMPLETION.initialising,
]);
/** It may or may not have done it: timed out, no answer possible, destination (a bus behind it) not available. */
const MAYBE_DONE: ReadonlySet<number> = new Set([
  COMPLETION.timeout,
  COMPLETION.cannotProvide,
  COMPLETION.destinationUnavailable,
]);
/** "Not in the present state" is an answer to a deed, and passes by itself for a question: power is just changing. */
const LATER_FOR_QUESTIONS: ReadonlySet<number> = new Set([COMPLETION.notInPresentState]);

/** True where the same request should be asked again in a moment. `harmless`: asking twice is the same as asking once. */
export function isPassing(completionCode: number, harmless: boolean): boolean {
  if (NOT_BEGUN.has(completionCode)) return true;
  return harmless && (MAYBE_DONE.has(completionCode) || LATER_FOR_QUESTIONS.has(completionCode));
}

/** The code's words and number; `specific` has the command's own codes (80h to BEh). */
export function completionCodeWords(completionCode: number, specific?: Readonly<Record<number, string>>): string {
  const words = specific?.[completionCode] ?? WORDS[completionCode] ?? 'a code of the command or the manufacturer';
  return `${words} (${hexByte(completionCode)})`;
}

/** A request that the BMC answered with a completion code other than 00h. Made by `completionError` alone. */
export class CompletionError extends TorporError {
  readonly completionCode: number;

  constructor(code: TorporErrorCode, message: string, completionCode: number, retryable: boolean) {
    super(code, message, { retryable });
    this.completionCode = completionCode;
  }
}

/** ERR_IPMI_PRIVILEGE for D4h, else ERR_IPMI_COMPLETION. `tried` is command and BMC: "Chassis Control on 10.0.9.11:623". */
export function completionError(
  completionCode: number,
  tried: string,
  specific?: Readonly<Record<number, string>>,
): CompletionError {
  const denied = completionCode === COMPLETION.insufficientPrivilege;
  const advice = denied ? '; give the BMC user the operator privilege on its LAN channel' : '';
  return new CompletionError(
    denied ? 'ERR_IPMI_PRIVILEGE' : 'ERR_IPMI_COMPLETION',
    `${tried} was answered with an error: ${completionCodeWords(completionCode, specific)}${advice}`,
    completionCode,
    RETRYABLE.has(completionCode),
  );
}
