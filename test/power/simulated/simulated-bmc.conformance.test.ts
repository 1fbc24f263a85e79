// Peers: ipmitool, FreeIPMI and pyghmi, which drive the simulated BMC over RMCP+ as they would a real one.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AcpiState } from '../../../src/platform/ports.ts';
import { encodeTorporRecord } from '../../../src/power/ipmi/torpor-record.ts';
import { SimulatedBmc } from '../../../src/power/simulated/simulated-bmc.ts';
import { SimulatedHost } from '../../../src/power/simulated/simulated-host.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { PATIENT } from '../../support/eventually.ts';
import { findProgram, type ProgramResult, runProgram } from '../support/peer-program.ts';
import { findPyghmi, PYGHMI_CLIENT } from '../support/pyghmi.ts';

const ipmitool = findProgram('ipmitool');
const ipmiChassis = findProgram('ipmi-chassis');
const ipmipower = findProgram('ipmipower');

const USER = 'torpor';
const PASSWORD = 'a 20 byte password!!';

const KG = 'a key of the BMC';

let host: SimulatedHost;
let bmc: SimulatedBmc;

async function startBmc(kg?: string): Promise<void> {
  host = new SimulatedHost({ clock: systemClock, suspendMs: 50, resumeMs: 50, bootMs: 50, powerBitInS3: true });
  bmc = new SimulatedBmc({
    machine: host,
    clock: systemClock,
    kg,
    users: [
      { name: USER, password: PASSWORD, privilege: 'administrator' },
      { name: 'reader', password: PASSWORD, privilege: 'user' },
    ],
  });
  await bmc.start();
}

/** The same BMC with a key of its own. */
async function startWithKey(): Promise<void> {
  await bmc.stop();
  host.stop();
  await startBmc(KG);
}

/** As the platform's own hardware would log: System ACPI Power State, sensor 1, S3. */
function logAcpiEvent(): void {
  bmc.sel.add(Uint8Array.from([0, 0, 0x02, 0, 0, 0, 0, 0x20, 0, 0x04, 0x22, 0x01, 0x6f, 0x03, 0xff, 0xff]));
}

const TORPOR_RECORD = { kind: 'transition', from: 'suspending', to: 'asleep', pool: 0, leftOut: 0 } as const;

beforeEach(() => startBmc());

afterEach(async () => {
  host.stop();
  await bmc.stop();
});

/** Waits until the host is in the state that a command led to. */
async function hostReaches(state: AcpiState, phase: string): Promise<void> {
  await expect.poll(() => [host.powerState(), host.phase], PATIENT).toEqual([state, phase]);
}

