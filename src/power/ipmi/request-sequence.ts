// Hands out rqSeq numbers so that a late answer to an old request is never taken for the answer to a new one.
import { RQ_SEQ_COUNT } from './ipmi-message.ts';

/**
 * The 64 request sequence numbers of one session, used in turn. A number whose request was sent more than once, or never
 * answered, may still get a late answer: it rests for the quarantine. When all others are taken, the one that rested
 * longest is used early; with at most `maxInFlight` requests at a time there is always one.
 */
export class RequestSequence {
  readonly #quarantineMs: number;
  readonly #taken = new Set<number>();
  readonly #restingUntilMs = new Map<number, number>();
  #next = 0;

  constructor(quarantineMs: number) {
    this.#quarantineMs = quarantineMs;
  }

  /** A number for a new request, or null where all 64 are in use. */
  take(nowMs: number): number | null {
    let earliest: number | null = null;
    for (let step = 0; step < RQ_SEQ_COUNT; step += 1) {
      const candidate = (this.#next + step) % RQ_SEQ_COUNT;
      if (this.#taken.has(candidate)) continue;
      const untilMs = this.#restingUntilMs.get(candidate) ?? Number.NEGATIVE_INFINITY;
      if (untilMs <= nowMs) return this.#use(candidate);
      const earliestMs = earliest === null ? Number.POSITIVE_INFINITY : (this.#restingUntilMs.get(earliest) as number);
      if (untilMs < earliestMs) earliest = candidate;
    }
    return earliest === null ? null : this.#use(earliest);
  }

  #use(rqSeq: number): number {
    this.#taken.add(rqSeq);
    this.#restingUntilMs.delete(rqSeq);
    this.#next = (rqSeq + 1) % RQ_SEQ_COUNT;
    return rqSeq;
  }

  /** The request is over. `mayAnswerLate`: an answer to it may still come. */
  giveBack(rqSeq: number, nowMs: number, mayAnswerLate: boolean): void {
    if (!this.#taken.delete(rqSeq)) return;
    if (mayAnswerLate) this.#restingUntilMs.set(rqSeq, nowMs + this.#quarantineMs);
  }
}
