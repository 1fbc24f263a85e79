// The IPMI power driver against a simulated BMC over a network in memory: what it answers, what it sends, what it never sends.
import { describe, expect, it } from 'vitest';
import { TorporError } from '../../../src/platform/errors.ts';
import { describeProfile } from '../../../src/power/ipmi/bmc-profile.ts';
import { IpmiDriver, type IpmiDriverOptions } from '../../../src/power/ipmi/ipmi-driver.ts';
import { type BenchOptions, type BmcBench, settleBy, setUpBench } from '../support/bmc-bench.ts';
import { LOST } from '../support/memory-network.ts';

const never = new AbortController().signal;

function driverBench(options: BenchOptions = {}, extra: Partial<IpmiDriverOptions> = {}) {
  const bench = setUpBench(options);
  const driver = new IpmiDriver({ ...bench.access, sleep: 'S3', ...extra });
  return { ...bench, driver };
}

/** Lets the host fall asleep. */
async function sleepHost({ host, clock }: BmcBench): Promise<void> {
  host.pressPowerButton();
  await clock.advance(1000);
}

describe('IPMI driver: reading', () => {
  it('awake and asleep -> state by sensor, power bit, watts', async () => {
    const bench = driverBench({ host: { powerBitInS3: true } });
    const { clock, driver } = bench;
    const awake = await settleBy(clock, 5000, driver.readPower(never));
    expect(awake).toMatchObject({ acpi: 'S0', acpiSource: 'sensor', powerBit: true, watts: 184 });
    await sleepHost(bench);
    const asleep = await settleBy(clock, 5000, driver.readPower(never));
    expect(asleep).toMatchObject({ acpi: 'S3', acpiSource: 'sensor', powerBit: true, watts: 8 });
    expect(asleep.atMs).toBeGreaterThan(awake.atMs);
  });

  it('the second reading -> three requests: the sensors are known', async () => {
    const { clock, network, driver } = driverBench();
    await settleBy(clock, 5000, driver.readPower(never));
    const before = network.fromConsole.length;
    await settleBy(clock, 5000, driver.readPower(never));
    expect(network.fromConsole.length - before).toBe(3);
  });

  it('no DCMI -> watts by the power meter of the sensor records; DCMI is not asked again', async () => {
    const { clock, network, driver } = driverBench({ bmc: { dcmi: false } });
    expect((await settleBy(clock, 5000, driver.readPower(never))).watts).toBe(184);
    const before = network.fromConsole.length;
    expect((await settleBy(clock, 5000, driver.readPower(never))).watts).toBe(184);
    expect(network.fromConsole.length - before).toBe(3);
    expect((await settleBy(clock, 5000, driver.proveWake(never))).why).not.toMatch(/DCMI/);
  });

  it('DCMI that says 0 W while the power is on -> the sensor is believed', async () => {
    const bench = driverBench({ host: { watts: { busy: 0, asleep: 0, off: 0 } } });
    const { clock, bmc, driver } = bench;
    await settleBy(clock, 5000, driver.readPower(never));
    // Both are asked: what DCMI says is no reading.
    expect([bmc.executed('Get DCMI Power Reading'), bmc.executed('Get Sensor Reading')]).toEqual([1, 2]);
  });

  it('DCMI is busy for a moment -> asked again, and again at the next reading', async () => {
    const { clock, bmc, driver } = driverBench();
    bmc.faults.refuse.set('Get DCMI Power Reading', 0xc0);
    expect((await settleBy(clock, 5000, driver.readPower(never))).watts).toBe(184);
    bmc.faults.refuse.clear();
    await settleBy(clock, 5000, driver.readPower(never));
    expect(bmc.executed('Get DCMI Power Reading')).toBe(1);
  });

  it('atMs -> the moment of the first answer, not of the last', async () => {
    const { clock, network, driver } = driverBench();
    await settleBy(clock, 5000, driver.readPower(never));
    network.toConsole = () => [100];
    const startMs = clock.nowMs();
    const reading = await settleBy(clock, 5000, driver.readPower(never));
    expect(reading.atMs - startMs).toBe(101);
    expect(clock.nowMs() - startMs).toBeGreaterThanOrEqual(303);
  });

  it('no sensor -> by Get ACPI Power State', async () => {
    const bench = driverBench({ bmc: { acpiSensor: false, powerSensor: false, dcmi: false } });
    const { clock, driver } = bench;
    await sleepHost(bench);
    const reading = await settleBy(clock, 5000, driver.readPower(never));
    expect(reading).toMatchObject({ acpi: 'S3', acpiSource: 'command', watts: null });
    expect(driver.capabilities().readsSleepState).toBe('command');
  });

  it('no sensor, and the command answers C1h -> power bit alone; the command is not asked again', async () => {
    const { clock, network, driver } = driverBench({
      bmc: { acpiSensor: false, acpiCommand: false, powerSensor: false, dcmi: false },
    });
    const reading = await settleBy(clock, 5000, driver.readPower(never));
    expect(reading).toMatchObject({ acpi: null, acpiSource: null, powerBit: true, watts: null });
    const before = network.fromConsole.length;
    await settleBy(clock, 5000, driver.readPower(never));
    expect(network.fromConsole.length - before).toBe(1);
  });

  it.each([
    ['S3', {}, 'sensor'],
    ['S3', { acpiSensor: false }, 'command'],
    ['S3', { acpiSensor: false, acpiCommand: false }, 'none'],
    ['S5', { acpiSensor: false, acpiCommand: false }, 'power-bit'],
    ['S5', {}, 'sensor'],
  ] as const)('sleep %s, BMC %o -> readsSleepState %s', async (sleep, bmc, expected) => {
    const { clock, driver } = driverBench({ bmc }, { sleep });
    expect(driver.capabilities().readsSleepState).toBe(sleep === 'S3' ? 'sensor' : 'power-bit');
    await settleBy(clock, 5000, driver.proveWake(never));
    expect(driver.capabilities()).toEqual({
      sleep,
      retainsRam: sleep === 'S3',
      readsSleepState: expected,
      wakeMethods: ['chassis-on'],
    });
  });

  it('the BMC restarts -> the next reading is answered; the SDR is not walked again', async () => {
    const { clock, bmc, driver } = driverBench();
    await settleBy(clock, 5000, driver.readPower(never));
    const walked = bmc.executed('Get SDR');
    bmc.restart();
    expect((await settleBy(clock, 10_000, driver.readPower(never))).acpi).toBe('S0');
    await settleBy(clock, 5000, driver.readPower(never));
    expect([bmc.executed('Get SDR'), bmc.executed('Get SDR Repository Info')]).toEqual([walked, 2]);
  });

  it('the reservation is lost in the middle of the walk -> reserved anew, both sensors found', async () => {
    const { clock, bmc, network, driver } = driverBench();
    let reads = 0;
    network.toBmc = () => {
      reads += 1;
      // The walk takes about 14 packets; the BMC's repository changes under it twice.
      if (reads === 10 || reads === 14) bmc.changeRepository();
      return [1];
    };
    const reading = await settleBy(clock, 10_000, driver.readPower(never));
    expect(reading).toMatchObject({ acpiSource: 'sensor', watts: 184 });
    expect(bmc.executed('Reserve SDR Repository')).toBe(3);
  });

  it('the repository cannot be read -> reading goes on without sensors, proveWake tells', async () => {
    const { clock, bmc, driver } = driverBench();
    bmc.faults.refuse.set('Get SDR', 0xd5);
    const proof = await settleBy(clock, 10_000, driver.proveWake(never));
    expect(proof.proven).toBe(true);
    expect(proof.why).toMatch(/ACPI state S0 by command.*reading sensor records ended early: Get SDR/);
  });

  it.each([
    ['Get Sensor Reading', {}, { acpi: 'S0', acpiSource: 'command', watts: 184 }],
    ['Get ACPI Power State', { acpiSensor: false }, { acpi: null, acpiSource: null, watts: 184 }],
    ['Get DCMI Power Reading', {}, { acpi: 'S0', acpiSource: 'sensor', watts: 184 }],
  ] as const)('%s is answered with nothing (00h, no bytes) -> what else the BMC tells', async (name, bmc, told) => {
    const bench = driverBench({ bmc });
    bench.bmc.faults.refuse.set(name, 0x00);
    const reading = settleBy(bench.clock, 10_000, bench.driver.readPower(never));
    expect(await reading).toMatchObject({ powerBit: true, ...told });
  });

  it('the BMC is still starting (D2h) in the first walk -> walked again a minute later; readings do not wait for it', async () => {
    const { clock, bmc, driver } = driverBench();
    bmc.faults.refuse.set('Get SDR', 0xd2);
    const read = () => settleBy(clock, 10_000, driver.readPower(never));
    expect(await read()).toMatchObject({ acpiSource: 'command' });
    bmc.faults.refuse.delete('Get SDR');
    await clock.advance(50_000);
    expect([(await read()).acpiSource, bmc.executed('Get SDR')]).toEqual(['command', 0]);
    await clock.advance(10_000);
    expect((await read()).acpiSource).toBe('command');
    await clock.advance(1000);
    const walked = bmc.executed('Get SDR');
    expect([(await read()).acpiSource, walked > 0]).toEqual(['sensor', true]);
    await clock.advance(60_000);
    await read();
    await clock.advance(1000);
    expect([bmc.executed('Get SDR'), bmc.executed('Set Session Privilege Level')]).toEqual([walked, 1]);
  });

  it('several readings at once -> one walk', async () => {
    const { clock, bmc, driver } = driverBench();
    const readings = [1, 2, 3].map(() => driver.readPower(never));
    await settleBy(clock, 10_000, Promise.all(readings));
    expect(bmc.executed('Get SDR Repository Info')).toBe(1);
  });

  it('the caller gives up during the walk -> ERR_IPMI_TIMEOUT at once; the walk serves the next one', async () => {
    const { clock, bmc, network, driver } = driverBench();
    network.toBmc = () => [50];
    const abort = new AbortController();
    const given = driver.readPower(abort.signal).catch((thrown: unknown) => thrown);
    await clock.advance(500);
    abort.abort();
    expect(await settleBy(clock, 5, given)).toMatchObject({ code: 'ERR_IPMI_TIMEOUT' });
    await settleBy(clock, 10_000, driver.readPower(never));
    expect(bmc.executed('Get SDR Repository Info')).toBe(1);
  });

  it('the BMC is silent -> rejects with ERR_IPMI_TIMEOUT', async () => {
    const { clock, bmc, driver } = driverBench();
    bmc.faults.silent = true;
    const failing = driver.readPower(never).catch((thrown: unknown) => thrown);
    expect(await settleBy(clock, 10_000, failing)).toMatchObject({ code: 'ERR_IPMI_TIMEOUT' });
  });
});

