// Runs one call with an abort signal that ends with a bound or with its owner, and leaves no listener behind.
import type { Clock } from '../platform/ports.ts';

/**
 * Calls `run` with a signal that aborts when `owner` does or after `boundMs`. The call itself must heed the signal.
 * Written out so that a long-lived owner loses its listener with the call, and not when garbage is collected next.
 */
export async function callBounded<T>(
  owner: AbortSignal,
  clock: Clock,
  boundMs: number,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const inner = new AbortController();
  const abort = () => inner.abort(owner.reason);
  if (owner.aborted) abort();
  owner.addEventListener('abort', abort, { once: true });
  const cancelTimer = clock.schedule(boundMs, () => inner.abort(new Error(`no answer within ${boundMs} ms`)));
  try {
    return await run(inner.signal);
  } finally {
    cancelTimer();
    owner.removeEventListener('abort', abort);
  }
}
