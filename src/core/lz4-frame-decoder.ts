// Reads LZ4 frames, one after another, from bytes that come in chunks, in constant memory; safe on any input. Leaves where
// bytes come from and go to others. Source: LZ4 Frame Format Description (lz4_Frame_format.md).
import { STATUS_LZ4_BAD_OFFSET, STATUS_LZ4_OUTPUT_TOO_SMALL } from './abi.ts';
import { FrameMemory } from './frame-memory.ts';
import type { WasmBytes } from './load.ts';
import {
  BLOCK_BYTES_BY_ID,
  FRAME_MAGIC,
  type FrameHeader,
  frameError,
  LEGACY_MAGIC,
  type Lz4Dictionary,
  parseFrameHeader,
  restOfHeaderBytes,
  SKIPPABLE_MAGIC,
  STORED_BIT,
  WINDOW_BYTES,
} from './lz4-frame-format.ts';

export interface Lz4FrameDecoderOptions {
  readonly dictionary?: Lz4Dictionary;
  readonly wasm?: WasmBytes;
}

/** A decoder's header before its window, and room so that the window slides only now and then. */
const LINK_EXTRA_BYTES = 32 + 4 * WINDOW_BYTES;
const MAGIC_BYTES = 4;
const HEADER_ROOM_BYTES = 32;

/** Takes exactly the bytes it waits for; answers content, or null. */
type Stage = (bytes: Uint8Array) => Uint8Array | null;

/** Any number of frames in a row. Feed `push`, then `end` once, which tells whether the last frame was whole. */
export class Lz4FrameDecoder {
  readonly #memory: FrameMemory;
  readonly #dictionary: Uint8Array;
  readonly #dictionaryId: number | undefined;
  /** Room for one block of the frame at work. */
  #input = 0;
  /** What a stage waits for; grows to the largest block of a frame and its checksum, at most. */
  #held = new Uint8Array(HEADER_ROOM_BYTES);
  #heldBytes = 0;
  #wantedBytes = MAGIC_BYTES;
  #skipBytes = 0;
  #stage: Stage = (bytes) => this.#readMagic(bytes);
  #header: FrameHeader | null = null;
  #frames = 0;
  #link = 0;
  #contentHash = 0;
  #contentBytes = 0;

  constructor(memory: FrameMemory, dictionary?: Lz4Dictionary) {
    this.#memory = memory;
    this.#dictionary = (dictionary?.bytes ?? new Uint8Array(0)).slice(-WINDOW_BYTES);
    this.#dictionaryId = dictionary?.id;
    this.#contentHash = memory.startXxh32();
  }

  /** Throws ERR_CORE_LOAD and ERR_CORE_ABI as `loadCore` does. */
  static async create(options: Lz4FrameDecoderOptions = {}): Promise<Lz4FrameDecoder> {
    return new Lz4FrameDecoder(await FrameMemory.create(options.wasm), options.dictionary);
  }