describe('IPMI driver: sleep', () => {
  it('all goes well -> accepted, one press, the host sleeps', async () => {
    const { clock, host, driver } = driverBench();
    const answer = await settleBy(clock, 5000, driver.requestSleep(never));
    expect(answer).toEqual({
      outcome: 'accepted',
      attempts: ['chassis status read from bmc.test:623: power on', 'chassis soft accepted by bmc.test:623'],
    });
    await clock.advance(300);
    expect([host.buttonPresses, host.powerState()]).toEqual([1, 'S3']);
  });

  it('the answer to the press is lost -> unknown, one packet, one press', async () => {
    const { clock, host, bmc, network, driver } = driverBench();
    await settleBy(clock, 5000, driver.readPower(never));
    bmc.faults.losesDeedAnswers = true;
    const before = network.fromConsole.length;
    const answer = await settleBy(clock, 20_000, driver.requestSleep(never));
    expect(answer.outcome).toBe('unknown');
    expect(answer.attempts[1]).toMatch(/^chassis soft sent: no answer .* is not asked twice/);
    // Chassis status and chassis soft; the host sleeps and a second press would wake it.
    expect([network.fromConsole.length - before, host.buttonPresses, host.powerState()]).toEqual([2, 1, 'S3']);
  });

  it('the press itself is lost -> unknown, never sent again', async () => {
    const { clock, host, network, driver } = driverBench();
    await settleBy(clock, 5000, driver.readPower(never));
    const before = network.fromConsole.length;
    network.toBmc = (_packet, index) => (index === before + 1 ? [] : [1]);
    const answer = await settleBy(clock, 20_000, driver.requestSleep(never));
    expect([answer.outcome, host.buttonPresses]).toEqual(['unknown', 0]);
    await clock.advance(10_000);
    expect(host.buttonPresses).toBe(0);
  });

  it('the session was lost before -> opened anew by the status, then pressed once', async () => {
    const { clock, host, bmc, driver } = driverBench();
    await settleBy(clock, 5000, driver.readPower(never));
    bmc.restart();
    const answer = await settleBy(clock, 20_000, driver.requestSleep(never));
    expect([answer.outcome, host.buttonPresses]).toEqual(['accepted', 1]);
  });

  it('the BMC is silent -> refused, nothing sent that could press', async () => {
    const { clock, host, bmc, driver } = driverBench();
    await settleBy(clock, 5000, driver.readPower(never));
    bmc.faults.silent = true;
    const answer = await settleBy(clock, 20_000, driver.requestSleep(never));
    expect([answer.outcome, host.buttonPresses]).toEqual(['refused', 0]);
    expect(answer.attempts[0]).toMatch(/^chassis soft not sent, the BMC could not be asked before it: no answer/);
  });

  it('the power bit is off already -> refused, not pressed', async () => {
    const bench = driverBench({ host: { powerBitInS3: false } });
    await sleepHost(bench);
    const answer = await settleBy(bench.clock, 5000, bench.driver.requestSleep(never));
    expect([answer.outcome, bench.host.buttonPresses, bench.host.powerState()]).toEqual(['refused', 1, 'S3']);
  });

  it.each([
    [0xd5, 'refused'],
    [0xd4, 'refused'],
    [0xc0, 'refused'],
    [0xc1, 'refused'],
    [0xc3, 'unknown'],
    [0xce, 'unknown'],
    [0xff, 'unknown'],
  ] as const)('completion code %i -> %s, asked once', async (code, outcome) => {
    const { clock, bmc, network, driver } = driverBench();
    await settleBy(clock, 5000, driver.readPower(never));
    bmc.faults.refuse.set('Chassis Control', code);
    const before = network.fromConsole.length;
    const answer = await settleBy(clock, 20_000, driver.requestSleep(never));
    expect(answer.outcome).toBe(outcome);
    expect(network.fromConsole.length - before).toBe(2);
  });

  it('aborted before -> refused; aborted after the press went out -> unknown', async () => {
    const { clock, network, host, driver } = driverBench();
    await settleBy(clock, 5000, driver.readPower(never));
    expect((await driver.requestSleep(AbortSignal.abort())).outcome).toBe('refused');
    const abort = new AbortController();
    const before = network.fromConsole.length;
    network.toConsole = (_packet, index) => (index >= before + 1 ? LOST(_packet, index) : [1]);
    const asking = driver.requestSleep(abort.signal);
    await clock.advance(100);
    abort.abort();
    expect((await settleBy(clock, 10, asking)).outcome).toBe('unknown');
    expect(host.buttonPresses).toBe(1);
  });

  it('S5: the button powers off -> accepted, off', async () => {
    const { clock, host, driver } = driverBench({ host: { button: 'poweroff' } }, { sleep: 'S5' });
    expect((await settleBy(clock, 5000, driver.requestSleep(never))).outcome).toBe('accepted');
    await clock.advance(300);
    expect(host.powerState()).toBe('S5');
  });
});

