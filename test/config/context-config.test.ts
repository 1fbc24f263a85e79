// What stands under `context`, identities, and the hosts behind libvirt and Proxmox: what is read, refused, and doubted.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import type { PlatformConfig } from '../../src/config/torpor-config.ts';
import { TorporError } from '../../src/platform/errors.ts';

const BMC = 'bmc: { driver: ipmi, host: 10.0.9.11, user: torpor, passwordEnv: P }';
const PROXMOX = 'url: "https://pve-1:8006", node: pve-1, tokenId: "torpor@pve!power"';
const SAVER = `context: { saveVms: { driver: proxmox, ${PROXMOX}, tokenFile: token } }`;

interface Lines {
  readonly platform?: readonly string[];
  readonly power?: readonly string[];
  readonly vm?: string;
}

function textOf({ platform = [], power = [BMC], vm = '' }: Lines): string {
  const indented = (lines: readonly string[], by: string) => lines.map((line) => `${by}${line}\n`).join('');
  const listeners = 'listeners: [{ listen: "127.0.0.1:0", target: "10.0.1.6:22" }]';
  return `platforms:
  - name: lab
${indented(platform, '    ')}    power:
${indented(power, '      ')}    vms: [{ name: one, ${vm}${vm === '' ? '' : ', '}${listeners} }]
`;
}

function read(lines: Lines): { platform: PlatformConfig; warnings: readonly string[] } {
  const { config, warnings } = parseConfig(textOf(lines), 'torpor.yaml', '/etc/torpor');
  return { platform: config.platforms[0] as PlatformConfig, warnings };
}

function problemsOf(lines: Lines): string {
  try {
    parseConfig(textOf(lines), 'torpor.yaml', '/etc/torpor');
  } catch (error) {
    expect(error).toBeInstanceOf(TorporError);
    return (error as TorporError).message;
  }
  throw new Error('it was taken');
}

describe('context.saveVms', () => {
  it('libvirt, as little as can be said -> all VMs of the default connection, ten minutes', () => {
    const { platform, warnings } = read({ platform: ['context: { saveVms: { driver: libvirt } }'] });
    expect(platform.context).toEqual({
      saveVms: { driver: 'libvirt', uri: null, vms: 'all', parallel: 2, timeoutMs: 600_000 },
      identity: null,
    });
    expect(warnings).toEqual([]);
  });

  it('libvirt over ssh with named domains; proxmox with numbers, a pinned certificate and a token from a file', () => {
    const libvirt =
      'saveVms: { driver: libvirt, uri: "qemu+ssh://root@kvm/system", vms: [alice, "bob 2"], timeout: 90s }';
    expect(read({ platform: [`context: { ${libvirt} }`] }).platform.context.saveVms).toEqual({
      ...{
        driver: 'libvirt',
        uri: 'qemu+ssh://root@kvm/system',
        vms: ['alice', 'bob 2'],
        parallel: 2,
        timeoutMs: 90_000,
      },
    });
    const fingerprint = `SHA256:${Array(32).fill('AB').join(':')}`;
    const pinned = `${PROXMOX}, tokenFile: token, vms: [101, web], tls: { fingerprint: "${fingerprint}" }`;
    expect(
      read({ platform: [`context: { saveVms: { driver: proxmox, ${pinned} } }`] }).platform.context.saveVms,
    ).toEqual({
      ...{ driver: 'proxmox', url: 'https://pve-1:8006', node: 'pve-1', tokenId: 'torpor@pve!power' },
      token: { kind: 'file', path: '/etc/torpor/token' },
      tls: { kind: 'fingerprint', sha256: 'ab'.repeat(32) },
      ...{ vms: ['101', 'web'], parallel: 2, timeoutMs: 600_000 },
    });
  });

  it.each([
    ['driver: vmware', 'context.saveVms.driver', 'write one of libvirt, proxmox'],
    ['driver: libvirt, vms: []', 'context.saveVms.vms', 'the list is empty'],
    ['driver: libvirt, uri: system', 'context.saveVms.uri', 'write a libvirt URI'],
    ['driver: libvirt, domain: x', 'context.saveVms', 'unknown key'],
    [`driver: proxmox, ${PROXMOX}`, 'context.saveVms', "the token's secret is missing"],
    [`driver: proxmox, ${PROXMOX}, tokenFile: a, tokenEnv: B`, 'context.saveVms', 'exclude each other'],
    [
      `driver: proxmox, ${PROXMOX}, tokenFile: a, tls: { ca: b, fingerprint: "${'ab'.repeat(32)}" }`,
      'saveVms.tls',
      'exclude',
    ],
    [
      'driver: proxmox, url: "http://pve-1:8006", node: a, tokenId: "a@b!c", tokenFile: t',
      'saveVms.url',
      'is not encrypted',
    ],
    [
      'driver: proxmox, url: "https://root:pw@pve-1", node: a, tokenId: "a@b!c", tokenFile: t',
      'saveVms.url',
      'holds a user',
    ],
    ['driver: proxmox, url: "https://pve-1/x", node: a, tokenId: "a@b!c", tokenFile: t', 'saveVms.url', 'has a path'],
    [
      'driver: proxmox, url: "https://pve-1", node: a, tokenId: root, tokenFile: t',
      'saveVms.tokenId',
      'write the id of an API token',
    ],
  ])('%s -> refused at %s: %s', (saver, path, words) => {
    const problems = problemsOf({ platform: [`context: { saveVms: { ${saver} } }`] });
    expect(problems).toContain(path);
    expect(problems).toContain(words);
    expect(problems).not.toContain('pw@');
  });
});

