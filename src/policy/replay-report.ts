// All that a replay says of one platform: each policy against always-on, the optimum and `fixed 10m`. Pure; printing is the command's.
import { type CostModel, idleLagMs, toRates } from './cost-model.ts';
import { createPolicy, type PolicyChoice, parsePolicyChoice } from './create-policy.ts';
import { courseKwh, interpolate, outsideKwh, type Point, savedShare, sumAlwaysOn } from './figures.ts';
import { type CourseSums, newSums } from './idle-course.ts';
import type { IntervalList } from './interval-list.ts';
import { DAY_MS, type LocalOffset } from './local-time.ts';
import { sumOptimum } from './offline-optimum.ts';
import { type ReplayWindow, replayPolicy } from './replay.ts';

/** One course of things over the counted time. */
export interface CourseFigures {
  readonly name: string;
  readonly cost: number;
  /** Money for energy while idle, asleep and changing, for waits, and for wear: together the cost. */
  readonly costOf: {
    readonly idle: number;
    readonly asleep: number;
    readonly changing: number;
    readonly waits: number;
    readonly wear: number;
  };
  /** The platform's whole energy, busy time included. */
  readonly kwh: number;
  readonly asleepHoursPerDay: number;
  readonly cycles: number;
  readonly preWakes: number;
  readonly waits: number;
  readonly waitsPerUserDay: number;
  readonly meanWaitS: number | null;
  /** S and G against the optimum that may wake ahead, and against the one that may not. */
  readonly saved: number | null;
  readonly gain: number | null;
  readonly savedNoWake: number | null;
  readonly gainNoWake: number | null;
}

export interface PolicyFigures extends CourseFigures {
  /** The price-free pair against `fixed 10m`, as shares (-0.3: 30 % less); null where its curve does not reach that far. */
  readonly waitsAtEqualSleep: number | null;
  readonly sleepAtEqualWaits: number | null;
  /** Hours asleep per day and waits per day, as the price of a wait (of `fixed`: its time) varies. */
  readonly curve: readonly Point[];
}

export interface ReplayReport {
  readonly platform: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly days: number;
  readonly people: number;
  readonly intervals: number;
  readonly costs: CostModel;
  readonly alwaysOn: CourseFigures;
  readonly optimum: CourseFigures;
  readonly optimumNoWake: CourseFigures;
  readonly policies: readonly PolicyFigures[];
}

export interface ReplayOptions {
  readonly costs: CostModel;
  readonly offset: LocalOffset;
  readonly seed: number;
  readonly window: ReplayWindow;
  readonly policies: readonly PolicyChoice[];
  /** False: the curves and what is read from them are left out, which takes a tenth of the time. */
  readonly curves: boolean;
}

/** Prices of a wait that draw a policy's curve, as multiples of the configured one; and times that draw that of `fixed`. */
const CURVE_PRICES = [0.1, 0.25, 0.5, 0.7, 1, 1.4, 2, 3, 5];
const CURVE_IDLE_MIN = [1, 2, 3, 5, 7, 10, 15, 20, 30, 60];
const BASELINE = parsePolicyChoice('fixed');

/** Replays all policies over one platform's intervals. */
export function reportReplay(list: IntervalList, options: ReplayOptions): ReplayReport {
  const { costs, window } = options;
  const reckoner = new Reckoner(list, options);
  const baseline = reckoner.play(BASELINE, costs);
  const baselineCurve = options.curves ? reckoner.curve(BASELINE) : [];
  const policies = options.policies.map((choice) => {
    const figures = reckoner.figures(choice.label, reckoner.play(choice, costs), baseline.cost);
    const curve = !options.curves ? [] : choice.name === 'fixed' ? baselineCurve : reckoner.curve(choice);
    return { ...figures, curve, ...compareAtEquals(curve, reckoner.point(baseline)) };
  });
  return {
    platform: list.platform,
    fromMs: window.fromMs,
    toMs: window.toMs,
    days: reckoner.days,
    people: list.isJob.filter((isJob) => !isJob).length,
    intervals: reckoner.intervals,
    costs,
    alwaysOn: reckoner.figures('always on', reckoner.alwaysOn, baseline.cost),
    optimum: reckoner.figures('optimum', reckoner.optimum, baseline.cost),
    optimumNoWake: reckoner.figures('optimum, never waking ahead', reckoner.optimumNoWake, baseline.cost),
    policies,
  };
}