describe('IPMI driver: wake', () => {
  it.each([true, false])(
    'power bit in S3 is %s -> chassis on is sent, the host wakes with its RAM',
    async (powerBitInS3) => {
      const bench = driverBench({ host: { powerBitInS3 } });
      const { clock, host, driver } = bench;
      const { bootId } = host;
      await sleepHost(bench);
      const answer = await settleBy(clock, 5000, driver.requestWake('chassis-on', never));
      expect(answer).toEqual({ outcome: 'accepted', attempts: ['chassis on accepted by bmc.test:623'] });
      await clock.advance(200);
      expect([host.phase, host.bootId]).toEqual(['running', bootId]);
    },
  );

  it('packets are lost -> repeated until the BMC answers', async () => {
    const bench = driverBench();
    const { clock, network, host, driver } = bench;
    await settleBy(clock, 5000, driver.readPower(never));
    await sleepHost(bench);
    const before = network.fromConsole.length;
    network.toBmc = (_packet, index) => (index < before + 2 ? [] : [1]);
    const answer = await settleBy(clock, 5000, driver.requestWake('chassis-on', never));
    expect(answer.outcome).toBe('accepted');
    await clock.advance(200);
    expect(host.phase).toBe('running');
  });

  it('asked twice at once -> both accepted', async () => {
    const bench = driverBench();
    await sleepHost(bench);
    const asked = [1, 2].map(() => bench.driver.requestWake('chassis-on', never));
    const answers = await settleBy(bench.clock, 5000, Promise.all(asked));
    expect(answers.map(({ outcome }) => outcome)).toEqual(['accepted', 'accepted']);
  });

  it('the BMC was never reached -> refused; it fell silent after the packet -> unknown', async () => {
    const { clock, bmc, driver } = driverBench();
    bmc.faults.silent = true;
    const first = await settleBy(clock, 20_000, driver.requestWake('chassis-on', never));
    expect(first.outcome).toBe('refused');
    expect(first.attempts[0]).toMatch(/^chassis on not sent: no answer from BMC bmc\.test:623/);
    bmc.faults.silent = false;
    await settleBy(clock, 5000, driver.readPower(never));
    bmc.faults.silent = true;
    const second = await settleBy(clock, 20_000, driver.requestWake('chassis-on', never));
    expect(second.outcome).toBe('unknown');
  });

  it('another method -> refused, named', async () => {
    const { driver } = driverBench();
    const answer = await driver.requestWake('wake-on-lan', never);
    expect(answer).toEqual({
      outcome: 'refused',
      attempts: [`wake method "wake-on-lan" is not one of this driver's: chassis-on`],
    });
  });
});

