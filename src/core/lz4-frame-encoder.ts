// Writes one LZ4 frame from content that comes in chunks, in constant memory. Leaves where bytes come from and go to others.
// Source: LZ4 Frame Format Description (lz4_Frame_format.md).
import { TorporError } from '../platform/errors.ts';
import type { CoreAbi } from './abi.ts';
import { FrameMemory } from './frame-memory.ts';
import type { WasmBytes } from './load.ts';
import {
  BLOCK_BYTES_BY_ID,
  encodeFrameHeader,
  type FrameHeader,
  type Lz4Dictionary,
  STORED_BIT,
  WINDOW_BYTES,
} from './lz4-frame-format.ts';

/** How a frame is written. Default: independent blocks of 4 MiB and a checksum of the content, as the tool `lz4` does. */
export type Lz4FrameOptions = Partial<Omit<FrameHeader, 'dictionaryId'>> & {
  readonly effort?: Lz4Effort;
  /** Whoever restores the frame needs the same one. Independent blocks begin with it each, linked ones once. */
  readonly dictionary?: Lz4Dictionary;
  readonly wasm?: WasmBytes;
};

/** `fast` (default), or `high`: smaller, at a tenth of the speed or less. Decoders do not see a difference. */
export type Lz4Effort = 'fast' | 'high';

/** An encoder's 32 bytes and table before its window, and room so that the window slides only now and then. */
const LINK_FIXED_BYTES = 32 + 16 * 1024;
const LINK_EXTRA_BYTES = LINK_FIXED_BYTES + 4 * WINDOW_BYTES;

/** The fast search remembers every place only at a block's beginning, so it is shown a dictionary in blocks that are hardly more. */
const DICTIONARY_PIECE_BYTES = 64;

/** One frame. Feed `push`, then `end` once; all answers are to be written in order. */
export class Lz4FrameEncoder {
  readonly #memory: FrameMemory;
  readonly #header: FrameHeader;
  readonly #blockBytes: number;
  readonly #input: number;
  readonly #output: number;
  /** State of linked blocks, of high compression, or of a dictionary; 0 where independent blocks are made fast without one. */
  readonly #state: number;
  /** A copy of the state as it was with the dictionary in it, from which each independent block begins. */
  #primed = 0;
  #primedBytes = 0;
  /** A block may repeat from what lies before it: from other blocks, or from a dictionary. */
  readonly #hasHistory: boolean;
  readonly #compress: CoreAbi['lz4_compress_block'];
  readonly #contentHash: number;
  #inputBytes = 0;
  #contentBytes = 0;
  #headerSent = false;

