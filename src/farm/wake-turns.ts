// Whose turn it is to wake, on every circuit of this Torpor: asks the pure rule whenever a platform's part in it changes, and tells those who may go.
import type { PlatformController } from '../controller/platform-controller.ts';
import type { Clock } from '../platform/ports.ts';
import type { CircuitStatus, WakeTurnStatus } from '../platform/status.ts';
import { formatDuration } from '../platform/units.ts';
import { type Circuit, type CircuitOutlook, orderWakes, type WakePlace } from '../platform/wake-order.ts';
import { type PlaceRule, wakePlaceOf } from '../platform/wake-place.ts';

/** While somebody is queued there is a look that often, whatever is told: a place may be free because its time is over. Milliseconds. */
export const QUEUE_LOOK_MS = 1_000;

/** A platform on a circuit. */
export interface CircuitMember extends PlaceRule {
  readonly circuit: string;
  readonly controller: PlatformController;
}

export interface WakeTurnsOptions {
  readonly circuits: readonly Circuit[];
  /** Those on a circuit, as they are now. */
  readonly members: () => readonly CircuitMember[];
  readonly clock: Clock;
}

export class WakeTurns {
  readonly #options: WakeTurnsOptions;
  #circuits: readonly Circuit[];
  #isLooking = false;
  #mustLook = false;
  #isStopped = false;
  #cancelLook: (() => void) | null = null;
  /** What was told already, by platform: since when it queues, since when it is overdue. */
  readonly #toldQueued = new Map<string, number>();
  readonly #toldOverdue = new Map<string, number>();

  constructor(options: WakeTurnsOptions) {
    this.#options = options;
    this.#circuits = options.circuits;
  }

  /** Other limits, from now on. */
  configure(circuits: readonly Circuit[]): void {
    this.#circuits = circuits;
    this.look();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelLook?.();
  }

  /** Tells all whose turn it is. Called back from within, by those that it tells, it looks once more. */
  look(): void {
    this.#mustLook = true;
    if (this.#circuits.length === 0 || this.#isLooking || this.#isStopped) return;
    this.#isLooking = true;
    try {
      while (this.#mustLook) {
        this.#mustLook = false;
        for (const circuit of this.#circuits) this.#lookAt(circuit);
      }
    } finally {
      this.#isLooking = false;
    }
    this.#lookAgain();
  }

  /** Platforms whose wake waits, and for what. */
  waiting(): ReadonlyMap<string, WakeTurnStatus> {
    const waiting = new Map<string, WakeTurnStatus>();
    for (const circuit of this.#circuits) {
      const members = this.#membersOf(circuit);
      const askedAtMs = new Map(members.map(({ controller: { name, model } }) => [name, model.wakeTurn?.askedAtMs]));
      for (const { platform, ahead, why } of this.#outlook(circuit, members).queue) {
        waiting.set(platform, { circuit: circuit.name, sinceMs: askedAtMs.get(platform) ?? 0, ahead, why });
      }
    }
    return waiting;
  }

  circuits(): CircuitStatus[] {
    return this.#circuits.map((circuit) => {
      const { waking, watts, queue } = this.#outlook(circuit);
      const { name, wakingAtMost, watts: wattsAtMost } = circuit;
      return { name, waking, wakingAtMost, watts, wattsAtMost, queue: queue.map(({ platform }) => platform) };
    });
  }

  #lookAt(circuit: Circuit): void {
    const members = this.#membersOf(circuit);
    const { granted, queue, overdue } = this.#outlook(circuit, members);
    const controllerOf = new Map(members.map(({ controller }) => [controller.name, controller]));
    for (const place of overdue) this.#tellOverdue(circuit, place, controllerOf.get(place.platform));
    for (const { platform, why } of queue) this.#tellQueued(why, controllerOf.get(platform));
    for (const platform of granted) controllerOf.get(platform)?.dispatch({ kind: 'wakeTurn' });
  }

  #tellOverdue(circuit: Circuit, place: WakePlace, controller: PlatformController | undefined): void {
    if (controller === undefined || this.#toldOverdue.get(place.platform) === place.sinceMs) return;
    this.#toldOverdue.set(place.platform, place.sinceMs);
    const within = formatDuration(place.wakeTimeoutMs);
    controller.tell(
      'alarm',
      `not awake within ${within}: on circuit ${circuit.name} others do not wait for it any more`,
    );
  }

  #tellQueued(why: string, controller: PlatformController | undefined): void {
    const askedAtMs = controller?.model.wakeTurn?.askedAtMs;
    if (controller === undefined || askedAtMs === undefined) return;
    if (this.#toldQueued.get(controller.name) === askedAtMs) return;
    this.#toldQueued.set(controller.name, askedAtMs);
    controller.tell('note', `waits for its turn to wake: ${why}`);
  }

  #lookAgain(): void {
    const isQueued = ({ controller: { model } }: CircuitMember) => model.wakeTurn?.isGranted === false;
    const isNeeded = !this.#isStopped && this.#options.members().some(isQueued);
    if (!isNeeded || this.#cancelLook !== null) return;
    this.#cancelLook = this.#options.clock.schedule(QUEUE_LOOK_MS, () => {
      this.#cancelLook = null;
      this.look();
    });
  }

  #membersOf({ name }: Circuit): CircuitMember[] {
    return this.#options.members().filter(({ circuit }) => circuit === name);
  }

  #outlook(circuit: Circuit, members: readonly CircuitMember[] = this.#membersOf(circuit)): CircuitOutlook {
    const places = members.map(({ controller, priority, watts }) =>
      wakePlaceOf(controller.name, controller.model, { priority, watts }),
    );
    return orderWakes(circuit, places, this.#options.clock.nowMs());
  }
}