describe('IPMI driver: proof of the wake path', () => {
  it('operator session, state readable -> proven, nothing pressed', async () => {
    const { clock, host, bmc, driver } = driverBench();
    const proof = await settleBy(clock, 5000, driver.proveWake(never));
    expect(proof).toEqual({
      proven: true,
      why:
        'operator session with BMC bmc.test:623 over cipher suite 17 (RAKP-HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128); ' +
        'ACPI state S0 by sensor, power bit on, 184 W; watts by DCMI; ' +
        'ACPI state sensor "ACPI State" and power meter "Power Meter" among 3 sensor records',
    });
    expect([host.buttonPresses, bmc.executed('Chassis Control')]).toEqual([0, 0]);
  });

  it('S3 cannot be told from S0 -> proven, and says that probes are the only evidence', async () => {
    const { clock, driver } = driverBench({ bmc: { acpiSensor: false, acpiCommand: false } });
    const proof = await settleBy(clock, 5000, driver.proveWake(never));
    expect(proof.proven).toBe(true);
    expect(proof.why).toMatch(/ACPI state not told by this BMC.*S3 cannot be told from S0 through this BMC/);
  });

  it.each([
    [
      'a user limited to reading',
      { user: 'reader' },
      /unauthorized role or privilege level.*raise this user's privilege/,
    ],
    ['a wrong password', { password: 'wrong' }, /another password for user "torpor".*check user and password/],
    ['an unknown user', { user: 'nobody' }, /unauthorized name.*check the user name/],
    ['privilege user', { privilege: 'user' }, /chassis control needs operator: ask for operator/],
  ] as const)('%s -> not proven, and what to do', async (_name, extra, words) => {
    const { clock, driver } = driverBench({}, extra);
    const proof = await settleBy(clock, 5000, driver.proveWake(never));
    expect(proof.proven).toBe(false);
    expect(proof.why).toMatch(words);
  });

  it('nothing answers -> not proven; the ping says whether anything is there', async () => {
    const { clock, bmc, driver } = driverBench();
    bmc.faults.silent = true;
    const proof = await settleBy(clock, 20_000, driver.proveWake(never));
    expect(proof.proven).toBe(false);
    expect(proof.why).toMatch(/no answer from BMC.*an RMCP presence ping is not answered either$/);
  });

  it('IPMI is switched off but RMCP answers -> the words tell them apart', async () => {
    const { clock, network, driver } = driverBench();
    // Only pings (class ASF, 06h) pass.
    network.toBmc = (packet) => (packet[3] === 0x06 ? [1] : []);
    const proof = await settleBy(clock, 20_000, driver.proveWake(never));
    expect(proof.why).toMatch(/answers an RMCP presence ping, so the address is right/);
  });

  it('the network refuses -> not proven, at once', async () => {
    const { clock, network, driver } = driverBench();
    network.toBmc = LOST;
    const proving = driver.proveWake(never);
    await clock.advance(10);
    network.fail(new TorporError('ERR_IPMI_UNREACHABLE', 'BMC bmc.test:623 cannot be reached: refused'));
    expect(await settleBy(clock, 10, proving)).toEqual({
      proven: false,
      why: 'BMC bmc.test:623 cannot be reached: refused',
    });
  });
});

