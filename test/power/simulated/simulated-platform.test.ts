// A whole simulated platform over real UDP and TCP: the driver presses, the host sleeps, the VMs freeze, and back.
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { IpmiDriver } from '../../../src/power/ipmi/ipmi-driver.ts';
import { SimulatedPlatform, type SimulatedPlatformOptions } from '../../../src/power/simulated/simulated-platform.ts';
import { startStandaloneBmc } from '../../../src/power/simulated/standalone-bmc.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { PATIENT } from '../../support/eventually.ts';

const USER = 'torpor';
const PASSWORD = 'open sesame';
const never = new AbortController().signal;
const cleanups: Array<() => Promise<void>> = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startPlatform(options: Partial<SimulatedPlatformOptions> = {}): Promise<SimulatedPlatform> {
  const platform = new SimulatedPlatform({
    clock: systemClock,
    suspendMs: 20,
    resumeMs: 20,
    bootMs: 20,
    user: USER,
    password: PASSWORD,
    vms: [{ name: '1' }, { name: '2' }],
    ...options,
  });
  await platform.start();
  cleanups.push(() => platform.stop());
  return platform;
}

function driverFor(port: number, cipherSuite: 3 | 17 = 17): IpmiDriver {
  const access = { host: '127.0.0.1', port, user: USER, password: PASSWORD };
  const driver = new IpmiDriver({ ...access, cipherSuite, sleep: 'S3', clock: systemClock });
  cleanups.push(() => driver.close());
  return driver;
}

/** An open connection to a VM that asks and reads lines. */
function lineClient(port: number) {
  const socket = connect(port, '127.0.0.1');
  const state = { heard: '', problem: '' };
  socket.on('data', (bytes: Buffer) => {
    state.heard += bytes.toString();
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    state.problem = error.code ?? '';
  });
  cleanups.push(async () => {
    socket.destroy();
  });
  return { socket, state };
}

