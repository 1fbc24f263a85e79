// Looks at every witness of one platform again and again and keeps what each said when. Draws no conclusions.
import { errorText } from '../platform/errors.ts';
import type { Clock, PowerReading, ProbeResult, Prober } from '../platform/ports.ts';
import { BoundedCalls } from './bounded-calls.ts';

/** Bound on one reading; one that takes longer counts as failed. */
const READ_BOUND_MS = 5_000;
/** What is kept of each kind; a proof needs far fewer. The oldest go first. */
const KEPT_MAX = 5_000;

export interface ReadFailure {
  readonly atMs: number;
  readonly why: string;
}

export interface WitnessWatchOptions {
  readonly readPower: (signal: AbortSignal) => Promise<PowerReading>;
  readonly clock: Clock;
  /** Called after each reading and each answer. */
  readonly onNews: () => void;
}

export class WitnessWatch {
  readonly readings: PowerReading[] = [];
  readonly failures: ReadFailure[] = [];
  readonly #options: WitnessWatchOptions;
  readonly #calls: BoundedCalls;
  /** By VM, in the order in which questions ended. */
  readonly #results = new Map<string, ProbeResult[]>();
  #probers: readonly Prober[] = [];
  #cancel: () => void = () => {};
  #powerMs = 0;
  #reading = false;

  constructor(options: WitnessWatchOptions) {
    this.#options = options;
    this.#calls = new BoundedCalls(options.clock);
  }

  /** Whoever asks the VMs reports to `onProbeResult`, and so is built after this. */
  attach(probers: readonly Prober[]): void {
    this.#probers = probers;
    for (const { vm } of probers) this.#results.set(vm, []);
  }

  get vms(): string[] {
    return this.#probers.map(({ vm }) => vm);
  }

  onProbeResult(vm: string, result: ProbeResult): void {
    const results = this.#results.get(vm);
    if (results === undefined || this.#calls.isStopped) return;
    keep(results, result);
    this.#options.onNews();
  }

  /** From now on asks at this pace; `probeMs` null: VMs are not asked. */
  setPace(powerMs: number, probeMs: number | null): void {
    this.#powerMs = powerMs;
    for (const prober of this.#probers) prober.setPace(probeMs);
    this.#cancel();
    if (!this.#reading) this.#read();
  }

  stop(): void {
    this.#calls.stop();
    this.#cancel();
    for (const prober of this.#probers) prober.stop();
  }

  /** Asked first of all questions since the last answered one that went unanswered; null where there is none, or nobody asked. */
  silentSinceMs(vm: string, fromMs: number): number | null {
    const results = (this.#results.get(vm) ?? []).filter(({ askedAtMs }) => askedAtMs >= fromMs);
    const lastAnswered = Math.max(...results.filter(({ answered }) => answered).map(({ askedAtMs }) => askedAtMs));
    const silent = results.filter(({ answered, askedAtMs }) => !answered && askedAtMs > lastAnswered);
    return silent.length === 0 ? null : Math.min(...silent.map(({ askedAtMs }) => askedAtMs));
  }

  /** When the VM first answered a question that was asked after `fromMs`. */
  firstAnswerMs(vm: string, fromMs: number): number | null {
    const answered = (this.#results.get(vm) ?? []).filter((each) => each.answered && each.askedAtMs > fromMs);
    return answered.length === 0 ? null : Math.min(...answered.map(({ atMs }) => atMs));
  }

  readingsBetween(fromMs: number, toMs: number): PowerReading[] {
    return this.readings.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
  }

  #read(): void {
    const { clock, readPower } = this.#options;
    this.#reading = true;
    this.#calls.call(READ_BOUND_MS, readPower).then(
      (reading) => this.#readEnded(() => keep(this.readings, reading)),
      (thrown: unknown) => this.#readEnded(() => keep(this.failures, { atMs: clock.nowMs(), why: errorText(thrown) })),
    );
  }

  #readEnded(note: () => void): void {
    this.#reading = false;
    if (this.#calls.isStopped) return;
    note();
    this.#cancel = this.#options.clock.schedule(this.#powerMs, () => this.#read());
    this.#options.onNews();
  }
}

function keep<T>(list: T[], value: T): void {
  list.push(value);
  if (list.length > KEPT_MAX) list.shift();
}