describe('IPMI driver: watchdog', () => {
  it('not running, running, none at all -> as the BMC says; nothing is reset', async () => {
    const { clock, bmc, driver } = driverBench();
    const idle = await settleBy(clock, 5000, driver.readWatchdog(never));
    expect(idle).toEqual({ running: false, action: 'none', secondsLeft: 0 });
    bmc.watchdog.start(90_000, 'hard-reset');
    await clock.advance(30_000);
    const running = await settleBy(clock, 5000, driver.readWatchdog(never));
    expect(running).toEqual({ running: true, action: 'hard reset', secondsLeft: 60 });
    bmc.faults.refuse.set('Get Watchdog Timer', 0xc1);
    expect(await settleBy(clock, 5000, driver.readWatchdog(never))).toBeNull();
  });

  it.each([0xc0, 0xc3, 0xd4, 0xff])('completion code %i -> rejects: that is not "none"', async (completionCode) => {
    const { clock, bmc, driver } = driverBench();
    bmc.faults.refuse.set('Get Watchdog Timer', completionCode);
    const failing = driver.readWatchdog(never).catch((thrown: unknown) => thrown);
    expect(await settleBy(clock, 10_000, failing)).toMatchObject({ completionCode });
  });

  it('the BMC is silent -> rejects: no watchdog is not what silence means', async () => {
    const { clock, bmc, driver } = driverBench();
    bmc.faults.silent = true;
    const failing = driver.readWatchdog(never).catch((thrown: unknown) => thrown);
    expect(await settleBy(clock, 10_000, failing)).toMatchObject({ code: 'ERR_IPMI_TIMEOUT' });
  });

  it('it expires while the platform sleeps -> the sleeper is reset, its RAM is lost', async () => {
    const bench = driverBench();
    const { bootId } = bench.host;
    bench.bmc.watchdog.start(5000, 'hard-reset');
    await sleepHost(bench);
    await bench.clock.advance(10_000);
    expect([bench.host.phase, bench.host.bootId === bootId]).toEqual(['running', false]);
  });
});

