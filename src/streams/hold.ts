// What one stream's client sent while its target could not take it: bytes in order, then FIN or RST. Sends nothing itself.

import type { LinkEncoder } from '../core/link-pool.ts';
import { type HoldBudget, ROOM_SHARE } from './hold-budget.ts';
import { HoldChain } from './hold-chain.ts';
import { HOLD_BLOCK_BYTES, HOLD_PIECE_BYTES, type HoldCodec } from './hold-codec.ts';

/** First size of the raw tail; it doubles. Most holds are a few keystrokes, and V8 keeps so few bytes on its own heap, which costs least. */
const TAIL_START_BYTES = 64;

/** A block of its own, or a run of linked pieces that is over. */
type Block =
  | { readonly bytes: Uint8Array; readonly rawBytes: number; readonly packed: boolean }
  | { readonly chain: HoldChain };

/**
 * An ordered store: blocks, then a run of linked pieces that is still open, then a raw tail. Bytes gather in the tail; at
 * HOLD_PIECE_BYTES it becomes a piece that may repeat from those before it. Where the codec has no window for it, it grows
 * to HOLD_BLOCK_BYTES and becomes a block of its own, as do bytes that come so many at once. What LZ4 does not shrink is
 * kept as it is. `take` gives each byte once, oldest first, and its memory back with it. Bounds count stored bytes.
 * Reaching one is told by `isFull`, not refused: the chunk was read from the client already.
 */
export class Hold {
  /** Bound of this stream's stored bytes; the chunk that reaches it is kept whole. */
  readonly limitBytes: number;
  readonly #codec: HoldCodec;
  readonly #budget: Pick<HoldBudget, 'change'>;
  /** null: no piece was made yet. */
  #encoder: LinkEncoder | null = null;
  #blocks: Block[] = [];
  #chain: HoldChain | null = null;
  /** How long the tail grows. */
  #pieceBytes = HOLD_PIECE_BYTES;
  #tail: Uint8Array | null = null;
  #tailBytes = 0;
  #storedBytes = 0;
  #heldBytes = 0;
  #isFull = false;
  /** The client ended its direction after these bytes. */
  hasFin = false;
  /** The client reset the connection after these bytes, and after the FIN if there is one. */
  hasRst = false;

  constructor(codec: HoldCodec, budget: Pick<HoldBudget, 'change'>, limitBytes: number) {
    this.#codec = codec;
    this.#budget = budget;
    this.limitBytes = limitBytes;
  }

  /** Bytes as the client sent them. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The same bytes as they are kept. The raw tail lies in a buffer of up to twice its bytes, which is not counted. */
  get storedBytes(): number {
    return this.#storedBytes;
  }

