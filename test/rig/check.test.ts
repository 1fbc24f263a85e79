// `torpor check` in front of the rig, as it is and as five people may have set it up: a table that says what to change, and the
// BMC's password nowhere.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../support/ports.ts';
import { describeWhere } from '../support/requirements.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { type PlatformSetUp, writeTorporConfig } from '../support/torpor-config.ts';
import { runTorpor } from '../support/torpor-process.ts';
import { Rig, rigMissing } from './rig.ts';
import { presses, rigSetUp } from './rig-service.ts';

const WRONG_PASSWORD = 'not-the-one-of-it';

describeWhere(rigMissing(), 'torpor check in front of a QEMU platform', () => {
  let rig: Rig;
  const outputs: string[] = [];

  beforeAll(async () => {
    rig = await Rig.start({ RIG_FAST: '1' });
  });

  afterAll(async () => {
    await rig?.stop();
  });

  async function check(change: (setUp: PlatformSetUp) => Partial<PlatformSetUp>): Promise<[number | null, string]> {
    using folder = new TempFolder('rig-check');
    const [apiPort, listenPort] = [await freePort(), await freePort()];
    const setUp = rigSetUp(rig, 'rig', listenPort);
    const path = writeTorporConfig(folder, { apiPort, ...setUp, ...change(setUp) });
    const { code, output } = await runTorpor(['check', '--config', path]);
    const json = await runTorpor(['check', '--config', path, '--json']);
    console.log(output);
    outputs.push(output, json.output);
    return [code, output];
  }

  test('rig: as it is -> exit code 0, what this BMC can do, nothing pressed', async () => {
    const [code, output] = await check(() => ({}));
    expect(output).toMatch(/ok +login +user admin is let in/);
    expect(output).toMatch(/ok +state +S0, S3 is told by sensor/);
    expect(output).toMatch(/ok +watts +no DCMI; read from sensor/);
    expect(output).toMatch(/warning +suites offered .*\n +-> the BMC also offers suite 0, .*: disable it on the BMC/);
    expect(output).toMatch(/ok +probe of .* exchange is answered/);
    expect(code).toBe(0);
  });

  const away = (setUp: PlatformSetUp, change: object) =>
    ({ vms: [{ ...setUp.vms[0], ...change }] }) as Partial<PlatformSetUp>;

  test.each<[string, (setUp: PlatformSetUp) => Partial<PlatformSetUp>, RegExp]>([
    [
      'another password',
      ({ bmc }) => ({ bmc: { ...bmc, password: WRONG_PASSWORD } }),
      /FAILED +login .*\n +-> look at power\.bmc\.user, the password/,
    ],
    [
      'another port',
      ({ bmc }) => ({ bmc: { ...bmc, port: 9 } }),
      /FAILED +BMC .*\n +-> look at power\.bmc\.host and port/,
    ],
    [
      'a cipher suite that it has not',
      ({ bmc }) => ({ bmc: { ...bmc, cipherSuite: 17 } }),
      /FAILED +cipher suite .*\n +-> enable cipher suite 17 or 3 on the BMC, or set/,
    ],
    [
      'a target where nobody listens',
      (setUp) => away(setUp, { target: '127.0.0.1:9' }),
      /FAILED +probe of 127\.0\.0\.1:9 .*\n +-> start the VM's service, or correct/,
    ],
    [
      'an answer that its VM never gives',
      (setUp) => away(setUp, { probe: { kind: 'exchange', send: 'probe\n', expect: 'login:' } }),
      /FAILED +probe of .*\n +-> start the VM's service, or correct/,
    ],
  ])('rig: %s -> exit code 1, and what to change', async (_, change, told) => {
    const [code, output] = await check(change);
    expect(output).toMatch(told);
    expect(code).toBe(1);
  });

  test('rig: all of it together -> the password in no output, no press', () => {
    const { bmc } = rig.facts;
    expect(bmc.password.length).toBeGreaterThan(5);
    expect(outputs).toHaveLength(12);
    for (const output of outputs) {
      expect(output).not.toContain(bmc.password);
      expect(output).not.toContain(WRONG_PASSWORD);
    }
    expect(presses(rig.chassisCommands())).toEqual([]);
  });
});
