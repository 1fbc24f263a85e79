// What moving VMs would have brought a pool: each policy over the same record with it and without. Pure; printing is the command's.
import type { EvacuationRule } from '../../platform/evacuation-rule.ts';
import type { ActivityTrace } from '../activity-trace.ts';
import { type CostModel, idleLagMs, toRates } from '../cost-model.ts';
import { createPolicy, type PolicyChoice } from '../create-policy.ts';
import { courseKwh, MS_PER_KWH_WATT, outsideKwh } from '../figures.ts';
import type { CourseSums } from '../idle-course.ts';
import { type IntervalList, listIntervals } from '../interval-list.ts';
import { DAY_MS, type LocalOffset } from '../local-time.ts';
import { type ReplayWindow, replayPolicy } from '../replay.ts';
import { playEvacuation } from './evacuation-play.ts';
import { joinTraces } from './pool-activity.ts';

/** What moving one VM takes. */
export interface MoveCosts {
  readonly gibPerVm: number;
  readonly secondsPerGib: number;
  /** Drawn by both platforms together while one is moved, above what they draw anyhow. */
  readonly movingWatts: number;
}

/** 8 GiB over one gigabit a second; the watts are an assumption, see docs/savings.md. */
export const DEFAULT_MOVE_COSTS: MoveCosts = { gibPerVm: 8, secondsPerGib: 9, movingWatts: 60 };

/** Of all platforms of the pool together. */
export interface PoolFigures {
  readonly kwh: number;
  /** Of that, what moving took. */
  readonly movingKwh: number;
  readonly asleepHours: number;
  /** Sleeps, and wakes of them ahead of anybody. */
  readonly cycles: number;
  readonly preWakes: number;
  readonly waits: number;
  readonly waitedS: number;
  readonly moves: number;
  /** As of one platform, the energy of moving included. */
  readonly cost: number;
}

export interface EvacuatedPolicy {
  readonly name: string;
  readonly without: PoolFigures;
  readonly with: PoolFigures;
  /** With less without. */
  readonly difference: PoolFigures;
}

export interface EvacuationReport {
  readonly platforms: readonly string[];
  readonly vms: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** Counted. */
  readonly days: number;
  readonly costs: CostModel;
  readonly rule: EvacuationRule;
  readonly moveCosts: MoveCosts;
  readonly moveMs: number;
  readonly policies: readonly EvacuatedPolicy[];
}

export interface EvacuationReportOptions {
  readonly costs: CostModel;
  readonly offset: LocalOffset;
  readonly seed: number;
  /** What comes within so long of the record's begin only teaches. */
  readonly teachMs: number;
  readonly policies: readonly PolicyChoice[];
  readonly rule: EvacuationRule;
  readonly moveCosts: MoveCosts;
}

export function reportEvacuation(traces: readonly ActivityTrace[], options: EvacuationReportOptions): EvacuationReport {
  const { costs, offset, seed, teachMs, rule, moveCosts } = options;
  const pool = joinTraces(traces);
  const fromMs = Math.min(...traces.map((trace) => trace.fromMs)) + teachMs;
  const windows = pool.traces.map((trace) => ({ fromMs: Math.max(fromMs, trace.fromMs), toMs: pool.toMs }));
  const lists = pool.traces.map((trace) => listIntervals(trace, costs));
  const moveMs = Math.round(moveCosts.gibPerVm * moveCosts.secondsPerGib * 1000);
  const policies = options.policies.map((choice) => {
    const alone = lists.map((list, index) => {
      const policy = createPolicy(choice, { costs, offset, seed, busy: list.busy });
      return replayPolicy(list, toRates(costs), policy, idleLagMs(costs), windows[index] as ReplayWindow);
    });
    const play = playEvacuation(pool, { choice, costs, offset, seed, windows, rule, moveMs });
    const moves = play.moves.filter(({ atMs }) => atMs >= fromMs).length;
    const movingKwh = (moves * moveMs * moveCosts.movingWatts) / MS_PER_KWH_WATT;
    const placed = play.traces.map((trace) => listIntervals(trace, costs));
    const without = sumPool(lists, alone, windows, costs, { moves: 0, movingKwh: 0 });
    const figures = sumPool(placed, play.sums, windows, costs, { moves, movingKwh });
    return { name: choice.label, without, with: figures, difference: subtract(figures, without) };
  });
  return {
    platforms: pool.traces.map(({ platform }) => platform),
    vms: pool.vms.length,
    fromMs,
    toMs: pool.toMs,
    days: (pool.toMs - fromMs) / DAY_MS,
    costs,
    rule,
    moveCosts,
    moveMs,
    policies,
  };
}

function sumPool(
  lists: readonly IntervalList[],
  courses: readonly CourseSums[],
  windows: readonly ReplayWindow[],
  costs: CostModel,
  { moves, movingKwh }: Pick<PoolFigures, 'moves' | 'movingKwh'>,
): PoolFigures {
  const sum = (of: (course: CourseSums) => number) => courses.reduce((total, course) => total + of(course), 0);
  const outside = lists.reduce((total, list, index) => total + outsideKwh(list, costs, windows[index]), 0);
  return {
    kwh: outside + sum((course) => courseKwh(costs, course)) + movingKwh,
    movingKwh,
    asleepHours: sum(({ asleepMs }) => asleepMs) / 3_600_000,
    cycles: sum(({ cycles }) => cycles),
    preWakes: sum(({ preWakes }) => preWakes),
    waits: sum(({ waits }) => waits),
    waitedS: sum(({ waitedMs }) => waitedMs) / 1000,
    moves,
    cost: sum(({ cost }) => cost) + movingKwh * costs.pricePerKwh,
  };
}

function subtract(one: PoolFigures, other: PoolFigures): PoolFigures {
  const keys = Object.keys(one) as (keyof PoolFigures)[];
  return Object.fromEntries(keys.map((key) => [key, one[key] - other[key]])) as unknown as PoolFigures;
}
