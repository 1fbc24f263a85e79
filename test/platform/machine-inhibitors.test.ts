// The machine's rows on inhibitors, maintenance, wake times, the checks' last word and the bound on suspends.
import { describe, expect, it } from 'vitest';
import { findBlockers } from '../../src/platform/idle-policy.ts';
import type { KeptOrders } from '../../src/platform/inhibitor.ts';
import { nextDeadlineMs } from '../../src/platform/machine.ts';
import type { Intent } from '../../src/platform/ports.ts';
import { MachineRig, POLICY, START_MS } from './machine-rig.ts';

const HOUR_MS = 3_600_000;
const CHECKED = { asksTimeoutMs: 15_000 } as const;

function ordersOf(change: Partial<KeptOrders> = {}): KeptOrders {
  return { inhibitors: [], maintenance: null, pressesAtMs: [], ...change };
}

function sleepIntent(atMs: number): Intent {
  return { id: 7, kind: 'sleep', atMs, failedWakes: 0 };
}

function whyBlocked(rig: MachineRig): string[] {
  return findBlockers(rig.model, rig.nowMs).map(({ why }) => why);
}

/** Powered off by somebody else while it was awake. */
function toPoweredOff(rig: MachineRig): MachineRig {
  rig.toAwake().runFor(20_000);
  rig.allSilent();
  rig.wait(2_000).power('S5');
  return rig;
}

describe('inhibitors', () => {
  it('inhibitor: set -> told once, with kind, name, why, since and until; kept where it is an operator’s', () => {
    const rig = new MachineRig().toAwake().forget();
    const untilMs = rig.nowMs + 5_000;
    rig.inhibit(untilMs, 'backup', 'check');
    const inhibitor = { kind: 'check', name: 'backup', why: 'backup runs', sinceMs: rig.nowMs, untilMs };
    expect(rig.effects).toEqual([{ kind: 'inhibited', inhibitor }]);
    rig.forget().inhibit(untilMs, 'backup', 'operator');
    expect(rig.kinds).toEqual(['inhibited', 'keepOrders']);
    const orders = rig.all('keepOrders')[0]?.orders;
    expect(orders?.inhibitors).toEqual([{ ...inhibitor, kind: 'operator' }]);
  });

  it('inhibitor: the same again in other words -> the later words, since the first, not told again', () => {
    const rig = new MachineRig().toAwake();
    const sinceMs = rig.nowMs;
    rig.inhibit(null, 'draw', 'watts');
    rig.wait(3_000).forget();
    rig.send({ kind: 'inhibit', by: 'watts', name: 'draw', why: 'draws 312 W', untilMs: null });
    expect(rig.effects).toEqual([]);
    expect(rig.model.inhibitors).toEqual([{ kind: 'watts', name: 'draw', why: 'draws 312 W', sinceMs, untilMs: null }]);
  });

  it('inhibitor: lifted -> only that one of that kind and name ends, and is told with its reason', () => {
    const rig = new MachineRig().toAwake();
    rig.inhibit(null, 'backup', 'check');
    rig.inhibit(null, 'backup', 'operator');
    rig.forget().lift('backup', 'check');
    expect(rig.model.inhibitors.map(({ kind }) => kind)).toEqual(['operator']);
    expect(rig.effects).toMatchObject([{ kind: 'lifted', why: 'the backup is done', inhibitor: { kind: 'check' } }]);
    expect(rig.lift('backup', 'check')).toEqual([]);
    expect(rig.lift('backup', 'operator').map(({ kind }) => kind)).toEqual(['lifted', 'keepOrders']);
  });

  it.each([
    [-1, 1],
    [0, 0],
    [1, 0],
  ])('inhibitor: %i ms after its end -> %i left, its end told', (lateMs, left) => {
    const rig = new MachineRig().toAwake();
    rig.inhibit(rig.nowMs + 5_000);
    expect(nextDeadlineMs(rig.model)).toBe(rig.nowMs + 5_000);
    rig
      .forget()
      .wait(5_000 + lateMs)
      .tick();
    expect(rig.model.inhibitors).toHaveLength(left);
    expect(rig.all('lifted').map(({ why }) => why)).toEqual(left === 0 ? ['its time is over'] : []);
  });

  it('inhibitor: a release -> operators’ end, schedules and checks stand', () => {
    const rig = new MachineRig().toAwake();
    rig.inhibit(null, 'operator', 'operator');
    rig.inhibit(null, 'backup', 'operator');
    rig.inhibit(null, 'office hours', 'schedule');
    rig.inhibit(null, 'backup', 'check');
    rig.forget().send({ kind: 'release' });
    expect(rig.model.inhibitors.map(({ kind }) => kind)).toEqual(['schedule', 'check']);
    expect(rig.kinds).toEqual(['lifted', 'lifted', 'keepOrders']);
    expect(rig.all('keepOrders')[0]?.orders.inhibitors).toEqual([]);
  });

  it('inhibitor: a release with nothing to release -> nothing is written', () => {
    const rig = new MachineRig().toAwake().forget();
    expect(rig.send({ kind: 'release' })).toEqual([]);
  });

  it.each([
    ['operator', 'operator', 'inhibited by operator: backup runs'],
    ['operator', 'fan', 'inhibited by operator (fan): backup runs'],
    ['check', 'backup', 'inhibited by check backup: backup runs'],
    ['watts', 'watts', 'inhibited by watts: backup runs'],
  ] as const)('inhibitor: kind %s, name %s -> "%s"', (kind, name, why) => {
    const rig = new MachineRig({ policy: { minAwakeMs: 0 } }).toAwake();
    rig.inhibit(null, name, kind);
    expect(whyBlocked(rig)).toEqual([why]);
  });

  it.each([
    ['drowsy', (rig: MachineRig) => rig.toDrowsy()],
    ['saving', (rig: MachineRig) => rig.toSaving()],
    ['saving, draining', (rig: MachineRig) => rig.toDraining()],
    ['saving, journalling', (rig: MachineRig) => rig.toJournalling()],
  ])('inhibitor: a check says busy while %s -> awake, nothing pressed', (_title, to) => {
    const rig = to(new MachineRig());
    rig.inhibit(null, 'backup', 'check');
    expect(rig.model).toMatchObject({ state: 'awake', why: 'inhibited by check backup: backup runs' });
    expect(rig.all('requestSleep')).toEqual([]);
  });

  it('restart: an operator’s inhibitor was kept -> it stands; one whose time is over does not', () => {
    const kept = { kind: 'operator', name: 'fan', why: 'a new fan', sinceMs: 1, untilMs: null } as const;
    const over = { ...kept, name: 'short', untilMs: START_MS };
    const rig = new MachineRig({ orders: ordersOf({ inhibitors: [kept, over] }) }).toAwake();
    expect(rig.model.inhibitors).toEqual([kept]);
    rig.runFor(POLICY.minAwakeMs);
    expect(rig.state).toBe('awake');
  });
});

