// Empties platforms of pools that are hardly used: asks the pure rule again and again, has one VM at a time moved, and keeps both platforms awake meanwhile.
import type { PlatformController } from '../../controller/platform-controller.ts';
import { errorText } from '../../platform/errors.ts';
import {
  chooseMove,
  countUsed,
  type EvacuationDecision,
  type EvacuationMember,
  type EvacuationMove,
  type EvacuationRule,
  type EvacuationVm,
} from '../../platform/evacuation-rule.ts';
import { EvacuationTimes } from '../../platform/evacuation-times.ts';
import { nameInhibitor } from '../../platform/inhibitor.ts';
import type { Clock } from '../../platform/ports.ts';
import type { PoolEvacuation } from '../../platform/status.ts';
import { formatDuration } from '../../platform/units.ts';
import type { VmMover } from '../../platform/vm-mover.ts';

/** Between two looks. Milliseconds. */
export const EVACUATION_LOOK_MS = 5_000;
/** Bound on asking where a VM runs. Milliseconds. */
const WHERE_BOUND_MS = 60_000;

export interface EvacuatedPool {
  readonly name: string;
  readonly platforms: readonly string[];
  readonly rule: EvacuationRule;
  /** Bound on one move. */
  readonly moveTimeoutMs: number;
  readonly mover: VmMover;
}

export interface EvacuatedPlatform {
  readonly controller: PlatformController;
  /** Those that are there now. */
  readonly vms: readonly string[];
  /** Why it takes nobody and is not emptied, for people; null: nothing. */
  readonly closedFor: string | null;
  /** Why the VM cannot be moved at all; null: it can. */
  whyFixed(vm: string): string | null;
}

export interface EvacuationsOptions {
  readonly pools: readonly EvacuatedPool[];
  /** As they are now. */
  readonly platforms: () => readonly EvacuatedPlatform[];
  /** Moves that a former run had begun, and nobody knows what became of. */
  readonly begun: readonly EvacuationMove[];
  /** Before anything is moved. Rejects where it is not on disk: then nothing is. */
  readonly noteBegun: (move: EvacuationMove) => Promise<void>;
  /** The VM's clients and its part in decisions are the other platform's from now on. Never rejects. */
  readonly noteMoved: (move: EvacuationMove) => Promise<void>;
  /** It runs where it was. Never rejects. */
  readonly noteStayed: (move: EvacuationMove) => Promise<void>;
  readonly clock: Clock;
  readonly tell: (platform: string, kind: 'evacuation' | 'alarm', message: string, move: EvacuationMove) => void;
}

/** What is under way in one pool. */
interface Course {
  readonly move: EvacuationMove;
  readonly sinceMs: number;
  /** moving: it is being moved. unclear: nobody knows where it runs; it is asked again and again. */
  stage: 'moving' | 'unclear';
  isAsking: boolean;
}

export class Evacuations {
  readonly #options: EvacuationsOptions;
  readonly #times: EvacuationTimes;
  readonly #courses = new Map<string, Course>();
  readonly #counts = new Map<string, { moves: number; failures: number }>();
  readonly #stopping = new AbortController();
  #pools: readonly EvacuatedPool[];
  /** Not emptied any more, but with a move that has not come to its end. */
  #left: readonly EvacuatedPool[] = [];
  #begun: readonly EvacuationMove[];
  #cancelLook: () => void = () => {};

  constructor(options: EvacuationsOptions) {
    this.#options = options;
    this.#times = new EvacuationTimes(options.clock);
    this.#pools = options.pools;
    this.#begun = options.begun;
  }

  /** Other pools, from now on. A move that is under way goes on to its end. */
  configure(pools: readonly EvacuatedPool[]): void {
    const isGone = ({ name }: EvacuatedPool) => !pools.some((pool) => pool.name === name);
    this.#left = [...this.#left, ...this.#pools].filter((pool) => isGone(pool) && this.#courses.has(pool.name));
    this.#pools = pools;
    this.look();
  }

  /** A move that is under way is cancelled at its hypervisor; what became of it is asked at the next start. */
  stop(): void {
    this.#stopping.abort();
    this.#cancelLook();
  }

