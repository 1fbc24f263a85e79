// The rig by itself: that what the other suites stand on does what platform/README.md says, and leaves nothing behind.
import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { describeWhere } from '../support/requirements.ts';
import { Rig, rigMissing } from './rig.ts';

const run = promisify(execFile);

/** False for a zombie too, whose command line is empty: not every machine's process 1 reaps at once. */
function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`).length > 0;
  } catch {
    return false;
  }
}

describeWhere(rigMissing(), 'the rig: a QEMU platform behind ipmi_sim', () => {
  test('rig: the process that wanted it is killed -> the platform takes itself down', async () => {
    const owner = spawn('sleep', ['600'], { stdio: 'ignore' });
    const rig = await Rig.start({ RIG_OFF: '1', RIG_OWNER: String(owner.pid) });
    try {
      const pids = rig.processIds();
      expect(pids.length).toBeGreaterThan(0);
      expect(pids.every(isAlive)).toBe(true);
      owner.kill('SIGKILL');
      await eventually('the platform to be gone', () => !pids.some(isAlive));
    } finally {
      owner.kill('SIGKILL');
      await rig.stop();
    }
  });

  test('rig: ipmitool presses the button, then sends chassis on -> QEMU suspends and runs again, both noted', async () => {
    const rig = await Rig.start();
    try {
      const { bmc } = rig.facts;
      const chassis = (verb: string) =>
        run(
          'ipmitool',
          [
            '-I',
            'lanplus',
            '-C',
            '3',
            '-H',
            '127.0.0.1',
            '-p',
            String(bmc.port),
            '-U',
            bmc.user,
            '-E',
            'chassis',
            'power',
            verb,
          ],
          {
            env: { ...process.env, IPMI_PASSWORD: bmc.password },
          },
        );
      await chassis('soft');
      await eventually('QEMU to be suspended', async () => (await rig.state()) === 'suspended');
      await chassis('on');
      await eventually('QEMU to run', async () => (await rig.state()) === 'running');
      expect(await rig.askHost('state')).toMatch(/^suspends=1 /);
      expect(rig.chassisCommands().slice(-2)).toMatchObject([
        { name: 'shutdown', stateBefore: 'running' },
        { name: 'power', value: '1', stateBefore: 'suspended' },
      ]);
      expect(rig.states().map(({ state }) => state)).toEqual(['off', 'running', 'suspended', 'running']);
    } finally {
      await rig.stop();
    }
  });
});
