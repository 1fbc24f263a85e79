// Peer: python3-websockets, server and client. A connection that nobody uses, under the pings of its client.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { eventually } from '../support/eventually.ts';
import { findProgram, requires } from '../support/requirements.ts';
import { spawnTied } from '../support/spawn-tied.ts';
import { type ClientPlan, describeClient, type LiveClient } from './support/describe-client.ts';
import { endChild } from './support/end-child.ts';
import { KeyPad } from './support/key-pad.ts';
import type { LiveSession } from './support/live-session.ts';
import { pipeText } from './support/pipe-text.ts';

const PEER = fileURLToPath(new URL('support/websocket-peer.py', import.meta.url));
/** Debian's Python: the library is a Debian package, which no other Python sees. */
const PYTHON = '/usr/bin/python3';
const PORT = 8080;

async function openConnection(session: LiveSession, protocol: 'auto' | 'websocket'): Promise<LiveClient> {
  const { stage, vm } = session;
  const padFile = stage.folder.file('pad');
  const pad = new KeyPad(padFile);
  const serverLog = pipeText(vm.spawn(PYTHON, [PEER, 'server', vm.address, String(PORT), padFile]));
  await eventually('the WebSocket server to listen', () => serverLog().includes('listening'), { context: serverLog });
  await session.listen(PORT, { protocol, device: 'web' });
  const args = [PEER, 'client', `ws://127.0.0.1:${stage.listenPort}/`, '2', 'never'];
  const client = spawnTied(PYTHON, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const seen = pipeText(client);
  await eventually('the WebSocket client to be connected', () => seen().includes('connected'), { context: seen });
  return {
    get isConnected() {
      return client.exitCode === null && !seen().includes('closed');
    },
    get keys() {
      return pad.keys;
    },
    press: (key) => client.stdin?.write(`${key}\n`),
    view: seen,
    end: () => endChild(client),
  };
}

function hasLibrary(): string | null {
  const module = '/usr/lib/python3/dist-packages/websockets/__init__.py';
  return findProgram('python3') !== null && existsSync(module) ? null : 'python3-websockets is not installed';
}

const plan: Pick<ClientPlan, 'missing' | 'quietMs' | 'learnsWithinMs' | 'chatters'> = {
  missing: requires(['ip'], { root: true }) ?? hasLibrary(),
  quietMs: 7_000,
  learnsWithinMs: 5_000,
  chatters: { awake: true, asleep: true },
};

describeClient('WebSocket client with pings every 2 s', {
  ...plan,
  start: (session) => openConnection(session, 'auto'),
});

describeClient('WebSocket client of a listener with protocol: websocket', {
  ...plan,
  start: (session) => openConnection(session, 'websocket'),
  steps: ['idle'],
  knownFailures: { idle: 'the request to upgrade is not taken for HTTP, so that its parser loses its place' },
});
