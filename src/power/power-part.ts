// One configured part of a power path, a BMC, a host or a magic packet, with whatever it can do. Joining them is combined-driver.ts's.
import { errorText } from '../platform/errors.ts';
import type { PowerDriver, PowerReader, SleepSwitch, WakeSwitch } from '../platform/ports.ts';
import { describeProfile } from './ipmi/bmc-profile.ts';
import type { IpmiDriver } from './ipmi/ipmi-driver.ts';

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
  /** The BMC behind it, for those who use its own log or read its watchdog; left out where it is none that speaks IPMI. */
  readonly ipmi?: IpmiDriver;
  /** What else can be told without pressing anything, for `torpor check`. Does not reject. */
  inspect?(signal: AbortSignal): Promise<readonly PartFinding[]>;
  close(): Promise<void>;
}

/** A BMC that speaks IPMI: a whole power path by itself, and more to tell. */
export function partOfIpmi(driver: IpmiDriver): PowerPart {
  return { ...partOfDriver(driver), ipmi: driver, inspect: (signal) => inspectIpmi(driver, signal) };
}

async function inspectIpmi(driver: IpmiDriver, signal: AbortSignal): Promise<readonly PartFinding[]> {
  try {
    const lines = describeProfile(await driver.readProfile(signal));
    return lines.map(({ subject, what, doubt }) => {
      return { outcome: doubt === null ? 'ok' : 'warning', subject, what, todo: doubt };
    });
  } catch (thrown) {
    // Why the BMC cannot be asked is told where the session and the wake path are.
    return [{ outcome: 'warning', subject: 'BMC', what: errorText(thrown), todo: null }];
  }
}

/** A driver that is a whole power path by itself, such as a BMC's. */
export function partOfDriver(driver: PowerDriver): PowerPart {
  return { name: driver.name, sleep: driver, wake: driver, reader: driver, close: () => driver.close() };
}
