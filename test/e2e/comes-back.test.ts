// A user who comes back at each point of a suspend, hooks under way and holds that fill: no byte lost, none doubled, no press too many.
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
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
} from './support/scene.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage } from './support/stage.ts';

const KIB = 1024;

describe('a user who comes back', { timeout: 2 * E2E_TIMEOUT_MS }, () => {
  test('in the abort window, again and again -> answered at once, never pressed', async () => {
    await using stage = await Stage.open({ drowsyFor: '20s' });
    await using scene = await openScene(stage);
    for (const [index, line] of ['two', 'three', 'four'].entries()) {
      await scene.torpor.waitForState(PLATFORM, 'drowsy');
      scene.client.write(`${line}\n`);
      await expectAnswered(scene, index + 2, line);
    }
    await expectNoHarm(stage, 0);
  });

  test('while a hook that takes a minute runs -> answered at once, the hook is ended, afterWake runs, never pressed', async () => {
    await using stage = await Stage.open();
    const begun = stage.folder.file('begun');
    const undone = stage.folder.file('undone');
    const beforeSuspend = `echo $$ > ${begun}; sleep 60`;
    stage.configure({ ...ON_REQUEST, hooks: { beforeSuspend, afterWake: `touch ${undone}`, timeout: '5m' } });
    await using scene = await openScene(stage);
    await askForSleep(scene, 'saving');
    await eventually('the hook to run', () => existsSync(begun) && readFileSync(begun, 'utf8').endsWith('\n'));
    scene.client.write('two\n');
    await expectAnswered(scene, 2, 'two');
    await scene.torpor.waitForState(PLATFORM, 'awake');
    expect(existsSync(undone)).toBe(true);
    const hook = Number(readFileSync(begun, 'utf8'));
    await eventually('the hook to be ended', () => !existsSync(`/proc/${hook}`));
    await expectNoHarm(stage, 0);
  });

  test('between the command and the sleep -> woken as soon as it sleeps, answered once, one press', async () => {
    await using stage = await Stage.open(ON_REQUEST, { suspendMs: 1500 });
    await using scene = await openScene(stage);
    await askForSleep(scene);
    await untilHostIs(stage, 'suspending');
    scene.client.write('two\n');
    await untilHostIs(stage, 'asleep');
    await expectAnswered(scene, 2, 'two');
    await expectNoHarm(stage, 1);
  });

  test.each(['suspending', 'asleep', 'resuming', 'running'] as const)(
    'at the very moment when the host is %s -> answered once, in order, one press',
    async (phase) => {
      await using stage = await Stage.open(ON_REQUEST);
      await using scene = await openScene(stage);
      atPhase(stage, phase, () => scene.client.write('two\nthree\n'));
      if (phase === 'suspending' || phase === 'asleep') await askForSleep(scene);
      else {
        await sleepScene(scene);
        await scene.torpor.ask(PLATFORM, 'wake');
      }
      expect(await scene.client.readLine(PATIENCE_MS)).toMatch(/ n=2 .*two$/);
      await expectAnswered(scene, 3, 'three');
      await expectNoHarm(stage, 1);
    },
  );

  test('two who send more than all holds keep -> held within the bounds, every byte arrives in order', async () => {
    const hold = { perStream: '64KiB', perPlatform: '128KiB' };
    await using stage = await Stage.open({ ...ON_REQUEST, hold }, { resumeMs: 2500 });
    await using scene = await openScene(stage);
    await sleepScene(scene);
    const texts = [randomBytes(KIB * KIB), randomBytes(KIB * KIB)];
    const clients = await Promise.all(texts.map(() => stage.connect()));
    for (const [index, client] of clients.entries()) {
      client.write(texts[index]?.toString('latin1') ?? '');
      client.end();
    }
    let most = 0;
    const sums = texts.map((text) => createHash('sha256').update(text.toString('latin1')).digest('hex'));
    await eventually(
      'every byte at the VM',
      async () => {
        most = Math.max(most, (await scene.torpor.platform(PLATFORM)).heldStoredBytes);
        const arrived = stage.platform.vm('alice').connections.map((at) => at.receivedSha256());
        return sums.every((sum) => arrived.includes(sum));
      },
      { withinMs: PATIENCE_MS },
    );
    // The chunk that reaches a bound is kept whole: one of 64 KiB for each client.
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual((128 + 2 * 64) * KIB);
    for (const client of clients) client.destroy();
    await expectNoHarm(stage, 1);
  });
});
