// `torpor check`, and `torpor bmc sim --redfish`, against a simulated Redfish service over TLS: a good set-up, and broken ones with what the reader is told to change.
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CheckFinding } from '../../src/cli/check/check-finding.ts';
import { RedfishDriver } from '../../src/power/redfish/redfish-driver.ts';
import { ILO_PROFILE, SUPERMICRO_PROFILE } from '../../src/power/simulated/redfish-profiles.ts';
import { SimulatedHost } from '../../src/power/simulated/simulated-host.ts';
import { SimulatedRedfish, type SimulatedRedfishOptions } from '../../src/power/simulated/simulated-redfish.ts';
import { systemClock } from '../../src/system-clock.ts';
import { eventually } from '../support/eventually.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { FakeIo } from './fakes/fake-io.ts';

const PASSWORD = 'hunter2-of-the-bmc';
const pem = (name: string) => readFileSync(new URL(`../power/redfish/fixtures/${name}.pem`, import.meta.url), 'utf8');
const TLS = { key: pem('bmc.key'), cert: pem('bmc.cert') };
const FINGERPRINT = `SHA256:${createHash('sha256').update(new X509Certificate(TLS.cert).raw).digest('hex')}`;
const STEPS = ['BMC', 'certificate', 'Redfish', 'login', 'system'];

let folder: TempFolder;
let io: FakeIo;
const ends: Array<() => Promise<unknown> | unknown> = [];

beforeEach(() => {
  folder = new TempFolder('check-redfish');
  ends.push(() => folder.remove());
  io = new FakeIo();
  io.env.BMC_PASSWORD = PASSWORD;
});

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function startService(changes: Partial<SimulatedRedfishOptions> = {}): Promise<SimulatedRedfish> {
  const machine = new SimulatedHost({ clock: systemClock });
  const users = [{ name: 'torpor', password: PASSWORD, role: 'Operator' as const }];
  const service = new SimulatedRedfish({ machine, clock: systemClock, users, tls: TLS, ...changes });
  await service.start();
  ends.push(() => service.stop());
  return service;
}

/** What `check --json` found about the platform, and that it pressed nothing and told no secret. */
async function findingsOf(
  port: number,
  more = `, tls: { fingerprint: "${FINGERPRINT}" }`,
): Promise<Map<string, CheckFinding>> {
  const bmc = `{ driver: redfish, host: 127.0.0.1, port: ${port}, user: torpor, passwordEnv: BMC_PASSWORD${more} }`;
  const path = folder.file('torpor.yaml');
  writeFileSync(
    path,
    `api: { listen: "127.0.0.1:0" }\nstateDir: ${folder.file('state')}\nplatforms:\n  - name: lab\n    power: { bmc: ${bmc} }\n`,
  );
  await io.run('check', '--config', path, '--json');
  expect(`${io.stdout}${io.stderr}`).not.toContain(PASSWORD);
  const { findings } = JSON.parse(io.stdout) as { findings: CheckFinding[] };
  return new Map(findings.filter(({ platform }) => platform === 'lab').map((finding) => [finding.subject, finding]));
}

function outcomes(findings: ReadonlyMap<string, CheckFinding>): string[] {
  return STEPS.map((subject) => findings.get(subject)?.outcome ?? 'missing');
}

