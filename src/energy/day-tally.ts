// What one platform drew over one stretch of time: watt-seconds by what it did, from its states and its readings. Pure.
import type { StateName } from '../platform/status.ts';

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What is known from a moment on, until the next mark. */
export interface StateMark {
  readonly atMs: number;
  readonly state: StateName;
  /** Streams in its active pool. */
  readonly pool: number;
}

/** Watts that its BMC told. */
export interface Reading {
  readonly atMs: number;
  readonly watts: number;
}

/** `power.watts` of the configuration; null where its owner does not know them. */
export interface ConfiguredWatts {
  readonly busy: number | null;
  readonly idle: number | null;
  readonly asleep: number | null;
}

export interface TallyInput {
  readonly span: Span;
  /** When Torpor was running and watching; everything else is unknown. In order, not overlapping. */
  readonly runs: readonly Span[];
  /** In order of time. The last one before the span's start is among them, where there is one. */
  readonly marks: readonly StateMark[];
  /** In order of time. */
  readonly readings: readonly Reading[];
  readonly configured: ConfiguredWatts;
  /** A reading speaks for at most so long after it, or before it where none came sooner. */
  readonly readingHoldsMs: number;
}

/** Times in milliseconds, energies in watt-seconds (joules). The times add up to the span. */
export interface DayTally {
  readonly unknownMs: number;
  readonly awakeMs: number;
  readonly asleepMs: number;
  readonly transitionMs: number;
  readonly awakeWs: number;
  readonly asleepWs: number;
  readonly transitionWs: number;
  /** How long the watts were measured, and how long they are the configured ones. */
  readonly measuredMs: number;
  readonly configuredMs: number;
  /** Measured while it ran with nobody active: what it draws when it could sleep. */
  readonly idleMeasuredMs: number;
  readonly idleMeasuredWs: number;
}

type Doing = 'busy' | 'idle' | 'asleep' | 'transition' | 'unknown';

interface Stretch extends Span {
  readonly doing: Doing;
}

interface MutableTally extends Record<keyof DayTally, number> {}

const DOING: Readonly<Record<StateName, Exclude<Doing, 'busy'>>> = {
  // Before the first evidence, and where it contradicts itself, nobody knows whether it runs.
  starting: 'unknown',
  failed: 'unknown',
  awake: 'idle',
  drowsy: 'idle',
  saving: 'idle',
  suspending: 'transition',
  waking: 'transition',
  asleep: 'asleep',
};

export function doingOf(state: StateName, pool: number): Doing {
  const doing = DOING[state];
  return doing === 'idle' && pool > 0 ? 'busy' : doing;
}

/** The configured watts of what it does; null where its owner does not know them. Falling asleep and waking are work. */
export function configuredWatts(doing: Doing, { busy, idle, asleep }: ConfiguredWatts): number | null {
  if (doing === 'asleep') return asleep;
  if (doing === 'idle') return idle ?? busy;
  return doing === 'unknown' ? null : (busy ?? idle);
}

export function emptyTally(): DayTally {
  return {
    unknownMs: 0,
    awakeMs: 0,
    asleepMs: 0,
    transitionMs: 0,
    awakeWs: 0,
    asleepWs: 0,
    transitionWs: 0,
    measuredMs: 0,
    configuredMs: 0,
    idleMeasuredMs: 0,
    idleMeasuredWs: 0,
  };
}

/** The same for any division of a stretch of time: what a span is given around it must reach `readingHoldsMs` to both sides. */
export function tallyDay(input: TallyInput): DayTally {
  const tally: MutableTally = { ...emptyTally() };
  const { span } = input;
  for (const run of input.runs) {
    if (run.toMs <= span.fromMs || run.fromMs >= span.toMs) continue;
    const readings = input.readings.filter(({ atMs }) => atMs >= run.fromMs && atMs < run.toMs);
    for (const stretch of stretchesOf(run, input.marks)) addStretch(tally, stretch, { ...input, readings });
  }
  const knownMs = tally.awakeMs + tally.asleepMs + tally.transitionMs;
  return { ...tally, unknownMs: Math.max(0, span.toMs - span.fromMs - knownMs) };
}

