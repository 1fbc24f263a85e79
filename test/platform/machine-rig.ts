// One machine under test: keeps its model, the time and all effects, and says events in short words. Asserts nothing.

import type { InhibitorKind, KeptOrders } from '../../src/platform/inhibitor.ts';
import { createPlatform, nextDeadlineMs, step } from '../../src/platform/machine.ts';
import type { Effect, PlatformEvent, PlatformModel, PlatformPolicy } from '../../src/platform/model.ts';
import type {
  AcpiState,
  Intent,
  LearnedPower,
  LostVms,
  PowerCapabilities,
  WattsBounds,
} from '../../src/platform/ports.ts';
import type { PeerFacts, PeerShare } from '../../src/platform/share.ts';
import type { StateName } from '../../src/platform/status.ts';

export const START_MS = 1_000_000;

/** A platform with an ACPI sensor, two probed VMs and two ways to wake. Its times are all different. */
export const POLICY: PlatformPolicy = {
  sleep: 'S3',
  minAwakeMs: 50_000,
  drowsyForMs: 30_000,
  suspendTimeoutMs: 40_000,
  wakeTimeoutMs: 60_000,
  saveTimeoutMs: 120_000,
  savesContext: false,
  savesVms: false,
  witness: 'sensor',
  wakeMethods: ['chassis-on', 'wake-on-lan'],
  maxSuspendsPerHour: null,
  asksTimeoutMs: 0,
  clientWaitMs: 180_000,
  vms: ['alice', 'bob'],
  probedVms: ['alice', 'bob'],
};

/** What a proof may have learned, and what such a platform draws. */
export const WATTS: WattsBounds = { asleepAtMost: 74, awakeAtLeast: 116 };
const WATTS_AWAKE = 180;
const WATTS_ASLEEP = 10;

export interface RigOptions {
  readonly policy?: Partial<PlatformPolicy>;
  readonly armed?: boolean;
  readonly intent?: Intent | null;
  readonly orders?: KeptOrders | null;
  /** Left out: it is alone. */
  readonly peers?: PeerFacts | null;
}

/** Two other Torpors, both quiet, and this one owns the platform. */
export const OWNING: PeerFacts = { self: 'torpor-a', owner: 'torpor-a', uncertain: null, others: [] };
export const FOLLOWING: PeerFacts = { ...OWNING, owner: 'torpor-b' };

export function peer(instance: string, change: Partial<PeerShare> = {}): PeerShare {
  return { instance, active: 0, newestDeadlineMs: null, keeps: null, ...change };
}

/** As a proof on record tells it again with each proof of the wake path. */
export function learnedOf({ witness, watts }: PlatformPolicy): LearnedPower | null {
  return watts == null ? null : { witness, watts, suspendTimeoutMs: 1_000, wakeTimeoutMs: 1_000 };
}

export class MachineRig {
  model: PlatformModel;
  nowMs = START_MS;
  /** All effects so far, or since `forget`, in order. */
  effects: Effect[] = [];

  constructor(options: RigOptions = {}) {
    const policy = { ...POLICY, ...options.policy };
    const { armed = true, intent = null, orders, peers } = options;
    this.model = createPlatform(policy, armed, intent, this.nowMs, orders, peers);
  }

  get state(): StateName {
    return this.model.state;
  }

  get phase(): string {
    return this.model.progress.phase;
  }

  /** One event now; the answer is its effects. */
  send(event: PlatformEvent): Effect[] {
    const [model, effects] = step(this.model, event, this.nowMs);
    this.model = model;
    this.effects.push(...effects);
    return effects;
  }

  /** Time passes and nothing happens, not even a tick. */
  wait(durationMs: number): this {
    this.nowMs += durationMs;
    return this;
  }

  tick(): Effect[] {
    return this.send({ kind: 'tick' });
  }

  /** Time passes with a tick at every deadline and one at the end, and no other event. */
  tickFor(durationMs: number): this {
    const endMs = this.nowMs + durationMs;
    for (let dueMs = nextDeadlineMs(this.model); dueMs !== null && dueMs <= endMs; dueMs = nextDeadlineMs(this.model)) {
      this.nowMs = Math.max(this.nowMs, dueMs);
      this.tick();
      const nextMs = nextDeadlineMs(this.model);
      if (nextMs !== null && nextMs <= this.nowMs) throw new Error(`${nextMs} is due again at ${this.nowMs}`);
    }
    this.nowMs = endMs;
    this.tick();
    return this;
  }

  forget(): this {
    this.effects = [];
    return this;
  }