  /** Takes bytes of any length; yields content. Throws ERR_LZ4_FRAME; the decoder is of no use after that. */
  *push(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
    let at = 0;
    while (at < chunk.length) {
      const skipped = Math.min(this.#skipBytes, chunk.length - at);
      this.#skipBytes -= skipped;
      at += skipped;
      const part = chunk.subarray(at, at + this.#wantedBytes - this.#heldBytes);
      this.#held.set(part, this.#heldBytes);
      this.#heldBytes += part.length;
      at += part.length;
      while (this.#heldBytes === this.#wantedBytes) {
        this.#heldBytes = 0;
        const content = this.#stage(this.#held.subarray(0, this.#wantedBytes));
        if (content !== null && content.length > 0) yield content;
      }
    }
  }

  /** Throws ERR_LZ4_FRAME where the input ended within a frame, or held none. */
  end(): void {
    if (this.#frames === 0 && this.#header === null && this.#heldBytes === 0 && this.#skipBytes === 0) {
      throw frameError('there is no input', 'give it what an LZ4 compressor wrote');
    }
    if (this.#header === null && this.#heldBytes === 0 && this.#skipBytes === 0 && this.#wantedBytes === MAGIC_BYTES)
      return;
    throw frameError('the input ends within a frame', 'it was cut short: copy or send it again');
  }

  /** Gives the buffers back to a memory that others use too. The decoder is of no use after that. */
  release(): void {
    for (const pointer of [this.#input, this.#contentHash, this.#link]) {
      if (pointer !== 0) this.#memory.exports.buffer_free(pointer);
    }
  }

  #await(wantedBytes: number, stage: Stage): null {
    this.#wantedBytes = wantedBytes;
    this.#stage = stage;
    return null;
  }

  #awaitMagic(): null {
    this.#header = null;
    this.#frames += 1;
    return this.#await(MAGIC_BYTES, (bytes) => this.#readMagic(bytes));
  }

  #readMagic(bytes: Uint8Array): null {
    const magic = readU32(bytes, 0);
    if (magic === FRAME_MAGIC) {
      return this.#await(2, (flags) => {
        const start = flags.slice();
        return this.#await(restOfHeaderBytes(start[0] as number), (rest) => this.#readHeader(start, rest));
      });
    }
    if ((magic & 0xffff_fff0) >>> 0 === SKIPPABLE_MAGIC) {
      return this.#await(4, (size) => {
        this.#skipBytes = readU32(size, 0);
        return this.#awaitMagic();
      });
    }
    if (magic === LEGACY_MAGIC) {
      throw frameError(
        'it is of the legacy format (lz4 -l), which has no end mark and no checksums',
        'restore it with "lz4 -d" and compress it again as a frame',
      );
    }
    const where =
      this.#frames === 0 ? 'it does not begin with' : `after frame ${this.#frames} there is no end but also no`;
    throw frameError(`${where} the magic number of a frame (0x${magic.toString(16).padStart(8, '0')})`);
  }

  #readHeader(start: Uint8Array, rest: Uint8Array): null {
    const header = parseFrameHeader(Uint8Array.of(...start, ...rest), this.#memory.xxh32);
    if (header.dictionaryId !== undefined && (this.#dictionary.length === 0 || this.#isForeign(header.dictionaryId))) {
      throw frameError(`it needs the dictionary ${header.dictionaryId}`, 'give the decoder that dictionary');
    }
    this.#header = header;
    this.#contentBytes = 0;
    this.#memory.exports.xxh32_init(this.#contentHash, 0);
    this.#openWindow(header);
    return this.#awaitBlock();
  }

  #isForeign(dictionaryId: number): boolean {
    return this.#dictionaryId !== undefined && this.#dictionaryId !== dictionaryId;
  }

  #openWindow(header: FrameHeader): void {
    const { exports } = this.#memory;
    const stateBytes = LINK_EXTRA_BYTES + WINDOW_BYTES + blockBytesOf(header);
    if (this.#link !== 0) exports.buffer_free(this.#link);
    if (this.#input !== 0) exports.buffer_free(this.#input);
    this.#input = this.#memory.allocate(blockBytesOf(header));
    if (this.#held.length < blockBytesOf(header) + 4) this.#held = new Uint8Array(blockBytesOf(header) + 4);
    this.#link = this.#memory.allocate(stateBytes);
    exports.lz4_link_init(this.#link, stateBytes, WINDOW_BYTES, 0);
    this.#forgetHistory();
  }

  /** Back to the dictionary, or to nothing: how each independent block, and each frame, begins. */
  #forgetHistory(): void {
    const { exports, bytes } = this.#memory;
    exports.lz4_link_reset(this.#link);
    if (this.#dictionary.length === 0) return;
    bytes.set(this.#dictionary, this.#input);
    exports.lz4_link_append(this.#link, this.#input, this.#dictionary.length);
  }

  #awaitBlock(): null {
    return this.#await(4, (bytes) => this.#readBlockSize(bytes));
  }

  #readBlockSize(bytes: Uint8Array): null {
    const header = this.#header as FrameHeader;
    const size = readU32(bytes, 0);
    if (size === 0) {
      if (!header.contentChecksum) return this.#finishFrame();
      return this.#await(4, (checksum) => {
        const hash = this.#memory.exports.xxh32_digest(this.#contentHash) >>> 0;
        if (readU32(checksum, 0) !== hash) throw frameError('the checksum of its content does not match');
        return this.#finishFrame();
      });
    }
    const blockBytes = size % STORED_BIT;
    if (blockBytes > blockBytesOf(header)) {
      throw frameError(`a block of ${blockBytes} bytes is larger than its header allows (${blockBytesOf(header)})`);
    }
    const stored = size >= STORED_BIT;
    return this.#await(blockBytes + (header.blockChecksums ? 4 : 0), (block) =>
      this.#readBlock(block, blockBytes, stored),
    );
  }

  #readBlock(block: Uint8Array, blockBytes: number, stored: boolean): Uint8Array {
    const header = this.#header as FrameHeader;
    const { exports, bytes } = this.#memory;
    if (!header.linked) this.#forgetHistory();
    bytes.set(block.subarray(0, blockBytes), this.#input);
    if (header.blockChecksums && readU32(block, blockBytes) !== this.#memory.xxh32At(this.#input, blockBytes)) {
      throw frameError('the checksum of a block does not match');
    }
    const restored = stored
      ? exports.lz4_link_append(this.#link, this.#input, blockBytes) || blockBytes
      : exports.lz4_link_decompress(this.#link, this.#input, blockBytes, blockBytesOf(header));
    if (restored < 0) throw blockError(restored);
    const at = exports.lz4_link_output(this.#link, restored);
    this.#contentBytes += restored;
    if (header.contentBytes !== undefined && this.#contentBytes > header.contentBytes) throw this.#sizeError(header);
    if (header.contentChecksum) this.#addToChecksum(at, restored);
    this.#awaitBlock();
    return this.#memory.copyOut(at, restored);
  }

  #addToChecksum(at: number, bytes: number): void {
    this.#memory.exports.xxh32_update(this.#contentHash, at, bytes);
  }

  #finishFrame(): null {
    const header = this.#header as FrameHeader;
    if (header.contentBytes !== undefined && header.contentBytes !== this.#contentBytes) throw this.#sizeError(header);
    return this.#awaitMagic();
  }

  #sizeError(header: FrameHeader): Error {
    return frameError(`its header tells ${header.contentBytes} bytes of content, and ${this.#contentBytes} came`);
  }
}

function blockBytesOf(header: FrameHeader): number {
  return BLOCK_BYTES_BY_ID[header.blockSizeId] as number;
}

function blockError(status: number): Error {
  if (status === STATUS_LZ4_BAD_OFFSET) {
    return frameError(
      'a block repeats from before its history',
      'the data is damaged, or was written with a dictionary: give the decoder that one',
    );
  }
  if (status === STATUS_LZ4_OUTPUT_TOO_SMALL) return frameError('a block restores to more than its header allows');
  return frameError(`a block is damaged (status ${status})`);
}

function readU32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true);
}
