// A pool's record in virtual time with its VMs moved as the shipped rule says, each platform under its idle policy: who is where, what is moved, what the courses sum up to.
import {
  chooseMove,
  countUsed,
  type EvacuationMember,
  type EvacuationMove,
  type EvacuationRule,
  type EvacuationVm,
} from '../../platform/evacuation-rule.ts';
import { EvacuationTimes } from '../../platform/evacuation-times.ts';
import type { ActivitySpan, ActivityTrace } from '../activity-trace.ts';
import { type CostModel, idleLagMs } from '../cost-model.ts';
import { createPolicy, type PolicyChoice } from '../create-policy.ts';
import type { CourseSums } from '../idle-course.ts';
import { NOTE_CONNECT, NOTE_DISCONNECT } from '../interval-list.ts';
import type { LocalOffset } from '../local-time.ts';
import type { ReplayWindow } from '../replay.ts';
import { IdleFollower } from './idle-follower.ts';
import { busyAt, listVmUses, type PoolActivity, type PoolClient, type PoolVm } from './pool-activity.ts';

const NEVER = Number.POSITIVE_INFINITY;

export interface PlayOptions {
  readonly choice: PolicyChoice;
  readonly costs: CostModel;
  readonly offset: LocalOffset;
  readonly seed: number;
  /** By platform. */
  readonly windows: readonly ReplayWindow[];
  readonly rule: EvacuationRule;
  /** How long one move takes. */
  readonly moveMs: number;
}

/** A VM was moved: begun at `atMs`, there a move's time later. */
export interface PlayedMove extends EvacuationMove {
  readonly atMs: number;
}

export interface EvacuationPlay {
  readonly moves: readonly PlayedMove[];
  /** By platform: its course, and the activity that was there. Spans of a VM that was moved meanwhile are cut in two. */
  readonly sums: readonly CourseSums[];
  readonly traces: readonly ActivityTrace[];
}

/** One platform of the pool. */
interface Place {
  readonly name: string;
  readonly follower: IdleFollower;
  readonly spans: ActivitySpan[];
  readonly vms: Set<number>;
  jobUntilMs: number;
  /** Of what is not there any more. */
  pastUntilMs: number;
  /** As the rule saw it last. */
  seen: string;
}

/** What is known of one VM. */
interface LiveVm {
  at: number;
  isUsed: boolean;
  untilMs: number;
  readonly clients: number[];
  readonly connected: Set<number>;
  /** Spans that had not ended when they were looked at last. */
  open: { client: number; isJob: boolean; index: number }[];
}

export function playEvacuation(pool: PoolActivity, options: PlayOptions): EvacuationPlay {
  return new Player(pool, options).play();
}

class Player {
  readonly #pool: PoolActivity;
  readonly #options: PlayOptions;
  readonly #clock: { atMs: number };
  readonly #times: EvacuationTimes;
  readonly #places: Place[];
  readonly #vms: LiveVm[];
  readonly #moves: PlayedMove[] = [];
  #course: { readonly vm: number; readonly from: number; readonly to: number; readonly endMs: number } | null = null;
  #lookAtMs = NEVER;

