// Tables of timers against sorted arrays: no timer early, none later than the tick, none lost, none twice; also by the million, over
// the wrap of the clock, with bounded calls. TORPOR_TIMERS changes how many, TORPOR_SEED repeats a run.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimerTable } from '../../src/core/timer-table.ts';
import { drawSeed, randomFrom, runs } from './support/seed.ts';

const seed = drawSeed('timer table');
const MAX_DELAY = 2 ** 31 - 1;
const WRAP = 2 ** 32;
const TIMERS = 12;
const MILLION = Number(process.env.TORPOR_TIMERS ?? 1_000_000);

type Step =
  | { do: 'start' | 'touch'; timer: number; delay: number }
  | { do: 'stop'; timer: number }
  | { do: 'wait'; delay: number }
  | { do: 'wait-for'; timer: number; off: number }
  | { do: 'advance'; max: number };

/** Short, around the edges of the wheel's words, slots and levels, and the longest. */
const delay = fc.oneof(
  { weight: 3, arbitrary: fc.nat(200) },
  { weight: 2, arbitrary: fc.nat(300_000) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom(1, 64, 2048, 2048 * 64, 2048 ** 2, 2048 ** 2 * 64),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: -1, max: 1 }),
      )
      .map(([edge, times, off]) => edge * times + off),
  },
  { weight: 1, arbitrary: fc.integer({ min: MAX_DELAY - 2, max: MAX_DELAY }) },
);
const timer = fc.nat(TIMERS - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('start' as const), timer, delay }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('touch' as const), timer, delay }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stop' as const), timer }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), delay }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait-for' as const), timer, off: fc.integer({ min: -1, max: 1 }) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('advance' as const), max: fc.integer({ min: 1, max: 4 }) }) },
);
const start = fc.oneof(
  fc.constant(0),
  fc.nat(WRAP - 1),
  fc.integer({ min: WRAP - 300_000, max: WRAP - 1 }),
  fc.integer({ min: 2 ** 31 - 70, max: 2 ** 31 + 70 }),
);

/** Does every step to a table and to a plain array of deadlines, with time as a number that never wraps. */
class Comparison {
  reports = 0;
  readonly #table: TimerTable;
  /** By timer; NaN for one that does not run. */
  readonly #deadlines = Array.from({ length: TIMERS }, () => Number.NaN);
  #now: number;

  constructor(table: TimerTable, startTick: number) {
    this.#table = table;
    this.#now = startTick;
  }

  run(steps: readonly Step[]): void {
    for (const each of steps) this.#apply(each);
    this.#advance(2);
  }

  #apply(each: Step): void {
    switch (each.do) {
      case 'start':
        this.#table.start(each.timer, (this.#now + each.delay) % WRAP, this.#now % WRAP);
        this.#deadlines[each.timer] = this.#now + each.delay;
        break;
      case 'touch': {
        const running = this.#deadlines[each.timer] as number;
        if (!(this.#now + each.delay >= running)) break;
        this.#table.touch(each.timer, (this.#now + each.delay) % WRAP);
        this.#deadlines[each.timer] = this.#now + each.delay;
        break;
      }
      case 'stop':
        this.#table.stop(each.timer);
        this.#deadlines[each.timer] = Number.NaN;
        break;
      case 'wait':
        this.#wait(each.delay);
        break;
      case 'wait-for': {
        const running = this.#deadlines[each.timer] as number;
        if (!Number.isNaN(running)) this.#wait(Math.min(MAX_DELAY, Math.max(0, running + each.off - this.#now)));
        break;
      }
      case 'advance':
        this.#advance(each.max);
        break;
    }
  }

  #wait(ticks: number): void {
    this.#now += ticks;
    this.#advance(4);
  }

  #advance(max: number): void {
    const due = [...this.#deadlines.keys()].filter((each) => (this.#deadlines[each] as number) <= this.#now);
    const seen: number[] = [];
    let calls = 0;
    do {
      this.#table.advance(this.#now % WRAP, (each) => seen.push(each), max);
      calls += 1;
    } while (this.#table.isPending);
    expect(seen.sort((one, other) => one - other)).toEqual(due);
    // A timer comes down once per level, and once more where it was touched.
    expect(calls).toBeLessThanOrEqual(1 + Math.ceil((TIMERS * 4) / max));
    for (const each of due) this.#deadlines[each] = Number.NaN;
    this.reports += due.length;
  }
}

describe('timer table', () => {
  it('timer table: any sequence of calls from any tick -> exactly what the array says, each once', async () => {
    let reports = 0;
    const table = await TimerTable.create(TIMERS, 0);
    fc.assert(
      fc.property(start, fc.array(step, { minLength: 5, maxLength: 80, size: 'max' }), (startTick, steps) => {
        table.reset(startTick);
        const comparison = new Comparison(table, startTick);
        comparison.run(steps);
        reports += comparison.reports;
      }),
      runs(2000, seed),
    );
    console.log(`timer table: ${reports} expiries compared with the array`);
    expect(reports).toBeGreaterThan(5000);
  });

  it(`timer table: ${MILLION} timers over the wrap, some touched, some stopped, 5,000 per call -> as the sorted array says`, {
    timeout: 120_000,
  }, async () => {
    const random = randomFrom(seed);
    const begin = WRAP - 400_000;
    const large = await TimerTable.create(MILLION, begin);
    const deadlines = new Float64Array(MILLION);
    for (let each = 0; each < MILLION; each += 1) {
      deadlines[each] = begin + random.below(600_000);
      large.start(each, (deadlines[each] as number) % WRAP, begin);
    }
    for (let count = MILLION / 4; count > 0; count -= 1) {
      const each = random.below(MILLION);
      if ((deadlines[each] as number) < 0) continue;
      if (random.below(8) === 0) {
        large.stop(each);
        deadlines[each] = -1;
      } else {
        deadlines[each] = (deadlines[each] as number) + random.below(200_000);
        large.touch(each, (deadlines[each] as number) % WRAP);
      }
    }
    const expected = deadlines.filter((deadline) => deadline >= 0).sort();
    const last = expected.at(-1) ?? begin;
    let reported = 0;
    let before = begin - 1;
    for (let now = begin; before < last; now += 1 + random.below(40)) {
      let inCall = 0;
      const take = (each: number) => {
        const deadline = deadlines[each] as number;
        if (deadline > now || deadline <= before)
          expect.fail(`timer ${each} of ${deadline} came at ${now} (seed ${seed})`);
        deadlines[each] = -2;
        inCall += 1;
      };
      do {
        inCall = 0;
        large.advance(now % WRAP, take, 5000);
        reported += inCall;
        if (inCall > 5000) expect.fail(`${inCall} timers in one call`);
      } while (large.isPending);
      // None later than the tick: all that the array has up to here were reported by now.
      const next = expected[reported];
      if (next !== undefined && next <= now) expect.fail(`a timer of ${next} is late at ${now} (seed ${seed})`);
      before = now;
    }
    expect(reported).toBe(expected.length);
    console.log(`timer table: ${reported} of ${MILLION} expired as the sorted array says, seed ${seed}`);
  });
});