  /** Now, and from now on every EVACUATION_LOOK_MS while there is a pool. */
  look(): void {
    if (this.#stopping.signal.aborted) return;
    for (const pool of this.#pools) this.#lookAt(pool);
    for (const pool of this.#left) this.#seeToTheEnd(pool);
    this.#cancelLook();
    const isNeeded = this.#pools.length + this.#left.length > 0;
    if (isNeeded) this.#cancelLook = this.#options.clock.schedule(EVACUATION_LOOK_MS, () => this.look());
  }

  /** By the pool's name; null: nothing is moved in that pool. */
  status(pool: string): PoolEvacuation | null {
    const known = this.#pools.find(({ name }) => name === pool);
    if (known === undefined) return null;
    const course = this.#courses.get(pool) ?? null;
    const { why } = this.#decide(known);
    const counts = this.#counts.get(pool) ?? { moves: 0, failures: 0 };
    const under = course === null ? null : { ...course.move, sinceMs: course.sinceMs, stage: course.stage };
    return { moving: under, ...counts, platforms: [...why].map(([platform, text]) => ({ platform, why: text })) };
  }

  #lookAt(pool: EvacuatedPool): void {
    this.#adopt(pool);
    const { move } = this.#decide(pool);
    const course = this.#courses.get(pool.name);
    if (course === undefined) {
      this.#lift(pool);
      if (move !== null) void this.#run(pool, move);
      return;
    }
    this.#goOn(pool, course);
  }

  #goOn(pool: EvacuatedPool, course: Course): void {
    // Again and again: a platform under another configuration has lost it.
    this.#keep(pool, course.move);
    if (course.stage === 'unclear' && !course.isAsking) void this.#askAgain(pool, course);
  }

  #seeToTheEnd(pool: EvacuatedPool): void {
    const course = this.#courses.get(pool.name);
    if (course !== undefined) {
      this.#goOn(pool, course);
      return;
    }
    this.#left = this.#left.filter((each) => each !== pool);
    this.#lift(pool);
  }

  /** What a former run left open. */
  #adopt(pool: EvacuatedPool): void {
    if (this.#courses.has(pool.name)) return;
    const move = this.#begun.find(({ from, to }) => pool.platforms.includes(from) && pool.platforms.includes(to));
    if (move === undefined) return;
    this.#begun = this.#begun.filter((each) => each !== move);
    const sinceMs = this.#options.clock.nowMs();
    this.#courses.set(pool.name, { move, sinceMs, stage: 'unclear', isAsking: false });
  }

  async #run(pool: EvacuatedPool, move: EvacuationMove): Promise<void> {
    const { clock, noteBegun } = this.#options;
    const course: Course = { move, sinceMs: clock.nowMs(), stage: 'moving', isAsking: false };
    this.#courses.set(pool.name, course);
    this.#keep(pool, move);
    try {
      await noteBegun(move);
      if (!this.#areAwake(pool, move)) throw new Error('one of the platforms does not run any more');
    } catch (thrown) {
      await this.#stayed(pool, move, errorText(thrown));
      return;
    }
    this.#tell(move, 'evacuation', `${move.vm} is being moved to ${move.to}`);
    const problem = await this.#move(pool, move);
    if (this.#stopping.signal.aborted) return;
    if (problem === null) await this.#moved(pool, course, '');
    else await this.#ask(pool, course, problem);
  }

  /** Why it did not come to its end, or null. */
  async #move(pool: EvacuatedPool, move: EvacuationMove): Promise<string | null> {
    const bound = new AbortController();
    const cancel = this.#options.clock.schedule(pool.moveTimeoutMs, () => bound.abort());
    try {
      await pool.mover.move(move, AbortSignal.any([bound.signal, this.#stopping.signal]));
      return null;
    } catch (thrown) {
      return bound.signal.aborted ? `it took longer than ${formatDuration(pool.moveTimeoutMs)}` : errorText(thrown);
    } finally {
      cancel();
    }
  }

  /** What failed half-way has failed only if the VM runs where it was. */
  async #ask(pool: EvacuatedPool, course: Course, problem: string): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const { move } = course;
    const { place, why } = await this.#where(pool, move);
    if (this.#stopping.signal.aborted) return;
    if (place === move.to) await this.#moved(pool, course, `, although: ${problem}`);
    else if (place === move.from) await this.#stayed(pool, move, problem);
    else {
      if (course.stage !== 'unclear') {
        const kept = `${move.from} and ${move.to} are kept awake until that is known`;
        this.#tell(move, 'alarm', `nobody knows where ${move.vm} runs (${problem}; ${why}): ${kept}`);
      }
      course.stage = 'unclear';
    }
  }

  async #askAgain(pool: EvacuatedPool, course: Course): Promise<void> {
    course.isAsking = true;
    await this.#ask(pool, course, 'a move was begun and its end was not seen');
    course.isAsking = false;
  }

  async #where(pool: EvacuatedPool, { vm, from, to }: EvacuationMove): Promise<{ place: string | null; why: string }> {
    const bound = new AbortController();
    const cancel = this.#options.clock.schedule(WHERE_BOUND_MS, () => bound.abort());
    try {
      const signal = AbortSignal.any([bound.signal, this.#stopping.signal]);
      return { place: await pool.mover.whereIs(vm, [from, to], signal), why: 'it runs on none of them, or on both' };
    } catch (thrown) {
      return { place: null, why: errorText(thrown) };
    } finally {
      cancel();
    }
  }

  async #moved(pool: EvacuatedPool, course: Course, but: string): Promise<void> {
    const { move, sinceMs } = course;
    const { clock, noteMoved } = this.#options;
    await noteMoved(move);
    const nowMs = clock.nowMs();
    this.#times.noteMoved(move, nowMs + pool.rule.restForMs);
    this.#count(pool).moves += 1;
    this.#courses.delete(pool.name);
    this.#tell(move, 'evacuation', `${move.vm} was moved to ${move.to} in ${formatDuration(nowMs - sinceMs)}${but}`);
    this.look();
  }

  async #stayed(pool: EvacuatedPool, move: EvacuationMove, problem: string): Promise<void> {
    const { clock, noteStayed } = this.#options;
    await noteStayed(move);
    this.#times.noteFailed(move, clock.nowMs() + pool.rule.restForMs);
    this.#count(pool).failures += 1;
    this.#courses.delete(pool.name);
    const rest = `not tried again for ${formatDuration(pool.rule.restForMs)}`;
    this.#tell(move, 'alarm', `${move.vm} stays: it could not be moved to ${move.to}: ${problem}; ${rest}`);
    this.look();
  }

  #count({ name }: EvacuatedPool): { moves: number; failures: number } {
    const known = this.#counts.get(name) ?? { moves: 0, failures: 0 };
    this.#counts.set(name, known);
    return known;
  }

