// A bad network between the built Torpor and its BMC, real UDP and RMCP+: what the user sees, and that no press is doubled.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { SimulatedPlatformOptions } from '../../src/power/simulated/simulated-platform.ts';
import { BadLine } from './support/bad-line.ts';
import {
  askForSleep,
  expectAnswered,
  expectNoHarm,
  ON_REQUEST,
  openScene,
  type Scene,
  sleepScene,
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

/** The one datagram of a request to sleep may be lost: then the intent has failed, and a new one needs an operator's word. */
async function sleepUntilItDoes(scene: Scene): Promise<void> {
  for (let intents = 1; intents <= 8; intents += 1) {
    await askForSleep(scene, 'suspending', LOSSY_MS);
    const { state } = await scene.torpor.waitForState(PLATFORM, ['asleep', 'awake']);
    if (state === 'asleep') return;
  }
  throw new Error('eight requests to sleep were lost in a row');
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

  test('5 s late, both ways, asleep -> the client waits as much longer, and is answered once', async () => {
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
