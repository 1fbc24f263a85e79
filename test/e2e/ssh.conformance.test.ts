// Peer: OpenSSH (sshd, ssh, scp). Sessions and copies through Torpor before, across and after a suspend of their host.
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { connect } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import type { TorporProcess } from '../support/torpor-process.ts';
import { NamespaceVm } from './support/namespace-vm.ts';
import { OPENSSH_PROGRAMS, OpenSsh } from './support/openssh.ts';
import { PLATFORM, Stage } from './support/stage.ts';

const FILE_BYTES = 200 * 1000 * 1000;
const CHUNK_BYTES = 1024 * 1024;
/** 30 MB/s, in scp's unit: slow enough that a suspend falls into the middle of the copy. */
const PACED_KBIT = 240_000;
const MIDDLE_BYTES = FILE_BYTES / 10;

async function writeRandomFile(path: string): Promise<void> {
  const file = await open(path, 'w');
  for (let left = FILE_BYTES; left > 0; left -= CHUNK_BYTES) await file.write(randomBytes(Math.min(left, CHUNK_BYTES)));
  await file.close();
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: CHUNK_BYTES }), hash);
  return hash.digest('hex');
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Whether the VM takes a connection within half a second, asked past Torpor. */
function takesConnections(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port: 22, timeout: 500 });
    const settle = (taken: boolean) => () => {
      socket.destroy();
      resolve(taken);
    };
    socket.once('connect', settle(true)).once('timeout', settle(false)).once('error', settle(false));
  });
}

describeWhere(requires([...OPENSSH_PROGRAMS, 'ip'], { root: true }), 'OpenSSH through torpor run', () => {
  let stage: Stage;
  let vm: NamespaceVm;
  let openSsh: OpenSsh;
  let torpor: TorporProcess;

  beforeAll(async () => {
    vm = new NamespaceVm();
    stage = await Stage.open();
    vm.follow(stage.platform.host);
    openSsh = await OpenSsh.start(stage.folder, vm);
    stage.configure({
      idleTimeout: '2s',
      // Long enough to be seen awake before anybody is there.
      minAwake: '3s',
      vms: [
        {
          name: 'alice',
          listenPort: stage.listenPort,
          target: openSsh.target,
          protocol: 'ssh',
          probe: { kind: 'banner', expect: 'SSH-' },
        },
      ],
    });
    torpor = await stage.run();
    await torpor.waitForState(PLATFORM, 'awake');
  });

  afterAll(async () => {
    vm?.remove();
    await stage?.[Symbol.asyncDispose]();
  });

  test('ssh: one interactive session -> the same shell answers before, across and after two suspends', async () => {
    const shell = openSsh.openShell(stage.listenPort);
    try {
      const pid = await shell.askPid();
      for (let round = 1; round <= 2; round += 1) {
        await torpor.waitForState(PLATFORM, 'asleep');
        expect(stage.platform.host.phase).toBe('asleep');
        expect(await takesConnections(vm.address)).toBe(false);
        expect(shell.isOpen).toBe(true);
        expect(await shell.askPid()).toBe(pid);
        expect(stage.platform.host.phase).toBe('running');
        expect(await shell.askPid()).toBe(pid);
      }
      shell.type('exit 7\n');
      expect(await shell.exit).toBe(7);
    } finally {
      shell.end();
    }
  });

  test('ssh: a session opened to a sleeping platform -> logs in after the wake', async () => {
    await torpor.waitForState(PLATFORM, 'asleep');
    const shell = openSsh.openShell(stage.listenPort);
    try {
      expect(await shell.askPid()).toBeGreaterThan(0);
      shell.type('exit\n');
      expect(await shell.exit).toBe(0);
    } finally {
      shell.end();
    }
  });

  test('scp: 200 MB before, across and after a suspend -> each copy is whole', async () => {
    const original = stage.folder.file('original');
    await writeRandomFile(original);
    const expected = await sha256Of(original);

    const before = stage.folder.file('before');
    await openSsh.copy(stage.listenPort, original, before, 'to');
    expect(await sha256Of(before)).toBe(expected);

    const across = stage.folder.file('across');
    const copy = openSsh.copy(stage.listenPort, original, across, 'to', PACED_KBIT);
    copy.catch(() => {}); // seen at its await below
    await eventually('the copy to be in its middle', () => sizeOf(across) > MIDDLE_BYTES);
    const presses = stage.platform.host.buttonPresses;
    const [status, body] = await torpor.ask(PLATFORM, 'sleep', { force: true });
    expect(status, JSON.stringify(body)).toBe(202);
    await eventually('the host to sleep', () => stage.changes.findLast(({ phase }) => phase === 'asleep'), {
      everyMs: 5,
      withinMs: 60_000,
    });
    const sizeAsleep = sizeOf(across);
    expect(sizeAsleep).toBeLessThan(FILE_BYTES);
    await copy;
    expect(stage.platform.host.buttonPresses).toBe(presses + 1);
    expect(await sha256Of(across)).toBe(expected);
    console.log(`scp: host slept at ${sizeAsleep} of ${FILE_BYTES} bytes`);

    const after = stage.folder.file('after');
    await openSsh.copy(stage.listenPort, across, after, 'from');
    expect(await sha256Of(after)).toBe(expected);
  });

  test('sshd: probed at every suspend and wake so far -> never so often that it refused connections', async () => {
    await torpor.waitForState(PLATFORM, 'asleep');
    expect(stage.platform.host.buttonPresses).toBeGreaterThan(3);
    // sshd_config(5): MaxStartups 10:30:100, connections that have not logged in yet.
    expect(openSsh.log).not.toMatch(/MaxStartups/);
  });
});
