// What each way in which an ssh client can end says about the sleep, with a script in the client's place.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SshHost, type SshHostOptions } from '../../../src/power/inband/ssh-host.ts';
import { TempFolder } from '../../support/temp-folder.ts';

const SIGNAL = new AbortController().signal;
const LOGIN = 'echo \'Authenticated to 10.0.1.5 ([10.0.1.5]:22) using "publickey".\' >&2';

let folder: TempFolder;
beforeEach(() => {
  folder = new TempFolder('ssh-host');
});
afterEach(() => folder.remove());

/** A client that keeps its arguments, one a line, and then does what the test says. */
function hostOf(script: string, options: Partial<SshHostOptions> = {}): SshHost {
  const program = folder.file('ssh');
  writeFileSync(
    program,
    `#!/bin/sh\necho run >> ${folder.file('runs')}\nprintf '%s\\n' "$@" > ${folder.file('arguments')}\n${script}\n`,
  );
  chmodSync(program, 0o755);
  const defaults = { host: '10.0.1.5', port: 22, user: 'root', keyFile: null, knownHostsFile: null };
  return new SshHost({ ...defaults, sleep: 'systemctl suspend', program, ...options });
}

const runs = () => readFileSync(folder.file('runs'), 'utf8').split('\n').length - 1;
const argumentsOf = () => readFileSync(folder.file('arguments'), 'utf8').trimEnd().split('\n');

describe('ssh host', () => {
  it.each<[string, string, 'accepted' | 'refused' | 'unknown', string]>([
    ['the command ends well', `${LOGIN}; exit 0`, 'accepted', 'the sleep command ended with 0'],
    [
      'the command fails',
      `${LOGIN}; echo Access denied >&2; exit 1`,
      'refused',
      'the sleep command ended with 1: Access denied',
    ],
    [
      'the suspend cuts the connection',
      `${LOGIN}; echo 'Timeout, server 10.0.1.5 not responding.' >&2; exit 255`,
      'unknown',
      'Timeout, server 10.0.1.5 not responding',
    ],
    [
      'nothing listens',
      'echo "ssh: connect to host 10.0.1.5 port 22: Connection refused" >&2; exit 255',
      'refused',
      'not asked, no login at the host: ssh: connect',
    ],
    [
      'another host key',
      'echo "Host key verification failed." >&2; exit 255',
      'refused',
      'Host key verification failed',
    ],
    [
      'the key is not let in',
      'echo "root@10.0.1.5: Permission denied (publickey)." >&2; exit 255',
      'refused',
      'Permission denied',
    ],
    ['killed after the login', `${LOGIN}; kill -9 $$`, 'unknown', 'was ended by SIGKILL'],
    ['killed before it', 'kill -9 $$', 'refused', 'was ended by SIGKILL'],
  ])('%s -> %s is %s', async (_title, script, outcome, attempt) => {
    const answer = await hostOf(script).requestSleep(SIGNAL);
    expect(answer.outcome).toBe(outcome);
    expect(answer.attempts.join()).toContain(attempt);
    expect(runs()).toBe(1);
  });

  it('no client on this machine -> refused, and check says what to install', async () => {
    const host = hostOf('', { program: folder.file('nowhere') });
    expect((await host.requestSleep(SIGNAL)).outcome).toBe('refused');
    expect((await host.inspect(SIGNAL))[0]?.todo).toContain('install the OpenSSH client');
  });

  it('arguments -> nobody is asked anything, no key is taken on trust, bounds everywhere, one command', async () => {
    const paths = { keyFile: '/etc/torpor/a key', knownHostsFile: '/etc/torpor/100%' };
    await hostOf(LOGIN, { ...paths, port: 2222, user: 'op' }).requestSleep(SIGNAL);
    const given = argumentsOf();
    for (const option of [
      'BatchMode=yes',
      'StrictHostKeyChecking=yes',
      'ConnectTimeout=5',
      'ConnectionAttempts=1',
      'ServerAliveInterval=3',
      'ControlPath=none',
      'IdentitiesOnly=yes',
      'IdentityFile="/etc/torpor/a key"',
      'UserKnownHostsFile="/etc/torpor/100%%"',
      'GlobalKnownHostsFile=/dev/null',
    ]) {
      expect(given).toContain(option);
    }
    expect(given.slice(-7)).toEqual(['-p', '2222', '-l', 'op', '--', '10.0.1.5', 'systemctl suspend']);
  });

  it.each([
    ['freeze mem disk\ns2idle [deep]', 'ok', 'S3 ("deep") is there'],
    ['freeze mem disk\n[s2idle]', 'warning', 'no S3, only s2idle'],
    ['', 'warning', 'does not tell which sleep states'],
  ])('check: the kernel offers %j -> %s', async (states, outcome, what) => {
    const findings = await hostOf(`${LOGIN}; printf '%s\\n' '${states}'`).inspect(SIGNAL);
    expect(findings[0]).toMatchObject({ outcome: 'ok', subject: 'host login' });
    expect(findings[1]).toMatchObject({ outcome, what: expect.stringContaining(what) });
  });

  it.each([
    ['Host key verification failed.', 'ssh-keyscan -p 22 10.0.1.5'],
    ['root@10.0.1.5: Permission denied (publickey).', 'authorized_keys'],
    ['ssh: connect to host 10.0.1.5 port 22: No route to host', 'power.host.host and port'],
  ])('check: %s -> what to do', async (problem, todo) => {
    const [finding] = await hostOf(`echo "${problem}" >&2; exit 255`).inspect(SIGNAL);
    expect(finding).toMatchObject({ outcome: 'failed', what: problem });
    expect(finding?.todo).toContain(todo);
  });

  it('closed -> what runs is ended', async () => {
    const host = hostOf(`${LOGIN}; sleep 30`);
    const asked = host.requestSleep(SIGNAL);
    await new Promise((resolve) => setImmediate(resolve));
    await host.close();
    expect((await asked).outcome).not.toBe('accepted');
  });
});
