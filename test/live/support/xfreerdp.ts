// FreeRDP's client on its user's desk, through Torpor to xrdp in the VM, which shows an Xorg with xorgxrdp. Without xrdp's session
// manager: logging in is not the subject.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../support/eventually.ts';
import type { LiveClient } from './describe-client.ts';
import { KeyPad } from './key-pad.ts';
import type { LiveSession } from './live-session.ts';
import { pipeText } from './pipe-text.ts';
import { CLOCK_ROWS, RemoteDesktop, TERMINAL_ROWS } from './remote-desktop.ts';
import { DESK_PROGRAMS, DESKTOP, VirtualDesk } from './virtual-desk.ts';

export const RDP_PROGRAMS = ['xfreerdp', 'xrdp', 'Xorg', 'openssl', 'xterm', ...DESK_PROGRAMS] as const;
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

/** Starts an X server and xrdp in the VM, Torpor, and xfreerdp; resolves once the desktop is seen. */
export async function openXfreerdp(session: LiveSession): Promise<LiveClient> {
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
