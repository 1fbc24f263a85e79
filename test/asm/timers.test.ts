// Deadlines at the edges of the wheel's levels, over the wrap of the clock, and over jumps of weeks.
import { describe, expect, it } from 'vitest';
import { type RawCore, rawCore } from './support/raw-core.ts';

const MAX_DELAY = 2 ** 31 - 1;
/** Around the bits of a bitmap's word, and the slots and levels of the wheel. */
const LEVEL_EDGES = [1, 64, 2048, 64 * 2048, 2048 ** 2, 64 * 2048 ** 2];
/** Header and heads of a wheel, and one node (asm/timers/timing-wheel.ts). */
const WHEEL_BYTES = 279_424 + 8;
const DELAYS = [
  ...new Set([
    0,
    ...LEVEL_EDGES.flatMap((edge) => [edge - 1, edge, edge + 1, 63 * edge, 2 * edge - 1]),
    MAX_DELAY - 1,
    MAX_DELAY,
  ]),
].filter((delay) => delay <= MAX_DELAY);
const STARTS = [
  0,
  1,
  63,
  64,
  4095,
  4096,
  262_143,
  2 ** 30 - 1,
  2 ** 30,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 4097,
  2 ** 32 - 64,
  2 ** 32 - 1,
];

const tick = (value: number) => value % 2 ** 32;

/** Reports at `now`: how many, and in how many calls of at most `max` timers each. */
function advanceAll(core: RawCore, out: number, now: number, max = 64): { handles: number[]; calls: number } {
  const handles: number[] = [];
  let calls = 0;
  do {
    const count = core.advance(tick(now), out, max);
    for (let index = 0; index < count; index += 1) handles.push(core.bytes().readInt32LE(out + index * 4));
    calls += 1;
  } while (core.advance_pending() === 1);
  return { handles, calls };
}

