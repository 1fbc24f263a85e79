// What passed through one stream: counts per direction. Leaves judging to detector.ts, deadlines and life to streams.ts.
import { DIRECTION_CONTINUES, DIRECTION_HELD, DIRECTION_SERVER } from './flags';

/** A tally is 32 bytes of a stream's record: client bytes, client chunks, server bytes, server chunks; u64 each. */
export const TALLY_BYTES: u32 = 32;
const CHUNKS: usize = 8;
const SERVER: usize = 16;

/** Whether `direction` is one that `countChunk` knows. */
export function isDirection(direction: u32): bool {
  const isHeldServer = (direction & DIRECTION_HELD) !== 0 && (direction & DIRECTION_SERVER) !== 0;
  return direction <= (DIRECTION_SERVER | DIRECTION_CONTINUES | DIRECTION_HELD) && !isHeldServer;
}

/** Adds one chunk, or a further piece of one, to the tally. */
export function countChunk(tally: usize, direction: u32, bytes: u32): void {
  const side = (direction & DIRECTION_SERVER) === 0 ? tally : tally + SERVER;
  store<u64>(side, load<u64>(side) + bytes);
  if ((direction & DIRECTION_CONTINUES) === 0) store<u64>(side, load<u64>(side, CHUNKS) + 1, CHUNKS);
}

/** The bytes that the sender of `direction` has sent. */
export function countedBytes(tally: usize, direction: u32): u64 {
  return load<u64>((direction & DIRECTION_SERVER) === 0 ? tally : tally + SERVER);
}
