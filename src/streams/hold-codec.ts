// Packs and unpacks the blocks of holds with the stream core's LZ4. Knows nothing of streams, order or bounds.
import type { StreamCore } from '../core/stream-core.ts';
import { TorporError } from '../platform/errors.ts';

/** Client bytes per LZ4 block of a hold: the LZ4 window, so that a larger block would gain little. */
export const HOLD_BLOCK_BYTES = 64 * 1024;

/** The three calls of the stream core that a hold needs. */
export type BlockCore = Pick<StreamCore, 'compressBound' | 'compressBlock' | 'decompressBlock'>;

/** One codec serves all holds: it keeps nothing between two calls but its scratch memory. */
export class HoldCodec {
  readonly #core: BlockCore;
  readonly #scratch: Uint8Array;

  constructor(core: BlockCore) {
    this.#core = core;
    this.#scratch = new Uint8Array(core.compressBound(HOLD_BLOCK_BYTES));
  }

  /** One LZ4 block of `raw` (at most HOLD_BLOCK_BYTES) in memory of its own, or null where it would not be smaller. */
  pack(raw: Uint8Array): Uint8Array | null {
    const packedBytes = this.#core.compressBlock(raw, this.#scratch);
    return packedBytes < raw.length ? this.#scratch.slice(0, packedBytes) : null;
  }

  /** The bytes that were packed. Throws ERR_LZ4_MALFORMED where they are not `rawBytes` bytes. */
  unpack(packed: Uint8Array, rawBytes: number): Uint8Array {
    const raw = new Uint8Array(rawBytes);
    const restoredBytes = this.#core.decompressBlock(packed, raw);
    if (restoredBytes !== rawBytes) {
      throw new TorporError(
        'ERR_LZ4_MALFORMED',
        `a held block restored to ${restoredBytes} bytes where ${rawBytes} were kept: this process's memory is damaged`,
      );
    }
    return raw;
  }
}
