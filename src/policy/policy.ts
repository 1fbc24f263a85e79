// The one interface of idle policies: what they are told, and the plan that they answer. Replay and the live controller use it alike.
import type { Arrival } from './idle-course.ts';
import type { NoteKind } from './interval-list.ts';

/** The policies that one line of the configuration chooses from. */
export const POLICY_NAMES = ['fixed', 'break-even', 'randomized', 'learned'] as const;
export type PolicyName = (typeof POLICY_NAMES)[number];

/** What to do while nobody comes. */
export interface IdlePlan {
  /**
   * Ascending Unix milliseconds of changes: sleep, wake ahead, sleep again, … of a platform that was awake when the plan was made;
   * one that slept begins with a wake. Empty: stay as it is.
   */
  readonly momentsMs: readonly number[];
  /** When to ask again, if nobody has come; Infinity: never. */
  readonly reviewAtMs: number;
}

/**
 * A policy is told what happens, in order of time, and is asked for a plan at the begin of each idle interval. It reads no clock
 * and no randomness but what it is given. An instance serves one platform.
 */
export interface IdlePolicy {
  readonly name: string;
  /** True where it wants to know of clients; others are told nothing, and asked only at the begin. */
  readonly learns: boolean;
  /** Makes a client known; what comes back is how it will be told of. A known name keeps its number. */
  addClient(name: string, isJob: boolean): number;
  /** A client that never was active is gone: another one may get its number. */
  forgetClient(client: number): void;
  /** Somebody became active or idle, came or left. */
  note(kind: NoteKind, client: number, atMs: number): void;
  /**
   * Nobody is active: the interval begins, `lagMs` after the last activity. Whoever knows that the plan will be asked for anew, or the
   * interval be over, at `neededUntilMs` may say so: moments from then on may be missing. It changes none of those before.
   */
  begin(beginMs: number, lagMs: number, neededUntilMs?: number): IdlePlan;
  /** Asked again inside the interval: at the plan's own wish, or because somebody connected or left. */
  review(atMs: number, isAsleep: boolean, neededUntilMs?: number): IdlePlan;
  /** The interval is over. Told before the next one begins, when it is known who came until the resume would have been complete. */
  end(arrival: Arrival): void;
}

/** Stay as it is. */
export const NO_PLAN: IdlePlan = { momentsMs: [], reviewAtMs: Number.POSITIVE_INFINITY };

/** What policies that do not learn answer to everything they are not interested in. */
export abstract class PlainPolicy implements IdlePolicy {
  abstract readonly name: string;
  readonly learns = false;
  #clients = 0;
  addClient(): number {
    this.#clients += 1;
    return this.#clients - 1;
  }
  forgetClient(): void {}
  note(): void {}
  abstract begin(beginMs: number, lagMs: number): IdlePlan;
  review(): IdlePlan {
    return NO_PLAN;
  }
  end(): void {}
}
