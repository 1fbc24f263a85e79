// python3-websockets on both ends, through Torpor: each key is a message, which the server notes and echoes.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { eventually } from '../../support/eventually.ts';
import { findProgram } from '../../support/requirements.ts';
import { spawnTied } from '../../support/spawn-tied.ts';
import type { LiveClient } from './describe-client.ts';
import { endChild } from './end-child.ts';
import { KeyPad } from './key-pad.ts';
import type { LiveSession } from './live-session.ts';
import { pipeText } from './pipe-text.ts';

const PEER = fileURLToPath(new URL('websocket-peer.py', import.meta.url));
/** Debian's Python: the library is a Debian package, which no other Python sees. */
const PYTHON = '/usr/bin/python3';
const PORT = 8080;

export interface Pings {
  readonly everyS: number;
  /** It gives up so long after a ping without an answer; 'never': it waits for ever. */
  readonly timeoutS: number | 'never';
}

/** Starts a server in the VM, Torpor, and a client; resolves once they are connected. */
export async function openWebSocket(
  session: LiveSession,
  protocol: 'auto' | 'websocket',
  { everyS, timeoutS }: Pings = { everyS: 2, timeoutS: 'never' },
): Promise<LiveClient> {
  const { stage, vm } = session;
  const padFile = stage.folder.file('pad');
  const pad = new KeyPad(padFile);
  const serverLog = pipeText(vm.spawn(PYTHON, [PEER, 'server', vm.address, String(PORT), padFile]));
  await eventually('the WebSocket server to listen', () => serverLog().includes('listening'), { context: serverLog });
  await session.listen(PORT, { protocol, device: 'web' });
  const args = [PEER, 'client', `ws://127.0.0.1:${stage.listenPort}/`, String(everyS), String(timeoutS)];
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

/** Null where Debian's library is there, else the reason to skip. */
export function requiresWebSockets(): string | null {
  const module = '/usr/lib/python3/dist-packages/websockets/__init__.py';
  return findProgram('python3') !== null && existsSync(module) ? null : 'python3-websockets is not installed';
}