describe('check of a Redfish BMC', () => {
  it('a good set-up -> every step, the proof, and nothing pressed; the session is ended', async () => {
    const service = await startService();
    const found = await findingsOf(service.port);
    expect(outcomes(found)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
    expect(found.get('BMC')?.what).toBe(`127.0.0.1:${service.port} answers: Redfish 1.17.0`);
    expect(found.get('certificate')?.what).toBe('TLS, certificate pinned');
    expect(found.get('system')?.what).toBe('/redfish/v1/Systems/1');
    expect(found.get('state')).toMatchObject({ outcome: 'warning', what: 'the BMC cannot tell S3 from S0' });
    expect(found.get('wake path')?.outcome).toBe('ok');
    expect(found.get('wake path')?.what).toContain('role Operator; sleep by PushPowerButton, wake by power-on');
    expect(service.resets).toEqual([]);
    expect(service.sessionCount).toBe(0);
  });

  it('a certificate that nobody vouches for -> its fingerprint, as a line to write', async () => {
    const { port } = await startService();
    const found = await findingsOf(port, '');
    expect(outcomes(found)).toEqual(['ok', 'failed', 'skipped', 'skipped', 'skipped']);
    expect(found.get('certificate')?.what).toContain('tls: { fingerprint: "SHA256:');
  });

  it('a wrong password -> the login, and asked once only', async () => {
    io.env.BMC_PASSWORD = 'another-password';
    const service = await startService();
    const found = await findingsOf(service.port);
    expect(outcomes(found)).toEqual(['ok', 'ok', 'ok', 'failed', 'skipped']);
    expect(found.get('login')?.todo).toContain('power.bmc.user and the password');
    expect(service.requests.filter((line) => line.startsWith('POST'))).toHaveLength(1);
    expect(`${io.stdout}${io.stderr}`).not.toContain('another-password');
  });

  it('nobody there -> the address', async () => {
    const service = await startService();
    const { port } = service;
    await service.stop();
    expect(outcomes(await findingsOf(port))).toEqual(['failed', 'skipped', 'skipped', 'skipped', 'skipped']);
  });

  it('something else there -> said so', async () => {
    const plain = await startService({ tls: null });
    const found = await findingsOf(plain.port);
    expect(found.get('BMC')?.what).toContain('it speaks no TLS on that port');
  });

  it('several systems -> which ones', async () => {
    const { port } = await startService({ otherSystems: ['DPU1'] });
    const found = await findingsOf(port);
    expect(outcomes(found)).toEqual(['ok', 'ok', 'ok', 'ok', 'failed']);
    expect(found.get('system')?.what).toContain('write power.bmc.system, one of 1, DPU1');
  });

  it('a user who may only read -> the wake path, with the role to give', async () => {
    const users = [{ name: 'torpor', password: PASSWORD, role: 'ReadOnly' as const }];
    const found = await findingsOf((await startService({ users })).port);
    expect(found.get('wake path')?.what).toContain('give the user the role Operator');
  });

  it('an action that the BMC does not offer -> the one to write', async () => {
    const found = await findingsOf((await startService({ profile: SUPERMICRO_PROFILE })).port);
    expect(found.get('wake path')).toMatchObject({ outcome: 'failed' });
    expect(found.get('wake path')?.what).toContain('write power.bmc.sleepAction: GracefulShutdown');
  });

  it('links with slashes at their ends, absolute locations -> as any other', async () => {
    const found = await findingsOf((await startService({ profile: ILO_PROFILE })).port);
    expect(outcomes(found)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
    expect(found.get('wake path')?.outcome).toBe('ok');
  });

  it('a file of authorities that is missing -> its path', async () => {
    const { port } = await startService();
    const found = await findingsOf(port, ', tls: { ca: missing.pem }');
    expect(found.get('tls')).toMatchObject({ outcome: 'failed' });
    expect(found.get('tls')?.what).toContain('missing.pem');
  });
});

describe('bmc sim --redfish', () => {
  it('a wake over IPMI’s neighbour -> one host behind both; ends at a signal, tells no secret', async () => {
    io.env.TORPOR_BMC_PASSWORD = PASSWORD;
    const tlsFile = folder.file('bmc.pem');
    writeFileSync(tlsFile, `${TLS.key}${TLS.cert}`);
    const latencies = ['--suspend-latency', '10ms', '--resume-latency', '10ms'];
    const run = io.run(
      'bmc',
      'sim',
      '-p',
      '0',
      ...latencies,
      '--redfish',
      '0',
      '--redfish-tls',
      tlsFile,
      '--redfish-profile',
      'xcc',
      '--json',
    );
    const line = await eventually('the second line', () => io.stdout.split('\n')[1]);
    const { url, profile } = JSON.parse(line) as { url: string; profile: string };
    expect(profile).toBe('xcc');
    const sha256 = createHash('sha256').update(new X509Certificate(TLS.cert).raw).digest();
    const { host, port } = { host: '127.0.0.1', port: Number(new URL(url).port) };
    const access = { host, port, user: 'torpor', password: PASSWORD, trust: { kind: 'fingerprint', sha256 } as const };
    const driver = new RedfishDriver({ ...access, sleep: 'S3', sleepAction: 'GracefulShutdown', clock: systemClock });
    ends.push(() => driver.close());
    const never = new AbortController().signal;
    expect((await driver.requestSleep(never)).outcome).toBe('accepted');
    await eventually('S3', () => io.stdout.includes('"phase":"asleep"'));
    expect((await driver.requestWake('power-on', never)).outcome).toBe('accepted');
    await eventually('S0', () => io.stdout.includes('resumed from RAM'));
    io.signal('SIGINT');
    expect(await run).toBe(0);
    expect(io.stdout).not.toContain(PASSWORD);
  });

  it('without TLS and not on loopback -> refused as bad usage', async () => {
    io.env.TORPOR_BMC_PASSWORD = PASSWORD;
    expect(await io.run('bmc', 'sim', '-H', '0.0.0.0', '-p', '0', '--redfish', '0')).toBe(2);
    expect(io.stderr).toContain('--redfish-tls');
  });
});
