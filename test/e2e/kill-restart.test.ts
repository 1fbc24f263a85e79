// kill -9 of Torpor in every state that a crash can hit, then a restart: the platform ends well, and no intent presses twice.
// A Torpor's connections end with its process, both towards the clients and towards the VMs: clients connect anew.
import { existsSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import type { LineClient } from '../support/line-client.ts';
import type { TorporProcess } from '../support/torpor-process.ts';
import { askForSleep, expectNoHarm, ON_REQUEST, untilHostIs, untilPressed } from './support/scene.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage } from './support/stage.ts';

/** Slow enough that a kill hits the phase it aims at. */
const SLOW = { suspendMs: 1500, resumeMs: 1500 };

interface Scene {
  readonly stage: Stage;
  readonly torpor: TorporProcess;
  readonly client: LineClient;
}

/** An awake platform with one connected client that has been answered. */
async function openScene(stage: Stage): Promise<Scene> {
  const torpor = await stage.run();
  await stage.readyToSleep(torpor);
  const client = await stage.connect();
  expect(await client.ask('before')).toMatch(/ n=1 .*before$/);
  return { stage, torpor, client };
}

/** What the press found is asked of this Torpor, and it is told before the kill. */
async function kill({ stage, torpor }: Pick<Scene, 'stage' | 'torpor'>): Promise<void> {
  await stage.presses.overActive();
  await torpor.killNow();
}

/** Restarts Torpor; a new client gets through, the platform runs, and both agree. */
async function expectGoodEnd(scene: Scene, presses: number): Promise<void> {
  const { stage, client } = scene;
  await client.whenClosed();
  client.destroy();
  const bootId = stage.platform.host.bootId;
  const restarted = await stage.run();
  using next = await stage.connect();
  expect(await next.ask('after', 90_000)).toMatch(/ n=1 .*after$/);
  await restarted.waitForState(PLATFORM, 'awake');
  expect(stage.platform.host.phase).toBe('running');
  expect(stage.platform.host.bootId).toBe(bootId);
  await expectNoHarm(stage, presses);
  expect(next.unread).toEqual([]);
}

describe.concurrent('kill -9 of torpor run, then a restart', { timeout: 3 * E2E_TIMEOUT_MS }, () => {
  test('restart: killed while awake -> awake, nothing was pressed', async () => {
    await using stage = await Stage.open(ON_REQUEST, SLOW);
    const scene = await openScene(stage);
    await kill(scene);
    await expectGoodEnd(scene, 0);
    expect(stage.changes).toEqual([]);
  });

  test('restart: killed while the host suspends -> seen asleep, woken for the next client, pressed once', async () => {
    await using stage = await Stage.open(ON_REQUEST, SLOW);
    const scene = await openScene(stage);
    await askForSleep(scene);
    await untilHostIs(stage, 'suspending');
    await kill(scene);
    await expectGoodEnd(scene, 1);
  });

  test('restart: killed while the host suspends, nobody comes -> asleep, and it stays so', async () => {
    await using stage = await Stage.open(ON_REQUEST, SLOW);
    const scene = await openScene(stage);
    await askForSleep(scene);
    await untilHostIs(stage, 'suspending');
    await kill(scene);
    await scene.client.whenClosed();
    const restarted = await stage.run();
    await restarted.waitForState(PLATFORM, 'asleep');
    expect(stage.platform.host.phase).toBe('asleep');
    await expectNoHarm(stage, 1);
  });

  test('restart: killed after a press that the host ignored -> awake, not pressed again', async () => {
    await using stage = await Stage.open(ON_REQUEST, { ...SLOW, button: 'ignore' });
    const scene = await openScene(stage);
    await askForSleep(scene);
    await untilPressed(stage);
    await kill(scene);
    await expectGoodEnd(scene, 1);
    expect(stage.changes.filter(({ phase }) => phase !== 'running')).toEqual([]);
  });

  test('restart: killed while asleep -> asleep is found again, woken for the next client', async () => {
    await using stage = await Stage.open(ON_REQUEST);
    const scene = await openScene(stage);
    await askForSleep(scene);
    await scene.torpor.waitForState(PLATFORM, 'asleep');
    await kill(scene);
    const between = await stage.run();
    await between.waitForState(PLATFORM, 'asleep');
    expect(stage.platform.host.phase).toBe('asleep');
    await between.killNow();
    await expectGoodEnd(scene, 1);
  });

  test('restart: killed while it wakes -> awake, the next client gets through, memory kept', async () => {
    await using stage = await Stage.open(ON_REQUEST, SLOW);
    const scene = await openScene(stage);
    await askForSleep(scene);
    await scene.torpor.waitForState(PLATFORM, 'asleep');
    scene.client.write('wakes it\n');
    await untilHostIs(stage, 'resuming');
    await kill(scene);
    await expectGoodEnd(scene, 1);
  });

  test('restart: killed before the first evidence, the host asleep -> found asleep, woken for the next client, no second press', async () => {
    await using stage = await Stage.open(ON_REQUEST);
    const scene = await openScene(stage);
    await askForSleep(scene);
    await scene.torpor.waitForState(PLATFORM, 'asleep');
    await kill(scene);
    stage.platform.bmc.faults.silent = true;
    const blind = await stage.run();
    expect((await blind.platform(PLATFORM)).state).toBe('starting');
    await blind.killNow();
    stage.platform.bmc.faults.silent = false;
    await expectGoodEnd(scene, 1);
  });

  test('restart: killed in the abort window -> awake, nothing was pressed', async () => {
    await using stage = await Stage.open({ minAwake: '0s', drowsyFor: '10m' });
    const scene = await openScene(stage);
    await scene.torpor.waitForState(PLATFORM, 'drowsy');
    await kill(scene);
    await expectGoodEnd(scene, 0);
    expect(stage.changes).toEqual([]);
  });

  test('restart: killed while a hook saves -> awake, its counterpart has run, nothing was pressed', async () => {
    await using stage = await Stage.open();
    const [begun, over, undone] = ['begun', 'over', 'undone'].map((name) => stage.folder.file(name));
    const beforeSuspend = `touch ${begun}; while [ ! -e ${over} ]; do sleep 0.1; done`;
    stage.configure({ ...ON_REQUEST, hooks: { beforeSuspend, afterWake: `touch ${undone}`, timeout: '5m' } });
    const scene = await openScene(stage);
    await askForSleep(scene, 'saving');
    await eventually('the hook to run', () => existsSync(begun as string));
    await kill(scene);
    // What it had started is nobody's child now.
    writeFileSync(over as string, '');
    expect(existsSync(undone as string)).toBe(false);
    await expectGoodEnd(scene, 0);
    expect(existsSync(undone as string)).toBe(true);
    expect(stage.changes).toEqual([]);
  });

  test('restart: killed after a suspend that failed -> awake, not pressed again', async () => {
    await using stage = await Stage.open({ ...ON_REQUEST, suspendTimeout: '2s' }, { button: 'ignore' });
    const { bmc, host } = stage.platform;
    const scene = await openScene(stage);
    // Neither asleep nor awake can be seen: so it stays failed.
    host.onPress(() => {
      stage.platform.vm('alice').freeze();
      bmc.faults.silent = true;
    });
    await askForSleep(scene);
    await scene.torpor.waitForState(PLATFORM, 'failed');
    await kill(scene);
    stage.platform.vm('alice').thaw();
    bmc.faults.silent = false;
    await expectGoodEnd(scene, 1);
    expect(stage.changes).toEqual([]);
  });

  test('restart: killed after a wake that failed -> woken for the next client, memory kept', async () => {
    await using stage = await Stage.open({ ...ON_REQUEST, wakeTimeout: '2s' });
    const scene = await openScene(stage);
    await askForSleep(scene);
    await scene.torpor.waitForState(PLATFORM, 'asleep');
    stage.platform.bmc.faults.silent = true;
    scene.client.write('wakes it\n');
    await scene.torpor.waitForState(PLATFORM, 'failed');
    await kill(scene);
    expect(stage.platform.host.phase).toBe('asleep');
    stage.platform.bmc.faults.silent = false;
    await expectGoodEnd(scene, 1);
  });
});
