// How long wakes took, and how much of that was the platform's: read off the farm's events as they come.
import type { Clock } from '../platform/ports.ts';
import type { FarmEvent } from '../platform/status.ts';
import type { WakeRow } from './history-rows.ts';

/** Held bytes go out within milliseconds of the platform being awake; whoever waits longer for them waits in vain. */
export const DELIVERY_BOUND_MS = 2000;

interface Wake {
  readonly platform: string;
  readonly startMs: number;
  readonly reason: string;
  waited: number;
  firstDeliveredMs: number | null;
  /** Set once it is awake, and only its held bytes are waited for. */
  awake: { readonly atMs: number; readonly requestedAtMs: number; readonly answeredAtMs: number | null } | null;
  cancel: () => void;
}

/** A wake that nobody asked for (somebody else pressed the button, a suspend that was called off) is none of Torpor's. */
export class WakeTracker {
  readonly #clock: Clock;
  readonly #onWake: (wake: WakeRow) => void;
  readonly #wakes = new Map<string, Wake>();

  constructor(clock: Clock, onWake: (wake: WakeRow) => void) {
    this.#clock = clock;
    this.#onWake = onWake;
  }

  /** Tells of what is still counted. */
  stop(): void {
    for (const wake of [...this.#wakes.values()]) if (wake.awake !== null) this.#end(wake);
  }

  note({ platform, kind, atMs, facts }: FarmEvent): void {
    if (kind === 'transition') this.#noteTransition(platform, atMs, facts);
    if (kind === 'delivered') this.#noteDelivered(platform, atMs);
  }

  #noteTransition(platform: string, atMs: number, facts: FarmEvent['facts']): void {
    if (facts.to === 'waking') {
      this.#begin(platform, atMs, String(facts.reason));
      return;
    }
    const wake = this.#wakes.get(platform);
    if (wake === undefined || facts.from !== 'waking') return;
    const requestedAtMs = facts.requestedAtMs;
    if (typeof requestedAtMs !== 'number') {
      this.#wakes.delete(platform);
      return;
    }
    const startMs =
      typeof facts.waitingSinceMs === 'number' ? Math.min(wake.startMs, facts.waitingSinceMs) : wake.startMs;
    if (facts.to === 'failed') {
      this.#fail({ ...wake, startMs }, atMs);
      return;
    }
    if (facts.to !== 'awake') {
      this.#wakes.delete(platform);
      return;
    }
    const answeredAtMs = typeof facts.answeredAtMs === 'number' ? facts.answeredAtMs : null;
    const ending: Wake = { ...wake, startMs, awake: { atMs, requestedAtMs, answeredAtMs } };
    this.#wakes.set(platform, ending);
    ending.cancel = this.#clock.schedule(DELIVERY_BOUND_MS, () => this.#end(ending));
  }

  #begin(platform: string, startMs: number, reason: string): void {
    const before = this.#wakes.get(platform);
    if (before?.awake != null) this.#end(before);
    this.#wakes.set(platform, {
      platform,
      startMs,
      reason,
      waited: 0,
      firstDeliveredMs: null,
      awake: null,
      cancel: () => {},
    });
  }

  /** The first one ends the wait; who waited is counted until DELIVERY_BOUND_MS after it is awake. */
  #noteDelivered(platform: string, atMs: number): void {
    const wake = this.#wakes.get(platform);
    if (wake === undefined) return;
    wake.waited += 1;
    wake.firstDeliveredMs ??= atMs;
  }

  #fail({ platform, startMs, reason, waited }: Wake, atMs: number): void {
    this.#wakes.delete(platform);
    const none = { platformMs: null, torporMs: null };
    this.#onWake({
      table: 'wake',
      platform,
      atMs: startMs,
      outcome: 'failed',
      reason,
      totalMs: atMs - startMs,
      ...none,
      waited,
    });
  }

  #end(wake: Wake): void {
    const { platform, awake, startMs, reason, waited, firstDeliveredMs } = wake;
    wake.cancel();
    if (this.#wakes.get(platform) === wake) this.#wakes.delete(platform);
    if (awake === null) return;
    const totalMs = (firstDeliveredMs ?? awake.atMs) - startMs;
    const answered = awake.answeredAtMs;
    const platformMs = answered === null ? null : Math.min(totalMs, Math.max(0, answered - awake.requestedAtMs));
    const torporMs = platformMs === null ? null : totalMs - platformMs;
    this.#onWake({
      table: 'wake',
      platform,
      atMs: startMs,
      outcome: 'awake',
      reason,
      totalMs,
      platformMs,
      torporMs,
      waited,
    });
  }
}
