// The Redfish driver against the simulated service: what it sends, how often, and what it makes of the answers.
import { describe, expect, it } from 'vitest';
import {
  IDRAC_PROFILE,
  ILO_PROFILE,
  STANDARD_PROFILE,
  SUPERMICRO_PROFILE,
  XCC_PROFILE,
} from '../../../src/power/simulated/redfish-profiles.ts';
import { settle } from '../../support/fake-clock.ts';
import { PATIENT, REDFISH_PASSWORD, redfishStage, withTime } from '../support/redfish-stage.ts';

const RESET = 'POST /redfish/v1/Systems/1/Actions/ComputerSystem.Reset';

describe('reading', () => {
  it('a running platform -> power bit on, watts, no ACPI state; the system and its meter side by side afterwards', async () => {
    const { driver, http, clock } = redfishStage();
    expect(await driver.readPower(PATIENT)).toEqual({
      atMs: clock.nowMs(),
      acpi: null,
      acpiSource: null,
      powerBit: true,
      watts: 184,
    });
    http.asked.length = 0;
    await driver.readPower(PATIENT);
    expect(http.trail.sort()).toEqual(['GET /redfish/v1/Chassis/1/EnvironmentMetrics', 'GET /redfish/v1/Systems/1']);
  });

  it('a platform that changes its state -> no evidence while PoweringOff and PoweringOn, off in between', async () => {
    const { driver, host, clock } = redfishStage({ host: { button: 'poweroff' } });
    host.pressPowerButton();
    expect((await driver.readPower(PATIENT)).powerBit).toBeNull();
    await clock.advance(300);
    expect((await driver.readPower(PATIENT)).powerBit).toBe(false);
    host.powerOn();
    expect((await driver.readPower(PATIENT)).powerBit).toBeNull();
    await clock.advance(5000);
    expect((await driver.readPower(PATIENT)).powerBit).toBe(true);
  });

  it.each([['Paused'], ['Sleeping'], [7], [null], [undefined]])('PowerState %s -> no evidence', async (state) => {
    const { driver, http } = redfishStage();
    http.tamper = (question, answer) => {
      if (question.path !== '/redfish/v1/Systems/1') return answer;
      const resource = { ...JSON.parse(Buffer.from(answer.body).toString()), PowerState: state };
      return { ...answer, body: Buffer.from(JSON.stringify(resource)) };
    };
    expect((await driver.readPower(PATIENT)).powerBit).toBeNull();
  });

  it.each([
    ['environment', STANDARD_PROFILE],
    ['power', IDRAC_PROFILE],
    ['supplies', XCC_PROFILE],
  ])('a meter in %s -> its watts', async (_, profile) => {
    const { driver } = redfishStage({ service: { profile } });
    expect((await driver.readPower(PATIENT)).watts).toBe(184);
    expect((await driver.readPower(PATIENT)).watts).toBe(184);
  });

  it('no meter, and one that breaks later -> no watts, and the state all the same', async () => {
    const bare = redfishStage({ service: { profile: { ...STANDARD_PROFILE, meter: 'none' } } });
    expect(await bare.driver.readPower(PATIENT)).toMatchObject({ powerBit: true, watts: null });
    const { driver, service } = redfishStage();
    await driver.readPower(PATIENT);
    service.faults.refuse.set('/redfish/v1/Chassis/1/EnvironmentMetrics', 500);
    expect(await driver.readPower(PATIENT)).toMatchObject({ powerBit: true, watts: null });
  });

  it('what tells the sleep -> nothing for S3, the power bit for S5', () => {
    expect(redfishStage().driver.capabilities()).toEqual({
      sleep: 'S3',
      retainsRam: true,
      readsSleepState: 'none',
      wakeMethods: ['power-on'],
    });
    const s5 = redfishStage({ driver: { sleep: 'S5' } }).driver.capabilities();
    expect(s5).toMatchObject({ retainsRam: false, readsSleepState: 'power-bit' });
    const s4 = redfishStage({ driver: { sleep: 'S5', sleepAction: 'Suspend' } }).driver.capabilities();
    expect(s4).toMatchObject({ retainsRam: true, readsSleepState: 'power-bit' });
  });
});

