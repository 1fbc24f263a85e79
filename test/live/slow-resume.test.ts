// A platform that takes 90 s to resume where its wake has 60 s, in real time: a VM in a simulated host, a BMC that speaks RMCP+.
import { describe, expect, test } from 'vitest';
import { expectAnswered, expectNoHarm, ON_REQUEST, openScene, sleepScene } from '../e2e/support/scene.ts';
import { Stage } from '../e2e/support/stage.ts';

const RESUME_MS = 90_000;

describe('a platform that resumes slowly', () => {
  test('90 s against a time-out of 60 s -> an alarm, the client waits on and is answered once, and so is one who came meanwhile', async () => {
    await using stage = await Stage.open({ ...ON_REQUEST, wakeTimeout: '60s' }, { resumeMs: RESUME_MS });
    await using scene = await openScene(stage);
    await sleepScene(scene);
    const wroteAtMs = Date.now();
    scene.client.write('two\n');
    using newcomer = await stage.connect();
    newcomer.write('hello\n');
    expect(await newcomer.readLine(RESUME_MS + 60_000)).toMatch(/ n=1 .*hello$/);
    expect(Date.now() - wroteAtMs).toBeGreaterThanOrEqual(RESUME_MS);
    await expectAnswered(scene, 2, 'two');
    expect(scene.torpor.output).toMatch(/wake failed/);
    await expectNoHarm(stage, 1);
  });
});
