// Cuts one direction of a stream into messages, wherever its chunks end: a header of known size, then a payload that is passed over.
// Knows no protocol, and keeps at most one header.

/** The largest header of the protocols: iSCSI's basic header segment. */
export const HEADER_MAX_BYTES = 48;

/**
 * Judges the header that has come so far, exactly as many bytes as it asked for. Answers how long the message is in all, at least as
 * long as the header; or, below zero, how many bytes of it must be there first; or null, where this is none of the protocol's.
 */
export type StepMessage = (header: DataView) => number | null;

/** Is shown a message's payload, piece by piece. */
export type SeePayload = (piece: Uint8Array) => void;

export class MessageReader {
  readonly #step: StepMessage;
  readonly #seePayload: SeePayload | null;
  readonly #header = new Uint8Array(HEADER_MAX_BYTES);
  #headerBytes = 0;
  #neededBytes: number;
  readonly #firstBytes: number;
  #payloadBytes = 0;
  #isLost = false;

  /** `firstBytes`: of each header, before it is judged first. */
  constructor(firstBytes: number, step: StepMessage, seePayload: SeePayload | null = null) {
    this.#firstBytes = firstBytes;
    this.#neededBytes = firstBytes;
    this.#step = step;
    this.#seePayload = seePayload;
  }

  /** Part of a message has come, and part is missing. */
  get isWithin(): boolean {
    return this.#headerBytes > 0 || this.#payloadBytes > 0;
  }

  /** False from the first message on that is none. */
  read(chunk: Uint8Array): boolean {
    let at = 0;
    while (at < chunk.length && !this.#isLost) {
      at += this.#payloadBytes > 0 ? this.#pass(chunk, at) : this.#collect(chunk, at);
    }
    return !this.#isLost;
  }

  #pass(chunk: Uint8Array, at: number): number {
    const taken = Math.min(this.#payloadBytes, chunk.length - at);
    this.#seePayload?.(chunk.subarray(at, at + taken));
    this.#payloadBytes -= taken;
    return taken;
  }

  #collect(chunk: Uint8Array, at: number): number {
    const taken = Math.min(this.#neededBytes - this.#headerBytes, chunk.length - at);
    this.#header.set(chunk.subarray(at, at + taken), this.#headerBytes);
    this.#headerBytes += taken;
    if (this.#headerBytes === this.#neededBytes) this.#judge();
    return taken;
  }

  #judge(): void {
    const answer = this.#step(new DataView(this.#header.buffer, 0, this.#headerBytes));
    if (answer === null) {
      this.#isLost = true;
    } else if (answer < 0) {
      this.#neededBytes = -answer;
    } else {
      this.#payloadBytes = answer - this.#headerBytes;
      this.#headerBytes = 0;
      this.#neededBytes = this.#firstBytes;
    }
  }
}
