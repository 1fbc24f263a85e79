// XXH32, the checksum of LZ4 frames, over content that comes in pieces. Source: xxHash specification, xxhash_spec.md, XXH32.
//
// A state of 64 bytes: 0 four lanes, 16 stripe at work, 32 bytes in it, 40 total bytes (u64), 48 seed.
import { isLiveRange } from '../arena';
import { STATUS_BAD_RANGE, STATUS_OK } from '../status';

const STATE_BYTES: u32 = 64;
const STRIPE_BYTES: usize = 16;
const PRIME_1: u32 = 0x9e3779b1;
const PRIME_2: u32 = 0x85ebca77;
const PRIME_3: u32 = 0xc2b2ae3d;
const PRIME_4: u32 = 0x27d4eb2f;
const PRIME_5: u32 = 0x165667b1;

/** Makes the 64 bytes at `state` a checksum of nothing yet. */
export function initXxh32(state: usize, seed: u32): i32 {
  if (!isLiveRange(state, STATE_BYTES)) return STATUS_BAD_RANGE;
  store<u32>(state, seed + PRIME_1 + PRIME_2);
  store<u32>(state, seed + PRIME_2, 4);
  store<u32>(state, seed, 8);
  store<u32>(state, seed - PRIME_1, 12);
  store<u32>(state, 0, 32);
  store<u64>(state, 0, 40);
  store<u32>(state, seed, 48);
  return STATUS_OK;
}

/** Takes in the next bytes of the content. */
export function updateXxh32(state: usize, src: usize, bytes: u32): i32 {
  if (!isLiveRange(state, STATE_BYTES) || !isLiveRange(src, bytes)) return STATUS_BAD_RANGE;
  // An empty range may have any pointer, also one that a copy of nothing traps on.
  if (bytes === 0) return STATUS_OK;
  store<u64>(state, load<u64>(state, 40) + bytes, 40);
  const end = src + bytes;
  const held = min<usize>(load<u32>(state, 32), STRIPE_BYTES - 1);
  if (held + <usize>bytes < STRIPE_BYTES) {
    memory.copy(state + 16 + held, src, bytes);
    store<u32>(state, <u32>held + bytes, 32);
    return STATUS_OK;
  }
  if (held !== 0) {
    memory.copy(state + 16 + held, src, STRIPE_BYTES - held);
    src += STRIPE_BYTES - held;
    mixStripes(state, state + 16, state + 32);
  }
  const stripesEnd = end - ((end - src) & (STRIPE_BYTES - 1));
  mixStripes(state, src, stripesEnd);
  memory.copy(state + 16, stripesEnd, end - stripesEnd);
  store<u32>(state, <u32>(end - stripesEnd), 32);
  return STATUS_OK;
}

/** The checksum of everything taken in so far, as a u32; more may follow. 0 where `state` is no live buffer. */
export function digestXxh32(state: usize): u32 {
  if (!isLiveRange(state, STATE_BYTES)) return 0;
  const total = load<u64>(state, 40);
  let hash: u32;
  if (total >= STRIPE_BYTES) {
    hash = rotl<u32>(load<u32>(state), 1) + rotl<u32>(load<u32>(state, 4), 7);
    hash += rotl<u32>(load<u32>(state, 8), 12) + rotl<u32>(load<u32>(state, 12), 18);
  } else {
    hash = load<u32>(state, 48) + PRIME_5;
  }
  hash += <u32>total;
  let at = state + 16;
  const end = at + min<usize>(load<u32>(state, 32), STRIPE_BYTES - 1);
  for (; at + 4 <= end; at += 4) hash = rotl<u32>(hash + load<u32>(at) * PRIME_3, 17) * PRIME_4;
  for (; at < end; ++at) hash = rotl<u32>(hash + <u32>load<u8>(at) * PRIME_5, 11) * PRIME_1;
  hash = (hash ^ (hash >> 15)) * PRIME_2;
  hash = (hash ^ (hash >> 13)) * PRIME_3;
  return hash ^ (hash >> 16);
}

function mixStripes(state: usize, from: usize, end: usize): void {
  let first = load<u32>(state);
  let second = load<u32>(state, 4);
  let third = load<u32>(state, 8);
  let fourth = load<u32>(state, 12);
  for (; from < end; from += STRIPE_BYTES) {
    first = rotl<u32>(first + load<u32>(from) * PRIME_2, 13) * PRIME_1;
    second = rotl<u32>(second + load<u32>(from, 4) * PRIME_2, 13) * PRIME_1;
    third = rotl<u32>(third + load<u32>(from, 8) * PRIME_2, 13) * PRIME_1;
    fourth = rotl<u32>(fourth + load<u32>(from, 12) * PRIME_2, 13) * PRIME_1;
  }
  store<u32>(state, first);
  store<u32>(state, second, 4);
  store<u32>(state, third, 8);
  store<u32>(state, fourth, 12);
}