describe('sleep', () => {
  it('S3 -> the button is pressed once, on a connection of its own, after the state was read', async () => {
    const { driver, http, host, clock, service } = redfishStage();
    const answer = await withTime(clock, driver.requestSleep(PATIENT));
    expect(answer.outcome).toBe('accepted');
    expect(answer.attempts[0]).toBe('PowerState On, read from bmc:443');
    expect(service.resets).toEqual(['PushPowerButton']);
    const presses = http.asked.filter(({ path }) => path.endsWith('ComputerSystem.Reset'));
    expect(presses).toMatchObject([{ method: 'POST', delivery: 'once', body: '{"ResetType":"PushPowerButton"}' }]);
    expect(Object.keys(presses[0]?.headers ?? {}).map((name) => name.toLowerCase())).not.toContain('if-match');
    await clock.advance(300);
    expect(host.powerState()).toBe('S3');
  });

  it.each([
    ['S5', undefined, 'GracefulShutdown', 'off'],
    ['S5', 'Suspend', 'Suspend', 'asleep'],
    ['S3', 'GracefulShutdown', 'GracefulShutdown', 'off'],
  ] as const)('%s by %s -> %s', async (sleep, sleepAction, sent, phase) => {
    const { driver, service, clock, host } = redfishStage({
      driver: { sleep, sleepAction },
      host: { button: 'poweroff' },
    });
    expect((await withTime(clock, driver.requestSleep(PATIENT))).outcome).toBe('accepted');
    await clock.advance(1000);
    expect(service.resets).toEqual([sent]);
    expect(host.phase).toBe(phase);
  });

  it('Suspend and On -> state on disk, off in between, the same boot afterwards', async () => {
    const { driver, host, clock } = redfishStage({ driver: { sleep: 'S5', sleepAction: 'Suspend' } });
    const { bootId } = host;
    await withTime(clock, driver.requestSleep(PATIENT));
    await clock.advance(1000);
    expect(await driver.readPower(PATIENT)).toMatchObject({ powerBit: false, watts: 4 });
    expect(host.powerState()).toBe('S4');
    expect((await withTime(clock, driver.requestWake('power-on', PATIENT))).outcome).toBe('accepted');
    await clock.advance(10_000);
    expect(host.phase).toBe('running');
    expect(host.bootId).toBe(bootId);
  });

  it('a platform that is off or on its way -> not pressed, for the button might start it', async () => {
    const off = redfishStage({ host: { startsIn: 'off' } });
    const answer = await off.driver.requestSleep(PATIENT);
    expect(answer.outcome).toBe('refused');
    expect(answer.attempts).toEqual([
      'PowerState Off, read from bmc:443',
      'PushPowerButton not sent: the platform is not evidently on, and the button might start it',
    ]);
    const changing = redfishStage();
    changing.host.pressPowerButton();
    expect((await changing.driver.requestSleep(PATIENT)).outcome).toBe('refused');
    expect(off.service.resets).toEqual([]);
    expect(changing.service.resets).toEqual([]);
  });

  it('an action that the BMC does not allow -> not sent, with what it allows, told inline or by ActionInfo', async () => {
    for (const profile of [SUPERMICRO_PROFILE, XCC_PROFILE]) {
      const { driver, service } = redfishStage({ service: { profile } });
      const answer = await driver.requestSleep(PATIENT);
      expect(answer.outcome).toBe('refused');
      expect(answer.attempts[1]).toMatch(
        /^PushPowerButton not sent: the BMC allows On, .*GracefulShutdown.* only; choose power\.bmc\.sleepAction$/,
      );
      expect(service.resets).toEqual([]);
    }
  });

  it('a list that is told nowhere -> the action is tried, and the BMC decides', async () => {
    const profile = { ...SUPERMICRO_PROFILE, allowed: 'none' as const };
    const { driver } = redfishStage({ service: { profile } });
    const answer = await driver.requestSleep(PATIENT);
    expect(answer.outcome).toBe('refused');
    expect(answer.attempts[1]).toContain(
      'HTTP 400 (bad request): The value PushPowerButton for the parameter ResetType',
    );
  });

  it('the answer is lost -> unknown, and never pressed again', async () => {
    const { driver, service, clock } = redfishStage();
    service.faults.losesDeedAnswers = true;
    const answer = await withTime(clock, driver.requestSleep(PATIENT));
    expect(answer.outcome).toBe('unknown');
    expect(answer.attempts.at(-1)).toBe('PushPowerButton sent: the connection was reset');
    expect(service.resets).toEqual(['PushPowerButton']);
  });

  it.each([
    [400, 'refused'],
    [401, 'refused'],
    [403, 'refused'],
    [404, 'refused'],
    [409, 'refused'],
    [429, 'refused'],
    [500, 'unknown'],
    [501, 'refused'],
    [502, 'unknown'],
    [503, 'unknown'],
    [307, 'refused'],
  ])('the button is answered with HTTP %i -> %s, sent once', async (status, outcome) => {
    const { driver, http, clock } = redfishStage();
    http.tamper = (question, answer) =>
      question.method === 'POST' && question.path.endsWith('Reset') ? { ...answer, status } : answer;
    expect((await withTime(clock, driver.requestSleep(PATIENT))).outcome).toBe(outcome);
    expect(http.trail.filter((line) => line === RESET)).toHaveLength(1);
  });

  it('the BMC cannot be asked before -> refused, nothing sent', async () => {
    const { driver, http } = redfishStage();
    http.cuts = () => true;
    const answer = await driver.requestSleep(PATIENT);
    expect(answer).toEqual({
      outcome: 'refused',
      attempts: ['PushPowerButton not sent: the BMC could not be asked before it: connection refused'],
    });
  });

  it('the connection for the press fails -> refused, for nothing was sent', async () => {
    const { driver, http, service } = redfishStage();
    http.cuts = ({ path }) => path.endsWith('ComputerSystem.Reset');
    expect((await driver.requestSleep(PATIENT)).outcome).toBe('refused');
    expect(service.resets).toEqual([]);
  });

  it('the BMC forgets the session between reading and press -> refused by its 401, not sent again', async () => {
    const { driver, http, service } = redfishStage();
    http.tamper = (question, answer) => {
      if (question.path === '/redfish/v1/Systems/1') service.restart();
      return answer;
    };
    const answer = await driver.requestSleep(PATIENT);
    expect(answer.outcome).toBe('refused');
    expect(answer.attempts.at(-1)).toContain('HTTP 401 (not logged in)');
    expect(http.trail.filter((line) => line === RESET)).toHaveLength(1);
    expect(service.resets).toEqual([]);
  });
});