  constructor(memory: FrameMemory, header: FrameHeader, effort: Lz4Effort = 'fast', dictionary?: Uint8Array) {
    this.#memory = memory;
    this.#header = header;
    this.#hasHistory = header.linked || (dictionary !== undefined && dictionary.length > 0);
    this.#blockBytes = BLOCK_BYTES_BY_ID[header.blockSizeId] as number;
    this.#input = memory.allocate(this.#blockBytes);
    this.#output = memory.allocate(this.#blockBytes);
    this.#contentHash = memory.startXxh32();
    [this.#state, this.#compress] = effort === 'high' ? this.#openHigh() : this.#openFast();
    if (dictionary !== undefined && dictionary.length > 0)
      this.#takeDictionary(dictionary.subarray(-WINDOW_BYTES), effort);
  }

  /** Throws ERR_CORE_LOAD and ERR_CORE_ABI as `loadCore` does. */
  static async create(options: Lz4FrameOptions = {}): Promise<Lz4FrameEncoder> {
    const { wasm, effort, dictionary, ...chosen } = options;
    const header = {
      blockSizeId: 7,
      linked: false,
      blockChecksums: false,
      contentChecksum: true,
      ...chosen,
      ...(dictionary?.id === undefined ? {} : { dictionaryId: dictionary.id }),
    } as const;
    return new Lz4FrameEncoder(await FrameMemory.create(wasm), header, effort, dictionary?.bytes);
  }

  /** Takes content of any length; yields what is complete. */
  *push(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
    yield* this.#sendHeader();
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + this.#blockBytes - this.#inputBytes);
      this.#memory.bytes.set(part, this.#input + this.#inputBytes);
      this.#inputBytes += part.length;
      at += part.length;
      if (this.#inputBytes === this.#blockBytes) yield this.#takeBlock();
    }
  }

  /** Yields what is left and the end mark. Throws ERR_LZ4_FRAME where the content is not as long as was told. */
  *end(): Generator<Uint8Array, void, undefined> {
    yield* this.#sendHeader();
    if (this.#inputBytes > 0) yield this.#takeBlock();
    const { contentBytes, contentChecksum } = this.#header;
    if (contentBytes !== undefined && contentBytes !== this.#contentBytes) {
      throw new TorporError(
        'ERR_LZ4_FRAME',
        `could not finish an LZ4 frame: its header tells ${contentBytes} bytes of content, ${this.#contentBytes} came; tell the true size or none`,
      );
    }
    const tail = new DataView(new ArrayBuffer(contentChecksum ? 8 : 4));
    if (contentChecksum) tail.setInt32(4, this.#memory.exports.xxh32_digest(this.#contentHash), true);
    yield new Uint8Array(tail.buffer);
  }

  /** Gives the buffers back to a memory that others use too. The encoder is of no use after that. */
  release(): void {
    for (const pointer of [this.#input, this.#output, this.#contentHash, this.#state, this.#primed]) {
      if (pointer !== 0) this.#memory.exports.buffer_free(pointer);
    }
  }

  #openFast(): [number, CoreAbi['lz4_compress_block']] {
    const { lz4_compress_block, lz4_link_init, lz4_link_compress } = this.#memory.exports;
    if (!this.#hasHistory) return [0, lz4_compress_block];
    const stateBytes = LINK_EXTRA_BYTES + WINDOW_BYTES + this.#blockBytes;
    const state = this.#memory.allocate(stateBytes);
    lz4_link_init(state, stateBytes, WINDOW_BYTES, 1);
    return [state, (...ranges) => lz4_link_compress(state, ...ranges)];
  }

  #openHigh(): [number, CoreAbi['lz4_compress_block']] {
    const { lz4_hc_state_bytes, lz4_hc_init, lz4_hc_compress } = this.#memory.exports;
    const windowBytes = this.#hasHistory ? WINDOW_BYTES : 0;
    const stateBytes = lz4_hc_state_bytes(windowBytes, this.#blockBytes);
    const state = this.#memory.allocate(stateBytes);
    lz4_hc_init(state, stateBytes, windowBytes);
    return [state, (...ranges) => lz4_hc_compress(state, ...ranges)];
  }

  /**
   * Makes the dictionary the history, by compressing it to nowhere: so it enters the encoder's tables too. What the state holds then
   * is kept for the blocks that follow, where they are independent.
   */
  #takeDictionary(dictionary: Uint8Array, effort: Lz4Effort): void {
    const { bytes, exports } = this.#memory;
    bytes.set(dictionary, this.#input);
    const pieceBytes = effort === 'high' ? dictionary.length : DICTIONARY_PIECE_BYTES;
    for (let at = 0; at < dictionary.length; at += pieceBytes) {
      const length = Math.min(pieceBytes, dictionary.length - at);
      this.#compress(this.#input + at, length, this.#output, this.#blockBytes);
    }
    if (this.#header.linked) return;
    const fixedBytes = effort === 'high' ? exports.lz4_hc_state_bytes(0, 0) : LINK_FIXED_BYTES;
    this.#primedBytes = fixedBytes + dictionary.length;
    this.#primed = this.#memory.allocate(this.#primedBytes);
    bytes.copyWithin(this.#primed, this.#state, this.#state + this.#primedBytes);
  }

  *#sendHeader(): Generator<Uint8Array, void, undefined> {
    if (this.#headerSent) return;
    this.#headerSent = true;
    yield encodeFrameHeader(this.#header, this.#memory.xxh32);
  }

  /** One block: size, bytes, checksum. Content that does not shrink is stored. */
  #takeBlock(): Uint8Array {
    const memory = this.#memory;
    const { exports } = memory;
    const rawBytes = this.#inputBytes;
    this.#inputBytes = 0;
    this.#contentBytes += rawBytes;
    if (this.#header.contentChecksum) exports.xxh32_update(this.#contentHash, this.#input, rawBytes);
    if (this.#primed !== 0) memory.bytes.copyWithin(this.#state, this.#primed, this.#primed + this.#primedBytes);
    const packedBytes = this.#compress(this.#input, rawBytes, this.#output, rawBytes - 1);
    const stored = packedBytes < 0;
    const [from, bytes] = stored ? [this.#input, rawBytes] : [this.#output, packedBytes];
    const block = new Uint8Array(4 + bytes + (this.#header.blockChecksums ? 4 : 0));
    const view = new DataView(block.buffer);
    view.setUint32(0, stored ? bytes + STORED_BIT : bytes, true);
    block.set(memory.bytes.subarray(from, from + bytes), 4);
    if (this.#header.blockChecksums) view.setUint32(4 + bytes, memory.xxh32At(from, bytes), true);
    return block;
  }
}