  /** True from the moment the stream's bound was reached until a quarter of it is free again. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Keeps `chunk` after everything before it. Whole blocks are kept without a copy: the caller must not change them. */
  push(chunk: Uint8Array): void {
    let rest = chunk;
    while (rest.length > 0) rest = rest.subarray(this.#pushPiece(rest));
  }

  /** The oldest bytes, at most HOLD_BLOCK_BYTES, which the hold forgets now; null when none are left. */
  take(): Uint8Array | null {
    if (this.#blocks.length === 0) this.#breakChain();
    const block = this.#blocks.shift();
    if (block === undefined) return this.#takeTail();
    if ('chain' in block) {
      this.#change(-block.chain.storedBytes, -block.chain.rawBytes);
      return block.chain.restore(this.#codec.links);
    }
    this.#change(-block.bytes.length, -block.rawBytes);
    return block.packed ? this.#codec.unpack(block.bytes, block.rawBytes) : block.bytes;
  }

  /** Forgets all bytes and both marks. */
  clear(): void {
    this.#blocks = [];
    this.#chain = null;
    this.#dropTail();
    this.#encoder?.close();
    this.hasFin = false;
    this.hasRst = false;
    this.#change(-this.#storedBytes, -this.#heldBytes);
  }

  #takeTail(): Uint8Array | null {
    // Nothing is left to repeat from: the window goes back, even if more bytes follow soon.
    this.#encoder?.close();
    if (this.#tail === null) return null;
    const bytes = this.#tail.subarray(0, this.#tailBytes);
    this.#dropTail();
    this.#change(-bytes.length, -bytes.length);
    return bytes;
  }

  /** Keeps the first bytes of `chunk`, as many as end a piece or a block, and answers how many. */
  #pushPiece(chunk: Uint8Array): number {
    if (this.#tail === null && this.#chain === null && chunk.length >= HOLD_BLOCK_BYTES) {
      this.#seal(chunk.subarray(0, HOLD_BLOCK_BYTES), 0);
      return HOLD_BLOCK_BYTES;
    }
    const takenBytes = Math.min(chunk.length, this.#pieceBytes - this.#tailBytes);
    const tail = this.#tailWithRoom(this.#tailBytes + takenBytes);
    tail.set(chunk.subarray(0, takenBytes), this.#tailBytes);
    this.#tailBytes += takenBytes;
    this.#change(takenBytes, takenBytes);
    if (this.#tailBytes === HOLD_BLOCK_BYTES) this.#sealTail(tail);
    else if (this.#tailBytes === this.#pieceBytes) this.#linkTail(tail.subarray(0, this.#tailBytes));
    return takenBytes;
  }

  /** Makes the tail a linked piece. Without a window for it the tail grows on, up to a block. */
  #linkTail(tail: Uint8Array): void {
    this.#encoder ??= this.#codec.openEncoder();
    const piece = this.#encoder.add(tail);
    // The window that the open run repeats from was idle and is gone.
    if (piece === null || piece.isFirst) this.#endChain();
    if (piece === null) {
      this.#pieceBytes = HOLD_BLOCK_BYTES;
      return;
    }
    this.#chain ??= new HoldChain();
    this.#chain.add(piece, tail.length);
    this.#change(piece.bytes.length - tail.length, 0);
    this.#dropTail();
    if (!this.#chain.hasRoom(HOLD_PIECE_BYTES)) this.#breakChain();
  }

  /** Makes the open run of pieces a block, and lets the next piece begin a history. */
  #breakChain(): void {
    if (this.#chain !== null) this.#encoder?.restart();
    this.#endChain();
  }

  /** Makes the open run of pieces a block. */
  #endChain(): void {
    if (this.#chain === null) return;
    this.#chain.end();
    this.#blocks.push({ chain: this.#chain });
    this.#chain = null;
  }

  #sealTail(tail: Uint8Array): void {
    this.#dropTail();
    this.#seal(tail, tail.length);
  }

  /** Makes a block of `raw`, of which `countedBytes` are counted as kept already. */
  #seal(raw: Uint8Array, countedBytes: number): void {
    const packed = this.#codec.pack(raw);
    const bytes = packed ?? raw;
    this.#blocks.push({ bytes, rawBytes: raw.length, packed: packed !== null });
    this.#change(bytes.length - countedBytes, raw.length - countedBytes);
  }

  #tailWithRoom(bytes: number): Uint8Array {
    let capacity = this.#tail?.length ?? TAIL_START_BYTES;
    while (capacity < bytes) capacity *= 2;
    if (this.#tail === null || capacity > this.#tail.length) {
      const grown = new Uint8Array(capacity);
      if (this.#tail !== null) grown.set(this.#tail.subarray(0, this.#tailBytes));
      this.#tail = grown;
    }
    return this.#tail;
  }

  #dropTail(): void {
    this.#tail = null;
    this.#tailBytes = 0;
    this.#pieceBytes = HOLD_PIECE_BYTES;
  }

  #change(storedBytes: number, heldBytes: number): void {
    this.#storedBytes += storedBytes;
    this.#heldBytes += heldBytes;
    this.#isFull = this.#isFull
      ? this.#storedBytes > this.limitBytes * (1 - ROOM_SHARE)
      : this.#storedBytes >= this.limitBytes;
    this.#budget.change(storedBytes, heldBytes);
  }
}
