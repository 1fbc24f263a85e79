// One configured part of a power path, a BMC, a host or a magic packet, with whatever it can do. Joining them is combined-driver.ts's.
import type { PowerDriver, PowerReader, SleepSwitch, WakeSwitch } from '../platform/ports.ts';

/** One thing that `torpor check` tells about a part, found without pressing anything. */
export interface PartFinding {
  readonly outcome: 'ok' | 'warning' | 'failed';
  /** What was looked at: `host login`, `interface eth0`. */
  readonly subject: string;
  readonly what: string;
  /** What to do; null where nothing is to be done. */
  readonly todo: string | null;
}

/** Null where the part cannot do it. All calls may be made while others run. */
export interface PowerPart {
  /** For people, with its address: `ipmi 10.0.9.11:623`. */
  readonly name: string;
  readonly sleep: SleepSwitch | null;
  readonly wake: WakeSwitch | null;
  readonly reader: PowerReader | null;
  /** What else can be told without pressing anything, for `torpor check`. Does not reject. */
  inspect?(signal: AbortSignal): Promise<readonly PartFinding[]>;
  close(): Promise<void>;
}

/** A driver that is a whole power path by itself, such as a BMC's. */
export function partOfDriver(driver: PowerDriver): PowerPart {
  return { name: driver.name, sleep: driver, wake: driver, reader: driver, close: () => driver.close() };
}
