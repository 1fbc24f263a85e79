// Waiting for something that another process does: asked again and again, with a bound that names what never came.
import { setTimeout as sleep } from 'node:timers/promises';

/** For `expect.poll`, whose own bound of a second a busy machine overruns. */
export const PATIENT = { timeout: 45_000 };

export interface EventuallyOptions {
  /** Default 45 s: far above what is expected, so that a busy machine does not fail a test. */
  readonly withinMs?: number;
  /** Default 25 ms. */
  readonly everyMs?: number;
  /** What to add to the failure: the child's last output, say. */
  readonly context?: () => string;
}

/**
 * Resolves with the first answer of `ask` that is not null, undefined or false. An error of `ask` counts as no answer.
 * Rejects after the bound, naming `what` and the last answer or error.
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  options: EventuallyOptions = {},
): Promise<T> {
  const { withinMs = PATIENT.timeout, everyMs = 25, context } = options;
  const end = performance.now() + withinMs;
  let last = 'no answer';
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== null && answer !== undefined && answer !== false) return answer;
    } catch (thrown) {
      last = String(thrown);
    }
    if (performance.now() > end) break;
    await sleep(everyMs);
  }
  const extra = context === undefined ? '' : `\n${context()}`;
  throw new Error(`waited ${withinMs} ms in vain for ${what} (${last})${extra}`);
}

/** Resolves once `check`, which expects something, does not throw. */
export function comesTrue(check: () => void, withinMs?: number): Promise<true> {
  const ask = () => {
    check();
    return true as const;
  };
  return eventually(String(check), ask, { everyMs: 2, ...(withinMs === undefined ? {} : { withinMs }) });
}
