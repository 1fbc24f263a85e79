// Content to compress: random bytes, and bytes with the structure of what streams carry. All of it repeatable by seed.
import { randomFrom } from './seed.ts';

export const KINDS = ['random', 'zeros', 'words', 'pattern', 'copies', 'sparse'] as const;
export type Kind = (typeof KINDS)[number];

/** `size` bytes of a kind. */
export function makeData(kind: Kind, size: number, seed: number): Uint8Array {
  const random = randomFrom(seed);
  const data = new Uint8Array(size);
  switch (kind) {
    case 'random':
      for (let at = 0; at < size; at += 1) data[at] = random.u32();
      break;
    case 'zeros':
      break;
    case 'words':
      fillWithWords(data, random);
      break;
    case 'pattern': {
      const period = 1 + random.below(40);
      for (let at = 0; at < size; at += 1) data[at] = at < period ? random.u32() : (data[at - period] as number);
      break;
    }
    case 'copies':
      fillWithCopies(data, random);
      break;
    case 'sparse':
      for (let at = 0; at < size; at += 1 + random.below(300)) data[at] = random.u32();
      break;
  }
  return data;
}

function fillWithWords(data: Uint8Array, random: ReturnType<typeof randomFrom>): void {
  const words = Array.from({ length: 200 }, () => Array.from({ length: 1 + random.below(9) }, () => random.below(26)));
  let at = 0;
  while (at < data.length) {
    for (const letter of words[random.below(words.length)] as number[]) {
      if (at < data.length) data[at++] = 97 + letter;
    }
    if (at < data.length) data[at++] = 32;
  }
}

/** Stretches of new bytes, and copies of earlier ones from any distance: also from just beyond the reach of an offset. */
function fillWithCopies(data: Uint8Array, random: ReturnType<typeof randomFrom>): void {
  let at = 0;
  while (at < data.length) {
    const end = Math.min(data.length, at + 1 + random.below(random.below(8) === 0 ? 2000 : 40));
    const reach = random.below(4) === 0 ? 65_500 + random.below(80) : 1 + random.below(Math.max(1, at));
    const copying = at >= reach && random.below(3) > 0;
    for (; at < end; at += 1) data[at] = copying ? (data[at - reach] as number) : random.u32();
  }
}

/** 0..320 one by one, then in odd steps up to 70,000, and what lies around the reach of an offset. */
export function stepwiseSizes(): number[] {
  const sizes = Array.from({ length: 321 }, (_, size) => size);
  for (let size = 331; size <= 70_000; size += 997) sizes.push(size);
  for (let off = -20; off <= 20; off += 1) sizes.push(65_536 + off);
  return sizes;
}
