// The built Torpor and its BMC over real UDP: a BMC with a key, few session places, busy, restarting; and what it writes into the BMC's log.
import { describe, expect, test } from 'vitest';
import { decodeTorporRecord } from '../../src/power/ipmi/torpor-record.ts';
import { eventually } from '../support/eventually.ts';
import { expectNoHarm } from './support/scene.ts';
import { E2E_TIMEOUT_MS, PASSWORD, PLATFORM, Stage, UNHURRIED, USER } from './support/stage.ts';

const KG = 'stone-bridge-77';

describe('torpor run and its BMC', { timeout: E2E_TIMEOUT_MS }, () => {
  test('sel: transitions and clients are asked for -> the BMC’s log has them in order, one press', async () => {
    await using stage = await Stage.open({ ...UNHURRIED, sel: { transitions: true, clients: true } });
    const torpor = await stage.run();
    using client = await stage.connect();
    await client.ask('one');
    await torpor.waitForState(PLATFORM, 'asleep');
    expect(await client.ask('two')).toMatch(/ n=2 .*two$/);
    const records = () => stage.platform.bmc.sel.records.map((record) => decodeTorporRecord(record));
    const steps = () =>
      records().flatMap((record) => (record?.kind === 'transition' ? [`${record.from} ${record.to}`] : []));
    await eventually('the wake in the log', () => steps().includes('waking awake'));
    expect(records()).not.toContain(null);
    // A machine too busy to look at its send queues in time may have called off a sleep before that one.
    expect(steps()[0]).toBe('starting awake');
    expect(steps().slice(-6)).toEqual([
      'awake drowsy',
      'drowsy saving',
      'saving suspending',
      'suspending asleep',
      'asleep waking',
      'waking awake',
    ]);
    expect(records()).toContainEqual({ kind: 'client-entered', client: '127.0.0.1' });
    expect(records()).toContainEqual({ kind: 'client-left', client: '127.0.0.1' });
    await expectNoHarm(stage, 1);
  });

  test('sel: not asked for -> nothing is written', async () => {
    await using stage = await Stage.open();
    const torpor = await stage.run();
    await torpor.waitForState(PLATFORM, 'asleep');
    expect(stage.platform.bmc.sel.records).toEqual([]);
  });

  test('a key, one place of two left, busy, restarted while the platform sleeps -> sleeps once, wakes all the same', async () => {
    await using stage = await Stage.open({}, { kg: KG, maxSessions: 2, cipherSuites: [3] });
    const { bmc, bmcPort, host } = stage.platform;
    stage.configure({
      ...UNHURRIED,
      bmc: { port: bmcPort, user: USER, password: PASSWORD, kg: KG, cipherSuite: 'auto' },
    });
    bmc.faults.refuseTimes.set('Get Chassis Status', { completionCode: 0xc0, times: 2 });
    bmc.faults.refuseTimes.set('Chassis Control', { completionCode: 0xc3, times: 0 });
    const torpor = await stage.run();
    using client = await stage.connect();
    await client.ask('one');
    await torpor.waitForState(PLATFORM, 'asleep');
    bmc.restart();
    bmc.faults.refuseTimes.set('Chassis Control', { completionCode: 0xc3, times: 2 });
    expect(await client.ask('two')).toMatch(/ n=2 .*two$/);
    expect([host.buttonPresses, bmc.executed('Chassis Control')]).toEqual([1, 2]);
    await expectNoHarm(stage, 1);
  });
});
