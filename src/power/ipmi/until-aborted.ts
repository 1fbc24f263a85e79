// Waiting for something shared until one's own signal aborts.
import { TorporError } from '../../platform/errors.ts';

/** ERR_IPMI_TIMEOUT for a caller whose own time ran out; `name` is what it waited for. */
export function abortedError(name: string, signal: AbortSignal | undefined): TorporError {
  const text = `${name} was given up before the BMC answered: the time its caller allowed is over`;
  return new TorporError('ERR_IPMI_TIMEOUT', text, { retryable: true, cause: signal?.reason });
}

/** `promise`, or `abortedError` when the signal aborts first; the promise itself runs on for others. */
export function untilAborted<Value>(
  promise: Promise<Value>,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Value> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(abortedError(name, signal));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    const forget = () => signal.removeEventListener('abort', onAbort);
    promise.then(
      (value) => {
        forget();
        resolve(value);
      },
      (thrown: unknown) => {
        forget();
        reject(thrown);
      },
    );
  });
}
