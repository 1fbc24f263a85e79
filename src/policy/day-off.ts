// Days on which nobody comes although everybody usually does: the longer a morning stays empty, the likelier it is one of them.
import { DAY_MS, localDay } from './local-time.ts';
import { GRID_STEPS, STEP_BEGIN_MS, STEP_LENGTH_MS } from './plan-grid.ts';

/**
 * Days off for everybody, as a share of days. Public holidays are some 4 % of working days; less is assumed, since a model that expects
 * too much of an ordinary morning would give it up too soon. Chosen on the generated populations (6 seeds): 1 % beat 5 %.
 */
const SHARE_OF_DAYS = 0.01;

/**
 * Clients come independently of each other in the model, so that it would expect somebody for hours of a holiday's morning. Expected
 * arrivals are weighed by how likely the day still is an ordinary one, given that those who were expected until then have not come.
 */
export class DayOff {
  readonly #expected = new Float64Array(GRID_STEPS);
  #atMs = Number.NaN;
  #day = Number.NaN;
  /** Arrivals that were expected on this day before `#atMs`, and did not happen. */
  #missed = 0;

  /**
   * Changes the rates of the first `steps` of a plan made at `atMs`; `isReview`: nobody has come since the plan before. Asked again at the same
   * moment it answers the same.
   */
  apply(atMs: number, localMs: number, isReview: boolean, people: Float64Array, steps = GRID_STEPS): void {
    const day = localDay(localMs);
    this.#missed = isReview && day === this.#day ? this.#missed + this.#missedUntil(atMs) : 0;
    this.#atMs = atMs;
    this.#day = day;
    const expected = this.#expected;
    let missed = this.#missed;
    let nextDayMs = (day + 1) * DAY_MS - localMs;
    for (let step = 0; step < steps; step += 1) {
      const beginMs = STEP_BEGIN_MS[step] as number;
      if (beginMs >= nextDayMs) {
        nextDayMs += DAY_MS;
        missed = 0;
      }
      const rate = people[step] as number;
      const ordinary = (1 - SHARE_OF_DAYS) * Math.exp(-missed);
      expected[step] = rate;
      people[step] = (rate * ordinary) / (ordinary + SHARE_OF_DAYS);
      missed += rate * (STEP_LENGTH_MS[step] as number);
    }
  }

  /** Expected arrivals of the last plan from its making until now, those of this day alone. */
  #missedUntil(atMs: number): number {
    let missed = 0;
    for (let step = 0; step < GRID_STEPS; step += 1) {
      const fromMs = this.#atMs + (STEP_BEGIN_MS[step] as number);
      if (fromMs >= atMs) break;
      const toMs = Math.min(atMs, this.#atMs + (STEP_BEGIN_MS[step + 1] as number));
      missed += (this.#expected[step] as number) * (toMs - fromMs);
    }
    return missed;
  }
}
