import { describe, expect, it } from 'vitest';
import { WorkMeter } from '../../src/streams/work-meter.ts';

const START_MS = 1_700_000_000_000;

describe('WorkMeter', () => {
  it('exactly the rate over a whole window -> work with its last byte, not before', () => {
    const meter = new WorkMeter(1000, 5000);
    const answers = [0, 1, 2, 3, 4].map((second) => meter.add(1000, START_MS + second * 1000));
    expect(answers).toEqual([false, false, false, false, true]);
  });

  it('a little under the rate, for an hour -> never work', () => {
    const meter = new WorkMeter(1000, 5000);
    for (let second = 0; second < 3600; second += 1) expect(meter.add(999, START_MS + second * 1000)).toBe(false);
  });

  it('a burst as large as a window -> work at once, and no more once it left the window', () => {
    const meter = new WorkMeter(1000, 5000);
    expect(meter.add(5000, START_MS)).toBe(true);
    expect(meter.add(1, START_MS + 4999)).toBe(true);
    expect(meter.add(1, START_MS + 5000)).toBe(false);
  });

  it('a clock that steps back, and one that begins at zero -> counted in the last step', () => {
    const meter = new WorkMeter(1000, 5000);
    expect(meter.add(2500, 0)).toBe(false);
    expect(meter.add(2499, -10_000)).toBe(false);
    expect(meter.add(1, 1)).toBe(true);
  });
});
