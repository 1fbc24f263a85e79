// Peer: FreeRDP's client xfreerdp and xrdp. A desktop with a ticking clock.
import { requires } from '../support/requirements.ts';
import { describeClient } from './support/describe-client.ts';
import { openXfreerdp, RDP_PROGRAMS } from './support/xfreerdp.ts';

describeClient('xfreerdp', {
  missing: requires([...RDP_PROGRAMS, 'ip'], { root: true }),
  learnsWithinMs: 20_000,
  start: openXfreerdp,
  quietMs: 12_000,
  chatters: { awake: false, asleep: false },
});
