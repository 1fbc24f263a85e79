// OpenSSH's own programs, set up for one test: host key, user key, sshd's and ssh's settings, all in one folder.
import { type ChildProcess, type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { eventually } from '../../support/eventually.ts';
import { findProgram } from '../../support/requirements.ts';
import type { TempFolder } from '../../support/temp-folder.ts';
import type { NamespaceVm } from './namespace-vm.ts';

export const OPENSSH_PROGRAMS = ['sshd', 'ssh', 'scp', 'ssh-keygen'] as const;
const SSHD_PORT = 22;

/** What differs from one shell to another. */
export interface ShellOptions {
  /** For the user's shell in the VM. Default: another shell. */
  readonly command?: string;
  /** Lines of ssh_config(5), such as `ServerAliveInterval=5`. */
  readonly settings?: readonly string[];
}

/** One sshd inside a VM, and the clients' side of it. */
export class OpenSsh {
  readonly target: string;
  readonly #folder: TempFolder;
  #log = '';

  private constructor(folder: TempFolder, address: string) {
    this.#folder = folder;
    this.target = `${address}:${SSHD_PORT}`;
  }

  /** Makes keys and starts sshd, with further lines of sshd_config(5). Resolves once it greets. */
  static async start(folder: TempFolder, vm: NamespaceVm, settings: readonly string[] = []): Promise<OpenSsh> {
    for (const key of ['host-key', 'user-key']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', key, '-f', folder.file(key)]);
    }
    mkdirSync('/run/sshd', { recursive: true, mode: 0o755 }); // sshd's chroot before authentication
    writeFileSync(
      folder.file('sshd-config'),
      `Port ${SSHD_PORT}
ListenAddress ${vm.address}
HostKey ${folder.file('host-key')}
AuthorizedKeysFile ${folder.file('user-key.pub')}
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
PrintMotd no
PrintLastLog no
Subsystem sftp internal-sftp
${settings.join('\n')}
`,
    );
    const sshd = vm.spawn(findProgram('sshd') ?? 'sshd', ['-D', '-e', '-f', folder.file('sshd-config')]);
    const openSsh = new OpenSsh(folder, vm.address);
    sshd.stderr?.setEncoding('utf8').on('data', (text: string) => {
      openSsh.#log += text;
    });
    await eventually('sshd to greet', () => greets(vm.address), { context: () => openSsh.log });
    return openSsh;
  }

  /** What sshd said so far. */
  get log(): string {
    return this.#log;
  }

  /** `ssh -tt` through a listener: a shell on a terminal of its own. */
  openShell(listenPort: number, { command = 'exec sh', settings = [] }: ShellOptions = {}): SshShell {
    // Of each setting ssh takes the first.
    const options = [...settings.flatMap((setting) => ['-o', setting]), ...this.#clientOptions(listenPort)];
    const args = ['-tt', '-p', String(listenPort), ...options, `${userInfo().username}@127.0.0.1`, command];
    return new SshShell(spawn('ssh', args, { stdio: 'pipe' }));
  }

  /**
   * scp through a listener. `remote` marks which of the two paths is inside the VM. Resolves when scp succeeded; rejects
   * with what it said.
   */
  copy(listenPort: number, from: string, to: string, remote: 'from' | 'to', limitKbit?: number): Promise<void> {
    const place = (path: string, end: 'from' | 'to') =>
      end === remote ? `${userInfo().username}@127.0.0.1:${path}` : path;
    const limit = limitKbit === undefined ? [] : ['-l', String(limitKbit)];
    const args = ['-q', ...limit, '-P', String(listenPort), ...this.#clientOptions(listenPort)];
    return succeed(
      spawn('scp', [...args, place(from, 'from'), place(to, 'to')], { stdio: ['ignore', 'pipe', 'pipe'] }),
    );
  }

  /** The host key is known beforehand, and nothing else is trusted: what answers is this sshd. */
  #clientOptions(listenPort: number): string[] {
    const [type, key] = readFileSync(this.#folder.file('host-key.pub'), 'utf8').split(' ');
    const knownHosts = this.#folder.file(`known-hosts-${listenPort}`);
    writeFileSync(knownHosts, `[127.0.0.1]:${listenPort} ${type} ${key}\n`);
    const settings = [
      'StrictHostKeyChecking=yes',
      `UserKnownHostsFile=${knownHosts}`,
      'GlobalKnownHostsFile=none',
      'BatchMode=yes',
      'IdentitiesOnly=yes',
      'LogLevel=ERROR',
    ];
    return ['-F', 'none', '-i', this.#folder.file('user-key'), ...settings.flatMap((setting) => ['-o', setting])];
  }
}

/** A shell at the other end of `ssh -tt`. */
export class SshShell {
  readonly exit: Promise<number | null>;
  readonly #child: ChildProcessWithoutNullStreams;
  #output = '';
  #asked = 0;

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
    this.exit = new Promise((resolve) => child.once('close', resolve));
  }

  /** Everything both ends wrote to the terminal so far. */
  get output(): string {
    return this.#output;
  }

  get isOpen(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  type(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Has the shell compute something only a shell would answer; resolves with the shell's process id. */
  async askPid(withinMs = 90_000): Promise<number> {
    this.#asked += 1;
    const number = this.#asked;
    // The terminal echoes what is typed: only the shell turns $$ and $((…)) into numbers.
    this.type(`echo "pid $$ answer $((1000 + ${number}))"\n`);
    const answer = new RegExp(`pid (\\d+) answer ${1000 + number}\\b`);
    const context = () => `--- the session so far\n${this.#output.slice(-2000)}`;
    const match = await eventually('the shell to answer', () => answer.exec(this.#output), { withinMs, context });
    return Number(match[1]);
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}

function greets(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port: SSHD_PORT });
    socket.once('data', (data) => {
      socket.destroy();
      resolve(data.toString().startsWith('SSH-2.0-'));
    });
    socket.once('error', () => resolve(false));
  });
}

function succeed(child: ChildProcess): Promise<void> {
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${child.spawnargs[0]} ended with ${code}: ${said}`));
    });
  });
}
