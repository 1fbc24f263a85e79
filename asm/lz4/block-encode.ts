// LZ4 block compression, whole blocks: checks the ranges, chooses how positions are kept. The search is encode-sequences.ts's.
// Source: LZ4 Block Format Description (lz4_Block_format.md).
import { isInLastSource, isInLastTarget, isLiveSource, isLiveTarget } from '../arena';
import {
  STATUS_BAD_ARGUMENT,
  STATUS_BAD_RANGE,
  STATUS_LZ4_INPUT_TOO_LARGE,
  STATUS_LZ4_OUTPUT_TOO_SMALL,
} from '../status';
import { MAX_INPUT_BYTES } from './constants';
import { rangesOverlap } from './copy';
import { encodeSequences, OwnTable, SharedTable, SlidingWindow } from './encode-sequences';
import { BLOCK_SHIFT, BLOCK_TABLE, claimPositions, claimTable } from './hash-table';

/** Up to here every position of a block fits into 16 bits, and every distance into an offset. */
const WINDOW_BYTES: u32 = 65536;

/**
 * Largest size to which `bytes` can compress: all of it as literals, whose count takes a byte per 255.
 * STATUS_LZ4_INPUT_TOO_LARGE above MAX_INPUT_BYTES.
 */
export function compressBound(bytes: u32): i32 {
  if (bytes > MAX_INPUT_BYTES) return STATUS_LZ4_INPUT_TOO_LARGE;
  return bytes + bytes / 255 + 16;
}

/**
 * Compresses `srcBytes` into one block; answers its bytes, or a negative status. With `dstCapacity` of
 * `compressBound(srcBytes)` it always fits. Beyond the block the destination's content is unspecified, up to its capacity.
 */
export function compressBlock(src: usize, srcBytes: u32, dst: usize, dstCapacity: u32): i32 {
  if (srcBytes > MAX_INPUT_BYTES) return STATUS_LZ4_INPUT_TOO_LARGE;
  if (!isInLastSource(src, srcBytes) && !isLiveSource(src, srcBytes)) return STATUS_BAD_RANGE;
  if (!isInLastTarget(dst, dstCapacity) && !isLiveTarget(dst, dstCapacity)) return STATUS_BAD_RANGE;
  if (rangesOverlap(src, srcBytes, dst, dstCapacity)) return STATUS_BAD_ARGUMENT;

  const srcEnd = src + srcBytes;
  const dstEnd = dst + dstCapacity;
  let end: usize;
  if (srcBytes > WINDOW_BYTES) {
    claimTable();
    end = encodeSequences<SlidingWindow>(src, srcEnd, dst, dstEnd, BLOCK_TABLE, BLOCK_SHIFT, src, src);
  } else {
    const first = claimPositions(srcBytes);
    const base = src - first;
    end =
      first === 0
        ? encodeSequences<OwnTable>(src, srcEnd, dst, dstEnd, BLOCK_TABLE, BLOCK_SHIFT, base, src)
        : encodeSequences<SharedTable>(src, srcEnd, dst, dstEnd, BLOCK_TABLE, BLOCK_SHIFT, base, src);
  }
  return end === 0 ? STATUS_LZ4_OUTPUT_TOO_SMALL : <i32>(end - dst);
}
