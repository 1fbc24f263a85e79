// `torpor check` on what keeps platforms awake, and on what of this machine could end their connections.
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CheckFinding } from '../../src/cli/check/check-finding.ts';
import { CheckReport } from '../../src/cli/check/check-finding.ts';
import { checkInhibitors } from '../../src/cli/check/check-inhibitors.ts';
import { checkBmcAddress, checkConnectionTracking } from '../../src/cli/check/check-surroundings.ts';
import { parseConfig } from '../../src/config/load-config.ts';
import type { PowerReading } from '../../src/platform/ports.ts';
import { TempFolder } from '../support/temp-folder.ts';

const NEVER = new AbortController().signal;
const RUNS: PowerReading = { atMs: 1, acpi: 'S0', acpiSource: 'sensor', powerBit: true, watts: 184 };

function platformOf(inhibitors: string, bmcHost = '10.0.9.11') {
  const text = `platforms:
  - name: lab
    power: { bmc: { driver: ipmi, host: "${bmcHost}", user: torpor, passwordEnv: X } }
    inhibitors: ${inhibitors}
    vms: [ { name: one, listeners: [ { listen: "127.0.0.1:2222", target: "10.0.0.7:22" } ] } ]
`;
  const [platform] = parseConfig(text, 'torpor.yaml', '/etc/torpor').config.platforms;
  if (platform === undefined) throw new Error('no platform');
  return platform;
}

async function findings(inhibitors: string, reading: PowerReading | null = RUNS): Promise<CheckFinding[]> {
  const report = new CheckReport('lab');
  await checkInhibitors(platformOf(inhibitors), reading, report, NEVER);
  return report.findings;
}

async function told(inhibitors: string, reading: PowerReading | null = RUNS): Promise<string[]> {
  return (await findings(inhibitors, reading)).map(({ outcome, subject, what }) => `${outcome} ${subject}: ${what}`);
}

describe('check: inhibitors', () => {
  it('none -> nothing is told', async () => {
    expect(await told('{}')).toEqual([]);
  });

  it('checks that are free, busy, wrong, and wrong but ignored -> ok, warning, failed, warning', async () => {
    const checks = `{ checks: [
      { name: a, command: "echo no rsync" }, { name: b, command: "echo rsync runs; exit 1" },
      { name: c, command: "exit 7" }, { name: d, command: "exit 7", onError: ignore }, { name: e, command: "sleep 60", timeout: 200ms } ] }`;
    expect((await told(checks)).sort()).toEqual([
      'failed check c: cannot be asked: exit code 7',
      'failed check e: cannot be asked: no answer within 200ms',
      'ok check a: no rsync',
      'warning check b: busy: rsync runs',
      'warning check d: cannot be asked: exit code 7',
    ]);
  });

  it('looks at the host -> a line each, with its reason', async () => {
    const lines = await told('{ hostChecks: { run: "sh -s", checks: [sanlock, vfio, mem-sleep] } }');
    expect(lines.map((line) => line.split(':')[0]?.replace(/^\w+ /, ''))).toEqual([
      'host sanlock',
      'host vfio',
      'host mem-sleep',
    ]);
  });

  it('a channel that fails -> every look failed, with what to do', async () => {
    const all = await findings('{ hostChecks: { run: "exit 255", checks: [sanlock, vfio] } }');
    expect(all).toMatchObject([
      { outcome: 'failed', subject: 'host sanlock', what: 'cannot be asked: exit code 255' },
      { outcome: 'failed', subject: 'host vfio' },
    ]);
    expect(all.every(({ todo }) => todo !== null)).toBe(true);
  });

  it('the platform sleeps -> nothing is asked of it', async () => {
    const asleep: PowerReading = { ...RUNS, acpi: 'S3' };
    expect(await told('{ checks: [ { name: a, command: "exit 7" } ] }', asleep)).toEqual([
      'skipped check a: the platform does not run',
    ]);
  });

  it('schedules -> when they come next, and which are open now', async () => {
    const lines = await told(
      '{ awake: [ { name: always, cron: "* * * * *", for: 1h } ], wakeAt: [ { name: backup, cron: "0 3 29 2 *", for: 1h, timezone: UTC } ] }',
    );
    expect(lines[0]).toMatch(/^ok schedule always: kept awake now, for (59m|1h)/);
    expect(lines[1]).toMatch(/^ok schedule backup: woken, and kept awake next in \d+d/);
  });

  it.each([
    [RUNS, 'ok busy watts: draws 184 W now, idle is learned, more than 60 W above it is work'],
    [{ ...RUNS, watts: null }, 'failed busy watts: the BMC gives no power reading'],
  ])('busyWatts: %o -> %s', async (reading, line) => {
    expect(await told('{ busyWatts: { margin: 60 } }', reading)).toEqual([line]);
  });
});

describe('check: surroundings', () => {
  let folder: TempFolder;
  beforeEach(() => {
    folder = new TempFolder('tracking');
  });
  afterEach(() => folder.remove());

  it.each([
    ['432000', 'ok', '5d'],
    ['43200', 'ok', '12h'],
    ['43199', 'warning', '11h 59m'],
    ['600', 'warning', '10m'],
  ])('connection tracking of %s s -> %s', async (seconds, outcome, age) => {
    writeFileSync(folder.file('timeout'), `${seconds}\n`);
    const report = new CheckReport(null);
    await checkConnectionTracking(report, folder.file('timeout'));
    expect(report.findings).toMatchObject([{ outcome, what: expect.stringContaining(age) }]);
  });

  it('connection tracking: not loaded -> ok, and what cannot be seen', async () => {
    const report = new CheckReport(null);
    await checkConnectionTracking(report, folder.file('missing'));
    expect(report.findings).toMatchObject([{ outcome: 'ok', what: expect.stringContaining('cannot be seen') }]);
  });

  it.each([
    ['10.0.9.11', 0],
    ['10.0.0.7', 1],
  ])('BMC at %s, a VM at 10.0.0.7 -> %d warnings', (host, count) => {
    const report = new CheckReport('lab');
    checkBmcAddress(platformOf('{}', host), report);
    expect(report.findings).toHaveLength(count);
  });
});