/** What it did within one run, as far as there are marks. A mark of an earlier run says nothing about this one. */
function stretchesOf(run: Span, marks: readonly StateMark[]): Stretch[] {
  const stretches: Stretch[] = [];
  let doing: Doing = 'unknown';
  let sinceMs = run.fromMs;
  const end = (toMs: number) => {
    if (doing !== 'unknown' && toMs > sinceMs) stretches.push({ doing, fromMs: sinceMs, toMs });
  };
  for (const mark of marks) {
    if (mark.atMs < run.fromMs) continue;
    if (mark.atMs >= run.toMs) break;
    const next = doingOf(mark.state, mark.pool);
    if (next === doing) continue;
    end(mark.atMs);
    doing = next;
    sinceMs = mark.atMs;
  }
  end(run.toMs);
  return stretches;
}

/** Cut where another reading begins to speak; what none speaks for is of the configured watts, or unknown. */
function addStretch(tally: MutableTally, stretch: Stretch, input: TallyInput): void {
  const { readingHoldsMs, span } = input;
  if (stretch.toMs <= span.fromMs || stretch.fromMs >= span.toMs) return;
  const readings = input.readings.filter(({ atMs }) => atMs >= stretch.fromMs && atMs < stretch.toMs);
  let atMs = stretch.fromMs;
  for (const [index, reading] of readings.entries()) {
    // Before the first one, and after a silence: as far back as it holds.
    const speaksFromMs = Math.max(atMs, reading.atMs - readingHoldsMs);
    addUnread(tally, { ...stretch, fromMs: atMs, toMs: speaksFromMs }, stretch, input);
    const untilMs = Math.min(readings[index + 1]?.atMs ?? stretch.toMs, reading.atMs + readingHoldsMs, stretch.toMs);
    add(tally, { ...stretch, fromMs: speaksFromMs, toMs: untilMs }, reading.watts, 'measured', span);
    atMs = untilMs;
  }
  addUnread(tally, { ...stretch, fromMs: atMs }, stretch, input);
}

/** A suspend or a wake is often over before it is read once: what the platform drew just before or after speaks for it. */
function addUnread(tally: MutableTally, part: Stretch, whole: Stretch, input: TallyInput): void {
  if (part.toMs <= part.fromMs) return;
  const near = part.doing === 'transition' ? readingNear(whole, input) : null;
  if (near !== null) {
    add(tally, part, near, 'measured', input.span);
    return;
  }
  const watts = configuredWatts(part.doing, input.configured);
  if (watts !== null) add(tally, part, watts, 'configured', input.span);
}

/** The higher of the readings just before and just after: it was on its way between sleep and running. */
function readingNear({ fromMs, toMs }: Span, { readings, readingHoldsMs }: TallyInput): number | null {
  const before = readings.findLast(({ atMs }) => atMs < fromMs);
  const after = readings.find(({ atMs }) => atMs >= toMs);
  const watts = [
    ...(before !== undefined && fromMs - before.atMs <= readingHoldsMs ? [before.watts] : []),
    ...(after !== undefined && after.atMs - toMs <= readingHoldsMs ? [after.watts] : []),
  ];
  return watts.length === 0 ? null : Math.max(...watts);
}

function add(tally: MutableTally, part: Stretch, watts: number, source: 'measured' | 'configured', span: Span): void {
  const ms = Math.min(part.toMs, span.toMs) - Math.max(part.fromMs, span.fromMs);
  if (ms <= 0) return;
  const ws = (watts * ms) / 1000;
  const kind = part.doing === 'asleep' || part.doing === 'transition' ? part.doing : 'awake';
  tally[`${kind}Ms`] += ms;
  tally[`${kind}Ws`] += ws;
  tally[`${source}Ms`] += ms;
  if (part.doing !== 'idle' || source !== 'measured') return;
  tally.idleMeasuredMs += ms;
  tally.idleMeasuredWs += ws;
}
