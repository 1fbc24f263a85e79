// The page's line to Torpor: news by server-sent events, a look every few seconds, and the truth about when the last news came.
import type { FarmEvent } from '../shapes.ts';
import { torporNowMs } from './api.ts';

/** Between two looks at what has no events, such as watts. */
const LOOK_MS = 5_000;
/** After an event, before what it changed is asked for: several come together. */
const SETTLE_MS = 60;
/** Without an answer for so long the page says so. Two looks may be late. */
const STALE_AFTER_MS = 12_000;
/** Before an ended stream of events is opened anew. */
const REOPEN_MS = 1_500;

export interface LiveOptions {
  /** Reads anew what is shown. Rejects where Torpor does not answer. */
  readonly look: () => Promise<void>;
  readonly onEvent: (event: FarmEvent) => void;
  /** Events were lost between two of them: all has to be read anew. */
  readonly onGap: () => void;
  /** The connection's state has changed, or may have. */
  readonly onChange: () => void;
}

export class Live {
  /** When Torpor was last heard, its clock; null before `start`. */
  lastNewsMs: number | null = null;
  readonly #options: LiveOptions;
  #source: EventSource | null = null;
  #lastEventId = 0;
  #isBroken = false;
  #isStopped = true;
  #looking = false;
  #again = false;
  #timer: number | undefined;
  #reopenTimer: number | undefined;

  constructor(options: LiveOptions) {
    this.#options = options;
    // Six tabs would use up a browser's connections to one server, and nobody looks at a hidden one.
    document.addEventListener('visibilitychange', () => (document.hidden ? this.#rest() : this.#wake()));
  }

  /** True where what is shown may no longer be so. */
  get isStale(): boolean {
    if (this.lastNewsMs === null) return false;
    return this.#isBroken || torporNowMs() - this.lastNewsMs > STALE_AFTER_MS;
  }

  /** Torpor has just answered, and events above this id are news: what comes to be shown from now on may be of a Torpor that dies before its first look is over. */
  start(afterEventId: number): void {
    this.#lastEventId = afterEventId;
    this.#heard();
    this.#isStopped = false;
    this.#wake();
  }

  stop(): void {
    this.#isStopped = true;
    this.#rest();
  }

  /** Looks as soon as it can; looks do not overlap. */
  lookSoon(delayMs = SETTLE_MS): void {
    if (this.#isStopped) return;
    window.clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#look(), delayMs);
  }

  #wake(): void {
    if (this.#isStopped || document.hidden) return;
    this.#open();
    this.lookSoon(0);
  }

  #rest(): void {
    window.clearTimeout(this.#timer);
    window.clearTimeout(this.#reopenTimer);
    this.#source?.close();
    this.#source = null;
  }

  #open(): void {
    this.#source?.close();
    const source = new EventSource(`/api/v1/events?after=${this.#lastEventId}`);
    this.#source = source;
    source.onmessage = ({ data }) => {
      const event = JSON.parse(data as string) as FarmEvent;
      this.#lastEventId = event.id;
      this.#heard();
      this.#options.onEvent(event);
      this.lookSoon();
    };
    source.addEventListener('gap', () => {
      this.#lastEventId = 0;
      this.#options.onGap();
    });
    source.onerror = () => {
      // The browser comes back by itself from a cut, and gives up on a refusal: this way it is the same for both.
      source.close();
      window.clearTimeout(this.#reopenTimer);
      this.#reopenTimer = window.setTimeout(() => this.#isStopped || document.hidden || this.#open(), REOPEN_MS);
      this.lookSoon();
    };
  }

  async #look(): Promise<void> {
    if (this.#looking) {
      this.#again = true;
      return;
    }
    this.#looking = true;
    try {
      await this.#options.look();
      this.#heard();
    } catch {
      this.#isBroken = true;
    }
    this.#looking = false;
    this.#options.onChange();
    const next = this.#again ? SETTLE_MS : LOOK_MS;
    this.#again = false;
    if (!document.hidden) this.lookSoon(this.#isBroken ? REOPEN_MS : next);
  }

  #heard(): void {
    this.#isBroken = false;
    this.lastNewsMs = torporNowMs();
  }
}
