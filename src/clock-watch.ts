// Notices that the machine's clock was set. Torpor's own runs steadily from what that one said at the start, so that no deadline jumps with
// it; what it tells of times is wrong then until the next start. A small machine without a clock of its own starts with the time at which
// it was switched off, and learns the right one from the network when Torpor runs already.
import type { Clock } from './platform/ports.ts';
import { formatDuration } from './platform/units.ts';

/** Between two looks. */
export const LOOK_MS = 60_000;
/** Less is told by nobody: whoever goes by times of day goes by quarters of hours. */
export const LEAST_MS = 60_000;

export interface ClockWatchOptions {
  /** The steady one. */
  readonly clock: Clock;
  /** What the machine's says, Unix milliseconds. */
  readonly wallMs: () => number;
  /** In words, with what to do. Once for each time it is set. */
  readonly tell: (why: string) => void;
}

export class ClockWatch {
  readonly #options: ClockWatchOptions;
  /** Wall less steady, as last told. */
  #toldMs = 0;
  #cancel = () => {};

  constructor(options: ClockWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#cancel = this.#options.clock.schedule(LOOK_MS, () => {
      this.#look();
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
  }

  #look(): void {
    const { clock, wallMs, tell } = this.#options;
    const aheadMs = wallMs() - clock.nowMs();
    if (Math.abs(aheadMs - this.#toldMs) < LEAST_MS) return;
    this.#toldMs = aheadMs;
    if (Math.abs(aheadMs) < LEAST_MS) {
      tell("the machine's clock agrees with Torpor's again");
      return;
    }
    const [by, direction] = [formatDuration(Math.abs(aheadMs)), aheadMs > 0 ? 'forward' : 'back'];
    tell(
      `the machine's clock was set ${direction} by ${by} since Torpor started: until the next start the times of events, calendars and learned habits are off by as much; ` +
        'send SIGUSR2 (a hand-over keeps all connections), or restart Torpor',
    );
  }
}