describe('IPMI driver: what the BMC can do', () => {
  it('all there -> each fact, in words', async () => {
    const { clock, driver } = driverBench();
    const profile = await settleBy(clock, 10_000, driver.readProfile(never));
    expect(profile).toMatchObject({
      offeredSuites: [3, 17],
      suite: { id: 17 },
      privilege: 'operator',
      acpiCommand: 'S0',
      acpiSensor: { name: '"ACPI State"', number: 1 },
      dcmi: { version: '1.5', measuresPower: true },
      wattsFrom: { kind: 'dcmi' },
      watchdog: { running: false },
      sel: { entryCount: 0, freeBytes: 8192 },
    });
    expect(profile.guid).toMatch(/^[0-9a-f]{32}$/);
    expect(describeProfile(profile).map(({ subject, what, doubt }) => [subject, what, doubt])).toEqual([
      ['suites offered', '3, 17; spoken: 17', null],
      ['ACPI state', 'ACPI state sensor "ACPI State", number 01h; Get ACPI Power State says S0', null],
      ['watts', 'DCMI 1.5; read by DCMI', null],
      ['watchdog', 'not running', null],
      ['BMC log', '0 records, 8192 bytes free', null],
    ]);
  });

  it('nothing there, a watchdog running, a log that overflowed -> said, with what to do', async () => {
    const { clock, bmc, driver } = driverBench(
      { bmc: { acpiSensor: false, acpiCommand: 'told', powerSensor: false, dcmi: false, selRecords: 1 } },
      { cipherSuite: 3 },
    );
    bmc.watchdog.start(90_000, 'power-cycle');
    bmc.sel.add(new Uint8Array(16));
    bmc.sel.add(new Uint8Array(16));
    const profile = await settleBy(clock, 10_000, driver.readProfile(never));
    const lines = describeProfile(profile).map(({ what, doubt }) => `${what} | ${doubt}`);
    expect(lines[0]).toMatch(/^3, 17; spoken: 3 \| the BMC offers 17, too, which is better/);
    expect(lines[1]).toMatch(/^no ACPI state sensor .*implemented, but nobody tells the BMC \| null/);
    expect(lines[2]).toMatch(/^no DCMI; nothing tells them \| set power\.watts/);
    expect(lines[3]).toMatch(
      /^running for OS: power cycle in 90 s .* \| it goes on counting while the platform sleeps/,
    );
    expect(lines[4]).toMatch(/^1 records, 0 bytes free \| records were lost/);
  });

  it('the first proof -> the profile is logged once', async () => {
    const lines: string[] = [];
    const note = (_facts: object, message: string) => lines.push(message);
    const log = { debug: () => {}, info: note, warn: note, error: note };
    const { clock, driver } = driverBench({}, { log });
    await settleBy(clock, 10_000, driver.proveWake(never));
    await settleBy(clock, 10_000, driver.proveWake(never));
    await clock.advance(1000);
    expect(lines.filter((line) => line.startsWith('watchdog: '))).toEqual(['watchdog: not running']);
    expect(lines[0]).toMatch(/^speaks cipher suite 17/);
  });
});

