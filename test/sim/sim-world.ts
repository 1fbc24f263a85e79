// A deterministic world: one Torpor, or several that share their platforms, the platforms with their people, and the faults of a plan. One seed, one story.
import { createHash } from 'node:crypto';
import { Random } from '../platform/random.ts';
import { EventClock } from './event-clock.ts';
import { FarmFaults } from './farm-faults.ts';
import { DAY_MS, type Fault, HOUR_MS, isFarmFault, isOwnFault, MINUTE_MS, planFaults } from './fault-plan.ts';
import { sleepsWhenItShould } from './invariants.ts';
import { lengthOutside, mergeSpans, perfectSleep, type Span } from './perfect-sleep.ts';
import { type Moment, RECOVERY_MS } from './platform-faults.ts';
import { SimPlatform } from './sim-platform.ts';
import { POLICY } from './sim-side.ts';
import { type SharedWorld, SimTorpor } from './sim-torpor.ts';
import { WatchedStore } from './watched-store.ts';

const LINES_KEPT = 400;
/** A turn of the real event loop at fixed virtual moments: what a part leaves to it happens there, in every run alike. */
const PIECE_MS = HOUR_MS;
const MEAN_SUSPEND_MS = 2500;
const MEAN_RESUME_MS = 1500;
/** The first is the shipped default. It is drawn least often: beats are most of the work. */
const LEASES_MS = [10_000, 30_000, 30_000, 60_000, 60_000, 60_000] as const;
/** A platform-day counts from these on. */
const LEAST_SLEEPS = 4;

export interface SimPlan {
  readonly seed: number;
  readonly platforms: number;
  readonly days: number;
  /** How many share the platforms; left out: one, which is alone. */
  readonly torpors?: number;
  /** Over RMCP+, with the shipped IPMI driver: five times the work. */
  readonly packets?: boolean;
  /** Leaves out nothing of what recurs and changes nothing: many times the work, the same story. */
  readonly everyTick?: boolean;
  /** Of the plan's faults, by their places; null: all. */
  readonly faults: readonly number[] | null;
}

export interface SimFigures {
  readonly platformDays: number;
  /** Without LEAST_SLEEPS sleeps or without a fault: simulated, and not counted. */
  readonly shortDays: number;
  readonly steps: number;
  readonly streams: number;
  readonly bytesThere: number;
  readonly bytesBack: number;
  readonly sleeps: number;
  readonly wakes: number;
  readonly presses: number;
  readonly failedWakes: number;
  readonly alarms: number;
  readonly lives: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Outside what is excluded: slept, and what a perfect controller sleeps. */
  readonly asleepMs: number;
  readonly perfectMs: number;
  /** With everything in it. */
  readonly asleepAllMs: number;
  readonly perfectAllMs: number;
  readonly excludedMs: number;
  readonly hash: string;
}

/** The first thing that must not be. */
export class WrongWorld extends Error {
  readonly invariant: string;

  constructor(invariant: string, why: string) {
    super(`${invariant}: ${why}`);
    this.invariant = invariant;
  }
}

export class SimWorld {
  readonly clock = new EventClock();
  readonly random: Random;
  readonly plan: SimPlan;
  readonly faults: readonly Fault[];
  readonly lines: string[] = [];
  readonly torpors: readonly SimTorpor[];
  readonly store: WatchedStore | null;
  readonly #startMs = this.clock.nowMs();
  readonly #hash = createHash('sha256');
  readonly #farmFaults: FarmFaults | null;
  readonly #platforms: SimPlatform[];
  readonly #struck: Record<string, number> = {};
  #numbers = 0;
  #problem: WrongWorld | null = null;

