// Waiting for something shared until one's own signal aborts, and waiting for time to pass.
import { TorporError } from '../../platform/errors.ts';
import type { Clock } from '../../platform/ports.ts';

function givenUp(what: string, signal: AbortSignal): TorporError {
  if (signal.reason instanceof TorporError) return signal.reason;
  return new TorporError('ERR_REDFISH_TIMEOUT', `${what} was given up: the time its caller allowed is over`, {
    retryable: true,
  });
}

/** `promise`, or ERR_REDFISH_TIMEOUT when the signal aborts first; the promise itself runs on for others. */
export function abortable<Value>(promise: Promise<Value>, signal: AbortSignal, what: string): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(givenUp(what, signal));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** Resolves after that time, or at once when the signal aborts. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.schedule(delayMs, end);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}
