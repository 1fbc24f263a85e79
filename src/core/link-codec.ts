// Linked blocks of the streams of one compressed link: histories in tiers that both ends keep in step, three ways to send a piece, and
// a bound for all of them. Which way a piece takes is the caller's choice; holds have a pool of their own (link-pool.ts).
import { TorporError } from '../platform/errors.ts';
import { type CoreAbi, LINK_TIERS, type LinkTier } from './abi.ts';

/** The most that one piece holds. */
export const MAX_PIECE_BYTES = 32_768;
/** Longer pieces of high compression would hold up what waits behind them for more than a millisecond. */
export const MAX_HIGH_PIECE_BYTES = 16_384;

/** A busy stream's: the whole 64 KiB that LZ4 can reach back, which also follows an encoder of high compression. */
const BULK_TIER: LinkTier = {
  encoderBytes: 32 + 16_384 + 131_072,
  decoderBytes: 32 + 65_536 + MAX_PIECE_BYTES,
  windowBytes: 65_536,
  blockBytes: MAX_PIECE_BYTES,
};
/** From a stream that has just begun to a busy one; a `data` record names one by its index. */
export const LINK_CODEC_TIERS: readonly LinkTier[] = [...LINK_TIERS, BULK_TIER];
const BULK = LINK_CODEC_TIERS.length - 1;

/** aside: neither end keeps it. stored: as it is, and both histories have it. fast, high: linked blocks. */
export type PieceForm = 'aside' | 'stored' | 'linked';
export type Effort = 'aside' | 'fast' | 'high';

export interface CodedPiece {
  readonly form: PieceForm;
  readonly tier: number;
  /** The history begins with it. */
  readonly isRestart: boolean;
  /** What it restores to: both ends drop history at the same place only if they know. */
  readonly rawBytes: number;
  /** From an encoder: the piece itself or the codec's memory, to be copied before its next call. */
  readonly bytes: Uint8Array;
}

export interface LinkCodecOptions {
  /** What the histories of this end's encoders may take. */
  readonly encoderLimitBytes: number;
  /** What the histories may take that the peer's encoders make this end keep. */
  readonly decoderLimitBytes: number;
}

/** The memory of one link's codecs. The core is the link's own: nothing else allocates from it. */
export class LinkCodec {
  readonly #exports: CoreAbi;
  readonly #memory: Uint8Array;
  readonly #raw: number;
  readonly #packed: number;
  readonly #packedBytes: number;
  readonly #options: LinkCodecOptions;
  readonly #highStateBytes: number;
  /** What the peer grants to this end's encoders in decoders of its own; from its greeting. */
  peerLimitBytes = 0;
  #encoderBytes = 0;
  #decoderBytes = 0;
  #peerBytes = 0;

  /** Use `StreamCore.openLinkCodec`. */
  constructor(exports: CoreAbi, options: LinkCodecOptions) {
    this.#exports = exports;
    this.#memory = new Uint8Array(exports.memory.buffer);
    this.#options = options;
    this.#packedBytes = exports.lz4_compress_bound(MAX_PIECE_BYTES);
    this.#raw = this.#mustAllocate(MAX_PIECE_BYTES);
    this.#packed = this.#mustAllocate(this.#packedBytes);
    this.#highStateBytes = exports.lz4_hc_state_bytes(BULK_TIER.windowBytes, MAX_HIGH_PIECE_BYTES) + 65_536;
  }

  /** What this end's encoders and decoders take now. */
  get usedBytes(): number {
    return this.#encoderBytes + this.#decoderBytes;
  }

  openEncoder(): StreamEncoder {
    return new StreamEncoder(this);
  }

  openDecoder(): StreamDecoder {
    return new StreamDecoder(this);
  }

  // ------------------------------------------------------------------------------------------ for encoders and decoders

