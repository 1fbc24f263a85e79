// TigerVNC's viewer on its user's desk, through Torpor to TigerVNC's server in the VM.
import { eventually } from '../../support/eventually.ts';
import type { LiveClient } from './describe-client.ts';
import { KeyPad } from './key-pad.ts';
import type { LiveSession } from './live-session.ts';
import { CLOCK_ROWS, RemoteDesktop, TERMINAL_ROWS } from './remote-desktop.ts';
import { DESK_PROGRAMS, DESKTOP, VirtualDesk } from './virtual-desk.ts';

export const VNC_PROGRAMS = ['Xtigervnc', 'xtigervncviewer', 'xterm', ...DESK_PROGRAMS] as const;
const RFB_PORT = 5900;

/** Starts Xtigervnc in the VM, Torpor, and a viewer; resolves once the desktop is seen. */
export async function openViewer(session: LiveSession, security: 'None' | 'TLSNone'): Promise<LiveClient> {
  const { stage, vm } = session;
  const pad = new KeyPad(stage.folder.file('pad'));
  const geometry = `${DESKTOP.width}x${DESKTOP.height}`;
  // Each probe is a connection without a login, and after five of those TigerVNC refuses everybody at that address for a while.
  const unlocked = ['-BlacklistThreshold', '1000000'];
  const rfb = ['-rfbport', String(RFB_PORT), '-SecurityTypes', security, '-geometry', geometry, '-depth', '24'];
  const desktop = await RemoteDesktop.start(vm, 'Xtigervnc', [...rfb, ...unlocked, '-nolisten', 'tcp'], pad);
  await session.listen(RFB_PORT, { protocol: 'rfb', device: 'desktop', probe: { kind: 'banner', expect: 'RFB ' } });
  const desk = await VirtualDesk.start(stage.folder.path);
  const address = `127.0.0.1::${stage.listenPort}`;
  const args = [
    `-SecurityTypes=${security}`,
    '-RemoteResize=0',
    '-ReconnectOnError=0',
    '-AlertOnFatalError=0',
    address,
  ];
  const viewer = desk.run('xtigervncviewer', args, stage.folder.path);
  const clock = () => desk.fingerprint(CLOCK_ROWS.from, CLOCK_ROWS.end);
  const emptyClock = clock();
  await eventually('the desktop to be seen', () => clock() !== emptyClock, { context: () => session.torpor.output });
  desk.focus('TigerVNC');
  return {
    get isConnected() {
      return viewer.exitCode === null && viewer.signalCode === null;
    },
    get keys() {
      return pad.keys;
    },
    press: (key) => desk.press(key),
    view: () => desk.fingerprint(TERMINAL_ROWS.from, TERMINAL_ROWS.end),
    end: async () => {
      await desk.end();
      await desktop.end();
    },
  };
}