describe('simulated platform', () => {
  it.each([3, 17] as const)('suite %i: sleep and wake through the driver -> VMs freeze and carry on', async (suite) => {
    const platform = await startPlatform();
    const driver = driverFor(platform.bmcPort, suite);
    const { bootId } = platform.host;
    const { socket, state } = lineClient(platform.vm('1').port);
    socket.write('before\n');
    await expect.poll(() => state.heard, PATIENT).toBe(`vm1 n=1 boot=${bootId} before\n`);
    expect((await driver.readPower(never)).acpi).toBe('S0');
    expect((await driver.requestSleep(never)).outcome).toBe('accepted');
    await expect.poll(async () => (await driver.readPower(never)).acpi, PATIENT).toBe('S3');
    expect(platform.vms.map((vm) => vm.state)).toEqual(['frozen', 'frozen']);
    socket.write('asleep\n');
    expect((await driver.requestWake('chassis-on', never)).outcome).toBe('accepted');
    await expect
      .poll(() => state.heard, PATIENT)
      .toBe(`vm1 n=1 boot=${bootId} before\nvm1 n=2 boot=${bootId} asleep\n`);
    expect([state.problem, platform.host.buttonPresses]).toEqual(['', 1]);
  });

  it('power off and on while a client is connected -> its connection is reset, the boot id is another', async () => {
    const platform = await startPlatform();
    const { bootId } = platform.host;
    const { socket, state } = lineClient(platform.vmPorts[0] as number);
    socket.write('x\n');
    await expect.poll(() => state.heard, PATIENT).not.toBe('');
    platform.host.powerOff();
    expect(platform.vm('1').state).toBe('down');
    platform.host.powerOn();
    await expect.poll(() => state.problem, PATIENT).toBe('ECONNRESET');
    await expect.poll(() => platform.vm('1').state, PATIENT).toBe('answering');
    expect(platform.vm('1').bootId).not.toBe(bootId);
  });

  it('reset while asleep -> RAM is lost, VMs boot anew', async () => {
    const platform = await startPlatform();
    const { bootId } = platform.host;
    platform.host.pressPowerButton();
    await expect.poll(() => platform.host.phase, PATIENT).toBe('asleep');
    platform.host.reset();
    await expect.poll(() => platform.vm('2').state, PATIENT).toBe('answering');
    expect([platform.vm('2').bootId === bootId, platform.vm('2').bootId]).toEqual([false, platform.host.bootId]);
  });

  it('20 % of all datagrams dropped -> the driver still sleeps and wakes it', async () => {
    const platform = await startPlatform({ seed: 7 });
    const driver = driverFor(platform.bmcPort);
    await driver.readPower(never);
    platform.bmc.faults.dropPercent = 20;
    for (let reading = 0; reading < 3; reading += 1) expect((await driver.readPower(never)).acpi).toBe('S0');
    platform.bmc.faults.dropPercent = 0;
    expect((await driver.requestSleep(never)).outcome).toBe('accepted');
    await expect.poll(() => platform.host.phase, PATIENT).toBe('asleep');
    platform.bmc.faults.dropPercent = 20;
    expect((await driver.requestWake('chassis-on', never)).outcome).toBe('accepted');
    await expect.poll(() => platform.host.phase, PATIENT).toBe('running');
  });

  it('every chassis control that arrives is on record, in order; a repeat that gets its old answer is not', async () => {
    const platform = await startPlatform();
    const driver = driverFor(platform.bmcPort);
    await driver.requestSleep(never);
    await expect.poll(() => platform.host.phase, PATIENT).toBe('asleep');
    platform.bmc.faults.losesDeedAnswers = true;
    const waking = driver.requestWake('chassis-on', never);
    await expect.poll(() => platform.host.phase, PATIENT).toBe('running');
    platform.bmc.faults.losesDeedAnswers = false;
    expect((await waking).outcome).toBe('accepted');
    expect(platform.bmc.chassisActions).toEqual(['soft', 'power-on']);
    expect(platform.bmc.executed('Chassis Control')).toBe(2);
  });

  it('a password that is changed -> open sessions go on, new ones need it; of an unknown user nothing', async () => {
    const platform = await startPlatform();
    const before = driverFor(platform.bmcPort);
    await before.readPower(never);
    platform.bmc.changePassword('nobody', 'x');
    platform.bmc.changePassword(USER, 'another one');
    expect((await before.readPower(never)).acpi).toBe('S0');
    await expect(driverFor(platform.bmcPort).readPower(never)).rejects.toMatchObject({
      code: 'ERR_IPMI_AUTHENTICATION',
    });
    platform.bmc.changePassword(USER, PASSWORD);
    expect((await driverFor(platform.bmcPort).readPower(never)).acpi).toBe('S0');
  });

  it('a deed that is late -> carried out and answered late, questions are not', async () => {
    const platform = await startPlatform();
    const driver = driverFor(platform.bmcPort);
    await driver.readPower(never);
    platform.bmc.faults.deedDelayMs = 100;
    const pressing = driver.requestSleep(never);
    await expect.poll(() => platform.bmc.executed('Get Chassis Status'), PATIENT).toBeGreaterThan(0);
    expect(platform.host.buttonPresses).toBe(0);
    expect((await pressing).outcome).toBe('accepted');
    expect(platform.host.buttonPresses).toBe(1);
  });

  it('an unknown VM -> ERR_PLATFORM_UNKNOWN with the names there are', async () => {
    const platform = await startPlatform();
    expect(() => platform.vm('3')).toThrow(/no simulated VM is called "3"; there are: 1, 2/);
  });

  it('stopped -> ports are closed, stop twice is no error', async () => {
    const platform = await startPlatform();
    const [port] = platform.vmPorts;
    await platform.stop();
    await platform.stop();
    const { state } = lineClient(port as number);
    await expect.poll(() => state.problem, PATIENT).toBe('ECONNREFUSED');
  });
});

describe('standalone BMC', () => {
  it('started alone -> a driver sleeps and wakes it, changes are told', async () => {
    const changes: string[] = [];
    const bmc = await startStandaloneBmc({
      clock: systemClock,
      port: 0,
      user: USER,
      password: PASSWORD,
      suspendMs: 10,
      resumeMs: 10,
      onChange: ({ phase, why }) => changes.push(`${phase}: ${why}`),
    });
    cleanups.push(() => bmc.stop());
    const driver = driverFor(bmc.port);
    await driver.requestSleep(never);
    await expect.poll(() => bmc.powerState(), PATIENT).toBe('S3');
    await driver.requestWake('chassis-on', never);
    await expect
      .poll(() => changes, PATIENT)
      .toEqual([
        'suspending: power button pressed',
        'asleep: the operating system suspended to RAM',
        'resuming: chassis on',
        'running: resumed from RAM',
      ]);
  });

  it('its port is taken -> ERR_IPMI_LISTEN that names it', async () => {
    const other = createSocket('udp4');
    await new Promise<void>((resolve) => other.bind(0, '127.0.0.1', resolve));
    cleanups.push(() => new Promise((resolve) => other.close(() => resolve())));
    const { port } = other.address();
    const starting = startStandaloneBmc({ clock: systemClock, port, user: USER, password: PASSWORD });
    await expect(starting).rejects.toMatchObject({
      code: 'ERR_IPMI_LISTEN',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
  });
});
