// Follows a platform's power draw: work without clients keeps it awake. The rule itself is draw-rule.ts's.

import type { CheckStatus } from '../platform/inhibitor.ts';
import type { PlatformEvent } from '../platform/model.ts';
import type { InhibitorPace, InhibitorWatch, PowerReading } from '../platform/ports.ts';
import { formatDuration } from '../platform/units.ts';
import { type DrawPolicy, type DrawState, drawKnown, idleWatts, NO_DRAW, takeDraw } from './draw-rule.ts';

/** A BMC may leave out the watts now and then; for longer, nobody knows what it draws. */
export const WATTS_PATIENCE_MS = 60_000;

export interface WattsWatchOptions {
  readonly policy: DrawPolicy;
  /** What the proof on record saw it draw at rest; null where there is none that holds. Of no account where its owner said it. */
  readonly provenIdle: { readonly watts: number; readonly atMs: number } | null;
  readonly onEvent: (event: PlatformEvent) => void;
}

export class WattsWatch implements InhibitorWatch {
  readonly #options: WattsWatchOptions;
  #pace: InhibitorPace = 'resting';
  #state: DrawState;
  #lastWattsAtMs: number | null = null;
  #status: CheckStatus | null = null;

  constructor(options: WattsWatchOptions) {
    this.#options = options;
    const { provenIdle } = options;
    this.#state = provenIdle === null ? NO_DRAW : drawKnown(provenIdle.watts, provenIdle.atMs);
  }

  /** Whoever asked for this guard does not want a sleep while nobody knows what it draws. */
  start(): void {
    this.#say('pending', 'no power reading yet', 0);
  }

  /** What a sleeper draws is no measure of idle, and what it drew before the sleep none of work. */
  setPace(pace: InhibitorPace): void {
    if (pace === 'resting' && this.#pace !== 'resting') {
      this.#state = { ...this.#state, busy: false, crossedAtMs: null, window: null, lastAtMs: null };
      this.#lastWattsAtMs = null;
    }
    this.#pace = pace;
  }

  onPower({ watts, atMs }: PowerReading): void {
    if (this.#pace === 'resting') return;
    if (watts === null) this.#takeNone(atMs);
    else this.#takeWatts(watts, atMs);
  }

  #takeWatts(watts: number, atMs: number): void {
    const { policy } = this.#options;
    this.#lastWattsAtMs = atMs;
    this.#state = takeDraw(this.#state, watts, atMs, policy);
    const idle = idleWatts(this.#state, policy);
    const draws = `draws ${Math.round(watts)} W`;
    if (idle === null) {
      this.#say('pending', `${draws}; what it draws at rest is not known yet`, atMs);
      return;
    }
    const isLearned = policy.idle === null ? ' (learned)' : '';
    const compared = `${draws}, idle is ${Math.round(idle)} W${isLearned}`;
    if (this.#state.busy) this.#say('busy', `${compared}: work without clients`, atMs);
    else this.#say('free', compared, atMs);
  }

  /** The last reading is as fresh as the guard on the BMC's answers wants it. */
  async ask(): Promise<void> {}

  checks(): readonly CheckStatus[] {
    return this.#status === null ? [] : [this.#status];
  }

  stop(): void {
    this.#pace = 'resting';
  }

  #takeNone(atMs: number): void {
    if (this.#lastWattsAtMs !== null && atMs - this.#lastWattsAtMs <= WATTS_PATIENCE_MS) return;
    const since = this.#lastWattsAtMs === null ? '' : ` for ${formatDuration(atMs - this.#lastWattsAtMs)}`;
    this.#say('error', `there is no power reading${since}: busyWatts cannot tell (leave it out if it has none)`, atMs);
  }

  #say(outcome: CheckStatus['outcome'], why: string, atMs: number): void {
    const blocks = outcome !== 'free';
    this.#status = { kind: 'watts', name: 'watts', outcome, why, atMs, blocks };
    const { onEvent } = this.#options;
    if (blocks) onEvent({ kind: 'inhibit', by: 'watts', name: 'watts', why, untilMs: null });
    else onEvent({ kind: 'lift', by: 'watts', name: 'watts', why });
  }
}
