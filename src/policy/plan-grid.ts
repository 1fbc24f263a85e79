// The moments at which a plan may change something: dense at first, five minutes apart later. Local time is told for each.

/** How far a plan looks ahead; then it is made anew. */
export const PLAN_HORIZON_MS = 20 * 3_600_000;
/** Steps by length and number, up to the horizon. */
const STEPS: ReadonlyArray<readonly [lengthMs: number, count: number]> = [
  [30_000, 4],
  [60_000, 8],
  [120_000, 10],
  [300_000, (PLAN_HORIZON_MS - 30 * 60_000) / 300_000],
];
export const GRID_STEPS = STEPS.reduce((sum, [, count]) => sum + count, 0);

/** Begin of each step since the plan was made, one more than there are steps. */
export const STEP_BEGIN_MS = buildBegins();
export const STEP_LENGTH_MS = STEP_BEGIN_MS.slice(0, GRID_STEPS).map(
  (beginMs, step) => (STEP_BEGIN_MS[step + 1] as number) - beginMs,
);
export const STEP_MIDDLE_MS = STEP_BEGIN_MS.slice(0, GRID_STEPS).map(
  (beginMs, step) => (beginMs + (STEP_BEGIN_MS[step + 1] as number)) / 2,
);

/** The first step that begins at this time since the plan was made, or later; GRID_STEPS where none does. */
export function firstStepFrom(sinceMs: number): number {
  let low = 0;
  let high = GRID_STEPS;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((STEP_BEGIN_MS[middle] as number) < sinceMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

function buildBegins(): Float64Array {
  const begins = new Float64Array(GRID_STEPS + 1);
  let index = 0;
  let atMs = 0;
  for (const [lengthMs, count] of STEPS) {
    for (let i = 0; i < count; i += 1) {
      begins[index] = atMs;
      index += 1;
      atMs += lengthMs;
    }
  }
  begins[index] = atMs;
  return begins;
}
