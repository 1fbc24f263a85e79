// One real sleep and wake of one platform, watched by every witness (`check --prove`). Whatever happens after the request to
// sleep, it is woken again, or its owner is told that it could not be. What the samples mean is proof.ts's.

import type { Clock, PowerAnswer, PowerReading, ProbeResult, Prober } from '../platform/ports.ts';
import { judgeWitnesses, learn, type PlatformProof, type ProofSteps, type VmSteps } from '../platform/proof.ts';
import { formatDuration } from '../platform/units.ts';
import { BoundedCalls } from './bounded-calls.ts';
import { WitnessWatch } from './witness-watch.ts';

/** How long it is watched awake, before and after; no longer than it is left asleep. */
const AWAKE_MS = 4_000;
/** Silence of all VMs that counts beside a witness that changed, and alone. The evidence rule's own. */
const SILENCE_MS = 2_000;
const WEAK_SILENCE_MS = 15_000;
/** Waking is idempotent: asked again after this pause, as the controller does. */
const WAKE_RESEND_MS = 10_000;
const WAKE_NEXT_METHOD_MS = 1_000;
const WAKE_BOUND_MS = 65_000;
/** Between two tries to restore a context while no VM answers. */
const RESTORE_AGAIN_MS = 5_000;
const POWER_PACE_MS = 250;
const PROBE_PACE_MS = 250;
const ASLEEP_POWER_PACE_MS = 1_000;
const WAKING_PROBE_PACE_MS = 50;
/** A step waits for news, and looks at the time at least this often. */
const LOOK_MS = 100;

/** Who presses and wakes: this process, or a Torpor that runs. */
export interface ProofHands {
  readonly wakeMethods: readonly string[];
  /** True where VMs are saved before the sleep, and answer only after `finish` has restored them. */
  readonly savesContext: boolean;
  /** Bound on `requestSleep`, milliseconds. */
  readonly sleepBoundMs: number;
  readPower(signal: AbortSignal): Promise<PowerReading>;
  /** Saves the context. What forbids the sleep, for people; null where nothing does. */
  prepare(signal: AbortSignal): Promise<string | null>;
  /** `pressedAtMs`: when it really pressed, where guards and hooks came first. */
  requestSleep(signal: AbortSignal): Promise<PowerAnswer & { readonly pressedAtMs?: number }>;
  requestWake(method: string, signal: AbortSignal): Promise<PowerAnswer>;
  /** Restores the context and compares identities. `wokeBy`: who really woke it, where only the hands know. */
  finish(signal: AbortSignal): Promise<{
    readonly identity: PlatformProof['identity'];
    readonly problem: string | null;
    readonly wokeBy: string | null;
  }>;
}

export interface ProveOptions {
  readonly platform: string;
  readonly sleep: 'S3' | 'S5';
  readonly suspendTimeoutMs: number;
  /** For each wake method. */
  readonly wakeTimeoutMs: number;
  /** How long it is left asleep, so that meters settle. */
  readonly settleMs: number;
  /** What its owner says it draws idle; null where not. */
  readonly idleWatts: number | null;
  readonly hands: ProofHands;
  readonly buildProbers: (onResult: (vm: string, result: ProbeResult) => void) => readonly Prober[];
  readonly clock: Clock;
  readonly tell: (line: string) => void;
  /** Before the request to sleep it ends the proof; after it, it only shortens the sleep. */
  readonly signal: AbortSignal;
}

export type ProveResult = Pick<
  PlatformProof,
  'wokeBy' | 'wakeAttempts' | 'why' | 'witnesses' | 'readableAsleep' | 'identity' | 'steps' | 'learned'
> & {
  /** proven, or: nothing was pressed; it was asked and did not sleep; it slept, and no method woke it or nobody knows which. */
  readonly outcome: 'proven' | 'not-tried' | 'no-sleep' | 'no-wake';
};

const NOTHING_LEARNED = {
  wokeBy: null,
  wakeAttempts: [],
  witnesses: [],
  readableAsleep: false,
  identity: 'unknown',
  steps: null,
  learned: null,
} as const;

interface SleepSeen {
  readonly askedAtMs: number;
  readonly firstWitnessMs: number | null;
  readonly silentMs: number | null;
  readonly asleepMs: number;
  /** By VM, from the request to its silence. */
  readonly silentAfterMs: ReadonlyMap<string, number>;
}

interface NoSleep {
  readonly problem: string;
  /** Every VM that answered before still does. */
  readonly runs: boolean;
}

interface WakeSeen {
  readonly askedAtMs: number;
  readonly wokeBy: string | null;
  readonly attempts: readonly string[];
  readonly awakeMs: number | null;
}

