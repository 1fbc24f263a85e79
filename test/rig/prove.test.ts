// `torpor check --prove` on a platform that really enters ACPI S3: what it learns of either kind of power bit, by one press.
import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import type { PlatformProof } from '../../src/platform/proof.ts';
import { freePort } from '../support/ports.ts';
import { describeWhere } from '../support/requirements.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { writeTorporConfig } from '../support/torpor-config.ts';
import { runTorpor } from '../support/torpor-process.ts';
import { Rig, rigMissing } from './rig.ts';

const ends: Array<() => Promise<void> | void> = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function startRig(powerBit: '0' | '1'): Promise<{ rig: Rig; folder: TempFolder; configPath: string }> {
  const rig = await Rig.start({ RIG_S3_POWER_BIT: powerBit });
  ends.push(() => rig.stop());
  const folder = new TempFolder('rig-prove');
  ends.push(() => folder.remove());
  const configPath = writeTorporConfig(folder, {
    platform: 'rig',
    apiPort: await freePort(),
    bmc: rig.facts.bmc,
    vms: [
      {
        name: 'vm1',
        listenPort: await freePort(),
        target: `127.0.0.1:${rig.facts.vmPorts[0]}`,
        probe: { kind: 'exchange', send: 'probe\n', expect: 'vm1 n=' },
      },
    ],
  });
  return { rig, folder, configPath };
}

describeWhere(rigMissing(), 'check --prove: a QEMU platform in S3 behind ipmi_sim', () => {
  it.each<['0' | '1', boolean]>([
    ['0', true],
    ['1', false],
  ])('power bit %s in S3 -> whether it differs (%s) is learned; the sensor and the watts do', async (bit, differs) => {
    const { rig, folder, configPath } = await startRig(bit);
    const { code, output } = await runTorpor(['check', '--config', configPath, '--prove', '--yes', '--settle', '6s']);
    console.log(output);
    expect(code, output).toBe(0);
    expect(await rig.state()).toBe('running');
    const commands = rig.chassisCommands().map(({ name, value }) => `${name} ${value}`);
    expect(commands.filter((command) => command.startsWith('shutdown'))).toHaveLength(1);
    expect(commands.filter((command) => command.startsWith('reset') || command === 'power 0')).toEqual([]);
    expect(rig.states().map(({ state }) => state)).toContain('suspended');
    const proof = JSON.parse(readFileSync(folder.file('state/proofs/rig.json'), 'utf8')) as PlatformProof;
    expect(proof).toMatchObject({ wokeBy: 'chassis-on', learned: { witness: 'sensor' } });
    const found = Object.fromEntries(proof.witnesses.map((witness) => [witness.kind, witness.differs]));
    expect(found).toEqual({ acpi: true, 'power-bit': differs, watts: true });
  });
});
