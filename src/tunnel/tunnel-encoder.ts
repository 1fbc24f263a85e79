// One direction of one stream at the end that sends: bytes become messages of torpor-lz4.v1.
import {
  type CodedPiece,
  type Effort,
  type LinkCodec,
  MAX_PIECE_BYTES,
  type StreamEncoder,
} from '../core/link-codec.ts';
import { PIECE_PREFIX_BYTES, pieceFlags } from '../core/piece-flags.ts';
import { EffortChoice, EncoderSpeeds } from '../link/effort-choice.ts';
import { SecretLook } from '../link/secret-look.ts';
import { FLAG_MORE, FORGET, MAX_HEAD_BYTES, MAX_MESSAGE_RAW_BYTES } from './tunnel-message.ts';

/** Shorter pieces cannot shrink (an LZ4 match needs 13 bytes of block): for them alone no history is begun, nor kept. */
const MIN_SHRINKING_BYTES = 16;
/** No line is measured here: every piece goes the fast way, unless the stream does not shrink. */
const UNKNOWN_LINE = Number.POSITIVE_INFINITY;

export class TunnelEncoder {
  readonly #encoder: StreamEncoder;
  readonly #choice = new EffortChoice(new EncoderSpeeds());
  readonly #secretLook = new SecretLook();
  #isUsed = false;

  constructor(codec: LinkCodec) {
    this.#encoder = codec.openEncoder();
  }

  /** One message that holds the bytes, MAX_MESSAGE_RAW_BYTES at most. It is the caller's, and never longer than they are by more than MAX_HEAD_BYTES a piece. */
  encode(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    if (bytes.length > MAX_MESSAGE_RAW_BYTES)
      throw new RangeError(`a message of ${bytes.length} bytes is over ${MAX_MESSAGE_RAW_BYTES}`);
    const isSecret = this.#secretLook.look(bytes);
    const pieces = Math.max(1, Math.ceil(bytes.length / MAX_PIECE_BYTES));
    const message = new Uint8Array(bytes.length + pieces * MAX_HEAD_BYTES);
    let end = 0;
    for (let piece = 0; piece < pieces; piece += 1) {
      const raw = bytes.subarray(piece * MAX_PIECE_BYTES, (piece + 1) * MAX_PIECE_BYTES);
      end = putPiece(message, end, this.#code(raw, isSecret), piece + 1 < pieces);
    }
    return message.subarray(0, end);
  }

  get hasHistory(): boolean {
    return this.#encoder.hasHistory;
  }

  /**
   * To be called now and then: gives the memory back where nothing was compressed since the last call. Answers the message that tells the peer to
   * do so too, else null. An end that cannot send it may leave it: the next history says that it begins.
   */
  sweep(): Uint8Array<ArrayBuffer> | null {
    const isQuiet = !this.#isUsed;
    this.#isUsed = false;
    if (!isQuiet || !this.#encoder.hasHistory) return null;
    this.#encoder.rest();
    return Uint8Array.of(FORGET);
  }

  close(): void {
    this.#encoder.rest();
  }

  #code(raw: Uint8Array, isSecret: boolean): CodedPiece {
    const isShort = raw.length < MIN_SHRINKING_BYTES;
    const effort: Effort =
      isSecret || raw.length === 0 || (isShort && !this.#encoder.hasHistory)
        ? 'aside'
        : this.#choice.choose(UNKNOWN_LINE, false);
    const coded = this.#encoder.add(raw, effort);
    this.#choice.note(effort, raw.length, coded.bytes.length);
    if (coded.form !== 'aside' && !isShort) this.#isUsed = true;
    return coded;
  }
}

/** Writes a piece with its head at `at`; answers where it ends. */
function putPiece(message: Uint8Array, at: number, piece: CodedPiece, hasMore: boolean): number {
  const prefixBytes = piece.form === 'linked' ? PIECE_PREFIX_BYTES : 0;
  let end = at;
  message[end++] = pieceFlags(piece) | (hasMore ? FLAG_MORE : 0);
  if (hasMore) end = putU16(message, end, prefixBytes + piece.bytes.length);
  if (prefixBytes > 0) end = putU16(message, end, piece.rawBytes);
  message.set(piece.bytes, end);
  return end + piece.bytes.length;
}

function putU16(message: Uint8Array, at: number, value: number): number {
  message[at] = value >> 8;
  message[at + 1] = value & 0xff;
  return at + 2;
}
