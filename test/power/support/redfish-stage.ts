// A Redfish driver, a simulated service in memory and the host behind it, on one FakeClock.
import { RedfishDriver, type RedfishDriverOptions } from '../../../src/power/redfish/redfish-driver.ts';
import { SimulatedHost, type SimulatedHostOptions } from '../../../src/power/simulated/simulated-host.ts';
import { SimulatedRedfish, type SimulatedRedfishOptions } from '../../../src/power/simulated/simulated-redfish.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { KeptLog } from '../../support/kept-log.ts';
import { MemoryRedfish } from './memory-redfish.ts';

export const REDFISH_PASSWORD = 'correct horse bat';

export interface RedfishStage {
  readonly clock: FakeClock;
  readonly host: SimulatedHost;
  readonly service: SimulatedRedfish;
  readonly http: MemoryRedfish;
  readonly driver: RedfishDriver;
  readonly log: KeptLog;
}

export interface RedfishStageOptions {
  readonly driver?: Partial<RedfishDriverOptions>;
  readonly service?: Partial<SimulatedRedfishOptions>;
  readonly host?: Partial<SimulatedHostOptions>;
}

export function redfishStage(options: RedfishStageOptions = {}): RedfishStage {
  const clock = new FakeClock();
  const log = new KeptLog();
  const host = new SimulatedHost({ clock, ...options.host });
  const users = [{ name: 'torpor', password: REDFISH_PASSWORD, role: 'Operator' as const }];
  const service = new SimulatedRedfish({ machine: host, clock, users, ...options.service });
  const http = new MemoryRedfish(service);
  const access = { host: 'bmc', user: 'torpor', password: REDFISH_PASSWORD, trust: { kind: 'none' } as const };
  const driver = new RedfishDriver({ ...access, sleep: 'S3', clock, log, httpPort: http, ...options.driver });
  return { clock, host, service, http, driver, log };
}

/** A signal that nobody aborts. */
export const PATIENT = new AbortController().signal;

/** A profile's action may be a task that is looked at by the clock: time goes on until the promise has ended. */
export async function withTime<Value>(clock: FakeClock, promise: Promise<Value>): Promise<Value> {
  let over = false;
  const end = () => {
    over = true;
  };
  promise.then(end, end);
  for (let seconds = 0; seconds < 600; seconds += 1) {
    // All that waits for no clock runs to its end before one macrotask.
    await new Promise((resolve) => setImmediate(resolve));
    if (over) break;
    await clock.advance(1000);
  }
  return await promise;
}
