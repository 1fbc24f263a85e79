// Peers: OpenIPMI's ipmi_sim and pyghmi's BMC, written by others, driven by Torpor's own RMCP+ client over cipher suite 3.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BmcSession, openBmcSession } from '../../../src/power/ipmi/bmc-session.ts';
import { ADD_SEL_ENTRY } from '../../../src/power/ipmi/commands/add-sel-entry.ts';
import { GET_ACPI_POWER_STATE } from '../../../src/power/ipmi/commands/get-acpi-power-state.ts';
import { GET_DEVICE_ID } from '../../../src/power/ipmi/commands/get-device-id.ts';
import { IpmiDriver } from '../../../src/power/ipmi/ipmi-driver.ts';
import { pingPresence } from '../../../src/power/ipmi/presence-ping.ts';
import { readSel } from '../../../src/power/ipmi/sel-reader.ts';
import { describeSelRecord } from '../../../src/power/ipmi/sel-words.ts';
import { encodeTorporRecord } from '../../../src/power/ipmi/torpor-record.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { PATIENT } from '../../support/eventually.ts';
import { freePort } from '../../support/ports.ts';
import { OPEN_IPMI_OPERATOR, OPEN_IPMI_PASSWORD, OPEN_IPMI_USER, OpenIpmiBmc } from '../support/open-ipmi-bmc.ts';
import { findProgram } from '../support/peer-program.ts';
import { findPyghmi, PyghmiBmc } from '../support/pyghmi.ts';

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
  // ipmi_sim reads its files every 50 ms: the next test may be sooner.
  afterEach(async () => {
    await bmc.setPower(true);
    await bmc.setAcpiOffset(0);
    await bmc.setWatts(184);
    await expect.poll(reading, PATIENT).toEqual(IN_USE);
    await driver.close();
  });

  const IN_USE = { acpi: 'S0', acpiSource: 'sensor', powerBit: true, watts: 184 };
  const reading = async () => {
    const { acpi, acpiSource, powerBit, watts } = await driver.readPower(signal);
    return { acpi, acpiSource, powerBit, watts };
  };

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
    await expect.poll(reading, PATIENT).toEqual({ acpi: 'S3', acpiSource: 'sensor', powerBit: false, watts: 8 });
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

  it('cipherSuite auto -> 3, the only one it speaks', async () => {
    const session = await openBmcSession({ ...access(), cipherSuite: 'auto' });
    expect(session.suite?.id).toBe(3);
    await session.close();
  });

  it('what it can do -> no DCMI, a watchdog at rest, a log', async () => {
    const profile = await driver.readProfile(signal);
    expect(profile).toMatchObject({
      acpiCommand: 'unsupported',
      acpiSensor: { name: '"ACPI State"', number: 1 },
      dcmi: null,
      wattsFrom: { kind: 'sensor', name: '"Pwr Meter"' },
      watchdog: { running: false },
    });
    expect(await driver.readWatchdog(signal)).toMatchObject({ running: false });
  });

  it('a record of ours in its log -> stamped, read back, decoded', async () => {
    const record = { kind: 'transition', from: 'suspending', to: 'asleep', pool: 0, leftOut: 0 } as const;
    const before = await readSel(driver.runner, signal);
    const recordId = await driver.runner.run(ADD_SEL_ENTRY, encodeTorporRecord(record), { signal });
    const { records, problem } = await readSel(driver.runner, signal);
    expect([problem, records.length]).toEqual([null, before.records.length + 1]);
    const entry = describeSelRecord(records.at(-1) as Uint8Array);
    expect(entry).toMatchObject({ recordId, torpor: record });
  });

  it('its own event, logged when the sensor moves -> in words', async () => {
    await bmc.setAcpiOffset(3);
    const words = async () => {
      const { records } = await readSel(driver.runner, signal);
      return records.map((each) => describeSelRecord(each).words).join('\n');
    };
    await expect.poll(words, PATIENT).toMatch(/system ACPI power state #01h: S3, suspended to RAM/);
  });

  it('three controllers at once -> each is answered', async () => {
    const sessions = [1, 2, 3].map(() => new BmcSession(access()));
    const ids = await Promise.all(sessions.map((each) => each.run(GET_DEVICE_ID, undefined, { signal })));
    expect(ids.map(({ ipmiVersion }) => ipmiVersion)).toEqual(['2.0', '2.0', '2.0']);
    await Promise.all(sessions.map((each) => each.close()));
  });

  it('the BMC restarts -> the next call opens a new session and answers', async () => {
    expect((await driver.readPower(signal)).acpi).toBe('S0');
    await bmc.restart();
    await expect.poll(() => reading().catch(() => null), PATIENT).toEqual(IN_USE);
  });
});

describe.skipIf(ipmiSim === null)('a BMC key on OpenIPMI ipmi_sim (skipped: ipmi_sim is not installed)', () => {
  const kg = 'a-key-of-the-BMC';
  let bmc: OpenIpmiBmc;

  beforeAll(async () => {
    bmc = await OpenIpmiBmc.start(ipmiSim as string, kg);
  });
  afterAll(async () => {
    await bmc.stop();
  });

  const open = (key: string | null) =>
    openBmcSession({
      ...{ host: '127.0.0.1', port: bmc.port, user: OPEN_IPMI_OPERATOR, password: OPEN_IPMI_PASSWORD, kg: key },
      clock: systemClock,
    });

  it('the right key, as text and as hex -> a session', async () => {
    for (const key of [kg, `0x${Buffer.from(kg).toString('hex')}`]) {
      const session = await open(key);
      expect((await session.run(GET_DEVICE_ID, undefined)).ipmiVersion).toBe('2.0');
      await session.close();
    }
  });

  it('none, or another -> ERR_IPMI_AUTHENTICATION', async () => {
    for (const key of [null, 'another key'])
      await expect(open(key)).rejects.toMatchObject({ code: 'ERR_IPMI_AUTHENTICATION' });
  });
});

const pyghmi = findPyghmi();

describe.skipIf(pyghmi === null).each([
  ['without a BMC key', undefined],
  ['with a BMC key', 'another BMC key'],
])('IPMI driver against pyghmi’s BMC %s (skipped: python3-pyghmi is not installed)', (_what, kg) => {
  let bmc: PyghmiBmc;
  let driver: IpmiDriver;

  beforeAll(async () => {
    bmc = await PyghmiBmc.start(pyghmi as string, await freePort(), 'torpor', 'open sesame', kg);
    driver = new IpmiDriver({
      ...{ host: '127.0.0.1', port: bmc.port, user: 'torpor', password: 'open sesame', kg },
      ...{ clock: systemClock, sleep: 'S5' },
    });
  });
  afterAll(async () => {
    await driver.close();
    await bmc.stop();
  });

  it('proveWake -> proven over suite 3, which it lists; nothing but the power bit is there', async () => {
    const proof = await driver.proveWake(signal);
    expect(proof.why).toMatch(/operator session .* cipher suite 3 .* power bit on/);
    expect(proof.proven).toBe(true);
    expect(await driver.readWatchdog(signal)).toBeNull();
  });

  it('sleep, read, wake -> soft once, off, on', async () => {
    expect((await driver.requestSleep(signal)).outcome).toBe('accepted');
    expect((await driver.readPower(signal)).powerBit).toBe(false);
    expect((await driver.requestWake('chassis-on', signal)).outcome).toBe('accepted');
    expect((await driver.readPower(signal)).powerBit).toBe(true);
    await expect.poll(() => bmc.deeds, PATIENT).toEqual(['soft', 'power on']);
  });
});
