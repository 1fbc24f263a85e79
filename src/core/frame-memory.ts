// The module's memory as the frame codecs use it: an instance of their own, fixed buffers, checksums. Knows nothing of frames.
import { TorporError } from '../platform/errors.ts';
import type { CoreAbi } from './abi.ts';
import { instantiateCore, type WasmBytes } from './load.ts';

/** Holds what the largest frame needs: three blocks of 4 MiB, a window, the tables. Touched only as used. */
const HEAP_BYTES = 16 * 1024 * 1024;
const XXH32_STATE_BYTES = 64;
/** Piece in which bytes are shown to a checksum. */
const PIECE_BYTES = 64 * 1024;

/** One instance for one codec: what it holds is bounded by HEAP_BYTES, whatever passes through. */
export class FrameMemory {
  readonly exports: CoreAbi;
  readonly bytes: Uint8Array;
  readonly #piece: number;

  constructor(exports: CoreAbi) {
    this.exports = exports;
    exports.init(1, HEAP_BYTES);
    this.bytes = new Uint8Array(exports.memory.buffer);
    this.#piece = this.allocate(PIECE_BYTES);
  }

  /** Throws ERR_CORE_LOAD and ERR_CORE_ABI as `loadCore` does. */
  static async create(wasm?: WasmBytes): Promise<FrameMemory> {
    return new FrameMemory(await instantiateCore(wasm));
  }

  allocate(bytes: number): number {
    const pointer = this.exports.buffer_alloc(bytes);
    if (pointer !== 0) return pointer;
    throw new TorporError('ERR_CORE_MEMORY', `no ${bytes} bytes are left for an LZ4 frame in ${HEAP_BYTES} bytes`);
  }

  copyOut(pointer: number, bytes: number): Uint8Array {
    return this.bytes.slice(pointer, pointer + bytes);
  }

  /** A checksum that content is added to. */
  startXxh32(): number {
    const state = this.allocate(XXH32_STATE_BYTES);
    this.exports.xxh32_init(state, 0);
    return state;
  }

  /** XXH32 of bytes outside the module. */
  readonly xxh32 = (bytes: Uint8Array): number => {
    const state = this.startXxh32();
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      this.bytes.set(piece, this.#piece);
      this.exports.xxh32_update(state, this.#piece, piece.length);
    }
    const hash = this.exports.xxh32_digest(state) >>> 0;
    this.exports.buffer_free(state);
    return hash;
  };

  /** XXH32 of bytes that lie in one of the module's buffers. */
  xxh32At(pointer: number, bytes: number): number {
    const state = this.startXxh32();
    this.exports.xxh32_update(state, pointer, bytes);
    const hash = this.exports.xxh32_digest(state) >>> 0;
    this.exports.buffer_free(state);
    return hash;
  }
}