describe('asking the checks once more', () => {
  it('saving: hooks done, there are checks -> asked, nothing held, nothing drained yet', () => {
    const rig = new MachineRig({ policy: CHECKED }).toSaving().forget();
    rig.saved();
    expect(rig.kinds).toEqual(['askInhibitors']);
    expect(rig.model).toMatchObject({ held: false, progress: { phase: 'asking' } });
    expect(rig.asked().map(({ kind }) => kind)).toEqual(['holdStreams', 'drainSendQueues']);
  });

  it('saving: a check became busy at the last moment -> awake, the late answer presses nothing', () => {
    const rig = new MachineRig({ policy: CHECKED }).toAsking();
    const { sequence } = rig.model.progress;
    rig.inhibit(null, 'backup', 'check');
    expect(rig.state).toBe('awake');
    expect(rig.asked(null, sequence)).toEqual([]);
    expect(rig.all('requestSleep')).toEqual([]);
  });

  it.each([
    [-1, 'saving'],
    [0, 'awake'],
    [1, 'awake'],
  ])('saving: the checks do not answer, %i ms after the bound -> %s', (lateMs, state) => {
    const rig = new MachineRig({ policy: CHECKED }).toAsking();
    // Honest witnesses go on meanwhile: only the bound may end it.
    rig.runFor(CHECKED.asksTimeoutMs + lateMs);
    expect(rig.state).toBe(state);
    if (state === 'awake') expect(rig.model.backOff?.why).toBe('asking did not end in time');
  });

  it('saving: the asking itself failed -> awake with a back-off and its words', () => {
    const rig = new MachineRig({ policy: CHECKED }).toAsking();
    rig.asked('out of file descriptors');
    expect(rig.model).toMatchObject({ state: 'awake', backOff: { why: 'out of file descriptors' } });
  });

  it('saving: an answer with an old number -> ignored', () => {
    const rig = new MachineRig({ policy: CHECKED }).toAsking();
    rig.asked(null, rig.model.progress.sequence - 1);
    expect(rig.phase).toBe('asking');
  });
});