describe('tasks', () => {
  it('a task that ends in time -> accepted; its monitor is asked, the action is not repeated', async () => {
    const { driver, service, clock, http } = redfishStage();
    service.faults.taskMs = 3000;
    const answer = await withTime(clock, driver.requestSleep(PATIENT));
    expect(answer.outcome).toBe('accepted');
    expect(answer.attempts.at(-1)).toBe('PushPowerButton accepted by bmc:443, task done');
    expect(http.trail.filter((line) => line.includes('TaskMonitors')).length).toBeGreaterThan(1);
    expect(service.resets).toEqual(['PushPowerButton']);
  });

  it('a task that outlasts the bound -> accepted, and said so', async () => {
    const { driver, service, clock } = redfishStage();
    service.faults.taskMs = 3_600_000;
    const beganMs = clock.nowMs();
    const answer = await withTime(clock, driver.requestSleep(PATIENT));
    expect(answer.attempts.at(-1)).toBe('PushPowerButton accepted by bmc:443, taken on as a task that still runs');
    expect(clock.nowMs() - beganMs).toBeLessThanOrEqual(12_000);
  });

  it('a task that fails -> unknown, with its message', async () => {
    const { driver, service, clock } = redfishStage();
    service.faults.taskMs = 1500;
    service.faults.failsTasks = true;
    const answer = await withTime(clock, driver.requestSleep(PATIENT));
    expect(answer.outcome).toBe('unknown');
    expect(answer.attempts.at(-1)).toBe(
      'PushPowerButton accepted by bmc:443, task Exception: The request failed due to an internal service error. (Base.1.13.InternalError)',
    );
  });

  it('a monitor that is gone, broken or refused -> accepted: the action was', async () => {
    for (const status of [404, 410]) {
      const { driver, service, clock } = redfishStage();
      service.faults.refuse.set('/redfish/v1/TaskService/TaskMonitors/1', status);
      service.faults.taskMs = 5000;
      expect((await withTime(clock, driver.requestSleep(PATIENT))).outcome).toBe('accepted');
    }
    const { driver, http, clock, service } = redfishStage();
    service.faults.taskMs = 5000;
    http.cuts = ({ path }) => path.includes('TaskMonitors');
    const answer = await withTime(clock, driver.requestSleep(PATIENT));
    expect(answer.outcome).toBe('accepted');
  });
});

