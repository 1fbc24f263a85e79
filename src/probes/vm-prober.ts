// Keeps asking one VM's probe, with questions that overlap, so that one lost packet never delays the news. Judges no answer.
import { errorText } from '../platform/errors.ts';
import type { Clock, Logger, ProbeResult, Prober } from '../platform/ports.ts';
import { SpareAbort } from '../spare-abort.ts';
import { ProbeLoad } from './probe-load.ts';
import type { BoundedProbe } from './question.ts';

/**
 * Of a probe that connects: a service that a question has reached gets this time to answer before the next one is asked: overlap is for lost packets,
 * and a service that is slow to start counts every connection. sshd refuses clients from ten unauthenticated ones on
 * (MaxStartups), Torpor's own clients first of all.
 */
export const REACHED_PATIENCE_MS = 100;

/**
 * Of a probe that connects: questions on their way. All of them arrive at one moment when the VM's link comes up, so they are
 * few; a fresh one beyond that takes the place of one of the younger. Those that stay to their bound are for a VM that is far
 * away.
 */
export const ON_THE_WAY_MAX = 6;
const STAY_TO_THEIR_BOUND = 2;

export interface VmProberOptions {
  readonly vm: string;
  readonly probe: BoundedProbe;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onResult: (result: ProbeResult) => void;
  /** Shared by all probers of a process. Default: one of its own. */
  readonly load?: ProbeLoad;
}

interface Question {
  readonly askedAtMs: number;
  readonly abort: AbortController;
  /** null until it has reached its service. */
  reachedAtMs: number | null;
}

/**
 * Asks nothing until a pace is set, then at once and at every interval, whether or not the questions before were answered.
 * At most `probe.maxOpen` are open: an interval that would open more is stretched, evenly, so that a fresh question is
 * never far away. An answer makes the questions before it moot: they are withdrawn and not reported. So does a question that
 * has reached the service, of those that have not: they would only arrive beside it. Where many VMs are asked at once, intervals are
 * stretched and first questions spread (see ProbeLoad).
 */
export class VmProber implements Prober {
  readonly vm: string;
  readonly #options: VmProberOptions;
  readonly #open = new Set<Question>();
  readonly #load: ProbeLoad;
  readonly #spareAbort = new SpareAbort();
  #intervalMs: number | null = null;
  #lastAskedAtMs = Number.NEGATIVE_INFINITY;
  #cancelNext: () => void = () => {};

  constructor(options: VmProberOptions) {
    this.vm = options.vm;
    this.#options = options;
    this.#load = options.load ?? new ProbeLoad();
  }

  /** Questions that wait for their answer. */
  get open(): number {
    return this.#open.size;
  }

  setPace(intervalMs: number | null): void {
    const { probe, clock } = this.#options;
    const stretchedMs = intervalMs === null ? null : Math.max(intervalMs, probe.timeoutMs / probe.maxOpen);
    if (stretchedMs === this.#intervalMs) return;
    this.#load.change(this.#intervalMs, stretchedMs);
    this.#intervalMs = stretchedMs;
    this.#cancelNext();
    if (stretchedMs === null) this.#withdrawAll();
    else {
      const waitMs = this.#lastAskedAtMs + this.#load.stretch(stretchedMs) - clock.nowMs();
      this.#schedule(Math.max(waitMs, this.#load.stagger(stretchedMs)));
    }
  }

  stop(): void {
    this.setPace(null);
  }

  #schedule(delayMs: number): void {
    if (delayMs <= 0) this.#turn();
    else this.#cancelNext = this.#options.clock.schedule(delayMs, () => this.#turn());
  }

  #turn(): void {
    const { probe, clock } = this.#options;
    if (this.#intervalMs === null) return;
    this.#cancelNext = clock.schedule(this.#load.stretch(this.#intervalMs), () => this.#turn());
    if (probe.connects) {
      if (this.#isAnswerDue()) return;
      this.#makePlace();
    }
    if (this.#open.size >= probe.maxOpen) return;
    this.#lastAskedAtMs = clock.nowMs();
    void this.#ask({ askedAtMs: this.#lastAskedAtMs, abort: this.#spareAbort.take(), reachedAtMs: null });
  }

  async #ask(question: Question): Promise<void> {
    const { probe, clock, log, onResult } = this.#options;
    this.#open.add(question);
    try {
      const answered = await probe.ask(question.abort.signal, () => this.#reached(question));
      // Withdrawn meanwhile: nobody wants to know.
      if (!this.#open.delete(question)) return;
      this.#spareAbort.giveBack(question.abort);
      if (answered) this.#withdrawBefore(question);
      onResult({ answered, askedAtMs: question.askedAtMs, atMs: clock.nowMs() });
    } catch (error) {
      this.#open.delete(question);
      log.error(
        { vm: this.vm, probe: probe.name },
        `a question of ${probe.name} ended in an error: ${errorText(error)}`,
      );
    }
  }

  #reached(question: Question): void {
    question.reachedAtMs = this.#options.clock.nowMs();
    for (const other of [...this.#open]) {
      if (other.reachedAtMs === null) this.#withdraw(other);
    }
  }

  #makePlace(): void {
    const onTheWay = [...this.#open].filter(({ reachedAtMs }) => reachedAtMs === null);
    const leaves = onTheWay[STAY_TO_THEIR_BOUND];
    if (onTheWay.length >= ON_THE_WAY_MAX && leaves !== undefined) this.#withdraw(leaves);
  }

  /** Whether a question reached the service so lately that its answer may still be on its way. */
  #isAnswerDue(): boolean {
    const sinceMs = this.#options.clock.nowMs() - REACHED_PATIENCE_MS;
    return [...this.#open].some(({ reachedAtMs }) => reachedAtMs !== null && reachedAtMs > sinceMs);
  }

  #withdrawBefore(answered: Question): void {
    for (const question of [...this.#open]) {
      if (question.askedAtMs < answered.askedAtMs) this.#withdraw(question);
    }
  }

  #withdrawAll(): void {
    for (const question of [...this.#open]) this.#withdraw(question);
  }

  #withdraw(question: Question): void {
    this.#open.delete(question);
    question.abort.abort();
  }
}
