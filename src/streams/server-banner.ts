// The banner with which an RFB server begins: remembered per listener, served to clients of a sleeper, and taken out of what the
// real server sends to a client that has it already. Opens and ends no connection.

/** RFB ProtocolVersion: exactly 12 bytes. Source: RFC 6143 section 7.1.1. */
export const BANNER_BYTES = 12;
const RFB_VERSION = /^RFB \d{3}\.\d{3}\n$/;

/** What the server behind one listener was last seen to begin with; null while that is not known, or was no RFB banner. */
export class BannerMemory {
  #banner: Buffer | null = null;

  get banner(): Buffer | null {
    return this.#banner;
  }

  /** Takes note of the first BANNER_BYTES of a connection to the server. */
  learn(first: Buffer): void {
    this.#banner = RFB_VERSION.test(first.toString('latin1')) ? Buffer.from(first) : null;
  }
}

/** One stream's part: at most one banner served, and then exactly those bytes taken from the server's, whatever its chunks. */
export class ServerBanner {
  readonly #memory: BannerMemory | null;
  /** First bytes of the server, until they are a whole banner. */
  #first: Buffer | null = Buffer.alloc(0);
  #served: Buffer | null = null;

  /** null: this listener serves none, and everything passes. */
  constructor(memory: BannerMemory | null) {
    this.#memory = memory;
    if (memory === null) this.#first = null;
  }

  /** The banner to write to the client now, once; null where none is known. */
  serve(): Buffer | null {
    this.#served = this.#memory?.banner ?? null;
    return this.#served;
  }

  /** What of the server's chunk is for the client; null where the server begins otherwise than the client was told. */
  pass(chunk: Buffer): Buffer | null {
    if (this.#first === null) return chunk;
    const before = this.#first.length;
    this.#first = Buffer.concat([this.#first, chunk.subarray(0, BANNER_BYTES - before)]);
    if (this.#served !== null && !this.#served.subarray(0, this.#first.length).equals(this.#first)) {
      this.#forgetWrong();
      return null;
    }
    const rest = this.#served === null ? chunk : chunk.subarray(this.#first.length - before);
    if (this.#first.length === BANNER_BYTES) {
      this.#memory?.learn(this.#first);
      this.#first = null;
    }
    return rest;
  }

  /** Better none than a wrong one: the next connection that is let through shows what the server says now. */
  #forgetWrong(): void {
    this.#memory?.learn(Buffer.alloc(0));
    this.#first = null;
  }
}
