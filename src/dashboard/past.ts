// What a platform's past looked like: its states as spans of time, from recorded history or from the events this Torpor still knows.
import type { FarmEvent, History, PlatformStatus, StateName } from './shapes.ts';

export interface Span {
  readonly state: StateName;
  readonly fromMs: number;
  readonly toMs: number;
}

/** States with their ends, within the bounds. What nobody knows is no span. */
export function spansOf(history: Pick<History, 'states'>, fromMs: number, toMs: number): Span[] {
  const { states } = history;
  return states.flatMap(({ atMs, state }, index) => {
    const start = Math.max(fromMs, atMs);
    const end = Math.min(toMs, states[index + 1]?.atMs ?? toMs);
    return end > start && state !== 'unknown' ? [{ state, fromMs: start, toMs: end }] : [];
  });
}

/** The states that kept transitions tell, ending with what is now; nothing is known of the time before the first of them. */
export function statesFromEvents(
  events: readonly FarmEvent[],
  { name, state, sinceMs }: PlatformStatus,
): History['states'] {
  const states = events
    .filter(({ kind, platform, facts }) => kind === 'transition' && platform === name && typeof facts.to === 'string')
    .map(({ atMs, facts }) => ({ atMs, state: facts.to as StateName }));
  const last = states.at(-1);
  return last?.state === state ? states : [...states, { atMs: Math.max(sinceMs, last?.atMs ?? 0), state }];
}

/** How much of the time is known. */
export function knownMs(spans: readonly Span[]): number {
  return spans.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
}

export function timeIn(spans: readonly Span[], state: StateName): number {
  return spans.reduce((sum, span) => sum + (span.state === state ? span.toMs - span.fromMs : 0), 0);
}

export function countWakes(spans: readonly Span[]): number {
  return spans.filter(({ state }, index) => state === 'waking' && spans[index - 1]?.state === 'asleep').length;
}

/** Watts averaged over their time; null where there are none. */
export function meanWatts(watts: History['watts']): number | null {
  if (watts.length === 0) return null;
  return watts.reduce((sum, { watts: value }) => sum + value, 0) / watts.length;
}