describe('wake', () => {
  it('asleep -> On, whatever PowerState says', async () => {
    for (const powerBitInS3 of [true, false]) {
      const { driver, host, clock, service } = redfishStage({ host: { powerBitInS3 } });
      host.pressPowerButton();
      await clock.advance(300);
      expect((await withTime(clock, driver.requestWake('power-on', PATIENT))).outcome).toBe('accepted');
      await clock.advance(300);
      expect(host.phase).toBe('running');
      expect(service.resets).toEqual(['On']);
    }
  });

  it('answers lost -> asked again within bounds, then unknown', async () => {
    const { driver, host, clock, service, http } = redfishStage();
    host.pressPowerButton();
    await clock.advance(300);
    service.faults.losesDeedAnswers = true;
    const answer = await withTime(clock, driver.requestWake('power-on', PATIENT));
    expect(answer.outcome).toBe('unknown');
    expect(http.trail.filter((line) => line === RESET)).toHaveLength(3);
    expect(host.phase).toBe('running');
  });

  it('a forgotten session -> logged in anew, and asked again', async () => {
    const { driver, clock, service } = redfishStage();
    await driver.readPower(PATIENT);
    service.restart();
    expect((await withTime(clock, driver.requestWake('power-on', PATIENT))).outcome).toBe('accepted');
    expect(service.sessionCount).toBe(1);
  });

  it('a BMC that calls S3 on and refuses On -> refused at once, with what helps', async () => {
    for (const profile of [IDRAC_PROFILE, ILO_PROFILE]) {
      const { driver, host, clock, http } = redfishStage({ service: { profile }, host: { powerBitInS3: true } });
      host.pressPowerButton();
      await clock.advance(300);
      const answer = await withTime(clock, driver.requestWake('power-on', PATIENT));
      expect(answer.outcome).toBe('refused');
      expect(answer.attempts).toHaveLength(1);
      expect(answer.attempts[0]).toMatch(
        /(Server is already powered ON|InvalidOperationForSystemState: Power is on).*use Wake-on-LAN beside it$/,
      );
      expect(http.trail.filter((line) => line.includes('ComputerSystem.Reset'))).toHaveLength(1);
    }
  });

  it('another method -> refused', async () => {
    const answer = await redfishStage().driver.requestWake('chassis-on', PATIENT);
    expect(answer).toEqual({
      outcome: 'refused',
      attempts: ['wake method "chassis-on" is not one of this driver\'s: power-on'],
    });
  });

  describe('by the button, where On is not allowed', () => {
    const profile = { ...IDRAC_PROFILE, resetTypes: ['ForceOff', 'PushPowerButton', 'GracefulShutdown'] };

    it('evidently off -> pressed once for one wake, however often it is asked', async () => {
      const { driver, host, clock, service } = redfishStage({ service: { profile }, host: { resumeMs: 60_000 } });
      await driver.proveWake(PATIENT);
      expect(driver.wakeMethods).toEqual(['push-power-button']);
      host.pressPowerButton();
      await clock.advance(300);
      expect((await driver.requestWake('push-power-button', PATIENT)).outcome).toBe('accepted');
      const again = await driver.requestWake('push-power-button', PATIENT);
      expect(again.outcome).toBe('refused');
      expect(service.resets).toEqual(['PushPowerButton']);
    });

    it('the BMC still says Off after the press -> not pressed again', async () => {
      const { driver, service, http } = redfishStage({ service: { profile }, host: { startsIn: 'off' } });
      http.tamper = (question, answer) => {
        if (!question.path.endsWith('System.Embedded.1') || question.path.includes('Chassis')) return answer;
        return {
          ...answer,
          body: Buffer.from(Buffer.from(answer.body).toString().replace('"PowerState":"On"', '"PowerState":"Off"')),
        };
      };
      service.faults.losesDeedAnswers = true;
      expect((await driver.requestWake('push-power-button', PATIENT)).outcome).toBe('unknown');
      const again = await driver.requestWake('push-power-button', PATIENT);
      expect(again.attempts.at(-1)).toContain('it was pressed for this wake already');
      expect(service.resets).toEqual(['PushPowerButton']);
    });

    it('PowerState On -> not pressed: it might put to sleep', async () => {
      const { driver, service } = redfishStage({ service: { profile } });
      const answer = await driver.requestWake('push-power-button', PATIENT);
      expect(answer.attempts.at(-1)).toBe(
        'PushPowerButton not sent: only with PowerState Off is it certain that the button wakes',
      );
      expect(service.resets).toEqual([]);
    });

    it('On is allowed, or nothing is told -> not pressed', async () => {
      for (const allowed of ['inline', 'none'] as const) {
        const { driver, service } = redfishStage({
          service: { profile: { ...IDRAC_PROFILE, allowed } },
          host: { startsIn: 'off' },
        });
        expect((await driver.requestWake('push-power-button', PATIENT)).outcome).toBe('refused');
        expect(service.resets).toEqual([]);
      }
    });
  });
});