  constructor(pool: PoolActivity, options: PlayOptions) {
    this.#pool = pool;
    this.#options = options;
    const clock = { atMs: Number.NEGATIVE_INFINITY };
    this.#clock = clock;
    this.#times = new EvacuationTimes({ nowMs: () => clock.atMs, schedule: () => () => {} });
    this.#places = pool.traces.map((_, index) => this.#place(index));
    this.#vms = pool.vms.map(({ home }, vm) => {
      const clients = pool.clients.flatMap((client, index) => (client.vm === vm ? [index] : []));
      return { at: home, isUsed: false, untilMs: Number.NEGATIVE_INFINITY, clients, connected: new Set(), open: [] };
    });
  }

  play(): EvacuationPlay {
    const { choice, costs } = this.#options;
    const lagMs = idleLagMs(costs);
    // A stream is in the active pool for the fixed time, or a lag where a policy keeps the platform awake from then on.
    const uses = listVmUses(this.#pool, choice.name === 'fixed' ? Math.max(choice.idleMs, lagMs) : lagMs);
    const { acts, notes, toMs } = this.#pool;
    let [act, use, note] = [0, 0, 0];
    for (;;) {
      const nowMs = this.#nextMs(acts[act]?.atMs ?? NEVER, uses[use]?.atMs ?? NEVER, notes[note]?.atMs ?? NEVER);
      if (nowMs > toMs) break;
      this.#clock.atMs = nowMs;
      for (let next = acts[act]; next !== undefined && next.atMs <= nowMs; next = acts[++act])
        this.#act(next.client, next.isJob, nowMs, next.toMs);
      for (let next = uses[use]; next !== undefined && next.atMs <= nowMs; next = uses[++use])
        (this.#vms[next.vm] as LiveVm).isUsed = next.isUsed;
      for (let next = notes[note]; next !== undefined && next.atMs <= nowMs; next = notes[++note])
        this.#note(next.client, next.kind);
      this.#goOn();
    }
    for (const { follower } of this.#places) follower.finish(toMs);
    return {
      moves: this.#moves,
      sums: this.#places.map(({ follower }) => follower.sums),
      traces: this.#pool.traces.map((trace, index) => ({ ...trace, spans: this.#spansAt(index), connections: [] })),
    };
  }

  #place(index: number): Place {
    const { traces, clients } = this.#pool;
    const { choice, costs, offset, seed, windows } = this.#options;
    const policy = createPolicy(choice, { costs, offset, seed, busy: busyAt(this.#pool, index) });
    const follower = new IdleFollower(policy, costs, windows[index] as ReplayWindow);
    for (const [client, { name, home, vm }] of clients.entries())
      if (home === index) follower.know(client, name, vm === null);
    const vms = this.#pool.vms.flatMap(({ home }, vm) => (home === index ? [vm] : []));
    return {
      name: (traces[index] as ActivityTrace).platform,
      follower,
      spans: [],
      vms: new Set(vms),
      jobUntilMs: Number.NEGATIVE_INFINITY,
      pastUntilMs: Number.NEGATIVE_INFINITY,
      seen: '',
    };
  }

  #spansAt(index: number): ActivitySpan[] {
    return (this.#places[index] as Place).spans;
  }

  #nextMs(...recordedMs: readonly number[]): number {
    const nowMs = this.#clock.atMs;
    let nextMs = Math.min(...recordedMs, this.#course?.endMs ?? NEVER, this.#lookAtMs);
    for (const { follower } of this.#places) nextMs = Math.min(nextMs, follower.nextMs(nowMs));
    return nextMs;
  }

  // ------------------------------------------------------------------------------------------------ what is recorded

  #act(client: number, isJob: boolean, atMs: number, toMs: number): void {
    const { vm, home, name } = this.#pool.clients[client] as PoolClient;
    const live = vm === null ? null : (this.#vms[vm] as LiveVm);
    const place = this.#places[live?.at ?? home] as Place;
    place.follower.act(client, isJob, atMs, toMs);
    place.spans.push({ client: name, isJob, fromMs: atMs, toMs });
    if (live === null) {
      place.jobUntilMs = Math.max(place.jobUntilMs, toMs);
      return;
    }
    live.untilMs = Math.max(live.untilMs, toMs);
    live.open = live.open.filter(({ index }) => (place.spans[index] as ActivitySpan).toMs > atMs);
    live.open.push({ client, isJob, index: place.spans.length - 1 });
  }

  #note(client: number, kind: PoolActivity['notes'][number]['kind']): void {
    const { vm, home } = this.#pool.clients[client] as PoolClient;
    const live = vm === null ? null : (this.#vms[vm] as LiveVm);
    (this.#places[live?.at ?? home] as Place).follower.note(kind, client, this.#clock.atMs);
    if (kind === NOTE_CONNECT) live?.connected.add(client);
    if (kind === NOTE_DISCONNECT) live?.connected.delete(client);
  }

  // ------------------------------------------------------------------------------------------------ what is done

  #goOn(): void {
    const nowMs = this.#clock.atMs;
    for (const { follower } of this.#places) follower.advance(nowMs);
    if (this.#course !== null && this.#course.endMs <= nowMs) this.#finishMove(this.#course);
    this.#look();
    for (const [index, { follower }] of this.#places.entries())
      if (follower.wantsSleep(nowMs) && !this.#isPart(index)) follower.sleep(nowMs);
  }

  #isPart(place: number): boolean {
    return this.#course?.from === place || this.#course?.to === place;
  }

  /** The rule is asked where anything that it knows of has changed, or a time of it is over. */
  #look(): void {
    const nowMs = this.#clock.atMs;
    let isNews = this.#lookAtMs <= nowMs;
    for (const place of this.#places) {
      const used = [...place.vms].filter((vm) => (this.#vms[vm] as LiveVm).isUsed);
      const seen = `${place.follower.isAwake(nowMs)} ${place.follower.wantsSleep(nowMs)} ${place.jobUntilMs > nowMs} ${used}`;
      if (seen !== place.seen) isNews = true;
      place.seen = seen;
    }
    if (!isNews) return;
    const members = this.#places.map((place) => this.#memberOf(place));
    const { move } = chooseMove(this.#options.rule, members, nowMs);
    if (move !== null && this.#course === null) this.#beginMove(move);
    this.#lookAtMs = this.#nextLookMs(members);
  }

  #beginMove({ vm, from, to }: EvacuationMove): void {
    const { moveMs } = this.#options;
    const atMs = this.#clock.atMs;
    const index = Number(vm);
    const target = this.#places.findIndex(({ name }) => name === to);
    const source = (this.#vms[index] as LiveVm).at;
    this.#course = { vm: index, from: source, to: target, endMs: atMs + moveMs };
    this.#moves.push({ vm: (this.#pool.vms[index] as PoolVm).name, from, to, atMs });
    for (const place of [source, target]) (this.#places[place] as Place).follower.hold(true);
  }

  /** From now on its clients and their activity are the other platform's. */
  #finishMove({ vm, from, to }: { readonly vm: number; readonly from: number; readonly to: number }): void {
    const atMs = this.#clock.atMs;
    const live = this.#vms[vm] as LiveVm;
    const [source, target] = [this.#places[from] as Place, this.#places[to] as Place];
    source.vms.delete(vm);
    target.vms.add(vm);
    live.at = to;
    source.pastUntilMs = Math.max(source.pastUntilMs, Math.min(live.untilMs, atMs));
    const untilMs = [...source.vms].map((other) => (this.#vms[other] as LiveVm).untilMs);
    const leftUntilMs = Math.max(source.pastUntilMs, source.jobUntilMs, ...untilMs);
    for (const client of live.clients) {
      if (live.connected.has(client)) source.follower.note(NOTE_DISCONNECT, client, atMs);
      source.follower.leave(client, atMs, leftUntilMs);
      target.follower.know(client, (this.#pool.clients[client] as PoolClient).name, false);
      if (live.connected.has(client)) target.follower.note(NOTE_CONNECT, client, atMs);
    }
    this.#passSpans(live, source, target);
    this.#course = null;
    this.#lookAtMs = atMs;
    for (const { follower } of [source, target]) follower.hold(false);
    const { platform: fromName } = this.#pool.traces[from] as ActivityTrace;
    this.#times.noteMoved({ vm: String(vm), from: fromName, to: target.name }, atMs + this.#options.rule.restForMs);
  }

  /** What is being done goes on at the other platform. */
  #passSpans(live: LiveVm, source: Place, target: Place): void {
    const atMs = this.#clock.atMs;
    live.open = live.open.flatMap(({ client, isJob, index }) => {
      const span = source.spans[index] as ActivitySpan;
      if (span.toMs <= atMs) return [];
      source.spans[index] = { ...span, toMs: atMs };
      target.spans.push({ ...span, fromMs: atMs });
      target.follower.act(client, isJob, atMs, span.toMs);
      return [{ client, isJob, index: target.spans.length - 1 }];
    });
  }

  // ------------------------------------------------------------------------------------------------ what the rule is told

  #memberOf({ name, follower, vms, jobUntilMs }: Place): EvacuationMember {
    const nowMs = this.#clock.atMs;
    const isAwake = follower.isAwake(nowMs);
    const list: EvacuationVm[] = [...vms].map((vm) => {
      const { isUsed } = this.#vms[vm] as LiveVm;
      const key = String(vm);
      const idleSinceMs = this.#times.noteUse(key, isUsed);
      return { vm: key, active: Number(isUsed), idleSinceMs, restsUntilMs: this.#restsUntilMs(key), fixedBy: null };
    });
    const used = countUsed({ vms: list });
    return {
      platform: name,
      isAwake,
      isSpare: false,
      staysFor: whyStays(jobUntilMs > nowMs, used === 0 && !follower.wantsSleep(nowMs)),
      closedFor: null,
      quietSinceMs: this.#times.noteQuiet(name, isAwake && used <= this.#options.rule.activeAtMost),
      tookUntilMs: this.#times.tookUntilMs(name) || Number.NEGATIVE_INFINITY,
      gaveUntilMs: this.#times.gaveUntilMs(name) || Number.NEGATIVE_INFINITY,
      vms: list,
    };
  }

  /** Records may begin before 1970: who never rested does not do so then. */
  #restsUntilMs(vm: string): number {
    return this.#times.restsUntilMs(vm) || Number.NEGATIVE_INFINITY;
  }

  /** The first moment at which the rule may answer otherwise, if nothing happens. */
  #nextLookMs(members: readonly EvacuationMember[]): number {
    const nowMs = this.#clock.atMs;
    const { quietForMs, idleForMs } = this.#options.rule;
    let nextMs = NEVER;
    const consider = (atMs: number) => {
      if (atMs > nowMs) nextMs = Math.min(nextMs, atMs);
    };
    for (const [index, { quietSinceMs, tookUntilMs, gaveUntilMs, vms }] of members.entries()) {
      consider((this.#places[index] as Place).jobUntilMs);
      if (quietSinceMs !== null) consider(quietSinceMs + quietForMs);
      consider(tookUntilMs);
      consider(gaveUntilMs);
      for (const { idleSinceMs, restsUntilMs } of vms) {
        if (idleSinceMs !== null) consider(idleSinceMs + idleForMs);
        consider(restsUntilMs);
      }
    }
    return nextMs;
  }
}

/** As live: a job inhibits, and so does a policy until it says sleep. */
function whyStays(hasJob: boolean, isKeptAwake: boolean): string | null {
  if (hasJob) return 'a job runs';
  return isKeptAwake ? 'the idle policy keeps it awake' : null;
}
