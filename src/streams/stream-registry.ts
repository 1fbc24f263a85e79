// One stream core shared by the streams of all platforms: turns clock time into ticks and expiries into calls.
import { FLAG_ACTIVE, FLAG_ENTERED } from '../core/abi.ts';
import type { LinkPool } from '../core/link-pool.ts';
import type { Direction, ProtocolName, StreamCore, StreamHandle, StreamHints } from '../core/stream-core.ts';
import type { Clock } from '../platform/ports.ts';
import type { StreamPolicy } from '../platform/stream-policy.ts';
import { describeVerdict } from './verdict-text.ts';

/** Expiries are reported at most this much late, or one tick of the core where that is longer. */
export const TICK_INTERVAL_MS = 100;
/** Expiries handled in one go; more are handled a turn of the event loop later, so that bytes are not kept waiting. */
export const EXPIRIES_PER_TURN = 512;

/** What one chunk means for its stream. */
export interface Observation {
  /** It counts as a person's activity. */
  readonly isActive: boolean;
  /** The stream was idle and became active with it. */
  readonly hasEntered: boolean;
}

const OBSERVATIONS: readonly Observation[] = [
  { isActive: false, hasEntered: false },
  { isActive: true, hasEntered: false },
  { isActive: true, hasEntered: true },
];

/** A stream's place in the registry. */
export type Seat = StreamHandle;

/** Who has a seat. */
export interface SeatOwner {
  /** Runs when the stream's idle timeout, or its grace after `close`, ran out. */
  onExpired(): void;
}

export interface StreamRegistryOptions {
  readonly core: StreamCore;
  readonly clock: Clock;
}

/** Built once, beside the core; started before the first stream opens and stopped after the last is gone. */
export class StreamRegistry {
  readonly core: StreamCore;
  /** The windows of all streams' holds, under one bound. */
  readonly links: LinkPool;
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #seats = new Map<Seat, SeatOwner>();
  #cancelTick: (() => void) | null = null;

  constructor(options: StreamRegistryOptions) {
    this.core = options.core;
    this.links = options.core.openLinks({ clock: options.clock });
    this.#clock = options.clock;
    this.#startMs = options.clock.nowMs();
  }

  /** Streams that have a seat. */
  get size(): number {
    return this.#seats.size;
  }

  /** Begins to report expiries. Idempotent. */
  start(): void {
    this.#cancelTick ??= this.#clock.schedule(this.#intervalMs(), () => this.#tick());
  }

  /** Reports no more expiries until it is started again, and takes the windows back. Idempotent. */
  stop(): void {
    this.links.close();
    this.#cancelTick?.();
    this.#cancelTick = null;
  }

  /** Takes a seat for a stream that is active now. Throws ERR_CORE_STREAMS_EXHAUSTED. */
  open(idleTimeoutMs: number, owner: SeatOwner, hints: StreamHints = {}): Seat {
    const seat = this.core.openStream(this.#ticks(idleTimeoutMs), this.#nowTicks(), hints);
    this.#seats.set(seat, owner);
    return seat;
  }

  /** Shows one chunk to the core. */
  observe(seat: Seat, direction: Direction, chunk: Uint8Array): Observation {
    const flags = this.core.observe(seat, direction, chunk, this.#nowTicks());
    if ((flags & FLAG_ACTIVE) === 0) return OBSERVATIONS[0] as Observation;
    return OBSERVATIONS[(flags & FLAG_ENTERED) === 0 ? 1 : 2] as Observation;
  }

  /** Makes a stream active without a byte of its own; what was learned of it stays. Answers whether it was idle. */
  wake(seat: Seat): boolean {
    return this.core.touchStream(seat, this.#nowTicks());
  }

  /** What the stream was told to be, and why its client's last bytes counted or did not, in words. */
  describe(seat: Seat): { protocol: ProtocolName; why: string } {
    const verdict = this.core.verdict(seat);
    return { protocol: verdict.protocol, why: describeVerdict(verdict) };
  }

  /** Another idle timeout, counted from the stream's last activity, and other switches. */
  change(seat: Seat, idleTimeoutMs: number, policy: StreamPolicy): void {
    this.core.changeStream(seat, this.#ticks(idleTimeoutMs), policy, this.#nowTicks());
  }

  isActive(seat: Seat): boolean {
    return this.core.isActive(seat);
  }

  /** How long a stream stays active if nothing more counts, its grace included. Not above zero where it is idle. */
  leftMs(seat: Seat): number {
    // Ticks are u32 and may wrap: their difference is what counts.
    return ((this.core.deadlineTicks(seat) - this.#nowTicks()) | 0) * this.core.tickMs;
  }

  /** The connection is over: `onExpired` runs `graceMs` from now where the stream is active, at once where it is idle. */
  close(seat: Seat, graceMs: number): void {
    this.core.closeStream(seat, this.#ticks(graceMs), this.#nowTicks());
  }

  /** Gives the seat back; `onExpired` does not run any more. */
  release(seat: Seat): void {
    if (this.#seats.delete(seat)) this.core.releaseStream(seat);
  }

  #tick(): void {
    const expired = this.core.advance(
      this.#nowTicks(),
      (handle) => this.#seats.get(handle)?.onExpired(),
      EXPIRIES_PER_TURN,
    );
    this.#cancelTick = this.#clock.schedule(expired < EXPIRIES_PER_TURN ? this.#intervalMs() : 0, () => this.#tick());
  }

  #intervalMs(): number {
    return Math.max(TICK_INTERVAL_MS, this.core.tickMs);
  }

  #nowTicks(): number {
    return Math.floor((this.#clock.nowMs() - this.#startMs) / this.core.tickMs);
  }

  /** Rounded up: a stream never goes idle early. */
  #ticks(durationMs: number): number {
    return Math.min(Math.ceil(durationMs / this.core.tickMs), 0x7fff_ffff);
  }
}
