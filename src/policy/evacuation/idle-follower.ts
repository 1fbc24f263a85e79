// One platform under an idle policy, step by step in virtual time: the course that replayPolicy plays over a finished list, while who is there may still change.
import type { CostModel, CostRates } from '../cost-model.ts';
import { idleLagMs, toRates } from '../cost-model.ts';
import { addCourse, type CourseSums, newSums } from '../idle-course.ts';
import { IDLE_JOIN_MS, NOTE_BEGIN, NOTE_END, type NoteKind } from '../interval-list.ts';
import { type IdlePlan, type IdlePolicy, NO_PLAN } from '../policy.ts';
import type { ReplayWindow } from '../replay.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** An interval that is over: who waited at its end is known a little later. */
interface Ended {
  readonly beginMs: number;
  readonly endMs: number;
  readonly hasArrival: boolean;
  readonly momentsMs: readonly number[];
  readonly waiterMs: number[];
  readonly seen: Set<number>;
}

/** Within one moment: first `act` and `note`, then `advance`, then `hold`, then `sleep` where it `wantsSleep`. Clients are the pool's indices. */
export class IdleFollower {
  readonly #policy: IdlePolicy;
  readonly #rates: CostRates;
  readonly #lagMs: number;
  readonly #window: ReplayWindow;
  readonly #indices = new Map<number, number>();
  /** Each client's last activity, joined where it paused for a moment only. */
  readonly #stretches = new Map<number, { fromMs: number; toMs: number }>();
  readonly sums = newSums();
  readonly #uncounted = newSums();
  #notes: { atMs: number; client: number; kind: NoteKind }[] = [];
  #activeUntilMs = Number.NEGATIVE_INFINITY;
  #beginMs: number | null = null;
  #plan: IdlePlan = NO_PLAN;
  /** Of the interval: changes to come, and those that were made. */
  #dueMs: number[] = [];
  #doneMs: number[] = [];
  #readyMs = Number.NEGATIVE_INFINITY;
  #isAsked = false;
  #isHeld = false;
  #ended: Ended | null = null;

  constructor(policy: IdlePolicy, costs: CostModel, window: ReplayWindow) {
    this.#policy = policy;
    this.#rates = toRates(costs);
    this.#lagMs = idleLagMs(costs);
    this.#window = window;
  }

