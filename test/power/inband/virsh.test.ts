// virsh as Torpor runs it, with a program in its place that says what libvirt's would. The real one: context/libvirt.conformance.test.ts.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LibvirtHypervisor } from '../../../src/power/context/libvirt-hypervisor.ts';
import { LibvirtHost } from '../../../src/power/inband/libvirt-host.ts';
import { quoteVirsh, Virsh, virshField } from '../../../src/power/inband/virsh.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { hurriedClock } from '../support/hurried-clock.ts';

const NEVER = new AbortController().signal;

describe('Virsh', () => {
  let folder: TempFolder;
  beforeEach(() => {
    folder = new TempFolder('virsh');
  });
  afterEach(() => folder.remove());

  /** A program that notes its arguments, a line each call, and then does what `script` says. */
  function virsh(script: string): Virsh {
    const program = folder.file('virsh');
    writeFileSync(program, `#!/bin/sh\necho "$@" >> '${folder.file('calls')}'\n${script}\n`);
    chmodSync(program, 0o755);
    return new Virsh({ uri: 'qemu:///system', program });
  }

  const calls = () => readFileSync(folder.file('calls'), 'utf8').trim().split('\n');

  it('a command -> its output, asked quietly of the given connection', async () => {
    expect(await virsh('echo running').run(['domstate', '--domain', 'alice'], NEVER)).toBe('running\n');
    expect(calls()).toEqual(['--quiet --connect qemu:///system domstate --domain alice']);
  });

  it.each([
    [
      'error: failed to connect to the hypervisor\nerror: Cannot recv data: ssh: connect to host kvm port 22: Connection refused',
      'ERR_HYPERVISOR_UNREACHABLE',
      true,
    ],
    [
      'error: Disconnected from qemu:///system due to end of file\nerror: End of file while reading data',
      'ERR_HYPERVISOR_UNREACHABLE',
      true,
    ],
    [
      'error: failed to connect to the hypervisor\nerror: authentication unavailable: no polkit agent',
      'ERR_HYPERVISOR_AUTHENTICATION',
      false,
    ],
    [
      'error: Failed to save domain alice\nerror: Requested operation is not valid: domain has 1 snapshot',
      'ERR_HYPERVISOR_REFUSED',
      false,
    ],
  ])('%s -> %s', async (words, code, retryable) => {
    const failing = virsh(`cat >&2 <<'END'\n${words}\nEND\nexit 1`);
    const reasons = words
      .split('\n')
      .map((line) => line.slice('error: '.length))
      .join(' ');
    await expect(failing.run(['managedsave', 'alice'], NEVER)).rejects.toMatchObject({
      ...{ code, retryable },
      message: `libvirt qemu:///system: managedsave: ${reasons}`,
    });
  });

  it('a program that hangs -> ended at its bound: libvirt is out of reach', async () => {
    await expect(virsh('sleep 60').run(['list'], NEVER, 200)).rejects.toMatchObject({
      code: 'ERR_HYPERVISOR_UNREACHABLE',
    });
  });

  it('a request to sleep whose virsh is ended from outside -> unknown, for libvirt may have had it; refused by libvirt -> refused', async () => {
    const asks = (script: string) => {
      const domain = { domain: 'alice', sleep: 'S3', sleepAction: 'agent' } as const;
      const host = { virsh: virsh(script), ...domain, clock: hurriedClock };
      return new LibvirtHost(host).requestSleep(NEVER);
    };
    expect(await asks('kill -9 $$')).toMatchObject({ outcome: 'unknown' });
    expect(await asks('echo "error: Requested operation is not valid" >&2; exit 1')).toMatchObject({
      outcome: 'refused',
    });
    expect(calls()).toHaveLength(2);
  });

  it('several commands over one connection -> an answer each; a virsh that answers fewer -> refused', async () => {
    const answers = await virsh('printf "a\\nb\\n~torpor~\\n~torpor~\\nc\\n~torpor~\\n"').runEach(
      ['x', 'y', 'z'],
      NEVER,
    );
    expect(answers.map((answer) => answer.trim())).toEqual(['a\nb', '', 'c']);
    await expect(virsh('echo a').runEach(['x', 'y'], NEVER)).rejects.toMatchObject({ code: 'ERR_HYPERVISOR_PROTOCOL' });
  });

  it('names with quotes and backslashes -> one word of virsh’s language', () => {
    expect([quoteVirsh('alice'), quoteVirsh('a "b" \\c'), quoteVirsh("it's; destroy bob")]).toEqual([
      '"alice"',
      '"a \\"b\\" \\\\c"',
      '"it\'s; destroy bob"',
    ]);
  });

  it('a field -> its value; none of that name -> null', () => {
    const text = 'Id:             -\nState:          shut off\nManaged save:   yes\n';
    expect([virshField(text, 'State'), virshField(text, 'Managed save'), virshField(text, 'Stat')]).toEqual([
      'shut off',
      'yes',
      null,
    ]);
  });

  it('list: running with and without a job, saved, off -> told apart', async () => {
    const lists = 'printf "alice\\nbob\\ncarol\\ndave\\n~torpor~\\nalice\\nbob\\n~torpor~\\ncarol\\n~torpor~\\n"';
    const jobs =
      'printf "Job type:         None\\n~torpor~\\nJob type:         Bounded\\nOperation:        Outgoing migration\\n~torpor~\\n"';
    const hypervisor = new LibvirtHypervisor({
      virsh: virsh(`case "$*" in *domjobinfo*) ${jobs} ;; *) ${lists} ;; esac`),
      clock: hurriedClock,
    });
    expect((await hypervisor.list(NEVER)).map(({ name, state, detail }) => [name, state, detail])).toEqual([
      ['alice', 'running', null],
      ['bob', 'busy', 'outgoing migration'],
      ['carol', 'saved', null],
      ['dave', 'off', null],
    ]);
    expect(calls()).toHaveLength(2);
  });

  it.each([
    ['Persistent:     no\nState:          running', '', 'is transient: libvirt could not keep its saved state'],
    ['Persistent:     yes\nState:          pmsuspended', '', 'is in state pmsuspended'],
    [
      'Persistent:     yes\nState:          running',
      "<hostdev mode='subsystem' type='pci' managed='yes'>",
      'has a device of the host passed through (pci), which cannot be saved',
    ],
    [
      'Persistent:     yes\nState:          running',
      "<hostdev mode='subsystem' type='mdev' model='vfio-pci'>",
      'has a device of the host passed through (mdev), which cannot be saved',
    ],
    ['Persistent:     yes\nState:          running', "<hostdev mode='subsystem' type='usb' managed='yes'>", null],
    ['Persistent:     yes\nState:          paused', '<disk/>', null],
  ])('obstacle: %s %s -> %s', async (info, xml, expected) => {
    const script = `cat <<'END'\n${info}\n~torpor~\n${xml}\n~torpor~\nEND`;
    const hypervisor = new LibvirtHypervisor({ virsh: virsh(script), clock: hurriedClock });
    const vm = { id: 'alice', name: 'alice', state: 'running', detail: null } as const;
    expect(await hypervisor.obstacle(vm, NEVER)).toBe(expected);
  });

  it('save: called off -> the job is aborted at libvirt, again until the save has ended, and its end is told', async () => {
    const gate = folder.file('aborted');
    const script = `case "$*" in
      *managedsave*) while [ ! -e '${gate}2' ]; do sleep 0.01; done; echo "error: operation aborted: domain save job: canceled by client" >&2; exit 1 ;;
      *domjobabort*) if [ -e '${gate}1' ]; then touch '${gate}2'; else touch '${gate}1'; echo "error: no job is active" >&2; exit 1; fi ;;
    esac`;
    const hypervisor = new LibvirtHypervisor({ virsh: virsh(script), clock: hurriedClock });
    const abort = new AbortController();
    const vm = { id: 'alice', name: 'alice', state: 'running', detail: null } as const;
    const saving = hypervisor.save(vm, abort.signal);
    abort.abort();
    await expect(saving).rejects.toThrow(/canceled by client/);
    const words = calls().map((call) => call.split(' ')[3]);
    expect(words.filter((word) => word === 'managedsave')).toHaveLength(1);
    expect(words.filter((word) => word === 'domjobabort').length).toBeGreaterThanOrEqual(2);
  });

  it.each([
    ['S3', 'agent', 'dompmsuspend --domain nested mem'],
    ['S3', 'button', 'shutdown --domain nested --mode acpi'],
    ['S5', 'agent', 'shutdown --domain nested --mode agent'],
    ['S5', 'button', 'shutdown --domain nested --mode acpi'],
  ] as const)('a domain as platform: %s by %s -> %s, once', async (sleep, sleepAction, command) => {
    const host = new LibvirtHost({ virsh: virsh('exit 0'), domain: 'nested', sleep, sleepAction, clock: hurriedClock });
    expect((await host.requestSleep(NEVER)).outcome).toBe('accepted');
    expect(calls()).toEqual([`--quiet --connect qemu:///system ${command}`]);
  });

  it.each([
    ['running', 'S0', 'domstate'],
    ['pmsuspended', 'S3', 'dompmwakeup'],
    ['shut off', 'S5', 'start'],
    ['paused', null, 'domstate'],
    ['crashed', null, 'domstate'],
  ])('a domain as platform: %s -> %s; asked to wake it, the last command is %s', async (state, acpi, last) => {
    const host = new LibvirtHost({
      ...{ virsh: virsh(`case "$*" in *domstate*) echo '${state}' ;; esac`), domain: 'nested' },
      ...{ sleep: 'S3', sleepAction: 'button', clock: hurriedClock },
    });
    expect((await host.readPower(NEVER)).acpi).toBe(acpi);
    expect((await host.requestWake('libvirt', NEVER)).outcome).toBe('accepted');
    expect(calls().at(-1)?.split(' ')[3]).toBe(last);
  });
});
