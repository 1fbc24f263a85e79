// Watches one machine from outside, by its events and effects alone, and throws at the first promise that it breaks.
import type { InhibitorStatus } from '../../src/platform/inhibitor.ts';
import type { Effect, PlatformEvent, PlatformModel, PlatformPolicy } from '../../src/platform/model.ts';
import type { Intent, PowerReading } from '../../src/platform/ports.ts';
import type { StateName } from '../../src/platform/status.ts';
import { PeersChecker } from './peers-checker.ts';

/** The arrows of the design's table; those that only another Torpor's word opens are in PEERS_ARROWS. */
const ARROWS: Readonly<Record<StateName, readonly StateName[]>> = {
  starting: ['awake', 'suspending', 'asleep', 'waking'],
  // awake -> waking: taken for awake in doubt after a restart, its context is restored once it is known to run.
  awake: ['drowsy', 'asleep', 'waking'],
  drowsy: ['awake', 'saving', 'asleep'],
  saving: ['awake', 'suspending', 'waking'],
  suspending: ['asleep', 'awake', 'waking', 'failed'],
  asleep: ['waking', 'awake'],
  // waking -> asleep: in ordered maintenance only, where nothing is asked of one that somebody switched off again.
  waking: ['awake', 'failed', 'waking', 'asleep'],
  failed: ['awake', 'asleep', 'waking'],
};

/** Each with the words that open it. */
const PEERS_ARROWS: Readonly<Record<string, readonly PlatformEvent['kind'][]>> = {
  'awake saving': ['suspendProposed'],
  'awake suspending': ['suspendCommitted'],
  'drowsy suspending': ['suspendCommitted'],
};

/** States that must not last for ever by themselves. */
const BOUNDED: readonly StateName[] = ['starting', 'drowsy', 'saving', 'suspending', 'waking'];

/** What one VM's answers told so far; kept apart from the machine's own facts. */
interface VmRecord {
  lastAnsweredAskedAtMs: number;
  /** Since when every result was an answer; null after a silence. */
  answersSinceMs: number | null;
}

export interface Counts {
  presses: number;
  wakeRequests: number;
  readonly states: Set<StateName>;
}

export class MachineChecker {
  readonly counts: Counts = { presses: 0, wakeRequests: 0, states: new Set() };
  readonly #armed: boolean;
  readonly #peers: PeersChecker;
  #policy: PlatformPolicy;
  #held = true;
  #pool = 0;
  /** By kind and name: until when. */
  #inhibitors = new Map<string, number | null>();
  #maintenance: boolean;
  /** An operator asked for a wake since maintenance was ordered. */
  #wakeOrdered = false;
  /** An operator asked for sleep: the bound on suspends does not stand against that. */
  #sleepAsked = false;
  #pressesAtMs: number[];
  /** All checks were asked since the platform began to save. */
  #asked = false;
  #bmcReachable = false;
  #lastReading: { readonly atMs: number; readonly runs: boolean | null } | null = null;
  #wakeProven = false;
  #forced = false;
  /** Somebody asked for a wake, or the journal knew of a sleep of ours: even an observer may press then. */
  #mayPress: boolean;
  #vms = new Map<string, VmRecord>();
  #journalled = new Map<number, 'written' | 'on disk'>();
  #pressedIntents = new Set<number>();
  #intent: Intent;
  /** The press that is out and whose sleep was not followed by readiness yet. */
  #pressedAtMs: number | null = null;
  #wakingSinceMs = 0;
  #sinceMs = 0;
  #state: StateName = 'starting';
  /** True while waking only restores what a suspend that came to nothing had changed: it ran all the time. */
  #cameToNothing = false;
  /** Some witness showed since the wake began that it runs. */
  #ready = false;
  /** VMs whose streams were let flow since the wake began. */
  readonly #releasedVms = new Set<string>();
  #lastWakeRequestAtMs = Number.NEGATIVE_INFINITY;
  #lastWakeMethod = '';
  #lastWakeSequence = -1;

  constructor(model: PlatformModel) {
    this.#armed = model.armed;
    this.#policy = model.policy;
    this.#intent = model.intent;
    this.#peers = new PeersChecker(model.peers);
    this.#mayPress = model.armed || model.intent.kind !== 'run';
    for (const inhibitor of model.inhibitors) this.#inhibitors.set(keyOf(inhibitor), inhibitor.untilMs);
    this.#maintenance = model.maintenanceOrder !== null;
    this.#pressesAtMs = [...model.pressesAtMs];
  }

