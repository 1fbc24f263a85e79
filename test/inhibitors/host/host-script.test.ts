// The script as a host runs it: by a real shell, with programs that print what real ones do, over a channel that may fail.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HOST_CHECKS } from '../../../src/config/inhibitors-config.ts';
import { HostChecks, type HostChecksOptions } from '../../../src/inhibitors/host/host-checks.ts';
import { splitOutput } from '../../../src/inhibitors/host/host-script.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { DOMJOBINFO_NONE, HA_MANAGER, PVECM_THREE_NODES, SANLOCK_LVM, SS_LOOPBACK } from './samples.ts';

const NEVER = new AbortController().signal;

let folder: TempFolder;
beforeEach(() => {
  folder = new TempFolder('host-script');
  mkdirSync(folder.file('bin'));
});
afterEach(() => folder.remove());

/** A program on the host that prints what a real one printed. */
function program(name: string, output: string, exitCode = 0): void {
  writeFileSync(folder.file(`bin/${name}.out`), output);
  const path = folder.file(`bin/${name}`);
  writeFileSync(path, `#!/bin/sh\ncat '${folder.file(`bin/${name}.out`)}'\nexit ${exitCode}\n`);
  chmodSync(path, 0o755);
}

function checks(change: Partial<HostChecksOptions> = {}): HostChecks {
  return new HostChecks({
    platform: 'vdi-01',
    run: `PATH="${folder.file('bin')}:$PATH" exec sh -s`,
    checks: HOST_CHECKS,
    context: {
      sleep: 'S3',
      byButton: true,
      ports: [
        { from: 22, to: 22 },
        { from: 5900, to: 5999 },
      ],
      torporAddresses: [],
    },
    everyMs: 60_000,
    timeoutMs: 30_000,
    onError: 'block',
    ...change,
  });
}

async function verdicts(change: Partial<HostChecksOptions> = {}): Promise<Record<string, string>> {
  const answers = await checks(change).ask(NEVER);
  return Object.fromEntries(answers.map(({ name, outcome, why }) => [name, `${outcome}: ${why}`]));
}

describe('HostChecks', () => {
  it('a host with a cluster, sanlock and ss -> each its verdict, in one run', async () => {
    program('pvecm', PVECM_THREE_NODES);
    program('uname', 'elsa\n');
    program('ha-manager', HA_MANAGER);
    program('sanlock', SANLOCK_LVM);
    program('ss', SS_LOOPBACK);
    program('ps', 'bash\nceph-osd\nceph-osd\n');
    program('virsh', DOMJOBINFO_NONE);
    program('busctl', 's "poweroff"\n');
    program('systemd-inhibit', '');
    const seen = await verdicts();
    expect(seen).toMatchObject({
      quorum: 'free: without its 1 of 3 votes the cluster keeps its quorum of 2',
      ha: 'busy: HA runs ct:102, vm:501 here: the cluster would fence this node when it falls silent',
      sanlock: 'busy: sanlock renews 1 lockspaces (lvm_myvg) and 1 leases: a sleeper loses them',
      storage: expect.stringContaining('busy: serves 2 Ceph OSDs'),
      bypass: 'free: nobody is connected past Torpor',
      'power-key': expect.stringContaining('busy: the power button means poweroff'),
    });
    expect(Object.keys(seen).sort()).toEqual([...HOST_CHECKS].sort());
  });

  it('only the chosen checks are run', async () => {
    program('sanlock', SANLOCK_LVM);
    expect(Object.keys(await verdicts({ checks: ['sanlock', 'vfio'] }))).toEqual(['sanlock', 'vfio']);
  });

  it('a program that fails, or prints what nobody understands -> that look is not known, the others are', async () => {
    program('pvecm', 'ipcc_send_rec[1] failed: Connection refused\n', 111);
    program('sanlock', SANLOCK_LVM);
    expect(await verdicts({ checks: ['quorum', 'sanlock'] })).toMatchObject({
      quorum: 'error: the quorum cannot be read',
      sanlock: expect.stringContaining('busy: '),
    });
  });

  it.each([
    [
      'no route',
      'echo "ssh: connect to host vdi-01 port 22: No route to host" >&2; exit 255',
      /exit code 255: ssh: connect to host vdi-01/,
    ],
    [
      'a login that prints and ends',
      'echo "This account is currently not available."; exit 1',
      /exit code 1: This account is/,
    ],
    ['no such program', 'nosuchprogram-at-all', /exit code 127/],
    ['a channel that swallows the script', 'cat >/dev/null', /exit code 0/],
  ])('%s -> no answer at all', async (_title, run, problem) => {
    await expect(checks({ run }).ask(NEVER)).rejects.toThrow(problem);
  });

  it('the connection breaks in the middle -> the finished looks count, the others are not known', async () => {
    program('sanlock', SANLOCK_LVM);
    const run = `PATH="${folder.file('bin')}:$PATH" sh -s | sed '/ vfio$/q'`;
    expect(await verdicts({ run, checks: ['sanlock', 'vfio'] })).toEqual({
      sanlock: expect.stringContaining('busy: '),
      vfio: 'error: it was not finished',
    });
  });

  it('a program that prints something like a mark -> only text', async () => {
    program('sanlock', `@0000 .\n@0000 vfio\nuid 0\nopen 0\n${SANLOCK_LVM}`);
    expect(await verdicts({ checks: ['sanlock'] })).toMatchObject({ sanlock: expect.stringContaining('busy: ') });
  });

  it('a host that hangs -> ended with the signal', async () => {
    program('sanlock', '');
    writeFileSync(folder.file('bin/sanlock'), '#!/bin/sh\nexec sleep 600\n');
    const abort = new AbortController();
    const asked = checks({ checks: ['sanlock'] }).ask(abort.signal);
    setTimeout(() => abort.abort(), 50);
    await expect(asked).rejects.toThrow('was called off');
  });

  it('splitOutput: text before, between and after sections is nobody’s', () => {
    const output = 'motd\n@m a\nx 1\n@m .\nnoise\n@m b\ny 2\n@m .\n@m c\nz';
    expect([...splitOutput(output, 'm')]).toEqual([
      ['a', 'x 1\n'],
      ['b', 'y 2\n'],
    ]);
  });
});
