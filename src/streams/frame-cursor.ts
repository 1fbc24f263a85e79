// Where one direction of a WebSocket is within its frames: reads their heads, skips what they carry, and keeps nothing of either.

/** Opcodes. Source: RFC 6455 section 5.2. Those not named are reserved: what they would be is another protocol's. */
const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const KNOWN: ReadonlySet<number> = new Set(Object.values(OPCODE));
const FIN = 0x80;
const MASKED = 0x80;
/** Of control frames: a longer one, or one in fragments, is forbidden. Source: RFC 6455 section 5.5. */
export const CONTROL_MAX_BYTES = 125;
/** The first two bytes tell how long a head is. */
const START_BYTES = 2;
const MASK_BYTES = 4;

/** Who sends: a client masks each frame, a server none. Source: RFC 6455 section 5.1. */
export type FrameSender = 'client' | 'server';

/**
 * Follows every byte of one direction from its first frame on. It loses its place for good (`isOver`) at a frame that the standard forbids,
 * and behind a Close, after which there is none.
 */
export class FrameCursor {
  readonly #maskBytes: number;
  #isOver = false;
  #opcode = 0;
  #seenHeadBytes = 0;
  /** Known from the second byte on. */
  #headBytes = START_BYTES;
  #leftBytes = 0;

  constructor(sender: FrameSender) {
    this.#maskBytes = sender === 'client' ? MASK_BYTES : 0;
  }

  /** Nobody knows what the next byte is. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The next byte is a frame's first. */
  get isBetweenFrames(): boolean {
    return !this.#isOver && this.#seenHeadBytes === 0;
  }

  /** Reads from `at` on to the end of a frame, or of `bytes`; answers where it stopped. */
  advance(bytes: Uint8Array, at: number): number {
    let next = at;
    while (!this.#isOver && next < bytes.length && !this.#isHeadWhole) {
      this.#readHead(bytes[next] as number);
      next += 1;
    }
    if (this.#isOver) return bytes.length;
    if (!this.#isHeadWhole) return next;
    const skipped = Math.min(this.#leftBytes, bytes.length - next);
    this.#leftBytes -= skipped;
    if (this.#leftBytes === 0) this.#endFrame();
    return next + skipped;
  }

  /** Reads all of `bytes`. */
  follow(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at = this.advance(bytes, at);
  }

  get #isHeadWhole(): boolean {
    return this.#seenHeadBytes === this.#headBytes;
  }

  #readHead(byte: number): void {
    const index = this.#seenHeadBytes;
    this.#seenHeadBytes += 1;
    if (index === 0) this.#readFirst(byte);
    else if (index === 1) this.#readSecond(byte);
    else if (index < this.#headBytes - this.#maskBytes) this.#leftBytes = this.#leftBytes * 256 + byte;
    // More than any connection carries, and than a number can count.
    if (this.#leftBytes > Number.MAX_SAFE_INTEGER) this.#isOver = true;
  }

  /** What an extension says in RSV changes no boundary. */
  #readFirst(byte: number): void {
    this.#opcode = byte & 0x0f;
    const isControl = this.#opcode >= OPCODE.close;
    if (!KNOWN.has(this.#opcode) || (isControl && (byte & FIN) === 0)) this.#isOver = true;
  }

  #readSecond(byte: number): void {
    const length = byte & 0x7f;
    const isMasked = (byte & MASKED) !== 0;
    const isControl = this.#opcode >= OPCODE.close;
    if (isMasked !== this.#maskBytes > 0 || (isControl && length > CONTROL_MAX_BYTES)) this.#isOver = true;
    const extendedBytes = length === 126 ? 2 : length === 127 ? 8 : 0;
    this.#headBytes = START_BYTES + extendedBytes + this.#maskBytes;
    this.#leftBytes = extendedBytes === 0 ? length : 0;
  }

  #endFrame(): void {
    this.#seenHeadBytes = 0;
    this.#headBytes = START_BYTES;
    if (this.#opcode === OPCODE.close) this.#isOver = true;
  }
}
