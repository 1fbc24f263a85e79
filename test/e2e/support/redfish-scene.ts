// A scene whose BMC speaks Redfish over TLS: the simulated service presses on the stage's host, Torpor knows nothing of the IPMI beside it.
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { SimulatedPlatformOptions } from '../../../src/power/simulated/simulated-platform.ts';
import { type RedfishTls, SimulatedRedfish } from '../../../src/power/simulated/simulated-redfish.ts';
import { systemClock } from '../../../src/system-clock.ts';
import type { SetUp } from '../../support/torpor-config.ts';
import { ON_REQUEST, openScene, type Scene } from './scene.ts';
import { PASSWORD, Stage, USER } from './stage.ts';

const pem = (name: string) =>
  readFileSync(new URL(`../../power/redfish/fixtures/${name}.pem`, import.meta.url), 'utf8');
const tlsOf = (name: string): RedfishTls => ({ key: pem(`${name}.key`), cert: pem(`${name}.cert`) });
/** Whose fingerprint Torpor was given, and one that nobody knows. */
export const KNOWN_TLS = tlsOf('bmc');
export const UNKNOWN_TLS = tlsOf('other');

export interface RedfishScene extends Scene {
  readonly service: SimulatedRedfish;
}

/**
 * As `openScene`. S5 by default, whose witness is PowerState; the host keeps its memory all the same, so that each line can be counted
 * across the sleep.
 */
export async function openRedfishScene(
  setUp: Partial<SetUp> = {},
  simulated: Partial<SimulatedPlatformOptions> = {},
): Promise<RedfishScene> {
  const stage = await Stage.open({}, simulated);
  const users = [{ name: USER, password: PASSWORD, role: 'Operator' as const }];
  const service = new SimulatedRedfish({ machine: stage.platform.host, clock: systemClock, users, tls: KNOWN_TLS });
  await service.start();
  writeFileSync(stage.folder.file('redfish-password'), `${PASSWORD}\n`, { mode: 0o600 });
  const fingerprint = `SHA256:${createHash('sha256').update(new X509Certificate(KNOWN_TLS.cert).raw).digest('hex')}`;
  const bmc = {
    ...{ driver: 'redfish', host: '127.0.0.1', port: service.port, user: USER, tls: { fingerprint } },
    passwordFile: stage.folder.file('redfish-password'),
  };
  stage.configure({ ...ON_REQUEST, sleep: 'S5', ...setUp, power: { bmc, ...setUp.power } });
  const scene = await openScene(stage);
  return {
    ...scene,
    service,
    [Symbol.asyncDispose]: async () => {
      scene.client.destroy();
      await stage[Symbol.asyncDispose]();
      await service.stop();
    },
  };
}

/** As `expectNoHarm`: the service carried out so many presses and beside them only On; the IPMI beside it was asked for nothing. */
export async function expectNoRedfishHarm({ service, stage }: RedfishScene, presses: number): Promise<void> {
  const buttons = ['GracefulShutdown', 'PushPowerButton'];
  expect(service.resets.filter((type) => !buttons.includes(type) && type !== 'On')).toEqual([]);
  expect(service.resets.filter((type) => buttons.includes(type))).toHaveLength(presses);
  expect(stage.platform.bmc.chassisActions).toEqual([]);
  expect(stage.platform.host.buttonPresses).toBe(presses);
  expect(await stage.presses.overActive()).toEqual([]);
}
