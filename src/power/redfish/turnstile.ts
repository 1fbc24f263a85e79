// Lets so many in at a time, in the order in which they came. For questions to a BMC that serves few connections at once.
import { TorporError } from '../../platform/errors.ts';

/** Far above what one platform asks at once; whoever comes beyond it is refused. */
const MAX_WAITING = 64;

export class Turnstile {
  readonly #places: number;
  readonly #name: string;
  #inside = 0;
  readonly #waiting: Array<() => void> = [];

  constructor(places: number, name: string) {
    this.#places = places;
    this.#name = name;
  }

  /** Runs it when a place is free. Rejects as `run` does, with the signal's reason, or with ERR_REDFISH_BUSY where too many wait. */
  async pass<Value>(run: () => Promise<Value>, signal: AbortSignal): Promise<Value> {
    if (this.#inside >= this.#places) await this.#wait(signal);
    else this.#inside += 1;
    try {
      return await run();
    } finally {
      const next = this.#waiting.shift();
      // The place is handed on: nobody slips in between.
      if (next === undefined) this.#inside -= 1;
      else next();
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING) {
      const text = `${this.#name} has ${MAX_WAITING} questions waiting already`;
      throw new TorporError('ERR_REDFISH_BUSY', text, { retryable: true });
    }
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        reject(signal.reason);
      };
      this.#waiting.push(enter);
      if (signal.aborted) leave();
      else signal.addEventListener('abort', leave, { once: true });
    });
  }
}