describe('IPMI driver: close', () => {
  it('close -> the session at the BMC is gone, later calls answer without sending', async () => {
    const { clock, bmc, network, driver } = driverBench();
    await settleBy(clock, 5000, driver.readPower(never));
    await settleBy(clock, 1000, driver.close());
    expect(bmc.sessionCount).toBe(0);
    const sent = network.fromConsole.length;
    await expect(driver.readPower(never)).rejects.toMatchObject({ code: 'ERR_IPMI_SESSION' });
    expect((await driver.requestSleep(never)).outcome).toBe('refused');
    expect((await driver.requestWake('chassis-on', never)).outcome).toBe('refused');
    expect((await driver.proveWake(never)).proven).toBe(false);
    expect(network.fromConsole).toHaveLength(sent);
    expect(clock.pending).toBe(0);
  });

  it('close during the first walk -> the reading rejects, nothing runs on', async () => {
    const { clock, network, driver } = driverBench();
    network.toBmc = () => [50];
    const reading = driver.readPower(never).catch((thrown: unknown) => thrown);
    await clock.advance(600);
    await settleBy(clock, 1000, driver.close());
    expect(await settleBy(clock, 100, reading)).toBeInstanceOf(TorporError);
    await clock.advance(100);
    expect(clock.pending).toBe(0);
  });
});