function compareAtEquals(curve: readonly Point[], { x: asleep, y: waits }: Point) {
  const waitsThere = interpolate(curve, asleep);
  const asleepThere = interpolate(
    curve.map(({ x, y }) => ({ x: y, y: x })),
    waits,
  );
  return {
    waitsAtEqualSleep: waitsThere === null || waits === 0 ? null : waitsThere / waits - 1,
    sleepAtEqualWaits: asleepThere === null || asleep === 0 ? null : asleepThere / asleep - 1,
  };
}

/** Plays and measures over one list. */
class Reckoner {
  readonly #list: IntervalList;
  readonly #options: ReplayOptions;
  readonly days: number;
  readonly intervals: number;
  readonly alwaysOn: CourseSums;
  readonly optimum: CourseSums;
  readonly optimumNoWake: CourseSums;

  constructor(list: IntervalList, options: ReplayOptions) {
    const rates = toRates(options.costs);
    const { window } = options;
    this.#list = list;
    this.#options = options;
    this.days = (window.toMs - window.fromMs) / DAY_MS;
    this.intervals = list.beginMs.reduce((sum, ms) => sum + (ms >= window.fromMs && ms < window.toMs ? 1 : 0), 0);
    this.alwaysOn = { ...newSums(), ...sumAlwaysOn(list, rates, window) };
    this.optimum = sumOptimum(list, rates, true, window);
    this.optimumNoWake = sumOptimum(list, rates, false, window);
  }

  /** A fresh policy, made for `costs`, measured by the configured ones. */
  play(choice: PolicyChoice, costs: CostModel): CourseSums {
    const policy = createPolicy(choice, { ...this.#options, costs, busy: this.#list.busy });
    return replayPolicy(this.#list, toRates(this.#options.costs), policy, idleLagMs(costs), this.#options.window);
  }

  curve(choice: PolicyChoice): Point[] {
    const { costs } = this.#options;
    if (choice.name === 'fixed') {
      return CURVE_IDLE_MIN.map((minutes) => this.point(this.play({ ...choice, idleMs: minutes * 60_000 }, costs)));
    }
    return CURVE_PRICES.map((factor) =>
      this.point(this.play(choice, { ...costs, pricePerWait: costs.pricePerWait * factor })),
    );
  }

  point({ asleepMs, waits }: CourseSums): Point {
    return { x: asleepMs / 3_600_000 / this.days, y: waits / this.days };
  }

  figures(name: string, sums: CourseSums, baselineCost: number): CourseFigures {
    const { costs } = this.#options;
    const rates = toRates(costs);
    const people = this.#list.isJob.filter((isJob) => !isJob).length;
    const [always, best, bestNoWake] = [this.alwaysOn.cost, this.optimum.cost, this.optimumNoWake.cost];
    return {
      name,
      cost: sums.cost,
      costOf: {
        idle: sums.idleMs * rates.idlePerMs,
        asleep: sums.asleepMs * rates.asleepPerMs,
        changing: sums.changingMs * rates.transitionPerMs,
        waits: sums.waits * rates.wait,
        wear: sums.cycles * rates.cycle,
      },
      kwh: outsideKwh(this.#list, costs, this.#options.window) + courseKwh(costs, sums),
      asleepHoursPerDay: sums.asleepMs / 3_600_000 / this.days,
      cycles: sums.cycles,
      preWakes: sums.preWakes,
      waits: sums.waits,
      waitsPerUserDay: people === 0 ? 0 : sums.waits / people / this.days,
      meanWaitS: sums.waits === 0 ? null : sums.waitedMs / sums.waits / 1000,
      saved: savedShare(always, best, sums.cost),
      gain: savedShare(baselineCost, best, sums.cost),
      savedNoWake: savedShare(always, bestNoWake, sums.cost),
      gainNoWake: savedShare(baselineCost, bestNoWake, sums.cost),
    };
  }
}
