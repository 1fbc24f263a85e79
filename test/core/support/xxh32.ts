// XXH32 of short input, for the header checksum of LZ4 frames. Source: xxHash specification, xxhash_spec.md, XXH32.

const PRIME_2 = 0x85ebca77;
const PRIME_3 = 0xc2b2ae3d;
const PRIME_4 = 0x27d4eb2f;
const PRIME_5 = 0x165667b1;

const rotateLeft = (value: number, bits: number) => (value << bits) | (value >>> (32 - bits));

/** XXH32 with seed 0 of fewer than 16 bytes, which need no stripes. */
export function xxh32OfShort(data: Uint8Array): number {
  if (data.length >= 16) throw new RangeError('only inputs shorter than a stripe of 16 bytes');
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let hash = (PRIME_5 + data.length) | 0;
  let at = 0;
  for (; at + 4 <= data.length; at += 4) {
    hash = (hash + Math.imul(view.getUint32(at, true), PRIME_3)) | 0;
    hash = Math.imul(rotateLeft(hash, 17), PRIME_4);
  }
  for (; at < data.length; at += 1) {
    hash = (hash + Math.imul(view.getUint8(at), PRIME_5)) | 0;
    hash = Math.imul(rotateLeft(hash, 11), 0x9e3779b1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), PRIME_2);
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3);
  return (hash ^ (hash >>> 16)) >>> 0;
}
