// Whose turn it is to wake, on every circuit of this Torpor: asks the pure rule whenever a platform's part in it changes, and tells those who may go.
import type { PlatformController } from '../controller/platform-controller.ts';
import type { Clock } from '../platform/ports.ts';
import type { CircuitStatus, WakeTurnStatus } from '../platform/status.ts';
import { formatDuration } from '../platform/units.ts';
import { type Circuit, type CircuitOutlook, isOverdue, orderWakes, type WakePlace } from '../platform/wake-order.ts';
import { type PlaceRule, wakePlaceOf } from '../platform/wake-place.ts';
import type { FarmTurns } from './farm-turns.ts';

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
  /** Where the turns of all Torpors stand; left out: this one is alone. */
  readonly shared?: FarmTurns | null;
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
    if (options.shared != null) options.shared.onChange = () => this.look();
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
    for (const platform of this.#agreed(circuit, granted, members))
      controllerOf.get(platform)?.dispatch({ kind: 'wakeTurn' });
  }

  /** Those that may go at once. The others of them are asked for, and go once the store has it; without it they go by this Torpor's own word. */
  #agreed({ name }: Circuit, granted: readonly string[], members: readonly CircuitMember[]): readonly string[] {
    const { shared, clock } = this.#options;
    if (shared == null || shared.doubt() !== null) return granted;
    const places = members.map(placeOf);
    const taken = places.filter((place) => isTaking(place) && !isOverdue(place, clock.nowMs()));
    shared.want(name, [...taken.map(({ platform }) => platform), ...granted]);
    return granted.filter((platform) => shared.isMine(name, platform));
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
    const nowMs = this.#options.clock.nowMs();
    const { shared } = this.#options;
    const places = members.map(placeOf);
    if (shared == null) return orderWakes(circuit, places, nowMs);
    const doubt = shared.doubt();
    if (doubt === null) return orderWakes(circuit, withElsewhere(places, shared.elsewhere(circuit.name), nowMs), nowMs);
    const { wakingAtMost } = circuit;
    const share = wakingAtMost === null ? null : shared.ownShareOf(wakingAtMost);
    const own = orderWakes({ ...circuit, wakingAtMost: share }, places, nowMs);
    const alone = (why: string) => `${why} (this Torpor’s share, ${doubt})`;
    return { ...own, queue: own.queue.map((queued) => ({ ...queued, why: alone(queued.why) })) };
  }
}

function placeOf({ controller, priority, watts }: CircuitMember): WakePlace {
  return wakePlaceOf(controller.name, controller.model, { priority, watts });
}

function isTaking({ stage }: WakePlace): boolean {
  return stage === 'waking' || stage === 'granted';
}

/** What another Torpor wakes takes a place here, too, as long as a wake may take; after that it is this one's to try. */
function withElsewhere(
  places: readonly WakePlace[],
  elsewhere: ReadonlyMap<string, number>,
  nowMs: number,
): WakePlace[] {
  return places.map((place) => {
    const sinceMs = elsewhere.get(place.platform);
    if (sinceMs === undefined || isTaking(place) || nowMs >= sinceMs + place.wakeTimeoutMs) return place;
    return { ...place, stage: 'waking', sinceMs, drawnWatts: place.wakingWatts };
  });
}
