// One direction of one stream at the end that receives: messages of torpor-lz4.v1 become bytes, or an error.
import { type CodedPiece, type LinkCodec, MAX_PIECE_BYTES, type StreamDecoder } from '../core/link-codec.ts';
import { PIECE_PREFIX_BYTES, readPieceFlags } from '../core/piece-flags.ts';
import { FLAG_MORE, FORGET, MAX_MESSAGE_RAW_BYTES, malformed, RESERVED_FLAGS } from './tunnel-message.ts';

const SIZE_BYTES = 2;

export class TunnelDecoder {
  readonly #decoder: StreamDecoder;

  constructor(codec: LinkCodec) {
    this.#decoder = codec.openDecoder();
  }

  /**
   * The stream's bytes in one message, MAX_MESSAGE_RAW_BYTES at most, which are the caller's; none where the message is about the history only.
   * Throws ERR_LINK_PROTOCOL where it is no message, and must not be asked again then: histories are out of step.
   */
  decode(message: Uint8Array): Uint8Array<ArrayBuffer> {
    if (message.length === 1 && message[0] === FORGET) {
      this.#decoder.rest();
      return new Uint8Array(0);
    }
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let rawBytes = 0;
    for (let at: number | null = 0; at !== null; ) {
      const { piece, nextAt } = readPiece(message, at);
      rawBytes += piece.rawBytes;
      if (rawBytes > MAX_MESSAGE_RAW_BYTES) throw malformed(`a message of more than ${MAX_MESSAGE_RAW_BYTES} bytes`);
      // A copy: what the decoder answers is the message's or the codec's memory.
      parts.push(new Uint8Array(this.#decoder.add(piece)));
      at = nextAt;
    }
    return parts.length === 1 ? (parts[0] as Uint8Array<ArrayBuffer>) : join(parts, rawBytes);
  }

  close(): void {
    this.#decoder.rest();
  }
}

/** The piece that begins at `at`, and where the next one does. */
function readPiece(message: Uint8Array, at: number): { piece: CodedPiece; nextAt: number | null } {
  const flags = message[at];
  const head = flags === undefined ? null : readPieceFlags(flags);
  if (flags === undefined || head === null || (flags & RESERVED_FLAGS) !== 0) throw malformed('a piece without a head');
  const hasMore = (flags & FLAG_MORE) !== 0;
  const start = at + 1 + (hasMore ? SIZE_BYTES : 0);
  const end = hasMore ? start + readU16(message, at + 1) : message.length;
  if (end > message.length) throw malformed('a piece that is cut');
  const isLinked = head.form === 'linked';
  const bytes = message.subarray(start + (isLinked ? PIECE_PREFIX_BYTES : 0), end);
  const rawBytes = isLinked ? readU16(message, start) : bytes.length;
  if (rawBytes > MAX_PIECE_BYTES) throw malformed(`a piece of ${rawBytes} bytes`);
  if (isLinked && bytes.length === 0) throw malformed('a linked block without bytes');
  return { piece: { ...head, rawBytes, bytes }, nextAt: hasMore ? end : null };
}

function readU16(message: Uint8Array, at: number): number {
  const high = message[at];
  const low = message[at + 1];
  if (high === undefined || low === undefined) throw malformed('a head that is cut');
  return (high << 8) | low;
}

function join(parts: readonly Uint8Array[], bytes: number): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
