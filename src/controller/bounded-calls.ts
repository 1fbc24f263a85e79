// The calls of one owner that makes the same ones for years: each has a bound, and all end with the owner. Judges no answer.
import type { Clock } from '../platform/ports.ts';
import { SpareAbort } from '../spare-abort.ts';

export class BoundedCalls {
  readonly #clock: Clock;
  readonly #spare = new SpareAbort();
  readonly #open = new Set<AbortController>();
  #isStopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Calls `run` with a signal that aborts after `boundMs`, and at `stop`. The call itself must heed it, and keeps it no longer than it takes. */
  async call<T>(boundMs: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const abort = this.#spare.take();
    this.#open.add(abort);
    if (this.#isStopped) abort.abort();
    const cancelBound = this.#clock.schedule(boundMs, () => abort.abort(new Error(`no answer within ${boundMs} ms`)));
    try {
      return await run(abort.signal);
    } finally {
      cancelBound();
      this.#open.delete(abort);
      this.#spare.giveBack(abort);
    }
  }

  /** Aborts the calls that are open, and each that begins from now on. Idempotent. */
  stop(): void {
    this.#isStopped = true;
    for (const abort of [...this.#open]) abort.abort();
  }
}
