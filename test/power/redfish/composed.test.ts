// From the YAML to the wire: what compose-power.ts builds of a Redfish BMC, asleep and awake over TLS, in company with Wake-on-LAN.
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { buildDriver } from '../../../src/compose-power.ts';
import { parseConfig } from '../../../src/config/load-config.ts';
import type { PlatformConfig } from '../../../src/config/torpor-config.ts';
import { IDRAC_PROFILE } from '../../../src/power/simulated/redfish-profiles.ts';
import { SimulatedPlatform } from '../../../src/power/simulated/simulated-platform.ts';
import { SimulatedRedfish, type SimulatedRedfishOptions } from '../../../src/power/simulated/simulated-redfish.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { eventually } from '../../support/eventually.ts';
import { KeptLog } from '../../support/kept-log.ts';
import { TempFolder } from '../../support/temp-folder.ts';

const PASSWORD = 'correct horse bat';
const PATIENT = new AbortController().signal;
const pem = (name: string) => readFileSync(new URL(`fixtures/${name}.pem`, import.meta.url), 'utf8');
const TLS = { key: pem('bmc.key'), cert: pem('bmc.cert') };

const ends: Array<() => Promise<unknown> | unknown> = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A simulated platform with a VM, and a Redfish service beside its IPMI BMC. */
async function platformWith(changes: Partial<SimulatedRedfishOptions> = {}) {
  const clock = systemClock;
  const platform = new SimulatedPlatform({
    clock,
    user: 'torpor',
    password: PASSWORD,
    vms: [{ name: 'one' }],
    suspendMs: 50,
    resumeMs: 50,
  });
  await platform.start();
  ends.push(() => platform.stop());
  const users = [{ name: 'torpor', password: PASSWORD, role: 'Operator' as const }];
  const service = new SimulatedRedfish({ machine: platform.host, clock, users, tls: TLS, ...changes });
  await service.start();
  ends.push(() => service.stop());
  return { platform, service };
}

function configOf(port: number, tls: string, more = ''): { config: PlatformConfig; folder: TempFolder } {
  const folder = new TempFolder('composed');
  ends.push(() => folder.remove());
  writeFileSync(folder.file('password'), `${PASSWORD}\n`, { mode: 0o600 });
  writeFileSync(folder.file('bmc.pem'), TLS.cert);
  const bmc = `{ driver: redfish, host: 127.0.0.1, port: ${port}, user: torpor, passwordFile: password, tls: ${tls} }`;
  const text = `platforms:\n  - name: lab\n    power:\n      bmc: ${bmc}${more}\n    vms: [{ name: one, listeners: [{ listen: "127.0.0.1:0", target: "127.0.0.1:22" }] }]\n`;
  const config = parseConfig(text, 'torpor.yaml', folder.path).config.platforms[0] as PlatformConfig;
  return { config, folder };
}

describe('a composed Redfish platform', () => {
  const fingerprint = `SHA256:${createHash('sha256').update(new X509Certificate(TLS.cert).raw).digest('hex')}`;

  it.each([
    ['a fingerprint', `{ fingerprint: "${fingerprint}" }`],
    ['a file of authorities', '{ ca: bmc.pem }'],
  ])('trust by %s -> proven, asleep, awake, logged out; no secret in the log', async (_, tls) => {
    const { platform, service } = await platformWith();
    const { config } = configOf(service.port, tls);
    const log = new KeptLog();
    const driver = await buildDriver(config, { log });
    ends.push(() => driver.close());
    expect(await driver.proveWake(PATIENT)).toMatchObject({ proven: true });
    const slept = await driver.requestSleep(PATIENT);
    expect(slept.outcome).toBe('accepted');
    await eventually('S3', () => platform.host.powerState() === 'S3');
    expect(await driver.readPower(PATIENT)).toMatchObject({ powerBit: false, watts: 8 });
    const woke = await driver.requestWake(driver.wakeMethods[0] as string, PATIENT);
    expect(woke.outcome).toBe('accepted');
    await eventually('S0', () => platform.host.phase === 'running');
    expect(platform.host.buttonPresses).toBe(1);
    expect(service.resets).toEqual(['PushPowerButton', 'On']);
    await driver.close();
    expect(service.sessionCount).toBe(0);
    expect(JSON.stringify([slept, woke, log.lines])).not.toContain(PASSWORD);
  });

  it('a BMC that allows no On -> after the proof the button is its way to wake, before Wake-on-LAN', async () => {
    const profile = { ...IDRAC_PROFILE, resetTypes: ['PushPowerButton'] };
    const { service } = await platformWith({ profile });
    const wol = '\n      wol: { mac: "02:00:00:00:00:01", address: 127.0.0.1 }';
    const { config } = configOf(service.port, '{ ca: bmc.pem }', wol);
    const driver = await buildDriver(config, { log: new KeptLog() });
    ends.push(() => driver.close());
    expect(driver.wakeMethods[0]).toBe('power-on');
    await driver.proveWake(PATIENT);
    expect(driver.capabilities().wakeMethods[0]).toBe('push-power-button');
    expect(driver.wakeMethods).toHaveLength(2);
  });
});
