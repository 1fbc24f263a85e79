// The shipped shell: valid POSIX shell, and doing with stand-ins for the host's programs what it says.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ALL_HOST_CHECKS } from '../../src/inhibitors/host/host-checks.ts';
import { buildScript } from '../../src/inhibitors/host/host-script.ts';
import { TempFolder } from '../support/temp-folder.ts';

const FOLDER = fileURLToPath(new URL('../../recipes/after-wake/', import.meta.url));
const RECIPES = readdirSync(FOLDER).filter((name) => name.endsWith('.sh'));
const HAS_SHELLCHECK = spawnSync('shellcheck', ['--version']).status === 0;
/** ps and ls are read by their lines here: pgrep is not on every host, and no name that matters holds a line break. */
const ACCEPTED = 'SC2009,SC2010';

let folder: TempFolder;
beforeEach(() => {
  folder = new TempFolder('recipes');
  mkdirSync(folder.file('bin'));
});
afterEach(() => folder.remove());

/** A program that notes how it was called, then does what the shell line says. */
function program(name: string, line: string): void {
  const path = folder.file(`bin/${name}`);
  writeFileSync(path, `#!/bin/sh\necho "${name} $*" >> '${folder.file('calls')}'\n${line}\n`);
  chmodSync(path, 0o755);
}

function run(recipe: string) {
  const env = { ...process.env, PATH: `${folder.file('bin')}:${process.env.PATH}` };
  const { status, stderr } = spawnSync('/bin/sh', [`${FOLDER}${recipe}`], { env, encoding: 'utf8' });
  const calls = existsSync(folder.file('calls')) ? readFileSync(folder.file('calls'), 'utf8').trim().split('\n') : [];
  return { status, stderr, calls };
}

describe('shipped shell', () => {
  it.each(RECIPES)('%s -> a shell can read it', (name) => {
    const { status, stderr } = spawnSync('/bin/sh', ['-n', `${FOLDER}${name}`], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  it.skipIf(!HAS_SHELLCHECK)('recipes and the looks at the host -> shellcheck finds nothing', () => {
    const context = { sleep: 'S3', byButton: true, ports: [{ from: 22, to: 22 }], torporAddresses: [] } as const;
    writeFileSync(folder.file('host.sh'), `#!/bin/sh\n${buildScript(ALL_HOST_CHECKS, context, 'mark')}`);
    const files = [...RECIPES.map((name) => `${FOLDER}${name}`), folder.file('host.sh')];
    const { status, stdout } = spawnSync('shellcheck', ['-s', 'sh', '-e', ACCEPTED, ...files], { encoding: 'utf8' });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });
});

describe('after-wake recipes', () => {
  it('guest clocks: each running guest is stepped, also past one without an agent', () => {
    program('virsh', 'case "$1" in list) printf "alice\\nmy vm\\nbob\\n\\n";; *) test "$2" != "my vm";; esac');
    const { status, stderr, calls } = run('step-guest-clocks-libvirt.sh');
    expect(calls).toEqual([
      'virsh list --name',
      'virsh domtime alice --sync',
      'virsh domtime my vm --sync',
      'virsh domtime bob --sync',
    ]);
    expect(stderr).toBe('clock of my vm was not stepped\n');
    expect(status).toBe(0);
  });

  it('guest clocks: libvirt does not answer -> fails, which the wake reports', () => {
    program('virsh', 'exit 1');
    expect(run('step-guest-clocks-libvirt.sh').status).toBe(1);
  });

  it('chrony: asked anew, waited for, stepped', () => {
    program('chronyc', '');
    const { status, calls } = run('step-clock-chrony.sh');
    expect(calls).toEqual(['chronyc online', 'chronyc burst 4/4', 'chronyc waitsync 10 0.5 0 1', 'chronyc makestep']);
    expect(status).toBe(0);
  });

  it('addresses: each announced on its own interface', () => {
    const line = (index: number, nic: string, address: string) =>
      `${index}: ${nic}    inet ${address} brd 10.0.1.255 scope global ${nic}\\\\       valid_lft forever preferred_lft forever`;
    program('ip', `cat <<'E'\n${line(2, 'eth0', '10.0.1.5/24')}\n${line(3, 'vmbr0', '10.0.2.5/24')}\nE`);
    program('arping', 'test "$5" != 3 || exit 1');
    const { status, stderr, calls } = run('announce-addresses.sh');
    expect(calls.slice(1)).toEqual(['arping -U -c 2 -w 3 -I eth0 10.0.1.5', 'arping -U -c 2 -w 3 -I vmbr0 10.0.2.5']);
    expect(stderr).toBe('10.0.1.5 was not announced on eth0\n10.0.2.5 was not announced on vmbr0\n');
    expect(status).toBe(0);
  });
});
