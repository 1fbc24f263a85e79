// HTTP requests of which a listener's owner says that they never count, by method and path. Leaves the polls that repeat to the core.
import type { StreamPolicy } from '../platform/stream-policy.ts';

const QUERY = 0x3f;
const SPACE = 0x20;
const HEADERS_END = Buffer.from('\r\n\r\n');

/**
 * Tells such requests: a read that is one whole request without a body, `GET /path` as configured, whatever its query. A read that holds
 * anything else besides is none.
 */
export class ConfiguredPolls {
  readonly #starts: readonly Buffer[];

  /** null: none are configured. */
  static of(policy: StreamPolicy): ConfiguredPolls | null {
    return policy.polls.length === 0 ? null : new ConfiguredPolls(policy.polls);
  }

  private constructor(polls: readonly string[]) {
    this.#starts = polls.map((poll) => Buffer.from(poll, 'latin1'));
  }

  includes(chunk: Uint8Array): boolean {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (!this.#starts.some((start) => isRequestOf(bytes, start))) return false;
    return bytes.indexOf(HEADERS_END) === bytes.length - HEADERS_END.length;
  }
}

function isRequestOf(bytes: Buffer, start: Buffer): boolean {
  const next = bytes[start.length];
  return (next === SPACE || next === QUERY) && bytes.subarray(0, start.length).equals(start);
}
