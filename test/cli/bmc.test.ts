// `torpor bmc` and `torpor check` against the simulated BMC over loopback UDP: every step, and every way it can fail.
import { chmodSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApi } from '../../src/api/start-api.ts';
import type { CheckFinding } from '../../src/cli/check/check-finding.ts';
import { encodeTorporRecord } from '../../src/power/ipmi/torpor-record.ts';
import {
  type StandaloneBmc,
  type StandaloneBmcOptions,
  startStandaloneBmc,
} from '../../src/power/simulated/standalone-bmc.ts';
import { systemClock } from '../../src/system-clock.ts';
import { FakeFarm, fakePlatform } from '../api/fakes/fake-farm.ts';
import { bytesOf } from '../power/support/hex.ts';
import { eventually } from '../support/eventually.ts';
import { KeptLog } from '../support/kept-log.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { FakeIo } from './fakes/fake-io.ts';

const PASSWORD = 'hunter2';

let folder: TempFolder;
let io: FakeIo;
const ends: Array<() => Promise<unknown> | unknown> = [];

beforeEach(() => {
  folder = new TempFolder('check');
  ends.push(() => folder.remove());
  io = new FakeIo();
  io.env.TORPOR_BMC_PASSWORD = PASSWORD;
});

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function startBmc(changes: Partial<StandaloneBmcOptions> = {}): Promise<StandaloneBmc> {
  const fixed = { clock: systemClock, port: 0, user: 'torpor', password: PASSWORD, suspendMs: 20, resumeMs: 20 };
  const bmc = await startStandaloneBmc({ ...fixed, ...changes });
  ends.push(() => bmc.stop());
  return bmc;
}

/** A service that accepts and says nothing. */
async function startService(port = 0): Promise<{ server: Server; port: number }> {
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port }, resolve));
  ends.push(() => server.close());
  return { server, port: (server.address() as AddressInfo).port };
}

