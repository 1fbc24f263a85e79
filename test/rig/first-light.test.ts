// The main job on a platform that really enters ACPI S3: client, Torpor, BMC, QEMU. What runs underneath is platform/README.md's.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { bothEndsEstablished } from '../support/kernel-tcp.ts';
import { LineClient } from '../support/line-client.ts';
import { freePort } from '../support/ports.ts';
import { describeWhere } from '../support/requirements.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { writeTorporConfig } from '../support/torpor-config.ts';
import { TorporProcess } from '../support/torpor-process.ts';
import { Rig, rigMissing } from './rig.ts';
import { type Answer, destructive, field, presses, readAnswer, rigSetUp, stayAwakeOnceWoken } from './rig-service.ts';

const CYCLES = 5;
/** Of Torpor's output, where a test failed. */
const SHOWN_CHARS = 8_000;
/** How long the platform is left asleep, so that whatever would wake it by itself shows. */
const LEFT_ASLEEP_MS = 1_500;

/** Milliseconds of one sleep and one wake, under names for people. */
type Timings = Record<string, number>;

function printTimings(timings: ReadonlyMap<string, Timings>): void {
  const rounded = [...timings].map(([cycle, times]) => [
    cycle,
    Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, Math.round(ms)])),
  ]);
  console.log('milliseconds:');
  console.table(Object.fromEntries(rounded));
}

