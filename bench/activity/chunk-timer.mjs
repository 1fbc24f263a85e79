// Times single chunks in the module: the same chunk is shown to STREAMS streams of one history, so that the clock's own cost is shared. The
// call into the module is part of the figure; the copy into its memory is not.
import {
  DIRECTION_CLIENT,
  DIRECTION_CONTINUES,
  DIRECTION_SERVER,
  PROTOCOL_NAMES,
  VERDICT_LOST,
} from '../../dist/core/abi.js';
import { instantiateCore } from '../../dist/core/load.js';

const STREAMS = 32;
const MAX_CONNECTIONS = 32;
const PIECE_BYTES = 64 * 1024;
const NO_TIMEOUT_TICKS = 0x7fff_ffff;
const VERDICT_BYTES = 12;

export class ChunkTimer {
  #exports;
  #memory;
  #view;
  #pieces;
  #verdict;
  #families = 0;

  /** `wasm`: the module's bytes, or undefined for the package's own. */
  static async load(wasm) {
    const exports = await instantiateCore(wasm);
    const status = exports.init(STREAMS * MAX_CONNECTIONS, (STREAMS + 1) * PIECE_BYTES);
    if (status !== 0) throw new Error(`the core to be timed was not laid out: status ${status}`);
    return new ChunkTimer(exports);
  }

  constructor(exports) {
    this.#exports = exports;
    this.#memory = new Uint8Array(exports.memory.buffer);
    this.#view = new DataView(exports.memory.buffer);
    this.#pieces = Array.from({ length: STREAMS }, () => exports.buffer_alloc(PIECE_BYTES));
    this.#verdict = exports.buffer_alloc(VERDICT_BYTES);
  }

  /** Streams of one history, opened with a hint of abi.ts. */
  open(protocol, atMs) {
    const hint = PROTOCOL_NAMES.indexOf(protocol);
    return Array.from({ length: STREAMS }, () => {
      // Each is another client's: they must not learn from one another.
      this.#families += 1;
      return this.#exports.stream_open(NO_TIMEOUT_TICKS, Math.floor(atMs), hint, 0, this.#families);
    });
  }

  /** Nanoseconds per stream for one chunk of any length. */
  time(streams, direction, bytes, atMs) {
    let way = direction === 'client' ? DIRECTION_CLIENT : DIRECTION_SERVER;
    let nanoseconds = 0;
    for (let start = 0; start < Math.max(1, bytes.length); start += PIECE_BYTES) {
      nanoseconds += this.#timePiece(streams, way, bytes.subarray(start, start + PIECE_BYTES), Math.floor(atMs));
      way |= DIRECTION_CONTINUES;
    }
    return nanoseconds;
  }

  /** What the streams were told to be, and whether a parser lost its place. */
  told([stream]) {
    this.#exports.stream_verdict(stream, this.#verdict);
    return {
      protocol: PROTOCOL_NAMES[this.#view.getUint8(this.#verdict)],
      isLost: (this.#view.getUint8(this.#verdict + 2) & VERDICT_LOST) !== 0,
    };
  }

  release(streams) {
    for (const stream of streams) this.#exports.stream_release(stream);
  }

  #timePiece(streams, way, piece, now) {
    // A parser may change a client's bytes in place: each stream has its own copy. What a server sends is only read.
    const isClient = (way & DIRECTION_SERVER) === 0;
    for (const pointer of isClient ? this.#pieces : this.#pieces.slice(0, 1)) this.#memory.set(piece, pointer);
    const { observe } = this.#exports;
    const began = performance.now();
    for (let index = 0; index < STREAMS; index += 1) {
      observe(streams[index], way, this.#pieces[isClient ? index : 0], piece.length, now);
    }
    return ((performance.now() - began) * 1e6) / STREAMS;
  }
}

/** Bytes of the module's memory per stream, all tables counted, and bytes that all streams share. */
export async function measureState(wasm) {
  const marks = [];
  for (const streams of [1, 65_536]) {
    const exports = await instantiateCore(wasm);
    const status = exports.init(streams, PIECE_BYTES);
    if (status !== 0) throw new Error(`a core of ${streams} streams was not laid out: status ${status}`);
    marks.push(exports.buffer_alloc(1));
  }
  const perStreamBytes = Math.round((marks[1] - marks[0]) / 65_535);
  return { perStreamBytes, sharedBytes: marks[0] - perStreamBytes };
}
