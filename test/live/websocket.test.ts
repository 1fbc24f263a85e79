// Peer: python3-websockets, server and client. A connection that nobody uses, under the pings of its client, with and without patience.
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

// It would be gone before its quiet time is over, if nobody answered.
describeClient('WebSocket client with pings every 2 s, each to be answered within 4 s', {
  ...plan,
  quietMs: 15_000,
  start: (session) => openWebSocket(session, 'websocket', { everyS: 2, timeoutS: 4 }),
});