describe.skipIf(ipmitool === null)('simulated BMC, driven by ipmitool (skipped: ipmitool is not installed)', () => {
  for (const suite of [3, 17]) {
    const tool = (args: string[], user = USER, password = PASSWORD): Promise<ProgramResult> => {
      const where = ['-I', 'lanplus', '-C', String(suite), '-H', '127.0.0.1', '-p', String(bmc.port)];
      return runProgram(ipmitool as string, [...where, '-U', user, '-P', password, '-N', '2', '-R', '2', ...args]);
    };

    it(`cipher suite ${suite}: mc info -> version and devices`, async () => {
      const { exitCode, stdout } = await tool(['mc', 'info']);
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/IPMI Version\s+: 2\.0/);
      expect(stdout).toMatch(/Firmware Revision\s+: 1\.00/);
      expect(stdout).toMatch(/Chassis Device/);
    });

    it(`cipher suite ${suite}: chassis power status, soft, on -> the host suspends and resumes`, async () => {
      expect((await tool(['chassis', 'power', 'status'])).stdout).toBe('Chassis Power is on\n');
      const bootId = host.bootId;
      const soft = await tool(['chassis', 'power', 'soft']);
      expect([soft.exitCode, soft.stdout]).toEqual([0, 'Chassis Power Control: Soft\n']);
      await hostReaches('S3', 'asleep');
      expect(host.buttonPresses).toBe(1);
      expect((await tool(['chassis', 'power', 'on'])).exitCode).toBe(0);
      await hostReaches('S0', 'running');
      expect(host.bootId).toBe(bootId);
    });

    it(`cipher suite ${suite}: chassis power off, status, on -> RAM is lost`, async () => {
      const bootId = host.bootId;
      expect((await tool(['chassis', 'power', 'off'])).exitCode).toBe(0);
      await hostReaches('S5', 'off');
      expect((await tool(['chassis', 'power', 'status'])).stdout).toBe('Chassis Power is off\n');
      expect((await tool(['chassis', 'power', 'on'])).exitCode).toBe(0);
      await hostReaches('S0', 'running');
      expect(host.bootId).not.toBe(bootId);
    });

    it(`cipher suite ${suite}: sdr elist -> ACPI state and watts as ipmitool decodes them`, async () => {
      const awake = await tool(['sdr', 'elist', 'all']);
      expect(awake.exitCode).toBe(0);
      expect(awake.stdout).toMatch(/ACPI State\s+\| 01h \| ok\s+\|\s+7\.1 \| S0\/G0: working/);
      expect(awake.stdout).toMatch(/Power Meter\s+\| 02h \| ok\s+\|\s+7\.1 \| 184 Watts/);
      expect(awake.stdout).toMatch(/Simulated BMC/);
      host.pressPowerButton();
      await hostReaches('S3', 'asleep');
      const asleep = await tool(['sdr', 'elist', 'all']);
      expect(asleep.stdout).toMatch(/ACPI State\s+\| 01h \| ok\s+\|\s+7\.1 \| S3/);
      expect(asleep.stdout).toMatch(/Power Meter\s+\| 02h \| ok\s+\|\s+7\.1 \| 8 Watts/);
    });

    it(`cipher suite ${suite}: mc guid, sel info, raw Get ACPI Power State -> answered`, async () => {
      expect((await tool(['mc', 'guid'])).exitCode).toBe(0);
      expect((await tool(['sel', 'info'])).stdout).toMatch(/Entries\s+: 0/);
      expect((await tool(['raw', '0x06', '0x07'])).stdout.trim()).toBe('00 00');
    });

    it(`cipher suite ${suite}: sel list, info, get and Add SEL Entry -> as ipmitool decodes them`, async () => {
      logAcpiEvent();
      bmc.sel.add(encodeTorporRecord(TORPOR_RECORD));
      const raw = ['raw', '0x0a', '0x44', ...'0 0 0xe5 1 2 3 4 5 6 7 8 9 10 11 12 13'.split(' ')];
      expect((await tool(raw)).stdout.trim()).toBe('03 00');
      const { stdout } = await tool(['sel', 'elist']);
      const lines = stdout.trimEnd().split('\n');
      expect(lines).toHaveLength(3);
      expect(lines[0]).toMatch(/System ACPI Power State ACPI State \| S3: sleeping.* \| Asserted/);
      expect(lines[1]).toMatch(/OEM record d4 \| 000000 \| 541156000000/);
      expect(lines[2]).toMatch(/OEM record e5 \| 0102030405060708090a0b0c0d/);
      expect((await tool(['sel', 'info'])).stdout).toMatch(/Entries\s+: 3[\s\S]*Free Space\s+: 8144 bytes/);
      expect((await tool(['sel', 'time', 'get'])).exitCode).toBe(0);
      const cleared = await tool(['sel', 'clear']);
      expect([cleared.exitCode === 0, bmc.sel.records.length]).toEqual([false, 3]);
    });

    it(`cipher suite ${suite}: dcmi, watchdog -> as ipmitool decodes them`, async () => {
      expect((await tool(['dcmi', 'discover'])).stdout).toMatch(/Power management available/);
      expect((await tool(['dcmi', 'power', 'reading'])).stdout).toMatch(/Instantaneous power reading:\s+184 Watts/);
      bmc.watchdog.start(90_000, 'hard-reset');
      const running = (await tool(['mc', 'watchdog', 'get'])).stdout;
      expect(running).toMatch(/Timer Is:\s+Started\/Running[\s\S]*Hard Reset[\s\S]*Initial Countdown:\s+90\.0 sec/);
      expect((await tool(['mc', 'watchdog', 'off'])).exitCode).toBe(0);
      expect(bmc.watchdog.read().running).toBe(false);
    });

    it(`cipher suite ${suite}: a BMC key -> by -k and by -y in hex; without it, or with another, no session`, async () => {
      await startWithKey();
      expect((await tool(['-k', KG, 'mc', 'guid'])).exitCode).toBe(0);
      expect((await tool(['-y', Buffer.from(KG).toString('hex'), 'mc', 'guid'])).exitCode).toBe(0);
      expect((await tool(['mc', 'guid'])).exitCode).not.toBe(0);
      expect((await tool(['-k', 'another key', 'mc', 'guid'])).exitCode).not.toBe(0);
    });

    it(`cipher suite ${suite}: wrong password -> no session, nothing pressed`, async () => {
      const { exitCode, stderr } = await tool(['-v', 'chassis', 'power', 'soft'], USER, 'wrong');
      expect(exitCode).not.toBe(0);
      expect(stderr).toMatch(/RAKP 2 HMAC is invalid/);
      expect(host.buttonPresses).toBe(0);
    });

    it(`cipher suite ${suite}: unknown user -> "unauthorized name"`, async () => {
      const { exitCode, stderr } = await tool(['-v', 'mc', 'info'], 'nobody');
      expect(exitCode).not.toBe(0);
      expect(stderr).toMatch(/unauthorized name/);
    });

    it(`cipher suite ${suite}: user privilege -> reads, may not press`, async () => {
      const status = await tool(['-L', 'USER', 'chassis', 'power', 'status'], 'reader');
      expect(status.stdout).toBe('Chassis Power is on\n');
      const soft = await tool(['-L', 'USER', 'chassis', 'power', 'soft'], 'reader');
      expect(soft.exitCode).not.toBe(0);
      expect(soft.stderr).toMatch(/Insufficient privilege level/);
      const raised = await tool(['-v', '-L', 'OPERATOR', 'chassis', 'power', 'status'], 'reader');
      expect(raised.stderr).toMatch(/unauthorized role requested/);
      expect(host.buttonPresses).toBe(0);
    });
  }

  it('without a suite named -> ipmitool reads the list of suites and takes the best, 17', async () => {
    const where = ['-I', 'lanplus', '-vv', '-H', '127.0.0.1', '-p', String(bmc.port), '-U', USER, '-P', PASSWORD];
    const { exitCode, stdout, stderr } = await runProgram(ipmitool as string, [...where, 'mc', 'guid']);
    expect(exitCode).toBe(0);
    expect(stdout + stderr).toMatch(/Using best available cipher suite 17/);
  });

  it('sessions of finished programs -> none is left', async () => {
    const where = ['-I', 'lanplus', '-C', '17', '-H', '127.0.0.1', '-p', String(bmc.port), '-U', USER, '-P', PASSWORD];
    for (let run = 0; run < 3; run += 1) await runProgram(ipmitool as string, [...where, 'mc', 'info']);
    expect(bmc.sessionCount).toBe(0);
  });
});

