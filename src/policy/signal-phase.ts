// What signals say of one client at a moment: its calendar, and when its machine opened. Pure arithmetic; what follows from it is learned.
import type { BusySpan } from './busy-times.ts';

const MINUTE_MS = 60_000;

/** Nothing is known beyond habits. */
export const PHASE_NONE = 0;
/** Busy by the calendar, but was not seen going there. Here, and in an absence, habits hold, weakened by a learned factor. */
const PHASE_BUSY = 1;
/** Away for several days. */
const PHASE_AWAY = 2;
/** First of those of an absence of a day, by how much of it has passed: some come in the evening after all. */
const PHASE_ABSENT = 3;
const ABSENT_BIN_MS = 6 * 60 * MINUTE_MS;
const ABSENT_BINS = 4;
const DAY_MS = ABSENT_BINS * ABSENT_BIN_MS;
/** Idle for a short while: since a meeting's begin, or since its midst, which looks like any pause. */
const PHASE_LEFT = PHASE_ABSENT + ABSENT_BINS;
const PHASE_PAUSED = PHASE_LEFT + 1;
/** First of those with a rate of their own: a meeting that the client seems to be at, by the time to its end. */
const PHASE_MEETING = PHASE_PAUSED + 1;
const MEETING_UNTIL_MS = [-10, -5, 0, 5, 10, 20].map((minutes) => minutes * MINUTE_MS);
/** First of those since the client's machine opened. */
const PHASE_OPEN = PHASE_MEETING + MEETING_UNTIL_MS.length;
const OPEN_UNTIL_MS = [10, 20, 40, 80, 160, 320, 640].map((seconds) => seconds * 1000);
/**
 * Machines open for other things, too: what follows is told apart by the returns an hour that habits make expect just then. At eight on a
 * workday an opening means a return, on a Sunday hardly ever. The likeliest first, each down to its bound, the last below all.
 */
const OPEN_EXPECTED_FROM_PER_HOUR = [0.3, 0.06, 0.01];
const OPEN_CONTEXTS = OPEN_EXPECTED_FROM_PER_HOUR.length + 1;
export const PHASES = PHASE_OPEN + OPEN_UNTIL_MS.length * OPEN_CONTEXTS;

/** Who goes to a meeting becomes idle no sooner and no later than this around its begin, */
const LEAVES_BEFORE_MS = 12 * MINUTE_MS;
const LEAVES_AFTER_MS = 8 * MINUTE_MS;
/** and is surely there, rather than in a pause, after this. */
const PAUSE_MS = 15 * MINUTE_MS;

/** How long a meeting's end is remembered. */
export const SIGNAL_LASTS_MS = 20 * MINUTE_MS;

const PER_HOUR = 1 / 3_600_000;
/** Returns after an opening, by the seconds since: those of the likeliest context, and what share of them the others have. */
const OPEN_PER_HOUR = [20, 30, 30, 20, 10, 5, 2];
const OPEN_PRIORS = [1, 0.7, 0.4, 0.1].flatMap((share) => OPEN_PER_HOUR.map((rate) => rate * share * PER_HOUR));

/** What is assumed before anything is seen: factors on habits, then returns an hour. */
export const PHASE_PRIORS: readonly number[] = [
  1,
  0.4,
  0.05,
  ...[0.2, 0.2, 0.2, 0.5],
  0.3,
  0.8,
  ...[0.3, 1, 3, 10, 6, 3].map((rate) => rate * PER_HOUR),
  ...OPEN_PRIORS,
];

export interface SignalPhase {
  readonly phase: number;
  /** It holds until then, or longer. */
  readonly untilMs: number;
}

/** True where returns have a rate of their own rather than a factor on habits. */
export function hasOwnRate(phase: number): boolean {
  return phase >= PHASE_MEETING;
}

/** The context of an opening, 0 the likeliest, by the rate per millisecond at which the client's habits make it return then. */
export function openContext(habitRate: number): number {
  const index = OPEN_EXPECTED_FROM_PER_HOUR.findIndex((perHour) => habitRate >= perHour * PER_HOUR);
  return index < 0 ? OPEN_CONTEXTS - 1 : index;
}

/**
 * The phase at a moment of a client that has been idle since `idleSinceMs`, if it does not come meanwhile. `context`: of its last opening.
 */
export function phaseAt(
  atMs: number,
  idleSinceMs: number,
  openedAtMs: number,
  spans: readonly BusySpan[],
  context = 0,
): SignalPhase {
  if (atMs >= openedAtMs && openedAtMs >= idleSinceMs) {
    for (const [bin, untilMs] of OPEN_UNTIL_MS.entries()) {
      if (atMs < openedAtMs + untilMs)
        return { phase: PHASE_OPEN + context * OPEN_UNTIL_MS.length + bin, untilMs: openedAtMs + untilMs };
    }
  }
  const opensMs = openedAtMs > atMs ? openedAtMs : Number.POSITIVE_INFINITY;
  const { phase, untilMs } = calendarPhase(atMs, idleSinceMs, spans);
  return { phase, untilMs: Math.min(untilMs, opensMs) };
}

function calendarPhase(atMs: number, idleSinceMs: number, spans: readonly BusySpan[]): SignalPhase {
  const index = lastBegun(spans, atMs);
  const nextMs = spans[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY;
  const span = spans[index];
  if (span === undefined) return { phase: PHASE_NONE, untilMs: nextMs };
  const { fromMs, toMs, isAbsence } = span;
  if (isAbsence) return atMs < toMs ? absencePhase(atMs, span) : { phase: PHASE_NONE, untilMs: nextMs };
  if (idleSinceMs < fromMs - LEAVES_BEFORE_MS || idleSinceMs >= toMs) {
    return atMs < toMs && idleSinceMs < toMs
      ? { phase: PHASE_BUSY, untilMs: toMs }
      : { phase: PHASE_NONE, untilMs: nextMs };
  }
  return atMs < idleSinceMs + PAUSE_MS ? pausePhase(atMs, idleSinceMs, span) : meetingPhase(atMs, span, nextMs);
}

function pausePhase(atMs: number, idleSinceMs: number, { fromMs, toMs }: BusySpan): SignalPhase {
  const pausedMs = idleSinceMs + PAUSE_MS;
  if (atMs >= toMs) return { phase: PHASE_NONE, untilMs: pausedMs };
  const phase = idleSinceMs < fromMs + LEAVES_AFTER_MS ? PHASE_LEFT : PHASE_PAUSED;
  return { phase, untilMs: Math.min(pausedMs, toMs) };
}

function meetingPhase(atMs: number, { toMs }: BusySpan, nextMs: number): SignalPhase {
  for (const [bin, untilMs] of MEETING_UNTIL_MS.entries()) {
    if (atMs < toMs + untilMs) return { phase: PHASE_MEETING + bin, untilMs: Math.min(nextMs, toMs + untilMs) };
  }
  return { phase: PHASE_NONE, untilMs: nextMs };
}

function absencePhase(atMs: number, { fromMs, toMs }: BusySpan): SignalPhase {
  if (toMs - fromMs > DAY_MS) return { phase: PHASE_AWAY, untilMs: toMs };
  const bin = Math.floor((atMs - fromMs) / ABSENT_BIN_MS);
  return {
    phase: PHASE_ABSENT + Math.min(bin, ABSENT_BINS - 1),
    untilMs: Math.min(toMs, fromMs + (bin + 1) * ABSENT_BIN_MS),
  };
}

/** The last span that has begun at a moment; -1 where none has. */
function lastBegun(spans: readonly BusySpan[], atMs: number): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle] as BusySpan).fromMs <= atMs) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
