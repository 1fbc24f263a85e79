// Runs an idle policy for a live platform: keeps it awake until the policy's plan says sleep, and wakes it ahead of who is expected.
import type { CheckStatus } from '../platform/inhibitor.ts';
import type { PlatformEvent } from '../platform/model.ts';
import type { Clock, InhibitorWatch } from '../platform/ports.ts';
import type { FarmEvent } from '../platform/status.ts';
import { NOTE_BEGIN, NOTE_CONNECT, NOTE_DISCONNECT, NOTE_END, NOTE_OPEN } from '../policy/interval-list.ts';
import type { IdlePlan, IdlePolicy } from '../policy/policy.ts';

const NAME = 'idle-policy';
/** What was learned goes to disk at most this often, and at the stop. */
export const REMEMBER_MS = 30 * 60_000;
/** A guard may keep a planned sleep from happening, or an operator's wake end it: the plan is looked at again then. */
const LOOK_MIN_MS = 50;

/** Where what was learned outlives Torpor. */
export interface PolicyMemory {
  /** Does not reject. */
  remember(snapshot: unknown): void;
}

export interface IdlePolicyWatchOptions {
  readonly policy: IdlePolicy;
  /** What is kept of a policy that learns; null of others. */
  readonly snapshot: (() => unknown) | null;
  readonly memory: PolicyMemory;
  /** From the last activity to the begin of an idle interval, and how long a sleep and wake take at most. */
  readonly lagMs: number;
  readonly changeMs: number;
  /** The machine's own abort window before the button: a plan's moment is that of the button. */
  readonly drowsyForMs: number;
  readonly clock: Clock;
  /** True where the platform sleeps, or is about to. */
  readonly isAsleep: () => boolean;
  readonly onEvent: (event: PlatformEvent) => void;
}

/** Of one client's machine, openings that follow each other sooner are one: an address with many connections opens once. */
export const OPENING_GAP_MS = 10 * 60_000;

/** A client as the policy knows it: one address at one VM. */
interface LiveClient {
  readonly index: number;
  connected: number;
  active: number;
  lastMs: number;
  openedMs: number;
}

