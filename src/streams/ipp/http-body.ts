// The body of an HTTP/1.1 message, as it comes in (RFC 9112 sections 6 and 7.1), and as it goes out. Which message it is, is the reader's.

/** What is known of a body before it comes: so many bytes, in chunks, or until the connection ends. */
export type BodyFraming = number | 'chunked' | 'to-end';

/** A chunk's size with its extensions, and all trailers together. */
const LINE_MAX_BYTES = 4096;
const CRLF = Buffer.from('\r\n');

type State = 'size' | 'data' | 'data-end' | 'trailer' | 'done' | 'broken';

export class HttpBody {
  #state: State;
  /** Of the body, or of the chunk. */
  #leftBytes = 0;
  #line = '';
  #trailerBytes = 0;
  readonly #isChunked: boolean;

  constructor(framing: BodyFraming) {
    this.#isChunked = framing === 'chunked';
    if (framing === 'chunked') this.#state = 'size';
    else {
      this.#leftBytes = framing === 'to-end' ? Number.POSITIVE_INFINITY : framing;
      this.#state = this.#leftBytes === 0 ? 'done' : 'data';
    }
  }

  get isDone(): boolean {
    return this.#state === 'done';
  }

  /** It is no such body: there is no telling where it ends. */
  get isBroken(): boolean {
    return this.#state === 'broken';
  }

  /** What of the bytes is content (subarrays), and how many belong to the body at all. */
  push(bytes: Uint8Array): { readonly content: Uint8Array[]; readonly used: number } {
    const content: Uint8Array[] = [];
    let at = 0;
    while (at < bytes.length && this.#state !== 'done' && this.#state !== 'broken') {
      if (this.#state !== 'data') at += this.#takeLine(bytes, at);
      else {
        const part = bytes.subarray(at, Math.min(bytes.length, at + this.#leftBytes));
        content.push(part);
        at += part.length;
        this.#leftBytes -= part.length;
        if (this.#leftBytes === 0) this.#state = this.#isChunked ? 'data-end' : 'done';
      }
    }
    return { content, used: at };
  }

  /** One byte of a line at a time: they are short. */
  #takeLine(bytes: Uint8Array, at: number): number {
    const end = bytes.indexOf(0x0a, at);
    const upTo = end === -1 ? bytes.length : end + 1;
    this.#line += Buffer.from(bytes.subarray(at, Math.min(upTo, at + LINE_MAX_BYTES + 1))).toString('latin1');
    if (this.#line.length > LINE_MAX_BYTES) this.#state = 'broken';
    else if (end !== -1) {
      const line = this.#line;
      this.#line = '';
      if (line.endsWith('\r\n')) this.#onLine(line.slice(0, -2));
      else this.#state = 'broken';
    }
    return upTo - at;
  }

  #onLine(line: string): void {
    if (this.#state === 'data-end') this.#state = line === '' ? 'size' : 'broken';
    else if (this.#state === 'trailer') {
      this.#trailerBytes += line.length;
      if (line === '') this.#state = 'done';
      else if (this.#trailerBytes > LINE_MAX_BYTES) this.#state = 'broken';
    } else {
      const [, size] = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?$/i.exec(line) ?? [];
      this.#leftBytes = Number.parseInt(size ?? '0', 16);
      this.#state = size === undefined ? 'broken' : this.#leftBytes === 0 ? 'trailer' : 'data';
    }
  }
}

/** Of a body in chunks. Nothing for no bytes: that would end it. */
export function encodeChunk(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return bytes;
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, CRLF]);
}

export const LAST_CHUNK: Uint8Array = Buffer.from('0\r\n\r\n');
