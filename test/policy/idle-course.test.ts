// The cost of a course through one idle interval, reckoned by hand.
import { describe, expect, it } from 'vitest';
import { DEFAULT_COSTS, toRates } from '../../src/policy/cost-model.ts';
import { addCourse, newSums } from '../../src/policy/idle-course.ts';
import { arrivalAt } from './support.ts';

const RATES = toRates(DEFAULT_COSTS);
const EUR_PER_WATT_SECOND = 0.3 / 3.6e6;
const MINUTE_MS = 60_000;

function course(momentsMs: number[], endMs: number, waiterMs: number[] = [0]) {
  const sums = newSums();
  addCourse(RATES, momentsMs, 0, arrivalAt(endMs, waiterMs), sums);
  return sums;
}

describe('the cost of a course', () => {
  it('awake to the end -> idle power, no wait', () => {
    const sums = course([], 10 * MINUTE_MS);
    expect(sums.cost).toBeCloseTo(600 * 175 * EUR_PER_WATT_SECOND, 12);
    expect(sums).toMatchObject({ waits: 0, cycles: 0, idleMs: 600_000 });
  });

  it('asleep after 2 m of 10 -> both powers, both changes, the resume after the arrival too, one wait of 8 s, one cycle', () => {
    const sums = course([2 * MINUTE_MS], 10 * MINUTE_MS);
    const energy = (120 * 175 + 5 * 175 + 475 * 8 + 8 * 175) * EUR_PER_WATT_SECOND;
    expect(sums.cost).toBeCloseTo(energy + 0.02 + 0.001, 12);
    expect(sums).toMatchObject({ waits: 1, waitedMs: 8000, cycles: 1, asleepMs: 475_000, changingMs: 13_000 });
  });

  it('somebody comes 2 s into the suspend -> waits for its rest and the resume', () => {
    const sums = course([58_000], MINUTE_MS);
    expect(sums).toMatchObject({ waits: 1, waitedMs: 11_000, asleepMs: 0, changingMs: 13_000 });
  });

  it('asleep at the very moment of the arrival -> did not happen', () => {
    expect(course([MINUTE_MS], MINUTE_MS)).toMatchObject({ waits: 0, cycles: 0 });
  });

  it('woken ahead by the resume exactly -> nobody waits', () => {
    const sums = course([0, MINUTE_MS - 8000], MINUTE_MS);
    expect(sums).toMatchObject({ waits: 0, preWakes: 1, asleepMs: 47_000, idleMs: 0 });
  });

  it('woken ahead 3 s late -> a wait of 3 s', () => {
    expect(course([0, MINUTE_MS - 5000], MINUTE_MS)).toMatchObject({ waits: 1, waitedMs: 3000, preWakes: 1 });
  });

  it('woken ahead, nobody comes, asleep again -> two cycles', () => {
    const sums = course([0, MINUTE_MS, 3 * MINUTE_MS], 10 * MINUTE_MS);
    expect(sums).toMatchObject({ cycles: 2, waits: 1, idleMs: 112_000, asleepMs: 55_000 + 415_000 });
  });

  it('three people within the resume, one just behind it -> three waits', () => {
    expect(course([0], MINUTE_MS, [0, 3000, 7999, 8000]).waits).toBe(3);
  });

  it('a job ends the interval -> the resume is paid, nobody waits', () => {
    expect(course([0], MINUTE_MS, [])).toMatchObject({ waits: 0, changingMs: 13_000, cycles: 1 });
  });

  it('the record ends during the sleep -> nothing resumes', () => {
    const sums = newSums();
    addCourse(RATES, [0], 0, { ...arrivalAt(MINUTE_MS, []), hasArrival: false }, sums);
    expect(sums).toMatchObject({ changingMs: 5000, asleepMs: 55_000, waits: 0 });
  });
});