  #tell(move: EvacuationMove, kind: 'evacuation' | 'alarm', message: string): void {
    this.#options.tell(move.from, kind, message, move);
  }

  // ------------------------------------------------------------------------------------------ what the rule is told

  #decide(pool: EvacuatedPool): EvacuationDecision {
    const members = this.#platformsOf(pool).map((platform) => this.#memberOf(pool, platform));
    return chooseMove(pool.rule, members, this.#options.clock.nowMs());
  }

  #platformsOf({ platforms }: EvacuatedPool): EvacuatedPlatform[] {
    return this.#options.platforms().filter(({ controller }) => platforms.includes(controller.name));
  }

  #memberOf(pool: EvacuatedPool, platform: EvacuatedPlatform): EvacuationMember {
    const { model, name, gate } = platform.controller;
    // Kept awake it is not drowsy any more.
    const isUp = model.state === 'awake' || model.state === 'drowsy';
    const active = new Map<string, number>();
    for (const { vm, active: isActive } of gate.streams()) if (isActive) active.set(vm, (active.get(vm) ?? 0) + 1);
    const vms: EvacuationVm[] = platform.vms.map((vm) => {
      const count = active.get(vm) ?? 0;
      const idleSinceMs = this.#times.noteUse(vm, count > 0);
      return {
        vm,
        active: count,
        idleSinceMs,
        restsUntilMs: this.#times.restsUntilMs(vm),
        fixedBy: platform.whyFixed(vm),
      };
    });
    return {
      platform: name,
      isAwake: isUp,
      isSpare: model.inhibitors.some((each) => each.kind === 'policy' && each.name === `spare-${pool.name}`),
      staysFor: whyStays(platform.controller, inhibitorOf(pool)),
      closedFor: model.maintenance ? 'it is in maintenance' : platform.closedFor,
      quietSinceMs: this.#times.noteQuiet(name, isUp && countUsed({ vms }) <= pool.rule.activeAtMost),
      tookUntilMs: this.#times.tookUntilMs(name),
      gaveUntilMs: this.#times.gaveUntilMs(name),
      vms,
    };
  }

  // ------------------------------------------------------------------------------------------ both stay awake meanwhile

  #areAwake(pool: EvacuatedPool, { from, to }: EvacuationMove): boolean {
    const both = this.#platformsOf(pool).filter(({ controller: { name } }) => name === from || name === to);
    return both.length === 2 && both.every(({ controller: { model } }) => model.state === 'awake');
  }

  #keep(pool: EvacuatedPool, { vm, from, to }: EvacuationMove): void {
    const name = inhibitorOf(pool);
    const why = `${vm} is being moved from ${from} to ${to}`;
    for (const { controller } of this.#options.platforms()) {
      const isPart = controller.name === from || controller.name === to;
      if (isPart && !isKept(controller, name))
        controller.dispatch({ kind: 'inhibit', by: 'policy', name, why, untilMs: null });
    }
  }

  /** Wherever it was kept: a platform may have left the pool meanwhile. */
  #lift(pool: EvacuatedPool): void {
    const name = inhibitorOf(pool);
    for (const { controller } of this.#options.platforms())
      if (isKept(controller, name)) controller.dispatch({ kind: 'lift', by: 'policy', name, why: 'the move is over' });
  }
}

function inhibitorOf({ name }: EvacuatedPool): string {
  return `evacuation-${name}`;
}

function isKept({ model }: PlatformController, name: string): boolean {
  return model.inhibitors.some((inhibitor) => inhibitor.kind === 'policy' && inhibitor.name === name);
}

/** It would not sleep, though it were empty. */
function whyStays({ model }: PlatformController, own: string): string | null {
  if (!model.armed) return 'it is in observe mode';
  if (model.wakeWanted !== null) return `a wake is wanted: ${model.wakeWanted}`;
  const inhibitor = model.inhibitors.find(({ kind, name }) => kind !== 'policy' || name !== own);
  return inhibitor === undefined ? null : `inhibited by ${nameInhibitor(inhibitor)}: ${inhibitor.why}`;
}
