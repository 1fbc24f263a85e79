// rqSeq numbers: in turn, none twice at a time, none reused while a late answer may come.
import { describe, expect, it } from 'vitest';
import { RequestSequence } from '../../../src/power/ipmi/request-sequence.ts';

describe('request sequence', () => {
  it('64 requests at once -> 64 numbers, then none', () => {
    const sequence = new RequestSequence(10_000);
    const taken = new Set(Array.from({ length: 64 }, () => sequence.take(0)));
    expect(taken.size).toBe(64);
    expect(sequence.take(0)).toBeNull();
  });

  it('a number given back -> is the last to come again', () => {
    const sequence = new RequestSequence(10_000);
    const first = sequence.take(0) as number;
    sequence.giveBack(first, 0, false);
    const next = Array.from({ length: 64 }, () => {
      const taken = sequence.take(0) as number;
      sequence.giveBack(taken, 0, false);
      return taken;
    });
    expect(next.indexOf(first)).toBe(63);
  });

  it('a late answer may come -> the number rests for the quarantine', () => {
    const sequence = new RequestSequence(10_000);
    const late = sequence.take(0) as number;
    sequence.giveBack(late, 0, true);
    const takeAll = (nowMs: number) => {
      const seen = new Set<number>();
      for (let index = 0; index < 64; index += 1) {
        const taken = sequence.take(nowMs) as number;
        seen.add(taken);
        sequence.giveBack(taken, nowMs, false);
      }
      return seen;
    };
    expect(takeAll(9_999).has(late)).toBe(false);
    expect(takeAll(10_000).has(late)).toBe(true);
  });

  it('all rest -> the one that rested longest is used early', () => {
    const sequence = new RequestSequence(10_000);
    const numbers = Array.from({ length: 64 }, () => sequence.take(0) as number);
    numbers.forEach((number, index) => {
      sequence.giveBack(number, index, true);
    });
    expect(sequence.take(100)).toBe(numbers[0]);
    expect(sequence.take(100)).toBe(numbers[1]);
  });
});
