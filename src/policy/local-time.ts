// Local time without a calendar: quarters of an hour and weekends, from an offset that whoever knows the time zone gives.

export const QUARTER_MS = 900_000;
export const DAY_MS = 86_400_000;
export const QUARTERS = 96;
/** Those of a weekday and of a weekend's day, as `weekQuarter` numbers them. */
export const WEEK_QUARTERS = 2 * QUARTERS;
/** Local time minus UTC at a moment, milliseconds. Summer time is the giver's business. */
export type LocalOffset = (atMs: number) => number;

/** Days since the epoch, local. */
export function localDay(localMs: number): number {
  return Math.floor(localMs / DAY_MS);
}

/** 1 January 1970 was a Thursday. */
export function isWeekend(day: number): boolean {
  return (day + 3) % 7 >= 5;
}

/** Weekday or weekend and quarter of an hour as one number, 0 to 191. */
export function quarterOfWeek(localMs: number): number {
  return weekQuarter(Math.floor(localMs / QUARTER_MS));
}

/** The same of a quarter counted since the epoch, local. */
export function weekQuarter(quarter: number): number {
  const day = Math.floor(quarter / QUARTERS);
  return (isWeekend(day) ? QUARTERS : 0) + quarter - day * QUARTERS;
}
