// The probes that run a program: command, and icmp by way of ping.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CommandProbe } from '../../src/probes/command-probe.ts';
import { IcmpProbe, isPingableHost } from '../../src/probes/icmp-probe.ts';
import { systemClock } from '../../src/system-clock.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { TempFolder } from '../support/temp-folder.ts';

const NEVER = new AbortController().signal;

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ');
  } catch {
    return false;
  }
}

describe('CommandProbe', () => {
  it.each([
    ['a program that exits with 0', ['/bin/sh', '-c', 'exit 0'], true],
    ['a program that exits with 1', ['/bin/sh', '-c', 'exit 1'], false],
    ['a program that is killed', ['/bin/sh', '-c', 'kill -9 $$'], false],
    ['a program that does not exist', ['/nonexistent/program'], false],
    ['no program at all', [], false],
    ['a line for the shell', 'test -d / && true', true],
    ['a line that fails', 'false || exit 3', false],
  ] as const)('%s -> its answer', async (_what, command, answer) => {
    expect(await new CommandProbe(systemClock, command, 60_000).ask(NEVER)).toBe(answer);
  });

  it('arguments without a shell: a text that a shell would run -> is one plain argument', async () => {
    using folder = new TempFolder('probe');
    const file = folder.file('made-by-a-shell');
    await new CommandProbe(systemClock, ['/bin/echo', `; touch ${file}`], 60_000).ask(NEVER);
    expect(existsSync(file)).toBe(false);
  });

  it.each(['bound', 'signal'] as const)(
    'a program that hangs, with a child of its own: the %s -> false, both are gone',
    async (by) => {
      using folder = new TempFolder('probe');
      const file = folder.file('pids');
      const clock = new FakeClock();
      const abort = new AbortController();
      const probe = new CommandProbe(clock, `sleep 300 & echo $$ $! > ${file}; wait`, 2000);
      const answer = probe.ask(abort.signal);
      const pids = await eventually(
        'its pids',
        () => existsSync(file) && readFileSync(file, 'utf8').match(/\d+/g)?.map(Number),
      );
      expect(pids.map(isRunning)).toEqual([true, true]);
      if (by === 'bound') await clock.advance(2000);
      else abort.abort();
      expect(await answer).toBe(false);
      await eventually('both to be gone', () => !pids.some(isRunning));
      expect(clock.pending).toBe(0);
    },
  );

  it('its name -> does not tell the command, which may hold a secret', () => {
    expect(new CommandProbe(systemClock, 'curl -u admin:hunter2 http://vm', 2000).name).not.toContain('hunter2');
  });
});

describe('IcmpProbe', () => {
  /** A program in the place of ping that notes its arguments and exits as told. */
  function fakePing(folder: TempFolder, exitCode: number): string {
    const path = folder.file('ping');
    writeFileSync(path, `#!/bin/sh\nprintf '%s ' "$@" > ${folder.file('arguments')}\nexit ${exitCode}\n`, {
      mode: 0o755,
    });
    return path;
  }

  it.each([
    [0, true],
    [1, false],
    [2, false],
  ])('ping exits with %i -> %s', async (exitCode, answer) => {
    using folder = new TempFolder('probe');
    const probe = new IcmpProbe(systemClock, '10.0.1.21', 60_000, fakePing(folder, exitCode));
    expect(await probe.ask(NEVER)).toBe(answer);
  });

  it('what ping is told -> one echo, numbers only, and at least the bound in whole seconds', async () => {
    using folder = new TempFolder('probe');
    await new IcmpProbe(systemClock, 'alice', 1500, fakePing(folder, 0)).ask(NEVER);
    expect(readFileSync(folder.file('arguments'), 'utf8')).toBe('-n -c 1 -W 2 alice ');
  });

  it('no ping on this machine -> false', async () => {
    expect(await new IcmpProbe(systemClock, '127.0.0.1', 2000, '/nonexistent/ping').ask(NEVER)).toBe(false);
  });

  it.each([
    ['10.0.1.21', true],
    ['fe80::1%eth0', true],
    ['::1', true],
    ['vm-1.example', true],
    ['-f', false],
    ['a b', false],
    ['$(id)', false],
    ['', false],
  ])('host "%s" -> pingable: %s', (host, pingable) => {
    expect(isPingableHost(host)).toBe(pingable);
  });
});
