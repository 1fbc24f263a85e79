// What a platform that only observes would have slept, and what it would have drawn: stretches in which nothing but observe mode kept
// it awake become sleeps, and the marks and readings of a tally what they would have been. Pure.
import type { Span, StateMark, TallyInput } from './day-tally.ts';

/** From the moment at which it could have slept, until somebody was active or nobody watched any more. */
export interface ObservedIdle extends Span {
  /** Somebody came at its end: a wake that would have been. */
  readonly somebodyCame: boolean;
}

/** How it would have waited, and how long it takes to change. */
export interface SleepRules {
  readonly drowsyForMs: number;
  readonly minAwakeMs: number;
  readonly suspendMs: number;
  readonly resumeMs: number;
}

/** Suspending begins at `fromMs`, waking at `wakeMs`; it would run again at `toMs`. */
export interface ImaginedSleep extends Span {
  readonly wakeMs: number;
  readonly wakes: boolean;
}

/** Idle stretches in their order. Those that end within the abort window, or too soon after the wake before, are no sleeps. */
export function imagineSleeps(idle: readonly ObservedIdle[], rules: SleepRules): ImaginedSleep[] {
  const sleeps: ImaginedSleep[] = [];
  let notBeforeMs = Number.NEGATIVE_INFINITY;
  for (const stretch of idle) {
    const fromMs = Math.max(stretch.fromMs + rules.drowsyForMs, notBeforeMs);
    if (fromMs >= stretch.toMs) continue;
    if (!stretch.somebodyCame) {
      sleeps.push({ fromMs, wakeMs: stretch.toMs, toMs: stretch.toMs, wakes: false });
      continue;
    }
    // Whoever comes while it falls asleep waits until it has: a suspend cannot be stopped.
    const wakeMs = Math.max(stretch.toMs, fromMs + rules.suspendMs);
    const toMs = wakeMs + rules.resumeMs;
    sleeps.push({ fromMs, wakeMs, toMs, wakes: true });
    notBeforeMs = Math.max(toMs, stretch.toMs + rules.minAwakeMs);
  }
  return sleeps;
}

/** The tally's input as it would have been: readings of what never was are left out, so that its watts are those of a sleeper. */
export function imagineInput(
  input: TallyInput,
  sleeps: readonly ImaginedSleep[],
  suspendMs: number,
  asleepWatts: number | null,
): TallyInput {
  const isImagined = (atMs: number) => sleeps.some(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs);
  const marks = [...input.marks.filter(({ atMs }) => !isImagined(atMs)), ...sleeps.flatMap(marksOf)];
  function marksOf({ fromMs, wakeMs, toMs }: ImaginedSleep): StateMark[] {
    const after = input.marks.findLast(({ atMs }) => atMs <= toMs);
    return [
      { atMs: fromMs, state: 'suspending', pool: 0 },
      ...(fromMs + suspendMs < wakeMs ? [{ atMs: fromMs + suspendMs, state: 'asleep', pool: 0 } as const] : []),
      ...(wakeMs < toMs ? [{ atMs: wakeMs, state: 'waking', pool: 0 } as const] : []),
      { ...(after ?? { state: 'starting', pool: 0 }), atMs: toMs },
    ];
  }
  return {
    ...input,
    marks: marks.sort((a, b) => a.atMs - b.atMs),
    readings: input.readings.filter(({ atMs }) => !isImagined(atMs)),
    configured: { ...input.configured, asleep: asleepWatts },
  };
}
