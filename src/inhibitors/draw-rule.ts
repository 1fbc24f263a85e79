// The rule on power draw: more than idle by a margin, for a while, is work without clients. Pure: time and watts enter as arguments.

export interface DrawPolicy {
  /** Watts above idle that are work. */
  readonly margin: number;
  readonly forMs: number;
  /** Known to the owner; null: learned. */
  readonly idle: number | null;
}

/** Readings further apart say nothing about the time between them. */
export const GAP_MS = 30_000;
/** Idle is learned from means over this time; shorter dips of the sensor are no idle. */
export const LEARN_WINDOW_MS = 60_000;
/** And is forgotten after this time, so that a summer's fans do not make work out of idling for ever. */
export const LEARN_MEMORY_MS = 7 * 24 * 3_600_000;
/** Below half the margin it ends: watts that hang about the line do not flicker. */
const END_PART = 0.5;

export interface DrawState {
  readonly busy: boolean;
  readonly lastAtMs: number | null;
  /** Since when readings have been on the other side of the line that counts. */
  readonly crossedAtMs: number | null;
  readonly window: { readonly fromMs: number; readonly sum: number; readonly count: number } | null;
  /** Means of a window that were the least when they were taken, rising: the first is the least still remembered. */
  readonly least: ReadonlyArray<{ readonly atMs: number; readonly watts: number }>;
}

export const NO_DRAW: DrawState = { busy: false, lastAtMs: null, crossedAtMs: null, window: null, least: [] };

/** What was learned elsewhere, as if it had been seen now: forgotten as all else, and at once where it draws less. */
export function drawKnown(watts: number, atMs: number): DrawState {
  return { ...NO_DRAW, least: [{ atMs, watts }] };
}

/** The draw at rest as far as it is known; null where nothing is known yet. */
export function idleWatts(state: DrawState, policy: DrawPolicy): number | null {
  return policy.idle ?? state.least[0]?.watts ?? null;
}

/** Takes in one reading. */
export function takeDraw(state: DrawState, watts: number, atMs: number, policy: DrawPolicy): DrawState {
  if (state.lastAtMs !== null && atMs <= state.lastAtMs) return state;
  const isGap = state.lastAtMs === null || atMs - state.lastAtMs > GAP_MS;
  const learned = policy.idle === null ? learn(isGap ? { ...state, window: null } : state, watts, atMs) : state;
  const idle = idleWatts(learned, policy);
  const line = idle === null ? null : idle + policy.margin * (state.busy ? END_PART : 1);
  const isAcross = line !== null && (state.busy ? watts < line : watts > line);
  const crossedAtMs = isAcross ? ((isGap ? null : state.crossedAtMs) ?? atMs) : null;
  const turns = crossedAtMs !== null && atMs - crossedAtMs >= policy.forMs;
  return {
    ...learned,
    lastAtMs: atMs,
    busy: turns ? !state.busy : state.busy,
    crossedAtMs: turns ? null : crossedAtMs,
  };
}

function learn(state: DrawState, watts: number, atMs: number): DrawState {
  const window = state.window ?? { fromMs: atMs, sum: 0, count: 0 };
  const grown = { fromMs: window.fromMs, sum: window.sum + watts, count: window.count + 1 };
  if (atMs - window.fromMs < LEARN_WINDOW_MS) return { ...state, window: grown };
  const mean = { atMs, watts: grown.sum / grown.count };
  const remembered = state.least.filter((each) => atMs - each.atMs < LEARN_MEMORY_MS && each.watts < mean.watts);
  // What is higher and older than the new mean can never be the least again; what rises too finely is of no use.
  const last = remembered.at(-1);
  const isNear = last !== undefined && mean.watts - last.watts < 1 && atMs - last.atMs < LEARN_MEMORY_MS / 7;
  return { ...state, window: null, least: isNear ? remembered : [...remembered, mean] };
}