  know(client: number, name: string, isJob: boolean): void {
    if (!this.#indices.has(client)) this.#indices.set(client, this.#policy.addClient(name, isJob));
  }

  // ------------------------------------------------------------------------------------------------ what happens

  act(client: number, isJob: boolean, atMs: number, toMs: number): void {
    if (this.#beginMs !== null) this.#end(atMs, true);
    if (!isJob) this.#noteWaiter(client, atMs);
    this.#activeUntilMs = Math.max(this.#activeUntilMs, toMs);
    if (!this.#policy.learns) return;
    const last = this.#stretches.get(client);
    if (last !== undefined && atMs <= last.toMs + IDLE_JOIN_MS) last.toMs = Math.max(last.toMs, toMs);
    else {
      if (last !== undefined) this.#noteStretch(client, last);
      this.#stretches.set(client, { fromMs: atMs, toMs });
    }
  }

  /** A client goes to another platform; what is left here is active until `untilMs`. */
  leave(client: number, atMs: number, untilMs: number): void {
    this.#activeUntilMs = untilMs;
    const last = this.#stretches.get(client);
    if (last === undefined) return;
    this.#noteStretch(client, { fromMs: last.fromMs, toMs: Math.min(last.toMs, atMs) });
    this.#stretches.delete(client);
  }

  note(kind: NoteKind, client: number, atMs: number): void {
    if (!this.#policy.learns) return;
    this.#notes.push({ atMs, client, kind });
    this.#isAsked = true;
  }

  /** Kept awake while a VM is moved: a sleep that is due meanwhile comes after it. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
  }

  // ------------------------------------------------------------------------------------------------ what it does

  get hasBegun(): boolean {
    return Number.isFinite(this.#activeUntilMs);
  }

  isAwake(nowMs: number): boolean {
    return this.hasBegun && !this.#isAsleep && nowMs >= this.#readyMs;
  }

  /** The policy says sleep. */
  wantsSleep(nowMs: number): boolean {
    return this.#beginMs !== null && !this.#isAsleep && (this.#dueMs[0] ?? NEVER) <= nowMs;
  }

  /** When it has to be advanced next. */
  nextMs(nowMs: number): number {
    const readyMs = this.#readyMs > nowMs ? this.#readyMs : NEVER;
    if (this.#beginMs === null) return Math.min(readyMs, this.hasBegun ? this.#activeUntilMs + this.#lagMs : NEVER);
    const due = this.#dueMs[this.#isHeld && !this.#isAsleep ? 1 : 0] ?? NEVER;
    return Math.min(readyMs, due, this.#plan.reviewAtMs);
  }

  advance(nowMs: number): void {
    if (this.#beginMs === null) {
      if (!this.hasBegun || this.#activeUntilMs + this.#lagMs > nowMs) return;
      this.#begin(this.#activeUntilMs + this.#lagMs);
    } else if (this.#policy.learns && (this.#isAsked || this.#plan.reviewAtMs <= nowMs)) {
      this.#tell();
      this.#follow(this.#policy.review(nowMs, this.#isAsleep));
    }
    if (this.#isAsleep && (this.#dueMs[0] ?? NEVER) <= nowMs) {
      this.#wake(this.#dueMs[0] as number);
      this.#doneMs.push(this.#dueMs.shift() as number);
    } else if (!this.#isAsleep && (this.#dueMs[1] ?? NEVER) <= nowMs) {
      // Held beyond the sleep and the wake after it.
      this.#dueMs.splice(0, 2);
    }
  }

  sleep(nowMs: number): void {
    this.#dueMs.shift();
    this.#doneMs.push(nowMs);
  }

  /** The record ends. */
  finish(toMs: number): void {
    if (this.#beginMs !== null) this.#end(toMs, false);
    this.#settle();
  }

  // ------------------------------------------------------------------------------------------------ intervals

  get #isAsleep(): boolean {
    return this.#doneMs.length % 2 === 1;
  }

  #begin(beginMs: number): void {
    this.#settle();
    for (const [client, stretch] of this.#stretches) this.#noteStretch(client, stretch);
    this.#stretches.clear();
    this.#tell();
    this.#beginMs = beginMs;
    this.#doneMs = [];
    this.#follow(this.#policy.begin(beginMs, this.#lagMs));
  }

  #follow(plan: IdlePlan): void {
    this.#plan = plan;
    this.#dueMs = [...plan.momentsMs];
  }

  /** From the moment at which it slept, or is suspended, whichever is later. */
  #wake(atMs: number): void {
    const suspendedMs = (this.#doneMs.at(-1) as number) + this.#rates.suspendMs;
    this.#readyMs = Math.max(atMs, suspendedMs) + this.#rates.resumeMs;
  }

  #end(endMs: number, hasArrival: boolean): void {
    if (this.#isAsleep) this.#wake(endMs);
    const beginMs = this.#beginMs as number;
    this.#ended = { beginMs, endMs, hasArrival, momentsMs: this.#doneMs, waiterMs: [], seen: new Set() };
    this.#beginMs = null;
    this.#doneMs = [];
    this.#dueMs = [];
    this.#plan = NO_PLAN;
  }

  #noteWaiter(client: number, atMs: number): void {
    const { suspendMs, resumeMs } = this.#rates;
    if (this.#ended === null || atMs >= this.#ended.endMs + suspendMs + resumeMs) return;
    if (this.#ended.seen.has(client)) return;
    this.#ended.seen.add(client);
    this.#ended.waiterMs.push(atMs - this.#ended.endMs);
  }

  #settle(): void {
    if (this.#ended === null) return;
    const { beginMs, endMs, hasArrival, momentsMs, waiterMs } = this.#ended;
    this.#ended = null;
    const arrival = { endMs, hasArrival, waiterMs, waiterFrom: 0, waiterTo: waiterMs.length };
    const isCounted = beginMs >= this.#window.fromMs && beginMs < this.#window.toMs;
    const sums: CourseSums = isCounted ? this.sums : this.#uncounted;
    addCourse(this.#rates, momentsMs, beginMs, arrival, sums);
    if (this.#policy.learns) this.#policy.end(arrival);
  }

  #noteStretch(client: number, { fromMs, toMs }: { fromMs: number; toMs: number }): void {
    this.#notes.push({ atMs: fromMs, client, kind: NOTE_BEGIN }, { atMs: toMs, client, kind: NOTE_END });
  }

  #tell(): void {
    this.#notes.sort((one, other) => one.atMs - other.atMs || one.kind - other.kind);
    for (const { atMs, client, kind } of this.#notes)
      this.#policy.note(kind, this.#indices.get(client) as number, atMs);
    this.#notes = [];
    this.#isAsked = false;
  }
}
