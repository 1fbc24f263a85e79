// Packs and unpacks the blocks of holds with the stream core's LZ4, whole or linked. Knows nothing of streams, order or bounds.
import type { LinkEncoder, LinkPool } from '../core/link-pool.ts';
import type { StreamCore } from '../core/stream-core.ts';
import { TorporError } from '../platform/errors.ts';

/** Client bytes per LZ4 block of a hold: the LZ4 window, so that a larger block would gain little. */
export const HOLD_BLOCK_BYTES = 64 * 1024;

/** Client bytes per linked piece: so few are kept as they came, and a longer piece would compress little better. */
export const HOLD_PIECE_BYTES = 2 * 1024;

/** The three calls of the stream core that whole blocks need. */
export type BlockCore = Pick<StreamCore, 'compressBound' | 'compressBlock' | 'decompressBlock'>;

/** One codec serves all holds. Of a stream it keeps nothing but the window that its encoder has while bytes come. */
export class HoldCodec {
  readonly #core: BlockCore;
  readonly #scratch: Uint8Array;
  readonly links: LinkPool;

  constructor(core: BlockCore, links: LinkPool) {
    this.#core = core;
    this.links = links;
    this.#scratch = new Uint8Array(core.compressBound(HOLD_BLOCK_BYTES));
  }

  openEncoder(): LinkEncoder {
    return this.links.openEncoder();
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
