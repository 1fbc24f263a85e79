// A platform for the proof run, moved by a fake clock: what is true of it, and hands that press, wake and read it.
import type { ProofHands } from '../../src/controller/prove-platform.ts';
import type { AcpiState, PowerAnswer, PowerReading, ProbeResult, Prober } from '../../src/platform/ports.ts';
import type { FakeClock } from '../support/fake-clock.ts';

export interface FakePlan {
  readonly vms?: readonly string[];
  /** VMs that never answer. */
  readonly deafVms?: readonly string[];
  readonly button?: 'suspend' | 'ignore';
  readonly entryMs?: number;
  readonly resumeMs?: number;
  /** Beyond the resume, by VM. */
  readonly vmLagMs?: Readonly<Record<string, number>>;
  readonly acpi?: boolean;
  /** null: there is no power bit. */
  readonly bitAsleep?: boolean | null;
  readonly watts?: { readonly awake: number; readonly asleep: number } | null;
  /** The meter says the old value for this long. */
  readonly wattsLagMs?: number;
  readonly unreadableAsleep?: boolean;
  readonly wakes?: Readonly<Record<string, 'wakes' | 'nothing' | 'refused'>>;
  readonly sleepOutcome?: PowerAnswer['outcome'];
  /** Guards and hooks run this long before the press. */
  readonly guardsMs?: number;
  readonly wakesAloneAfterMs?: number;
  readonly veto?: string | null;
  readonly savesVms?: boolean;
  /** The first so many restores fail. */
  readonly restoreFails?: number;
  readonly identity?: 'same' | 'changed' | 'unknown';
  readonly asleepAlready?: boolean;
}

export class FakePlatform implements ProofHands {
  readonly wakeMethods: readonly string[];
  readonly savesContext: boolean;
  readonly sleepBoundMs = 60_000;
  readonly deeds: string[] = [];
  asleep = false;
  readonly #plan: FakePlan;
  readonly #clock: FakeClock;
  readonly #answers = new Set<string>();
  #saved = false;
  #sleptAtMs = 0;
  #restores = 0;

  constructor(plan: FakePlan, clock: FakeClock) {
    this.#plan = plan;
    this.#clock = clock;
    this.wakeMethods = Object.keys(plan.wakes ?? { 'chassis-on': 'wakes' });
    this.savesContext = plan.savesVms ?? false;
    this.asleep = plan.asleepAlready ?? false;
    if (!this.asleep) for (const vm of this.vms) this.#answers.add(vm);
  }

  get vms(): readonly string[] {
    return this.#plan.vms ?? ['alice', 'bob'];
  }

  async readPower(): Promise<PowerReading> {
    const { acpi, bitAsleep, watts, unreadableAsleep, wattsLagMs } = this.#plan;
    if (this.asleep && unreadableAsleep) throw new Error('no answer');
    const lags = this.#clock.nowMs() - this.#sleptAtMs < (wattsLagMs ?? 0);
    const state: AcpiState = this.asleep ? 'S3' : 'S0';
    const bit = this.asleep ? (bitAsleep ?? null) : true;
    return {
      atMs: this.#clock.nowMs(),
      acpi: acpi === false ? null : state,
      acpiSource: acpi === false ? null : 'sensor',
      powerBit: bitAsleep === null ? null : bit,
      watts: watts == null ? null : this.asleep && !lags ? watts.asleep : watts.awake,
    };
  }

  async prepare(): Promise<string | null> {
    this.deeds.push('prepare');
    if (this.#plan.savesVms) {
      this.#saved = true;
      this.#answers.clear();
    }
    return this.#plan.veto ?? null;
  }

  async requestSleep(): Promise<PowerAnswer & { readonly pressedAtMs?: number }> {
    const { guardsMs } = this.#plan;
    if (guardsMs === undefined) return this.#press();
    await new Promise<void>((resolve) => this.#clock.schedule(guardsMs, resolve));
    return { ...this.#press(), pressedAtMs: this.#clock.nowMs() };
  }

  #press(): PowerAnswer {
    this.deeds.push('sleep');
    const { sleepOutcome, button, entryMs, wakesAloneAfterMs } = this.#plan;
    const outcome = sleepOutcome ?? 'accepted';
    if (outcome === 'refused' || button === 'ignore') return { outcome, attempts: ['button pressed'] };
    this.#clock.schedule(entryMs ?? 1_000, () => {
      this.asleep = true;
      this.#sleptAtMs = this.#clock.nowMs();
      this.#answers.clear();
      if (wakesAloneAfterMs !== undefined) this.#clock.schedule(wakesAloneAfterMs, () => this.#resume());
    });
    return { outcome, attempts: ['button pressed'] };
  }

  async requestWake(method: string): Promise<PowerAnswer> {
    this.deeds.push(`wake by ${method}`);
    const effect = (this.#plan.wakes ?? { 'chassis-on': 'wakes' })[method];
    if (effect === 'refused') return { outcome: 'refused', attempts: ['no route'] };
    if (effect === 'wakes' && this.asleep) this.#clock.schedule(this.#plan.resumeMs ?? 2_000, () => this.#resume());
    return { outcome: 'accepted', attempts: ['sent'] };
  }

  async finish(): Promise<{ identity: 'same' | 'changed' | 'unknown'; problem: string | null; wokeBy: string | null }> {
    this.deeds.push('finish');
    this.#restores += 1;
    if (this.#restores <= (this.#plan.restoreFails ?? 0)) {
      return { identity: 'unknown', problem: 'afterWake failed: no route', wokeBy: null };
    }
    if (this.#saved && !this.asleep) for (const vm of this.vms) this.#answers.add(vm);
    this.#saved = false;
    return { identity: this.#plan.identity ?? 'same', problem: null, wokeBy: null };
  }

  #resume(): void {
    this.asleep = false;
    for (const vm of this.vms) {
      this.#clock.schedule(this.#plan.vmLagMs?.[vm] ?? 0, () => {
        if (!this.#saved && !this.asleep) this.#answers.add(vm);
      });
    }
  }

  /** Answers within 1 ms, or is given up after 500 ms. */
  prober(vm: string, onResult: (vm: string, result: ProbeResult) => void): Prober {
    let paceMs: number | null = null;
    let turn = 0;
    const ask = (mine: number) => {
      if (mine !== turn || paceMs === null) return;
      const askedAtMs = this.#clock.nowMs();
      const answered = this.#answers.has(vm) && !(this.#plan.deafVms ?? []).includes(vm);
      this.#clock.schedule(answered ? 1 : 500, () => {
        onResult(vm, { answered, askedAtMs, atMs: this.#clock.nowMs() });
      });
      this.#clock.schedule(paceMs, () => ask(mine));
    };
    const setPace = (next: number | null) => {
      if (next === paceMs) return;
      paceMs = next;
      turn += 1;
      ask(turn);
    };
    return { vm, setPace, stop: () => setPace(null) };
  }
}
