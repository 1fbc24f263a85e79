// Peer: TigerVNC, viewer and server. A desktop with a ticking clock, plain and inside TLS (VeNCrypt).
import { requires } from '../support/requirements.ts';
import { type ClientPlan, describeClient } from './support/describe-client.ts';
import { openViewer, VNC_PROGRAMS } from './support/vnc-viewer.ts';

const plan: Omit<ClientPlan, 'start' | 'chatters'> = {
  missing: requires([...VNC_PROGRAMS, 'ip'], { root: true }),
  learnsWithinMs: 20_000,
  // Every ten seconds the clock draws two figures anew, not one.
  quietMs: 12_000,
};

describeClient('TigerVNC viewer', {
  ...plan,
  start: (session) => openViewer(session, 'None'),
  chatters: { awake: true, asleep: false },
});

describeClient('TigerVNC viewer in TLS', {
  ...plan,
  start: (session) => openViewer(session, 'TLSNone'),
  chatters: { awake: true, asleep: false },
});
