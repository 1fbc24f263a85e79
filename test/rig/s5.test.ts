// S5 with context saved and restored: a QEMU platform that is really powered off and on through IPMI, and a VM that libvirt saves
// before and restores after. The VM runs beside the platform, not in it (nested emulation would take minutes to boot): its libvirt is
// reachable only while the platform's OS answers, as it would be there. What runs underneath is platform/README.md's.
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Guest, LibvirtSession, libvirtMissing } from '../support/libvirt-session.ts';
import { LineClient } from '../support/line-client.ts';
import { freePort } from '../support/ports.ts';
import { describeWhere } from '../support/requirements.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { writeTorporConfig } from '../support/torpor-config.ts';
import { TorporProcess } from '../support/torpor-process.ts';
import { Rig, rigMissing } from './rig.ts';
import { stayAwakeOnceWoken } from './rig-service.ts';

/** How long the platform is left off, so that whatever would switch it on by itself shows. */
const LEFT_OFF_MS = 1_500;
/** A boot of the platform under software emulation, and the VM's restore after it. */
const ANSWER_BOUND_MS = 180_000;

interface Answer {
  readonly count: number;
  readonly boot: string;
  readonly line: string;
}

async function ask(client: LineClient, line: string): Promise<Answer> {
  client.write(`${line}\n`);
  const text = await client.readLine(ANSWER_BOUND_MS);
  const { count, boot, rest } = /^vm1 n=(?<count>\d+) boot=(?<boot>\w{8}) (?<rest>.*)$/.exec(text)?.groups ?? {};
  return { count: Number(count), boot: boot ?? '', line: rest ?? text };
}

/** libvirt's own way to it: a program whose input and output are the connection. It fails while the platform's OS does not answer. */
function writeTunnel(path: string, controlPort: number, socket: string): void {
  const relay = [
    'import os, select, socket, sys',
    's = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])',
    'while True:',
    '  for r in select.select([0, s], [], [])[0]:',
    '    data = os.read(0, 65536) if r == 0 else s.recv(65536)',
    '    if not data: sys.exit(0)',
    '    s.sendall(data) if r == 0 else os.write(1, data)',
  ].join('\n');
  const script = `#!/bin/bash
exec 3<>/dev/tcp/127.0.0.1/${controlPort} || exit 1
echo up >&3
read -r -t 3 _ <&3 || { echo "the platform does not answer" >&2; exit 1; }
exec 3>&-
exec /usr/bin/python3 -I -S -c '${relay}' '${socket}'
`;
  writeFileSync(path, script);
  chmodSync(path, 0o755);
}

