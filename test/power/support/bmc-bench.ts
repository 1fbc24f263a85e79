// A simulated host and BMC, a network in memory and a clock in hand: what session and driver tests stand on.
import { BmcSession, type BmcSessionOptions } from '../../../src/power/ipmi/bmc-session.ts';
import { SimulatedBmc, type SimulatedBmcOptions } from '../../../src/power/simulated/simulated-bmc.ts';
import { SimulatedHost, type SimulatedHostOptions } from '../../../src/power/simulated/simulated-host.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { MemoryNetwork } from './memory-network.ts';

export const USER = 'torpor';
export const PASSWORD = 'open sesame';

export interface BenchOptions {
  readonly host?: Omit<SimulatedHostOptions, 'clock'>;
  readonly bmc?: Partial<Omit<SimulatedBmcOptions, 'clock' | 'machine'>>;
}

export interface BmcBench {
  readonly clock: FakeClock;
  readonly host: SimulatedHost;
  readonly bmc: SimulatedBmc;
  readonly network: MemoryNetwork;
  /** What every console on this bench is built from. */
  readonly access: Omit<BmcSessionOptions, 'openTransport'> & Pick<Required<BmcSessionOptions>, 'openTransport'>;
  session(options?: Partial<BmcSessionOptions>): BmcSession;
}

export function setUpBench(options: BenchOptions = {}): BmcBench {
  const clock = new FakeClock();
  const host = new SimulatedHost({ clock, suspendMs: 300, resumeMs: 200, bootMs: 1000, ...options.host });
  const bmc = new SimulatedBmc({
    machine: host,
    clock,
    users: [
      { name: USER, password: PASSWORD, privilege: 'operator' },
      { name: 'reader', password: PASSWORD, privilege: 'user' },
    ],
    ...options.bmc,
  });
  const network = new MemoryNetwork(clock, bmc);
  const access = {
    host: 'bmc.test',
    user: USER,
    password: PASSWORD,
    cipherSuite: 17 as const,
    clock,
    openTransport: network.openTransport,
  };
  return { clock, host, bmc, network, access, session: (extra = {}) => new BmcSession({ ...access, ...extra }) };
}

/** Moves the clock on in small steps until the promise is settled, for `boundMs` at most; then rejects. */
export async function settleBy<Value>(clock: FakeClock, boundMs: number, promise: Promise<Value>): Promise<Value> {
  let settled = false;
  const mark = () => {
    settled = true;
  };
  promise.then(mark, mark);
  const endMs = clock.nowMs() + boundMs;
  while (!settled && clock.nowMs() < endMs) await clock.advance(1);
  if (!settled) throw new Error(`not settled after ${boundMs} ms of the test's clock`);
  return await promise;
}
