// A host that ignores its power button: Torpor presses once, lets its user back in, and says why it presses no more for a while.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LineClient } from '../support/line-client.ts';
import { freePort } from '../support/ports.ts';
import { describeWhere } from '../support/requirements.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { writeTorporConfig } from '../support/torpor-config.ts';
import { runTorpor, TorporProcess } from '../support/torpor-process.ts';
import { Rig, rigMissing } from './rig.ts';
import { ASLEEP_BOUND_MS, askService, destructive, presses, readAnswer, rigSetUp } from './rig-service.ts';

/** Far longer than the rule that lets a client back in, so that only the rule can have done it. */
const SUSPEND_TIMEOUT = '120s';
const BACK_WITHIN_MS = 60_000;
/** More than twice what it took to the first press: a second one would have come. */
const LEFT_IDLE_MS = 8_000;

describeWhere(rigMissing(), 'a QEMU platform that ignores its button', () => {
  let rig: Rig;
  let folder: TempFolder;
  let torpor: TorporProcess;
  let listenPort: number;

  beforeAll(async () => {
    rig = await Rig.start({ RIG_BUTTON: 'ignore' });
    console.log(`rig: booted in ${rig.facts.bootMs} ms (${rig.facts.accelerator})`);
    folder = new TempFolder('rig-ignore');
    const apiPort = await freePort();
    listenPort = await freePort();
    const setUp = { ...rigSetUp(rig, 'rig', listenPort), suspendTimeout: SUSPEND_TIMEOUT };
    torpor = await TorporProcess.run(writeTorporConfig(folder, { apiPort, ...setUp }), apiPort);
  });

  afterAll(async () => {
    await torpor?.stop();
    await rig?.stop();
    folder?.remove();
  });

  test('rig: button ignored, a client writes mid-suspend -> awake within seconds, bytes once, one press, back-off told', async () => {
    using client = await LineClient.connect(listenPort);
    const first = await askService(client, 'before the press');
    expect(first).toMatchObject({ count: 1, line: 'before the press' });

    await torpor.waitForState('rig', 'suspending', ASLEEP_BOUND_MS);
    // Whoever comes before the packet leaves keeps it from being sent.
    await eventually('the press', () => presses(rig.chassisCommands()).length > 0);
    const wroteAtMs = performance.now();
    client.write('mid-suspend one\n');
    client.write('mid-suspend two\n');
    const answers = [await readAnswer(client), await readAnswer(client)];
    console.log(`from the client's lines to their answers: ${Math.round(performance.now() - wroteAtMs)} ms`);
    expect(answers).toEqual([
      { count: 2, boot: first.boot, line: 'mid-suspend one' },
      { count: 3, boot: first.boot, line: 'mid-suspend two' },
    ]);
    const { why } = await torpor.waitForState('rig', 'awake', BACK_WITHIN_MS);
    expect(why).toContain('the button was ignored');

    // Idle again, and still not pressed.
    await sleep(LEFT_IDLE_MS);
    expect(await torpor.platform('rig')).toMatchObject({ state: 'awake', pool: 0, suspends: 0, failures: 1 });
    const explained = await runTorpor(['explain', 'rig', '--api', `http://127.0.0.1:${torpor.apiPort}`]);
    console.log(explained.output);
    expect(explained.output).toMatch(/back-off +the last suspend failed: the power button was ignored/);

    expect(presses(rig.chassisCommands())).toMatchObject([{ stateBefore: 'running' }]);
    expect(destructive(rig.chassisCommands())).toEqual([]);
    expect(rig.states().map(({ state }) => state)).toEqual(['off', 'running']);
    expect(client.unread).toEqual([]);
    expect(client.state).toBe('open');
  });
});