  /** Takes in one step: the event, and what the machine made of it. */
  watch(event: PlatformEvent, model: PlatformModel, effects: readonly Effect[], nowMs: number): void {
    this.#absorb(event, nowMs);
    this.#peers.hear(event);
    this.#ready ||= this.#showsReadiness();
    for (const effect of effects) this.#check(effect, event, nowMs);
    const kinds = effects.map(({ kind }) => kind);
    for (const kind of ['requestSleep', 'requestWake'] as const) {
      this.#demand(kinds.filter((other) => other === kind).length <= 1, `two ${kind} in one step`);
    }
    this.#demand(!(kinds.includes('requestSleep') && kinds.includes('requestWake')), 'sleep and wake in one step');
    this.#peers.watch(model, effects);
    this.#demand(model.state === this.#state, `in ${model.state} without a transition from ${this.#state}`);
    this.#demand(model.held === this.#held, `model says held=${model.held}, effects said ${this.#held}`);
    this.#demand(model.intent.id === this.#intent.id, 'the intent changed and was not journalled');
    if (BOUNDED.includes(model.state)) {
      this.#demand(model.progress.deadlineMs !== null, `${model.state} has no deadline`);
    }
    this.counts.states.add(model.state);
  }

  #demand(holds: boolean, problem: string): asserts holds {
    if (!holds) throw new Error(problem);
  }

  #absorb(event: PlatformEvent, nowMs: number): void {
    switch (event.kind) {
      case 'pool':
        this.#pool = event.size;
        return;
      case 'inhibit':
        this.#inhibitors.set(`${event.by} ${event.name}`, event.untilMs);
        return;
      case 'lift':
        this.#inhibitors.delete(`${event.by} ${event.name}`);
        return;
      case 'release':
        for (const key of this.#inhibitors.keys()) if (key.startsWith('operator ')) this.#inhibitors.delete(key);
        this.#maintenance = false;
        return;
      case 'maintenance':
        this.#maintenance = event.on;
        if (event.on) this.#wakeOrdered = false;
        return;
      case 'inhibitorsAsked':
        if (event.problem === null) this.#asked = true;
        return;
      case 'power': {
        // Readings overtake each other: an older one that comes later proves nothing about now.
        if (this.#lastReading === null || event.reading.atMs >= this.#lastReading.atMs) {
          this.#lastReading = { atMs: event.reading.atMs, runs: runsBy(this.#policy, event.reading) };
        }
        this.#bmcReachable = true;
        return;
      }
      case 'powerLost':
        this.#bmcReachable = false;
        return;
      case 'wakeProof':
        this.#wakeProven = event.proven;
        this.#policy = {
          ...this.#policy,
          witness: event.capabilities.readsSleepState,
          wakeMethods: event.capabilities.wakeMethods,
          watts: event.capabilities.learned?.watts ?? null,
        };
        return;
      case 'probe':
        this.#absorbProbe(event.vm, event.answered, event.askedAtMs, nowMs);
        return;
      case 'journalled':
        if (event.problem === null && this.#journalled.has(event.intentId)) {
          this.#journalled.set(event.intentId, 'on disk');
        }
        return;
      case 'operatorSleep':
        this.#sleepAsked = true;
        if (event.force) this.#forced = true;
        return;
      case 'operatorWake':
        this.#mayPress = true;
        this.#wakeOrdered = true;
        return;
      default:
        return;
    }
  }

  #absorbProbe(vm: string, answered: boolean, askedAtMs: number, nowMs: number): void {
    const before = this.#vms.get(vm) ?? { lastAnsweredAskedAtMs: Number.NEGATIVE_INFINITY, answersSinceMs: null };
    if (answered) {
      const lastAnsweredAskedAtMs = Math.max(before.lastAnsweredAskedAtMs, askedAtMs);
      this.#vms.set(vm, { lastAnsweredAskedAtMs, answersSinceMs: before.answersSinceMs ?? nowMs });
    } else if (askedAtMs > before.lastAnsweredAskedAtMs) {
      this.#vms.set(vm, { ...before, answersSinceMs: null });
    }
  }

  #check(effect: Effect, event: PlatformEvent, nowMs: number): void {
    switch (effect.kind) {
      case 'transition':
        this.#checkTransition(effect, event, nowMs);
        return;
      case 'holdStreams':
        this.#demand(!this.#held, 'held twice');
        this.#held = true;
        return;
      case 'releaseStreams':
        this.#checkRelease(effect.vm, event, nowMs);
        return;
      case 'drainSendQueues':
        this.#demand(this.#held, 'drains while streams flow');
        return;
      case 'journal':
        this.#demand(effect.intent.id > this.#intent.id, 'intent ids must grow');
        this.#intent = effect.intent;
        this.#journalled.set(effect.intent.id, 'written');
        return;
      case 'loseSessions':
        this.#checkLoss(effect.vm, event);
        return;
      case 'saveContext':
        this.#demand(this.#held || !this.#policy.savesVms, 'saves VMs while their streams flow');
        return;
      case 'requestSleep':
        this.#checkPress(effect.intentId, event, nowMs);
        return;
      case 'requestWake':
        this.#checkWakeRequest(effect.sequence, effect.method, nowMs);
        return;
      default:
        return;
    }
  }

  #checkTransition(effect: Extract<Effect, { kind: 'transition' }>, event: PlatformEvent, nowMs: number): void {
    this.#demand(effect.from === this.#state, `a transition from ${effect.from} while in ${this.#state}`);
    const opened = PEERS_ARROWS[`${effect.from} ${effect.to}`]?.includes(event.kind) ?? false;
    this.#demand(
      opened || ARROWS[effect.from].includes(effect.to),
      `${effect.from} -> ${effect.to} is not in the table`,
    );
    this.#demand(effect.why !== '', 'a transition without a reason');
    const givesUp = effect.from === 'waking' && effect.to === 'asleep';
    this.#demand(!givesUp || this.#maintenance, 'a wake was given up without maintenance');
    this.#state = effect.to;
    this.#sinceMs = nowMs;
    // Another Torpor's press: nothing flows from here to readiness, as with one of its own.
    if (effect.to === 'suspending') this.#pressedAtMs ??= nowMs;
    this.counts.states.add(effect.to);
    if (effect.to === 'waking') {
      this.#wakingSinceMs = nowMs;
      this.#ready = false;
      this.#releasedVms.clear();
      const isExcused = this.#keptAnswering(nowMs) || isRefusal(event);
      this.#cameToNothing = effect.from === 'saving' || effect.from === 'failed' || isExcused;
      this.#lastWakeRequestAtMs = Number.NEGATIVE_INFINITY;
    }
    if (effect.to === 'saving') this.#asked = false;
    if (effect.to === 'awake') {
      this.#forced = false;
      this.#sleepAsked = false;
    }
    const alone = !this.#mayPress;
    this.#demand(
      !alone || !['drowsy', 'saving', 'suspending', 'waking'].includes(effect.to),
      `observer in ${effect.to}`,
    );
  }

  /** All that must hold at the moment of a press. */
  #checkPress(intentId: number, event: PlatformEvent, nowMs: number): void {
    this.counts.presses += 1;
    this.#demand(this.#armed, 'pressed in observe mode');
    this.#demand(this.#pool === 0 || this.#forced, `pressed over ${this.#pool} active clients`);
    for (const [name, untilMs] of this.#inhibitors) {
      this.#demand(untilMs !== null && untilMs <= nowMs, `pressed although ${name} inhibits`);
    }
    this.#peers.checkPress(this.#forced);
    this.#demand(!this.#maintenance, 'pressed in maintenance');
    this.#demand(this.#asked || this.#policy.asksTimeoutMs === 0, 'pressed before the checks were asked once more');
    this.#checkRate(nowMs);
    this.#demand(this.#wakeProven, 'pressed with an unproven wake path');
    this.#demand(this.#bmcReachable, 'pressed with a lost BMC');
    const reading = this.#lastReading;
    this.#demand(reading !== null && nowMs - reading.atMs <= 10_000, 'pressed on a stale reading');
    const { witness, watts } = this.#policy;
    const hasWitness = witness !== 'none' && (witness !== 'watts' || watts != null);
    this.#demand(!hasWitness || reading.runs === true, 'pressed although the BMC does not say that it runs');
    this.#demand(this.#held, 'pressed while streams flow');
    this.#demand(
      event.kind === 'journalled' && event.intentId === intentId,
      'pressed by another event than its journal’s',
    );
    this.#demand(this.#journalled.get(intentId) === 'on disk', 'pressed before its intent was on disk');
    this.#demand(this.#intent.kind === 'sleep' && this.#intent.id === intentId, 'pressed for another intent');
    this.#demand(!this.#pressedIntents.has(intentId), `pressed twice for intent ${intentId}`);
    this.#demand(this.#state === 'suspending', `pressed in ${this.#state}`);
    this.#pressedIntents.add(intentId);
    this.#pressedAtMs = nowMs;
  }

  #checkRate(nowMs: number): void {
    const recent = this.#pressesAtMs.filter((atMs) => nowMs - atMs < 3_600_000);
    const max = this.#policy.maxSuspendsPerHour;
    this.#demand(max === null || recent.length < max || this.#sleepAsked, `pressed ${recent.length + 1} times an hour`);
    this.#pressesAtMs = [...recent, nowMs];
  }

  #checkWakeRequest(sequence: number, method: string, nowMs: number): void {
    this.counts.wakeRequests += 1;
    this.#demand(this.#mayPress, 'an observer asked for a wake');
    this.#demand(!this.#maintenance || this.#wakeOrdered, 'asked for a wake in maintenance');
    this.#demand(this.#state === 'waking', `asked for a wake in ${this.#state}`);
    this.#demand(this.#intent.kind === 'wake', 'asked for a wake that was not journalled');
    this.#demand(this.#policy.wakeMethods.includes(method), `${method} is no way to wake`);
    const isNew = method !== this.#lastWakeMethod || nowMs - this.#lastWakeRequestAtMs >= 1_000;
    this.#demand(isNew, `asked for a wake by ${method} twice within a second`);
    this.#demand(sequence > this.#lastWakeSequence, 'two requests to wake with one number');
    this.#lastWakeRequestAtMs = nowMs;
    this.#lastWakeMethod = method;
    this.#cameToNothing = false;
    this.#lastWakeSequence = sequence;
  }

  /** Only what an identity told is lost, and before a byte flows: what was typed into the old session is not for the new one. */
  #checkLoss(vm: string | null, event: PlatformEvent): void {
    this.#demand(event.kind === 'contextRestored', `sessions lost by ${event.kind}`);
    const isTold = event.lostVms === 'all' ? vm === null : vm !== null && event.lostVms.includes(vm);
    this.#demand(isTold, `sessions of ${vm ?? 'all VMs'} lost, told was ${event.lostVms}`);
    this.#demand(this.#held && this.#state === 'waking', `sessions lost while in ${this.#state}`);
    this.#demand(
      vm === null ? this.#releasedVms.size === 0 : !this.#releasedVms.has(vm),
      'sessions lost after the release',
    );
  }

  /** Nothing flows between the press and readiness, but for the three exceptions of the table. */
  #checkRelease(vm: string | null, event: PlatformEvent, nowMs: number): void {
    this.#demand(this.#held, 'released what was not held');
    if (vm === null) this.#held = false;
    else this.#releasedVms.add(vm);
    if (this.#pressedAtMs === null && this.#state !== 'waking') return;
    const isIgnored = this.#state === 'awake' && this.#keptAnswering(nowMs);
    const isFailed = this.#state === 'failed';
    // The transition to awake comes before the release that ends a wake, so both states stand for it.
    this.#demand(
      this.#ready || isIgnored || isRefusal(event) || isFailed || this.#cameToNothing || isCalledOff(event),
      `released in ${this.#state} before readiness`,
    );
    if (vm === null) this.#pressedAtMs = null;
  }

  #showsReadiness(): boolean {
    const { probedVms } = this.#policy;
    if (probedVms.length === 0) {
      return this.#lastReading?.runs === true && this.#lastReading.atMs > this.#wakingSinceMs;
    }
    return (
      probedVms.some((vm) => (this.#vms.get(vm)?.lastAnsweredAskedAtMs ?? -1) >= this.#wakingSinceMs) &&
      this.#wakingSinceMs > 0
    );
  }

  #keptAnswering(nowMs: number): boolean {
    const pressedAtMs = this.#pressedAtMs ?? this.#sinceMs;
    return [...this.#vms.values()].some(
      ({ answersSinceMs }) => answersSinceMs !== null && nowMs - Math.max(answersSinceMs, pressedAtMs) >= 3_000,
    );
  }
}

function keyOf({ kind, name }: InhibitorStatus): string {
  return `${kind} ${name}`;
}

/** By the Torpor that led: nothing was pressed, or it came to nothing. */
function isCalledOff(event: PlatformEvent): boolean {
  return event.kind === 'suspendCalledOff';
}

function isRefusal(event: PlatformEvent): boolean {
  return event.kind === 'sleepAnswered' && (event.outcome === 'refused' || event.outcome === 'unsent');
}

/** What the witness that counts says; null where it says nothing. */
function runsBy({ witness, watts }: PlatformPolicy, reading: PowerReading): boolean | null {
  if (witness === 'power-bit') return reading.powerBit;
  if (witness !== 'watts') return reading.acpi === null ? null : reading.acpi === 'S0';
  if (watts == null || reading.watts === null) return null;
  if (reading.watts >= watts.awakeAtLeast) return true;
  return reading.watts <= watts.asleepAtMost ? false : null;
}
