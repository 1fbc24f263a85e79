// Sends magic packets from inside the network namespace that it runs in.
import { WakeOnLan } from '../../../src/power/wake-on-lan.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { serveAgent } from '../../streams/support/agent.ts';

const SIGNAL = new AbortController().signal;

serveAgent({
  wake: (mac: string, name: string | null, address: string | null, password: string | null) =>
    new WakeOnLan({
      mac,
      interface: name,
      address,
      port: 9,
      password,
      repeats: 2,
      clock: systemClock,
    }).requestWake('wake-on-lan', SIGNAL),
});