describeWhere(
  rigMissing() ?? libvirtMissing(),
  'S5: a QEMU platform that is powered off, its VM saved by libvirt',
  () => {
    let rig: Rig;
    let libvirt: LibvirtSession;
    let alice: Guest;
    let folder: TempFolder;
    let configPath: string;
    let torpor: TorporProcess;
    let apiPort: number;
    let listenPort: number;
    const timings: Record<string, string> = {};

    beforeAll(async () => {
      rig = await Rig.start({ RIG_BUTTON: 'poweroff' });
      libvirt = await LibvirtSession.start();
      alice = await libvirt.define('alice');
      await libvirt.virsh('start', 'alice');
      folder = new TempFolder('rig-s5');
      writeTunnel(folder.file('tunnel'), rig.facts.controlPort, libvirt.socket);
      [apiPort, listenPort] = [await freePort(), await freePort()];
      const hook = (name: string) => `echo ${name} >> ${folder.file('hooks.log')}`;
      configPath = writeTorporConfig(folder, {
        platform: 'rig',
        apiPort,
        bmc: rig.facts.bmc,
        sleep: 'S5',
        idleTimeout: '2s',
        disconnectGrace: '500ms',
        drowsyFor: '500ms',
        suspendTimeout: '60s',
        wakeTimeout: '170s',
        hooks: { beforeSuspend: hook('beforeSuspend'), afterWake: hook('afterWake') },
        context: {
          saveVms: { driver: 'libvirt', uri: `qemu+ext:///session?command=${folder.file('tunnel')}`, timeout: '2m' },
        },
        vms: [
          {
            name: 'alice',
            listenPort,
            target: alice.lineTarget,
            probe: { kind: 'exchange', send: 'probe\n', expect: 'vm1 n=' },
            identity: { banner: alice.bootIdTarget },
          },
        ],
      });
      torpor = await TorporProcess.run(configPath, apiPort);
    }, 300_000);

    beforeEach(async () => {
      await torpor.ask('rig', 'release');
    });

    afterAll(async () => {
      console.log(
        `S5: ${Object.entries(timings)
          .map(([what, took]) => `${what} ${took}`)
          .join('; ')}`,
      );
      await torpor?.stop();
      await rig?.stop();
      await libvirt?.[Symbol.asyncDispose]();
      folder?.remove();
    });

    /** Off in Torpor's eyes, in QEMU's, and the VM saved; and it stays so. */
    async function fallAsleep(): Promise<void> {
      await torpor.waitForState('rig', 'asleep', 120_000);
      await sleep(LEFT_OFF_MS);
      expect(await rig.state()).toBe('off');
      expect(await libvirt.virsh('domstate', 'alice', '--reason')).toBe('shut off (saved)');
    }

    const hostBoot = async () => /boot=(\S+)/.exec(await rig.askHost('state'))?.[1];

    /** The VM has booted and Torpor lets clients through. */
    const connected = () =>
      eventually(
        'the VM to answer through Torpor',
        async () => {
          const client = await LineClient.connect(listenPort);
          try {
            client.write('first\n');
            await client.readLine(2_000);
            return client;
          } catch (thrown) {
            client.destroy();
            throw thrown;
          }
        },
        { withinMs: ANSWER_BOUND_MS, everyMs: 500 },
      );

    test('rig: VM saved, platform off, a line typed, platform on, VM restored -> same connection, memory kept, line once; the host booted anew', async () => {
      using client = await connected();
      let last = await ask(client, 'hello');
      const bootBefore = await hostBoot();
      // What happened while the VM booted is not looked at.
      const from = {
        event: (await torpor.events()).at(-1)?.id ?? 0,
        command: rig.chassisCommands().length,
        hook: existsSync(folder.file('hooks.log')) ? readFileSync(folder.file('hooks.log'), 'utf8').length : 0,
      };
      await fallAsleep();
      expect(client.state).toBe('open');
      await stayAwakeOnceWoken(torpor, 'rig');

      const wroteAtMs = Date.now();
      const answer = await ask(client, 'typed while it was off');
      timings['typed to answered'] = `${((Date.now() - wroteAtMs) / 1000).toFixed(1)} s`;
      expect(answer).toEqual({ count: last.count + 1, boot: last.boot, line: 'typed while it was off' });
      last = answer;
      expect(await hostBoot()).not.toBe(bootBefore);

      const events = (await torpor.events()).filter(({ id }) => id > from.event);
      const at = (words: string, after = -1) =>
        events.findIndex(({ message }, index) => index > after && message.includes(words));
      // What the first connection did may still be told after its line was answered: each is looked for behind the one before.
      const order = [
        'saving VM alice',
        'saved VM alice',
        'asks for sleep, once',
        'suspending -> asleep',
        'asleep -> waking',
        'restored VM alice',
        'held bytes are on their way',
      ];
      let before = -1;
      for (const words of order) {
        const place = at(words, before);
        expect(
          place,
          `"${words}" behind the one before, in ${JSON.stringify(events.map((event) => event.message))}`,
        ).not.toBe(-1);
        before = place;
      }
      // A BMC that is emulated on a busy machine may be late with an answer.
      const isLate = (message: string) => message.startsWith('the BMC does not answer');
      expect(events.filter(({ kind, message }) => kind === 'alarm' && !isLate(message))).toEqual([]);
      expect(readFileSync(folder.file('hooks.log'), 'utf8').slice(from.hook)).toMatch(
        /^beforeSuspend\n(afterWake\n)+$/,
      );
      for (const words of ['saved VM alice', 'restored VM alice'])
        timings[words] = / in (.*)$/.exec(events[at(words)]?.message ?? '')?.[1] ?? '';
      const commands = rig.chassisCommands().slice(from.command);
      expect(commands.filter(({ name }) => name === 'shutdown')).toHaveLength(1);
      expect(commands.filter(({ name, value }) => name === 'reset' || (name === 'power' && value === '0'))).toEqual([]);
    });

    test('rig: kill -9 of Torpor while the platform is off -> found asleep, the next client wakes it, its successor restores the VM', async () => {
      let boot: string;
      {
        using client = await connected();
        boot = (await ask(client, 'before the kill')).boot;
        await fallAsleep();
        await torpor.killNow();
      }
      const from = rig.chassisCommands().length;
      torpor = await TorporProcess.run(configPath, apiPort);
      await torpor.waitForState('rig', 'asleep', 60_000);
      await sleep(LEFT_OFF_MS);
      expect(rig.chassisCommands().slice(from)).toEqual([]);
      await stayAwakeOnceWoken(torpor, 'rig');

      using next = await LineClient.connect(listenPort);
      expect(await ask(next, 'after the restart')).toEqual({ count: 1, boot, line: 'after the restart' });
      const commands = rig.chassisCommands().slice(from);
      expect(commands.filter(({ name }) => name === 'shutdown' || name === 'reset')).toEqual([]);
    });
  },
);
