// A run of linked pieces of one hold, compressed one behind the other in one buffer. Decides neither where pieces end nor when
// a run does.
import { type LinkedPiece, type LinkPool, MAX_CHAIN_BYTES } from '../core/link-pool.ts';

/** First size of the buffer; it doubles as pieces come. */
const START_BYTES = 512;

/** At most MAX_CHAIN_BYTES of pieces. The first one begins a history, so that the run is restored by itself. */
export class HoldChain {
  #packed = new Uint8Array(START_BYTES);
  readonly #sizes: number[] = [];
  #storedBytes = 0;
  #rawBytes = 0;

  /** Bytes of its pieces as they are kept. The buffer has up to twice as many. */
  get storedBytes(): number {
    return this.#storedBytes;
  }

  /** The same bytes before they were compressed. */
  get rawBytes(): number {
    return this.#rawBytes;
  }

  /** Whether a piece of so many bytes may follow. */
  hasRoom(rawBytes: number): boolean {
    return this.#rawBytes + rawBytes <= MAX_CHAIN_BYTES;
  }

  add(piece: LinkedPiece, rawBytes: number): void {
    const { bytes, isStored } = piece;
    const endBytes = this.#storedBytes + bytes.length;
    if (endBytes > this.#packed.length) this.#resize(Math.max(endBytes, 2 * this.#packed.length));
    this.#packed.set(bytes, this.#storedBytes);
    this.#sizes.push(isStored ? -bytes.length : bytes.length);
    this.#storedBytes = endBytes;
    this.#rawBytes += rawBytes;
  }

  /** No piece follows: the buffer is cut to what it holds. */
  end(): void {
    this.#resize(this.#storedBytes);
  }

  /** The bytes of all pieces. Throws ERR_LZ4_MALFORMED where they are not what was kept. */
  restore(links: LinkPool): Uint8Array {
    return links.restore(this.#packed.subarray(0, this.#storedBytes), this.#sizes, this.#rawBytes);
  }

  #resize(bytes: number): void {
    const packed = new Uint8Array(bytes);
    packed.set(this.#packed.subarray(0, this.#storedBytes));
    this.#packed = packed;
  }
}