/** A port that nothing listens on: it was free a moment ago. */
async function freePort(): Promise<number> {
  const { server, port } = await startService();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function power(action: string, port: number, ...more: string[]): Promise<number> {
  return io.run('bmc', 'power', action, '-H', '127.0.0.1', '-p', String(port), '-U', 'torpor', ...more);
}

describe('bmc power', () => {
  it.each(['17', '3'])('status over cipher suite %s -> power and ACPI state', async (suite) => {
    const bmc = await startBmc();
    expect(await power('status', bmc.port, '--cipher-suite', suite)).toBe(0);
    expect(io.stdout).toMatch(/^chassis power is on\nACPI state is S0 \(by sensor\)\n/);
  });

  it('status --json -> the same for programs', async () => {
    const bmc = await startBmc();
    expect(await power('status', bmc.port, '--json')).toBe(0);
    expect(JSON.parse(io.stdout)).toMatchObject({ bmc: `127.0.0.1:${bmc.port}`, powerBit: true, acpi: 'S0' });
  });

  it('soft, then on -> S3, then S0 again', async () => {
    const bmc = await startBmc();
    expect(await power('soft', bmc.port)).toBe(0);
    await eventually('S3', () => bmc.powerState() === 'S3');
    expect(await power('on', bmc.port, '--json')).toBe(0);
    await eventually('S0', () => bmc.powerState() === 'S0');
    expect(io.stdout).toContain('{"bmc":"127.0.0.1:');
  });

  it('wrong password -> exit code 1, one line that says so, without the password', async () => {
    const bmc = await startBmc({ password: 'another' });
    expect(await power('status', bmc.port)).toBe(1);
    expect(io.stderr).toMatch(/^torpor: [^\n]*password[^\n]*\n$/);
    expect(io.stderr).not.toContain(PASSWORD);
  });

  it('nothing listens -> exit code 1, one line that names the address', async () => {
    const port = await freePort();
    expect(await power('status', port)).toBe(1);
    expect(io.stderr).toMatch(new RegExp(`^torpor: [^\\n]*127\\.0\\.0\\.1:${port}[^\\n]*\\n$`));
  });

  it('a cipher suite that the BMC does not offer -> exit code 1', async () => {
    const bmc = await startBmc({ cipherSuites: [3] });
    expect(await power('status', bmc.port, '--cipher-suite', '17')).toBe(1);
    expect(io.stderr).toContain('cipher suite');
  });

  it('the BMC has a key -> TORPOR_BMC_KG opens it, as text or as hex; without it one line says so', async () => {
    const bmc = await startBmc({ kg: 'the key' });
    expect(await power('status', bmc.port)).toBe(1);
    expect(io.stderr).toMatch(/^torpor: [^\n]*BMC key \(K_G\)[^\n]*\n$/);
    for (const kg of ['the key', '0x746865206b6579']) {
      io.env.TORPOR_BMC_KG = kg;
      expect(await power('status', bmc.port)).toBe(0);
    }
    expect(`${io.stdout}${io.stderr}`).not.toMatch(/the key|746865/);
  });

  it.each(['0', '1', '15', '99', 'best'])('--cipher-suite %s -> bad usage', async (suite) => {
    expect(await power('status', 1, '--cipher-suite', suite)).toBe(2);
    expect(io.stderr).toContain('is not supported: write 17');
  });

  it('a password longer than IPMI can carry -> exit code 1, its length and not its text', async () => {
    io.env.TORPOR_BMC_PASSWORD = 'x'.repeat(21);
    expect(await power('status', 1)).toBe(1);
    expect(io.stderr).toContain('21 bytes');
    expect(io.stderr).not.toContain('xxx');
  });
});

describe('bmc sel', () => {
  const sel = (port: number, ...more: string[]) =>
    io.run('bmc', 'sel', '-H', '127.0.0.1', '-p', String(port), '-U', 'torpor', ...more);

  async function startFilled(): Promise<StandaloneBmc> {
    const bmc = await startBmc();
    bmc.bmc.sel.add(bytesOf('00 00 02 00 00 00 00 20 00 04 22 01 6f 03 ff ff'));
    bmc.bmc.sel.add(encodeTorporRecord({ kind: 'transition', from: 'awake', to: 'drowsy', pool: 0, leftOut: 0 }));
    bmc.bmc.sel.add(bytesOf('00 00 e1 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d'));
    return bmc;
  }

  it('three records -> one line each, sensors by name, and a sum', async () => {
    const bmc = await startFilled();
    expect(await sel(bmc.port)).toBe(0);
    const lines = io.stdout.trimEnd().split('\n');
    const time = '\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d';
    expect(lines[0]).toMatch(
      new RegExp(`^1 {2}${time} {2}system ACPI power state "ACPI State": S3, suspended to RAM$`),
    );
    expect(lines[1]).toMatch(new RegExp(`^2 {2}${time} {2}Torpor: awake -> drowsy, nobody active$`));
    expect(lines[2]).toMatch(/^3 {2}- +OEM record E1h: 01 02 03 04/);
    expect(lines[3]).toBe('3 of 3 records, 8144 bytes free');
    expect(bmc.bmc.sel.records).toHaveLength(3);
  });

  it('--torpor --json -> Torpor’s records for programs', async () => {
    const bmc = await startFilled();
    expect(await sel(bmc.port, '--torpor', '--json')).toBe(0);
    const answer = JSON.parse(io.stdout);
    expect(answer).toMatchObject({ bmc: `127.0.0.1:${bmc.port}`, freeBytes: 8144, overflowed: false, problem: null });
    expect(answer.entries).toEqual([
      {
        recordId: 2,
        recordType: 0xd4,
        at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/),
        sinceStartSeconds: null,
        words: 'Torpor: awake -> drowsy, nobody active',
        torpor: { kind: 'transition', from: 'awake', to: 'drowsy', pool: 0, leftOut: 0 },
        hex: expect.stringMatching(/^0200d4.{8}000000541123000000$/),
      },
    ]);
  });

  it('an empty log -> the sum alone; a log that breaks off -> what was read, exit code 1', async () => {
    const empty = await startBmc();
    expect(await sel(empty.port)).toBe(0);
    expect(io.stdout).toBe('0 of 0 records, 8192 bytes free\n');
    const broken = await startFilled();
    broken.bmc.faults.refuse.set('Get SEL Entry', 0x81);
    io = new FakeIo();
    io.env.TORPOR_BMC_PASSWORD = PASSWORD;
    expect(await sel(broken.port)).toBe(1);
    expect(io.stdout).toBe('0 of 3 records, 8144 bytes free\n');
    expect(io.stderr).toMatch(/^torpor: the log could not be read to its end: .*the log is being erased/);
  });
});

