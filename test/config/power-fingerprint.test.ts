// What makes a proof stale: a change of the path itself, and nothing else.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import type { PowerConfig } from '../../src/config/power-config.ts';
import { powerFingerprint } from '../../src/config/power-fingerprint.ts';

const BMC = 'bmc: { driver: ipmi, host: 10.0.9.11, user: torpor, passwordFile: a }';
const WOL = 'wol: { mac: "00:11:22:33:44:55", interface: eth0, password: 1.2.3.4 }';

function powerOf(...power: string[]): PowerConfig {
  const lines = power.map((line) => `      ${line}`).join('\n');
  const { config } = parseConfig(`platforms:\n  - name: lab\n    power:\n${lines}\n`, 'torpor.yaml', '/');
  return config.platforms[0]?.power as PowerConfig;
}

const printOf = (...power: string[]) => powerFingerprint(powerOf(...power));

describe('power fingerprint', () => {
  const base = printOf(BMC, WOL);

  it.each<[string, string[]]>([
    ['another password file', [BMC.replace('passwordFile: a', 'passwordEnv: B'), WOL]],
    ['another SecureOn password', [BMC, WOL.replace('1.2.3.4', '4.3.2.1')]],
    ['other time-outs', [BMC, WOL, 'wakeTimeout: 90s', 'suspendTimeout: 2m']],
    ['watts', [BMC, WOL, 'watts: { idle: 180 }']],
    ['defaults written out', [BMC, WOL, 'sleepBy: bmc', 'wakeBy: [bmc, wol]', 'stateBy: bmc', 'sleep: S3']],
    ['keys in another order', [WOL, BMC.replace('driver: ipmi, host: 10.0.9.11', 'host: 10.0.9.11, driver: ipmi')]],
  ])('%s -> the same', (_title, lines) => {
    expect(printOf(...lines)).toBe(base);
  });

  it.each<[string, string[]]>([
    ['another BMC', [BMC.replace('9.11', '9.12'), WOL]],
    ['another user', [BMC.replace('torpor', 'other'), WOL]],
    ['another card', [BMC, WOL.replace(':55', ':56')]],
    ['another sleep', [BMC, WOL, 'sleep: S5']],
    ['another order', [BMC, WOL, 'wakeBy: [wol, bmc]']],
    ['a way less', [BMC]],
    ['a host that is asked', [BMC, WOL, 'host: { driver: ssh, host: 10.0.1.5 }', 'sleepBy: host']],
  ])('%s -> another', (_title, lines) => {
    expect(printOf(...lines)).not.toBe(base);
  });

  it('its form -> sha256 and 64 digits, no secret in reach', () => {
    expect(base).toMatch(/^sha256:[0-9a-f]{64}$/);
  });
});
