// Peer: FreeRDP's client xfreerdp and xrdp. A desktop with a ticking clock; xrdp shows an Xorg with xorgxrdp, without its session
// manager, since logging in is not the subject.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../support/eventually.ts';
import { requires } from '../support/requirements.ts';
import { describeClient, type LiveClient } from './support/describe-client.ts';
import { KeyPad } from './support/key-pad.ts';
import type { LiveSession } from './support/live-session.ts';
import { pipeText } from './support/pipe-text.ts';
import { CLOCK_ROWS, RemoteDesktop, TERMINAL_ROWS } from './support/remote-desktop.ts';
import { DESK_PROGRAMS, DESKTOP, VirtualDesk } from './support/virtual-desk.ts';

const RDP_PORT = 3389;
const XORG_CONFIG = '/etc/X11/xrdp/xorg.conf';

/** Writes xrdp's certificate and settings; answers the settings' path. Source: xrdp.ini(5). */
function configureXrdp(folder: string, address: string, socket: string): string {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const make = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, '-days', '2'];
  execFileSync('openssl', [...make, '-subj', '/CN=torpor-test'], { stdio: 'pipe' });
  const path = join(folder, 'xrdp.ini');
  const lines = `[Globals]
ini_version=1
fork=false
port=tcp://${address}:${RDP_PORT}
tcp_nodelay=true
security_layer=tls
certificate=${certificate}
key_file=${key}
ssl_protocols=TLSv1.2, TLSv1.3
autorun=Desktop
allow_channels=true
max_bpp=32
use_fastpath=both
[Logging]
LogFile=${join(folder, 'xrdp.log')}
LogLevel=INFO
EnableSyslog=false
[Channels]
drdynvc=true
[Desktop]
name=Desktop
lib=libxup.so
username=na
password=na
ip=127.0.0.1
port=${socket}
code=20
`;
  writeFileSync(path, lines);
  return path;
}

async function openXfreerdp(session: LiveSession): Promise<LiveClient> {
  const { stage, vm } = session;
  const folder = stage.folder.path;
  const pad = new KeyPad(stage.folder.file('pad'));
  const xorg = [`XRDP_SOCKET_PATH=${folder}`, 'Xorg', '-config', XORG_CONFIG, '-noreset', '-nolisten', 'tcp'];
  const log = ['-logfile', join(folder, 'xorg.log')];
  const desktop = await RemoteDesktop.start(vm, 'env', [...xorg, ...log], pad);
  const socket = join(folder, `xrdp_display_${desktop.display.slice(1)}`);
  const xrdp = vm.spawn('xrdp', ['--nodaemon', '--config', configureXrdp(folder, vm.address, socket)]);
  pipeText(xrdp);
  await session.listen(RDP_PORT, { protocol: 'rdp', device: 'desktop' });
  const desk = await VirtualDesk.start(folder);
  const size = `/size:${DESKTOP.width}x${DESKTOP.height}`;
  const args = [
    `/v:127.0.0.1:${stage.listenPort}`,
    '/u:na',
    '/p:na',
    '/cert:ignore',
    size,
    '-decorations',
    '/t:remote',
  ];
  const viewer = desk.run('xfreerdp', args, folder);
  const clock = () => desk.fingerprint(CLOCK_ROWS.from, CLOCK_ROWS.end);
  const emptyClock = clock();
  await eventually('the desktop to be seen', () => clock() !== emptyClock);
  desk.focus('remote');
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

describeClient('xfreerdp', {
  missing: requires(['xfreerdp', 'xrdp', 'Xorg', 'openssl', 'xterm', ...DESK_PROGRAMS, 'ip'], { root: true }),
  learnsWithinMs: 20_000,
  start: openXfreerdp,
  quietMs: 12_000,
  chatters: { awake: false, asleep: false },
});
