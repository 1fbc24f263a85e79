// kill -9 of Torpor in every state that a crash can hit, then a restart: the platform ends well, and no intent presses twice.
// A Torpor's connections end with its process, both towards the clients and towards the VMs: clients connect anew.
import { describe, expect, test } from 'vitest';
import type { HostPhase } from '../../src/power/simulated/simulated-host.ts';
import { eventually } from '../support/eventually.ts';
import type { LineClient } from '../support/line-client.ts';
import type { TorporProcess } from '../support/torpor-process.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage } from './support/stage.ts';

/** Nothing falls asleep by itself here: each suspend is asked for, so that each press of the button has one known intent. */
const ONLY_ON_REQUEST = { idleTimeout: '10m', minAwake: '10m' };
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

async function askForSleep(torpor: TorporProcess): Promise<void> {
  const [status, body] = await torpor.ask(PLATFORM, 'sleep', { force: true });
  expect(status, JSON.stringify(body)).toBe(202);
}

function untilHostIs(stage: Stage, phase: HostPhase): Promise<unknown> {
  return eventually(`the host to be ${phase}`, () => stage.platform.host.phase === phase, { everyMs: 5 });
}

/** Restarts Torpor; a new client gets through, the platform runs, and both agree. */
async function expectGoodEnd(scene: Scene, presses: number): Promise<void> {
  const { stage, client } = scene;
  await client.whenClosed();
  client.destroy();
  const bootId = stage.platform.host.bootId;
  const restarted = await stage.run();
  using next = await stage.connect();
  expect(await next.ask('after', 30_000)).toMatch(/ n=1 .*after$/);
  await restarted.waitForState(PLATFORM, 'awake');
  expect(stage.platform.host.phase).toBe('running');
  expect(stage.platform.host.bootId).toBe(bootId);
  expect(stage.platform.host.buttonPresses).toBe(presses);
  expect(next.unread).toEqual([]);
}

describe.concurrent('kill -9 of torpor run, then a restart', { timeout: E2E_TIMEOUT_MS }, () => {
  test('restart: killed while awake -> awake, nothing was pressed', async () => {
    await using stage = await Stage.open(ONLY_ON_REQUEST, SLOW);
    const scene = await openScene(stage);
    await scene.torpor.killNow();
    await expectGoodEnd(scene, 0);
    expect(stage.changes).toEqual([]);
  });

  test('restart: killed while the host suspends -> seen asleep, woken for the next client, pressed once', async () => {
    await using stage = await Stage.open(ONLY_ON_REQUEST, SLOW);
    const scene = await openScene(stage);
    await askForSleep(scene.torpor);
    await untilHostIs(stage, 'suspending');
    await scene.torpor.killNow();
    await expectGoodEnd(scene, 1);
  });

  test('restart: killed while the host suspends, nobody comes -> asleep, and it stays so', async () => {
    await using stage = await Stage.open(ONLY_ON_REQUEST, SLOW);
    const { torpor, client } = await openScene(stage);
    await askForSleep(torpor);
    await untilHostIs(stage, 'suspending');
    await torpor.killNow();
    await client.whenClosed();
    const restarted = await stage.run();
    await restarted.waitForState(PLATFORM, 'asleep');
    expect(stage.platform.host.phase).toBe('asleep');
    expect(stage.platform.host.buttonPresses).toBe(1);
  });

  test('restart: killed after a press that the host ignored -> awake, not pressed again', async () => {
    await using stage = await Stage.open(ONLY_ON_REQUEST, { ...SLOW, button: 'ignore' });
    const scene = await openScene(stage);
    await askForSleep(scene.torpor);
    await eventually('the press', () => stage.platform.host.buttonPresses === 1, { everyMs: 5 });
    await scene.torpor.killNow();
    await expectGoodEnd(scene, 1);
    expect(stage.changes.filter(({ phase }) => phase !== 'running')).toEqual([]);
  });

  test('restart: killed while asleep -> asleep is found again, woken for the next client', async () => {
    await using stage = await Stage.open(ONLY_ON_REQUEST);
    const scene = await openScene(stage);
    await askForSleep(scene.torpor);
    await scene.torpor.waitForState(PLATFORM, 'asleep');
    await scene.torpor.killNow();
    const between = await stage.run();
    await between.waitForState(PLATFORM, 'asleep');
    expect(stage.platform.host.phase).toBe('asleep');
    await between.killNow();
    await expectGoodEnd(scene, 1);
  });

  test('restart: killed while it wakes -> awake, the next client gets through, memory kept', async () => {
    await using stage = await Stage.open(ONLY_ON_REQUEST, SLOW);
    const scene = await openScene(stage);
    await askForSleep(scene.torpor);
    await scene.torpor.waitForState(PLATFORM, 'asleep');
    scene.client.write('wakes it\n');
    await untilHostIs(stage, 'resuming');
    await scene.torpor.killNow();
    await expectGoodEnd(scene, 1);
  });
});
