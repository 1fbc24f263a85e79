// The streams' deadlines against a model that keeps them in a plain array, with time as a number that never wraps.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FLAG_ACTIVE, FLAG_ENTERED } from '../../src/core/abi.ts';
import { drawSeed, runs } from '../core/support/seed.ts';
import { type RawCore, rawCore } from './support/raw-core.ts';

const seed = drawSeed('timers');
const MAX_DELAY = 2 ** 31 - 1;
const SLOTS = 12;

type Step =
  | { do: 'open'; delay: number }
  | { do: 'observe'; which: number; client: boolean }
  | { do: 'close'; which: number; delay: number }
  | { do: 'release'; which: number }
  | { do: 'wait'; delay: number }
  | { do: 'wait-for-deadline'; which: number; off: number }
  | { do: 'advance'; max: number };

/** Short, long, around the edges of every level, and the longest. */
const delay = fc.oneof(
  { weight: 3, arbitrary: fc.nat(200) },
  { weight: 2, arbitrary: fc.nat(300_000) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: -1, max: 1 }))
      .map(([level, times, off]) =>
        Math.min(MAX_DELAY, Math.max(0, times * (level < 3 ? 64 ** level : 2048 ** (level - 2)) + off)),
      ),
  },
  { weight: 1, arbitrary: fc.integer({ min: MAX_DELAY - 2, max: MAX_DELAY }) },
);
const which = fc.nat(SLOTS - 1);
const off = fc.integer({ min: -1, max: 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('open' as const), delay }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('observe' as const), which, client: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), which, delay }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('release' as const), which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), delay }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait-for-deadline' as const), which, off }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('advance' as const), max: fc.integer({ min: 1, max: 4 }) }) },
);
/** Anywhere, and often just before the clock wraps or its sign changes. */
const start = fc.oneof(
  fc.constant(0),
  fc.nat(2 ** 31 - 1),
  fc.integer({ min: 2 ** 32 - 300_000, max: 2 ** 32 - 1 }),
  fc.integer({ min: 2 ** 31 - 70, max: 2 ** 31 + 70 }),
);

interface ModelStream {
  readonly handle: number;
  readonly timeout: number;
  deadline: number;
  state: 'active' | 'idle' | 'closing' | 'closed-idle' | 'closed';
}

/** Does every step to the core and to the array, and compares. */
class Comparison {
  reports = 0;
  readonly #core: RawCore;
  readonly #out: number;
  readonly #chunk: number;
  #streams: ModelStream[] = [];
  #now = 0;

  constructor(core: RawCore) {
    this.#core = core;
    this.#out = core.buffer_alloc(64);
    this.#chunk = core.buffer_alloc(16);
  }

  run(startTick: number, steps: readonly Step[]): void {
    for (const { handle } of this.#streams) this.#core.stream_release(handle);
    this.#streams = [];
    this.#now = startTick;
    for (const each of steps) {
      this.#apply(each);
      this.#compareReaders();
    }
    this.#advance(2);
  }

  get #tick(): number {
    return this.#now % 2 ** 32;
  }

  #apply(each: Step): void {
    if (each.do === 'open') this.#open(each.delay);
    else if (each.do === 'wait') this.#wait(each.delay);
    else if (each.do === 'advance') this.#advance(each.max);
    else if (this.#streams.length > 0) this.#applyToOne(each, each.which % this.#streams.length);
  }

  #applyToOne(each: Extract<Step, { which: number }>, index: number): void {
    const stream = this.#streams[index] as ModelStream;
    switch (each.do) {
      case 'observe':
        this.#observe(stream, each.client);
        break;
      case 'close':
        this.#close(stream, each.delay);
        break;
      case 'wait-for-deadline':
        this.#wait(Math.min(MAX_DELAY, Math.max(0, stream.deadline + each.off - this.#now)));
        break;
      case 'release':
        expect(this.#core.stream_release(stream.handle)).toBe(0);
        this.#streams.splice(index, 1);
        break;
    }
  }

  #open(timeout: number): void {
    if (this.#streams.length === SLOTS) return;
    const handle = this.#core.stream_open(timeout, this.#tick);
    expect(handle).toBeGreaterThan(0);
    this.#streams.push({ handle, timeout, deadline: this.#now + timeout, state: 'active' });
  }

  #observe(stream: ModelStream, client: boolean): void {
    const counts = client && (stream.state === 'active' || stream.state === 'idle');
    const flags = !counts ? 0 : stream.state === 'idle' ? FLAG_ACTIVE | FLAG_ENTERED : FLAG_ACTIVE;
    expect(this.#core.observe(stream.handle, client ? 0 : 1, this.#chunk, 3, this.#tick)).toBe(flags);
    if (counts) Object.assign(stream, { state: 'active', deadline: this.#now + stream.timeout });
  }

  #close(stream: ModelStream, grace: number): void {
    expect(this.#core.stream_close(stream.handle, grace, this.#tick)).toBe(0);
    if (stream.state === 'active') Object.assign(stream, { state: 'closing', deadline: this.#now + grace });
    if (stream.state === 'idle') Object.assign(stream, { state: 'closed-idle', deadline: this.#now });
  }

  /** Two calls may be at most 2^31-1 ticks apart, so each wait ends with one. */
  #wait(ticks: number): void {
    this.#now += ticks;
    this.#advance(4);
  }

  #advance(max: number): void {
    const due = this.#streams.filter(
      ({ state, deadline }) => state !== 'idle' && state !== 'closed' && deadline <= this.#now,
    );
    const seen: number[] = [];
    let calls = 0;
    do {
      const count = this.#core.advance(this.#tick, this.#out, max);
      if (count < 0 || count > max) expect.fail(`advance answered ${count} of at most ${max}`);
      for (let index = 0; index < count; index += 1) seen.push(this.#core.bytes().readInt32LE(this.#out + index * 4));
      calls += 1;
    } while (this.#core.advance_pending() === 1);
    expect(seen.sort()).toEqual(due.map(({ handle }) => handle).sort());
    // A timer comes down at most once per level, and once more where it was touched: whatever the jump.
    expect(calls).toBeLessThanOrEqual(1 + Math.ceil((SLOTS * 7) / max));
    for (const stream of due) stream.state = stream.state === 'active' ? 'idle' : 'closed';
    this.reports += due.length;
  }

  #compareReaders(): void {
    for (const { handle, state, deadline } of this.#streams) {
      const active = state === 'active' || state === 'closing' ? 1 : 0;
      if (this.#core.stream_is_active(handle) !== active) expect.fail(`a stream that is ${state} is not reported so`);
      const answered = Number(this.#core.stream_deadline(handle));
      if (answered !== deadline % 2 ** 32) expect.fail(`deadline ${answered} instead of ${deadline}`);
    }
  }
}

describe('timers', () => {
  it('timers: any sequence of calls -> exactly what the array says, each once', async () => {
    const comparison = new Comparison(await rawCore(SLOTS, 8192));
    fc.assert(
      fc.property(start, fc.array(step, { minLength: 5, maxLength: 80, size: 'max' }), (startTick, steps) =>
        comparison.run(startTick, steps),
      ),
      runs(2000, seed),
    );
    console.log(`timers: ${comparison.reports} expiries compared with the array`);
    expect(comparison.reports).toBeGreaterThan(5000);
  });
});
