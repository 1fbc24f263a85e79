// Hostile bytes made of good ones, by a repeatable random.

/** Changes, cuts, repeats or adds a few bytes. */
export function spoil(good: Buffer, random: (below: number) => number): Buffer {
  let bytes = Buffer.from(good);
  for (let times = random(4); times > 0; times -= 1) {
    const at = random(bytes.length + 1);
    const way = random(4);
    if (way === 0 && at < bytes.length) bytes[at] = random(256);
    else if (way === 1) bytes = Buffer.concat([bytes.subarray(0, at), Buffer.of(random(256)), bytes.subarray(at)]);
    else if (way === 2) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(3))]);
    else bytes = Buffer.concat([bytes, bytes.subarray(random(bytes.length + 1))]);
  }
  return bytes;
}
