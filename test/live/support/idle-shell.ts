// An idle shell of OpenSSH's through Torpor, for the suites whose peer it is: a terminal on both ends, one sshd.
import { setTimeout as sleep } from 'node:timers/promises';
import { OpenSsh } from '../../e2e/support/openssh.ts';
import { eventually } from '../../support/eventually.ts';
import type { LiveClient } from './describe-client.ts';
import { KeyPad } from './key-pad.ts';
import type { LiveSession } from './live-session.ts';

export interface Keepalives {
  /** Lines of ssh_config(5) and of sshd_config(5). */
  readonly ofClient?: readonly string[];
  readonly ofServer?: readonly string[];
}

/**
 * OpenSSH counts whole seconds. A key so long after a keepalive moves the next one by two of them, and that comes half a second
 * sooner after the server's last bytes than its interval says.
 */
const AFTER_KEEPALIVE_MS = 2_500;

export async function openShell(
  session: LiveSession,
  { ofClient = [], ofServer = [] }: Keepalives,
): Promise<LiveClient> {
  const { stage, vm } = session;
  const openSsh = await OpenSsh.start(stage.folder, vm, ofServer);
  await session.listen(22, { protocol: 'ssh', probe: { kind: 'banner', expect: 'SSH-' } });
  const pad = new KeyPad(stage.folder.file('pad'));
  const shell = openSsh.openShell(stage.listenPort, { command: `echo ready; ${pad.command}`, settings: ofClient });
  await eventually('the shell to be ready', () => shell.output.includes('ready'), { context: () => openSsh.log });
  return {
    get isConnected() {
      return shell.isOpen;
    },
    get keys() {
      return pad.keys;
    },
    press: (key) => shell.type(key),
    view: () => shell.output,
    awaitWorstMoment: async () => {
      if (ofClient.length > 0) await betweenKeepalives(session);
    },
    end: async () => {
      shell.end();
      await shell.exit;
    },
  };
}

async function betweenKeepalives(session: LiveSession): Promise<void> {
  const { bytesFromClient } = await session.stream();
  await eventually('a keepalive', async () => (await session.stream()).bytesFromClient > bytesFromClient);
  await sleep(AFTER_KEEPALIVE_MS);
}
