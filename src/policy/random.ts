// Seeded randomness: the same seed plays the same again. Not for secrets.

/** Mulberry32: one 32-bit state, good enough for a simulation. */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    return mix(this.#state);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Gaussian, by Box and Muller. */
  normal(mean: number, deviation: number): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    return mean + deviation * radius * Math.cos(2 * Math.PI * this.next());
  }

  /** Log-normal with this median; `sigma` is the deviation of the logarithm. */
  logNormal(median: number, sigma: number): number {
    return median * Math.exp(this.normal(0, sigma));
  }
}

/** A number in [0, 1) that depends on seed and moment alone: no state to keep. */
export function randomAt(seed: number, atMs: number): number {
  const low = atMs >>> 0;
  const high = Math.floor(atMs / 2 ** 32) >>> 0;
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ low;
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35) ^ high;
  return mix((state + 0x6d2b79f5) >>> 0);
}

function mix(state: number): number {
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}
