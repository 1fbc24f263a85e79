// Peer: TigerVNC, viewer and server. A desktop with a ticking clock, plain and inside TLS (VeNCrypt).
import { eventually } from '../support/eventually.ts';
import { requires } from '../support/requirements.ts';
import { type ClientPlan, describeClient, type LiveClient } from './support/describe-client.ts';
import { KeyPad } from './support/key-pad.ts';
import type { LiveSession } from './support/live-session.ts';
import { CLOCK_ROWS, RemoteDesktop, TERMINAL_ROWS } from './support/remote-desktop.ts';
import { DESK_PROGRAMS, DESKTOP, VirtualDesk } from './support/virtual-desk.ts';

const RFB_PORT = 5900;

async function openViewer(session: LiveSession, security: 'None' | 'TLSNone'): Promise<LiveClient> {
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

const plan: Omit<ClientPlan, 'start' | 'chatters'> = {
  missing: requires(['Xtigervnc', 'xtigervncviewer', 'xterm', ...DESK_PROGRAMS, 'ip'], { root: true }),
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
  knownFailures: {
    idle: 'its answers to a redraw of another size than the usual, every ten seconds, count',
  },
  chatters: { awake: true, asleep: false },
});
