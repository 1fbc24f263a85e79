// Whether a connection's first request and its answer make it a WebSocket. Keeps what came of a head until it is whole; moves no byte.
import { readFields } from './http-fields.ts';

/** With a longer head a connection is no WebSocket to us. Servers' own bounds lie between 8 and 64 KiB. */
export const UPGRADE_HEAD_MAX_BYTES = 16 * 1024;
const NO_BYTES = Buffer.alloc(0);

type Fields = ReadonlyMap<string, string>;

/** Of one side's first head: more is to come, it is the one, or it is another. */
export class UpgradeHead {
  /** What it must begin with: whoever begins otherwise is known at the first chunk. */
  readonly #begins: Buffer;
  readonly #isRight: (firstLine: string, fields: Fields) => boolean;
  #seen = NO_BYTES;
  #state: 'more' | 'right' | 'other' = 'more';

  private constructor(begins: string, isRight: (firstLine: string, fields: Fields) => boolean) {
    this.#begins = Buffer.from(begins);
    this.#isRight = isRight;
  }

  /** RFC 6455 section 4.1. With a body, what follows would not be frames alone. */
  static ofClient(): UpgradeHead {
    return new UpgradeHead('GET ', (firstLine, fields) => {
      if (!/^GET [!-~]+ HTTP\/1\.1$/.test(firstLine) || fields.get('sec-websocket-version') !== '13') return false;
      const hasBody = fields.has('transfer-encoding') || (fields.get('content-length') ?? '0') !== '0';
      return isUpgrade(fields) && fields.has('sec-websocket-key') && !hasBody;
    });
  }

  /** RFC 6455 section 4.2.2. */
  static ofServer(): UpgradeHead {
    return new UpgradeHead('HTTP/1.1 101', (firstLine, fields) => {
      return /^HTTP\/1\.1 101( |$)/.test(firstLine) && isUpgrade(fields) && fields.has('sec-websocket-accept');
    });
  }

  get state(): 'more' | 'right' | 'other' {
    return this.#state;
  }

  /** Something else has shown that it is another. */
  giveUp(): void {
    this.#end('other');
  }

  /** Reads on; answers what lies behind the head. */
  read(chunk: Buffer): Buffer {
    if (this.#state !== 'more') return chunk;
    const before = this.#seen.length;
    const seen = Buffer.concat([this.#seen, chunk.subarray(0, UPGRADE_HEAD_MAX_BYTES - before)]);
    const beginning = Math.min(seen.length, this.#begins.length);
    const end = seen.indexOf('\r\n\r\n', Math.max(0, before - 3));
    if (seen.compare(this.#begins, 0, beginning, 0, beginning) !== 0) this.#end('other');
    else if (end >= 0) this.#judge(seen.toString('latin1', 0, end));
    else if (seen.length >= UPGRADE_HEAD_MAX_BYTES) this.#end('other');
    else this.#seen = seen;
    return end < 0 ? NO_BYTES : chunk.subarray(end + 4 - before);
  }

  #judge(text: string): void {
    const [first = '', ...lines] = text.split('\r\n');
    const fields = readFields(lines);
    this.#end(fields !== null && this.#isRight(first, fields) ? 'right' : 'other');
  }

  #end(state: 'right' | 'other'): void {
    this.#state = state;
    this.#seen = NO_BYTES;
  }
}

function isUpgrade(fields: Fields): boolean {
  return wordsOf(fields, 'upgrade').join() === 'websocket' && wordsOf(fields, 'connection').includes('upgrade');
}

function wordsOf(fields: Fields, name: string): string[] {
  return (fields.get(name) ?? '').toLowerCase().split(/[ \t]*,[ \t]*/);
}