describe('no more than N suspends an hour', () => {
  const policy = { maxSuspendsPerHour: 2, minAwakeMs: 0 };

  function afterTwoPresses(): MachineRig {
    const rig = new MachineRig({ policy }).toAsleep();
    rig.activity();
    rig.wait(1_000).powerOn();
    rig.answers('alice');
    rig.restored();
    rig.runFor(1_000);
    expect(rig.state).toBe('drowsy');
    rig.runFor(POLICY.drowsyForMs).saved();
    rig.drained();
    rig.journalled();
    rig.wait(1_000).sleepFor(2_000);
    rig.activity();
    rig.wait(1_000).powerOn();
    rig.answers('alice');
    rig.answers('bob');
    rig.restored();
    return rig.runFor(1_000);
  }

  it('suspend-rate: two presses, two allowed -> awake until the first is an hour old', () => {
    const rig = afterTwoPresses();
    expect(rig.all('requestSleep')).toHaveLength(2);
    expect(rig.state).toBe('awake');
    const freeAtMs = (rig.model.pressesAtMs[0] as number) + HOUR_MS;
    expect(findBlockers(rig.model, rig.nowMs)).toEqual([
      { kind: 'suspend-rate', why: '2 suspends within the last hour, as many as allowed', untilMs: freeAtMs },
    ]);
    rig.wait(freeAtMs - 1 - rig.nowMs).powerOn();
    expect(rig.state).toBe('awake');
    rig.wait(1).powerOn();
    expect(rig.state).toBe('drowsy');
  });

  it('suspend-rate: an operator asks for sleep -> that bound does not stand against it', () => {
    const rig = afterTwoPresses();
    rig.send({ kind: 'operatorSleep', force: false });
    expect(rig.state).toBe('saving');
  });

  it('suspend-rate: presses of before a restart -> they count', () => {
    const orders = ordersOf({ pressesAtMs: [START_MS - 2 * HOUR_MS, START_MS - 1_000, START_MS - 500] });
    const rig = new MachineRig({ policy, orders }).toAwake();
    expect(rig.model.pressesAtMs).toEqual([START_MS - 1_000, START_MS - 500]);
    expect(findBlockers(rig.model, rig.nowMs).map(({ kind }) => kind)).toEqual(['suspend-rate']);
  });

  it('suspend-rate: Torpor died between press and count -> the journalled intent counts, and only once', () => {
    const atMs = START_MS - 60_000;
    const lost = new MachineRig({ policy, intent: sleepIntent(atMs), orders: ordersOf() });
    expect(lost.model.pressesAtMs).toEqual([atMs]);
    const counted = new MachineRig({
      policy,
      intent: sleepIntent(atMs),
      orders: ordersOf({ pressesAtMs: [atMs + 20] }),
    });
    expect(counted.model.pressesAtMs).toEqual([atMs + 20]);
  });
});

