// What a perfect controller, with the same time-outs and nothing to wait for, would have slept on the same trace of clients.

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** One stream's spans of activity: from each input until its idle timeout, cut short by its end. */
export class ActivityTrace {
  #spans: { fromMs: number; toMs: number }[] = [];

  active(atMs: number, idleTimeoutMs: number): void {
    const last = this.#spans.at(-1);
    if (last !== undefined && atMs <= last.toMs) last.toMs = atMs + idleTimeoutMs;
    else this.#spans.push({ fromMs: atMs, toMs: atMs + idleTimeoutMs });
  }

  closed(atMs: number, graceMs: number): void {
    const last = this.#spans.at(-1);
    if (last !== undefined && last.toMs > atMs + graceMs) last.toMs = atMs + graceMs;
  }

  get spans(): readonly Span[] {
    return this.#spans;
  }
}

export interface PerfectRules {
  readonly minAwakeMs: number;
  readonly drowsyForMs: number;
  /** Mean of what a suspend takes. */
  readonly suspendMs: number;
  /** From the first input until it runs. */
  readonly resumeMs: number;
}

/** `busy`: spans of all streams, in any order. */
export function perfectSleep(busy: readonly Span[], whole: Span, rules: PerfectRules): Span[] {
  const { minAwakeMs, drowsyForMs, suspendMs, resumeMs } = rules;
  const asleep: Span[] = [];
  let awakeSinceMs = whole.fromMs;
  const add = (idleFromMs: number, toMs: number) => {
    const fromMs = Math.max(idleFromMs, awakeSinceMs + minAwakeMs) + drowsyForMs + suspendMs;
    if (fromMs >= toMs) return;
    asleep.push({ fromMs, toMs });
    awakeSinceMs = toMs + resumeMs;
  };
  let idleFromMs = whole.fromMs;
  for (const { fromMs, toMs } of mergeSpans(busy)) {
    if (fromMs > idleFromMs) add(idleFromMs, Math.min(fromMs, whole.toMs));
    idleFromMs = Math.max(idleFromMs, toMs);
  }
  add(idleFromMs, whole.toMs);
  return asleep;
}

export function mergeSpans(spans: readonly Span[]): Span[] {
  const merged: { fromMs: number; toMs: number }[] = [];
  for (const { fromMs, toMs } of [...spans].sort((a, b) => a.fromMs - b.fromMs)) {
    const last = merged.at(-1);
    if (last !== undefined && fromMs <= last.toMs) last.toMs = Math.max(last.toMs, toMs);
    else merged.push({ fromMs, toMs });
  }
  return merged;
}

/** How much of `spans` lies outside `excluded`. Both merged. */
export function lengthOutside(spans: readonly Span[], excluded: readonly Span[]): number {
  let totalMs = 0;
  for (const { fromMs, toMs } of spans) {
    totalMs += toMs - fromMs;
    for (const other of excluded) {
      const overlapMs = Math.min(toMs, other.toMs) - Math.max(fromMs, other.fromMs);
      if (overlapMs > 0) totalMs -= overlapMs;
    }
  }
  return totalMs;
}
