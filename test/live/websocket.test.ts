// Peer: python3-websockets, server and client. A connection that nobody uses, under the pings of its client.
import { requires } from '../support/requirements.ts';
import { type ClientPlan, describeClient } from './support/describe-client.ts';
import { openWebSocket, requiresWebSockets } from './support/websocket-client.ts';

const plan: Pick<ClientPlan, 'missing' | 'quietMs' | 'learnsWithinMs' | 'chatters'> = {
  missing: requires(['ip'], { root: true }) ?? requiresWebSockets(),
  quietMs: 7_000,
  learnsWithinMs: 5_000,
  chatters: { awake: true, asleep: true },
};

describeClient('WebSocket client with pings every 2 s', {
  ...plan,
  start: (session) => openWebSocket(session, 'auto'),
});

describeClient('WebSocket client of a listener with protocol: websocket', {
  ...plan,
  start: (session) => openWebSocket(session, 'websocket'),
  steps: ['idle'],
});
