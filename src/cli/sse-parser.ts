// Server-sent events out of text that arrives in pieces (WHATWG HTML, section 9.2.6). Connecting is left to api-client.ts.
import { TorporError } from '../platform/errors.ts';

export interface SseMessage {
  /** The last id seen so far; empty where there was none. */
  readonly id: string;
  /** `message` unless the sender named it. */
  readonly event: string;
  readonly data: string;
}

/** One event's text, far above any that Torpor sends. */
const MAX_PENDING_CHARS = 1024 * 1024;

/** Takes text split at any place and gives back the events that became whole. */
export class SseParser {
  #rest = '';
  #data: string[] = [];
  #event = '';
  #id = '';

  /** Throws ERR_API_UNREACHABLE where an event grows beyond the bound: whatever answers is not Torpor. */
  push(text: string): SseMessage[] {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() as string;
    const pendingChars = this.#rest.length + this.#data.reduce((sum, line) => sum + line.length, 0);
    if (pendingChars > MAX_PENDING_CHARS) {
      throw new TorporError('ERR_API_UNREACHABLE', 'what answers sends events without an end: it is no Torpor API');
    }
    return lines.flatMap((line) => this.#takeLine(line));
  }

  #takeLine(line: string): SseMessage[] {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#event = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    return [];
  }

  #dispatch(): SseMessage[] {
    const message = { id: this.#id, event: this.#event || 'message', data: this.#data.join('\n') };
    const isEmpty = this.#data.length === 0;
    this.#data = [];
    this.#event = '';
    return isEmpty ? [] : [message];
  }
}
