// A platform that does something else than it was asked: the built Torpor, real RMCP+, real TCP, and what its user sees.
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { SimulatedPlatformOptions } from '../../src/power/simulated/simulated-platform.ts';
import { freePort } from '../support/ports.ts';
import {
  askForSleep,
  atPhase,
  expectAnswered,
  expectNoHarm,
  ON_REQUEST,
  openScene,
  PATIENCE_MS,
  sleepScene,
  untilHostIs,
  untilPressed,
} from './support/scene.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage } from './support/stage.ts';

/** A stage whose VM can be asked for its boot id, by a command. */
async function openKnownStage(simulated: Partial<SimulatedPlatformOptions>): Promise<Stage> {
  const stage = await Stage.open({}, simulated);
  const file = stage.folder.file('boot-id');
  writeFileSync(file, stage.platform.host.bootId);
  stage.platform.host.onChange(({ bootId }) => writeFileSync(file, bootId));
  stage.configure({ ...ON_REQUEST, ...stage.alice({ identity: { command: `cat ${file}` } }) });
  return stage;
}

/** The old connection ends, nothing of it reaches the new memory, a newcomer is served; an alarm says why. */
async function expectLostMemory(stage: Stage): Promise<void> {
  await using scene = await openScene(stage);
  const before = stage.platform.host.bootId;
  await sleepScene(scene);
  scene.client.write('two\n');
  await scene.client.whenClosed(PATIENCE_MS);
  expect(scene.client.unread).toEqual([]);
  await scene.torpor.waitForState(PLATFORM, 'awake');
  expect(stage.platform.host.bootId).not.toBe(before);
  using newcomer = await stage.connect();
  expect(await newcomer.ask('hello', PATIENCE_MS)).toBe(`vmalice n=1 boot=${stage.platform.host.bootId} hello`);
  expect(scene.torpor.output).toMatch(/lost its memory/);
  await expectNoHarm(stage, 1);
}

describe('a platform that does something else', { timeout: 2 * E2E_TIMEOUT_MS }, () => {
  test('ignores the button, its user comes back -> let back in, and no second press', async () => {
    await using stage = await Stage.open(ON_REQUEST, { button: 'ignore' });
    await using scene = await openScene(stage);
    await askForSleep(scene);
    await untilPressed(stage);
    scene.client.write('two\n');
    await expectAnswered(scene, 2, 'two');
    await scene.torpor.waitForState(PLATFORM, 'awake');
    const [status, body] = await scene.torpor.ask(PLATFORM, 'sleep', { force: true });
    expect(status).toBe(409);
    expect(JSON.stringify(body)).toContain('the last suspend failed');
    await expectNoHarm(stage, 1);
  });

  test('ignores the button, nobody comes -> the suspend fails with an alarm, the client is served, no second press', async () => {
    await using stage = await Stage.open({ ...ON_REQUEST, suspendTimeout: '2s' }, { button: 'ignore' });
    await using scene = await openScene(stage);
    await askForSleep(scene);
    await scene.torpor.waitForState(PLATFORM, 'awake');
    expect(scene.torpor.output).toMatch(/suspend failed/);
    scene.client.write('two\n');
    await expectAnswered(scene, 2, 'two');
    await expectNoHarm(stage, 1);
  });

  test('powers off instead -> started for the client, whose old connection ends; newcomers are served', async () => {
    await using stage = await openKnownStage({ button: 'poweroff', bootMs: 800 });
    await expectLostMemory(stage);
  });

  test('reboots on wake -> the old connection ends, newcomers are served', async () => {
    await using stage = await openKnownStage({ wake: 'boot', bootMs: 800 });
    await expectLostMemory(stage);
  });

  test('one of two VMs comes back without its memory -> its old connection ends, the other’s goes on; newcomers at both', async () => {
    await using stage = await Stage.open({}, { vms: [{ name: 'alice' }, { name: 'bob' }] });
    const ports = { alice: stage.listenPort, bob: await freePort() };
    const vms = (['alice', 'bob'] as const).map((name, index) => ({
      ...{ name, listenPort: ports[name], target: `127.0.0.1:${stage.platform.vmPorts[index]}` },
      identity: { command: `cat ${stage.folder.file(name)}` },
    }));
    for (const { name } of vms) writeFileSync(stage.folder.file(name), 'first');
    stage.configure({ ...ON_REQUEST, vms });
    await using scene = await openScene(stage);
    using other = await stage.connect(ports.bob);
    expect(await other.ask('one', PATIENCE_MS)).toMatch(/^vmbob n=1 .*one$/);
    await sleepScene(scene);
    atPhase(stage, 'running', () => {
      writeFileSync(stage.folder.file('alice'), 'second');
      stage.platform.vm('alice').boot('second');
    });
    scene.client.write('two\n');
    other.write('two\n');
    expect(await other.readLine(PATIENCE_MS)).toMatch(/^vmbob n=2 .*two$/);
    expect(await scene.client.whenClosed(PATIENCE_MS)).toBe('reset');
    expect([scene.client.unread, other.state, other.unread]).toEqual([[], 'open', []]);
    expect(scene.torpor.output).toMatch(/VM alice lost its memory/);
    expect(scene.torpor.output).not.toMatch(/(VM bob|the platform) lost its memory/);
    using newcomer = await stage.connect();
    expect(await newcomer.ask('hello', PATIENCE_MS)).toBe('vmalice n=1 boot=second hello');
    expect(await other.ask('three', PATIENCE_MS)).toMatch(/^vmbob n=3 .*three$/);
    await expectNoHarm(stage, 1);
  });

  test('wakes by itself -> adopted as awake, its client answered, nothing asked for', async () => {
    await using stage = await Stage.open(ON_REQUEST);
    await using scene = await openScene(stage);
    await sleepScene(scene);
    stage.platform.host.wakeByOther('a timer of its own');
    await scene.torpor.waitForState(PLATFORM, 'awake');
    scene.client.write('two\n');
    await expectAnswered(scene, 2, 'two');
    expect(stage.platform.bmc.chassisActions).toEqual(['soft']);
    await expectNoHarm(stage, 1);
  });

  // 90 s against the default time-out of 60 s, at a tenth of the scale.
  test('takes longer to resume than the time-out allows -> an alarm, the client waits on, and is answered once', async () => {
    await using stage = await Stage.open({ ...ON_REQUEST, wakeTimeout: '6s' }, { resumeMs: 9_000 });
    await using scene = await openScene(stage);
    await sleepScene(scene);
    scene.client.write('two\n');
    await expectAnswered(scene, 2, 'two');
    expect(scene.torpor.output).toMatch(/wake failed/);
    await expectNoHarm(stage, 1);
  });

  test('runs, answers pings, but no VM answers -> failed with an alarm, the client waits, and is answered once the VM is there', async () => {
    await using stage = await Stage.open({ ...ON_REQUEST, wakeTimeout: '2s' });
    await using scene = await openScene(stage);
    const vm = stage.platform.vm('alice');
    await sleepScene(scene);
    atPhase(stage, 'running', () => vm.freeze());
    scene.client.write('two\n');
    await untilHostIs(stage, 'running');
    await scene.torpor.waitForState(PLATFORM, 'failed');
    expect([scene.client.state, scene.client.unread]).toEqual(['open', []]);
    vm.thaw();
    await expectAnswered(scene, 2, 'two');
    await expectNoHarm(stage, 1);
  });
});