/** Fed with the platform's own events, in their order, as the ledger and the metrics are. */
export class IdlePolicyWatch implements InhibitorWatch {
  readonly #options: IdlePolicyWatchOptions;
  readonly #clients = new Map<string, LiveClient>();
  readonly #streams = new Map<string, { client: LiveClient | null; closedAtMs: number | null }>();
  readonly #connections = new Map<string, LiveClient>();
  #pool = 0;
  /** Set while an interval runs, or is about to begin. */
  #isIdle = false;
  #hasBegun = false;
  /** The arrival that ended the last interval, until the policy was told. */
  #ended: { readonly endMs: number; readonly firsts: Map<LiveClient, number> } | null = null;
  #plan: {
    readonly moments: { readonly atMs: number; readonly wakes: boolean }[];
    readonly reviewAtMs: number;
  } | null = null;
  #cancelTimer: () => void = () => {};
  #rememberedAtMs = Number.NEGATIVE_INFINITY;
  #isStopped = false;

  constructor(options: IdlePolicyWatchOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#pool === 0 && !this.#isIdle) this.#beginAfter(this.#options.clock.nowMs() - this.#options.lagMs);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer();
    this.#remember(true);
  }

  setPace(): void {
    // A plan goes on in every state.
  }

  onPower(): void {
    // It reckons with configured watts.
  }

  /** What it has to say it has said. */
  async ask(): Promise<void> {}

  checks(): readonly CheckStatus[] {
    return [];
  }

  /** One event of the platform's log. Reports nothing back at once but when the pool empties: the machine is told of that after. */
  note({ kind, facts, atMs }: FarmEvent): void {
    if (this.#isStopped) return;
    const stream = String(facts.stream);
    if (kind === 'stream-open') this.#opened(stream, this.#clientOf(facts), atMs);
    else if (kind === 'stream-active') this.#active(stream, this.#clientOf(facts), atMs);
    else if (kind === 'stream-idle') this.#idle(stream, atMs);
    else if (kind === 'stream-closed') this.#closed(stream, atMs);
    else if (kind === 'client-opened') this.noteOpening(String(facts.client), atMs);
  }

  /**
   * The machine at an address was switched on, woke, or connected to something else: its clients that are neither connected nor active here
   * may come soon. How likely that is the policy has learned; of an address that never came here there is nothing to say.
   */
  noteOpening(address: string, atMs: number): void {
    if (this.#isStopped) return;
    let isNews = false;
    for (const [name, client] of this.#clients) {
      if (!name.startsWith(`${address} `) || client.connected > 0 || client.active > 0) continue;
      if (atMs < client.openedMs + OPENING_GAP_MS) continue;
      client.openedMs = atMs;
      this.#options.policy.note(NOTE_OPEN, client.index, atMs);
      isNews = true;
    }
    if (isNews) this.#lookAgain();
  }

  /** What the policy reckons with has changed: it is asked again, if nobody is there. */
  reconsider(): void {
    this.#lookAgain();
  }

  // ------------------------------------------------------------------------------------------------ what happens

  #clientOf({ client, vm }: FarmEvent['facts']): LiveClient {
    const name = `${String(client).replace(/:\d+$/, '')} ${String(vm)}`;
    const known = this.#clients.get(name);
    if (known !== undefined) return known;
    const found = {
      index: this.#options.policy.addClient(name, false),
      connected: 0,
      active: 0,
      lastMs: 0,
      openedMs: Number.NEGATIVE_INFINITY,
    };
    this.#clients.set(name, found);
    return found;
  }

  #opened(stream: string, client: LiveClient, atMs: number): void {
    this.#streams.set(stream, { client: null, closedAtMs: null });
    client.connected += 1;
    if (client.connected === 1) this.#options.policy.note(NOTE_CONNECT, client.index, atMs);
    this.#connections.set(stream, client);
    if (client.connected === 1) this.#lookAgain();
  }

  #closed(stream: string, atMs: number): void {
    const client = this.#connections.get(stream);
    this.#connections.delete(stream);
    const active = this.#streams.get(stream);
    if (active?.client == null) this.#streams.delete(stream);
    else active.closedAtMs = atMs;
    if (client === undefined) return;
    client.connected -= 1;
    if (client.connected > 0) return;
    this.#options.policy.note(NOTE_DISCONNECT, client.index, atMs);
    this.#lookAgain();
  }

  #active(stream: string, client: LiveClient, atMs: number): void {
    const before = this.#streams.get(stream);
    if (before?.client != null) return;
    this.#streams.set(stream, { client, closedAtMs: null });
    client.active += 1;
    this.#pool += 1;
    if (this.#isIdle) this.#endInterval(atMs);
    const { changeMs } = this.#options;
    if (this.#ended !== null && atMs < this.#ended.endMs + changeMs && !this.#ended.firsts.has(client)) {
      this.#ended.firsts.set(client, atMs - this.#ended.endMs);
    }
    if (client.active === 1) this.#options.policy.note(NOTE_BEGIN, client.index, atMs);
  }

  #idle(stream: string, atMs: number): void {
    const found = this.#streams.get(stream);
    const client = found?.client;
    if (found === undefined || client == null) return;
    if (found.closedAtMs === null) this.#streams.set(stream, { client: null, closedAtMs: null });
    else this.#streams.delete(stream);
    // Its last activity lies a lag back, or before it closed.
    client.lastMs = Math.max(client.lastMs, found.closedAtMs ?? atMs - this.#options.lagMs);
    client.active -= 1;
    this.#pool -= 1;
    if (client.active === 0) this.#options.policy.note(NOTE_END, client.index, client.lastMs);
    if (this.#pool === 0) this.#beginAfter(client.lastMs);
  }

  // ------------------------------------------------------------------------------------------------ intervals

  /** The interval begins a lag after the last activity; until then it is kept awake. */
  #beginAfter(lastMs: number): void {
    this.#isIdle = true;
    this.#hasBegun = false;
    const { clock, lagMs } = this.#options;
    const beginMs = Math.max(lastMs + lagMs, clock.nowMs());
    if (beginMs <= clock.nowMs()) {
      this.#begin(beginMs);
    } else {
      this.#keepAwake('somebody was active just now', beginMs + LOOK_MIN_MS);
      this.#setTimer(beginMs, () => this.#begin(beginMs));
    }
  }

  #begin(beginMs: number): void {
    if (this.#isStopped || !this.#isIdle) return;
    this.#settle();
    this.#remember(false);
    this.#hasBegun = true;
    const { policy, lagMs } = this.#options;
    this.#follow(policy.begin(beginMs, lagMs), false);
  }

  /** Tells the policy how the last interval ended: by now all have come who could have waited. */
  #settle(): void {
    if (this.#ended === null) return;
    const { endMs, firsts } = this.#ended;
    this.#ended = null;
    const waiterMs = [...firsts.values()].sort((one, other) => one - other);
    this.#options.policy.end({ endMs, hasArrival: true, waiterMs, waiterFrom: 0, waiterTo: waiterMs.length });
  }

  #endInterval(atMs: number): void {
    this.#isIdle = false;
    this.#plan = null;
    this.#cancelTimer();
    if (this.#hasBegun) this.#ended = { endMs: atMs, firsts: new Map() };
    // After the machine has been told of the activity: lifted before, it would take a moment of nobody for idleness.
    this.#cancelTimer = this.#options.clock.schedule(0, () => this.#lift('somebody is active'));
  }

  #lookAgain(): void {
    if (!this.#isIdle || !this.#hasBegun || this.#isStopped) return;
    this.#review();
  }

  #review(): void {
    const { policy, clock, isAsleep } = this.#options;
    const asleep = isAsleep();
    this.#follow(policy.review(clock.nowMs(), asleep), asleep);
  }

  // ------------------------------------------------------------------------------------------------ plans

  #follow({ momentsMs, reviewAtMs }: IdlePlan, isAsleep: boolean): void {
    const moments = momentsMs.map((atMs, index) => ({ atMs, wakes: (index % 2 === 0) === isAsleep }));
    this.#plan = { moments, reviewAtMs };
    if (!isAsleep) this.#awaitSleep('the idle policy has not yet said sleep');
    this.#goOn();
  }

  /** Does what is due, then waits for what comes next. */
  #goOn(): void {
    if (this.#isStopped || this.#plan === null) return;
    const nowMs = this.#options.clock.nowMs();
    const { moments, reviewAtMs } = this.#plan;
    while (moments[0] !== undefined && moments[0].atMs <= nowMs) {
      const due = moments.shift();
      if (due?.wakes === true) this.#wakeAhead();
    }
    const nextMs = Math.min(moments[0]?.atMs ?? Number.POSITIVE_INFINITY, reviewAtMs);
    if (reviewAtMs <= nowMs) this.#review();
    else if (Number.isFinite(nextMs)) this.#setTimer(nextMs, () => this.#goOn());
  }

  #wakeAhead(): void {
    const untilMs = this.#nextSleepMs() ?? this.#options.clock.nowMs() + REMEMBER_MS;
    const why = `idle policy ${this.#options.policy.name}: somebody is expected`;
    if (this.#options.isAsleep()) this.#options.onEvent({ kind: 'scheduledWake', why, untilMs });
    this.#awaitSleep('somebody is expected');
  }

  /** Awake until the plan's next sleep. The machine's abort window is part of the wait. */
  #awaitSleep(why: string): void {
    const { clock, drowsyForMs } = this.#options;
    const sleepMs = this.#nextSleepMs();
    const untilMs = sleepMs === null ? null : sleepMs - drowsyForMs;
    if (untilMs !== null && untilMs <= clock.nowMs()) this.#lift('the idle policy says sleep');
    else this.#keepAwake(why, untilMs);
  }

  #nextSleepMs(): number | null {
    const { moments, reviewAtMs } = this.#plan ?? { moments: [], reviewAtMs: Number.POSITIVE_INFINITY };
    const nextMs = moments.find(({ wakes }) => !wakes)?.atMs ?? reviewAtMs;
    return Number.isFinite(nextMs) ? nextMs : null;
  }

  #keepAwake(why: string, untilMs: number | null): void {
    const told = `${this.#options.policy.name}: ${why}`;
    this.#options.onEvent({ kind: 'inhibit', by: 'policy', name: NAME, why: told, untilMs });
  }

  #lift(why: string): void {
    if (!this.#isStopped) this.#options.onEvent({ kind: 'lift', by: 'policy', name: NAME, why });
  }

  #setTimer(atMs: number, fire: () => void): void {
    this.#cancelTimer();
    const waitMs = Math.max(LOOK_MIN_MS, atMs - this.#options.clock.nowMs());
    this.#cancelTimer = this.#options.clock.schedule(waitMs, fire);
  }

  #remember(isLast: boolean): void {
    const { snapshot, memory, clock } = this.#options;
    if (snapshot === null || (!isLast && clock.nowMs() < this.#rememberedAtMs + REMEMBER_MS)) return;
    this.#rememberedAtMs = clock.nowMs();
    memory.remember(snapshot());
  }
}
