// A BMC that speaks Redfish and fails at the wrong moment: `torpor run`, HTTPS with a pinned certificate, and a client that waits.
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import {
  expectNoRedfishHarm,
  KNOWN_TLS,
  openRedfishScene,
  type RedfishScene,
  UNKNOWN_TLS,
} from './support/redfish-scene.ts';
import { askForSleep, atPhase, expectAnswered, expectRefused, PATIENCE_MS, sleepScene } from './support/scene.ts';
import { E2E_TIMEOUT_MS, PASSWORD, PLATFORM, USER } from './support/stage.ts';

/** The next line wakes it, or is answered as soon as that can be. */
async function expectWoken(scene: RedfishScene): Promise<void> {
  await expectAnswered(scene, 2, 'two');
  await expectNoRedfishHarm(scene, 1);
}

// They wait most of the time.
describe.concurrent('a Redfish service that fails', { timeout: 2 * E2E_TIMEOUT_MS }, () => {
  test('silent during the suspend, back later -> the suspend counts as failed, the client wakes it, one press', async () => {
    await using scene = await openRedfishScene({ suspendTimeout: '4s' });
    const { stage, service, torpor, client } = scene;
    atPhase(stage, 'suspending', () => {
      service.faults.silent = true;
    });
    await askForSleep(scene);
    await torpor.waitForState(PLATFORM, 'failed');
    client.write('two\n');
    await torpor.waitForState(PLATFORM, 'waking');
    service.faults.silent = false;
    await expectWoken(scene);
  });

  test('gone during the wake, back later -> the client waits, and is answered once', async () => {
    await using scene = await openRedfishScene();
    const { stage, service, torpor, client } = scene;
    await sleepScene(scene);
    service.faults.silent = true;
    service.dropConnections();
    const askedBefore = service.requests.length;
    client.write('two\n');
    await torpor.waitForState(PLATFORM, 'waking');
    await eventually('a request that gets no answer', () => service.requests.length > askedBefore, {
      context: () => torpor.output,
    });
    expect([stage.platform.host.phase, client.state]).toEqual(['asleep', 'open']);
    service.faults.silent = false;
    await expectWoken(scene);
  });

  test('silent for good -> failed with an alarm, the client is kept, and answered once someone wakes it by hand', async () => {
    await using scene = await openRedfishScene({ wakeTimeout: '2s' });
    const { stage, service, torpor, client } = scene;
    await sleepScene(scene);
    service.faults.silent = true;
    client.write('two\n');
    await torpor.waitForState(PLATFORM, 'failed');
    expect(torpor.output).toMatch(/wake failed/);
    expect([stage.platform.host.phase, client.state]).toEqual(['asleep', 'open']);
    stage.platform.host.wakeByOther('the power button, by hand');
    await expectWoken(scene);
  });

  test('silent for good while awake -> stays awake and says why, clients are served', async () => {
    await using scene = await openRedfishScene();
    scene.service.faults.silent = true;
    scene.client.write('two\n');
    await expectAnswered(scene, 2, 'two');
    await expectRefused(scene, /the BMC does not answer/);
    await expectNoRedfishHarm(scene, 0);
  });

  test('restarts between press and sleep, asleep, and during the wake -> sleeps and wakes, one press', async () => {
    await using scene = await openRedfishScene();
    const { stage, service, client } = scene;
    const made = service.sessionsMade;
    for (const phase of ['suspending', 'asleep', 'resuming'] as const) {
      atPhase(stage, phase, () => {
        service.restart();
        service.dropConnections();
      });
    }
    await sleepScene(scene);
    client.write('two\n');
    await expectWoken(scene);
    expect(service.sessionsMade).toBeGreaterThan(made);
  });

  test('password changed while it runs -> stays awake and says why, clients are served', async () => {
    await using scene = await openRedfishScene();
    scene.service.changePassword(USER, 'another-one');
    scene.service.restart();
    scene.client.write('two\n');
    await expectAnswered(scene, 2, 'two');
    await expectRefused(scene, /password/i);
    await expectNoRedfishHarm(scene, 0);
    expect(scene.torpor.output).not.toContain(PASSWORD);
  });

  test('password changed while it sleeps, then put right -> the client waits, and is answered once', async () => {
    await using scene = await openRedfishScene();
    const { stage, service, torpor, client } = scene;
    await sleepScene(scene);
    service.changePassword(USER, 'another-one');
    service.restart();
    client.write('two\n');
    await eventually('the password in the log', () => /password/i.test(torpor.output), { withinMs: PATIENCE_MS });
    expect([stage.platform.host.phase, client.state]).toEqual(['asleep', 'open']);
    service.changePassword(USER, PASSWORD);
    await expectWoken(scene);
  });

  test.each([true, false])(
    'S3, PowerState On in it: %s -> believed by silence alone, weak, sleeps and wakes',
    async (powerBitInS3) => {
      await using scene = await openRedfishScene({ sleep: 'S3' }, { powerBitInS3 });
      await sleepScene(scene);
      expect((await scene.torpor.platform(PLATFORM)).evidenceIsWeak).toBe(true);
      scene.client.write('two\n');
      await expectWoken(scene);
    },
  );

  test('HTTP 500 at its system while awake -> stays awake and says so; gone again -> sleeps and wakes', async () => {
    await using scene = await openRedfishScene();
    const { service, client } = scene;
    const path = '/redfish/v1/Systems/1';
    expect(service.requests).toContain(`GET ${path}`);
    service.faults.refuse.set(path, 500);
    await expectRefused(scene, /500/);
    await expectNoRedfishHarm(scene, 0);
    service.faults.refuse.clear();
    await sleepScene(scene);
    client.write('two\n');
    await expectWoken(scene);
  });

  test('HTTP 500 at its system, then 503, during the wake -> the client waits, and is answered once', async () => {
    await using scene = await openRedfishScene();
    const { stage, service, torpor, client } = scene;
    await sleepScene(scene);
    service.faults.refuse.set('/redfish/v1/Systems/1', 500);
    client.write('two\n');
    await torpor.waitForState(PLATFORM, 'waking');
    await eventually('500 in the log', () => /500/.test(torpor.output), { withinMs: PATIENCE_MS });
    expect(client.state).toBe('open');
    expect(stage.platform.host.buttonPresses).toBe(1);
    service.faults.busyAnswers = 2;
    service.faults.refuse.clear();
    await expectWoken(scene);
  });

  test('each answer 2 s late -> sleeps and wakes later, one press', async () => {
    await using scene = await openRedfishScene();
    scene.service.faults.delayMs = 2_000;
    await sleepScene(scene);
    scene.client.write('two\n');
    await expectWoken(scene);
  });

  test('another certificate while awake -> stays awake and says so, and not one byte of HTTP goes there', async () => {
    await using scene = await openRedfishScene();
    const { service, client } = scene;
    service.changeCertificate(UNKNOWN_TLS);
    service.dropConnections();
    const asked = service.requests.length;
    client.write('two\n');
    await expectAnswered(scene, 2, 'two');
    await expectRefused(scene, /certificate|fingerprint/i);
    await expectNoRedfishHarm(scene, 0);
    expect(service.requests.length).toBe(asked);
  });

  test('another certificate while it sleeps, then the right one -> the client waits, and is answered once', async () => {
    await using scene = await openRedfishScene();
    const { stage, service, torpor, client } = scene;
    await sleepScene(scene);
    service.changeCertificate(UNKNOWN_TLS);
    service.dropConnections();
    client.write('two\n');
    await eventually('the certificate in the log', () => /certificate|fingerprint/i.test(torpor.output), {
      withinMs: PATIENCE_MS,
    });
    expect([stage.platform.host.phase, client.state]).toEqual(['asleep', 'open']);
    service.changeCertificate(KNOWN_TLS);
    await expectWoken(scene);
  });
});