describe('maintenance by order', () => {
  it('maintenance: on while awake -> kept, never suspended, and streams flow', () => {
    const rig = new MachineRig().toAwake().forget();
    rig.maintenance(true);
    expect(rig.kinds).toEqual(['keepOrders']);
    rig.runFor(POLICY.minAwakeMs + POLICY.drowsyForMs);
    expect(rig.model).toMatchObject({ state: 'awake', held: false, maintenance: true });
    expect(whyBlocked(rig)).toEqual(['in maintenance: a new fan']);
  });

  it.each([
    ['drowsy', (rig: MachineRig) => rig.toDrowsy()],
    ['saving', (rig: MachineRig) => rig.toSaving()],
    ['saving, journalling', (rig: MachineRig) => rig.toJournalling()],
  ])('maintenance: on while %s -> awake, nothing pressed', (_title, to) => {
    const rig = to(new MachineRig());
    rig.maintenance(true);
    expect(rig.state).toBe('awake');
    expect(rig.all('requestSleep')).toEqual([]);
  });

  it('maintenance: on while asleep, a client comes -> not woken, let go within its bound', () => {
    const rig = new MachineRig().toAsleep();
    rig.maintenance(true);
    rig.activity();
    rig.scheduledWake();
    rig.tickFor(POLICY.clientWaitMs);
    expect(rig.all('requestWake')).toEqual([]);
    expect(rig.all('giveUpStreams').map(({ why }) => why)).toEqual([
      expect.stringContaining('the platform is in maintenance: a new fan'),
    ]);
    expect(rig.all('note').map(({ why }) => why)).toEqual(['not woken, it is in maintenance: schedule backup']);
  });

  it('maintenance: on while it suspends and a client came back -> asleep, not woken', () => {
    const rig = new MachineRig().toSuspending();
    rig.activity();
    rig.maintenance(true);
    rig.wait(1_000).sleepFor(3_000);
    expect(rig.model).toMatchObject({ state: 'asleep', maintenance: true });
    expect(rig.all('requestWake')).toEqual([]);
  });

  it('maintenance: an operator’s wake -> woken, and still in maintenance afterwards', () => {
    const rig = new MachineRig().toAsleep();
    rig.maintenance(true);
    rig.send({ kind: 'operatorWake', why: 'operator' });
    expect(rig.all('requestWake')).toHaveLength(1);
    rig.wait(1_000).powerOn();
    rig.answers();
    rig.restored();
    rig.runFor(POLICY.minAwakeMs);
    expect(rig.model).toMatchObject({ state: 'awake', maintenance: true });
  });

  it('maintenance: on while it wakes and nothing tells whether it sleeps, then off -> woken again for its client', () => {
    const rig = new MachineRig().toWaking();
    rig.maintenance(true);
    rig.tickFor(POLICY.wakeTimeoutMs);
    expect(rig.model).toMatchObject({ state: 'failed', wakeWanted: expect.any(String) });
    rig.activity();
    rig.maintenance(false);
    rig.tickFor(5_000);
    expect(rig.state).toBe('waking');
  });

  it('maintenance: on while it wakes, and it sleeps again -> asleep, its client let go within its bound', () => {
    const rig = new MachineRig().toWaking();
    rig.maintenance(true);
    rig.wait(1_000).sleepFor(3_000);
    expect(rig.state).toBe('asleep');
  });

  it('maintenance: ordered after a wake that was ordered before it slept -> the later order holds, no wake is asked for', () => {
    const rig = new MachineRig().toSuspending();
    rig.send({ kind: 'operatorWake', why: 'an operator' });
    rig.maintenance(true);
    rig.sleepFor(3_000);
    expect(rig.all('requestWake')).toEqual([]);
  });

  it('maintenance: off while a client waits -> woken at once, the order’s end kept', () => {
    const rig = new MachineRig().toAsleep();
    rig.maintenance(true);
    rig.activity();
    rig.forget().maintenance(false);
    expect(rig.model).toMatchObject({ state: 'waking', maintenance: false });
    expect(rig.all('keepOrders')[0]?.orders.maintenance).toBeNull();
  });

  it('maintenance: off after it was powered off by somebody else -> as if Torpor had sent it to sleep', () => {
    const rig = toPoweredOff(new MachineRig());
    expect(rig.model).toMatchObject({ state: 'asleep', maintenance: true, maintenanceOrder: null });
    rig.forget().maintenance(false);
    expect(rig.all('journal').map(({ intent }) => intent.kind)).toEqual(['sleep']);
    rig.activity();
    expect(rig.state).toBe('waking');
  });

  it('maintenance: off while awake -> the journal is left as it is', () => {
    const rig = new MachineRig().toAwake();
    rig.maintenance(true);
    rig.forget().maintenance(false);
    expect(rig.kinds).toEqual(['keepOrders']);
  });

  it('maintenance: its technician switches it on and off again -> nothing is asked for', () => {
    const rig = new MachineRig().toAsleep();
    rig.maintenance(true);
    rig.activity();
    rig.wait(60_000).answers('alice');
    expect(rig.state).toBe('waking');
    rig.allSilent();
    rig.restored();
    rig.sleepFor(5_000);
    rig.tickFor(60_000);
    expect(rig.all('requestWake')).toEqual([]);
    expect(rig.model).toMatchObject({ state: 'asleep', maintenance: true });
  });

  it('maintenance: it runs without any VM -> failed without a request and without a mark, and awake once a VM answers', () => {
    const policy = { savesContext: true };
    const rig = new MachineRig({ policy }).toAsleep();
    rig.maintenance(true);
    rig.wait(60_000);
    for (let i = 0; i < 400 && rig.state !== 'failed'; i += 1) {
      rig.wait(1_000).powerOn();
      rig.allSilent();
      if (rig.phase === 'restoring') rig.restored();
    }
    expect(rig.model).toMatchObject({ state: 'failed', intent: { failedWakes: 0 } });
    expect(rig.all('requestWake')).toEqual([]);
    rig.runFor(500);
    if (rig.phase === 'restoring') rig.restored();
    expect(rig.model).toMatchObject({ state: 'awake', maintenance: true, held: false });
  });

  it('restart: ordered before -> in maintenance again, whatever the evidence', () => {
    const orders = ordersOf({ maintenance: { why: 'a new fan', sinceMs: 1 } });
    const awake = new MachineRig({ orders }).toAwake().runFor(POLICY.minAwakeMs);
    expect(awake.model).toMatchObject({ state: 'awake', maintenance: true });
    const wake: Intent = { id: 7, kind: 'wake', atMs: START_MS - 1, failedWakes: 0 };
    const asleep = new MachineRig({ orders, intent: wake }).sleepFor(3_000);
    expect(asleep.model).toMatchObject({ state: 'asleep', maintenance: true });
    expect(asleep.all('requestWake')).toEqual([]);
  });

  it('maintenance: a release ends it as well', () => {
    const rig = new MachineRig().toAwake();
    rig.maintenance(true);
    rig.send({ kind: 'release' });
    expect(rig.model).toMatchObject({ maintenance: false, maintenanceOrder: null });
  });
});

