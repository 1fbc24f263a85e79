// The shipped registry of streams without the ticks at which nothing can expire, nine hundred thousand a day: each that is left out would find nobody.
// Where none is, the same story is told; a test compares them.
import type { Direction, StreamHints } from '../../src/core/stream-core.ts';
import type { Clock } from '../../src/platform/ports.ts';
import type { StreamPolicy } from '../../src/platform/stream-policy.ts';
import {
  type Observation,
  type Seat,
  type SeatOwner,
  StreamRegistry,
  type StreamRegistryOptions,
  TICK_INTERVAL_MS,
} from '../../src/streams/stream-registry.ts';

/** Ticks lie between the world's whole milliseconds, so that which of two things at one moment is first depends on no tick before. */
const TICK_PHASE_MS = 1 / 16;

/** Keeps one tick back until somebody may expire at it; all else passes. */
class TickClock implements Clock {
  readonly #clock: Clock;
  readonly #startMs: number;
  /** Nobody expires before this moment. */
  readonly #dueMs: () => number;
  #tick: (() => void) | null = null;
  #atMs = Number.POSITIVE_INFINITY;
  #cancel: () => void = () => {};

  constructor(clock: Clock, dueMs: () => number) {
    this.#clock = clock;
    this.#startMs = clock.nowMs() + TICK_PHASE_MS;
    this.#dueMs = dueMs;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  schedule(delayMs: number, run: () => void): () => void {
    if (delayMs !== TICK_INTERVAL_MS) return this.#clock.schedule(delayMs, run);
    this.#tick = run;
    this.arm();
    return () => {
      this.#tick = null;
      this.#cancel();
    };
  }

  /** Somebody may be due earlier than the tick that is kept. */
  arm(): void {
    if (this.#tick === null) return;
    const nowMs = this.#clock.nowMs();
    const fromMs = Math.max(this.#dueMs(), nowMs + TICK_PHASE_MS);
    const atMs = this.#startMs + Math.ceil((fromMs - this.#startMs) / TICK_INTERVAL_MS) * TICK_INTERVAL_MS;
    if (atMs >= this.#atMs) return;
    this.#cancel();
    this.#atMs = atMs;
    this.#cancel = this.#clock.schedule(atMs - nowMs, () => {
      const tick = this.#tick;
      this.#tick = null;
      this.#atMs = Number.POSITIVE_INFINITY;
      tick?.();
    });
  }
}

export class QuietRegistry extends StreamRegistry {
  readonly #clock: TickClock;
  readonly #due: Map<Seat, number>;

  /** `skips`: whether ticks are left out. */
  constructor(options: StreamRegistryOptions, skips: boolean) {
    const due = new Map<Seat, number>();
    // A tick that comes before anybody is due finds nobody; one that comes late would be another story.
    const clock = new TickClock(options.clock, () => (skips ? Math.floor(Math.min(...due.values())) - 1 : 0));
    super({ ...options, clock });
    this.#clock = clock;
    this.#due = due;
  }

  override open(idleTimeoutMs: number, owner: SeatOwner, hints: StreamHints = {}): Seat {
    const onExpired = () => {
      this.#note(seat);
      owner.onExpired();
    };
    const seat = super.open(idleTimeoutMs, { onExpired }, hints);
    this.#note(seat);
    return seat;
  }

  override observe(seat: Seat, direction: Direction, chunk: Uint8Array): Observation {
    const seen = super.observe(seat, direction, chunk);
    if (seen.isActive) this.#note(seat);
    return seen;
  }

  override wake(seat: Seat): boolean {
    const wasIdle = super.wake(seat);
    this.#note(seat);
    return wasIdle;
  }

  override change(seat: Seat, idleTimeoutMs: number, policy: StreamPolicy): void {
    super.change(seat, idleTimeoutMs, policy);
    this.#note(seat);
  }

  override close(seat: Seat, graceMs: number): void {
    super.close(seat, graceMs);
    const leftMs = this.isActive(seat) ? Math.max(0, this.leftMs(seat)) : 0;
    this.#set(seat, this.#clock.nowMs() + leftMs);
  }

  override release(seat: Seat): void {
    super.release(seat);
    this.#due.delete(seat);
  }

  #note(seat: Seat): void {
    const leftMs = this.isActive(seat) ? this.leftMs(seat) : Number.POSITIVE_INFINITY;
    this.#set(seat, this.#clock.nowMs() + leftMs);
  }

  #set(seat: Seat, dueMs: number): void {
    const beforeMs = this.#due.get(seat) ?? Number.POSITIVE_INFINITY;
    this.#due.set(seat, dueMs);
    if (dueMs < beforeMs) this.#clock.arm();
  }
}
