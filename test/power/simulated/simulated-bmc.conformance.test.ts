// Peers: ipmitool and FreeIPMI, which drive the simulated BMC over RMCP+ as they would a real one.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AcpiState } from '../../../src/platform/ports.ts';
import { SimulatedBmc } from '../../../src/power/simulated/simulated-bmc.ts';
import { SimulatedHost } from '../../../src/power/simulated/simulated-host.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { findProgram, type ProgramResult, runProgram } from '../support/peer-program.ts';

const ipmitool = findProgram('ipmitool');
const ipmiChassis = findProgram('ipmi-chassis');
const ipmipower = findProgram('ipmipower');

const USER = 'torpor';
const PASSWORD = 'a 20 byte password!!';

let host: SimulatedHost;
let bmc: SimulatedBmc;

beforeEach(async () => {
  host = new SimulatedHost({ clock: systemClock, suspendMs: 50, resumeMs: 50, bootMs: 50, powerBitInS3: true });
  bmc = new SimulatedBmc({
    machine: host,
    clock: systemClock,
    users: [
      { name: USER, password: PASSWORD, privilege: 'administrator' },
      { name: 'reader', password: PASSWORD, privilege: 'user' },
    ],
  });
  await bmc.start();
});

afterEach(async () => {
  host.stop();
  await bmc.stop();
});

/** Waits until the host is in the state that a command led to. */
async function hostReaches(state: AcpiState, phase: string): Promise<void> {
  await expect.poll(() => [host.powerState(), host.phase], { timeout: 5000 }).toEqual([state, phase]);
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
  }
});