describe('bmc sim', () => {
  it('driven by bmc power -> tells each change, ends at a signal', async () => {
    const run = io.run('bmc', 'sim', '-p', '0', '--suspend-latency', '10ms', '--resume-latency', '10ms', '--json');
    await eventually('the first line', () => io.stdout.includes('\n'));
    const { port } = JSON.parse(io.stdout.split('\n')[0] as string) as { port: number };
    const tool = new FakeIo();
    tool.env.TORPOR_BMC_PASSWORD = PASSWORD;
    const args = ['-H', '127.0.0.1', '-p', String(port), '-U', 'torpor'];
    expect(await tool.run('bmc', 'power', 'soft', ...args)).toBe(0);
    await eventually('S3', () => io.stdout.includes('"phase":"asleep"'));
    io.signal('SIGINT');
    expect(await run).toBe(0);
    expect(io.stdout).not.toContain(PASSWORD);
    expect(io.signalListeners).toBe(0);
  });

  it('a port in use -> exit code 1, one line that names it', async () => {
    const bmc = await startBmc();
    expect(await io.run('bmc', 'sim', '-p', String(bmc.port))).toBe(1);
    expect(io.stderr).toMatch(new RegExp(`^torpor: [^\\n]*${bmc.port}[^\\n]*\\n$`));
  });
});

interface CheckSetup {
  readonly bmcPort: number;
  readonly targetPort: number;
  readonly listenPort?: number;
  readonly apiPort?: number;
  readonly password?: string;
  readonly more?: string;
  readonly cipherSuite?: number | 'auto';
  readonly kgFile?: string;
  readonly probe?: string;
}

/** Writes a configuration of one platform and checks it. */
async function check(setup: CheckSetup): Promise<{ code: number; findings: CheckFinding[] }> {
  const passwordFile = folder.file('password');
  writeFileSync(passwordFile, `${setup.password ?? PASSWORD}\n`, { mode: 0o600 });
  writeFileSync(
    folder.file('torpor.yaml'),
    `api: { listen: "127.0.0.1:${setup.apiPort ?? 0}" }
stateDir: ${JSON.stringify(folder.file('state'))}
${setup.more ?? ''}
platforms:
  - name: lab
    power:
      bmc:
        driver: ipmi
        host: 127.0.0.1
        port: ${setup.bmcPort}
        user: torpor
        passwordFile: password
        cipherSuite: ${setup.cipherSuite ?? 17}
${setup.kgFile === undefined ? '' : `        kgFile: ${setup.kgFile}\n`}    vms:
      - name: one
        listeners:
          - { listen: "127.0.0.1:${setup.listenPort ?? 0}", target: "127.0.0.1:${setup.targetPort}", probe: ${setup.probe ?? 'tcp'} }
`,
  );
  const code = await io.run('check', '--config', folder.file('torpor.yaml'), '--json');
  const answer = JSON.parse(io.stdout) as { ok: boolean; findings: CheckFinding[] };
  expect(answer.ok).toBe(code === 0);
  return { code, findings: answer.findings };
}

