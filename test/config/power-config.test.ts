// The combinations under `power`: who sleeps, wakes and reads by default, and every set-up in which nobody could.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import type { PowerConfig } from '../../src/config/power-config.ts';
import { TorporError } from '../../src/platform/errors.ts';

const BMC = 'bmc: { driver: ipmi, host: 10.0.9.11, user: torpor, passwordEnv: P }';
const SSH = 'host: { driver: ssh, host: 10.0.1.5, keyFile: keys/id, knownHostsFile: hosts }';
const WOL = 'wol: { mac: "00-11-22-33-44-AA", interface: eth0 }';
const COMMAND = 'host: { driver: command, sleep: a, wake: b, state: c }';

function textOf(...power: string[]): string {
  const lines = power.map((line) => `      ${line}`).join('\n');
  return `platforms:
  - name: lab
    power:
${lines}
    vms: [{ name: one, listeners: [{ listen: "127.0.0.1:0", target: "10.0.1.6:22" }] }]
`;
}

function powerOf(...power: string[]): PowerConfig {
  const { config, warnings } = parseConfig(textOf(...power), 'torpor.yaml', '/etc/torpor');
  expect(warnings).toEqual([]);
  return config.platforms[0]?.power as PowerConfig;
}

function problemsOf(...power: string[]): string {
  try {
    parseConfig(textOf(...power), 'torpor.yaml', '/etc/torpor');
  } catch (error) {
    expect(error).toBeInstanceOf(TorporError);
    return (error as TorporError).message;
  }
  throw new Error('it was taken');
}

describe('power', () => {
  it.each<[string, string[], Pick<PowerConfig, 'sleepBy' | 'wakeBy' | 'stateBy'>]>([
    ['a BMC', [BMC], { sleepBy: 'bmc', wakeBy: ['bmc'], stateBy: 'bmc' }],
    ['a BMC and Wake-on-LAN', [BMC, WOL], { sleepBy: 'bmc', wakeBy: ['bmc', 'wol'], stateBy: 'bmc' }],
    ['SSH and Wake-on-LAN', [SSH, WOL], { sleepBy: 'host', wakeBy: ['wol'], stateBy: 'probes' }],
    ['commands', [COMMAND], { sleepBy: 'host', wakeBy: ['host'], stateBy: 'host' }],
    ['all', [BMC, COMMAND, WOL], { sleepBy: 'bmc', wakeBy: ['bmc', 'wol', 'host'], stateBy: 'bmc' }],
    [
      'all, told otherwise',
      [BMC, COMMAND, WOL, 'sleepBy: host', 'wakeBy: [wol, bmc]', 'stateBy: probes'],
      { sleepBy: 'host', wakeBy: ['wol', 'bmc'], stateBy: 'probes' },
    ],
  ])('%s -> who does what', (_title, lines, wanted) => {
    expect(powerOf(...lines)).toMatchObject(wanted);
  });

  it('ssh, wol, command -> typed, every default, paths from the file’s folder', () => {
    expect(powerOf(SSH, WOL)).toMatchObject({
      bmc: null,
      host: {
        driver: 'ssh',
        host: '10.0.1.5',
        port: 22,
        user: 'root',
        keyFile: '/etc/torpor/keys/id',
        knownHostsFile: '/etc/torpor/hosts',
        sleep: 'systemctl suspend',
      },
      wol: { mac: '00:11:22:33:44:aa', interface: 'eth0', address: null, port: 9, password: null, repeats: 3 },
    });
    expect(powerOf(COMMAND).host).toEqual({ driver: 'command', sleep: 'a', wake: 'b', state: 'c', timeoutMs: 30_000 });
  });

  it.each<[string[], string]>([
    [['sleep: S3'], ':4: platforms[0].power: nothing here could put it to sleep: write bmc, or host'],
    [[WOL], 'power: nothing here could put it to sleep'],
    [[SSH], 'power: nothing here could wake it: write wol, bmc, or the wake command of a host'],
    [['host: { driver: command, wake: b }'], 'power.host: this host driver cannot put it to sleep as it is: write its'],
    [[BMC, 'sleepBy: host'], 'power.sleepBy: there is no host'],
    [[COMMAND, 'sleepBy: bmc'], 'power.sleepBy: there is no bmc'],
    [[BMC, 'wakeBy: [wol]'], 'power.wakeBy: wol cannot wake it: write power.wol, or take it off the list'],
    [[BMC, SSH, 'wakeBy: [bmc, host]'], 'power.wakeBy: host cannot wake it: write a host with a wake command'],
    [[BMC, 'wakeBy: [bmc, bmc]'], 'power.wakeBy: bmc stands there twice'],
    [[BMC, 'wakeBy: []'], 'power.wakeBy: the list is empty'],
    [[BMC, 'wakeBy: [button]'], 'power.wakeBy[0]: "button" is not known: write one of bmc, wol, host'],
    [[COMMAND, 'stateBy: bmc'], 'power.stateBy: there is no bmc'],
    [[BMC, SSH, 'stateBy: host'], 'power.stateBy: this host driver cannot tell the state as it is'],
    [['host: { driver: telnet }', WOL], 'power.host.driver: "telnet" is not known: write one of ssh, command'],
    [['host: { host: a }', WOL], 'power.host.driver: is missing: write one of ssh, command'],
    [['host: { driver: ssh, host: a, sleeep: x }', WOL], 'unknown key `sleeep`; did you mean `sleep`?'],
    [['host:', WOL, BMC], 'power.host: is empty: write a mapping (key: value), or leave the key out'],
    [
      ['host: { driver: ssh, host: a, user: "-oProxyCommand=x" }', WOL],
      'power.host.user: "-oProxyCommand=x" does not fit',
    ],
    [['host: { driver: ssh, host: "-oProxyCommand=x" }', WOL], 'power.host.host: "-oProxyCommand=x" is no host'],
    [
      [BMC, 'wol: { mac: "00:11:22:33:44" }'],
      'power.wol.mac: "00:11:22:33:44" does not fit: write the address of a network',
    ],
    [[BMC, 'wol: { mac: "00:11-22:33:44:55" }'], 'power.wol.mac'],
    [
      [BMC, 'wol: { mac: "00:11:22:33:44:55", password: hunter2 }'],
      'power.wol.password: the value does not fit: write a',
    ],
  ])('%j -> told, with what to write', (lines, problem) => {
    const problems = problemsOf(...lines);
    expect(problems).toContain(problem);
    expect(problems).not.toContain('hunter2');
  });

  it('Wake-on-LAN with neither interface nor address -> taken, with a doubt', () => {
    const { warnings } = parseConfig(textOf(BMC, 'wol: { mac: "00:11:22:33:44:55" }'), 'torpor.yaml', '/');
    expect(warnings.join('\n')).toContain('power.wol: neither interface nor address');
  });
});
