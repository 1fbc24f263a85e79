// A libvirt of a test's own: libvirtd in session mode as the user nobody, in a process namespace that ends with this process, and
// tiny guests on network links of their own. Needs root (the links) and nothing of systemd. What is saved is others'.

import { type ChildProcess, execFile, execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { eventually } from './eventually.ts';
import { findProgram, requires } from './requirements.ts';
import { spawnTied } from './spawn-tied.ts';
import { TempFolder } from './temp-folder.ts';

const BUILD = fileURLToPath(new URL('../rig/platform/build.sh', import.meta.url));
/** Debian's nobody and nogroup. */
const NOBODY = 65_534;
/** 198.18.0.0/15 is set aside for tests of devices (RFC 2544). Its upper half: the lower one is NamespaceVm's. */
const SUBNETS = 16_384;
/** TCP services of the guest: rig/platform/guest/init. */
const LINE_PORT = 7001;
const BOOT_ID_PORT = 7200;

const run = promisify(execFile);

/** Why there can be no libvirt session with guests on this machine, or null. */
export function libvirtMissing(): string | null {
  const programs = ['libvirtd', 'virsh', 'qemu-system-x86_64', 'unshare', 'setpriv', 'ip'];
  return requires([...programs, 'busybox', 'cpio', 'xz', 'flock', 'dpkg'], { root: true });
}

export interface Guest {
  readonly name: string;
  /** `address:port` of its numbered line service. */
  readonly lineTarget: string;
  /** `address:port` where it says its boot id. */
  readonly bootIdTarget: string;
}

let lastGuest = 0;

export class LibvirtSession implements AsyncDisposable {
  readonly uri: string;
  /** Where libvirtd listens. */
  readonly socket: string;
  readonly #folder: TempFolder;
  readonly #daemon: ChildProcess;
  readonly #links: string[] = [];

  private constructor(folder: TempFolder, daemon: ChildProcess) {
    this.#folder = folder;
    this.#daemon = daemon;
    this.socket = folder.file('run/libvirt/libvirt-sock');
    this.uri = `qemu+unix:///session?socket=${this.socket}`;
  }

  static async start(): Promise<LibvirtSession> {
    const folder = new TempFolder('libvirt');
    // QEMU runs as nobody and must reach what lies in it.
    chmodSync(folder.path, 0o755);
    for (const name of ['home', 'run']) {
      mkdirSync(folder.file(name), { mode: 0o700 });
      chownSync(folder.file(name), NOBODY, NOBODY);
    }
    const { stdout } = await run(BUILD, { timeout: 170_000 });
    const initrd = stdout.trim();
    copyFileSync(initrd, folder.file('initrd.gz'));
    copyFileSync(join(dirname(initrd), 'vmlinuz'), folder.file('vmlinuz'));
    const session = new LibvirtSession(folder, startDaemon(folder));
    try {
      await eventually('libvirtd to answer', () => session.virsh('uri'), { context: () => readLog(folder) });
    } catch (thrown) {
      await session[Symbol.asyncDispose]();
      throw thrown;
    }
    return session;
  }

  /** One virsh command, past Torpor; resolves with what it printed. */
  async virsh(...args: string[]): Promise<string> {
    const { stdout } = await run('virsh', ['--quiet', '--connect', this.uri, ...args], {
      env: { ...process.env, LC_ALL: 'C' },
    });
    return stdout.trim();
  }

  /** Defines a guest, which does not run yet. `button`: what its OS does when its power button is pressed. */
  async define(
    name: string,
    options: { readonly memoryMib?: number; readonly button?: string; readonly extra?: string } = {},
  ): Promise<Guest> {
    lastGuest += 1;
    const offset = ((process.pid + lastGuest) % SUBNETS) * 4;
    const addressAt = (at: number) => `198.19.${((offset + at) >> 8) & 255}.${(offset + at) & 255}`;
    const link = `tlv${process.pid}x${lastGuest}`.slice(0, 15);
    ip('tuntap', 'add', 'dev', link, 'mode', 'tap', 'user', String(NOBODY));
    this.#links.push(link);
    ip('address', 'add', `${addressAt(1)}/30`, 'dev', link);
    ip('link', 'set', link, 'up');
    const parameters = [
      ...[`rig.address=${addressAt(2)}`, `rig.gateway=${addressAt(1)}`, 'rig.netmask=255.255.255.252'],
      ...['rig.vms=1', `rig.button=${options.button ?? 'ignore'}`],
    ];
    const path = this.#folder.file(`${name}.xml`);
    const memoryMib = options.memoryMib ?? 128;
    writeFileSync(
      path,
      domainXml(name, this.#folder.path, { ...options, memoryMib, link, parameters: parameters.join(' ') }),
    );
    await this.virsh('define', path);
    return { name, lineTarget: `${addressAt(2)}:${LINE_PORT}`, bootIdTarget: `${addressAt(2)}:${BOOT_ID_PORT}` };
  }

  /** Once more as it was defined: a domain that was undefined while it ran. */
  async redefine(name: string): Promise<void> {
    await this.virsh('define', this.#folder.file(`${name}.xml`));
  }

  /** Everything ends: the daemon's namespace takes its guests with it. */
  async [Symbol.asyncDispose](): Promise<void> {
    const gone = new Promise((resolve) => this.#daemon.once('exit', resolve));
    this.#daemon.kill('SIGKILL');
    if (this.#daemon.exitCode === null && this.#daemon.signalCode === null) await gone;
    for (const link of this.#links) {
      // A guest that is just being ended may hold its link a moment longer.
      await eventually(`link ${link} to go`, () => ip('link', 'delete', link) === '');
    }
    this.#folder.remove();
  }
}

/** In a process namespace of its own, whose end is the end of all in it; a shell is its init and collects the dead. */
function startDaemon(folder: TempFolder): ChildProcess {
  const environment = [
    ...[
      `HOME=${folder.file('home')}`,
      `XDG_RUNTIME_DIR=${folder.file('run')}`,
      `XDG_CONFIG_HOME=${folder.file('home/config')}`,
    ],
    ...[`XDG_CACHE_HOME=${folder.file('home/cache')}`, `XDG_DATA_HOME=${folder.file('home/data')}`, 'LC_ALL=C'],
  ];
  const asNobody = [
    'setpriv',
    '--reuid',
    String(NOBODY),
    '--regid',
    String(NOBODY),
    '--clear-groups',
    'env',
    ...environment,
  ];
  const daemon = [...asNobody, findProgram('libvirtd') ?? 'libvirtd'].map((word) => `'${word}'`).join(' ');
  const script = `${daemon} >'${folder.file('libvirtd.log')}' 2>&1 & wait`;
  const unshare = ['--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', script];
  return spawnTied(findProgram('unshare') ?? 'unshare', unshare, { stdio: 'ignore' });
}

function readLog(folder: TempFolder): string {
  try {
    return readFileSync(folder.file('libvirtd.log'), 'utf8').slice(-2000);
  } catch {
    return 'no log';
  }
}

interface DomainOptions {
  readonly memoryMib: number;
  readonly link: string;
  readonly parameters: string;
  readonly extra?: string;
}

function domainXml(name: string, folder: string, { memoryMib, link, parameters, extra }: DomainOptions): string {
  return `<domain type='qemu'>
  <name>${name}</name>
  <uuid>${randomUUID()}</uuid>
  <memory unit='MiB'>${memoryMib}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>${folder}/vmlinuz</kernel>
    <initrd>${folder}/initrd.gz</initrd>
    <cmdline>console=ttyS0 quiet panic=5 ${parameters}</cmdline>
  </os>
  <features><acpi/></features>
  <pm><suspend-to-mem enabled='yes'/></pm>
  <devices>
    <emulator>${findProgram('qemu-system-x86_64')}</emulator>
    <serial type='file'><source path='${folder}/home/${name}.log'/></serial>
    <interface type='ethernet'><target dev='${link}' managed='no'/><model type='virtio'/></interface>
    <memballoon model='none'/>
    ${extra ?? ''}
  </devices>
</domain>
`;
}

function ip(...args: string[]): string {
  return execFileSync(findProgram('ip') ?? 'ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
