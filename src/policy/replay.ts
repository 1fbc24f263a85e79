// Plays a policy over recorded intervals in virtual time and adds up what it costs. Prints and reads nothing.
import type { CostRates } from './cost-model.ts';
import { type Arrival, addCourse, type CourseSums, newSums } from './idle-course.ts';
import type { IntervalList, NoteKind } from './interval-list.ts';
import type { IdlePlan, IdlePolicy } from './policy.ts';

/** The part of the record that is counted. What comes before only teaches. */
export interface ReplayWindow {
  readonly fromMs: number;
  readonly toMs: number;
}

/** One arrival that is moved along a list, so that an interval costs no object. */
export class ArrivalCursor {
  readonly #list: IntervalList;
  readonly #arrival: { -readonly [Key in keyof Arrival]: Arrival[Key] };

  constructor(list: IntervalList) {
    this.#list = list;
    this.#arrival = { endMs: 0, hasArrival: true, waiterMs: list.waiterMs, waiterFrom: 0, waiterTo: 0 };
  }

  /** The end of interval `index`; valid until the next move. */
  moveTo(index: number): Arrival {
    const arrival = this.#arrival;
    arrival.endMs = this.#list.endMs[index] as number;
    arrival.hasArrival = this.#list.hasArrival[index] === 1;
    arrival.waiterFrom = this.#list.waiterStart[index] as number;
    arrival.waiterTo = this.#list.waiterStart[index + 1] as number;
    return arrival;
  }
}

/** Replays all of the list; sums only intervals that begin within the window. */
export function replayPolicy(
  list: IntervalList,
  rates: CostRates,
  policy: IdlePolicy,
  lagMs: number,
  window: ReplayWindow = list,
): CourseSums {
  const sums = newSums();
  const uncounted = newSums();
  const cursor = new ArrivalCursor(list);
  const player = policy.learns ? new LearningPlayer(list, policy) : null;
  for (let index = 0; index < list.beginMs.length; index += 1) {
    const beginMs = list.beginMs[index] as number;
    const arrival = cursor.moveTo(index);
    const isCounted = beginMs >= window.fromMs && beginMs < window.toMs;
    const momentsMs =
      player === null ? policy.begin(beginMs, lagMs).momentsMs : player.play(beginMs, arrival.endMs, lagMs);
    addCourse(rates, momentsMs, beginMs, arrival, isCounted ? sums : uncounted);
    if (player !== null) policy.end(arrival);
  }
  return sums;
}

/** Tells a policy that learns what happened, and asks it again where that, or its own plan, asks for it. */
class LearningPlayer {
  readonly #list: IntervalList;
  readonly #policy: IdlePolicy;
  readonly #indices: Uint16Array;
  #noteIndex = 0;

  constructor(list: IntervalList, policy: IdlePolicy) {
    this.#list = list;
    this.#policy = policy;
    this.#indices = Uint16Array.from(list.clients, (name, index) => policy.addClient(name, list.isJob[index] === true));
  }

  /** The moments that the policy chose until the interval's end. */
  play(beginMs: number, endMs: number, lagMs: number): readonly number[] {
    this.#tellUntil(beginMs);
    const { atMs } = this.#list.notes;
    const nextMs = () => Math.min(this.#noteIndex < atMs.length ? (atMs[this.#noteIndex] as number) : endMs, endMs);
    let plan = this.#policy.begin(beginMs, lagMs, nextMs());
    let done: number[] | null = null;
    for (;;) {
      const reviewMs = Math.min(plan.reviewAtMs, nextMs());
      if (reviewMs >= endMs) break;
      done = followPlan(done ?? [], plan, reviewMs);
      this.#tellUntil(reviewMs);
      plan = this.#policy.review(reviewMs, done.length % 2 === 1, nextMs());
    }
    return done === null ? plan.momentsMs : followPlan(done, plan, endMs);
  }

  #tellUntil(untilMs: number): void {
    const { atMs, client, kind } = this.#list.notes;
    while (this.#noteIndex < atMs.length && (atMs[this.#noteIndex] as number) <= untilMs) {
      const index = this.#noteIndex;
      const known = this.#indices[client[index] as number] as number;
      this.#policy.note(kind[index] as NoteKind, known, atMs[index] as number);
      this.#noteIndex += 1;
    }
  }
}

/** The course so far, and what the plan asks for before `untilMs`. */
function followPlan(done: number[], plan: IdlePlan, untilMs: number): number[] {
  for (const momentMs of plan.momentsMs) {
    if (momentMs >= untilMs) break;
    done.push(momentMs);
  }
  return done;
}
