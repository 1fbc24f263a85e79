// Completion scripts and the man page: made of the command tree, and the man page in packaging/ as it would be made now.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../../src/cli/program.ts';
import { packageVersion } from '../../src/package-version.ts';
import { FakeIo } from './fakes/fake-io.ts';

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish'])(
    '%s -> every command and every long option of the program is in it',
    async (shell) => {
      const io = new FakeIo();
      expect(await io.run('completion', shell)).toBe(0);
      const walk = (command: ReturnType<typeof buildProgram>): string[] => [
        command.name(),
        ...command.options.flatMap(({ long, hidden }) => (long == null || hidden ? [] : [long.replace(/^--/, '')])),
        ...command.commands.filter((each) => each.name() !== 'man').flatMap((each) => walk(each as typeof command)),
      ];
      const missing = walk(buildProgram(io)).filter((name) => !io.stdout.includes(name));
      expect(missing).toEqual([]);
      expect(io.stdout).not.toContain('undefined');
    },
  );

  it('another shell -> refused with those that there are, exit code 2', async () => {
    const io = new FakeIo();
    expect(await io.run('completion', 'csh')).toBe(2);
    expect(io.stderr).toContain('bash, zsh, fish');
  });
});

describe('man page', () => {
  it('packaging/torpor.1 -> what the program prints now (else: npm run build && npm run build:man)', async () => {
    const io = Object.assign(new FakeIo(), { version: packageVersion() });
    expect(await io.run('man')).toBe(0);
    expect(readFileSync(new URL('../../packaging/torpor.1', import.meta.url), 'utf8')).toBe(io.stdout);
  });
});
