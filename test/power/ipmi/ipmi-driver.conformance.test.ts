// Peer: OpenIPMI's ipmi_sim, a BMC written by others, driven by Torpor's own RMCP+ client over cipher suite 3.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BmcSession, openBmcSession } from '../../../src/power/ipmi/bmc-session.ts';
import { GET_ACPI_POWER_STATE } from '../../../src/power/ipmi/commands/get-acpi-power-state.ts';
import { GET_DEVICE_ID } from '../../../src/power/ipmi/commands/get-device-id.ts';
import { IpmiDriver } from '../../../src/power/ipmi/ipmi-driver.ts';
import { pingPresence } from '../../../src/power/ipmi/presence-ping.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { OPEN_IPMI_OPERATOR, OPEN_IPMI_PASSWORD, OPEN_IPMI_USER, OpenIpmiBmc } from '../support/open-ipmi-bmc.ts';
import { findProgram } from '../support/peer-program.ts';

const ipmiSim = findProgram('ipmi_sim');
const signal = AbortSignal.timeout(120_000);

describe.skipIf(ipmiSim === null)('IPMI driver against OpenIPMI ipmi_sim (skipped: ipmi_sim is not installed)', () => {
  let bmc: OpenIpmiBmc;
  let driver: IpmiDriver;

  beforeAll(async () => {
    bmc = await OpenIpmiBmc.start(ipmiSim as string);
  });
  afterAll(async () => {
    await bmc.stop();
  });

  const access = () => ({
    host: '127.0.0.1',
    port: bmc.port,
    user: OPEN_IPMI_OPERATOR,
    password: OPEN_IPMI_PASSWORD,
    cipherSuite: 3 as const,
    clock: systemClock,
  });

  beforeEach(() => {
    driver = new IpmiDriver({ ...access(), sleep: 'S3' });
  });
  afterEach(async () => {
    await driver.close();
    await bmc.setPower(true);
    await bmc.setAcpiOffset(0);
    await bmc.setWatts(184);
  });

  it('presence ping -> an IPMI BMC is there', async () => {
    expect(await pingPresence({ host: '127.0.0.1', port: bmc.port, clock: systemClock })).toBe('ipmi');
  });

  it('proveWake as operator -> proven, ACPI state sensor and power meter found in the SDR', async () => {
    const proof = await driver.proveWake(signal);
    expect(proof.why).toMatch(/operator session .* ACPI state S0 by sensor, power bit on, 184 W/);
    expect(proof.why).toMatch(/ACPI state sensor "ACPI State" and power meter "Pwr Meter" among 2 sensor records/);
    expect(proof.proven).toBe(true);
    expect(driver.capabilities()).toEqual({
      sleep: 'S3',
      retainsRam: true,
      readsSleepState: 'sensor',
      wakeMethods: ['chassis-on'],
    });
  });

  it('the sensor moves to S3 -> readPower follows', async () => {
    expect((await driver.readPower(signal)).acpi).toBe('S0');
    await bmc.setAcpiOffset(3);
    await bmc.setPower(false);
    await bmc.setWatts(8);
    const asleep = async () => {
      const { acpi, acpiSource, powerBit, watts } = await driver.readPower(signal);
      return { acpi, acpiSource, powerBit, watts };
    };
    await expect
      .poll(asleep, { timeout: 5000 })
      .toEqual({ acpi: 'S3', acpiSource: 'sensor', powerBit: false, watts: 8 });
  });

  it('requestSleep, requestWake -> chassis soft once, chassis on though the bit says on', async () => {
    const before = (await bmc.deeds()).length;
    expect((await driver.requestSleep(signal)).outcome).toBe('accepted');
    expect((await driver.requestWake('chassis-on', signal)).outcome).toBe('accepted');
    expect((await bmc.deeds()).slice(before)).toEqual(['shutdown 1', 'power 1']);
  });

  it('power bit off -> requestSleep is refused and nothing is pressed', async () => {
    await bmc.setPower(false);
    const before = (await bmc.deeds()).length;
    const answer = await driver.requestSleep(signal);
    expect(answer.outcome).toBe('refused');
    expect(answer.attempts.join('; ')).toMatch(/power off; chassis soft not sent: the power is off already/);
    expect((await bmc.deeds()).length).toBe(before);
  });

  it('Get ACPI Power State, which ipmi_sim does not know -> ERR_IPMI_COMPLETION, C1h in words', async () => {
    const session = await openBmcSession(access());
    await expect(session.run(GET_ACPI_POWER_STATE, undefined)).rejects.toMatchObject({
      code: 'ERR_IPMI_COMPLETION',
      completionCode: 0xc1,
      message: expect.stringContaining('does not know this command'),
    });
    await session.close();
  });

  it('Get Device ID -> what the emulator was configured with', async () => {
    const session = await openBmcSession({ ...access(), user: OPEN_IPMI_USER, privilege: 'administrator' });
    expect(await session.run(GET_DEVICE_ID, undefined)).toMatchObject({
      deviceId: 0,
      deviceRevision: 3,
      firmwareMajor: 9,
      firmwareMinor: 8,
      ipmiVersion: '2.0',
      manufacturerId: 0x1291,
      productId: 0xf02,
    });
    await session.close();
  });

  it('wrong password -> ERR_IPMI_AUTHENTICATION, without the password', async () => {
    const session = new BmcSession({ ...access(), password: 'not-the-one' });
    const failure = await session.open().catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ code: 'ERR_IPMI_AUTHENTICATION' });
    expect(String(failure)).not.toContain('not-the-one');
    await session.close();
  });

  it('unknown user -> ERR_IPMI_AUTHENTICATION', async () => {
    const session = new BmcSession({ ...access(), user: 'nobody' });
    await expect(session.open()).rejects.toMatchObject({ code: 'ERR_IPMI_AUTHENTICATION' });
    await session.close();
  });

  it('cipher suite 17, which ipmi_sim does not speak -> ERR_IPMI_CIPHER_SUITE', async () => {
    const session = new BmcSession({ ...access(), cipherSuite: 17 });
    await expect(session.open()).rejects.toMatchObject({ code: 'ERR_IPMI_CIPHER_SUITE' });
    await session.close();
  });

  it('the BMC restarts -> the next call opens a new session and answers', async () => {
    expect((await driver.readPower(signal)).acpi).toBe('S0');
    await bmc.restart();
    const reading = async () => (await driver.readPower(signal).catch(() => null))?.acpi;
    await expect.poll(reading, { timeout: 20_000 }).toBe('S0');
  });
});