  static async play(
    plan: SimPlan,
  ): Promise<{ world: SimWorld; figures: SimFigures | null; problem: WrongWorld | null }> {
    const world = new SimWorld(plan);
    world.#begin();
    const figures = await world.#run();
    return { world, figures, problem: world.#problem };
  }

  private constructor(plan: SimPlan) {
    this.plan = plan;
    const { torpors = 1 } = plan;
    const planned = planFaults(new Random(plan.seed), plan.platforms, plan.days, torpors);
    this.faults = planned.filter((_, place) => plan.faults === null || plan.faults.includes(place));
    // Another stream of numbers than the plan's: a plan that is cut short changes nothing before its first missing fault.
    this.random = new Random(plan.seed ^ 0x5eed);
    const shared = torpors === 1 ? null : this.#share(torpors);
    this.store = shared?.store ?? null;
    this.torpors = Array.from({ length: torpors }, (_, place) => new SimTorpor(place, this.clock, shared, this.skips));
    this.#farmFaults = shared === null ? null : new FarmFaults(this, shared.store);
    this.#platforms = Array.from({ length: plan.platforms }, (_, at) => new SimPlatform(this, `vdi-0${at + 1}`));
  }

  // ------------------------------------------------------------------------------------------ PlatformWorld

  get speaksPackets(): boolean {
    return this.plan.packets === true;
  }

  get skips(): boolean {
    return this.plan.everyTick !== true;
  }

  nextNumber(): number {
    this.#numbers += 1;
    return this.#numbers;
  }

  say(line: string): void {
    const told = `${((this.clock.nowMs() - this.#startMs) / 1000).toFixed(3)} ${line}`;
    this.#hash.update(`${told}\n`);
    this.lines.push(told);
    if (this.lines.length > 2 * LINES_KEPT) this.lines.splice(0, LINES_KEPT);
  }

  onWrong(invariant: string, why: string): void {
    this.say(`WRONG ${invariant}: ${why}`);
    this.#problem ??= new WrongWorld(invariant, why);
  }

  /** kill -9 a moment from now, and a new process some time later. Null: any of them. */
  crash(struck: SimTorpor | null, forMs: number): void {
    const torpor = struck ?? this.anyTorpor();
    const life = torpor.life();
    this.clock.schedule(this.random.between(0, 60), () => {
      if (life === null || torpor.life() !== life) return;
      this.say(`${this.#nameOf(torpor)} dies`);
      this.exclude(forMs + RECOVERY_MS);
      for (const platform of this.#platforms) platform.end(torpor);
      torpor.kill();
      this.clock.schedule(forMs, () => this.#live(torpor));
    });
  }

  pause(struck: SimTorpor | null, forMs: number): void {
    const torpor = struck ?? this.anyTorpor();
    const life = torpor.life();
    if (life === null || life.clock.isPaused) return;
    this.say(`${this.#nameOf(torpor)} is stopped for ${forMs} ms`);
    this.catchUp(torpor);
    this.exclude(forMs + RECOVERY_MS);
    torpor.pause(forMs);
  }

  // ------------------------------------------------------------------------------------------ FaultyFarm

  /** From a minute before now, and for so long: nobody can ask any platform for perfect sleep. */
  exclude(forMs: number): void {
    for (const platform of this.#platforms) platform.exclude(forMs);
  }

  armAnywhere(moment: Moment, strike: (torpor: SimTorpor) => void): void {
    this.#anyPlatform().faults.arm(moment, strike);
  }

  anyTorpor(): SimTorpor {
    return this.torpors[this.torpors.length === 1 ? 0 : this.random.between(0, this.torpors.length - 1)] as SimTorpor;
  }

  catchUp(torpor: SimTorpor): void {
    for (const platform of this.#platforms) platform.catchUp(torpor);
  }

  // ------------------------------------------------------------------------------------------ the run

  #begin(): void {
    for (let day = 0; day < this.plan.days; day += 1) {
      for (const platform of this.#platforms) platform.planDay(day * DAY_MS);
    }
    for (const fault of this.faults) this.clock.schedule(fault.atMs, () => this.#strike(fault));
    for (const torpor of this.torpors) this.#live(torpor);
  }

  #live(torpor: SimTorpor): void {
    this.say(`${this.#nameOf(torpor)} starts`);
    const life = torpor.start();
    for (const platform of this.#platforms) platform.begin(torpor, life);
  }

  #nameOf(torpor: SimTorpor): string {
    return this.store === null ? 'Torpor' : `Torpor ${torpor.name}`;
  }

  /** Each has a clock of its own, which runs up to half a percent fast or slow. */
  #share(torpors: number): SharedWorld {
    const dice = new Random(this.plan.seed ^ 0xfa12);
    const random = () => dice.next();
    const leaseMs = LEASES_MS[dice.between(0, LEASES_MS.length - 1)] as number;
    const store = new WatchedStore({ clock: this.clock, random }, leaseMs, (invariant, why) =>
      this.onWrong(invariant, why),
    );
    store.faults.delayMs = [0.2, dice.between(1, 40)];
    const rates = Array.from({ length: torpors }, () => 0.995 + dice.next() / 100);
    return { store, random, rates };
  }

  #strike(fault: Fault): void {
    const { kind, platform, forMs } = fault;
    this.say(`fault: ${kind}${platform === null ? '' : ` at ${this.#platforms[platform]?.name}`} for ${forMs} ms`);
    this.#struck[kind] = (this.#struck[kind] ?? 0) + 1;
    if (isFarmFault(fault)) this.#farmFaults?.strike(fault);
    else if (kind === 'crash') this.crash(null, forMs);
    else if (kind === 'pause') this.pause(null, forMs);
    // Of a process with several platforms any may be the one.
    else if (isOwnFault(fault))
      (platform === null ? this.#anyPlatform() : (this.#platforms[platform] as SimPlatform)).strike(fault);
  }

  #anyPlatform(): SimPlatform {
    return this.#platforms[this.random.between(0, this.#platforms.length - 1)] as SimPlatform;
  }

  async #run(): Promise<SimFigures | null> {
    const endMs = this.plan.days * DAY_MS;
    for (let passedMs = 0; passedMs < endMs; passedMs += PIECE_MS) if (!(await this.#pass(PIECE_MS))) return null;
    const whole = { fromMs: this.#startMs, toMs: this.clock.nowMs() };
    for (const platform of this.#platforms) platform.close();
    // Whatever still lasts is over by then, and what waits for a wake gets one.
    if (!(await this.#pass(5 * HOUR_MS))) return null;
    for (const platform of this.#platforms) platform.wake();
    if (!(await this.#pass(3 * MINUTE_MS))) return null;
    for (const platform of this.#platforms) platform.compare();
    const figures = this.#figures(whole);
    const why = sleepsWhenItShould(figures.asleepMs, figures.perfectMs);
    if (why !== null) this.onWrong('sleepsWhenItShould', why);
    for (const platform of this.#platforms) {
      for (const torpor of this.torpors) platform.end(torpor);
      platform.host.stop();
    }
    for (const torpor of this.torpors) torpor.kill();
    return figures;
  }

  async #pass(ms: number): Promise<boolean> {
    await this.clock.advance(ms, () => this.#problem === null);
    return this.#problem === null;
  }

  #figures(whole: Span): SimFigures {
    const sum = (each: (platform: SimPlatform) => number) => this.#platforms.reduce((all, one) => all + each(one), 0);
    const processFaults = this.faults.filter(({ platform }) => platform === null);
    const isCounted = (platform: SimPlatform, day: number) => {
      const hit = processFaults.some(({ atMs }) => Math.floor(atMs / DAY_MS) === day);
      return (platform.sleepsOfDay[day] ?? 0) >= LEAST_SLEEPS && (hit || (platform.faultsOfDay[day] ?? 0) > 0);
    };
    const days = Array.from({ length: this.plan.days }, (_, day) => day);
    const platformDays = sum((platform) => days.filter((day) => isCounted(platform, day)).length);
    const sleep = this.#platforms.map((platform) => sleepOf(platform, whole));
    const total = (key: keyof (typeof sleep)[number]) => sleep.reduce((all, one) => all + one[key], 0);
    return {
      platformDays,
      shortDays: this.plan.days * this.plan.platforms - platformDays,
      steps: this.clock.kept,
      streams: sum(({ connections }) => connections.length),
      bytesThere: sum(({ connections }) => connections.reduce((all, { there }) => all + there.heardBytes, 0)),
      bytesBack: sum(({ connections }) => connections.reduce((all, { back }) => all + back.heardBytes, 0)),
      sleeps: sum(({ counts }) => counts.sleeps),
      wakes: sum(({ counts }) => counts.wakes),
      presses: sum(({ counts }) => counts.presses),
      failedWakes: sum(({ counts }) => counts.failedWakes),
      alarms: sum(({ counts }) => counts.alarms),
      lives: this.torpors.reduce((sum, { lives }) => sum + lives, 0),
      faults: this.#struck,
      asleepMs: total('asleepMs'),
      perfectMs: total('perfectMs'),
      asleepAllMs: total('asleepAllMs'),
      perfectAllMs: total('perfectAllMs'),
      excludedMs: total('excludedMs'),
      hash: this.#hash.copy().digest('hex'),
    };
  }
}

function sleepOf(platform: SimPlatform, whole: Span) {
  const rules = {
    minAwakeMs: POLICY.minAwakeMs,
    drowsyForMs: POLICY.drowsyForMs,
    suspendMs: MEAN_SUSPEND_MS,
    resumeMs: MEAN_RESUME_MS,
  };
  const perfect = perfectSleep(platform.busySpans(), whole, rules);
  const asleep = platform.asleep.map(({ fromMs, toMs }) => ({ fromMs, toMs: Math.min(toMs, whole.toMs) }));
  const within = asleep.filter(({ fromMs }) => fromMs < whole.toMs);
  const excluded = mergeSpans(platform.excluded).map(({ fromMs, toMs }) => ({
    fromMs: Math.max(fromMs, whole.fromMs),
    toMs: Math.min(toMs, whole.toMs),
  }));
  return {
    asleepMs: lengthOutside(within, excluded),
    perfectMs: lengthOutside(perfect, excluded),
    asleepAllMs: lengthOutside(within, []),
    perfectAllMs: lengthOutside(perfect, []),
    excludedMs: excluded.reduce((all, { fromMs, toMs }) => all + Math.max(0, toMs - fromMs), 0),
  };
}
