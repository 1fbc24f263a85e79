// The clock that one controller of a simulated platform sees. While nothing can change, its readings of power all say the same, forty thousand a day: they are
// left out, and the last of them is made up for before anything may look at it. Where none is left out, the same story is told; a test compares them.
import type { Clock } from '../../src/platform/ports.ts';
import type { ProcessClock } from './process-clock.ts';

interface Made {
  readonly atMs: number;
  readonly run: () => void;
  cancel: () => void;
  isOver: boolean;
}

/** Readings that are not made: from a first one on, each a period after the other. */
export interface Calm {
  /** From the turn of the watch that asks for a reading until the next one. */
  readonly periodMs: number;
  /** From such a turn until the answer. */
  readonly answerMs: number;
  /** The last moment for a turn that is left out. May be infinite. */
  readonly untilMs: number;
  /** The last one that was left out and has been answered, told as if it had been made. The clock shows that moment. */
  answered(): void;
}

interface Rest extends Calm {
  readonly turn: Made;
  cancelEnd(): void;
}

export class WatchClock implements Clock {
  readonly #life: ProcessClock;
  /** The moment that is made up for; null: now. */
  #backMs: number | null = null;
  #last: Made | null = null;
  #rest: Rest | null = null;
  /** When the turn is due that `catchUp` has set; null: it came, or another one before it. */
  #owedAtMs: number | null = null;

  constructor(life: ProcessClock) {
    this.#life = life;
  }

  nowMs(): number {
    return this.#backMs ?? this.#life.nowMs();
  }

  /** When what was scheduled last is due. */
  get lastDueAtMs(): number {
    return this.#last?.atMs ?? Number.NEGATIVE_INFINITY;
  }

  schedule(delayMs: number, run: () => void): () => void {
    const made: Made = { atMs: this.nowMs() + Math.max(0, delayMs), run, cancel: () => {}, isOver: false };
    made.cancel = this.#life.scheduleAt(made.atMs, () => {
      this.catchUp();
      run();
    });
    this.#last = made;
    return () => {
      made.isOver = true;
      made.cancel();
      if (this.#rest?.turn === made) this.#endRest();
    };
  }

  /** What was scheduled last is the watch's next turn, and it may wait: until `catchUp`, or until the first turn after `untilMs`. */
  rest(calm: Calm): void {
    const turn = this.#last;
    if (turn === null || this.#rest !== null || turn.atMs >= calm.untilMs) return;
    turn.cancel();
    const turns = Math.floor((calm.untilMs - turn.atMs) / calm.periodMs);
    const endMs = turn.atMs + turns * calm.periodMs;
    const cancelEnd = Number.isFinite(endMs) ? this.#life.scheduleAt(endMs, () => this.catchUp()) : () => {};
    this.#rest = { ...calm, turn, cancelEnd };
  }

  /** Before anything happens that looks at what was read last, or that changes what is read. */
  catchUp(): void {
    const rest = this.#rest;
    if (rest === null) return;
    this.#endRest();
    const { turn, periodMs, answerMs } = rest;
    const nowMs = this.#life.nowMs();
    let nextMs = turn.atMs;
    if (nowMs >= nextMs) {
      nextMs += Math.floor((nowMs - nextMs) / periodMs) * periodMs;
      const isAnswered = nextMs + answerMs < nowMs;
      const answeredMs = isAnswered ? nextMs : nextMs - periodMs;
      if (answeredMs >= turn.atMs) this.#at(answeredMs + answerMs, () => rest.answered());
      if (isAnswered) nextMs += periodMs;
    }
    if (nextMs <= nowMs) {
      this.#at(nextMs, turn.run);
      return;
    }
    // Where nothing was left out the watch knows by itself.
    this.#owedAtMs = nextMs === turn.atMs ? null : nextMs;
    turn.cancel = this.#life.scheduleAt(nextMs, () => {
      this.#owedAtMs = null;
      turn.run();
    });
  }

  /**
   * The watch knows nothing of what was made up for: where its pace changes before its next turn, it takes a reading for overdue. How much
   * later it would have been made. Asked for with each reading.
   */
  takeEarlyMs(paceMs: number): number {
    const owedAtMs = this.#owedAtMs;
    this.#owedAtMs = null;
    if (owedAtMs === null) return 0;
    const nowMs = this.nowMs();
    return Math.max(0, Math.min(owedAtMs, nowMs + paceMs) - nowMs);
  }

  /** What was scheduled last, a bound, counts from the moment at which the returned function is called. */
  postponeLast(): () => void {
    const last = this.#last;
    if (last === null) return () => {};
    const lastsMs = last.atMs - this.nowMs();
    last.cancel();
    return () => {
      if (!last.isOver) last.cancel = this.#life.scheduleAt(this.nowMs() + lastsMs, last.run);
    };
  }

  #endRest(): void {
    this.#rest?.cancelEnd();
    this.#rest = null;
  }

  #at(atMs: number, run: () => void): void {
    this.#backMs = atMs;
    run();
    this.#backMs = null;
  }
}