  /** The effects of one kind so far. */
  all<K extends Effect['kind']>(kind: K): Array<Extract<Effect, { kind: K }>> {
    return this.effects.filter((effect) => effect.kind === kind) as Array<Extract<Effect, { kind: K }>>;
  }

  get kinds(): string[] {
    return this.effects.map((effect) => effect.kind);
  }

  // ------------------------------------------------------------------------------------------ events in short words

  power(acpi: AcpiState | null, powerBit: boolean | null = null, watts: number | null = null): Effect[] {
    const acpiSource = acpi === null ? null : ('sensor' as const);
    return this.send({ kind: 'power', reading: { atMs: this.nowMs, acpi, acpiSource, powerBit, watts } });
  }

  bmcLost(): Effect[] {
    return this.send({ kind: 'powerLost', why: 'no answer from 10.0.9.11' });
  }

  answers(vm = 'alice', askedAtMs = this.nowMs): Effect[] {
    return this.send({ kind: 'probe', vm, answered: true, askedAtMs });
  }

  silent(vm = 'alice', askedAtMs = this.nowMs): Effect[] {
    return this.send({ kind: 'probe', vm, answered: false, askedAtMs });
  }

  /** A millisecond later, so that no answer of the same moment stands against it: no probed VM answers. */
  allSilent(): void {
    this.nowMs += 1;
    for (const vm of this.model.policy.probedVms) this.silent(vm);
  }

  pool(size: number): Effect[] {
    return this.send({ kind: 'pool', size });
  }

  activity(vm = 'alice', why = 'client bytes'): Effect[] {
    return this.send({ kind: 'activity', vm, why });
  }

  keepalive(vm = 'alice', why = 'a keepalive has waited 30s'): Effect[] {
    return this.send({ kind: 'keepalive', vm, why });
  }

  inhibit(untilMs: number | null = null, name = 'operator', by: InhibitorKind = 'operator'): Effect[] {
    return this.send({ kind: 'inhibit', by, name, why: 'backup runs', untilMs });
  }

  lift(name = 'operator', by: InhibitorKind = 'operator'): Effect[] {
    return this.send({ kind: 'lift', by, name, why: 'the backup is done' });
  }

  maintenance(on: boolean): Effect[] {
    return this.send({ kind: 'maintenance', on, why: 'a new fan' });
  }

  /** The calendar wants it awake for that long. */
  scheduledWake(forMs = 3_600_000): Effect[] {
    return this.send({ kind: 'scheduledWake', why: 'schedule backup', untilMs: this.nowMs + forMs });
  }

  asked(problem: string | null = null, sequence = this.model.progress.sequence): Effect[] {
    return this.send({ kind: 'inhibitorsAsked', sequence, problem });
  }

  proof(proven: boolean, change: Partial<PowerCapabilities> = {}): Effect[] {
    const { policy } = this.model;
    const capabilities: PowerCapabilities = {
      sleep: policy.sleep,
      retainsRam: policy.sleep === 'S3',
      readsSleepState: policy.witness,
      wakeMethods: policy.wakeMethods,
      learned: learnedOf(policy),
      ...change,
    };
    const why = proven ? 'operator session, sensor read' : 'privilege is only USER';
    return this.send({ kind: 'wakeProof', proven, why, capabilities });
  }

  saved(veto: string | null = null, sequence = this.model.progress.sequence): Effect[] {
    return this.send({ kind: 'contextSaved', sequence, veto });
  }

  drained(drained = true, sequence = this.model.progress.sequence): Effect[] {
    return this.send({ kind: 'drained', sequence, drained, why: '12 bytes are not acknowledged' });
  }

  journalled(problem: string | null = null, intentId = this.model.intent.id): Effect[] {
    return this.send({ kind: 'journalled', intentId, problem });
  }

  restored(lostVms: LostVms = [], problem: string | null = null, sequence = this.model.progress.sequence): Effect[] {
    return this.send({ kind: 'contextRestored', sequence, lostVms, problem });
  }

  wakeAnswered(outcome: 'accepted' | 'refused' | 'unknown', sequence = this.model.progress.sequence): Effect[] {
    return this.send({ kind: 'wakeAnswered', sequence, outcome, why: 'completion code d4h' });
  }

  sleepAnswered(outcome: 'accepted' | 'refused' | 'unknown' | 'unsent', intentId = this.model.intent.id): Effect[] {
    return this.send({ kind: 'sleepAnswered', intentId, outcome, why: 'completion code d4h' });
  }