export function provePlatform(options: ProveOptions): Promise<ProveResult> {
  return new ProofRun(options).run();
}

class ProofRun {
  readonly #options: ProveOptions;
  readonly #watch: WitnessWatch;
  /** Never aborts: once it was asked to sleep everything that wakes it runs to its own bound. */
  readonly #unstoppable = new AbortController().signal;
  readonly #calls: BoundedCalls;
  #onNews: () => void = () => {};
  /** What it said while it ran, and which VMs answered: everything later is compared with that. */
  #before: PowerReading[] = [];
  #answering: string[] = [];

  constructor(options: ProveOptions) {
    this.#options = options;
    const { hands, clock, buildProbers } = options;
    this.#calls = new BoundedCalls(clock);
    const onNews = () => this.#onNews();
    this.#watch = new WitnessWatch({ readPower: (signal) => hands.readPower(signal), clock, onNews });
    this.#watch.attach(buildProbers((vm, result) => this.#watch.onProbeResult(vm, result)));
  }

  async run(): Promise<ProveResult> {
    const { signal, hands, tell } = this.#options;
    try {
      const unfit = await this.#lookBefore();
      if (unfit !== null) return notTried(unfit);
      tell('the context is saved (hooks, identity)');
      const veto = await hands.prepare(signal);
      if (veto === null && !signal.aborted) return await this.#sleepAndWake();
      await hands.finish(this.#unstoppable);
      return notTried(veto === null ? 'it was called off' : `vetoed: ${veto}`);
    } finally {
      this.#watch.stop();
    }
  }

  /** Nothing is pressed on a platform that seems not to run, or whose return could not be seen. */
  async #lookBefore(): Promise<string | null> {
    const { tell, signal } = this.#options;
    const fromMs = this.#now;
    tell(`watches it run for ${formatDuration(this.#awakeMs)}`);
    this.#watch.setPace(POWER_PACE_MS, PROBE_PACE_MS);
    await this.#until(() => signal.aborted, this.#awakeMs);
    if (signal.aborted) return 'it was called off';
    this.#before = this.#watch.readingsBetween(fromMs, this.#now);
    this.#answering = this.#watch.vms.filter((vm) => this.#watch.firstAnswerMs(vm, fromMs - 1) !== null);
    const last = this.#before.at(-1);
    tell(`before: ${last === undefined ? 'no reading' : readingWords(last)}; ${vmsWords(this.#answering)}`);
    if (last?.acpi != null && last.acpi !== 'S0') return `it is in ${last.acpi} already: wake it first`;
    const tells = this.#before.some(
      (reading) => reading.acpi !== null || reading.powerBit !== null || reading.watts !== null,
    );
    if (this.#answering.length > 0) return null;
    if (this.#watch.vms.length > 0) return 'no VM answers its probe: wake it, or look at the probes';
    return tells ? null : 'no VM has a probe and nothing tells its power, so neither sleep nor wake could be seen';
  }

  async #sleepAndWake(): Promise<ProveResult> {
    const { hands, tell } = this.#options;
    const askedAtMs = this.#now;
    const answer = await this.#request(hands.sleepBoundMs, (signal) => hands.requestSleep(signal));
    tell(`asked for sleep, once: ${answer.outcome} (${answer.attempts.join('; ')})`);
    if (answer.outcome === 'refused') {
      await hands.finish(this.#unstoppable);
      return { ...NOTHING_LEARNED, outcome: 'no-sleep', why: `the request was refused: ${answer.attempts.join('; ')}` };
    }
    const slept = await this.#awaitSleep(answer.pressedAtMs ?? askedAtMs, this.#now);
    if ('problem' in slept) return await this.#backFromNoSleep(slept);
    tell(`asleep after ${formatDuration(slept.asleepMs)}`);
    const fromMs = this.#now;
    const woken = await this.#settle();
    return await this.#wakeAndJudge(slept, this.#settledReadings(fromMs), woken);
  }

  // -------------------------------------------------------------------------------------------- down

  /** Steps count from the press; its time-out from the answer, which may itself have taken a while. */
  async #awaitSleep(askedAtMs: number, answeredAtMs: number): Promise<SleepSeen | NoSleep> {
    const { suspendTimeoutMs } = this.#options;
    let firstWitnessMs: number | null = null;
    let silentFromMs: number | null = null;
    const isAsleep = () => {
      const changed = this.#watch.readings.find((reading) => reading.atMs > askedAtMs && this.#saysSleep(reading));
      if (changed !== undefined) firstWitnessMs ??= changed.atMs - askedAtMs;
      silentFromMs = this.#allSilentSinceMs(askedAtMs);
      const silentForMs = silentFromMs === null ? 0 : this.#now - silentFromMs;
      const last = this.#watch.readings.at(-1);
      const sleepsNow = last !== undefined && last.atMs > askedAtMs && this.#saysSleep(last);
      if (this.#answering.length === 0) return sleepsNow && this.#now - (changed?.atMs ?? this.#now) >= SILENCE_MS;
      return silentForMs >= (sleepsNow ? SILENCE_MS : WEAK_SILENCE_MS);
    };
    const stillAnswering = () => this.#answering.filter((vm) => this.#watch.silentSinceMs(vm, askedAtMs) === null);
    // Only silence that has begun by then gets more time: where nothing else tells, it must last.
    const isOver = () => this.#now - answeredAtMs >= suspendTimeoutMs && stillAnswering().length > 0;
    await this.#until(() => isAsleep() || isOver(), suspendTimeoutMs + WEAK_SILENCE_MS);
    if (!isAsleep()) {
      const within = `it did not fall asleep within ${formatDuration(suspendTimeoutMs)}`;
      const vms = stillAnswering();
      if (vms.length === 0) return { problem: `${within}: no witness says that it sleeps`, runs: false };
      return { problem: `${within}: ${vmsWords(vms)}`, runs: vms.length === this.#answering.length };
    }
    const silentMs = silentFromMs === null ? null : Math.max(0, silentFromMs - askedAtMs);
    const asleepMs = Math.max(firstWitnessMs ?? 0, silentMs ?? 0);
    return { askedAtMs, firstWitnessMs, silentMs, asleepMs, silentAfterMs: this.#silences(askedAtMs) };
  }

  /** A witness that said something else than before. Which ones keep differing is judged at the end. */
  #saysSleep(reading: PowerReading): boolean {
    if (reading.acpi !== null && reading.acpi !== 'S0') return true;
    if (reading.powerBit === false && this.#before.every(({ powerBit }) => powerBit === true)) return true;
    const asleep = [reading];
    const [, , watts] = judgeWitnesses({ awake: this.#before, asleep }, this.#options.idleWatts);
    return watts?.differs === true;
  }

  #silences(askedAtMs: number): Map<string, number> {
    const since = this.#answering.map((vm) => [vm, this.#watch.silentSinceMs(vm, askedAtMs)] as const);
    return new Map(since.flatMap(([vm, atMs]) => (atMs === null ? [] : [[vm, atMs - askedAtMs] as const])));
  }

  #allSilentSinceMs(fromMs: number): number | null {
    const silent = this.#answering.map((vm) => this.#watch.silentSinceMs(vm, fromMs));
    if (silent.length === 0 || silent.some((sinceMs) => sinceMs === null)) return null;
    return Math.max(...(silent as number[]));
  }

  /** Left alone while meters settle. True where somebody else woke it meanwhile. */
  async #settle(): Promise<boolean> {
    const { signal, settleMs, tell } = this.#options;
    const fromMs = this.#now;
    // A probe is a packet, and some cards wake on packets: VMs are asked only where nothing else could tell.
    const tellsSleep = this.#watch.readings.some(
      (reading) => reading.atMs > fromMs - SILENCE_MS && this.#saysSleep(reading),
    );
    this.#watch.setPace(ASLEEP_POWER_PACE_MS, tellsSleep ? null : ASLEEP_POWER_PACE_MS * 2);
    tell(`left asleep for ${formatDuration(settleMs)}`);
    let woken = false;
    await this.#until(() => {
      const last = this.#watch.readings.at(-1);
      const runs = tellsSleep && last !== undefined && last.atMs > fromMs && !this.#saysSleep(last);
      const answers = this.#answering.some((vm) => this.#watch.firstAnswerMs(vm, fromMs) !== null);
      woken = answers || (runs && this.#readAgainAwake(fromMs));
      return woken || signal.aborted;
    }, settleMs);
    if (signal.aborted) tell('called off: it is woken now');
    return woken;
  }

