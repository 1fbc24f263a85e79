// What is told to systemd (sd_notify(3)): through its own program, since Node has no datagram sockets of the local kind. Without systemd nothing is.
import { spawn } from 'node:child_process';

/** One message takes milliseconds; one that hangs must not stay. */
const TELL_BOUND_MS = 5_000;

export interface ServiceManager {
  /** `READY=1`, `STATUS=…`. Resolves when it was told, or could not be: the service goes on all the same. */
  tell(...fields: readonly string[]): Promise<void>;
  /** It wants to hear of this process at least so often; null: it does not. */
  readonly watchdogMs: number | null;
}

const NOBODY: ServiceManager = { tell: async () => {}, watchdogMs: null };

export function serviceManager(
  env: Readonly<Record<string, string | undefined>>,
  program = 'systemd-notify',
): ServiceManager {
  if (!env.NOTIFY_SOCKET) return NOBODY;
  const watchdogUs = Number(env.WATCHDOG_USEC);
  const watchdogMs = Number.isFinite(watchdogUs) && watchdogUs > 0 ? watchdogUs / 1000 : null;
  let tail: Promise<void> = Promise.resolve();
  const tell = (...fields: readonly string[]) => {
    // In their order: RELOADING before READY.
    tail = tail.then(() => run(program, fields));
    return tail;
  };
  return { tell, watchdogMs };
}

function run(program: string, fields: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const child = spawn(program, [...fields], { stdio: 'ignore', timeout: TELL_BOUND_MS });
    child.on('error', () => resolve());
    child.on('exit', () => resolve());
  });
}

/** Tells that the event loop still turns, twice within what is asked. Ends when the returned function is called. */
export function feedWatchdog(service: ServiceManager): () => void {
  if (service.watchdogMs === null) return () => {};
  const timer = setInterval(() => void service.tell('WATCHDOG=1'), service.watchdogMs / 2);
  timer.unref();
  return () => clearInterval(timer);
}
