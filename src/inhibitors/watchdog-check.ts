// The BMC's watchdog timer as a reason to stay awake: it resets a host that does not feed it, and a sleeper does not.
import type { WatchdogReader } from '../platform/ports.ts';
import type { BusyCheck, CheckRule, CheckVerdict } from './busy-check.ts';

const RULE: CheckRule = { everyMs: 60_000, timeoutMs: 10_000, onError: 'block' };

export class WatchdogCheck implements BusyCheck {
  readonly by = 'watchdog';
  readonly names = ['watchdog'];
  readonly rule = RULE;
  readonly #reader: WatchdogReader;

  constructor(reader: WatchdogReader) {
    this.#reader = reader;
  }

  async ask(signal: AbortSignal): Promise<readonly CheckVerdict[]> {
    const reading = await this.#reader.readWatchdog(signal);
    const name = 'watchdog';
    if (reading === null) return [{ name, outcome: 'free', why: 'the BMC has no watchdog timer' }];
    if (!reading.running) return [{ name, outcome: 'free', why: 'the watchdog timer is stopped' }];
    const { action, secondsLeft } = reading;
    if (action === 'none')
      return [{ name, outcome: 'warning', why: 'the watchdog timer runs, but does nothing at its end' }];
    const why = `the BMC's watchdog runs (${action} in ${secondsLeft} s unless the host feeds it, and a sleeper does not)`;
    return [{ name, outcome: 'busy', why }];
  }
}

/** The driver as one that reads watchdogs; null where it cannot. */
export function asWatchdogReader(driver: object): WatchdogReader | null {
  const { readWatchdog } = driver as Partial<WatchdogReader>;
  return typeof readWatchdog === 'function' ? (driver as WatchdogReader) : null;
}
