// A bad network between the built Torpor and its BMC, real UDP and RMCP+: what the user sees, and that no press is doubled.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { SimulatedPlatformOptions } from '../../src/power/simulated/simulated-platform.ts';
import { eventually } from '../support/eventually.ts';
import { BadLine } from './support/bad-line.ts';
import {
  askForSleep,
  expectAnswered,
  expectNoHarm,
  expectRefused,
  ON_REQUEST,
  openScene,
  type Scene,
  sleepScene,
  untilHostIs,
} from './support/scene.ts';
import { E2E_TIMEOUT_MS, PASSWORD, PLATFORM, Stage, USER } from './support/stage.ts';

const SEED = 20_261_129;
const LATE_MS = 5_000;
/** Where packets are lost, a reading that came too late blocks a suspend until the next one: longer than the patience of other faults. */
const LOSSY_MS = 90_000;

interface LineScene extends Scene {
  readonly line: BadLine;
}

/** The network is good until the test makes it bad. */
async function openLineScene(
  setUp: Parameters<typeof Stage.open>[0] = {},
  simulated: Partial<SimulatedPlatformOptions> = {},
): Promise<LineScene> {
  const stage = await Stage.open({}, simulated);
  const line = await BadLine.open(stage.platform.bmcPort, SEED);
  stage.configure({ ...ON_REQUEST, ...setUp, bmc: { port: line.port, user: USER, password: PASSWORD } });
  const scene = await openScene(stage);
  return {
    ...scene,
    line,
    [Symbol.asyncDispose]: async () => {
      scene.client.destroy();
      await stage[Symbol.asyncDispose]();
      await line[Symbol.asyncDispose]();
    },
  };
}

/** Of ten presses three are lost: eight in a row are once in 15,000 runs, so many once in 200 million. */
const INTENTS_MAX = 16;

/** The one datagram of a request to sleep may be lost: then the intent has failed, and a new one needs an operator's word. */
async function sleepUntilItDoes(scene: Scene): Promise<void> {
  for (let intents = 1; intents <= INTENTS_MAX; intents += 1) {
    await askForSleep(scene, 'suspending', LOSSY_MS);
    const { state } = await scene.torpor.waitForState(PLATFORM, ['asleep', 'awake']);
    if (state === 'asleep') return;
  }
  throw new Error(`${INTENTS_MAX} requests to sleep were lost in a row`);
}

/** All is in time up to the press: a BMC that is late with what is asked before it is not pressed at all. */
function makePressLate(stage: Stage): void {
  stage.platform.bmc.faults.deedDelayMs = LATE_MS;
}

describe('a bad network to the BMC', { timeout: 4 * E2E_TIMEOUT_MS }, () => {
  test('30 % lost each way -> an intent whose press was lost fails and is not repeated; it sleeps with one press, and wakes', async () => {
    await using scene = await openLineScene({ suspendTimeout: '4s' });
    scene.line.faults.lossPercent = 30;
    await sleepUntilItDoes(scene);
    scene.client.write('two\n');
    await expectAnswered(scene, 2, 'two');
    await expectNoHarm(scene.stage, 1);
  });

  test('all doubled, overtaking each other by up to 200 ms -> sleeps and wakes, one press', async () => {
    await using scene = await openLineScene();
    Object.assign(scene.line.faults, { doublePercent: 100, delayMs: [0, 200] });
    await sleepScene(scene);
    scene.client.write('two\n');
    await expectAnswered(scene, 2, 'two');
    await expectNoHarm(scene.stage, 1);
  });

  test('cut, forged and old datagrams before each one -> sleeps and wakes, one press', async () => {
    await using scene = await openLineScene();
    scene.line.faults.mangles = true;
    await sleepScene(scene);
    scene.client.write('two\n');
    await expectAnswered(scene, 2, 'two');
    expect(scene.line.mangled).toBeGreaterThan(10);
    await expectNoHarm(scene.stage, 1);
  });

  test('false answers with the right integrity code under old, far and no numbers before each one -> sleeps and wakes, one press', async () => {
    await using scene = await openLineScene();
    const { bmc } = scene.stage.platform;
    bmc.faults.misnumbers = true;
    await sleepScene(scene);
    scene.client.write('two\n');
    await expectAnswered(scene, 2, 'two');
    expect(bmc.misnumbered).toBeGreaterThan(10);
    expect(scene.torpor.output).not.toMatch(/FFh|unspecified/i);
    await expectNoHarm(scene.stage, 1);
  });

  test.concurrent('a press that is 5 s late, its user back meanwhile -> let back in, slept under once, woken at once, every line once, one press', async () => {
    await using scene = await openLineScene();
    const { stage, torpor, client } = scene;
    makePressLate(stage);
    await askForSleep(scene);
    // The press is on its way, and has been for longer than a clock can miss: what the client sends comes after it.
    await eventually('the press', () => (stage.platform.bmc.lateDeedMs ?? 0) > 20, { everyMs: 5 });
    expect(stage.platform.host.buttonPresses).toBe(0);
    client.write('two\n');
    await expectAnswered(scene, 2, 'two');
    await untilHostIs(stage, 'asleep');
    stage.platform.bmc.faults.deedDelayMs = 0;
    client.write('three\n');
    await expectAnswered(scene, 3, 'three');
    await torpor.waitForState(PLATFORM, 'awake');
    await expectNoHarm(stage, 1);
  });

  test.concurrent('a press that is 5 s late, nobody there -> asleep once, and woken', async () => {
    await using scene = await openLineScene();
    const { stage, torpor, client } = scene;
    makePressLate(stage);
    await askForSleep(scene);
    await untilHostIs(stage, 'asleep');
    stage.platform.bmc.faults.deedDelayMs = 0;
    await torpor.waitForState(PLATFORM, 'asleep');
    client.write('two\n');
    await expectAnswered(scene, 2, 'two');
    await expectNoHarm(stage, 1);
  });

  test.concurrent('5 s late, both ways, awake -> clients are served, nothing is pressed until it is in time again', async () => {
    await using scene = await openLineScene();
    const { stage, line, client } = scene;
    line.faults.delayMs = [LATE_MS, LATE_MS];
    await expectRefused(scene, /BMC does not answer/);
    client.write('two\n');
    await expectAnswered(scene, 2, 'two');
    await expectNoHarm(stage, 0);
    line.faults.delayMs = [0, 0];
    await sleepScene(scene);
    client.write('three\n');
    await expectAnswered(scene, 3, 'three');
    await expectNoHarm(stage, 1);
  });

  test.concurrent('5 s late, both ways, asleep -> the client waits as much longer, and is answered once', async () => {
    await using scene = await openLineScene();
    await sleepScene(scene);
    scene.line.faults.delayMs = [LATE_MS, LATE_MS];
    scene.client.write('two\n');
    await expectAnswered(scene, 2, 'two');
    await expectNoHarm(scene.stage, 1);
  });

  test('a whole session replayed, its soft press with it, open and after the end -> nothing happens', async () => {
    await using scene = await openLineScene();
    const { stage, line, torpor, client } = scene;
    await sleepScene(scene);
    client.write('two\n');
    await expectAnswered(scene, 2, 'two');
    const sent = line.fromConsole.length;
    expect(sent).toBeGreaterThan(10);
    await line.replay();
    client.write('three\n');
    await expectAnswered(scene, 3, 'three');
    await torpor.stop();
    await line.replay();
    stage.platform.bmc.restart();
    await line.replay();
    await sleep(500);
    expect(stage.platform.host.phase).toBe('running');
    await expectNoHarm(stage, 1);
  });
});
