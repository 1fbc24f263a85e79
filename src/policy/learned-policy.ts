// Learns when people come back and plans sleep and wake-ahead by it; plays `fixed 10m` until that has proven better.
import type { BusyTimes } from './busy-times.ts';
import { breakEvenMs, type CostRates } from './cost-model.ts';
import { HazardModel, type HazardSnapshot, isHazardSnapshot } from './hazard-model.ts';
import { type Arrival, addCourse, newSums } from './idle-course.ts';
import type { NoteKind } from './interval-list.ts';
import type { LocalOffset } from './local-time.ts';
import { GRID_STEPS, PLAN_HORIZON_MS } from './plan-grid.ts';
import { PlanProgram, reviewAtMs } from './plan-program.ts';
import type { IdlePlan, IdlePolicy } from './policy.ts';
import { RobustBound } from './robust-bound.ts';
import { isTrustState, TrustLedger, type TrustState } from './trust-ledger.ts';

/** What is played while it learns, counted from the last activity. */
export const LEARNING_IDLE_MS = 600_000;

/** Who chose the course of an interval: the fixed time, the forecast, or break-even, where the bound allows neither. */
export type LearnedSource = 'fixed' | 'forecast' | 'break-even';

const SNAPSHOT_VERSION = 1;

/** A gap between snapshot and restoring up to this is a restart: whoever was away went on being away. */
const RESTART_MS = 3_600_000;

export interface LearnedSnapshot {
  readonly version: typeof SNAPSHOT_VERSION;
  /** When it was taken; missing in those of earlier versions. */
  readonly atMs?: number;
  readonly hazards: HazardSnapshot;
  readonly trust: TrustState;
  readonly overshoot: number;
}

const NEVER = Number.POSITIVE_INFINITY;

export class LearnedPolicy implements IdlePolicy {
  readonly name = 'learned';
  readonly learns = true;
  readonly #rates: CostRates;
  readonly #model: HazardModel;
  readonly #program: PlanProgram;
  readonly #trust: TrustLedger;
  readonly #bound: RobustBound;
  #source: LearnedSource = 'fixed';
  #beginMs = 0;
  #fixedMs = 0;
  /** What the forecast would do, or does, in this interval; and when it plans anew. */
  #forecast: number[] = [];
  #forecastUntilMs = NEVER;
  /** What is done in this interval. */
  #played: number[] = [];

  constructor(rates: CostRates, offset: LocalOffset, lagMs: number, busy: BusyTimes | null = null) {
    this.#rates = rates;
    this.#model = new HazardModel(offset, busy);
    this.#program = new PlanProgram(rates);
    this.#trust = new TrustLedger(offset);
    this.#bound = new RobustBound(rates, Math.max(0, LEARNING_IDLE_MS - lagMs));
  }

  get factor(): number {
    return this.#bound.factor;
  }

  get source(): LearnedSource {
    return this.#source;
  }

  addClient(name: string, isJob: boolean): number {
    return this.#model.addClient(name, isJob);
  }

  forgetClient(client: number): void {
    this.#model.forgetClient(client);
  }

  /** The people that it knows, those of an earlier instance included. */
  people(): string[] {
    return this.#model.people();
  }

  /** All that was learned, as JSON can hold it. */
  snapshot(atMs?: number): LearnedSnapshot {
    return {
      version: SNAPSHOT_VERSION,
      ...(atMs !== undefined && { atMs }),
      hazards: this.#model.snapshot(),
      trust: this.#trust.state,
      overshoot: this.#bound.overshoot,
    };
  }

  /**
   * Takes up what an earlier instance learned. False where this is no snapshot of this version: then nothing is known. `nowMs`: nobody
   * watched since the snapshot, and where that was long it counts as nobody's absence; a clock that was wrong then is such a gap, too.
   */
  restore(kept: unknown, nowMs?: number): boolean {
    if (!isSnapshot(kept)) return false;
    this.#model.restore(kept.hazards);
    const { atMs } = kept;
    if (atMs !== undefined && nowMs !== undefined && nowMs - atMs > RESTART_MS) this.#model.passUnwatched(atMs, nowMs);
    this.#trust.restore(kept.trust);
    this.#bound.restore(kept.overshoot);
    return true;
  }

  note(kind: NoteKind, client: number, atMs: number): void {
    this.#model.note(kind, client, atMs);
  }