  /** The window of a tier at this end and the decoder that it costs the other; 0 where either bound leaves none. */
  takeEncoder(tier: number): number {
    const { encoderBytes, decoderBytes, windowBytes } = tierOf(tier);
    if (this.#encoderBytes + encoderBytes > this.#options.encoderLimitBytes) return 0;
    if (this.#peerBytes + decoderBytes > this.peerLimitBytes) return 0;
    const state = this.#exports.buffer_alloc(encoderBytes);
    if (state === 0) return 0;
    this.#exports.lz4_link_init(state, encoderBytes, windowBytes, 1);
    this.#encoderBytes += encoderBytes;
    this.#peerBytes += decoderBytes;
    return state;
  }

  giveEncoder(state: number, tier: number): void {
    this.#exports.buffer_free(state);
    this.#encoderBytes -= tierOf(tier).encoderBytes;
    this.#peerBytes -= tierOf(tier).decoderBytes;
  }

  takeHigh(): number {
    const decoderBytes = BULK_TIER.decoderBytes;
    if (this.#encoderBytes + this.#highStateBytes > this.#options.encoderLimitBytes) return 0;
    if (this.#peerBytes + decoderBytes > this.peerLimitBytes) return 0;
    const state = this.#exports.buffer_alloc(this.#highStateBytes);
    if (state === 0) return 0;
    this.#exports.lz4_hc_init(state, this.#highStateBytes, BULK_TIER.windowBytes);
    this.#encoderBytes += this.#highStateBytes;
    this.#peerBytes += decoderBytes;
    return state;
  }

  giveHigh(state: number): void {
    this.#exports.buffer_free(state);
    this.#encoderBytes -= this.#highStateBytes;
    this.#peerBytes -= BULK_TIER.decoderBytes;
  }

  /** A window of a larger tier, or 0, and then the smaller one stays. The history goes along, but into the largest tier. */
  growEncoder(state: number, from: number, to: number): number {
    const larger = this.takeEncoder(to);
    if (larger === 0) return 0;
    const { encoderBytes, windowBytes } = tierOf(to);
    if (to !== BULK) this.#exports.lz4_link_move(state, larger, encoderBytes, windowBytes);
    this.giveEncoder(state, from);
    return larger;
  }

  restartEncoder(state: number, isHigh: boolean): void {
    if (isHigh) this.#exports.lz4_hc_reset(state);
    else this.#exports.lz4_link_reset(state);
  }

  /** The piece as a linked block; null where it does not shrink, and then it is in the history all the same. */
  compress(state: number, piece: Uint8Array, isHigh: boolean): Uint8Array | null {
    this.#memory.set(piece, this.#raw);
    const run = isHigh ? this.#exports.lz4_hc_compress : this.#exports.lz4_link_compress;
    const bytes = run(state, this.#raw, piece.length, this.#packed, this.#packedBytes);
    if (bytes < 0 || bytes >= piece.length) return null;
    return this.#memory.subarray(this.#packed, this.#packed + bytes);
  }

  takeDecoder(tier: number): number {
    const { decoderBytes, windowBytes } = tierOf(tier);
    const state =
      this.#decoderBytes + decoderBytes > this.#options.decoderLimitBytes
        ? 0
        : this.#exports.buffer_alloc(decoderBytes);
    if (state === 0) throw new TorporError('ERR_LINK_PROTOCOL', 'the peer keeps more histories than it was granted');
    this.#exports.lz4_link_init(state, decoderBytes, windowBytes, 0);
    this.#decoderBytes += decoderBytes;
    return state;
  }

  giveDecoder(state: number, tier: number): void {
    this.#exports.buffer_free(state);
    this.#decoderBytes -= tierOf(tier).decoderBytes;
  }

  growDecoder(state: number, from: number, to: number): number {
    const larger = this.takeDecoder(to);
    const { decoderBytes, windowBytes } = tierOf(to);
    this.#exports.lz4_link_move(state, larger, decoderBytes, windowBytes);
    this.giveDecoder(state, from);
    return larger;
  }

  restartDecoder(state: number): void {
    this.#exports.lz4_link_reset(state);
  }

  append(state: number, piece: Uint8Array): void {
    this.#memory.set(piece, this.#raw);
    if (this.#exports.lz4_link_append(state, this.#raw, piece.length) < 0) throw brokenBlock();
  }

  /** The `rawBytes` to which the block restores, in the history. Throws ERR_LINK_PROTOCOL where they are not so many. */
  restore(state: number, block: Uint8Array, rawBytes: number): Uint8Array {
    if (block.length > this.#packedBytes) throw brokenBlock();
    this.#memory.set(block, this.#packed);
    const bytes = this.#exports.lz4_link_decompress(state, this.#packed, block.length, rawBytes);
    const at = bytes === rawBytes ? this.#exports.lz4_link_output(state, bytes) : 0;
    if (at === 0) throw brokenBlock();
    return this.#memory.subarray(at, at + bytes);
  }

  #mustAllocate(bytes: number): number {
    const pointer = this.#exports.buffer_alloc(bytes);
    if (pointer !== 0) return pointer;
    throw new TorporError(
      'ERR_CORE_MEMORY',
      `the link's core has no ${bytes} bytes left: load it with larger heapBytes`,
    );
  }
}

/** One direction of one stream, at the end that sends. It has memory from its first compressed piece until `rest` or `close`. */
export class StreamEncoder {
  readonly #codec: LinkCodec;
  #state = 0;
  #tier = 0;
  #isHigh = false;
  /** Of the history at work, what it has dropped included. */
  #historyBytes = 0;

  constructor(codec: LinkCodec) {
    this.#codec = codec;
  }

  /** Its memory was given back and no piece has taken some again: the peer keeps its decoder's until it is told. */
  owesForget = false;

  /** It has memory, and so has its decoder. */
  get hasHistory(): boolean {
    return this.#state !== 0;
  }

  /**
   * Codes a piece of 1 to MAX_PIECE_BYTES (`high`: MAX_HIGH_PIECE_BYTES). Where the bounds leave no memory it goes aside.
   */
  add(piece: Uint8Array, effort: Effort): CodedPiece {
    if (piece.length > (effort === 'high' ? MAX_HIGH_PIECE_BYTES : MAX_PIECE_BYTES))
      throw new RangeError(`a piece of ${piece.length} bytes is too long for ${effort}`);
    if (effort === 'aside' || !this.#prepare(effort === 'high', piece.length)) return this.#aside(piece);
    const isRestart = this.#historyBytes === 0;
    this.owesForget = false;
    this.#historyBytes += piece.length;
    const packed = this.#codec.compress(this.#state, piece, this.#isHigh);
    const tier = this.#isHigh ? BULK : this.#tier;
    const form = packed === null ? 'stored' : 'linked';
    return { form, tier, isRestart, rawBytes: piece.length, bytes: packed ?? piece };
  }

  /** Gives its memory back: the next linked piece begins a history. */
  rest(): void {
    if (this.#state !== 0) {
      if (this.#isHigh) this.#codec.giveHigh(this.#state);
      else this.#codec.giveEncoder(this.#state, this.#tier);
      this.owesForget = true;
    }
    this.#state = 0;
    this.#tier = 0;
    this.#historyBytes = 0;
  }

  /** What went aside is in no history: the next linked piece begins one. */
  #aside(piece: Uint8Array): CodedPiece {
    if (this.#historyBytes > 0) {
      this.#codec.restartEncoder(this.#state, this.#isHigh);
      this.#historyBytes = 0;
    }
    return { form: 'aside', tier: 0, isRestart: false, rawBytes: piece.length, bytes: piece };
  }

  #prepare(isHigh: boolean, bytes: number): boolean {
    if (this.#state !== 0 && this.#isHigh !== isHigh) this.rest();
    this.#isHigh = isHigh;
    if (isHigh) {
      if (this.#state === 0) this.#state = this.#codec.takeHigh();
      return this.#state !== 0;
    }
    this.#tier = this.#state === 0 ? smallestFor(bytes) : this.#tier;
    if (this.#state === 0) this.#state = this.#codec.takeEncoder(this.#tier);
    if (this.#state === 0) return false;
    const { windowBytes, blockBytes } = tierOf(this.#tier);
    const wantsMore = this.#historyBytes + bytes > windowBytes + blockBytes || bytes > blockBytes;
    if (!wantsMore || this.#tier === BULK) return true;
    const next = Math.max(this.#tier + 1, smallestFor(bytes));
    const larger = this.#codec.growEncoder(this.#state, this.#tier, next);
    if (larger === 0) return bytes <= blockBytes;
    this.#state = larger;
    this.#tier = next;
    if (next === BULK) this.#historyBytes = 0;
    return true;
  }
}

/** One direction of one stream, at the end that receives. */
export class StreamDecoder {
  readonly #codec: LinkCodec;
  #state = 0;
  #tier = 0;

  constructor(codec: LinkCodec) {
    this.#codec = codec;
  }

  /**
   * The piece's bytes: its own or, of a linked one, the codec's memory, to be copied before its next call. Throws ERR_LINK_PROTOCOL
   * where it cannot be one.
   */
  add(piece: CodedPiece): Uint8Array {
    if (piece.form === 'aside') return piece.bytes;
    if (piece.rawBytes === 0 || piece.rawBytes > (LINK_CODEC_TIERS[piece.tier]?.blockBytes ?? 0)) throw brokenBlock();
    this.#follow(piece);
    if (piece.form === 'linked') return this.#codec.restore(this.#state, piece.bytes, piece.rawBytes);
    this.#codec.append(this.#state, piece.bytes);
    return piece.bytes;
  }

  /** The peer has forgotten the history. */
  rest(): void {
    if (this.#state !== 0) this.#codec.giveDecoder(this.#state, this.#tier);
    this.#state = 0;
  }

  #follow({ tier, isRestart }: CodedPiece): void {
    if (this.#state !== 0 && isRestart && tier !== this.#tier) this.rest();
    if (this.#state === 0) {
      if (!isRestart) throw brokenBlock();
      this.#state = this.#codec.takeDecoder(tier);
    } else if (isRestart) {
      this.#codec.restartDecoder(this.#state);
    } else if (tier !== this.#tier) {
      if (tier < this.#tier) throw brokenBlock();
      this.#state = this.#codec.growDecoder(this.#state, this.#tier, tier);
    }
    this.#tier = tier;
  }
}

function tierOf(tier: number): LinkTier {
  return LINK_CODEC_TIERS[tier] as LinkTier;
}

function smallestFor(bytes: number): number {
  return LINK_CODEC_TIERS.findIndex(({ blockBytes }) => bytes <= blockBytes);
}

function brokenBlock(): TorporError {
  return new TorporError('ERR_LINK_PROTOCOL', 'a block of the link does not restore: one of its ends is faulty');
}
