// The one error type of Torpor and its closed set of codes. Code branches on the code, never on the text.

/**
 * Stable codes: `ERR_<AREA>_<WHAT>`. They are part of the outside contract: a code is added, never renamed.
 */
export type TorporErrorCode =
  // core
  | 'ERR_CORE_LOAD'
  | 'ERR_CORE_ABI'
  | 'ERR_CORE_STREAMS_EXHAUSTED'
  | 'ERR_CORE_STREAM_UNKNOWN'
  | 'ERR_CORE_MEMORY'
  | 'ERR_LZ4_OUTPUT_TOO_SMALL'
  | 'ERR_LZ4_MALFORMED'
  | 'ERR_LZ4_INPUT_TOO_LARGE'
  | 'ERR_LZ4_FRAME'
  // streams
  | 'ERR_STREAM_LISTEN'
  | 'ERR_STREAM_TARGET'
  | 'ERR_STREAM_WORKER'
  | 'ERR_STREAM_HOLD_FULL'
  | 'ERR_STREAM_DRAIN_TIMEOUT'
  | 'ERR_SPOOL'
  // link
  | 'ERR_LINK_PROTOCOL'
  | 'ERR_LINK_KEYS'
  | 'ERR_LINK_PEER'
  | 'ERR_LINK_LISTEN'
  | 'ERR_LINK_LOST'
  // probes
  | 'ERR_PROBE_CONFIG'
  // power
  | 'ERR_POWER_UNSUPPORTED'
  | 'ERR_POWER_WAKE_UNPROVEN'
  | 'ERR_POWER_COMMAND'
  | 'ERR_POWER_FENCED'
  | 'ERR_IPMI_TIMEOUT'
  | 'ERR_IPMI_UNREACHABLE'
  | 'ERR_IPMI_AUTHENTICATION'
  | 'ERR_IPMI_PRIVILEGE'
  | 'ERR_IPMI_CIPHER_SUITE'
  | 'ERR_IPMI_SESSION'
  | 'ERR_IPMI_COMPLETION'
  | 'ERR_IPMI_PROTOCOL'
  | 'ERR_IPMI_LISTEN'
  | 'ERR_HYPERVISOR_UNREACHABLE'
  | 'ERR_HYPERVISOR_AUTHENTICATION'
  | 'ERR_HYPERVISOR_REFUSED'
  | 'ERR_HYPERVISOR_PROTOCOL'
  | 'ERR_REDFISH_UNREACHABLE'
  | 'ERR_REDFISH_TIMEOUT'
  | 'ERR_REDFISH_CERTIFICATE'
  | 'ERR_REDFISH_AUTHENTICATION'
  | 'ERR_REDFISH_PRIVILEGE'
  | 'ERR_REDFISH_SESSION'
  | 'ERR_REDFISH_BUSY'
  | 'ERR_REDFISH_STATUS'
  | 'ERR_REDFISH_PROTOCOL'
  | 'ERR_REDFISH_SYSTEM'
  | 'ERR_REDFISH_LISTEN'
  // config
  | 'ERR_CONFIG_READ'
  | 'ERR_CONFIG_SYNTAX'
  | 'ERR_CONFIG_INVALID'
  // controller and farm
  | 'ERR_PLATFORM_UNKNOWN'
  | 'ERR_PLATFORM_BUSY'
  | 'ERR_PLATFORM_STATE'
  | 'ERR_STORE_UNREACHABLE'
  | 'ERR_JOURNAL'
  | 'ERR_HISTORY'
  | 'ERR_PROOF'
  | 'ERR_HOOK'
  | 'ERR_SAVED_VMS'
  // api and cli
  | 'ERR_API_LISTEN'
  | 'ERR_API_TOKENS'
  | 'ERR_API_UNREACHABLE'
  | 'ERR_API_REQUEST'
  // nobody expected it: a fault of Torpor's own
  | 'ERR_INTERNAL'
  | 'ERR_TRACE_INVALID'
  | 'ERR_TRACE_FOLDER'
  | 'ERR_CALENDAR_READ'
  | 'ERR_REPLAY_LOG'
  | 'ERR_CLI_USAGE';

/** Extra facts of a TorporError: what caused it, and whether the same call may succeed later without a change. */
export interface TorporErrorOptions {
  readonly cause?: unknown;
  readonly retryable?: boolean;
}

/**
 * Every error Torpor throws on purpose. The message says what was tried, on what, and what the reader can do; it never
 * holds a secret.
 */
export class TorporError extends Error {
  override readonly name = 'TorporError';
  readonly code: TorporErrorCode;
  /** True where the same call may succeed later without anybody changing anything (a timeout, a busy BMC). */
  readonly retryable: boolean;

  constructor(code: TorporErrorCode, message: string, options: TorporErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** The text of whatever was thrown, for a log line or a reason: never a stack. */
export function errorText(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return errorText(thrown.errors[0]);
  return thrown instanceof Error ? thrown.message : String(thrown);
}