  /** The second half of the time asleep, since meters lag; all of it where it was cut short. */
  #settledReadings(fromMs: number): PowerReading[] {
    const settled = this.#watch.readingsBetween(fromMs + this.#options.settleMs / 2, this.#now);
    return settled.length > 0 ? settled : this.#watch.readingsBetween(fromMs, this.#now);
  }

  /** One odd reading is none. */
  #readAgainAwake(fromMs: number): boolean {
    const last = this.#watch.readingsBetween(fromMs, this.#now).slice(-2);
    return last.length === 2 && last.every((reading) => !this.#saysSleep(reading));
  }

  // -------------------------------------------------------------------------------------------- and up again

  async #wakeAndJudge(slept: SleepSeen, asleep: PowerReading[], wokenByOther: boolean): Promise<ProveResult> {
    const { tell, idleWatts } = this.#options;
    const readableAsleep = asleep.length > 0;
    if (!readableAsleep) tell('its power could not be read while it slept');
    const woke = await this.#wake(slept.firstWitnessMs !== null);
    const common = { wakeAttempts: woke.attempts, readableAsleep };
    if (woke.awakeMs === null) {
      const why = `no method woke it (${woke.attempts.join(' | ')}): press its power button`;
      return { ...NOTHING_LEARNED, ...common, outcome: 'no-wake', why };
    }
    tell(`awake ${formatDuration(woke.awakeMs)} after the request, by ${woke.wokeBy ?? 'itself'}`);
    const { identity, wokeBy } = await this.#finish(woke.askedAtMs);
    tell(identityWords(identity));
    const vms = await this.#awaitVms(slept, woke.askedAtMs);
    const after = await this.#lookAfter();
    const runningMs = slept.firstWitnessMs === null ? null : this.#runningMs(woke.askedAtMs);
    const samples = { awake: [...this.#before, ...after], asleep };
    const steps: ProofSteps = { ...stepsOf(slept, woke), runningMs, vms };
    const judged = { ...common, identity, witnesses: judgeWitnesses(samples, idleWatts), steps };
    if (wokenByOther) {
      const why =
        'it woke before it was asked to: look for what wakes it (a network card that wakes on any packet, a timer)';
      return { ...NOTHING_LEARNED, ...judged, outcome: 'no-wake', why };
    }
    const learned = learn(samples, steps, idleWatts);
    const by = wokeBy ?? woke.wokeBy;
    return { ...judged, outcome: 'proven', wokeBy: by, learned, why: `woken by ${by}` };
  }

  /** `tells`: a witness of power changed with the sleep, so that its way back is news. */
  async #wake(tells: boolean): Promise<WakeSeen> {
    const { hands, tell, wakeTimeoutMs } = this.#options;
    const askedAtMs = this.#now;
    const attempts: string[] = [];
    this.#watch.setPace(POWER_PACE_MS, WAKING_PROBE_PACE_MS);
    const isAwake = () => {
      const runs = tells && this.#runningMs(askedAtMs) !== null;
      if (this.#answering.length === 0) return runs;
      // Saved VMs answer only once they are restored: the host alone must do, or time where nothing tells of it.
      if (hands.savesContext && (runs || (!tells && this.#now - askedAtMs >= WAKE_RESEND_MS))) return true;
      return this.#answering.some((vm) => this.#watch.firstAnswerMs(vm, askedAtMs) !== null);
    };
    for (const method of hands.wakeMethods) {
      tell(`asks for a wake by ${method}`);
      if (await this.#wakeBy(method, attempts, isAwake, wakeTimeoutMs)) {
        return { askedAtMs, wokeBy: method, attempts, awakeMs: this.#now - askedAtMs };
      }
      tell(`not awake by ${method}: ${attempts.at(-1)}`);
    }
    return { askedAtMs, wokeBy: null, attempts, awakeMs: null };
  }

  /** From the request to wake to the first reading that does not say sleep. */
  #runningMs(askedAtMs: number): number | null {
    const runs = this.#watch.readings.find((reading) => reading.atMs > askedAtMs && !this.#saysSleep(reading));
    return runs === undefined ? null : runs.atMs - askedAtMs;
  }

  /** Asks again until it is awake or the method had its time; a refusal ends it at once. */
  async #wakeBy(method: string, attempts: string[], isAwake: () => boolean, boundMs: number): Promise<boolean> {
    const endMs = this.#now + boundMs;
    let words = '';
    while (this.#now < endMs) {
      const { outcome, attempts: tried } = await this.#request(WAKE_BOUND_MS, (signal) =>
        this.#options.hands.requestWake(method, signal),
      );
      words = `${method}: ${outcome} (${tried.join('; ')})`;
      const waitMs = outcome === 'refused' ? WAKE_NEXT_METHOD_MS : WAKE_RESEND_MS;
      if (await this.#until(isAwake, Math.min(waitMs, endMs - this.#now))) {
        attempts.push(words);
        return true;
      }
      if (outcome === 'refused') break;
    }
    attempts.push(`${words}, not awake within ${formatDuration(boundMs)}`);
    return false;
  }

  /** Restores; again while hooks fail and no VM answers, since the host may not be all there yet. */
  async #finish(wakeAskedAtMs: number): Promise<Awaited<ReturnType<ProofHands['finish']>>> {
    const { hands, tell, wakeTimeoutMs } = this.#options;
    const endMs = this.#now + wakeTimeoutMs;
    const answers = () => this.#answering.some((vm) => this.#watch.firstAnswerMs(vm, wakeAskedAtMs) !== null);
    for (;;) {
      const finished = await hands.finish(this.#unstoppable);
      if (finished.problem !== null) tell(finished.problem);
      if (finished.problem === null || !hands.savesContext || answers() || this.#now >= endMs) return finished;
      await this.#until(() => false, RESTORE_AGAIN_MS);
    }
  }

  /** Each VM that answered before gets the wake's time once more to answer again. */
  async #awaitVms(slept: SleepSeen, wakeAskedAtMs: number): Promise<VmSteps[]> {
    const { wakeTimeoutMs } = this.#options;
    const answered = (vm: string) => this.#watch.firstAnswerMs(vm, wakeAskedAtMs);
    await this.#until(() => this.#answering.every((vm) => answered(vm) !== null), wakeTimeoutMs);
    return this.#watch.vms.map((vm) => {
      const answeredMs = answered(vm);
      return {
        vm,
        answeredBefore: this.#answering.includes(vm),
        silentAfterMs: slept.silentAfterMs.get(vm) ?? null,
        answeredAfterMs: answeredMs === null ? null : answeredMs - wakeAskedAtMs,
      };
    });
  }

  async #lookAfter(): Promise<PowerReading[]> {
    this.#watch.setPace(POWER_PACE_MS, null);
    const fromMs = this.#now;
    await this.#until(() => false, this.#awakeMs);
    return this.#watch.readingsBetween(fromMs + this.#awakeMs / 2, this.#now);
  }

  /** Silent VMs may mean a sleep that nothing tells: a wake harms nobody. Its effect may still come late, too. */
  async #backFromNoSleep({ problem, runs }: NoSleep): Promise<ProveResult> {
    const { hands, tell } = this.#options;
    tell(problem);
    const woke = runs ? null : await this.#wake(false);
    await hands.finish(this.#unstoppable);
    const common = { ...NOTHING_LEARNED, wakeAttempts: woke?.attempts ?? [] };
    if (woke === null || woke.awakeMs !== null) return { ...common, outcome: 'no-sleep', why: problem };
    return { ...common, outcome: 'no-wake', why: `${problem}; then no method woke it: look at it` };
  }

  // -------------------------------------------------------------------------------------------- time

  get #awakeMs(): number {
    return Math.min(AWAKE_MS, this.#options.settleMs);
  }

  get #now(): number {
    return this.#options.clock.nowMs();
  }

  #request<Answer>(boundMs: number, ask: (signal: AbortSignal) => Promise<Answer>): Promise<Answer> {
    return this.#calls.call(boundMs, ask);
  }

  /** True as soon as `holds` does, looked at with every news; false where it did not within the bound. */
  async #until(holds: () => boolean, boundMs: number): Promise<boolean> {
    const endMs = this.#now + boundMs;
    while (!holds()) {
      const leftMs = endMs - this.#now;
      if (leftMs <= 0) return false;
      await new Promise<void>((resolve) => {
        const cancel = this.#options.clock.schedule(Math.min(LOOK_MS, leftMs), resolve);
        this.#onNews = () => {
          cancel();
          resolve();
        };
      });
    }
    return true;
  }
}

function notTried(why: string): ProveResult {
  return { ...NOTHING_LEARNED, outcome: 'not-tried', why };
}

function stepsOf(slept: SleepSeen, woke: WakeSeen): Omit<ProofSteps, 'vms' | 'runningMs'> {
  const { firstWitnessMs, silentMs, asleepMs } = slept;
  return { firstWitnessMs, silentMs, asleepMs, awakeMs: woke.awakeMs ?? 0 };
}

function readingWords({ acpi, powerBit, watts }: PowerReading): string {
  const known = [
    acpi,
    powerBit === null ? null : `power bit ${powerBit ? 'on' : 'off'}`,
    watts === null ? null : `${Math.round(watts)} W`,
  ].filter((word) => word !== null);
  return known.length === 0 ? 'nothing tells its power' : known.join(', ');
}

function vmsWords(vms: readonly string[]): string {
  if (vms.length === 0) return 'no VM answers';
  return vms.length === 1 ? `VM ${vms[0]} answers` : `VMs ${vms.join(', ')} answer`;
}

function identityWords(identity: PlatformProof['identity']): string {
  if (identity === 'same') return 'the same as before: its memory was kept';
  if (identity === 'changed') return 'its identity changed: its memory was lost';
  return 'no identity could be compared';
}