describe('proof', () => {
  it('all there -> proven, with what was seen; nothing is pressed', async () => {
    const { driver, service } = redfishStage();
    const proof = await driver.proveWake(PATIENT);
    expect(proof).toEqual({
      proven: true,
      why:
        'session with BMC bmc:443 over memory; /redfish/v1/Systems/1 (Torpor Simulated Host); role Operator; sleep by PushPowerButton, ' +
        'wake by power-on; allowed: On, ForceOff, ForceOn, GracefulShutdown, GracefulRestart, ForceRestart, Nmi, PushPowerButton, ' +
        'PowerCycle, Suspend, Pause, Resume; PowerState On, 184 W by EnvironmentMetrics; Redfish does not tell S3 from S0, probes are the only evidence',
    });
    expect(service.resets).toEqual([]);
  });

  it('a user who may only read -> not proven, with the role to give', async () => {
    const users = [{ name: 'torpor', password: REDFISH_PASSWORD, role: 'ReadOnly' as const }];
    const proof = await redfishStage({ service: { users } }).driver.proveWake(PATIENT);
    expect(proof.proven).toBe(false);
    expect(proof.why).toBe(
      "the user's role on BMC bmc:443 (ReadOnly) lacks ConfigureComponents: give the user the role Operator",
    );
  });

  it('accounts that may not be read -> proven, role not told', async () => {
    const { driver, service } = redfishStage();
    service.faults.refuse.set('/redfish/v1/AccountService/Accounts', 403);
    const proof = await driver.proveWake(PATIENT);
    expect(proof).toMatchObject({ proven: true });
    expect(proof.why).toContain('; role not told;');
  });

  it('the second proof -> asks for the account where it was', async () => {
    const others = Array.from({ length: 5 }, (_, index) => ({
      name: `user${index}`,
      password: 'x',
      role: 'ReadOnly' as const,
    }));
    const users = [...others, { name: 'torpor', password: REDFISH_PASSWORD, role: 'Operator' as const }];
    const { driver, http } = redfishStage({ service: { users } });
    await driver.proveWake(PATIENT);
    http.asked.length = 0;
    await driver.proveWake(PATIENT);
    expect(http.trail.filter((line) => line.includes('/Accounts/'))).toEqual([
      'GET /redfish/v1/AccountService/Accounts/6',
    ]);
  });

  it.each([
    [
      'xcc',
      XCC_PROFILE,
      'does not allow PushPowerButton (allowed: On, Nmi, GracefulShutdown, GracefulRestart, ForceOn, ForceOff, ForceRestart): write power.bmc.sleepAction: GracefulShutdown, if the OS answers it with S3',
    ],
    [
      'neither',
      { ...XCC_PROFILE, resetTypes: ['ForceOff'] },
      'does not allow PushPowerButton (allowed: ForceOff): put it to sleep by power.host',
    ],
    ['no wake', { ...IDRAC_PROFILE, resetTypes: ['GracefulShutdown', 'PushPowerButton'] }, null],
  ] as const)('%s -> what to change', async (_, profile, why) => {
    const proof = await redfishStage({ service: { profile } }).driver.proveWake(PATIENT);
    expect(proof.proven).toBe(why === null);
    if (why !== null) expect(proof.why).toBe(`BMC bmc:443 ${why}`);
  });

  it('no PowerState, no Reset action -> not proven', async () => {
    for (const missing of ['PowerState', 'Actions']) {
      const { driver, http } = redfishStage();
      http.tamper = (question, answer) => {
        if (question.path !== '/redfish/v1/Systems/1') return answer;
        const { [missing]: _, ...rest } = JSON.parse(Buffer.from(answer.body).toString());
        return { ...answer, body: Buffer.from(JSON.stringify(rest)) };
      };
      expect((await driver.proveWake(PATIENT)).proven).toBe(false);
    }
  });
});

