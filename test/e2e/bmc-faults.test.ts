// A BMC that fails at the wrong moment, or lies about power: the built Torpor, real UDP and RMCP+, and a client that waits.
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import {
  askForSleep,
  atPhase,
  expectAnswered,
  expectNoHarm,
  expectRefused,
  ON_REQUEST,
  openScene,
  PATIENCE_MS,
  sleepScene,
} from './support/scene.ts';
import { E2E_TIMEOUT_MS, PASSWORD, PLATFORM, Stage, USER } from './support/stage.ts';

describe('a BMC that fails', { timeout: 2 * E2E_TIMEOUT_MS }, () => {
  test('silent during the suspend, back later -> the suspend counts as failed, the client wakes it, one press', async () => {
    await using stage = await Stage.open({ ...ON_REQUEST, suspendTimeout: '4s' });
    await using scene = await openScene(stage);
    const { bmc } = stage.platform;
    atPhase(stage, 'suspending', () => {
      bmc.faults.silent = true;
    });
    await askForSleep(scene);
    await scene.torpor.waitForState(PLATFORM, 'failed');
    scene.client.write('two\n');
    await scene.torpor.waitForState(PLATFORM, 'waking');
    bmc.faults.silent = false;
    await expectAnswered(scene, 2, 'two');
    await expectNoHarm(stage, 1);
  });

  test('silent during the wake, back later -> the client waits, and is answered once', async () => {
    await using stage = await Stage.open(ON_REQUEST);
    await using scene = await openScene(stage);
    const { bmc, host } = stage.platform;
    await sleepScene(scene);
    bmc.faults.silent = true;
    scene.client.write('two\n');
    await scene.torpor.waitForState(PLATFORM, 'waking');
    await eventually('a request to wake that failed', () => /wake|no answer/i.test(scene.torpor.output));
    expect([host.phase, scene.client.state]).toEqual(['asleep', 'open']);
    bmc.faults.silent = false;
    await expectAnswered(scene, 2, 'two');
    await expectNoHarm(stage, 1);
  });

  test('silent for good -> failed with an alarm, old and new clients are kept, and answered once someone wakes it by hand', async () => {
    await using stage = await Stage.open({ ...ON_REQUEST, wakeTimeout: '2s' });
    await using scene = await openScene(stage);
    const { bmc, host } = stage.platform;
    await sleepScene(scene);
    bmc.faults.silent = true;
    scene.client.write('two\n');
    await scene.torpor.waitForState(PLATFORM, 'failed');
    using newcomer = await stage.connect();
    newcomer.write('hello\n');
    expect(scene.torpor.output).toMatch(/wake failed/);
    expect([host.phase, scene.client.state]).toEqual(['asleep', 'open']);
    host.wakeByOther('the power button, by hand');
    await expectAnswered(scene, 2, 'two');
    expect(await newcomer.readLine(PATIENCE_MS)).toMatch(/ n=1 .*hello$/);
    await expectNoHarm(stage, 1);
  });

  test('silent until the client is let go -> reset after its time, newcomers wait as long, served once the BMC is back', async () => {
    await using stage = await Stage.open({ ...ON_REQUEST, wakeTimeout: '1s', clientWait: '4s' });
    await using scene = await openScene(stage);
    const { bmc, host } = stage.platform;
    await sleepScene(scene);
    bmc.faults.silent = true;
    const wroteAtMs = Date.now();
    scene.client.write('two\n');
    expect(await scene.client.whenClosed(PATIENCE_MS)).toBe('reset');
    expect(Date.now() - wroteAtMs).toBeGreaterThanOrEqual(4000);
    expect(scene.client.unread).toEqual([]);
    expect(scene.torpor.output).toMatch(/waited 4s/);
    expect(host.phase).toBe('asleep');
    bmc.faults.silent = false;
    using newcomer = await stage.connect();
    expect(await newcomer.ask('hello', PATIENCE_MS)).toMatch(/ n=1 .*hello$/);
    await expectNoHarm(stage, 1);
  });

  test('restarts between press and sleep, asleep, and during the wake -> sleeps and wakes, one press', async () => {
    await using stage = await Stage.open(ON_REQUEST);
    await using scene = await openScene(stage);
    for (const phase of ['suspending', 'asleep', 'resuming'] as const) {
      atPhase(stage, phase, () => stage.platform.bmc.restart());
    }
    await sleepScene(scene);
    scene.client.write('two\n');
    await expectAnswered(scene, 2, 'two');
    await expectNoHarm(stage, 1);
  });

  test('password changed while it runs -> stays awake and says why, clients are served', async () => {
    await using stage = await Stage.open(ON_REQUEST);
    await using scene = await openScene(stage);
    stage.platform.bmc.changePassword(USER, 'another-one');
    stage.platform.bmc.restart();
    scene.client.write('two\n');
    await expectAnswered(scene, 2, 'two');
    await expectRefused(scene, /password/i);
    await expectNoHarm(stage, 0);
  });

  test('password changed while it sleeps, then put right -> the client waits, and is answered once', async () => {
    await using stage = await Stage.open(ON_REQUEST);
    await using scene = await openScene(stage);
    const { bmc, host } = stage.platform;
    await sleepScene(scene);
    bmc.changePassword(USER, 'another-one');
    bmc.restart();
    scene.client.write('two\n');
    await eventually('the password in the log', () => /password/i.test(scene.torpor.output));
    expect([host.phase, scene.client.state]).toEqual(['asleep', 'open']);
    bmc.changePassword(USER, PASSWORD);
    await expectAnswered(scene, 2, 'two');
    await expectNoHarm(stage, 1);
  });

  // They wait for silence most of the time.
  test.concurrent.each([
    { powerBitInS3: true, acpi: true },
    { powerBitInS3: false, acpi: true },
    { powerBitInS3: true, acpi: false },
    { powerBitInS3: false, acpi: false },
  ])('power bit in S3 $powerBitInS3, an ACPI state told: $acpi -> sleeps and wakes all the same', async (traits) => {
    const { powerBitInS3, acpi } = traits;
    await using stage = await Stage.open(ON_REQUEST, { powerBitInS3, acpiSensor: acpi, acpiCommand: acpi });
    await using scene = await openScene(stage);
    await sleepScene(scene);
    expect((await scene.torpor.platform(PLATFORM)).evidenceIsWeak).toBe(!acpi);
    scene.client.write('two\n');
    await expectAnswered(scene, 2, 'two');
    await expectNoHarm(stage, 1);
  });
});
