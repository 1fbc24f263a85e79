// What one stream's bytes mean for the active pool: its seat in the registry and what its observer is told. Moves no byte.
import type { Direction } from '../core/stream-core.ts';
import { errorText } from '../platform/errors.ts';
import type { ActivityRule, Clock, Protocol, StreamObserver, StreamStatus } from '../platform/ports.ts';
import { formatDuration } from '../platform/units.ts';
import { judgePreface } from './preface.ts';
import type { Seat, StreamRegistry } from './stream-registry.ts';

/** What a new connection to a sleeper must bring to count as activity. */
export type WakeOn = 'connect' | 'preface' | 'input';

/**
 * quiet: no activity. active: activity of a stream in the pool. entered: activity that puts it there. refused: this
 * client cannot be served (`refusal` says why).
 */
export type Verdict = 'quiet' | 'active' | 'entered' | 'refused';

export interface StreamActivityOptions {
  readonly registry: StreamRegistry;
  readonly observer: StreamObserver;
  readonly clock: Clock;
  readonly idleTimeoutMs: number;
  readonly disconnectGraceMs: number;
  readonly wakeOn: WakeOn;
  readonly activity: ActivityRule;
  readonly protocol: Protocol;
  /** Port of the target, and what the streams of this client to this listener share; see StreamHints. */
  readonly port: number;
  readonly family: number;
  readonly status: () => StreamStatus;
  /** Whether the stream's VM is held at this moment. */
  readonly isHeld: () => boolean;
  /** Runs once, when the stream is closed and out of the pool. */
  readonly onOver: () => void;
}

/**
 * A stream is active when it opens, unless it opens towards a sleeper and its listener asks for more (`wakeOn`): then it
 * stays *dormant*, outside the pool and without a seat, until its first bytes count, or its VM is released.
 */
export class StreamActivity {
  readonly #options: StreamActivityOptions;
  #seat: Seat | null = null;
  #isClosed = false;
  /** The first bytes of a dormant stream, while they are too few to be judged. */
  #firstBytes = new Uint8Array();
  #enterWhy = 'connected';
  lastActiveAtMs: number;
  /** Why the last verdict was `refused`. */
  refusal = '';

  constructor(options: StreamActivityOptions) {
    this.#options = options;
    this.lastActiveAtMs = options.clock.nowMs();
  }

  /** True while nothing has made the stream count. */
  get isDormant(): boolean {
    return this.#seat === null;
  }

  get isActive(): boolean {
    return this.#seat !== null && this.#options.registry.isActive(this.#seat);
  }

  /** What the stream speaks, and why its client's last bytes counted or did not. */
  describe(): { speaks: string; verdict: string } {
    if (this.#seat === null) return { speaks: this.#options.protocol, verdict: 'dormant: nothing of it counted yet' };
    const { protocol, why } = this.#options.registry.describe(this.#seat);
    return { speaks: protocol, verdict: why };
  }

  /** Takes the seat of a stream that is not dormant. Throws ERR_CORE_STREAMS_EXHAUSTED; then nothing has happened. */
  takeSeat(): void {
    if (this.#options.wakeOn === 'connect' || !this.#options.isHeld()) this.#openSeat();
  }

  /** Tells the observer that the stream is open, and active unless it is dormant. */
  announce(): void {
    this.#options.observer.streamOpened(this.#options.status());
    if (this.#seat !== null) this.report('entered');
  }

  /** Judges a chunk before it is passed on. `report` is to be called with the verdict afterwards. */
  judge(direction: Direction, chunk: Uint8Array): Verdict {
    if (this.#isClosed) return 'quiet';
    if (this.#seat === null) return direction === 'client' ? this.#judgeFirstBytes(chunk) : 'quiet';
    const way = direction === 'client' && this.#options.isHeld() ? 'held' : direction;
    const { isActive, hasEntered } = this.#options.registry.observe(this.#seat, way, chunk);
    if (!isActive) return 'quiet';
    this.lastActiveAtMs = this.#options.clock.nowMs();
    this.#enterWhy = direction === 'client' ? 'client bytes' : 'work: a transfer from the server';
    return hasEntered ? 'entered' : 'active';
  }

  /** Tells the observer what a verdict means. The observer may hold or release streams before this returns. */
  report(verdict: Verdict): void {
    if (verdict !== 'active' && verdict !== 'entered') return;
    const { observer, status, isHeld } = this.#options;
    if (verdict === 'entered') observer.streamActive(status(), this.#enterWhy);
    if (isHeld()) observer.activityWhileHeld(status(), this.#enterWhy);
  }

  /** Counts as activity without a byte that would: a hold that reached its bound, bytes that wait. */
  insist(why: string): void {
    if (this.#isClosed) return;
    const hasEntered = this.#seat === null ? this.#enterPool() : this.#options.registry.wake(this.#seat);
    this.lastActiveAtMs = this.#options.clock.nowMs();
    this.#enterWhy = why;
    this.report(hasEntered ? 'entered' : 'active');
  }

  /** The stream's VM runs: from now on a dormant stream is one like any other. */
  release(): Verdict {
    if (this.#seat !== null || this.#isClosed) return 'quiet';
    return this.#enterPool() ? 'entered' : 'refused';
  }

  /** The stream is gone: it leaves the pool after its grace, at once where it was idle, and gives its seat back. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#seat !== null && this.isActive) this.#options.registry.close(this.#seat, this.#options.disconnectGraceMs);
    else this.#leave();
  }

  /** Gives the seat back at once and tells nobody. */
  discard(): void {
    this.#isClosed = true;
    this.#leave();
  }

  #judgeFirstBytes(chunk: Uint8Array): Verdict {
    const { wakeOn, protocol } = this.#options;
    this.#enterWhy = 'client bytes';
    this.#firstBytes = joinBytes(this.#firstBytes, chunk);
    if (wakeOn === 'preface') {
      const verdict = judgePreface(protocol, this.#firstBytes);
      if (verdict === 'incomplete') return 'quiet';
      if (verdict === 'invalid') {
        this.refusal = `its first bytes are no start of ${protocol}, and its VM sleeps (wakeOn: preface)`;
        return 'refused';
      }
      this.#enterWhy = `valid start of ${protocol}`;
    }
    return this.#enterPool() ? 'entered' : 'refused';
  }

  /** Takes the seat of a dormant stream and shows the core what it has sent so far. False: there is none left. */
  #enterPool(): boolean {
    try {
      const seat = this.#openSeat();
      if (this.#firstBytes.length > 0) this.#options.registry.observe(seat, 'client', this.#firstBytes);
      this.#firstBytes = new Uint8Array();
      return true;
    } catch (error) {
      this.refusal = errorText(error);
      return false;
    }
  }

  #openSeat(): Seat {
    const { activity, protocol, port, family } = this.#options;
    // To the core a raw stream is one of which every client byte counts.
    const hints = activity === 'learned' ? ({ protocol, port, family } as const) : ({ protocol: 'raw' } as const);
    this.#seat = this.#options.registry.open(this.#options.idleTimeoutMs, () => this.#expire(), hints);
    this.lastActiveAtMs = this.#options.clock.nowMs();
    return this.#seat;
  }

  #expire(): void {
    const { observer, status, idleTimeoutMs } = this.#options;
    observer.streamIdle(status(), this.#isClosed ? 'disconnected' : `no activity for ${formatDuration(idleTimeoutMs)}`);
    if (this.#isClosed) this.#leave();
  }

  #leave(): void {
    if (this.#seat !== null) this.#options.registry.release(this.#seat);
    this.#seat = null;
    this.#options.onOver();
  }
}

function joinBytes(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
