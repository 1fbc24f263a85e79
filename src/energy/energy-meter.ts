// What one platform has drawn since Torpor started, and what it would have drawn had it never slept: sums kept as time passes, for
// metrics. Days, gaps and money are savings.ts's, from the history. Pure.
import { type ConfiguredWatts, doingOf } from './day-tally.ts';
import { type PlatformLook, type PresentWatts, presentWatts } from './present-watts.ts';

export interface MeteredEnergy {
  readonly usedJoules: number;
  readonly alwaysOnJoules: number;
}

export class EnergyMeter {
  #configured: ConfiguredWatts;
  #lastMs: number | null = null;
  #last: { readonly look: PlatformLook; readonly watts: PresentWatts | null } | null = null;
  #usedJoules = 0;
  #alwaysOnJoules = 0;
  #idleMeasured = { ms: 0, joules: 0 };

  constructor(configured: ConfiguredWatts) {
    this.#configured = configured;
  }

  /** From the next look on. */
  configure(configured: ConfiguredWatts): void {
    this.#configured = configured;
  }

  /** Counts the time since the last look as what it was then. Time of which watts are not known counts on neither side. */
  look(look: PlatformLook, nowMs: number): void {
    const before = this.#last;
    const ms = nowMs - (this.#lastMs ?? nowMs);
    this.#lastMs = nowMs;
    this.#last = { look, watts: presentWatts(look, this.#configured, nowMs) };
    if (before === null || before.watts === null || ms <= 0) return;
    const { watts, source } = before.watts;
    const joules = (watts * ms) / 1000;
    const doing = doingOf(before.look.state, before.look.pool);
    if (doing === 'idle' && source === 'measured') {
      this.#idleMeasured = { ms: this.#idleMeasured.ms + ms, joules: this.#idleMeasured.joules + joules };
    }
    const isAway = doing === 'asleep' || doing === 'transition';
    const idleWatts = this.#idleWatts();
    if (doing === 'unknown' || (isAway && idleWatts === null)) return;
    this.#usedJoules += joules;
    this.#alwaysOnJoules += isAway ? ((idleWatts ?? 0) * ms) / 1000 : joules;
  }

  energy(): MeteredEnergy {
    return { usedJoules: this.#usedJoules, alwaysOnJoules: this.#alwaysOnJoules };
  }

  /** What it would draw instead of sleeping: measured while it ran idle, else as configured. */
  #idleWatts(): number | null {
    const { ms, joules } = this.#idleMeasured;
    return ms > 0 ? (joules * 1000) / ms : this.#configured.idle;
  }
}
