// A table of timers in the core, for as many as there are: up to millions, 12 bytes each. A touch is one store, so it costs what a store
// costs (bench/timer-table.mjs). It reads no clock and schedules nothing: whoever uses it has a tick of its own.
import { TorporError } from '../platform/errors.ts';
import type { CoreAbi } from './abi.ts';
import { instantiateCore, type WasmBytes } from './load.ts';

/** The most timers that one `advance` handles unless it is told otherwise: half a millisecond's work if each waits for memory. */
const DEFAULT_HANDLED = 4096;
const MAX_HANDLED = 65_536;
const MAX_TIMERS = 2 ** 24;
/** A deadline lies this many 32-bit words behind the one before. */
const RECORD_WORDS = 3;
/** Rounding of the table and of the list of those that expired. */
const HEAP_RESERVE_BYTES = 1024;

export interface TimerTableOptions {
  /** The module's bytes. Default: the package's own build/torpor-core.wasm. */
  readonly wasm?: WasmBytes;
}

/**
 * Timers 0 to `timers` - 1, each stopped at first. Time is in ticks (u32 that wrap) of any clock that moves forward, and a deadline lies
 * at most 2^31-1 ticks ahead. `advance` has to come by at least every 2^31-1 ticks.
 */
export class TimerTable {
  readonly timers: number;
  /** Whether the last `advance` ended at its bound, so that more may be due at the same tick. */
  isPending = false;

  readonly #core: CoreAbi;
  readonly #table: number;
  readonly #tableBytes: number;
  readonly #expired: number;
  /** The deadlines in the module's memory, every RECORD_WORDS words one. */
  readonly #deadlines: Uint32Array;
  readonly #expiries: Uint32Array;

  /** Throws ERR_CORE_MEMORY where `timers` is not 1 to 2^24 or there is no memory, and what loading the core throws. */
  static async create(timers: number, nowTicks: number, options: TimerTableOptions = {}): Promise<TimerTable> {
    if (!Number.isInteger(timers) || timers < 1 || timers > MAX_TIMERS) {
      throw new TorporError(
        'ERR_CORE_MEMORY',
        `a table of ${timers} timers is out of bounds: choose 1 to ${MAX_TIMERS}`,
      );
    }
    const core = await instantiateCore(options.wasm);
    const bytes = core.timers_bytes(timers);
    const status = core.init(1, bytes + MAX_HANDLED * 4 + HEAP_RESERVE_BYTES);
    if (status < 0) {
      throw new TorporError(
        'ERR_CORE_MEMORY',
        `the ${bytes} bytes for a table of ${timers} timers were not granted (status ${status}): choose fewer or free memory on this machine`,
      );
    }
    return new TimerTable(core, timers, bytes, nowTicks);
  }

  private constructor(core: CoreAbi, timers: number, bytes: number, nowTicks: number) {
    this.timers = timers;
    this.#core = core;
    this.#table = core.buffer_alloc(bytes);
    this.#tableBytes = bytes;
    this.#expired = core.buffer_alloc(MAX_HANDLED * 4);
    this.reset(nowTicks);
    const words = (timers - 1) * RECORD_WORDS + 1;
    this.#deadlines = new Uint32Array(core.memory.buffer, core.timers_deadlines(this.#table), words);
    this.#expiries = new Uint32Array(core.memory.buffer, this.#expired, MAX_HANDLED);
  }

  /** Stops all timers, and lets time begin anew at any tick: after a gap that was longer than `advance` allows. */
  reset(nowTicks: number): void {
    this.#core.timers_init(this.#table, this.#tableBytes, this.timers, nowTicks);
    this.isPending = false;
  }

  /** Starts a timer, or starts it anew, earlier or later than it was. Throws RangeError for a timer or deadline out of bounds. */
  start(timer: number, deadlineTicks: number, nowTicks: number): void {
    this.#checkTimer(timer);
    if (this.#core.timers_start(this.#table, timer, deadlineTicks, nowTicks) < 0) {
      throw new RangeError(`deadline ${deadlineTicks} does not lie 0 to 2147483647 ticks after ${nowTicks}`);
    }
  }

  /**
   * Puts off a timer that runs: one store. `deadlineTicks` is no earlier than the one before (use `start` for that), and read the
   * clock once per tick for all touches, not once per touch. On a timer that does not run it has no effect.
   */
  touch(timer: number, deadlineTicks: number): void {
    this.#deadlines[timer * RECORD_WORDS] = deadlineTicks;
  }

  /** Stops a timer; one that does not run stays as it is. Throws RangeError for a timer out of bounds. */
  stop(timer: number): void {
    this.#checkTimer(timer);
    this.#core.timers_stop(this.#table, timer);
  }

  /**
   * Moves time on and calls back for each timer whose deadline it reached; it is stopped by then. Never early, each once. It handles at
   * most `maxHandled` (1 to 65,536) timers, due or not: while `isPending`, call again with the same tick, at leisure. The callback may
   * start, touch and stop timers, but others that are due at the same tick may be reported all the same. Answers how many were
   * reported.
   */
  advance(nowTicks: number, onExpired: (timer: number) => void, maxHandled: number = DEFAULT_HANDLED): number {
    const max = Math.max(1, Math.min(MAX_HANDLED, Math.trunc(maxHandled)));
    const count = this.#core.timers_advance(this.#table, nowTicks, this.#expired, max);
    this.isPending = this.#core.timers_pending(this.#table) === 1;
    for (let index = 0; index < count; index += 1) onExpired(this.#expiries[index] as number);
    return count;
  }

  #checkTimer(timer: number): void {
    if (timer >= 0 && timer < this.timers) return;
    throw new RangeError(`timer ${timer} is not one of the ${this.timers} of this table`);
  }
}
