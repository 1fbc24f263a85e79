// An AbortController that serves one call after the other, as long as none is called off: to make one costs more than most calls take.
import { getEventListeners } from 'node:events';

export class SpareAbort {
  #spare: AbortController | null = null;

  /** For one call; `giveBack` follows when it is over. Calls at the same time get one each. */
  take(): AbortController {
    const abort = this.#spare ?? new AbortController();
    this.#spare = null;
    return abort;
  }

  /** One that was aborted, or to which somebody still listens, serves no other call. */
  giveBack(abort: AbortController): void {
    const { signal } = abort;
    if (!signal.aborted && getEventListeners(signal, 'abort').length === 0) this.#spare = abort;
  }
}