/** Subject to outcome, of one platform's findings. */
function outcomes(findings: readonly CheckFinding[]): Record<string, string> {
  return Object.fromEntries(findings.map(({ subject, outcome }) => [subject.replace(/ \d.*$/, ''), outcome]));
}

const ALL_OK = {
  configuration: 'ok',
  'state folder': 'ok',
  'API address': 'ok',
  'connection tracking': 'ok',
  mode: 'ok',
  password: 'ok',
  BMC: 'ok',
  'cipher suite': 'ok',
  login: 'ok',
  privilege: 'ok',
  state: 'ok',
  'suites offered': 'ok',
  'ACPI state': 'ok',
  watts: 'ok',
  watchdog: 'ok',
  'BMC log': 'ok',
  'wake path': 'ok',
  listener: 'ok',
  'probe of': 'ok',
};

/** What the BMC is asked for once its session works. */
const PROFILE = ['suites offered', 'ACPI state', 'watts', 'watchdog', 'BMC log'];

describe('check', () => {
  it('everything is right -> every line ok, exit code 0, nothing pressed', async () => {
    const bmc = await startBmc();
    const { port } = await startService();
    const { code, findings } = await check({ bmcPort: bmc.port, targetPort: port });
    expect(outcomes(findings)).toEqual(ALL_OK);
    expect(code).toBe(0);
    expect(bmc.powerState()).toBe('S0');
  });

  it('for people -> a table per platform and a last line', async () => {
    const bmc = await startBmc();
    const { port } = await startService();
    await check({ bmcPort: bmc.port, targetPort: port });
    const person = new FakeIo();
    expect(await person.run('check', '--config', folder.file('torpor.yaml'))).toBe(0);
    expect(person.stdout).toMatch(/^Torpor\n {2}ok {2}configuration /);
    expect(person.stdout).toMatch(/\nPlatform lab\n {2}ok {2}mode +observe/);
    expect(person.stdout.endsWith('\neverything works\n')).toBe(true);
    expect(person.stdout).not.toContain(PASSWORD);
  });

  it('wrong password -> login fails, what comes before works, what comes after is not reached', async () => {
    const bmc = await startBmc();
    const { port } = await startService();
    const { code, findings } = await check({ bmcPort: bmc.port, targetPort: port, password: 'wrong' });
    expect(code).toBe(1);
    expect(outcomes(findings)).toEqual({
      ...ALL_OK,
      login: 'failed',
      privilege: 'skipped',
      ...Object.fromEntries(PROFILE.map((subject) => [subject, undefined])),
      state: 'skipped',
      'wake path': 'skipped',
    });
    const login = findings.find(({ subject }) => subject === 'login');
    expect(login?.todo).toContain('power.bmc.user, the password and the BMC key');
  });

  it('BMC silent -> that fails, the rest of it is not reached', async () => {
    const { port } = await startService();
    const { code, findings } = await check({ bmcPort: await freePort(), targetPort: port });
    expect(code).toBe(1);
    expect(outcomes(findings)).toMatchObject({ BMC: 'failed', 'cipher suite': 'skipped', 'wake path': 'skipped' });
  });

  it('cipher suite not offered -> that fails', async () => {
    const bmc = await startBmc({ cipherSuites: [3] });
    const { port } = await startService();
    const { findings } = await check({ bmcPort: bmc.port, targetPort: port });
    expect(outcomes(findings)).toMatchObject({ BMC: 'ok', 'cipher suite': 'failed', login: 'skipped' });
  });

  it('a BMC that cannot tell S3 from S0 -> a warning that says what to do, exit code 0', async () => {
    const bmc = await startBmc({ acpiSensor: false, acpiCommand: false });
    const { port } = await startService();
    const { code, findings } = await check({ bmcPort: bmc.port, targetPort: port });
    expect(outcomes(findings)).toEqual({ ...ALL_OK, state: 'warning' });
    expect(code).toBe(0);
  });

  it('what the BMC can do -> in words', async () => {
    const bmc = await startBmc();
    bmc.bmc.watchdog.start(600_000, 'hard-reset');
    const { port } = await startService();
    const { code, findings } = await check({ bmcPort: bmc.port, targetPort: port, cipherSuite: 'auto' });
    expect(code).toBe(0);
    const told = Object.fromEntries(findings.map(({ subject, what }) => [subject, what]));
    expect(told['cipher suite']).toBe('17 (RAKP-HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128)');
    expect(told['suites offered']).toBe('3, 17; spoken: 17');
    expect(told['ACPI state']).toBe('ACPI state sensor "ACPI State", number 01h; Get ACPI Power State says S0');
    expect(told.watts).toBe('DCMI 1.5; read by DCMI');
    expect(told.watchdog).toMatch(/^running for OS: hard reset in (600|599) s unless somebody resets it$/);
    expect(told['BMC log']).toBe('0 records, 8192 bytes free');
    expect(findings.find(({ subject }) => subject === 'watchdog')).toMatchObject({
      outcome: 'warning',
      todo: expect.stringMatching(/stop it before a suspend/),
    });
  });

  it('the BMC has a key -> without it login fails and says so; with it everything works; it is shown nowhere', async () => {
    const kg = 'quite a secret key';
    const bmc = await startBmc({ kg });
    const { port } = await startService();
    const without = await check({ bmcPort: bmc.port, targetPort: port });
    expect(outcomes(without.findings)).toMatchObject({ 'cipher suite': 'ok', login: 'failed' });
    io = new FakeIo();
    writeFileSync(folder.file('kg'), `${kg}\n`, { mode: 0o600 });
    const { code, findings } = await check({ bmcPort: bmc.port, targetPort: port, kgFile: 'kg' });
    expect([code, outcomes(findings)['BMC key']]).toEqual([0, 'ok']);
    writeFileSync(folder.file('kg'), 'another key\n', { mode: 0o600 });
    const wrong = new FakeIo();
    expect(await wrong.run('check', '--config', folder.file('torpor.yaml'))).toBe(1);
    expect(wrong.stdout).toMatch(/FAILED +login .*the key given \(kgFile or kgEnv\) is not the BMC's/);
    expect(`${io.stdout}${io.stderr}${wrong.stdout}${wrong.stderr}`).not.toMatch(/quite a secret|another key/);
  });

  it('password file that others may read -> a warning; one that is missing -> fails', async () => {
    const bmc = await startBmc();
    const { port } = await startService();
    await check({ bmcPort: bmc.port, targetPort: port });
    chmodSync(folder.file('password'), 0o644);
    const again = new FakeIo();
    expect(await again.run('check', '--config', folder.file('torpor.yaml'))).toBe(0);
    expect(again.stdout).toContain('can be read by other users: run chmod 600');
    expect(again.stdout).toContain('everything works, 1 warning');
    writeFileSync(
      folder.file('torpor.yaml'),
      `platforms:\n  - name: lab\n    power:\n      bmc: { driver: ipmi, host: 127.0.0.1, user: u, passwordFile: nowhere }\n`,
    );
    const missing = new FakeIo();
    expect(await missing.run('check', '--config', folder.file('torpor.yaml'))).toBe(1);
    expect(missing.stdout).toMatch(
      /FAILED +password +cannot read the password from file .*nowhere: there is no such file/,
    );
  });

  it('a line that is no YAML -> one failure, with the line', async () => {
    writeFileSync(folder.file('torpor.yaml'), 'platforms:\n\t- name: lab\n');
    const io = new FakeIo();
    expect(await io.run('check', '--config', folder.file('torpor.yaml'))).toBe(1);
    expect(io.stdout).toMatch(/FAILED +configuration +.*torpor\.yaml:2:\d+: .* 2 \| +- name: lab\n/);
    expect(io.stdout).toMatch(/^1 failed$/m);
  });

  it('target refuses -> its probe fails, with what to do', async () => {
    const bmc = await startBmc();
    const { code, findings } = await check({ bmcPort: bmc.port, targetPort: await freePort() });
    expect(code).toBe(1);
    expect(outcomes(findings)).toEqual({ ...ALL_OK, 'probe of': 'failed' });
  });

  it('target silent while the platform sleeps -> a warning only', async () => {
    const bmc = await startBmc();
    expect(await power('soft', bmc.port)).toBe(0);
    await eventually('S3', () => bmc.powerState() === 'S3');
    io.stdout = '';
    const { code, findings } = await check({ bmcPort: bmc.port, targetPort: await freePort() });
    expect(outcomes(findings)).toEqual({ ...ALL_OK, 'probe of': 'warning' });
    expect(code).toBe(0);
  });

  it('no probe -> skipped, with a warning for the platform', async () => {
    const bmc = await startBmc();
    const { findings } = await check({ bmcPort: bmc.port, targetPort: await freePort(), probe: 'none' });
    expect(outcomes(findings)).toMatchObject({ 'probe of': 'skipped', configuration: 'warning' });
  });

  it('listener port in use by another program -> fails, with what to do', async () => {
    const bmc = await startBmc();
    const { port } = await startService();
    const { code, findings } = await check({
      bmcPort: bmc.port,
      targetPort: port,
      listenPort: (await startService()).port,
    });
    expect(code).toBe(1);
    const listener = findings.find(({ subject }) => subject.startsWith('listener'));
    expect(listener).toMatchObject({ outcome: 'failed', todo: expect.stringContaining('choose another port') });
  });

  it('ports in use by the Torpor that runs -> as it should be', async () => {
    const bmc = await startBmc();
    const { port } = await startService();
    const farm = new FakeFarm();
    farm.statuses = [fakePlatform({ name: 'lab' })];
    const api = await startApi(farm, { listen: { host: '127.0.0.1', port: 0 }, log: new KeptLog(), version: '0' });
    ends.push(() => api.close());
    const listenPort = (await startService()).port;
    const apiPort = Number(new URL(api.url).port);
    const { code, findings } = await check({ bmcPort: bmc.port, targetPort: port, listenPort, apiPort });
    expect(outcomes(findings)).toEqual(ALL_OK);
    expect(code).toBe(0);
  });

  it('a broken configuration -> each problem as a finding, exit code 1, nothing asked of anybody', async () => {
    const { code, findings } = await check({ bmcPort: 623, targetPort: 22, more: 'stateDirr: x\nlogg: {}' });
    expect(code).toBe(1);
    expect(findings.map(({ outcome, subject }) => [outcome, subject])).toEqual([
      ['failed', 'configuration'],
      ['failed', 'configuration'],
    ]);
    expect(findings[0]?.what).toContain('torpor.yaml:3: unknown key `stateDirr`; did you mean `stateDir`?');
  });

  it('interrupted -> ends early, exit code 1', async () => {
    // A port that swallows: the BMC seems to be there and never answers.
    const { createSocket } = await import('node:dgram');
    const silent = createSocket('udp4');
    await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
    ends.push(() => silent.close());
    writeFileSync(folder.file('password'), PASSWORD, { mode: 0o600 });
    writeFileSync(
      folder.file('torpor.yaml'),
      `api: { listen: "127.0.0.1:0" }\nplatforms:\n  - name: lab\n    power:\n      bmc: { driver: ipmi, host: 127.0.0.1, port: ${silent.address().port}, user: u, passwordFile: password }\n`,
    );
    const run = io.run('check', '--config', folder.file('torpor.yaml'));
    await eventually('the question', () => io.signalListeners === 1);
    io.signal('SIGINT');
    expect(await run).toBe(1);
    expect(io.stderr).toContain('interrupted before everything was checked');
  });
});
