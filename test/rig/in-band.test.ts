// Past the BMC's button: the host is asked in-band to suspend and woken by a command, as a magic packet would; the BMC only
// tells its state. No press, and what never answers back must be proven by one real sleep first.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LineClient } from '../support/line-client.ts';
import { freePort } from '../support/ports.ts';
import { describeWhere } from '../support/requirements.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { writeTorporConfig } from '../support/torpor-config.ts';
import { runTorpor, TorporProcess } from '../support/torpor-process.ts';
import { Rig, rigMissing } from './rig.ts';
import {
  ASLEEP_BOUND_MS,
  askService,
  destructive,
  field,
  presses,
  rigSetUp,
  stayAwakeOnceWoken,
} from './rig-service.ts';

const CYCLES = 2;

describeWhere(rigMissing(), 'a QEMU platform that is put to sleep in-band', () => {
  let rig: Rig;
  let folder: TempFolder;
  let apiPort: number;
  let listenPort: number;
  let configPath: string;

  beforeAll(async () => {
    rig = await Rig.start({ RIG_FAST: '1' });
    console.log(`rig: up in ${rig.facts.bootMs} ms (${rig.facts.accelerator})`);
    folder = new TempFolder('rig-in-band');
    apiPort = await freePort();
    listenPort = await freePort();
    const host = { driver: 'command', ...rig.inBandCommands() };
    const power = { host, sleepBy: 'host', wakeBy: ['host'], stateBy: 'bmc' };
    configPath = writeTorporConfig(folder, { apiPort, ...rigSetUp(rig, 'rig', listenPort), power });
  });

  afterAll(async () => {
    await rig?.stop();
    folder?.remove();
  });

  test(`rig: in-band suspend, wake by a command, ${CYCLES} cycles -> proven first, every line once, never a press`, async () => {
    const proof = await runTorpor(['check', '--config', configPath, '--prove', '--yes', '--settle', '5s']);
    console.log(proof.output);
    expect(proof.code, proof.output).toBe(0);
    const hostBefore = await rig.askHost('state');
    expect(field(hostBefore, 'suspends')).toBe('1');

    await using torpor = await TorporProcess.run(configPath, apiPort);
    using client = await LineClient.connect(listenPort);
    let last = await askService(client, 'hello');
    for (let cycle = 1; cycle <= CYCLES; cycle += 1) {
      const asleep = await torpor.waitForState('rig', 'asleep', ASLEEP_BOUND_MS);
      expect(asleep.evidence).toContain('S3 by sensor');
      expect(await rig.state()).toBe('suspended');
      if (cycle === CYCLES) await stayAwakeOnceWoken(torpor, 'rig');
      const wroteAtMs = performance.now();
      const answer = await askService(client, `cycle ${cycle}`);
      console.log(`from the client's line to its answer: ${Math.round(performance.now() - wroteAtMs)} ms`);
      expect(answer).toEqual({ count: last.count + 1, boot: last.boot, line: `cycle ${cycle}` });
      last = answer;
    }

    const awake = await torpor.waitForState('rig', 'awake');
    expect(awake).toMatchObject({ suspends: CYCLES, wakes: CYCLES, failures: 0 });
    const commands = rig.chassisCommands();
    expect(presses(commands)).toEqual([]);
    expect(destructive(commands)).toEqual([]);
    const wakes = commands.filter(({ name, stateBefore }) => name === 'power' && stateBefore === 'suspended');
    expect(wakes.length).toBeGreaterThanOrEqual(1 + CYCLES);
    const hostAfter = await rig.askHost('state');
    expect(field(hostAfter, 'suspends')).toBe(String(1 + CYCLES));
    expect(field(hostAfter, 'boot')).toBe(field(hostBefore, 'boot'));
    expect(client.unread).toEqual([]);
  });
});
