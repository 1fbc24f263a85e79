// Follows a platform's schedules: an inhibitor while a window is open, a wake at the start of a wake time's. Decides nothing else.
import type { CheckStatus } from '../platform/inhibitor.ts';
import type { PlatformEvent } from '../platform/model.ts';
import type { Clock, InhibitorWatch } from '../platform/ports.ts';
import type { Schedule } from './schedule.ts';

/** The wall clock may be set; it is looked at this often whatever the schedules say. */
const LOOK_MS = 60_000;
/** Timers may fire a little early by the wall clock. */
const EARLIEST_LOOK_MS = 50;
/** Missed wake times that are counted one by one. */
export const MISSED_COUNTED_MAX = 100;

export interface NamedSchedule {
  readonly name: string;
  readonly why: string;
  /** A sleeper is woken for it. */
  readonly wakes: boolean;
  readonly schedule: Schedule;
}

/** Up to which moment wake times have been dealt with, across restarts. */
export interface WakeMemory {
  /** Wall clock; null where nothing was ever dealt with. */
  readonly dealtUntilMs: number | null;
  /** Does not reject; a lost write means that a wake time is told as missed once too often. */
  remember(wallMs: number): void;
}

export interface ScheduleWatchOptions {
  readonly schedules: readonly NamedSchedule[];
  readonly clock: Clock;
  /** The wall clock, which may jump: schedules are its business alone. */
  readonly wallNowMs: () => number;
  readonly memory: WakeMemory;
  readonly onEvent: (event: PlatformEvent) => void;
  /** For what people should know and no machine decides on. */
  readonly report: (kind: 'alarm' | 'note', message: string) => void;
}

export class ScheduleWatch implements InhibitorWatch {
  readonly #options: ScheduleWatchOptions;
  /** Name to the end that was announced, wall clock. */
  readonly #open = new Map<string, number>();
  /** Name to the start whose wake was asked for. */
  readonly #woken = new Map<string, number>();
  #cancelTimer: () => void = () => {};
  #isStopped = false;

  constructor(options: ScheduleWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#tellMissed();
    this.#look();
  }

  setPace(): void {
    // The calendar goes on in every state.
  }

  onPower(): void {
    // It does not concern the calendar.
  }

  /** A window that opened just now has been announced by its timer, or is now. */
  async ask(): Promise<void> {
    this.#look();
  }

  checks(): readonly CheckStatus[] {
    return [];
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer();
  }

  #look(): void {
    if (this.#isStopped) return;
    this.#cancelTimer();
    const wallMs = this.#options.wallNowMs();
    for (const each of this.#options.schedules) this.#lookAt(each, wallMs);
    const waits = this.#options.schedules.map(
      ({ schedule }) => (schedule.nextStartMs(wallMs) ?? wallMs + LOOK_MS) - wallMs,
    );
    const waitMs = Math.max(EARLIEST_LOOK_MS, Math.min(LOOK_MS, ...waits));
    this.#cancelTimer = this.#options.clock.schedule(waitMs, () => this.#look());
  }

  #lookAt({ name, why, wakes, schedule }: NamedSchedule, wallMs: number): void {
    const { clock, onEvent, memory } = this.#options;
    const window = schedule.openAt(wallMs);
    if (window === null) {
      if (this.#open.delete(name)) onEvent({ kind: 'lift', by: 'schedule', name, why: 'its window is over' });
      return;
    }
    const untilMs = clock.nowMs() + (window.untilMs - wallMs);
    if (this.#open.get(name) !== window.untilMs) {
      this.#open.set(name, window.untilMs);
      onEvent({ kind: 'inhibit', by: 'schedule', name, why, untilMs });
    }
    if (!wakes || this.#woken.get(name) === window.startMs) return;
    this.#woken.set(name, window.startMs);
    memory.remember(wallMs);
    onEvent({ kind: 'scheduledWake', why: `schedule ${name}: ${why}`, untilMs });
  }

  /** A window that is still open is made up for by the first look. One that is over is told: its work was not done. */
  #tellMissed(): void {
    const { schedules, memory, wallNowMs, report } = this.#options;
    const wallMs = wallNowMs();
    const fromMs = memory.dealtUntilMs;
    for (const { name, wakes, schedule } of schedules) {
      if (!wakes || fromMs === null) continue;
      const missed = schedule.passedBetween(fromMs, wallMs, MISSED_COUNTED_MAX);
      const last = missed.at(-1);
      if (last === undefined) continue;
      const times =
        missed.length === 1
          ? ''
          : `${missed.length === MISSED_COUNTED_MAX ? 'at least ' : ''}${missed.length} times, last `;
      const at = new Date(last.startMs).toISOString();
      report('alarm', `wake time ${name} was missed, ${times}at ${at}: Torpor was not running`);
    }
    memory.remember(wallMs);
  }
}