describe('identities', () => {
  it('by command, URL and banner, each with a pattern -> typed', () => {
    expect(read({ vm: 'identity: { command: "ssh one cat boot_id" }' }).platform.vms[0]?.identity).toEqual({
      ...{ kind: 'command', command: 'ssh one cat boot_id', match: null },
    });
    const url = read({ platform: ['context: { identity: { url: "http://10.0.1.5/id", match: "boot=(.*)" } }'] });
    expect(url.platform.context.identity).toEqual({ kind: 'url', url: 'http://10.0.1.5/id', match: 'boot=(.*)' });
    expect(read({ vm: 'identity: { banner: "10.0.1.6:7200" }' }).platform.vms[0]?.identity).toEqual({
      ...{ kind: 'banner', host: '10.0.1.6', port: 7200, match: null },
    });
  });

  it.each([
    ['{ }', 'write command, url or banner'],
    ['{ match: "x" }', 'write command, url or banner'],
    ['{ command: a, banner: "10.0.1.6:22" }', 'exclude each other'],
    ['{ url: "ftp://10.0.1.6/id" }', 'is not of HTTP'],
    ['{ url: "http://me:s3cret@10.0.1.6/id" }', 'holds a user or a password'],
    ['{ banner: "10.0.1.6" }', 'write host:port'],
    ['{ command: a, match: "(" }', 'write a regular expression'],
    ['{ comand: a }', 'command'],
  ])('%s -> refused: %s', (identity, words) => {
    for (const lines of [{ vm: `identity: ${identity}` }, { platform: [`context: { identity: ${identity} }`] }]) {
      const problems = problemsOf(lines);
      expect(problems).toContain('identity');
      expect(problems).toContain(words);
      expect(problems).not.toContain('s3cret');
    }
  });
});

describe('power.host of libvirt and Proxmox', () => {
  it('libvirt alone -> sleeps, wakes and tells its state; the agent suspends, the button powers off', () => {
    const host = 'host: { driver: libvirt, uri: "qemu:///system", domain: nested }';
    expect(read({ power: [host] }).platform.power).toMatchObject({
      ...{ sleepBy: 'host', wakeBy: ['host'], stateBy: 'host' },
      host: { driver: 'libvirt', uri: 'qemu:///system', domain: 'nested', sleepAction: 'agent' },
    });
    const off = read({ power: [host, 'sleep: S5'], platform: ['hooks: { beforeSuspend: save }'] }).platform.power;
    expect(off.host).toMatchObject({ sleepAction: 'button' });
  });

  it('proxmox via the node itself -> only sleeps: something else must wake it; via a peer -> wakes and tells its state', () => {
    const host = (via: string) => `host: { driver: proxmox, ${PROXMOX}, tokenEnv: T${via} }`;
    expect(problemsOf({ power: [host(''), 'sleep: S5'], platform: [SAVER] })).toContain('nothing here could wake it');
    const wol = 'wol: { mac: "00-11-22-33-44-AA", interface: eth0 }';
    expect(read({ power: [host(''), wol, 'sleep: S5'], platform: [SAVER] }).platform.power).toMatchObject({
      ...{ sleepBy: 'host', wakeBy: ['wol'], stateBy: 'probes' },
    });
    expect(read({ power: [host(', via: peer'), 'sleep: S5'], platform: [SAVER] }).platform.power).toMatchObject({
      ...{ sleepBy: 'host', wakeBy: ['host'], stateBy: 'host' },
      host: { via: 'peer', token: { kind: 'env', name: 'T' } },
    });
  });

  it('proxmox that shall suspend -> refused: a node can only be shut down', () => {
    const problems = problemsOf({ power: [`host: { driver: proxmox, ${PROXMOX}, tokenEnv: T, via: peer }`] });
    expect(problems).toContain('a Proxmox node can be shut down, not suspended: write sleep: S5');
  });
});

describe('S5', () => {
  it('nobody saves the VMs -> a warning that all sessions are lost; a saver or a hook -> none', () => {
    const { warnings } = read({ power: [BMC, 'sleep: S5'] });
    expect(warnings).toEqual([expect.stringContaining('every session is lost with each sleep: write context.saveVms')]);
    expect(warnings[0]).toContain('power.sleep');
    expect(read({ power: [BMC, 'sleep: S5'], platform: [SAVER] }).warnings).toEqual([]);
    expect(read({ power: [BMC, 'sleep: S5'], platform: ['hooks: { beforeSuspend: save }'] }).warnings).toEqual([]);
    expect(read({ power: [BMC] }).warnings).toEqual([]);
  });

  it('VMs are saved and the host has an identity -> a warning that it is not looked at', () => {
    const identity = 'identity: { command: "ssh host cat boot_id" }';
    const platform = ['context:', '  saveVms: { driver: libvirt }', `  ${identity}`];
    expect(read({ platform }).warnings).toEqual([expect.stringContaining("the host's identity is not looked at")]);
    expect(read({ platform: [`context: { ${identity} }`] }).warnings).toEqual([]);
  });

  it('time-outs that are not said -> minutes for S5, and what is said counts', () => {
    expect(read({ power: [BMC, 'sleep: S5'], platform: [SAVER] }).platform.power).toMatchObject({
      ...{ wakeTimeoutMs: 300_000, suspendTimeoutMs: 180_000 },
    });
    expect(
      read({ power: [BMC, 'sleep: S5', 'wakeTimeout: 90s'], platform: [SAVER] }).platform.power.wakeTimeoutMs,
    ).toBe(90_000);
    expect(read({ power: [BMC] }).platform.power).toMatchObject({ wakeTimeoutMs: 60_000, suspendTimeoutMs: 60_000 });
  });
});
