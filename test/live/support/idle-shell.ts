// An idle shell of OpenSSH's through Torpor, for the suites whose peer it is: a terminal on both ends, one sshd.
import { setTimeout as sleep } from 'node:timers/promises';
import { OpenSsh } from '../../e2e/support/openssh.ts';
import { eventually } from '../../support/eventually.ts';
import type { SetUp } from '../../support/torpor-config.ts';
import type { LiveClient } from './describe-client.ts';
import { KeyPad } from './key-pad.ts';
import type { LiveListener, LiveSession } from './live-session.ts';

export interface ShellSetUp {
  /** Lines of ssh_config(5) and of sshd_config(5). */
  readonly ofClient?: readonly string[];
  readonly ofServer?: readonly string[];
  readonly listener?: Partial<LiveListener>;
  readonly platform?: Partial<SetUp>;
}

/**
 * OpenSSH counts whole seconds. A key so long after a keepalive moves the next one by two of them, and that comes half a second
 * sooner after the server's last bytes than its interval says.
 */
const AFTER_KEEPALIVE_MS = 2_500;

/** Starts sshd in the VM, Torpor, and a shell; resolves once its user could type. */
export async function openShell(session: LiveSession, setUp: ShellSetUp): Promise<LiveClient> {
  const { ofClient = [], ofServer = [], listener = {}, platform = {} } = setUp;
  const { stage, vm } = session;
  const openSsh = await OpenSsh.start(stage.folder, vm, ofServer);
  const probe = { kind: 'banner', expect: 'SSH-' };
  await session.listen(22, { protocol: 'ssh', probe, ...listener }, platform);
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
