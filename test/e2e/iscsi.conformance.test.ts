// Peers: libiscsi's programs as initiators, tgtd as the target. `torpor run` in between, and a platform that sleeps as soon as it may.
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/ports.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import type { TorporProcess } from '../support/torpor-process.ts';
import { DISK_NAME, IscsiDisk, runProgram, startProgram } from './support/iscsi-disk.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage } from './support/stage.ts';

/** More than all but the data of writes. */
const INTO_A_WRITE_BYTES = 64 * 1024;
/** Past the login, into the reads. */
const INTO_THE_READS_BYTES = 4 * 1024;
/** From one program to the next nobody falls asleep. */
const IDLE_TIMEOUT = '4s';
/** A basic header segment: what a ping has. */
const PING_BYTES = 48;

async function start() {
  const disk = await IscsiDisk.start();
  const stage = await Stage.open();
  const port = await freePort();
  const target = `127.0.0.1:${disk.port}`;
  const what = { device: 'disk', protocol: 'auto', activity: 'learned', probe: 'none' };
  const listener = { name: 'disk', listenPort: port, target, ...what };
  stage.configure({ vms: [...stage.alice({}).vms, listener], idleTimeout: IDLE_TIMEOUT });
  const torpor = await stage.run();
  await stage.readyToSleep(torpor);
  const diskStream = async () => (await torpor.streams()).find(({ vm }) => vm === 'disk') ?? null;
  const asyncDispose = async () => {
    await stage[Symbol.asyncDispose]();
    await disk[Symbol.asyncDispose]();
  };
  const url = `iscsi://127.0.0.1:${port}/${DISK_NAME}/1`;
  return { disk, stage, torpor, port, url, diskStream, [Symbol.asyncDispose]: asyncDispose };
}

async function told(torpor: TorporProcess, what: string): Promise<boolean> {
  return (await torpor.events()).some((event) => JSON.stringify(event).includes(what));
}

function passedAll(output: string): boolean {
  return /Tests completed with return value: 0/.test(output);
}

describeWhere(requires(['tgtd', 'tgtadm', 'iscsi-ls', 'iscsi-inq', 'iscsi-test-cu']), 'libiscsi and tgtd', () => {
  test(
    'a write in flight keeps awake, against an order to sleep, too, until it is answered; an idle initiator that is pinged does not, and its next read wakes',
    async () => {
      await using scene = await start();
      const { disk, stage, torpor, port, url, diskStream } = scene;

      expect(await runProgram('iscsi-ls', [`iscsi://127.0.0.1:${port}/`])).toMatchObject({
        code: 0,
        output: expect.stringContaining(DISK_NAME),
      });
      expect((await runProgram('iscsi-inq', [url])).output).toContain('Peripheral Device Type:DIRECT_ACCESS');

      // Writes: one of them does not reach the disk.
      const inAWrite = disk.trapAfter(INTO_A_WRITE_BYTES);
      const writer = startProgram('iscsi-test-cu', ['-d', '-n', '-t', 'SCSI.Write10.Simple', url]);
      const written = once(writer.child, 'close');
      await inAWrite;
      const whileInFlight = stage.platform.host.buttonPresses;
      // It answers its target's pings meanwhile (NOP-Out): they are no activity, or that would be the reason.
      await eventually('its stream to be active for that', async () => {
        const stream = await diskStream();
        return stream?.active === true && stream.lastActiveWhy === 'a disk request is unanswered';
      });
      await torpor.ask(PLATFORM, 'sleep', { force: true });
      await eventually('the sleep to be called off', () => told(torpor, "of disks' clients are not answered"));
      expect(stage.platform.host.buttonPresses).toBe(whileInFlight);
      expect(stage.platform.host.powerState()).toBe('S0');
      disk.release();
      await written;
      expect(passedAll(writer.said.text), writer.said.text).toBe(true);

      // Reads: after some of them the initiator stands still, as one that has nothing to ask. Its target goes on to ping it.
      const inTheReads = disk.trapAfter(INTO_THE_READS_BYTES);
      const reader = startProgram('iscsi-test-cu', ['-n', '-t', 'SCSI.Read10.Simple', url]);
      const hasRead = once(reader.child, 'close');
      await inTheReads;
      reader.child.kill('SIGSTOP');
      disk.release();
      await torpor.waitForState(PLATFORM, 'asleep');
      const { bytesFromTarget } = disk;
      await eventually('two more pings', () => disk.bytesFromTarget >= bytesFromTarget + 2 * PING_BYTES);
      expect(stage.platform.host.powerState()).toBe('S3');
      expect(await diskStream()).toMatchObject({ active: false });
      reader.child.kill('SIGCONT');
      await hasRead;
      expect(stage.changes.filter(({ phase }) => phase === 'resuming')).toHaveLength(1);
      expect(passedAll(reader.said.text), reader.said.text).toBe(true);
    },
    E2E_TIMEOUT_MS,
  );
});