  begin(beginMs: number, lagMs: number, neededUntilMs = NEVER): IdlePlan {
    this.#beginMs = beginMs;
    this.#fixedMs = beginMs + Math.max(0, LEARNING_IDLE_MS - lagMs);
    this.#forecastUntilMs = reviewAtMs(beginMs);
    const isWhole = this.#trust.isTrusted && !this.#isFarFromBound(beginMs, 0);
    this.#forecast = this.#planFrom(beginMs, false, isWhole ? NEVER : neededUntilMs);
    this.#source = this.#chooseSource();
    if (this.#source === 'forecast') this.#played = this.#forecast;
    else if (this.#source === 'fixed') this.#played = [this.#fixedMs];
    else this.#played = [beginMs + breakEvenMs(this.#rates)];
    return { momentsMs: this.#played, reviewAtMs: this.#forecastUntilMs };
  }

  review(atMs: number, isAsleep: boolean, neededUntilMs = NEVER): IdlePlan {
    const past = this.#forecast.filter((momentMs) => momentMs < atMs);
    const follows = this.#source === 'forecast';
    // Who was kept from following the plan (an operator's wake, a guard) goes on from where it is.
    if (follows && isAsleep !== (past.length % 2 === 1)) past.push(atMs);
    const isWhole = follows && !this.#isFarFromBound(atMs, past.length);
    const next = [...past, ...this.#planFrom(atMs, past.length % 2 === 1, isWhole ? NEVER : neededUntilMs)];
    const untilMs = reviewAtMs(atMs);
    if (!follows || this.#bound.allows(next, this.#beginMs, untilMs)) {
      this.#forecast = next;
      this.#forecastUntilMs = untilMs;
    } else if (atMs >= this.#forecastUntilMs) {
      // The old plan has come to its end: it sleeps now, as it was weighed, and stays so.
      this.#forecast = past.length % 2 === 0 ? [...past, atMs] : past;
      this.#forecastUntilMs = NEVER;
    }
    if (follows) this.#played = this.#forecast;
    return { momentsMs: this.#played.filter((momentMs) => momentMs >= atMs), reviewAtMs: this.#forecastUntilMs };
  }

  end(arrival: Arrival): void {
    const beginMs = this.#beginMs;
    const costOf = (momentsMs: readonly number[]) => addCourse(this.#rates, momentsMs, beginMs, arrival, newSums());
    this.#trust.settle(costOf([this.#fixedMs]) - costOf(this.#forecast), beginMs);
    this.#bound.settle(costOf(this.#played), beginMs, arrival);
  }

  #chooseSource(): LearnedSource {
    const untilMs = this.#forecastUntilMs;
    if (this.#trust.isTrusted && this.#bound.allows(this.#forecast, this.#beginMs, untilMs)) return 'forecast';
    return this.#bound.allows([this.#fixedMs], this.#beginMs, untilMs) ? 'fixed' : 'break-even';
  }

  /** True where this plan and the next one will both be allowed, whatever they are: then neither need be known to its end. */
  #isFarFromBound(atMs: number, changes: number): boolean {
    return this.#bound.isFar(changes + 2 * GRID_STEPS + 2, this.#beginMs, reviewAtMs(atMs) + PLAN_HORIZON_MS);
  }

  /** Moments before `neededUntilMs`, and as many later ones as come of themselves. */
  #planFrom(atMs: number, isAsleep: boolean, neededUntilMs: number): number[] {
    const program = this.#program;
    const planSteps = (steps: number) => {
      this.#model.fillRates(atMs, atMs > this.#beginMs, program.people, program.jobs, steps);
      return program.solve(atMs, isAsleep, this.#rates.wait, steps, neededUntilMs);
    };
    return planSteps(program.stepsFor(neededUntilMs - atMs)) ?? (planSteps(GRID_STEPS) as number[]);
  }
}

function isSnapshot(kept: unknown): kept is LearnedSnapshot {
  if (typeof kept !== 'object' || kept === null) return false;
  const { version, hazards, trust, overshoot, atMs = 0 } = kept as Record<string, unknown>;
  if (!Number.isFinite(atMs)) return false;
  if (version !== SNAPSHOT_VERSION || typeof overshoot !== 'number' || !Number.isFinite(overshoot)) return false;
  return isHazardSnapshot(hazards) && isTrustState(trust);
}
