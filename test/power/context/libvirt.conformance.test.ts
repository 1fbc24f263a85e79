// Peer: libvirt 9 in session mode with QEMU guests. VMs saved and restored under open connections; a domain suspended and woken.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LibvirtHypervisor } from '../../../src/power/context/libvirt-hypervisor.ts';
import { VmSaver } from '../../../src/power/context/vm-saver.ts';
import { LibvirtHost } from '../../../src/power/inband/libvirt-host.ts';
import { Virsh } from '../../../src/power/inband/virsh.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { PLATFORM, Stage } from '../../e2e/support/stage.ts';
import { eventually } from '../../support/eventually.ts';
import { type Guest, LibvirtSession, libvirtMissing } from '../../support/libvirt-session.ts';
import { LineClient } from '../../support/line-client.ts';
import { describeWhere } from '../../support/requirements.ts';
import type { TorporProcess } from '../../support/torpor-process.ts';
import { MemoryRecord } from './support/memory-record.ts';

/** What is told of the context in one sleep and wake. */
const CYCLE = [
  'saving VM alice (1 of 1)',
  'saved VM alice (1 of 1)',
  'restored VM alice',
  'memory was kept: every identity is the same as before',
];

const NEVER = new AbortController().signal;
const BOOT_BOUND_MS = 90_000;

interface Answer {
  readonly count: number;
  readonly boot: string;
  readonly line: string;
}

function connectTo(target: string): Promise<LineClient> {
  const [host, port] = target.split(':');
  return LineClient.connect(Number(port), host);
}

async function ask(client: LineClient, line: string): Promise<Answer> {
  client.write(`${line}\n`);
  const text = await client.readLine(60_000);
  const { count, boot, rest } = /^vm1 n=(?<count>\d+) boot=(?<boot>\w{8}) (?<rest>.*)$/.exec(text)?.groups ?? {};
  return { count: Number(count), boot: boot ?? '', line: rest ?? text };
}

