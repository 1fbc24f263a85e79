// What passed through one stream: counts per direction, and the verdict on each chunk. Leaves deadlines and life to streams.ts.
import { DIRECTION_CLIENT, DIRECTION_CONTINUES, DIRECTION_SERVER, FLAG_ACTIVE } from './flags';

/** A tally is the last 32 bytes of a stream's record: client bytes, client chunks, server bytes, server chunks; u64 each. */
export const TALLY_BYTES: u32 = 32;
const CHUNKS: usize = 8;
const SERVER: usize = 16;

/** Whether `direction` is one that `countChunk` and `judgeChunk` know. */
export function isDirection(direction: u32): bool {
  return direction <= (DIRECTION_SERVER | DIRECTION_CONTINUES);
}

/** Adds one chunk, or a further piece of one, to the tally. */
export function countChunk(tally: usize, direction: u32, bytes: u32): void {
  const side = (direction & DIRECTION_SERVER) === 0 ? tally : tally + SERVER;
  store<u64>(side, load<u64>(side) + bytes);
  if ((direction & DIRECTION_CONTINUES) === 0) store<u64>(side, load<u64>(side, CHUNKS) + 1, CHUNKS);
}

/**
 * The one place that decides what a chunk means; answers FLAG_ bits. This version knows no protocol: every byte of a
 * client is taken for a person ("any doubt counts as activity"), and about a server's bytes nothing is claimed.
 */
export function judgeChunk(direction: u32, bytes: u32): u32 {
  return bytes !== 0 && (direction & DIRECTION_SERVER) === DIRECTION_CLIENT ? FLAG_ACTIVE : 0;
}
