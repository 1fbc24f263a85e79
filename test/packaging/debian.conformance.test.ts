// The Debian package as dpkg-deb reads it, its unit as systemd does, its completions as bash does; and the program run out of it.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageVersion } from '../../src/package-version.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { TempFolder } from '../support/temp-folder.ts';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const BUILD_MS = 170_000;
/** systemd's own scale from 0 to 100 (10.0); an ordinary service has 9.6. */
const EXPOSURE_MAX = '20';

const missing = requires(['dpkg-deb', 'systemd-analyze', 'man', 'bash']);

describeWhere(missing, 'Debian package', () => {
  const folder = new TempFolder('deb');
  const root = folder.file('root');
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, { cwd: CHECKOUT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  let deb = '';

  beforeAll(() => {
    deb = run('packaging/build-deb.sh', folder.file('.')).trim();
    run('dpkg-deb', '--extract', deb, root);
  }, BUILD_MS);

  afterAll(() => folder.remove());

  test('dpkg-deb: its fields and files are where Debian looks for them, owned by root', () => {
    expect(run('dpkg-deb', '--field', deb, 'Package', 'Version', 'Architecture', 'Depends')).toBe(
      `Package: torpor\nVersion: ${packageVersion()}\nArchitecture: all\nDepends: nodejs (>= 20.19), adduser, systemd\n`,
    );
    const listed = run('dpkg-deb', '--contents', deb);
    const files = listed.split('\n').map((line) => line.replace(/^\S+\s+\S+\s+\S+\s+\S+\s+\S+\s+/, ''));
    expect(files).toEqual(
      expect.arrayContaining([
        './lib/systemd/system/torpor.service',
        './etc/torpor/torpor.yaml',
        './usr/bin/torpor -> ../lib/torpor/dist/cli/main.js',
        './usr/share/man/man1/torpor.1.gz',
        './usr/share/bash-completion/completions/torpor',
        './usr/share/zsh/vendor-completions/_torpor',
        './usr/share/fish/vendor_completions.d/torpor.fish',
        './usr/share/doc/torpor/copyright',
      ]),
    );
    expect(listed.split('\n').filter((line) => line !== '' && !line.includes(' root/root '))).toEqual([]);
    expect(files.filter((file) => /node_modules\/(typescript|vitest|assemblyscript)\//.test(file))).toEqual([]);
  });

  test('unpacked: the program runs from there, and plays its demo', () => {
    const program = join(root, 'usr/bin/torpor');
    expect(run(process.execPath, program, '--version')).toBe(`${packageVersion()}\n`);
    expect(run(process.execPath, program, 'demo', '--once')).toContain('every byte arrived once, in order');
  });

  test('systemd: the unit is read without complaint, and exposes little', () => {
    const unit = folder.file('torpor.service');
    const packed = readFileSync(join(root, 'lib/systemd/system/torpor.service'), 'utf8');
    const text = packed.replaceAll('/usr/bin/torpor', join(root, 'usr/bin/torpor'));
    writeFileSync(unit, text);
    const verify = (path: string) =>
      execFileSync('sh', ['-c', 'systemd-analyze verify --man=no "$0" 2>&1', path], { encoding: 'utf8' });
    expect(verify(unit)).toBe('');
    run('systemd-analyze', 'security', '--offline=true', `--threshold=${EXPOSURE_MAX}`, unit);
    // That it can fail: a key that systemd does not know.
    writeFileSync(unit, `${text}\n[Service]\nTypo=yes\n`);
    expect(verify(unit)).toContain('Typo');
  });

  test('man: the page is formatted without a warning', () => {
    const page = join(root, 'usr/share/man/man1/torpor.1.gz');
    const formatted = execFileSync('sh', ['-c', 'man --local-file --warnings "$0" 2>&1', page], {
      encoding: 'utf8',
      env: { ...process.env, MANWIDTH: '100', LC_ALL: 'C.UTF-8' },
    });
    expect(formatted).toContain('torpor bmc power <action>');
    expect(formatted).not.toMatch(/warning|error:/i);
  });

  test('bash: completes commands, options, choices', () => {
    const script = join(root, 'usr/share/bash-completion/completions/torpor');
    const shell = folder.file('complete.sh');
    writeFileSync(
      shell,
      [
        'source "$1"',
        'COMP_WORDS=(torpor "$' + '{@:2}")',
        'COMP_CWORD=$(($# - 1))',
        '_torpor',
        'compgen -W "$' + '{COMPREPLY[*]}"',
      ].join('\n'),
    );
    const complete = (...words: string[]) =>
      run('bash', shell, script, ...words)
        .trim()
        .replaceAll('\n', ' ');
    expect(complete('mainte')).toBe('maintenance');
    expect(complete('bmc', 'po')).toBe('power');
    expect(complete('bmc', 'power', '')).toBe('status on soft');
    expect(complete('status', '--js')).toBe('--json');
    expect(complete('lz4', 'compress', '-b', '')).toBe('64K 256K 1M 4M');
  });
});
