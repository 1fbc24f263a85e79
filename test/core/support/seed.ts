// Seeds of random tests: drawn anew each run and printed, or given by TORPOR_SEED to see a failure again.
import type fc from 'fast-check';

/** The seed of this run, printed once per test file. */
export function drawSeed(subject: string): number {
  const given = process.env.TORPOR_SEED;
  const seed = given === undefined ? Math.floor(Math.random() * 0x7fff_ffff) : Number(given);
  console.log(`${subject}: seed ${seed} (TORPOR_SEED=${seed} repeats it)`);
  return seed;
}

/** A repeatable stream of u32 (mulberry32), for data that fast-check would be slow to make. */
export function randomFrom(seed: number): { u32(): number; below(limit: number): number } {
  let state = seed >>> 0;
  const u32 = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return { u32, below: (limit) => Math.floor((u32() / 0x1_0000_0000) * limit) };
}

/** What fast-check is told: how often, and from which seed. TORPOR_TIMES runs each property so many times as often. */
export function runs(numRuns: number, seed: number): fc.Parameters<unknown> {
  return { numRuns: numRuns * Number(process.env.TORPOR_TIMES ?? 1), seed };
}