describeWhere(rigMissing(), 'first light: a QEMU platform in S3 behind ipmi_sim', () => {
  let rig: Rig;
  let folder: TempFolder;
  let configPath: string;
  let torpor: TorporProcess;
  let apiPort: number;
  let listenPort: number;
  const timings = new Map<string, Timings>();

  beforeAll(async () => {
    rig = await Rig.start();
    console.log(`rig: booted in ${rig.facts.bootMs} ms (${rig.facts.accelerator})`);
    folder = new TempFolder('rig-run');
    [apiPort, listenPort] = [await freePort(), await freePort()];
    configPath = writeTorporConfig(folder, { apiPort, ...rigSetUp(rig, 'rig', listenPort) });
    torpor = await TorporProcess.run(configPath, apiPort);
  });

  beforeEach(async () => {
    await torpor.ask('rig', 'release');
  });

  afterEach(({ task }) => {
    if (task.result?.state === 'fail') console.log(`torpor:\n${torpor.output.slice(-SHOWN_CHARS)}`);
  });

  afterAll(async () => {
    printTimings(timings);
    await torpor?.stop();
    await rig?.stop();
    folder?.remove();
  });

  /** Waits until Torpor says asleep, and checks that QEMU says so too and that it stays so. */
  async function fallAsleep(): Promise<void> {
    await torpor.waitForState('rig', 'asleep', 60_000);
    expect(await rig.state()).toBe('suspended');
    await sleep(LEFT_ASLEEP_MS);
    expect(await rig.state()).toBe('suspended');
  }

  /** The moment of the newest QEMU state of that name. */
  function lastState(state: string): number {
    return rig.states().findLast((change) => change.state === state)?.atMs ?? Number.NaN;
  }

  function lastCommand(name: string): number {
    return rig.chassisCommands().findLast((command) => command.name === name)?.atMs ?? Number.NaN;
  }

  async function lastTransition(to: string): Promise<number> {
    const events = await torpor.events();
    return events.findLast((event) => event.kind === 'transition' && event.facts.to === to)?.atMs ?? Number.NaN;
  }

  /** Of the suspend that Torpor now believes in. */
  async function timeSuspend(): Promise<Timings> {
    const [pressed, suspended] = [lastCommand('shutdown'), lastState('suspended')];
    return {
      'press > suspended': suspended - pressed,
      'suspended > believed': (await lastTransition('asleep')) - suspended,
    };
  }

  /** Of the wake that a client's write caused. */
  async function timeWake(wroteAtMs: number, answeredAtMs: number): Promise<Timings> {
    // The first of them: a chassis on may be repeated until a VM answers.
    const asked =
      rig.chassisCommands().find(({ name, atMs }) => name === 'power' && atMs >= wroteAtMs)?.atMs ?? Number.NaN;
    // The rig's watcher may note QEMU's event a little after the answer, and the next sleep may begin meanwhile.
    const runs = await eventually('the wake in states.log', () => {
      return rig.states().find(({ state, atMs }) => state === 'running' && atMs >= wroteAtMs)?.atMs;
    });
    return {
      'write > chassis on': asked - wroteAtMs,
      'chassis on > running': runs - asked,
      'running > answer': answeredAtMs - runs,
      'write > answer': answeredAtMs - wroteAtMs,
    };
  }

  /** The client stays connected across the sleep; its lines wake the platform and arrive once, in order. */
  async function sleepUnderConnectedClient(client: LineClient, cycle: number, before: Answer): Promise<Answer> {
    const streamsBefore = await torpor.streams();
    await fallAsleep();
    expect(client.state).toBe('open');
    expect(bothEndsEstablished(client.localPort, listenPort)).toBe(true);
    const [stream] = await torpor.streams();
    expect(stream).toMatchObject({ id: streamsBefore[0]?.id, mode: 'holding', active: false });
    const suspend = await timeSuspend();

    const wroteAtMs = Date.now();
    client.write(`cycle ${cycle} first\n`);
    client.write(`cycle ${cycle} second\n`);
    const first = await readAnswer(client);
    timings.set(`${cycle} connected`, { ...suspend, ...(await timeWake(wroteAtMs, Date.now())) });
    const second = await readAnswer(client);
    expect(first).toEqual({ count: before.count + 1, boot: before.boot, line: `cycle ${cycle} first` });
    expect(second).toEqual({ count: before.count + 2, boot: before.boot, line: `cycle ${cycle} second` });
    return second;
  }

  /** A client that connects to the sleeper is accepted at once, and answered after the wake. */
  async function connectWhileAsleep(cycle: number, before: Answer): Promise<void> {
    await fallAsleep();
    const suspend = await timeSuspend();
    if (cycle === CYCLES) await stayAwakeOnceWoken(torpor, 'rig');
    const wroteAtMs = Date.now();
    using newcomer = await LineClient.connect(listenPort);
    newcomer.write(`newcomer ${cycle}\n`);
    const answer = await readAnswer(newcomer);
    timings.set(`${cycle} newcomer`, { ...suspend, ...(await timeWake(wroteAtMs, Date.now())) });
    expect(answer).toEqual({ count: 1, boot: before.boot, line: `newcomer ${cycle}` });
  }

  test(`rig: ${CYCLES} cycles under one open connection, each with a newcomer -> every line once, memory kept`, async () => {
    using client = await LineClient.connect(listenPort);
    client.write('hello\n');
    let last = await readAnswer(client);
    expect(last).toMatchObject({ count: 1, line: 'hello' });
    const { suspends, wakes } = await torpor.platform('rig');
    const hostBefore = await rig.askHost('state');
    const from = rig.chassisCommands().length;

    for (let cycle = 1; cycle <= CYCLES; cycle += 1) {
      last = await sleepUnderConnectedClient(client, cycle, last);
      await connectWhileAsleep(cycle, last);
      const commands = rig.chassisCommands().slice(from);
      const ons = commands.filter(({ name, value }) => name === 'power' && value === '1');
      expect(ons.length).toBeGreaterThanOrEqual(2 * cycle);
    }

    // The last wake was to stay: none of these is the press of another sleep.
    const commands = rig.chassisCommands().slice(from);
    expect(presses(commands)).toHaveLength(2 * CYCLES);
    expect(presses(commands).every(({ stateBefore }) => stateBefore === 'running')).toBe(true);
    expect(destructive(rig.chassisCommands())).toEqual([]);
    expect(client.unread).toEqual([]);
    const hostAfter = await rig.askHost('state');
    expect(field(hostAfter, 'boot')).toBe(field(hostBefore, 'boot'));
    expect(Number(field(hostAfter, 'suspends')) - Number(field(hostBefore, 'suspends'))).toBe(2 * CYCLES);
    expect(await torpor.platform('rig')).toMatchObject({
      failures: 0,
      suspends: suspends + 2 * CYCLES,
      wakes: wakes + 2 * CYCLES,
    });
  });

  test('rig: kill -9 of Torpor while the platform sleeps -> found asleep again, the next client wakes it', async () => {
    using client = await LineClient.connect(listenPort);
    client.write('before the kill\n');
    const before = await readAnswer(client);
    await fallAsleep();
    const from = rig.chassisCommands().length;

    await torpor.killNow();
    expect(await client.whenClosed()).not.toBe('open');
    torpor = await TorporProcess.run(configPath, apiPort);
    await torpor.waitForState('rig', 'asleep');
    await sleep(LEFT_ASLEEP_MS);
    expect(await rig.state()).toBe('suspended');
    expect(rig.chassisCommands().slice(from)).toEqual([]);
    await stayAwakeOnceWoken(torpor, 'rig');

    using next = await LineClient.connect(listenPort);
    next.write('after the restart\n');
    expect(await readAnswer(next)).toEqual({ count: 1, boot: before.boot, line: 'after the restart' });
    await eventually('Torpor to say awake', async () => (await torpor.platform('rig')).state === 'awake');
    const commands = rig.chassisCommands().slice(from);
    expect(presses(commands)).toEqual([]);
    expect(destructive(commands)).toEqual([]);
  });
});
