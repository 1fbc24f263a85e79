// One schedule in cron form with its time zone: which of its windows is open, and when the next begins. When to look is left to others.
import { Cron } from 'croner';

export interface Window {
  /** Wall clock, milliseconds since the epoch. */
  readonly startMs: number;
  /** The last start's end: windows that overlap are one. */
  readonly untilMs: number;
}

export interface ScheduleOptions {
  readonly cron: string;
  /** IANA name. */
  readonly timezone: string;
  readonly forMs: number;
}

/**
 * Across a change of the clocks (as croner does it, and Vixie's cron): a time that is left out comes at the moment the clocks
 * go forward, a time that comes twice counts once, its first; every-hour and every-minute patterns follow real time.
 */
export class Schedule {
  readonly #cron: Cron;
  readonly #forMs: number;

  constructor({ cron, timezone, forMs }: ScheduleOptions) {
    this.#cron = new Cron(cron, { paused: true, mode: '5-part', timezone });
    this.#forMs = forMs;
  }

  /** The window that is open at that moment; null where none is. */
  openAt(wallMs: number): Window | null {
    const startMs = this.lastStartMs(wallMs);
    if (startMs === null || startMs + this.#forMs <= wallMs) return null;
    return { startMs, untilMs: startMs + this.#forMs };
  }

  /** The last start at or before that moment. */
  lastStartMs(wallMs: number): number | null {
    // croner counts whole seconds and leaves out the reference itself.
    const reference = new Date(Math.floor(wallMs / 1000) * 1000 + 1000);
    return this.#cron.previousRuns(1, reference)[0]?.getTime() ?? null;
  }

  /** The first start after that moment; null where none comes any more. */
  nextStartMs(wallMs: number): number | null {
    return this.#cron.nextRun(new Date(wallMs))?.getTime() ?? null;
  }

  /** Windows that began and ended between two moments, oldest first, at most `max`. */
  passedBetween(fromMs: number, toMs: number, max: number): Window[] {
    const windows: Window[] = [];
    let startMs = this.nextStartMs(fromMs);
    while (startMs !== null && startMs + this.#forMs <= toMs && windows.length < max) {
      windows.push({ startMs, untilMs: startMs + this.#forMs });
      startMs = this.nextStartMs(startMs);
    }
    return windows;
  }
}