describe('timers', () => {
  it.each(STARTS)(
    'timers: started at tick %i, delays at -1, 0, +1 of every level -> at the deadline, not before',
    async (start) => {
      for (const delay of DELAYS) {
        const core = await sharedCore();
        const stream = core.stream_open(delay, start);
        // Asked one tick before, at, and after; the question before must not lose the timer either.
        if (delay > 0) expect(advanceAll(core, core.out, start + delay - 1).handles).toEqual([]);
        expect(advanceAll(core, core.out, start + delay).handles).toEqual([stream]);
        expect(advanceAll(core, core.out, start + delay + 1).handles).toEqual([]);
        core.stream_release(stream);
      }
    },
  );

  it.each([0, 2 ** 32 - 3000])(
    'timers: 6,000 deadlines one tick apart from tick %i -> each at its own tick',
    async (start) => {
      const core = await rawCore(6000, 64 * 1024);
      const out = core.buffer_alloc(256);
      const due = new Map<number, number>();
      for (let delay = 1; delay <= 6000; delay += 1) due.set(core.stream_open(delay, start), start + delay);
      for (let now = start + 1; now <= start + 6000; now += 1) {
        const { handles } = advanceAll(core, out, now);
        if (handles.length !== 1 || due.get(handles[0] as number) !== now) expect.fail(`tick ${now}: ${handles}`);
      }
    },
  );

  it('timers: a jump of 2^31-1 ticks over 1,000 deadlines -> all of them, in calls that count timers and not ticks', async () => {
    const core = await rawCore(1000, 64 * 1024);
    const out = core.buffer_alloc(256);
    const start = 2 ** 32 - 12_345;
    for (let index = 0; index < 1000; index += 1) core.stream_open(Math.floor((MAX_DELAY * (index + 1)) / 1000), start);
    const { handles, calls } = advanceAll(core, out, start + MAX_DELAY);
    expect(new Set(handles).size).toBe(1000);
    expect(calls).toBeLessThanOrEqual(Math.ceil(1000 / 64) + 1);
  });

  it('timers: 5,000 streams in one slot, 10 timers per call -> each call is bounded, none is lost, none comes twice', async () => {
    const core = await rawCore(5000, 64 * 1024);
    const out = core.buffer_alloc(256);
    const streams = Array.from({ length: 5000 }, (_, index) => core.stream_open(100_000 + (index % 7), 0));
    const first = core.advance(100_003, out, 10);
    expect(first).toBeLessThanOrEqual(10);
    expect(core.advance_pending()).toBe(1);
    // What happens between two calls must not disturb the rest: touches, new streams, releases.
    const touched = streams.filter((stream) => core.stream_is_active(stream) === 1).slice(0, 50);
    const chunk = core.buffer_alloc(1);
    for (const stream of touched) core.observe(stream, 0, chunk, 1, 100_003);
    const released = streams.filter(
      (stream) => core.stream_is_active(stream) === 1 && !touched.includes(stream),
    )[0] as number;
    core.stream_release(released);
    const late = core.stream_open(2, 100_003);
    const { handles } = advanceAll(core, out, 100_003, 10);
    const dueByThen = streams.filter(
      (stream, index) => index % 7 <= 3 && !touched.includes(stream) && stream !== released,
    );
    expect(first + handles.length).toBe(dueByThen.length);
    const later = advanceAll(core, out, 100_006, 10).handles;
    expect(later).toContain(late);
    expect(later).toHaveLength(streams.length - dueByThen.length - touched.length - 1 + 1);
    expect(advanceAll(core, out, 250_000, 10).handles.sort()).toEqual(touched.sort());
  });

  it('timers: touched 1,000 times before the deadline -> filed anew only when the old one comes up', async () => {
    const core = await rawCore(1, 64 * 1024);
    const [out, chunk] = [core.buffer_alloc(256), core.buffer_alloc(1)];
    const stream = core.stream_open(1000, 0);
    const wheelAt = 0x30100 + 192;
    const links = () => core.read(wheelAt, WHEEL_BYTES);
    const filed = links();
    for (let now = 1; now < 1000; now += 1) core.observe(stream, 0, chunk, 1, now);
    expect(links().equals(filed)).toBe(true);
    expect(advanceAll(core, out, 1000).handles).toEqual([]);
    expect(links().equals(filed)).toBe(false);
    expect(advanceAll(core, out, 1998).handles).toEqual([]);
    expect(advanceAll(core, out, 1999).handles).toEqual([stream]);
  });

  it('timers: no stream open for longer than the clock takes to wrap -> the next deadline is right', async () => {
    const core = await rawCore(2, 64 * 1024);
    const out = core.buffer_alloc(256);
    core.stream_release(core.stream_open(10, 0));
    for (const now of [3_000_000_000, 100, 4_294_967_295, 5]) {
      const stream = core.stream_open(50, now);
      expect(advanceAll(core, out, now + 49).handles).toEqual([]);
      expect(advanceAll(core, out, now + 50).handles).toEqual([stream]);
      core.stream_release(stream);
    }
  });

  it('timers: opened far behind the last advance -> still at the deadline', async () => {
    const core = await rawCore(2, 64 * 1024);
    const out = core.buffer_alloc(256);
    const long = core.stream_open(MAX_DELAY, 0);
    const second = core.stream_open(MAX_DELAY, 2_000_000_000);
    expect(advanceAll(core, out, MAX_DELAY).handles).toEqual([long]);
    expect(advanceAll(core, out, 4_147_483_646).handles).toEqual([]);
    expect(advanceAll(core, out, 4_147_483_647).handles).toEqual([second]);
  });
});

let shared: (RawCore & { out: number }) | null = null;
async function sharedCore(): Promise<RawCore & { out: number }> {
  if (shared === null) {
    const core = await rawCore(4, 64 * 1024);
    shared = Object.assign(core, { out: core.buffer_alloc(256) });
  }
  return shared;
}
