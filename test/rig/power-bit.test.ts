// BMCs disagree about the power bit in S3. On both kinds one real sleep is proven, what it teaches is kept, and Torpor then
// believes in the sleep, and wakes.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { PlatformProof } from '../../src/platform/proof.ts';
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

/** Left asleep for so long by the proof. */
const SETTLE = '6s';

const KINDS = [
  { bit: '0', says: 'off', differs: true },
  { bit: '1', says: 'on', differs: false },
] as const;

describeWhere(rigMissing(), 'a QEMU platform whose BMC says either power bit in S3', () => {
  for (const { bit, says, differs } of KINDS) {
    test(`rig: power bit ${says} in S3 -> the proof learns it, then Torpor believes the sleep and wakes from it`, async () => {
      using folder = new TempFolder('rig-bit');
      const rig = await Rig.start({ RIG_S3_POWER_BIT: bit, RIG_FAST: '1' });
      console.log(`rig: up in ${rig.facts.bootMs} ms (${rig.facts.accelerator})`);
      try {
        const [apiPort, listenPort] = [await freePort(), await freePort()];
        const configPath = writeTorporConfig(folder, { apiPort, ...rigSetUp(rig, 'rig', listenPort) });

        const proof = await prove(configPath, folder);
        expect(proof.wokeBy).not.toBeNull();
        expect(proof.learned).toMatchObject({ witness: 'sensor' });
        expect(proof.witnesses).toContainEqual({ kind: 'acpi', awake: 'S0', asleep: 'S3', differs: true });
        expect(proof.witnesses).toContainEqual({ kind: 'power-bit', awake: 'on', asleep: says, differs });
        expect(proof.witnesses).toContainEqual(expect.objectContaining({ kind: 'watts', differs: true }));
        expect(await rig.state()).toBe('running');
        expect(field(await rig.askHost('state'), 'suspends')).toBe('1');

        await sleepAndWake(rig, { configPath, apiPort, listenPort });
        expect(presses(rig.chassisCommands())).toMatchObject([{ stateBefore: 'running' }, { stateBefore: 'running' }]);
        expect(destructive(rig.chassisCommands())).toEqual([]);
        expect(field(await rig.askHost('state'), 'suspends')).toBe('2');
      } finally {
        await rig.stop();
      }
    });
  }
});

async function prove(configPath: string, folder: TempFolder): Promise<PlatformProof> {
  const { code, output } = await runTorpor(['check', '--config', configPath, '--prove', '--yes', '--settle', SETTLE]);
  console.log(output);
  expect(code, output).toBe(0);
  return JSON.parse(readFileSync(folder.file('state/proofs/rig.json'), 'utf8'));
}

interface Ports {
  readonly configPath: string;
  readonly apiPort: number;
  readonly listenPort: number;
}

async function sleepAndWake(rig: Rig, { configPath, apiPort, listenPort }: Ports): Promise<void> {
  await using torpor = await TorporProcess.run(configPath, apiPort);
  using client = await LineClient.connect(listenPort);
  const before = await askService(client, 'before');
  const asleep = await torpor.waitForState('rig', 'asleep', ASLEEP_BOUND_MS);
  expect(await rig.state()).toBe('suspended');
  expect(asleep.evidence).toContain('S3 by sensor');
  await stayAwakeOnceWoken(torpor, 'rig');
  const wroteAtMs = performance.now();
  expect(await askService(client, 'after')).toEqual({ count: before.count + 1, boot: before.boot, line: 'after' });
  console.log(`from the client's line to its answer: ${Math.round(performance.now() - wroteAtMs)} ms`);
  expect(await rig.state()).toBe('running');
  const awake = await torpor.waitForState('rig', 'awake');
  expect(awake).toMatchObject({ suspends: 1, wakes: 1, failures: 0 });
}
