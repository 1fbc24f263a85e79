// `driver: redfish` under `power.bmc`: every default, every kind of trust, and what is refused with what to write instead.
import { writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load-config.ts';
import type { RedfishBmcConfig } from '../../src/config/power-config.ts';
import { readTrust } from '../../src/config/read-trust.ts';
import { TorporError } from '../../src/platform/errors.ts';
import { TempFolder } from '../support/temp-folder.ts';

const PAIRS = Array.from({ length: 32 }, (_, index) => index.toString(16).padStart(2, '0').toUpperCase());
const FINGERPRINT = `SHA256:${PAIRS.join(':')}`;

function platformWith(name: string, bmc: string, sleep = 'S3', ownPort = '22'): string {
  return `  - name: ${name}
    power:
      sleep: ${sleep}
      bmc: { ${bmc} }
    vms: [{ name: one, listeners: [{ listen: "127.0.0.1:0", target: "10.0.1.6:${ownPort}" }] }]
`;
}

function textOf(more: string, sleep?: string): string {
  return `platforms:\n${platformWith('lab', `driver: redfish, host: 10.0.9.12, user: torpor, passwordEnv: P${more}`, sleep)}`;
}

function bmcOf(more: string, sleep?: string): RedfishBmcConfig {
  const { config } = parseConfig(textOf(more, sleep), 'torpor.yaml', '/etc/torpor');
  return config.platforms[0]?.power.bmc as RedfishBmcConfig;
}

function problemsOf(text: string): string {
  try {
    parseConfig(text, 'torpor.yaml', '/etc/torpor');
  } catch (error) {
    expect(error).toBeInstanceOf(TorporError);
    return (error as TorporError).message;
  }
  throw new Error('it was taken');
}

describe('what is read', () => {
  it('the least -> every default', () => {
    expect(bmcOf('')).toEqual({
      driver: 'redfish',
      host: '10.0.9.12',
      port: 443,
      user: 'torpor',
      password: { kind: 'env', name: 'P' },
      login: 'session',
      system: null,
      tls: { kind: 'system', serverName: null },
      sleepAction: 'PushPowerButton',
    });
    expect(bmcOf('', 'S5').sleepAction).toBe('GracefulShutdown');
  });

  it('each kind of trust -> typed, paths from the file’s folder', () => {
    expect(bmcOf(', tls: system').tls).toEqual({ kind: 'system', serverName: null });
    expect(bmcOf(', tls: { ca: bmc.pem, serverName: bmc.lab }').tls).toEqual({
      kind: 'ca',
      path: '/etc/torpor/bmc.pem',
      serverName: 'bmc.lab',
    });
    expect(bmcOf(`, tls: { fingerprint: "${FINGERPRINT}" }`).tls).toEqual({ kind: 'fingerprint', sha256: FINGERPRINT });
    const text = textOf(', tls: none').replace('10.0.9.12', '127.0.0.1');
    expect(parseConfig(text, 't', '/').config.platforms[0]?.power.bmc).toMatchObject({
      tls: { kind: 'none' },
      port: 80,
    });
  });

  it('all that may be written -> kept', () => {
    const more = ', port: 8443, login: basic, system: System.Embedded.1, sleepAction: Suspend';
    expect(bmcOf(more, 'S5')).toMatchObject({
      port: 8443,
      login: 'basic',
      system: 'System.Embedded.1',
      sleepAction: 'Suspend',
    });
    const directoryUser = textOf('').replace('user: torpor', 'user: "CORP\\\\torpor@lab.example"');
    const { config } = parseConfig(directoryUser, 't', '/');
    expect(config.platforms[0]?.power.bmc).toMatchObject({ user: 'CORP\\torpor@lab.example' });
  });
});

describe('what is refused', () => {
  it.each([
    [', cipherSuite: 17', 'unknown key `cipherSuite`'],
    [', sleepAction: ForceOff', '"ForceOff" is not known: write one of PushPowerButton, GracefulShutdown, Suspend'],
    [
      ', sleepAction: Suspend',
      'bmc.sleepAction: Suspend writes state to disk and powers off, which is no S3: write sleep: S5',
    ],
    [', tls: none', 'bmc.tls: without TLS the password would cross the network in the clear: write ca or fingerprint'],
    [`, tls: { ca: a.pem, fingerprint: "${FINGERPRINT}" }`, 'bmc.tls: ca and fingerprint exclude each other'],
    [
      `, tls: { fingerprint: "${FINGERPRINT}", serverName: b }`,
      'bmc.tls.serverName: with a pinned fingerprint the name does not matter',
    ],
    [', tls: { fingerprint: "SHA1:00" }', 'bmc.tls.fingerprint: "SHA1:00" does not fit: write SHA256: and 32 pairs'],
    [', tls: { none: true }', 'bmc.tls.none: no key of tls: write tls: none'],
    [', tls: { verify: false }', 'unknown key `verify`'],
    [', tls: off', 'bmc.tls: "off" stands where a mapping belongs'],
    [', system: "a b"', 'bmc.system: "a b" does not fit'],
    [', login: token', '"token" is not known: write one of session, basic'],
  ])('%s -> told where and what to write', (more, problem) => {
    expect(problemsOf(textOf(more))).toContain(problem);
  });

  it('two platforms behind one BMC, the port written or not -> told', () => {
    const bmc = 'driver: redfish, host: bmc.lab, user: torpor, passwordEnv: P';
    const text = `platforms:\n${platformWith('one', bmc)}${platformWith('two', `${bmc}, port: 443`)}`;
    expect(problemsOf(text)).toContain('bmc.lab:443 is the BMC of platforms[0] already');
  });
});

describe('trust', () => {
  let folder: TempFolder | null = null;
  afterEach(() => folder?.remove());

  it('a fingerprint with or without colons -> its bytes', async () => {
    const bytes = Uint8Array.from({ length: 32 }, (_, index) => index);
    expect(await readTrust({ kind: 'fingerprint', sha256: FINGERPRINT })).toEqual({
      kind: 'fingerprint',
      sha256: bytes,
    });
    const bare = `SHA-256:${PAIRS.join('').toLowerCase()}`;
    expect(await readTrust({ kind: 'fingerprint', sha256: bare })).toEqual({ kind: 'fingerprint', sha256: bytes });
  });

  it('a file that is missing or holds no certificate -> ERR_CONFIG_READ, with its path', async () => {
    folder = new TempFolder('trust');
    const path = folder.file('ca.pem');
    await expect(readTrust({ kind: 'ca', path, serverName: null })).rejects.toMatchObject({ code: 'ERR_CONFIG_READ' });
    writeFileSync(path, 'nothing');
    await expect(readTrust({ kind: 'ca', path, serverName: null })).rejects.toThrow(`${path} holds no certificate`);
  });
});
