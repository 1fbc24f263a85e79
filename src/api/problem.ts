// Errors as RFC 9457 problem details. Which error it is was decided where it was thrown; here it only gets its HTTP form.
import { TorporError, type TorporErrorCode } from '../platform/errors.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** RFC 9457 section 3.1, with Torpor's stable code as an extension. Further extensions depend on the code. */
export interface Problem {
  /** `urn:torpor:error:CODE`: a name, not a page. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: TorporErrorCode;
  readonly [extension: string]: unknown;
}

const FORMS: Readonly<Partial<Record<TorporErrorCode, readonly [status: number, title: string]>>> = {
  ERR_PLATFORM_UNKNOWN: [404, 'No such platform'],
  ERR_PLATFORM_BUSY: [409, 'Clients are active'],
  ERR_PLATFORM_STATE: [409, 'The platform is in no state for that'],
  ERR_SPOOL: [409, 'The spool cannot do that'],
  ERR_HISTORY: [503, 'The history cannot be read now'],
  ERR_STORE_UNREACHABLE: [503, 'The owner of the platform cannot be reached'],
  ERR_API_REQUEST: [400, 'The request cannot be understood'],
};

/** A refused request: an HTTP status that says more than 400, with the code ERR_API_REQUEST. */
export class RequestRefused extends TorporError {
  readonly status: number;
  readonly title: string;

  constructor(status: number, title: string, detail: string) {
    super('ERR_API_REQUEST', detail);
    this.status = status;
    this.title = title;
  }
}

/** The problem document of whatever was thrown. What is not a TorporError shows nothing of itself: it may hold anything. */
export function toProblem(thrown: unknown, extensions: Readonly<Record<string, unknown>> = {}): Problem {
  if (thrown instanceof RequestRefused)
    return form(thrown.status, thrown.title, thrown.code, thrown.message, extensions);
  if (thrown instanceof TorporError) {
    const [status, title] = FORMS[thrown.code] ?? [500, 'Torpor could not do it'];
    return form(status, title, thrown.code, thrown.message, extensions);
  }
  const detail = "Torpor failed at this request; its log says more. Please report it with the log's lines.";
  return form(500, 'Internal error', 'ERR_INTERNAL', detail, extensions);
}

function form(
  status: number,
  title: string,
  code: Problem['code'],
  detail: string,
  extensions: Readonly<Record<string, unknown>>,
): Problem {
  return { ...extensions, type: `urn:torpor:error:${code}`, title, status, detail, code };
}
