// Peer: OpenSSH (sshd, ssh) in a network namespace. A suspend that takes the network with it, and every reason not to be let in.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SshHost, type SshHostOptions } from '../../../src/power/inband/ssh-host.ts';
import { NamespacePair, VM_ADDRESS } from '../../streams/support/namespace-pair.ts';
import { eventually } from '../../support/eventually.ts';
import { describeWhere, findProgram, requires } from '../../support/requirements.ts';
import { TempFolder } from '../../support/temp-folder.ts';

const SIGNAL = new AbortController().signal;
const missing = requires(['ip', 'ssh', 'sshd', 'ssh-keygen', 'ssh-keyscan'], { root: true });

let folder: TempFolder;
let net: NamespacePair;
let sshd: ChildProcess;
let sshdLog = '';

const ip = (...args: string[]) =>
  execFileSync(findProgram('ip') ?? 'ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

function startSshd(): void {
  for (const key of ['host-key', 'user-key', 'stranger']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', folder.file(key)]);
  }
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 }); // sshd's chroot before authentication
  const lines = [
    `ListenAddress ${VM_ADDRESS}`,
    `HostKey ${folder.file('host-key')}`,
    `AuthorizedKeysFile ${folder.file('user-key.pub')}`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'PermitRootLogin yes',
  ];
  writeFileSync(folder.file('sshd-config'), `${lines.join('\n')}\n`);
  const command = [findProgram('sshd') ?? 'sshd', '-D', '-e', '-f', folder.file('sshd-config')];
  sshd = spawn(findProgram('ip') ?? 'ip', ['netns', 'exec', net.vm, ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  sshd.stderr?.setEncoding('utf8').on('data', (text: string) => {
    sshdLog += text;
  });
}

/** The client inside Torpor's namespace. */
function writeClient(): void {
  const exec = `exec ${findProgram('ip')} netns exec ${net.gate} ${findProgram('ssh')} "$@"`;
  writeFileSync(folder.file('client'), `#!/bin/sh\n${exec}\n`);
  chmodSync(folder.file('client'), 0o755);
}

function hostOf(sleep: string, options: Partial<SshHostOptions> = {}): SshHost {
  return new SshHost({
    host: VM_ADDRESS,
    port: 22,
    user: userInfo().username,
    keyFile: folder.file('user-key'),
    knownHostsFile: folder.file('known hosts'),
    sleep,
    program: folder.file('client'),
    ...options,
  });
}

/** A command that leaves a trace of each run. */
const traced = (name: string, command: string) => `echo run >> ${folder.file(name)}; ${command}`;
const runsOf = (name: string) =>
  existsSync(folder.file(name)) ? readFileSync(folder.file(name), 'utf8').split('\n').length - 1 : 0;

describeWhere(missing, 'ssh host against OpenSSH', () => {
  beforeAll(async () => {
    folder = new TempFolder('ssh-host');
    net = new NamespacePair('ssh');
    startSshd();
    writeClient();
    await eventually('sshd', () => /Server listening/.test(sshdLog), { context: () => sshdLog });
    const scan = [net.gate, findProgram('ssh-keyscan') ?? 'ssh-keyscan', VM_ADDRESS];
    writeFileSync(folder.file('known hosts'), ip('netns', 'exec', ...scan));
  }, 60_000);
  afterAll(() => {
    sshd?.kill('SIGKILL');
    // A session whose network is gone would wait for its client for a quarter of an hour.
    for (const pid of net === undefined ? [] : ip('netns', 'pids', net.vm).split('\n').filter(Boolean)) {
      process.kill(Number(pid), 'SIGKILL');
    }
    net?.[Symbol.dispose]();
    folder?.remove();
  });

  it('a command that ends well -> accepted, run once', async () => {
    const answer = await hostOf(traced('well', 'true')).requestSleep(SIGNAL);
    expect(answer, sshdLog).toEqual({ outcome: 'accepted', attempts: ['the sleep command ended with 0'] });
    expect(runsOf('well')).toBe(1);
  });

  it('a command that fails -> refused, with its last line', async () => {
    const answer = await hostOf('echo Sleep verb not supported >&2; exit 1').requestSleep(SIGNAL);
    expect(answer.outcome).toBe('refused');
    expect(answer.attempts[0]).toContain('ended with 1: Sleep verb not supported');
  });

  it('check -> lets us in, and says what the kernel over there can', async () => {
    const findings = await hostOf('true').inspect(SIGNAL);
    expect(findings.map(({ subject }) => subject)).toEqual(['host login', 'host sleep states']);
    expect(findings[0]?.outcome).toBe('ok');
  });

  it.each<[string, Partial<SshHostOptions>, string]>([
    ['an unknown host key', { knownHostsFile: '/dev/null' }, 'ssh-keyscan'],
    ['a key that is not let in', {}, 'authorized_keys'],
    ['nothing listens', { port: 2 }, 'power.host.host and port'],
    ['no such host', { host: '10.77.0.99' }, 'power.host.host and port'],
  ])('%s -> refused, the command never ran; check says what to do', async (title, options, todo) => {
    const change = title.startsWith('a key') ? { keyFile: folder.file('stranger') } : options;
    const host = hostOf(traced('never', 'true'), change);
    const answer = await host.requestSleep(SIGNAL);
    expect(answer.outcome, answer.attempts.join()).toBe('refused');
    expect(runsOf('never')).toBe(0);
    const [finding] = await host.inspect(SIGNAL);
    expect(finding).toMatchObject({ outcome: 'failed' });
    expect(finding?.todo).toContain(todo);
  });

  it('the suspend takes the network with it -> unknown, run once, within the bound', async () => {
    const answer = await hostOf(traced('cut', 'ip link set cable down; sleep 60')).requestSleep(SIGNAL);
    expect(answer.outcome, answer.attempts.join()).toBe('unknown');
    expect(runsOf('cut')).toBe(1);
  });
});
