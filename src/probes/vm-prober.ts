// Keeps asking one VM's probe, with questions that overlap, so that one lost packet never delays the news. Judges no answer.
import { errorText } from '../platform/errors.ts';
import type { Clock, Logger, ProbeResult, Prober } from '../platform/ports.ts';
import type { BoundedProbe } from './question.ts';

export interface VmProberOptions {
  readonly vm: string;
  readonly probe: BoundedProbe;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onResult: (result: ProbeResult) => void;
}

interface Question {
  readonly askedAtMs: number;
  readonly abort: AbortController;
}

/**
 * Asks nothing until a pace is set, then at once and at every interval, whether or not the questions before were answered.
 * At most `probe.maxOpen` are open: an interval that would open more is stretched, evenly, so that a fresh question is
 * never far away. An answer makes the questions before it moot: they are withdrawn and not reported.
 */
export class VmProber implements Prober {
  readonly vm: string;
  readonly #options: VmProberOptions;
  readonly #open = new Set<Question>();
  #intervalMs: number | null = null;
  #lastAskedAtMs = Number.NEGATIVE_INFINITY;
  #cancelNext: () => void = () => {};

  constructor(options: VmProberOptions) {
    this.vm = options.vm;
    this.#options = options;
  }

  /** Questions that wait for their answer. */
  get open(): number {
    return this.#open.size;
  }

  setPace(intervalMs: number | null): void {
    const { probe, clock } = this.#options;
    const stretchedMs = intervalMs === null ? null : Math.max(intervalMs, probe.timeoutMs / probe.maxOpen);
    if (stretchedMs === this.#intervalMs) return;
    this.#intervalMs = stretchedMs;
    this.#cancelNext();
    if (stretchedMs === null) this.#withdrawAll();
    else this.#schedule(this.#lastAskedAtMs + stretchedMs - clock.nowMs());
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
    this.#cancelNext = clock.schedule(this.#intervalMs, () => this.#turn());
    if (this.#open.size >= probe.maxOpen) return;
    this.#lastAskedAtMs = clock.nowMs();
    void this.#ask({ askedAtMs: this.#lastAskedAtMs, abort: new AbortController() });
  }

  async #ask(question: Question): Promise<void> {
    const { probe, clock, log, onResult } = this.#options;
    this.#open.add(question);
    try {
      const answered = await probe.ask(question.abort.signal);
      // Withdrawn meanwhile: nobody wants to know.
      if (!this.#open.delete(question)) return;
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