const freeIpmi = ipmiChassis === null || ipmipower === null;
describe.skipIf(freeIpmi)('simulated BMC, driven by FreeIPMI (skipped: freeipmi-tools is not installed)', () => {
  for (const suite of [3, 17]) {
    const where = (): string[] => {
      const bmcHost = `127.0.0.1:${bmc.port}`;
      return ['-D', 'LAN_2_0', '-I', String(suite), '-h', bmcHost, '-u', USER, '-p', PASSWORD];
    };

    it(`cipher suite ${suite}: ipmi-chassis --get-chassis-status -> power on`, async () => {
      const { exitCode, stdout } = await runProgram(ipmiChassis as string, [...where(), '--get-chassis-status']);
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/System Power\s+: on/);
    });

    it(`cipher suite ${suite}: ipmipower --soft, --stat, --on -> the host suspends and resumes`, async () => {
      const soft = await runProgram(ipmipower as string, [...where(), '--soft']);
      expect(soft.stdout).toMatch(/ok/);
      await hostReaches('S3', 'asleep');
      const stat = await runProgram(ipmipower as string, [...where(), '--stat']);
      expect(stat.stdout).toMatch(/: on/);
      const chassis = await runProgram(ipmiChassis as string, [...where(), '--chassis-control=POWER-UP']);
      expect(chassis.exitCode).toBe(0);
      await hostReaches('S0', 'running');
    });

    it(`cipher suite ${suite}: bmc-info, ipmi-sel, ipmi-dcmi -> device, log and watts as FreeIPMI decodes them`, async () => {
      logAcpiEvent();
      bmc.sel.add(encodeTorporRecord(TORPOR_RECORD));
      const run = (name: string, ...args: string[]) => runProgram(findProgram(name) as string, [...where(), ...args]);
      const info = await run('bmc-info');
      expect(info.stdout).toMatch(/IPMI Version\s+: 2\.0[\s\S]*System GUID\s+: [0-9a-f-]{36}[\s\S]*802\.3 LAN/);
      const cache = await mkdtemp(join(tmpdir(), 'torpor-sdr-'));
      try {
        const sel = await run('ipmi-sel', '--sdr-cache-directory', cache, '--quiet-cache');
        expect(sel.stdout).toMatch(/ACPI State\s+\| System ACPI Power State\s+\| S3/);
        expect(sel.stdout).toMatch(/OEM defined = 54h 11h 56h 00h 00h 00h/);
      } finally {
        await rm(cache, { recursive: true, force: true });
      }
      const dcmi = await run('ipmi-dcmi', '--get-system-power-statistics');
      expect(dcmi.stdout).toMatch(/Current Power\s+: 184 Watts[\s\S]*Power Measurement\s+: Active/);
      const capabilities = await run('ipmi-dcmi', '--get-dcmi-capability-info');
      expect(capabilities.stdout).toMatch(/Power Management \/ Monitoring Support\s+: Available/);
    });

    it(`cipher suite ${suite}: a BMC key -> by -k; without it no session`, async () => {
      await startWithKey();
      const right = await runProgram(ipmiChassis as string, [...where(), '-k', KG, '--get-chassis-status']);
      expect(right.stdout).toMatch(/System Power\s+: on/);
      const without = await runProgram(ipmiChassis as string, [...where(), '--get-chassis-status']);
      expect(without.exitCode).not.toBe(0);
      expect(without.stderr).toMatch(/k_g/i);
    });
  }
});

const pyghmi = findPyghmi();
describe.skipIf(pyghmi === null)('simulated BMC, driven by pyghmi (skipped: python3-pyghmi is not installed)', () => {
  it.each([
    [3, undefined],
    [3, KG],
    [17, undefined],
    [17, KG],
  ])('cipher suite %i, BMC key %s -> sensors, log, watts, soft', async (suite, kg) => {
    if (kg !== undefined) await startWithKey();
    logAcpiEvent();
    const args = [PYGHMI_CLIENT, String(bmc.port), USER, PASSWORD, String(suite), ...(kg === undefined ? [] : [kg])];
    const { exitCode, stdout, stderr } = await runProgram(pyghmi as string, args);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toMatchObject({
      hash: suite === 3 ? 1 : 256,
      power: 'on',
      sensors: [
        ['ACPI State', null],
        ['Power Meter', 184],
      ],
      watts: 184,
      added: [2, 0],
      soft: { pendingpowerstate: 'softoff' },
    });
    expect(JSON.parse(stdout).events[0]).toEqual(['ACPI State', 'Sleep']);
    await hostReaches('S3', 'asleep');
    expect(host.buttonPresses).toBe(1);
  });
});
