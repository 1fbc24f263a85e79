// Whose wake may go now on a circuit that bears only so many, and so many watts, at once. Pure: who asks, and what is done, is others'.

/** What feeds several platforms: a rack, a PDU, a breaker. null: no bound of that kind. */
export interface Circuit {
  readonly name: string;
  /** Platforms that wake at the same time. */
  readonly wakingAtMost: number | null;
  /** What all its platforms draw together, a waking one with its inrush. */
  readonly watts: number | null;
  /** A wake waits at most that long for its turn: past half of it, it goes before all priorities. */
  readonly waitAtMostMs: number;
}

/** One platform on a circuit, as the decision sees it. */
export interface WakePlace {
  readonly platform: string;
  /** Higher goes first. */
  readonly priority: number;
  /** At most, now, and while it wakes. */
  readonly drawnWatts: number;
  readonly wakingWatts: number;
  /** queued: it asks for its turn. granted: it has it, and has not begun. waking: it has begun. other: no wake of it is due. */
  readonly stage: 'queued' | 'granted' | 'waking' | 'other';
  /** Of `queued`: since when, clock milliseconds. Of `granted` and `waking`: since when it takes a place. */
  readonly sinceMs: number;
  /** How long a wake takes a place at most. */
  readonly wakeTimeoutMs: number;
  /** Of `queued`: an operator asked for it. */
  readonly isOrdered: boolean;
  /** Of `queued`: since when somebody waits; null: nobody does, it is woken ahead. */
  readonly waitingSinceMs: number | null;
}

/** A wake that is not to go yet. */
export interface QueuedWake {
  readonly platform: string;
  /** How many go before it. */
  readonly ahead: number;
  /** For people: `circuit rack-a: 3 of 3 are waking`. */
  readonly why: string;
}

export interface CircuitOutlook {
  /** May go at once, in this order. */
  readonly granted: readonly string[];
  readonly queue: readonly QueuedWake[];
  /** Platforms that take a place now, those just granted included. */
  readonly waking: number;
  /** Drawn by all its platforms at most, those just granted included. */
  readonly watts: number;
  /** Took a place for longer than their wake may take: the next ones do not wait for them any more. */
  readonly overdue: readonly WakePlace[];
}

/**
 * All wakes that may go now, in order, without passing a limit, and why the others may not. Order: an operator's; who has waited for half of what
 * one waits at most; by priority; those for whom somebody waits, longest first; those woken ahead, longest first. Nobody overtakes the first
 * in the queue, also where a smaller one would fit: else the large one would never be fed.
 */
export function orderWakes(circuit: Circuit, places: readonly WakePlace[], nowMs: number): CircuitOutlook {
  const taking = places.filter(({ stage }) => stage === 'waking' || stage === 'granted');
  const overdue = taking.filter((place) => isOverdue(place, nowMs));
  let waking = taking.length - overdue.length;
  let watts = places.reduce((sum, { drawnWatts }) => sum + drawnWatts, 0);
  const queued = places.filter(({ stage }) => stage === 'queued');
  queued.sort((a, b) => compareQueued(circuit, a, b, nowMs));
  const granted: string[] = [];
  const queue: QueuedWake[] = [];
  let why: string | null = null;
  for (const place of queued) {
    why ??= whyNot(circuit, place, waking, watts);
    if (why !== null) {
      const behind = queue.length === 0 ? '' : `, ${queue.length} before it`;
      queue.push({ platform: place.platform, ahead: queue.length, why: `circuit ${circuit.name}: ${why}${behind}` });
      continue;
    }
    granted.push(place.platform);
    waking += 1;
    watts += addedWatts(place);
  }
  return { granted, queue, waking, watts, overdue };
}

/** It does not come up in its time: its place goes to the next one, what it draws still counts. */
export function isOverdue({ stage, sinceMs, wakeTimeoutMs }: WakePlace, nowMs: number): boolean {
  return (stage === 'waking' || stage === 'granted') && nowMs >= sinceMs + wakeTimeoutMs;
}

function addedWatts({ drawnWatts, wakingWatts }: WakePlace): number {
  return Math.max(0, wakingWatts - drawnWatts);
}

function whyNot(circuit: Circuit, place: WakePlace, waking: number, watts: number): string | null {
  const { wakingAtMost } = circuit;
  if (wakingAtMost !== null && waking >= wakingAtMost) return `${waking} of ${wakingAtMost} are waking`;
  if (circuit.watts === null || addedWatts(place) === 0 || watts + addedWatts(place) <= circuit.watts) return null;
  return `${place.platform} would draw ${place.wakingWatts} W, and ${watts} of ${circuit.watts} W are taken`;
}

function compareQueued(circuit: Circuit, a: WakePlace, b: WakePlace, nowMs: number): number {
  const isLong = ({ sinceMs }: WakePlace) => nowMs >= sinceMs + circuit.waitAtMostMs / 2;
  return (
    Number(b.isOrdered) - Number(a.isOrdered) ||
    Number(isLong(b)) - Number(isLong(a)) ||
    (isLong(a) && isLong(b) ? a.sinceMs - b.sinceMs : 0) ||
    b.priority - a.priority ||
    Number(b.waitingSinceMs !== null) - Number(a.waitingSinceMs !== null) ||
    (a.waitingSinceMs ?? a.sinceMs) - (b.waitingSinceMs ?? b.sinceMs) ||
    (a.platform < b.platform ? -1 : 1)
  );
}