  // ------------------------------------------------------------------------------------------ other Torpors

  peers(change: Partial<PeerFacts>): Effect[] {
    const before = this.model.peers ?? OWNING;
    return this.send({ kind: 'peers', peers: { ...before, ...change } });
  }

  agreed(agreed = true, sequence = this.model.progress.sequence): Effect[] {
    const why = agreed ? 'torpor-b and torpor-c hold' : 'torpor-c: 1 active client';
    return this.send({ kind: 'agreed', sequence, agreed, why });
  }

  proposed(proposal = 1, forced?: boolean, by = 'torpor-b'): Effect[] {
    return this.send({ kind: 'suspendProposed', proposal, by, ...(forced === undefined ? {} : { forced }) });
  }

  committed(proposal = 1, by = 'torpor-b'): Effect[] {
    return this.send({ kind: 'suspendCommitted', proposal, by });
  }

  calledOff(proposal = 1): Effect[] {
    return this.send({ kind: 'suspendCalledOff', proposal, why: 'torpor-c: 1 active client' });
  }

  peerWake(by = 'torpor-c'): Effect[] {
    return this.send({ kind: 'peerWake', by, why: 'carol connected' });
  }

  // ------------------------------------------------------------------------------------------ honest witnesses

  /** What the BMC of a running platform says through the witness that counts. */
  powerOn(): Effect[] {
    return this.power('S0', true, WATTS_AWAKE);
  }

  /** What it says of one that sleeps as configured. */
  powerDown(): Effect[] {
    return this.power(this.model.policy.sleep, false, WATTS_ASLEEP);
  }

  /** A platform that runs, seen by all its witnesses every half second. */
  runFor(durationMs: number): this {
    return this.#every(durationMs, () => {
      this.powerOn();
      for (const vm of this.model.policy.probedVms) this.answers(vm);
    });
  }

  /** One that sleeps, seen the same way. */
  sleepFor(durationMs: number): this {
    return this.#every(durationMs, () => {
      this.powerDown();
      this.allSilent();
    });
  }

  #every(durationMs: number, look: () => void): this {
    const endMs = this.nowMs + durationMs;
    look();
    while (this.nowMs < endMs) {
      this.nowMs = Math.min(endMs, this.nowMs + 500);
      look();
    }
    return this;
  }

  // ------------------------------------------------------------------------------------------ ways to a state

  /** Awake since now, wake path proven, everything readable. */
  toAwake(): this {
    this.proof(true);
    return this.runFor(0);
  }

  toDrowsy(): this {
    return this.toAwake().runFor(this.model.policy.minAwakeMs);
  }

  /** Saving, its hook asked for. */
  toSaving(): this {
    this.toDrowsy().runFor(this.model.policy.drowsyForMs);
    if (this.phase === 'preparing') this.journalled();
    if (this.phase === 'draining') this.drained();
    return this;
  }

  /** Asking all checks once more; `policy.asksTimeoutMs` must say that there are some. */
  toAsking(): this {
    this.toSaving().saved();
    return this;
  }

  toDraining(): this {
    this.toSaving().saved();
    if (this.phase === 'asking') this.asked();
    return this;
  }

  /** Asking the other Torpors; there must be some. */
  toAgreeing(): this {
    if (this.model.policy.savesVms) this.toSaving().saved();
    else this.toDraining().drained();
    return this;
  }

  toJournalling(): this {
    this.toAgreeing();
    if (this.phase === 'agreeing') this.agreed();
    return this;
  }

  /** Held for another Torpor's suspend, and said so. */
  toFollowing(): this {
    this.toAwake().proposed();
    this.drained();
    return this;
  }

  toSuspending(): this {
    this.toJournalling().journalled();
    return this;
  }

  toAsleep(): this {
    return this.toSuspending().wait(1_000).sleepFor(2_000);
  }

  toWaking(vm = 'alice'): this {
    this.toAsleep().wait(60_000).powerDown();
    this.activity(vm);
    return this;
  }

  toRestoring(): this {
    this.toWaking().wait(3_000).powerOn();
    this.answers('alice');
    return this;
  }

  /** The host ignored the button: nobody was active, VMs answer, and the time ran out. */
  toFailedSuspend(): this {
    this.toSuspending().wait(this.model.policy.suspendTimeoutMs);
    this.tick();
    return this;
  }

  /** No way to wake worked, and a client waits. */
  toFailedWake(): this {
    this.toWaking();
    return this.tickFor(this.model.policy.wakeTimeoutMs * this.model.policy.wakeMethods.length);
  }
}
