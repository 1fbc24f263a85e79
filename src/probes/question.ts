// The frame of one question: its bound, the caller's signal, and exactly one answer. What is asked is the probe's.
import type { Clock, Probe } from '../platform/ports.ts';

/** One question's own bound where a configuration does not say. */
export const DEFAULT_TIMEOUT_MS = 2000;

/** A probe that tells its own bounds to whoever asks it again and again. */
export interface BoundedProbe extends Probe {
  /** A question without an answer ends after this time. */
  readonly timeoutMs: number;
  /** Questions that may be open at once: a connection is cheap, a process is not. */
  readonly maxOpen: number;
  /** True where a question is a connection, which its service counts. */
  readonly connects: boolean;
  /** `onReached` is called once the service has the connection and only the answer is missing. */
  ask(signal: AbortSignal, onReached?: () => void): Promise<boolean>;
}

/**
 * Runs `begin` and waits until it answers, `timeoutMs` is over or the signal aborts: the latter two answer false. `begin`
 * returns what ends the attempt and frees all it holds; it runs exactly once, whatever the answer. Never rejects.
 */
export function askBounded(
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal,
  begin: (answer: (isAnswered: boolean) => void) => () => void,
): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve(false);
      return;
    }
    let isOver = false;
    let end: (() => void) | null = null;
    const finish = (isAnswered: boolean) => {
      if (isOver) return;
      isOver = true;
      cancelBound();
      signal.removeEventListener('abort', onAbort);
      end?.();
      resolve(isAnswered);
    };
    const onAbort = () => finish(false);
    const cancelBound = clock.schedule(timeoutMs, onAbort);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      end = begin(finish);
    } catch {
      finish(false);
    }
    if (isOver) end?.();
  });
}
