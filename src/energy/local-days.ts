// Local days: which day a moment belongs to in a time zone, and where that day begins and ends. Days of 23 and 25 hours included.

export interface LocalDay {
  /** `2026-11-29` */
  readonly day: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Longer than any day, in milliseconds: the next one begins within it. */
const PAST_A_DAY_MS = 26 * 3_600_000;

export class LocalDays {
  readonly timeZone: string;
  readonly #format: Intl.DateTimeFormat;

  /** `timeZone` is an IANA name. Throws RangeError where it is none. */
  constructor(timeZone: string) {
    this.timeZone = timeZone;
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
    });
  }

  /** The day in which a moment lies. */
  at(atMs: number): LocalDay {
    const day = this.#nameOf(atMs);
    const fromMs = this.#change(atMs - PAST_A_DAY_MS, atMs, day);
    const next = this.#firstOther(atMs, day);
    return { day, fromMs, toMs: next };
  }

  /** The days that the time between two moments touches, whole, oldest first. None where it is empty. */
  between(fromMs: number, toMs: number): LocalDay[] {
    const days: LocalDay[] = [];
    for (let atMs = fromMs; atMs < toMs; ) {
      const day = this.at(atMs);
      days.push(day);
      atMs = day.toMs;
    }
    return days;
  }

  #firstOther(atMs: number, day: string): number {
    let low = atMs;
    let high = atMs + PAST_A_DAY_MS;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.#nameOf(middle) === day) low = middle;
      else high = middle;
    }
    return high;
  }

  /** The first moment of `day`, between one before it and one within it. */
  #change(beforeMs: number, withinMs: number, day: string): number {
    let low = Math.floor(beforeMs);
    let high = withinMs;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.#nameOf(middle) === day) high = middle;
      else low = middle;
    }
    return Math.ceil(high);
  }

  #nameOf(atMs: number): string {
    const parts = Object.fromEntries(this.#format.formatToParts(atMs).map(({ type, value }) => [type, value]));
    return `${parts.year}-${parts.month}-${parts.day}`;
  }
}