describeWhere(libvirtMissing(), 'libvirt in session mode', () => {
  let libvirt: LibvirtSession;
  let alice: Guest;

  beforeAll(async () => {
    libvirt = await LibvirtSession.start();
    alice = await libvirt.define('alice');
    await libvirt.virsh('start', 'alice');
  }, 180_000);

  afterAll(async () => {
    await libvirt?.[Symbol.asyncDispose]();
  });

  const virsh = () => new Virsh({ uri: libvirt.uri });
  const hypervisor = () => new LibvirtHypervisor({ virsh: virsh(), clock: systemClock });
  const state = async (name: string) => (await hypervisor().list(NEVER)).find((vm) => vm.name === name)?.state;

  function saverOf(record = new MemoryRecord(), told: string[] = [], vms: readonly string[] = ['alice']): VmSaver {
    const tell = (_kind: string, message: string) => told.push(message);
    return new VmSaver({
      hypervisor: hypervisor(),
      vms,
      parallel: 2,
      timeoutMs: 120_000,
      record,
      clock: systemClock,
      tell,
    });
  }

  /** The line service answers with the guest's boot id: it has booted, or goes on. */
  const bootOf = (guest: Guest) =>
    eventually(
      `${guest.name} to answer`,
      async () => {
        using client = await connectTo(guest.lineTarget);
        return (await ask(client, 'who')).boot;
      },
      { withinMs: BOOT_BOUND_MS, everyMs: 250 },
    );

  test('managed save and start -> running, saved, running, with its memory; a successor of a killed Torpor restores it', async () => {
    const before = await bootOf(alice);
    const record = new MemoryRecord();
    const told: string[] = [];
    expect(await saverOf(record, told).save(NEVER)).toBeNull();
    expect([await state('alice'), record.vms]).toEqual(['saved', [{ id: 'alice', name: 'alice' }]]);
    expect(await saverOf(record, told).restore(NEVER)).toBeNull();
    expect([await state('alice'), record.vms]).toEqual(['running', []]);
    expect(await bootOf(alice)).toBe(before);
    console.log(`libvirt: ${told.filter((line) => !line.startsWith('saving')).join('; ')}`);
  });

  test('two guests at a time -> both under way at once, both saved, both restored with their memory', async () => {
    const bob = await libvirt.define('bob');
    await libvirt.virsh('start', 'bob');
    const before = [await bootOf(alice), await bootOf(bob)];
    const record = new MemoryRecord();
    const told: string[] = [];
    const saver = () => saverOf(record, told, ['alice', 'bob']);
    expect(await saver().save(NEVER)).toBeNull();
    expect(told.slice(0, 2)).toEqual(['saving VM alice (1 of 2)', 'saving VM bob (2 of 2)']);
    expect([await state('alice'), await state('bob')]).toEqual(['saved', 'saved']);
    expect(await saver().restore(NEVER)).toBeNull();
    expect([await state('alice'), await state('bob'), record.vms]).toEqual(['running', 'running', []]);
    expect([await bootOf(alice), await bootOf(bob)]).toEqual(before);
    console.log(`libvirt: ${told.filter((line) => !line.startsWith('saving')).join('; ')}`);
    await libvirt.virsh('destroy', 'bob');
  });

  test('a save that is called off -> aborted at libvirt, or ended and started again: the guest runs on', async () => {
    const before = await bootOf(alice);
    const ends: string[] = [];
    for (const afterMs of [0, 50, 150, 400, 1_000]) {
      const abort = new AbortController();
      const told: string[] = [];
      const saver = saverOf(new MemoryRecord(), told);
      const saving = saver.save(abort.signal);
      await eventually('the save to begin', () => told.includes('saving VM alice (1 of 1)'), { everyMs: 1 });
      setTimeout(() => abort.abort(), afterMs);
      const veto = await saving;
      expect([null, 'called off']).toContain(veto);
      const after = await state('alice');
      ends.push(`${afterMs} ms: ${veto ?? 'saved before'}, then ${after}`);
      expect(['running', 'saved']).toContain(after);
      expect(await saver.restore(NEVER)).toBeNull();
      expect(await state('alice')).toBe('running');
    }
    console.log(`libvirt: called off after ${ends.join('; ')}`);
    expect(await bootOf(alice)).toBe(before);
  });

  test('what libvirt cannot save -> named before anything is touched: a transient domain, a device of the host', async () => {
    const passed = `<hostdev mode='subsystem' type='pci' managed='no'><source><address domain='0x0000' bus='0x06' slot='0x02' function='0x0'/></source></hostdev>`;
    await libvirt.define('gpu', { extra: passed });
    const vm = (name: string) => ({ id: name, name, state: 'running' as const, detail: null });
    // It cannot run here; what libvirt says of its definition is looked at all the same.
    expect(await hypervisor().obstacle(vm('gpu'), NEVER)).toBe('is in state shut off');
    expect(await hypervisor().obstacle(vm('alice'), NEVER)).toBeNull();
    await libvirt.virsh('undefine', 'gpu');
    await libvirt.virsh('undefine', 'alice');
    try {
      expect(await saverOf().save(NEVER)).toBe('VM alice is transient: libvirt could not keep its saved state');
      expect(await state('alice')).toBe('running');
    } finally {
      await libvirt.redefine('alice');
    }
  });

  test('nobody listens at the URI; a domain that is not there -> told apart', async () => {
    const nowhere = new Virsh({ uri: 'qemu+unix:///session?socket=/nonexistent' });
    await expect(nowhere.run(['list'], NEVER)).rejects.toMatchObject({
      code: 'ERR_HYPERVISOR_UNREACHABLE',
      retryable: true,
    });
    await expect(virsh().run(['start', 'nobody'], NEVER)).rejects.toMatchObject({
      code: 'ERR_HYPERVISOR_REFUSED',
      message: expect.stringContaining("failed to get domain 'nobody'"),
    });
    const missing = new Virsh({ uri: libvirt.uri, program: '/nonexistent/virsh' });
    await expect(missing.run(['list'], NEVER)).rejects.toMatchObject({ code: 'ERR_HYPERVISOR_UNREACHABLE' });
  });

  test('a platform that is itself a domain: button pressed, pmsuspended, woken, off and started', async () => {
    const nested = await libvirt.define('nested', { button: 'suspend' });
    await libvirt.virsh('start', 'nested');
    const before = await bootOf(nested);
    const hostOf = (sleep: 'S3' | 'S5') =>
      new LibvirtHost({ virsh: virsh(), domain: 'nested', sleep, sleepAction: 'button', clock: systemClock });
    const acpi = async () => (await hostOf('S3').readPower(NEVER)).acpi;
    expect([await acpi(), (await hostOf('S3').proveWake(NEVER)).proven]).toEqual(['S0', true]);

    expect((await hostOf('S3').requestSleep(NEVER)).outcome).toBe('accepted');
    await eventually('S3', async () => (await acpi()) === 'S3');
    expect((await hostOf('S3').requestWake('libvirt', NEVER)).outcome).toBe('accepted');
    await eventually('S0', async () => (await acpi()) === 'S0');
    expect(await bootOf(nested)).toBe(before);

    // No guest agent runs in it: asked for, it is refused, and nothing happens.
    const byAgent = new LibvirtHost({
      virsh: virsh(),
      domain: 'nested',
      sleep: 'S3',
      sleepAction: 'agent',
      clock: systemClock,
    });
    expect((await byAgent.requestSleep(NEVER)).outcome).toBe('refused');
    expect((await byAgent.inspect(NEVER)).map(({ outcome }) => outcome)).toEqual(['ok', 'failed']);

    await libvirt.virsh('destroy', 'nested');
    expect(await acpi()).toBe('S5');
    expect((await hostOf('S5').requestWake('libvirt', NEVER)).outcome).toBe('accepted');
    expect(await bootOf(nested)).not.toBe(before);
    await libvirt.virsh('destroy', 'nested');
  });

  describe('behind Torpor, in front of a simulated BMC whose button powers off', () => {
    let stage: Stage;
    let torpor: TorporProcess;

    beforeAll(async () => {
      stage = await Stage.open({}, { button: 'poweroff', suspendMs: 200, bootMs: 1_000 });
      stage.configure({
        sleep: 'S5',
        idleTimeout: '2s',
        drowsyFor: '500ms',
        context: { saveVms: { driver: 'libvirt', uri: libvirt.uri, vms: ['alice'] } },
        vms: [
          {
            name: 'alice',
            listenPort: stage.listenPort,
            target: alice.lineTarget,
            probe: { kind: 'exchange', send: 'probe\n', expect: 'vm1 n=' },
            identity: { banner: alice.bootIdTarget },
          },
        ],
      });
      torpor = await stage.run();
    });

    afterAll(async () => {
      await stage?.[Symbol.asyncDispose]();
    });

    const asleep = async () => {
      await torpor.waitForState(PLATFORM, 'asleep', 60_000);
      expect(await state('alice')).toBe('saved');
      expect(stage.platform.host.phase).toBe('off');
    };

    test('S5: connected, saved, powered off, typed, powered on, restored -> same connection, counter kept, every line once', async () => {
      await bootOf(alice);
      using client = await stage.connect();
      let last = await ask(client, 'hello');
      for (const cycle of [1, 2]) {
        await asleep();
        expect(client.state).toBe('open');
        const answer = await ask(client, `cycle ${cycle}`);
        expect(answer).toEqual({ count: last.count + 1, boot: last.boot, line: `cycle ${cycle}` });
        last = answer;
      }
      const events = await torpor.events();
      expect(events.filter(({ kind }) => kind === 'alarm')).toEqual([]);
      expect(
        events.filter(({ kind }) => kind === 'context').map(({ message }) => message.replace(/ in .*/, '')),
      ).toEqual([...CYCLE, ...CYCLE]);
    });

    test('S5: a client comes back while the VM is being saved -> not powered off, restored, answered', async () => {
      using client = await stage.connect();
      const before = await ask(client, 'hello');
      const presses = stage.changes.length;
      await torpor.waitForState(PLATFORM, 'saving', 60_000);
      await eventually('the VM to be saved', async () =>
        (await torpor.events()).at(-1)?.message.startsWith('saving VM'),
      );
      const answer = await ask(client, 'back again');
      expect(answer).toEqual({ count: before.count + 1, boot: before.boot, line: 'back again' });
      expect(stage.changes.slice(presses)).toEqual([]);
    });

    test('S5: the saved state was thrown away and the VM booted anew -> its sessions end, told per stream; a newcomer is welcome', async () => {
      using client = await stage.connect();
      const before = await ask(client, 'hello');
      await asleep();
      await libvirt.virsh('managedsave-remove', 'alice');
      await libvirt.virsh('start', 'alice');
      await bootOf(alice);
      client.write('into a lost session\n');
      expect(await client.whenClosed()).toBe('reset');
      const events = await torpor.events();
      const why = 'VM alice lost its memory: its identity changed across the sleep';
      expect(events.filter(({ kind }) => kind === 'alarm').map(({ message }) => message)).toEqual([why]);
      expect(events.findLast(({ kind }) => kind === 'stream-closed')?.message).toContain(why);
      using newcomer = await stage.connect();
      const answer = await ask(newcomer, 'new');
      expect(answer).toMatchObject({ count: 1, line: 'new' });
      expect(answer.boot).not.toBe(before.boot);
    });
  });
});
