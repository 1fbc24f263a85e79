// The command line of a libvirt migration beside what Debian’s virsh says of its options, and where a domain runs, asked of its test driver.
import { describe, expect, it } from 'vitest';
import { LibvirtMover, type LibvirtTransport, migrateArgs } from '../../../src/power/evacuation/libvirt-mover.ts';
import { runProgram } from '../../../src/power/inband/run-program.ts';
import { Virsh } from '../../../src/power/inband/virsh.ts';
import { requires } from '../../support/requirements.ts';
import { hurriedClock } from '../support/hurried-clock.ts';

const NEVER = new AbortController().signal;
/** libvirt's driver for tests: one domain, `test`, that runs, in virsh's own memory. */
const URI = 'test:///default';
const HOST = { uri: URI, peerUri: 'qemu+ssh://vdi-02/system' };
const OPTIONS = { boundMs: 60_000, signal: NEVER, env: { LC_ALL: 'C' } };
const missing = requires(['virsh']);

describe.skipIf(missing !== null)('virsh migrate', () => {
  it.each<[LibvirtTransport, string]>([
    ['p2p', '--p2p --domain test --desturi qemu+ssh://vdi-02/system'],
    ['tunnelled', '--p2p --tunnelled --domain test --desturi qemu+ssh://vdi-02/system'],
    ['direct', '--domain test --desturi test:///default'],
  ])('%s -> the line, of which virsh has every option', async (transport, line) => {
    const args = migrateArgs('test', transport, HOST);
    expect(args.join(' ')).toBe(`migrate --live --persistent --undefinesource ${line}`);
    const { output } = await runProgram('virsh', ['help', 'migrate'], OPTIONS);
    for (const option of args.filter((word) => word.startsWith('--')))
      expect(output).toMatch(new RegExp(`^\\s+(\\[)?${option}\\b`, 'm'));
  });

  // Migrations themselves are not asked of its test driver: virsh now and then never ends there.
  it('where it runs is told from the lists', async () => {
    const virsh = new Virsh({ uri: URI });
    const host = { virsh, ...HOST, transport: 'p2p' as const };
    const mover = new LibvirtMover(
      new Map([
        ['vdi-01', host],
        ['vdi-02', host],
      ]),
      hurriedClock,
    );
    expect(await mover.whereIs('test', ['vdi-01'], NEVER)).toBe('vdi-01');
    expect(await mover.whereIs('test', ['vdi-01', 'vdi-02'], NEVER)).toBeNull();
    expect(await mover.whereIs('alice', ['vdi-01'], NEVER)).toBeNull();
  });
});