describe('wake times', () => {
  it('asleep: a wake time -> woken, no client needed', () => {
    const rig = new MachineRig().toAsleep();
    rig.scheduledWake();
    expect(rig.model).toMatchObject({ state: 'waking', why: 'schedule backup' });
    expect(rig.all('requestWake')).toHaveLength(1);
  });

  it('suspending: a wake time -> woken as soon as it sleeps', () => {
    const rig = new MachineRig().toSuspending();
    rig.scheduledWake();
    rig.wait(1_000).sleepFor(3_000);
    expect(rig.all('requestWake')).toHaveLength(1);
  });

  it('awake: a wake time -> nothing; its inhibitor keeps it awake', () => {
    const rig = new MachineRig().toAwake().forget();
    expect(rig.scheduledWake()).toEqual([]);
    expect(rig.model.scheduledUntilMs).toBeNull();
  });

  it('asleep in observe mode: a wake time -> nothing is pressed', () => {
    const rig = new MachineRig({ armed: false });
    rig.sleepFor(3_000);
    rig.scheduledWake();
    expect(rig.all('requestWake')).toEqual([]);
  });

  it('asleep: a wake time that is over already -> nothing', () => {
    const rig = new MachineRig().toAsleep();
    rig.scheduledWake(0);
    expect(rig.state).toBe('asleep');
  });

  it('failed(wake): a wake time, no client -> tried again with the back-off until its window is over', () => {
    const rig = new MachineRig({ policy: { wakeMethods: ['chassis-on'] } }).toAsleep();
    const forMs = 10 * 60_000;
    rig.scheduledWake(forMs);
    const endMs = rig.nowMs + forMs;
    const states = new Set<string>();
    while (rig.nowMs < endMs + 120_000) {
      rig.wait(1_000).powerDown();
      states.add(`${rig.state} ${rig.nowMs < endMs ? 'within' : 'after'}`);
    }
    expect(rig.model.intent.failedWakes).toBeGreaterThan(3);
    expect(rig.state).toBe('failed');
    expect(rig.model.wakeWanted).toBeNull();
    const asked = rig.all('requestWake').length;
    rig.tickFor(24 * HOUR_MS);
    expect(rig.all('requestWake')).toHaveLength(asked);
    expect([...states]).toContain('waking within');
  });

  it('failed(wake): clients are let go while a wake time stands -> still tried for the schedule', () => {
    const rig = new MachineRig({ policy: { clientWaitMs: 60_000, wakeMethods: ['chassis-on'] } }).toAsleep();
    rig.scheduledWake(HOUR_MS);
    rig.activity();
    rig.tickFor(70_000);
    expect(rig.all('giveUpStreams')).toHaveLength(1);
    const asked = rig.all('requestWake').length;
    rig.tickFor(20 * 60_000);
    expect(rig.all('requestWake').length).toBeGreaterThan(asked);
  });

  it('restart: a press that only its intent remembers -> kept for itself as soon as the state is known', () => {
    const atMs = START_MS - 60_000;
    const rig = new MachineRig({ intent: { id: 4, kind: 'sleep', atMs, failedWakes: 0 } });
    rig.sleepFor(2_000);
    expect(rig.state).toBe('asleep');
    expect(rig.all('keepOrders').map(({ orders }) => orders.pressesAtMs)).toEqual([[atMs]]);
  });
});