describe('which system', () => {
  const service = { otherSystems: ['DPU1', 'DPU2'] };

  it('several -> none is chosen, and all are listed', async () => {
    await expect(redfishStage({ service }).driver.readPower(PATIENT)).rejects.toMatchObject({
      code: 'ERR_REDFISH_SYSTEM',
      message: 'BMC bmc:443 has 3 systems: write power.bmc.system, one of 1, DPU1, DPU2',
    });
  });

  it('by Id or path -> that one; another -> what there is', async () => {
    expect((await redfishStage({ service, driver: { system: 'DPU1' } }).driver.readPower(PATIENT)).powerBit).toBe(
      false,
    );
    const byPath = redfishStage({ service, driver: { system: '/redfish/v1/Systems/1' } });
    expect((await byPath.driver.readPower(PATIENT)).powerBit).toBe(true);
    await expect(redfishStage({ service, driver: { system: '2' } }).driver.readPower(PATIENT)).rejects.toMatchObject({
      message: 'BMC bmc:443 has no system "2"; there are: 1, DPU1, DPU2; correct power.bmc.system',
    });
  });

  it('a system that vanished -> looked for anew', async () => {
    const { driver, service: bmc, http } = redfishStage();
    await driver.readPower(PATIENT);
    bmc.faults.refuse.set('/redfish/v1/Systems/1', 404);
    await expect(driver.readPower(PATIENT)).rejects.toMatchObject({ code: 'ERR_REDFISH_STATUS' });
    bmc.faults.refuse.clear();
    http.asked.length = 0;
    await driver.readPower(PATIENT);
    expect(http.trail).toContain('GET /redfish/v1/Systems');
  });
});

describe('vendors', () => {
  it.each([
    ['iDRAC', IDRAC_PROFILE, 'PushPowerButton'],
    ['iLO', ILO_PROFILE, 'PushPowerButton'],
    ['Supermicro', SUPERMICRO_PROFILE, 'GracefulShutdown'],
    ['Lenovo XCC', XCC_PROFILE, 'GracefulShutdown'],
    ['standard', STANDARD_PROFILE, 'PushPowerButton'],
  ] as const)('%s -> proven, asleep by one press, awake by On, logged out', async (_, profile, sleepAction) => {
    const { driver, service, host, clock } = redfishStage({ service: { profile }, driver: { sleepAction } });
    expect(await driver.proveWake(PATIENT)).toMatchObject({ proven: true });
    expect((await withTime(clock, driver.requestSleep(PATIENT))).outcome).toBe('accepted');
    await clock.advance(1000);
    expect(host.powerState()).toBe('S3');
    expect((await driver.readPower(PATIENT)).watts).toBe(8);
    expect((await withTime(clock, driver.requestWake('power-on', PATIENT))).outcome).toBe('accepted');
    await clock.advance(1000);
    expect(host.phase).toBe('running');
    expect(service.resets).toEqual([sleepAction, 'On']);
    expect(service.sessionsMade).toBe(1);
    await driver.close();
    expect(service.sessionCount).toBe(0);
  });
});

describe('closing', () => {
  it('a login that the BMC never answers -> closed after three seconds', async () => {
    const { driver, service, http, clock } = redfishStage();
    // The service root is answered, the login no more.
    http.tamper = (_, answer) => {
      service.faults.silent = true;
      return answer;
    };
    const reading = driver.readPower(PATIENT).catch((thrown: unknown) => thrown);
    await settle();
    expect(http.trail.at(-1)).toMatch(/^POST .*Sessions$/);
    let closed = false;
    const closing = driver.close().then(() => {
      closed = true;
    });
    await clock.advance(2_900);
    expect([await reading, closed]).toEqual([expect.objectContaining({ code: 'ERR_REDFISH_SESSION' }), false]);
    await clock.advance(200);
    await closing;
    expect(http.closed).toBe(true);
  });

  it('what is under way -> rejects; later calls too', async () => {
    const { driver, service, http } = redfishStage();
    await driver.readPower(PATIENT);
    service.faults.silent = true;
    const reading = driver.readPower(PATIENT);
    const caught = reading.catch((thrown: unknown) => thrown);
    await settle();
    service.faults.silent = false;
    await driver.close();
    await driver.close();
    expect(await caught).toMatchObject({ code: 'ERR_REDFISH_TIMEOUT' });
    expect(http.closed).toBe(true);
    await expect(driver.readPower(PATIENT)).rejects.toBeDefined();
  });
});
