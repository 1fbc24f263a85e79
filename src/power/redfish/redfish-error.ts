// A BMC's refusal by HTTP status, as an error that code can tell apart.
import { TorporError, type TorporErrorCode } from '../../platform/errors.ts';
import { readMessages } from './extended-info.ts';
import type { HttpAnswer } from './http-port.ts';
import { type JsonObject, parseJsonObject } from './json-document.ts';

/** An answer whose status is no success. `outcome` of a deed it refused: see `didNothing`. */
export class RedfishStatusError extends TorporError {
  readonly status: number;
  /** Of the messages in its body: `Base.1.8.InsufficientPrivilege`. */
  readonly messageIds: readonly string[];
  /** From Retry-After, milliseconds; null where the BMC named no time. */
  readonly retryAfterMs: number | null;

  constructor(
    code: TorporErrorCode,
    message: string,
    status: number,
    messageIds: readonly string[],
    retryAfterMs: number | null,
  ) {
    super(code, message, { retryable: code === 'ERR_REDFISH_BUSY' });
    this.status = status;
    this.messageIds = messageIds;
    this.retryAfterMs = retryAfterMs;
  }
}

/** `scrub` takes secrets out of foreign text: a BMC may quote what it was sent. */
export function statusError(what: string, answer: HttpAnswer, scrub: (text: string) => string): RedfishStatusError {
  const { ids, text } = readMessages(bodyOf(answer), scrub);
  const said = text === '' ? '' : `: ${text}`;
  const message = `${what}: HTTP ${answer.status}${WORDS[answer.status] ?? ''}${said}`;
  return new RedfishStatusError(codeOf(answer.status), message, answer.status, ids, retryAfterOf(answer));
}

const WORDS: Readonly<Record<number, string>> = {
  400: ' (bad request)',
  401: ' (not logged in)',
  403: ' (not allowed)',
  404: ' (not there)',
  405: ' (method not allowed)',
  409: ' (conflict with its state)',
  412: ' (precondition failed)',
  429: ' (too many requests)',
  500: ' (internal error)',
  501: ' (not implemented)',
  503: ' (unavailable)',
};

function codeOf(status: number): TorporErrorCode {
  if (status === 401) return 'ERR_REDFISH_AUTHENTICATION';
  if (status === 403) return 'ERR_REDFISH_PRIVILEGE';
  return status === 429 || status === 503 ? 'ERR_REDFISH_BUSY' : 'ERR_REDFISH_STATUS';
}

function bodyOf(answer: HttpAnswer): JsonObject {
  try {
    return parseJsonObject(answer.body, '');
  } catch {
    // An error page in HTML, or none: the status says enough.
    return {};
  }
}

/** Retry-After in seconds; its other form, a date, depends on the BMC's clock and is left out. Source: RFC 9110 section 10.2.3. */
function retryAfterOf(answer: HttpAnswer): number | null {
  const seconds = answer.headers['retry-after']?.trim() ?? '';
  return /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1000 : null;
}

/**
 * True where an answer to an action says that it was not carried out. A failure of the server's own (5xx) says nothing of the kind, but
 * for 501. What arrived without the right to (401, 403) was not carried out either.
 */
export function didNothing(thrown: unknown): boolean {
  return thrown instanceof RedfishStatusError && (thrown.status < 500 || thrown.status === 501);
}

/** Whether the BMC refused because the platform runs already: iDRAC's PSU501, iLO's InvalidOperationForSystemState. */
export function saysAlreadyOn(thrown: unknown): boolean {
  if (!(thrown instanceof RedfishStatusError)) return false;
  return thrown.messageIds.some((id) =>
    /\.(PSU501|InvalidOperationForSystemState|ActionNotSupportedInState|NoOperation)\b/.test(id),
  );
}
