// The platform machine against the rows of its table: each guard in both directions, each bound at -1, 0 and +1 ms.
import { describe, expect, it } from 'vitest';
import { nextDeadlineMs } from '../../src/platform/machine.ts';
import type { Intent } from '../../src/platform/ports.ts';
import { MachineRig, POLICY, START_MS } from './machine-rig.ts';

const SAVES = { savesContext: true } as const;
const SAVES_VMS = { savesContext: true, savesVms: true } as const;
const ONE_VM = { vms: ['alice'], probedVms: ['alice'] } as const;
const NO_PROBES = { vms: ['alice'], probedVms: [] } as const;
const NO_WITNESS = { ...ONE_VM, witness: 'none' } as const;
const S5 = { sleep: 'S5', witness: 'power-bit' } as const;

function intentOf(kind: Intent['kind'], change: Partial<Intent> = {}): Intent {
  return { id: 7, kind, atMs: START_MS - 5_000, failedWakes: 0, ...change };
}

describe('start', () => {
  it('start: nothing known -> starting, streams held, nothing done', () => {
    const rig = new MachineRig();
    expect(rig.model).toMatchObject({ state: 'starting', held: true, pool: 0 });
    expect(rig.tick()).toEqual([]);
  });

  it('start: a BMC that says S0, nothing journalled -> awake, released, nothing pressed', () => {
    const rig = new MachineRig();
    rig.power('S0');
    expect(rig.state).toBe('awake');
    expect(rig.kinds).toEqual(['transition', 'releaseStreams']);
  });

  it('start: a VM answers -> awake without any BMC', () => {
    const rig = new MachineRig();
    rig.answers('bob');
    expect(rig.state).toBe('awake');
  });

  it.each([
    ['S3 and VMs silent for 1999 ms', 1_999, 'starting'],
    ['S3 and VMs silent for 2000 ms', 2_000, 'asleep'],
    ['S3 and VMs silent for 2001 ms', 2_001, 'asleep'],
  ])('start: %s -> %s ms -> %s', (_title, silentMs, state) => {
    const rig = new MachineRig();
    rig.power('S3');
    rig.allSilent();
    rig.wait(silentMs).tick();
    expect(rig.state).toBe(state);
  });

  it('start: S3 but one VM answers -> awake: any doubt is awake', () => {
    const rig = new MachineRig();
    rig.power('S3');
    rig.silent('alice');
    rig.answers('bob');
    expect(rig.state).toBe('awake');
  });

  it('start: no evidence at all -> starting until its bound, then awake, nothing pressed', () => {
    const rig = new MachineRig();
    const boundMs = nextDeadlineMs(rig.model) as number;
    expect(boundMs - START_MS).toBeLessThanOrEqual(30_000);
    rig.wait(boundMs - START_MS - 1).tick();
    expect(rig.state).toBe('starting');
    rig.wait(1).tick();
    expect(rig.state).toBe('awake');
    expect(rig.kinds).toEqual(['transition', 'releaseStreams']);
  });

  it('start: no witness of power, VMs silent from the first question on -> asleep by weak evidence, not "in doubt awake"', () => {
    const rig = new MachineRig({ policy: NO_WITNESS, intent: intentOf('sleep') });
    for (let i = 0; i < 40 && rig.state === 'starting'; i += 1) {
      rig.wait(500).silent('alice', rig.nowMs - 400);
      rig.tick();
    }
    expect(rig.state).toBe('asleep');
    expect(rig.nowMs - START_MS).toBeGreaterThanOrEqual(15_000);
    expect(rig.all('releaseStreams')).toEqual([]);
  });

  it('start: found asleep and armed -> streams stay held, the sleep is journalled', () => {
    const rig = new MachineRig();
    rig.sleepFor(2_000);
    expect(rig.model).toMatchObject({ state: 'asleep', held: true, maintenance: false });
    expect(rig.all('journal').map(({ intent }) => intent.kind)).toEqual(['sleep']);
  });

  it('start: activity before the first evidence, then asleep -> woken at once', () => {
    const rig = new MachineRig({ intent: intentOf('sleep') });
    rig.activity('bob');
    rig.sleepFor(2_000);
    expect(rig.state).toBe('waking');
    expect(rig.all('requestWake')).toHaveLength(1);
  });

  it('start: an operator asks for a wake before the first evidence, then asleep -> woken at once', () => {
    const rig = new MachineRig({ intent: intentOf('sleep') });
    rig.send({ kind: 'operatorWake', why: 'operator' });
    rig.sleepFor(2_000);
    expect(rig.all('requestWake')).toHaveLength(1);
  });
});

describe('restart: journalled intent x evidence', () => {
  const fresh = { atMs: START_MS - 5_000 };
  const old = { atMs: START_MS - 8 * 3_600_000 };

  it('restart: intent run, S0 -> awake', () => {
    const rig = new MachineRig({ intent: intentOf('run') });
    rig.runFor(0);
    expect(rig.state).toBe('awake');
    expect(rig.all('journal')).toEqual([]);
  });

  it('restart: intent run, off, sleeps in S3 -> asleep in maintenance: somebody powered it off', () => {
    const rig = new MachineRig({ intent: intentOf('run') });
    rig.allSilent();
    rig.wait(2_000).power('S5');
    expect(rig.model).toMatchObject({ state: 'asleep', maintenance: true });
    rig.activity();
    expect(rig.all('requestWake')).toEqual([]);
  });

  it('restart: intent sleep of just now, still S0 -> suspending without a second press', () => {
    const rig = new MachineRig({ intent: intentOf('sleep', fresh) });
    rig.runFor(0);
    expect(rig.state).toBe('suspending');
    expect(rig.model.held).toBe(true);
    rig.wait(1_000).sleepFor(2_000);
    expect(rig.state).toBe('asleep');
    expect(rig.all('requestSleep')).toEqual([]);
  });

  it('restart: intent sleep of just now, never pressed, nobody there -> awake again in bounded time, no press', () => {
    const rig = new MachineRig({ intent: intentOf('sleep', fresh) });
    rig.runFor(POLICY.suspendTimeoutMs + 1_000);
    expect(rig.state).toBe('awake');
    expect(rig.all('requestSleep')).toEqual([]);
    expect(rig.all('releaseStreams').at(-1)).toEqual({ kind: 'releaseStreams', vm: null });
  });

  it('restart: intent sleep of just now, VM answers for 3 s, a client is there -> awake', () => {
    const rig = new MachineRig({ intent: intentOf('sleep', fresh) });
    rig.runFor(0);
    rig.activity();
    rig.runFor(3_000);
    expect(rig.state).toBe('awake');
  });

  it('restart: intent sleep of hours ago, S0 and a VM answers -> woken by someone else: awake soon, no false alarm', () => {
    const rig = new MachineRig({ intent: intentOf('sleep', old) });
    rig.runFor(1_000);
    if (rig.phase === 'restoring') rig.restored();
    rig.runFor(1_000);
    expect(rig.state).toBe('awake');
    expect(rig.all('alarm')).toEqual([]);
    expect(rig.model.failures).toBe(0);
  });

  it('restart: intent sleep, asleep -> asleep, no new journal, nothing pressed', () => {
    const rig = new MachineRig({ intent: intentOf('sleep', old) });
    rig.sleepFor(2_000);
    expect(rig.state).toBe('asleep');
    expect(rig.kinds).toEqual(['transition']);
  });

  it('restart: intent sleep, off where S5 is our sleep -> asleep, not maintenance', () => {
    const rig = new MachineRig({ policy: S5, intent: intentOf('sleep', old) });
    rig.sleepFor(2_000);
    expect(rig.model).toMatchObject({ state: 'asleep', maintenance: false });
  });

  it('restart: intent wake, still asleep -> waking, the request repeated', () => {
    const rig = new MachineRig({ intent: intentOf('wake') });
    rig.sleepFor(2_000);
    expect(rig.state).toBe('waking');
    expect(rig.all('requestWake').map(({ method }) => method)).toEqual(['chassis-on']);
  });

  it('restart: intent wake, S0 but no VM answers yet -> not released before a VM answers', () => {
    const rig = new MachineRig({ intent: intentOf('wake') });
    rig.silent('alice');
    rig.silent('bob');
    rig.power('S0');
    expect(rig.all('releaseStreams')).toEqual([]);
    rig.wait(1_000).answers('alice');
    rig.restored();
    expect(rig.state).toBe('awake');
  });

  it('restart: intent wake, a VM answers -> context restored, identity compared, then awake', () => {
    const rig = new MachineRig({ policy: SAVES, intent: intentOf('wake') });
    rig.runFor(500);
    expect(rig.all('restoreContext')).toHaveLength(1);
    rig.restored();
    rig.runFor(500);
    expect(rig.state).toBe('awake');
    expect(rig.all('journal').at(-1)?.intent.kind).toBe('run');
  });

  it.each(['sleep', 'wake'] as const)(
    'restart: intent %s, no evidence at all -> awake in doubt, nothing pressed',
    (kind) => {
      const rig = new MachineRig({ intent: intentOf(kind) });
      rig.tickFor(30_000);
      expect(rig.state).toBe('awake');
      expect(rig.all('requestSleep')).toEqual([]);
      expect(rig.all('requestWake')).toEqual([]);
    },
  );

  it('restart: hooks had begun, no evidence at first, then S0 -> context restored', () => {
    const rig = new MachineRig({ policy: SAVES, intent: intentOf('sleep', fresh) });
    rig.tickFor(30_000);
    expect(rig.state).toBe('awake');
    rig.powerOn();
    expect(rig.all('restoreContext')).toHaveLength(1);
    rig.restored();
    rig.wait(100).answers('alice');
    expect(rig.state).toBe('awake');
  });

  it('restart: hooks had begun, no evidence at first, then S0, no VM has a probe -> restored once the next reading says so', () => {
    const policy = { ...SAVES, probedVms: [] };
    const rig = new MachineRig({ policy, intent: intentOf('sleep', fresh) });
    rig.tickFor(30_000);
    rig.powerOn();
    expect(rig.all('restoreContext')).toEqual([]);
    rig.wait(500).powerOn();
    expect(rig.all('restoreContext')).toHaveLength(1);
  });

  it('restart: our S5 sleep, BMC silent at first, then off -> still our own sleep: a client wakes it', () => {
    const rig = new MachineRig({ policy: S5, intent: intentOf('sleep', old) });
    rig.tickFor(30_000);
    expect(rig.state).toBe('awake');
    rig.sleepFor(2_000);
    expect(rig.model).toMatchObject({ state: 'asleep', maintenance: false });
    rig.activity();
    expect(rig.all('requestWake')).toHaveLength(1);
  });

  it('restart: failed wakes on record -> no suspend for an hour from then, however often it restarts', () => {
    const intent = intentOf('run', { failedWakes: 1 });
    const rig = new MachineRig({ intent });
    const leftMs = intent.atMs + 3_600_000 - START_MS;
    rig.toAwake().runFor(leftMs - 500);
    expect(rig.state).toBe('awake');
    rig.runFor(500 + POLICY.drowsyForMs);
    expect(rig.state).not.toBe('awake');
  });

  it('restart: a failed wake of yesterday on record -> suspends as ever', () => {
    const rig = new MachineRig({ intent: intentOf('run', { failedWakes: 1, atMs: START_MS - 86_400_000 }) });
    rig.toAwake().runFor(POLICY.minAwakeMs + POLICY.drowsyForMs + 500);
    expect(rig.state).not.toBe('awake');
  });

  it('restart: a failed wake on record that lies ahead, by a clock that was set back -> an hour, no more', () => {
    const rig = new MachineRig({ intent: intentOf('run', { failedWakes: 1, atMs: START_MS + 86_400_000 }) });
    rig.toAwake().runFor(3_600_000 + POLICY.drowsyForMs);
    expect(rig.state).not.toBe('awake');
  });

  it('restart: powered off by somebody, in maintenance -> still maintenance after the restart', () => {
    const rig = new MachineRig().toAwake();
    rig.allSilent();
    rig.wait(2_000).power('S5');
    expect(rig.model.maintenance).toBe(true);
    const again = new MachineRig({ intent: rig.model.intent });
    again.allSilent();
    again.wait(2_000).power('S5');
    expect(again.model).toMatchObject({ state: 'asleep', maintenance: true });
  });

  it('restart: released from maintenance while off -> not in maintenance after the restart either', () => {
    const rig = new MachineRig().toAwake();
    rig.allSilent();
    rig.wait(2_000).power('S5');
    rig.send({ kind: 'release' });
    const again = new MachineRig({ intent: rig.model.intent });
    again.allSilent();
    again.wait(2_000).power('S5');
    expect(again.model).toMatchObject({ state: 'asleep', maintenance: false });
  });
});

describe('awake -> drowsy', () => {
  it('awake: all guards hold -> drowsy', () => {
    const rig = new MachineRig().toDrowsy();
    expect(rig.state).toBe('drowsy');
    expect(rig.nowMs - START_MS).toBe(50_000);
  });

  it.each([
    [-1, 'awake'],
    [0, 'drowsy'],
    [1, 'drowsy'],
  ])('awake: minAwake %i ms over -> %s', (overMs, state) => {
    const rig = new MachineRig().toAwake().runFor(49_000);
    rig.wait(1_000 + overMs).tick();
    expect(rig.state).toBe(state);
  });

  it('awake: minAwake ends between two readings -> a tick is due just then', () => {
    const rig = new MachineRig().toAwake().runFor(48_000);
    expect(nextDeadlineMs(rig.model)).toBe(START_MS + 50_000);
  });

  it('awake: pool not empty -> awake; empty -> drowsy', () => {
    const rig = new MachineRig().toAwake();
    rig.pool(1);
    rig.runFor(60_000);
    expect(rig.state).toBe('awake');
    rig.pool(0);
    expect(rig.state).toBe('drowsy');
  });

  it('awake: observe mode -> awake, said once that it would sleep', () => {
    const rig = new MachineRig({ armed: false }).toAwake().runFor(200_000);
    expect(rig.state).toBe('awake');
    expect(rig.all('wouldSleep')).toHaveLength(1);
    rig.pool(1);
    rig.pool(0);
    expect(rig.all('wouldSleep')).toHaveLength(2);
  });

  it('awake: wake path not proven -> awake; proven -> drowsy', () => {
    const rig = new MachineRig().toAwake();
    rig.proof(false);
    rig.runFor(60_000);
    expect(rig.state).toBe('awake');
    rig.proof(true);
    expect(rig.state).toBe('drowsy');
  });

  it('awake: BMC lost -> awake; back -> drowsy', () => {
    const rig = new MachineRig().toAwake();
    rig.wait(60_000).bmcLost();
    expect(rig.state).toBe('awake');
    rig.powerOn();
    expect(rig.state).toBe('drowsy');
  });

  it.each([
    [9_999, 'drowsy'],
    [10_000, 'drowsy'],
    [10_001, 'awake'],
  ])('awake: last reading %i ms old when minAwake ends -> %s', (ageMs, state) => {
    const rig = new MachineRig({ policy: { minAwakeMs: 20_000 } }).toAwake();
    rig.wait(20_000 - ageMs).powerOn();
    rig.wait(ageMs).tick();
    expect(rig.state).toBe(state);
  });

  it('awake: the BMC answers but its witness tells nothing -> awake: its sleep could not be seen', () => {
    const rig = new MachineRig().toAwake();
    rig.wait(60_000).power(null);
    expect(rig.state).toBe('awake');
  });

  it.each([
    [-1, 'awake'],
    [0, 'drowsy'],
  ])('awake: inhibitor, %i ms over -> %s', (overMs, state) => {
    const rig = new MachineRig().toAwake();
    const untilMs = rig.nowMs + 70_000;
    rig.inhibit(untilMs);
    rig.runFor(69_000);
    expect(nextDeadlineMs(rig.model)).toBe(untilMs);
    rig.wait(1_000 + overMs).tick();
    expect(rig.state).toBe(state);
  });

  it('awake: inhibitor without an end -> awake until a release', () => {
    const rig = new MachineRig().toAwake();
    rig.inhibit(null);
    rig.runFor(60_000);
    expect(rig.state).toBe('awake');
    rig.send({ kind: 'release' });
    expect(rig.state).toBe('drowsy');
  });

  it('awake: two inhibitors, the same name again -> each name once, the later word counts', () => {
    const rig = new MachineRig().toAwake();
    rig.inhibit(rig.nowMs + 1_000, 'operator');
    rig.inhibit(rig.nowMs + 2_000, 'schedule');
    rig.inhibit(rig.nowMs + 3_000, 'operator');
    expect(rig.model.inhibitors.map(({ name, untilMs }) => [name, (untilMs as number) - rig.nowMs])).toEqual([
      ['schedule', 2_000],
      ['operator', 3_000],
    ]);
  });

  it('awake: an inhibitor has expired -> it is gone', () => {
    const rig = new MachineRig().toAwake();
    rig.inhibit(rig.nowMs + 1_000);
    rig.wait(1_000).tick();
    expect(rig.model.inhibitors).toEqual([]);
  });

  it.each(['none', 'watts'] as const)(
    'awake: witness %s and no probe -> awake: nothing could tell its sleep',
    (witness) => {
      const rig = new MachineRig({ policy: { ...NO_PROBES, witness } }).toAwake();
      rig.tickFor(30_000);
      rig.runFor(100_000);
      expect(rig.state).toBe('awake');
    },
  );
});

describe('drowsy', () => {
  it.each([
    [29_999, 'drowsy'],
    [30_000, 'saving'],
    [30_001, 'saving'],
  ])('drowsy: window of 30 s, %i ms passed -> %s', (passedMs, state) => {
    const rig = new MachineRig().toDrowsy().runFor(29_000);
    rig.wait(passedMs - 29_000).tick();
    expect(rig.state).toBe(state);
  });

  it('drowsy: window over -> saving, the hook asked for once, streams still flow', () => {
    const rig = new MachineRig().toDrowsy().forget().runFor(30_000);
    expect(rig.state).toBe('saving');
    expect(rig.kinds).toEqual(['transition', 'saveContext']);
    expect(rig.model.held).toBe(false);
  });

  it.each([
    ['activity', (rig: MachineRig) => rig.activity()],
    ['a client in the pool', (rig: MachineRig) => rig.pool(1)],
    ['an inhibitor', (rig: MachineRig) => rig.inhibit()],
    ['the BMC lost', (rig: MachineRig) => rig.bmcLost()],
    ['the wake path unproven', (rig: MachineRig) => rig.proof(false)],
    ['an operator who wants it awake', (rig: MachineRig) => rig.send({ kind: 'operatorWake', why: 'operator' })],
  ])('drowsy: %s -> awake', (_title, send) => {
    const rig = new MachineRig().toDrowsy().forget();
    send(rig);
    expect(rig.state).toBe('awake');
    expect(rig.all('requestSleep')).toEqual([]);
  });

  it('drowsy: the last reading grows older than 10 s -> awake at the next look', () => {
    const rig = new MachineRig().toDrowsy();
    rig.wait(10_001).tick();
    expect(rig.state).toBe('awake');
  });

  it('drowsy: no VM answers its probe when the window is over -> awake for a minute: its wake could not be seen', () => {
    const rig = new MachineRig().toDrowsy();
    for (let i = 0; i < 60; i += 1) {
      rig.wait(500).powerOn();
      rig.allSilent();
    }
    expect(rig.state).toBe('awake');
    expect(rig.model.backOff?.untilMs).toBe(rig.model.sinceMs + 60_000);
    expect(rig.model.why).toMatch(/no VM answers/);
  });

  it('drowsy: one of two VMs answers when the window is over -> saving', () => {
    const rig = new MachineRig().toDrowsy();
    for (let i = 0; i < 60; i += 1) {
      rig.wait(500).powerOn();
      rig.silent('alice');
      rig.answers('bob');
    }
    expect(rig.state).toBe('saving');
  });

  it('drowsy: window shorter than a probe’s round trip -> waits for the first answer, then saving', () => {
    const rig = new MachineRig({ policy: { drowsyForMs: 0 } }).toAwake();
    rig.wait(50_000).powerOn();
    expect(rig.state).toBe('drowsy');
    rig.wait(20).tick();
    expect(rig.state).toBe('drowsy');
    rig.answers('alice', rig.nowMs - 10);
    expect(rig.state).toBe('saving');
  });

  it('drowsy: window shorter than a probe’s round trip, no answer at all -> awake in bounded time', () => {
    const rig = new MachineRig({ policy: { drowsyForMs: 0 } }).toAwake();
    rig.wait(50_000).powerOn();
    rig.tickFor(9_000);
    expect(rig.state).toBe('awake');
    expect(rig.model.backOff?.why).toMatch(/no VM answers/);
  });
});

describe('operator asks for sleep', () => {
  it('operatorSleep: awake for a second, VMs not asked lately -> drowsy without window, saving at the first answer', () => {
    const rig = new MachineRig().toAwake();
    rig.wait(20_000).powerOn();
    rig.send({ kind: 'operatorSleep', force: false });
    expect(rig.state).toBe('drowsy');
    rig.wait(30).answers('alice', rig.nowMs - 20);
    expect(rig.state).toBe('saving');
  });

  it('operatorSleep: drowsy -> saving at once', () => {
    const rig = new MachineRig().toDrowsy();
    rig.send({ kind: 'operatorSleep', force: false });
    expect(rig.state).toBe('saving');
  });

  it.each([
    ['a client is active', (rig: MachineRig) => rig.pool(1)],
    ['an inhibitor stands', (rig: MachineRig) => rig.inhibit()],
    ['the wake path is not proven', (rig: MachineRig) => rig.proof(false)],
    ['the BMC is lost', (rig: MachineRig) => rig.bmcLost()],
  ])('operatorSleep: %s -> awake, and a note says why', (_title, block) => {
    const rig = new MachineRig().toAwake();
    block(rig);
    const effects = rig.send({ kind: 'operatorSleep', force: false });
    expect(rig.state).toBe('awake');
    expect(effects).toEqual([{ kind: 'note', why: expect.stringMatching(/^asked to sleep, but /) }]);
    expect(rig.model.sleepAsked).toBe(null);
  });

  it('operatorSleep: observe mode -> awake even if forced', () => {
    const rig = new MachineRig({ armed: false }).toAwake();
    rig.send({ kind: 'operatorSleep', force: true });
    expect(rig.state).toBe('awake');
  });

  it('operatorSleep: forced over active clients -> suspending; what they type meanwhile wakes it as soon as it sleeps', () => {
    const rig = new MachineRig().toAwake();
    rig.pool(2);
    rig.send({ kind: 'operatorSleep', force: true });
    rig.activity();
    rig.wait(500).runFor(0);
    rig.saved();
    rig.drained();
    rig.journalled();
    expect(rig.state).toBe('suspending');
    expect(rig.all('requestSleep')).toHaveLength(1);
    rig.wait(100).activity();
    rig.sleepFor(2_000);
    expect(rig.all('requestWake')).toHaveLength(1);
  });

  it.each([
    ['an inhibitor', (rig: MachineRig) => rig.inhibit()],
    ['the BMC lost', (rig: MachineRig) => rig.bmcLost()],
    ['the wake path unproven', (rig: MachineRig) => rig.proof(false)],
  ])('operatorSleep: forced, then %s -> awake, and the wish is forgotten', (_title, block) => {
    const rig = new MachineRig().toAwake();
    rig.pool(1);
    rig.send({ kind: 'operatorSleep', force: true });
    block(rig);
    expect(rig.state).toBe('awake');
    expect(rig.model.sleepAsked).toBe(null);
  });

  it.each(['toSuspending', 'toAsleep', 'toWaking'] as const)('operatorSleep: %s -> changes nothing', (reach) => {
    const rig = new MachineRig()[reach]();
    const before = rig.model.state;
    expect(rig.forget().send({ kind: 'operatorSleep', force: true })).toEqual([]);
    expect(rig.state).toBe(before);
  });
});

describe('saving', () => {
  const PHASES = ['toSaving', 'toDraining', 'toJournalling'] as const;

  it('saving: hooks, drained, journalled -> held, then journalled, then pressed once, in that order', () => {
    const rig = new MachineRig().toDrowsy().forget().runFor(30_000);
    rig.saved();
    rig.drained();
    expect(rig.all('requestSleep')).toEqual([]);
    rig.journalled();
    expect(rig.kinds).toEqual([
      'transition',
      'saveContext',
      'holdStreams',
      'drainSendQueues',
      'journal',
      'transition',
      'requestSleep',
      'keepOrders',
    ]);
    expect(rig.all('journal')[0]?.intent.kind).toBe('sleep');
    expect(rig.all('requestSleep')[0]?.intentId).toBe(rig.all('journal')[0]?.intent.id);
  });

  describe.each(PHASES)('in phase %s', (reach) => {
    it.each([
      ['activity', (rig: MachineRig) => rig.activity()],
      ['a client in the pool', (rig: MachineRig) => rig.pool(1)],
      ['an inhibitor', (rig: MachineRig) => rig.inhibit()],
      ['the BMC lost', (rig: MachineRig) => rig.bmcLost()],
      ['the wake path unproven', (rig: MachineRig) => rig.proof(false)],
      ['an operator who wants it awake', (rig: MachineRig) => rig.send({ kind: 'operatorWake', why: 'operator' })],
      ['a BMC that says it sleeps already', (rig: MachineRig) => rig.wait(100).power('S3')],
      ['a BMC whose witness tells nothing any more', (rig: MachineRig) => rig.wait(100).power(null)],
      ['a reading older than 10 s', (rig: MachineRig) => rig.wait(10_001).tick()],
    ])('saving: %s -> awake, flowing, never pressed', (_title, send) => {
      const rig = new MachineRig()[reach]();
      send(rig);
      expect(rig.state).toBe('awake');
      expect(rig.model.held).toBe(false);
      rig.saved(null, 1);
      rig.drained(true, 2);
      rig.journalled(null, 1);
      expect(rig.all('requestSleep')).toEqual([]);
      expect(rig.model.intent.kind).toBe('run');
    });

    it('saving: activity, hooks change the context -> restored before anybody is released, at once and without a wake', () => {
      const rig = new MachineRig({ policy: SAVES })[reach]().forget();
      rig.activity();
      expect(rig.all('restoreContext')).toHaveLength(1);
      expect(rig.all('releaseStreams')).toEqual([]);
      expect(rig.all('requestWake')).toEqual([]);
      rig.wait(2_000).restored();
      rig.answers('alice');
      expect(rig.state).toBe('awake');
      expect(rig.model.held).toBe(false);
      expect(rig.model.intent.failedWakes).toBe(0);
    });

    it('saving: called off, the hook’s VMs never come back -> awake in bounded time, no failed wake on record', () => {
      const rig = new MachineRig({ policy: SAVES })[reach]();
      rig.activity();
      rig.restored();
      rig.tickFor(POLICY.wakeTimeoutMs);
      expect(rig.state).toBe('awake');
      expect(rig.model.intent.failedWakes).toBe(0);
      expect(rig.all('requestWake')).toEqual([]);
    });

    it('saving: nothing comes back any more -> awake in bounded time', () => {
      const rig = new MachineRig()[reach]();
      for (let i = 0; i < 150; i += 1) rig.wait(1_000).powerOn();
      expect(rig.state).not.toBe('saving');
      expect(rig.all('requestSleep')).toEqual([]);
      expect(rig.model.backOff?.untilMs).toBeGreaterThan(rig.nowMs - 150_000);
    });
  });

  it('saving: hooks change the context -> they wait until the disk knows, so that a restart restores it', () => {
    const rig = new MachineRig({ policy: SAVES }).toDrowsy().forget().runFor(30_000);
    expect(rig.kinds).toEqual(['transition', 'journal']);
    rig.journalled();
    expect(rig.kinds).toEqual(['transition', 'journal', 'saveContext']);
    const again = new MachineRig({ policy: SAVES, intent: rig.model.intent });
    again.powerOn();
    again.allSilent();
    for (let i = 0; i < 60 && again.phase !== 'restoring'; i += 1) again.wait(1_000).powerOn();
    expect(again.all('restoreContext')).toHaveLength(1);
    expect(again.all('requestSleep')).toEqual([]);
  });

  it('saving: hooks change the context, but the disk is full -> awake, no hook was run', () => {
    const rig = new MachineRig({ policy: SAVES }).toDrowsy().forget().runFor(30_000);
    rig.journalled('disk full');
    expect(rig.state).toBe('awake');
    expect([...rig.all('saveContext'), ...rig.all('restoreContext')]).toEqual([]);
    expect(rig.all('alarm')).toHaveLength(1);
  });

  it('saving: called off before the hooks began -> awake at once, nothing to restore', () => {
    const rig = new MachineRig({ policy: SAVES }).toDrowsy().forget().runFor(30_000);
    rig.pool(1);
    expect(rig.state).toBe('awake');
    rig.journalled(null, rig.model.intent.id - 1);
    expect([...rig.all('saveContext'), ...rig.all('restoreContext')]).toEqual([]);
  });

  it('saving: called off while the hook runs -> the hook is told to end', () => {
    const rig = new MachineRig().toSaving().forget();
    rig.pool(1);
    expect(rig.kinds).toContain('abortSave');
  });

  it.each([
    [59_999, 'awake'],
    [60_000, 'drowsy'],
  ])('saving: veto -> awake, its reason kept, no second try for a minute (%i ms -> %s)', (laterMs, state) => {
    const rig = new MachineRig().toSaving();
    rig.saved('backup is running');
    expect(rig.model).toMatchObject({ state: 'awake', why: 'backup is running' });
    expect(rig.model.backOff?.why).toContain('backup is running');
    rig.runFor(59_000);
    rig.wait(laterMs - 59_000).tick();
    expect(rig.state).toBe(state);
  });

  it('saving: send queues not empty -> awake, never pressed, a minute of back-off', () => {
    const rig = new MachineRig().toDraining();
    rig.drained(false);
    expect(rig.model).toMatchObject({ state: 'awake', held: false, why: '12 bytes are not acknowledged' });
    expect(rig.model.backOff?.untilMs).toBe(rig.nowMs + 60_000);
  });

  it('saving: the journal fails -> awake with an alarm, never pressed', () => {
    const rig = new MachineRig().toJournalling().forget();
    rig.journalled('disk full');
    expect(rig.state).toBe('awake');
    expect(rig.all('alarm')).toEqual([{ kind: 'alarm', why: 'disk full' }]);
    expect(rig.all('requestSleep')).toEqual([]);
  });

  it('saving: guards fail between the journal and the press -> awake: they are checked once more', () => {
    const rig = new MachineRig().toJournalling();
    rig.wait(10_001).journalled();
    expect(rig.state).toBe('awake');
    expect(rig.all('requestSleep')).toEqual([]);
  });

  it('saving: answers of an earlier series -> ignored', () => {
    const rig = new MachineRig().toSaving();
    const first = rig.model.progress.sequence;
    rig.pool(1);
    rig.pool(0);
    rig.runFor(50_000 + 30_000);
    expect(rig.state).toBe('saving');
    rig.saved(null, first);
    expect(rig.phase).toBe('hooks');
    rig.saved();
    rig.drained(true, first);
    rig.saved();
    expect(rig.phase).toBe('draining');
    rig.drained();
    rig.journalled(null, rig.model.intent.id - 1);
    expect(rig.phase).toBe('journalling');
    rig.journalled('late trouble', rig.model.intent.id - 1);
    expect(rig.phase).toBe('journalling');
    rig.journalled();
    rig.journalled();
    expect(rig.all('requestSleep')).toHaveLength(1);
  });

  it('saving: a release while the intent is being journalled -> still pressed only once, by a journalled intent', () => {
    const rig = new MachineRig({ intent: intentOf('run', { failedWakes: 1 }) });
    rig.toAwake().runFor(3_600_000 + 30_000);
    rig.saved();
    rig.drained();
    const first = rig.model.intent.id;
    rig.send({ kind: 'release' });
    rig.journalled(null, first);
    rig.journalled();
    const pressed = rig.all('requestSleep');
    expect(pressed).toHaveLength(1);
    expect(rig.all('journal').map(({ intent }) => intent.id)).toContain(pressed[0]?.intentId);
  });
});

describe('suspending', () => {
  it.each([
    [1_999, 'suspending'],
    [2_000, 'asleep'],
    [2_001, 'asleep'],
  ])('suspending: S3 and VMs silent for %i ms -> %s', (silentMs, state) => {
    const rig = new MachineRig().toSuspending().wait(1_000);
    rig.allSilent();
    rig.wait(silentMs).power('S3');
    expect(rig.state).toBe(state);
  });

  it('suspending: S3 but one VM not silent -> suspending', () => {
    const rig = new MachineRig().toSuspending().wait(1_000);
    rig.silent('alice');
    rig.wait(2_000).power('S3');
    rig.answers('bob');
    expect(rig.state).toBe('suspending');
  });

  it('suspending: one VM never answered at all -> asleep once both are silent', () => {
    const rig = new MachineRig().toSuspending().wait(1_000);
    rig.silent('alice');
    rig.wait(2_000).power('S3');
    expect(rig.state).toBe('suspending');
    rig.silent('bob', rig.nowMs - 2_000);
    rig.silent('alice');
    expect(rig.state).toBe('asleep');
  });

  it('suspending: VMs silent, the BMC still says S0 -> suspending', () => {
    const rig = new MachineRig().toSuspending().wait(1_000);
    rig.allSilent();
    rig.wait(20_000).powerOn();
    expect(rig.state).toBe('suspending');
  });

  it('suspending: a reading from before the request says S3, its witness is found only now -> no evidence of this sleep', () => {
    const rig = new MachineRig({ policy: NO_WITNESS }).toJournalling();
    rig.power('S3');
    rig.wait(1).journalled();
    rig.proof(true, { readsSleepState: 'sensor' });
    rig.allSilent();
    rig.wait(2_000).tick();
    expect(rig.state).toBe('suspending');
    rig.power('S3');
    expect(rig.state).toBe('asleep');
  });

  it.each([
    [14_999, 'suspending'],
    [15_000, 'asleep'],
    [15_001, 'asleep'],
  ])('suspending: no witness of power, probes silent for %i ms -> %s', (silentMs, state) => {
    const rig = new MachineRig({ policy: { ...NO_WITNESS, suspendTimeoutMs: 60_000 } }).toSuspending();
    const askedMs = rig.wait(1).nowMs;
    for (let passedMs = 0; passedMs < silentMs; passedMs += 1_000) {
      rig.nowMs = askedMs + passedMs;
      rig.silent('alice');
    }
    rig.nowMs = askedMs + silentMs;
    rig.tick();
    expect(rig.state).toBe(state);
  });

  it('suspending: no VM has a probe, the power bit says off -> asleep', () => {
    const rig = new MachineRig({ policy: { ...NO_PROBES, witness: 'power-bit' } }).toSuspending();
    rig.wait(100).power(null, true);
    expect(rig.state).toBe('suspending');
    rig.wait(100).power(null, false);
    expect(rig.state).toBe('asleep');
  });

  it('suspending: asleep -> counted, journalled intent stands, nothing more is pressed', () => {
    const rig = new MachineRig().toSuspending();
    const { intent } = rig.model;
    rig.forget().wait(1_000).sleepFor(2_000);
    expect(rig.model).toMatchObject({ state: 'asleep', suspends: 1, intent, held: true });
    expect(rig.kinds).toEqual(['transition']);
  });

  it('suspending: activity, then it sleeps -> woken at once, before the sleep is certain', () => {
    const rig = new MachineRig().toSuspending();
    rig.wait(100).activity();
    expect(rig.state).toBe('suspending');
    rig.wait(100).power('S3');
    expect(rig.state).toBe('waking');
    expect(rig.all('requestWake')).toHaveLength(1);
  });

  it('suspending: activity, VMs silent for 2 s, BMC behind -> woken at once', () => {
    const rig = new MachineRig().toSuspending();
    rig.wait(100).activity();
    rig.allSilent();
    rig.wait(1_999).tick();
    expect(rig.state).toBe('suspending');
    rig.wait(1).tick();
    expect(rig.state).toBe('waking');
  });

  it('suspending: woken while it still went down -> the request is repeated as soon as the BMC sees the sleep', () => {
    const rig = new MachineRig().toSuspending();
    rig.activity();
    rig.allSilent();
    rig.wait(1_900).powerOn();
    rig.wait(100).tick();
    expect(rig.all('requestWake')).toHaveLength(1);
    rig.wait(500).powerOn();
    rig.wait(500).power('S3');
    rig.tickFor(1_500);
    expect(rig.all('requestWake')).toHaveLength(2);
  });

  it.each([
    [2_999, 'suspending'],
    [3_000, 'awake'],
    [3_001, 'awake'],
  ])('suspending: activity, and a VM keeps answering for %i ms -> %s', (keptMs, state) => {
    const rig = new MachineRig().toSuspending();
    rig.activity();
    const requestedMs = rig.nowMs;
    for (let passedMs = 0; passedMs < keptMs; passedMs += 100) {
      rig.nowMs = requestedMs + passedMs;
      rig.answers('alice');
    }
    rig.nowMs = requestedMs + keptMs;
    rig.answers('alice');
    expect(rig.state).toBe(state);
  });

  it('suspending: a VM fell silent in between -> the 3 s begin again', () => {
    const rig = new MachineRig().toSuspending();
    rig.activity();
    rig.runFor(2_500);
    rig.silent('alice', rig.nowMs + 1);
    rig.silent('bob', rig.nowMs + 1);
    rig.wait(10).runFor(2_500);
    expect(rig.state).toBe('suspending');
  });

  it('suspending: the VM answered long before the request -> only answers since the request count', () => {
    const rig = new MachineRig().toSaving().runFor(60_000);
    rig.saved();
    rig.drained();
    rig.journalled();
    rig.activity();
    rig.wait(100).answers('alice');
    expect(rig.state).toBe('suspending');
  });

  it('suspending: the button was ignored -> released, reason kept, failure counted, back-off', () => {
    const rig = new MachineRig().toSuspending();
    rig.activity();
    rig.forget().runFor(3_000);
    expect(rig.model).toMatchObject({ state: 'awake', held: false, failures: 1 });
    expect(rig.model.why).toContain('the button was ignored');
    expect(rig.model.backOff?.untilMs).toBe(rig.nowMs + 60_000);
    expect(rig.all('requestSleep')).toEqual([]);
  });

  it('suspending: nobody is active, VMs keep answering -> no hurry: suspending until its time-out', () => {
    const rig = new MachineRig().toSuspending().runFor(39_500);
    expect(rig.state).toBe('suspending');
  });

  it('suspending: the button was ignored, hooks changed the context -> restored before the release', () => {
    const rig = new MachineRig({ policy: SAVES }).toSuspending();
    rig.activity();
    rig.forget().runFor(3_000);
    expect(rig.all('restoreContext')).toHaveLength(1);
    expect(rig.all('releaseStreams')).toEqual([]);
    rig.restored();
    rig.runFor(500);
    expect(rig.state).toBe('awake');
  });

  it.each([
    [39_999, 'suspending'],
    [40_000, 'failed'],
    [40_001, 'failed'],
  ])('suspending: %i ms without evidence -> %s', (passedMs, state) => {
    const rig = new MachineRig().toSuspending();
    rig.wait(passedMs).tick();
    expect(rig.state).toBe(state);
  });

  it('suspending: time-out -> failed(suspend), released, alarm, no second press and no other power effect', () => {
    const rig = new MachineRig().toSuspending().forget();
    rig.wait(40_000).tick();
    expect(rig.model).toMatchObject({ state: 'failed', held: false, failures: 1 });
    expect(rig.phase).toBe('suspend');
    expect(rig.kinds).toEqual(['transition', 'releaseStreams', 'alarm']);
  });

  it('suspending: refused by the BMC -> awake with an alarm and back-off', () => {
    const rig = new MachineRig().toSuspending().forget();
    rig.sleepAnswered('refused');
    expect(rig.model).toMatchObject({ state: 'awake', held: false, failures: 1 });
    expect(rig.all('alarm')).toHaveLength(1);
    expect(rig.model.backOff?.untilMs).toBe(rig.nowMs + 60_000);
  });

  it('suspending: refused by the BMC, somebody came meanwhile -> awake, and a failure all the same: the next press waits', () => {
    const rig = new MachineRig().toSuspending().forget();
    rig.activity();
    rig.sleepAnswered('refused');
    expect(rig.model).toMatchObject({ state: 'awake', held: false, failedSuspends: 1 });
    expect(rig.all('alarm')).toHaveLength(1);
    expect(rig.model.backOff?.untilMs).toBe(rig.nowMs + 60_000);
  });

  it.each([
    ['somebody came meanwhile -> awake, no failure', true, 0],
    ['nobody wants it awake -> awake, a failure', false, 1],
  ] as const)('suspending: nothing was sent, %s', (_name, comes, failedSuspends) => {
    const rig = new MachineRig().toSuspending().forget();
    if (comes) rig.activity();
    rig.sleepAnswered('unsent');
    expect(rig.model).toMatchObject({ state: 'awake', held: false, failedSuspends });
  });

  it('suspending: refused, hooks changed the context -> restored before the release', () => {
    const rig = new MachineRig({ policy: SAVES }).toSuspending();
    rig.forget().sleepAnswered('refused');
    rig.wait(100).runFor(0);
    expect(rig.all('restoreContext')).toHaveLength(1);
    expect(rig.all('releaseStreams')).toEqual([]);
  });

  it.each(['accepted', 'unknown'] as const)(
    'suspending: answer %s -> state is believed from evidence only',
    (outcome) => {
      const rig = new MachineRig().toSuspending().forget();
      expect(rig.sleepAnswered(outcome)).toEqual([]);
      expect(rig.state).toBe('suspending');
    },
  );

  it('suspending: refusal of another intent -> ignored', () => {
    const rig = new MachineRig().toSuspending();
    rig.sleepAnswered('refused', rig.model.intent.id - 1);
    expect(rig.state).toBe('suspending');
  });

  it('suspending: a release gives the intent a new number -> the refusal of the press still counts', () => {
    const rig = new MachineRig({ intent: intentOf('run', { failedWakes: 1 }) });
    rig.toAwake().runFor(3_600_000 + 30_000);
    rig.saved();
    rig.drained();
    rig.journalled();
    const pressed = rig.model.intent.id;
    rig.send({ kind: 'release' });
    rig.sleepAnswered('refused', pressed);
    expect(rig.state).toBe('awake');
  });

  it('suspending: slept and runs again before the sleep was certain -> woken by someone else, released after the VM answers', () => {
    const rig = new MachineRig().toSuspending();
    rig.wait(1_000).power('S3');
    rig.allSilent();
    rig.wait(1_000).powerOn();
    rig.answers('alice');
    expect(rig.state).toBe('waking');
    rig.wait(100).answers('alice');
    rig.restored();
    expect(rig.state).toBe('awake');
    expect(rig.all('requestWake')).toEqual([]);
  });

  it('suspending: VMs silent for a while, the power S0 all the time -> back to awake, counted as a press in vain, the next one backs off', () => {
    const rig = new MachineRig().toSuspending();
    for (let i = 0; i < 6; i += 1) {
      rig.wait(500).powerOn();
      rig.allSilent();
    }
    expect(rig.state).toBe('suspending');
    rig.wait(500).powerOn();
    rig.answers('alice');
    expect(rig.model).toMatchObject({ state: 'waking', failedSuspends: 1, suspends: 0, failures: 1 });
    rig.wait(100).answers('alice');
    rig.restored();
    expect(rig.model).toMatchObject({ state: 'awake', adoptedWakes: 0, backOff: { untilMs: expect.any(Number) } });
    expect(rig.all('requestWake')).toEqual([]);
  });

  it('suspending: BMC lost, activity, VMs silent -> woken all the same', () => {
    const rig = new MachineRig().toSuspending();
    rig.bmcLost();
    rig.activity();
    rig.allSilent();
    rig.wait(2_000).tick();
    expect(rig.all('requestWake')).toHaveLength(1);
  });

  it('suspending: hooks silenced the VMs -> their silence alone is no sleep: woken when the BMC says so', () => {
    const rig = new MachineRig({ policy: { ...SAVES, ...S5 } }).toSuspending();
    rig.activity();
    rig.allSilent();
    rig.wait(5_000).powerOn();
    expect(rig.state).toBe('suspending');
    rig.wait(500).powerDown();
    expect(rig.all('requestWake')).toHaveLength(1);
  });
});

describe('failed(suspend)', () => {
  it('failed(suspend): a VM answers -> awake', () => {
    const rig = new MachineRig().toFailedSuspend();
    rig.wait(500).runFor(0);
    expect(rig.state).toBe('awake');
  });

  it('failed(suspend): an answer to a question from before -> no news', () => {
    const rig = new MachineRig().toFailedSuspend();
    rig.wait(100).answers('alice', rig.nowMs - 101);
    expect(rig.state).toBe('failed');
  });

  it('failed(suspend): late sleep -> asleep, held again, woken by the next activity', () => {
    const rig = new MachineRig().toFailedSuspend().sleepFor(2_000);
    expect(rig.model).toMatchObject({ state: 'asleep', held: true, maintenance: false });
    rig.activity();
    expect(rig.state).toBe('waking');
  });

  it('failed(suspend): late power-off where S5 was asked for -> asleep, not maintenance', () => {
    const rig = new MachineRig({ policy: S5 }).toFailedSuspend().sleepFor(2_000);
    expect(rig.model).toMatchObject({ state: 'asleep', maintenance: false });
  });

  it('failed(suspend): activity and silent VMs -> woken', () => {
    const rig = new MachineRig().toFailedSuspend();
    rig.activity();
    rig.allSilent();
    rig.wait(2_000).tick();
    expect(rig.all('requestWake')).toHaveLength(1);
    expect(rig.model.held).toBe(true);
  });

  it('failed(suspend): an operator wants it awake -> waking', () => {
    const rig = new MachineRig().toFailedSuspend();
    rig.send({ kind: 'operatorWake', why: 'operator' });
    expect(rig.all('requestWake')).toHaveLength(1);
  });

  it('failed(suspend): hooks saved the VMs, the host runs on -> context restored without waiting for a saved VM', () => {
    const rig = new MachineRig({ policy: SAVES }).toFailedSuspend();
    rig.wait(500).powerOn();
    rig.allSilent();
    expect(rig.all('restoreContext')).toHaveLength(1);
    rig.wait(5_000).restored();
    rig.answers('alice');
    expect(rig.state).toBe('awake');
  });

  it.each([
    [1, 60_000],
    [2, 120_000],
    [3, 240_000],
    [9, 4 * 3_600_000],
  ])('failed(suspend): %i in a row -> back-off of %i ms', (times, backOffMs) => {
    const rig = new MachineRig({ policy: { minAwakeMs: 0 } }).toAwake();
    for (let i = 0; i < times; i += 1) {
      while (rig.state !== 'saving') rig.runFor(10_000);
      rig.saved();
      rig.drained();
      rig.journalled();
      rig.sleepAnswered('refused');
    }
    expect(rig.all('requestSleep')).toHaveLength(times);
    expect((rig.model.backOff?.untilMs as number) - rig.nowMs).toBe(backOffMs);
  });

  it('failed(suspend): a suspend that works -> the back-off begins anew', () => {
    const rig = new MachineRig().toFailedSuspend().sleepFor(2_000);
    rig.activity();
    rig.wait(1_000).answers('alice');
    rig.restored();
    rig.runFor(60_000 + 30_000);
    rig.saved();
    rig.drained();
    rig.journalled();
    rig.wait(1_000).sleepFor(2_000);
    expect(rig.model).toMatchObject({ state: 'asleep', failedSuspends: 0 });
  });
});

describe('late sleep', () => {
  it('late: the button seemed ignored, then it sleeps under an active client -> woken again', () => {
    const rig = new MachineRig().toSuspending();
    rig.pool(1);
    rig.activity();
    rig.runFor(3_000);
    expect(rig.state).toBe('awake');
    rig.runFor(20_000).sleepFor(2_000);
    expect(rig.all('requestWake')).toHaveLength(1);
    expect(rig.kinds).not.toContain('forgetContext');
  });

  it('late: the button seemed ignored, S5 comes half a minute later -> our own sleep, not maintenance', () => {
    const rig = new MachineRig({ policy: S5 }).toSuspending();
    rig.activity();
    rig.runFor(3_000).runFor(30_000).sleepFor(2_000);
    expect(rig.model.maintenance).toBe(false);
    rig.activity();
    expect(rig.all('requestWake')).toHaveLength(1);
  });

  it('late: the button seemed ignored, Torpor dies, S5 comes meanwhile or soon after -> still our own sleep', () => {
    const rig = new MachineRig({ policy: S5 }).toSuspending();
    rig.pool(1);
    rig.activity();
    rig.runFor(3_000);
    expect(rig.state).toBe('awake');
    for (const runsForMs of [0, 20_000]) {
      const again = new MachineRig({ policy: S5, intent: rig.model.intent });
      again.nowMs = rig.nowMs + 60_000;
      if (runsForMs > 0) {
        again.runFor(1_000).restored();
        again.runFor(runsForMs);
      }
      again.sleepFor(2_000);
      expect(again.model).toMatchObject({ state: 'asleep', maintenance: false });
    }
  });

  it.each([
    [599_999, []],
    [600_000, []],
    [600_001, ['run']],
  ])('late: no effect of the press for %i ms -> journalled %j: a later sleep is somebody else’s', (passedMs, kinds) => {
    const rig = new MachineRig().toSuspending();
    rig.pool(1);
    rig.activity();
    const pressedMs = rig.nowMs;
    rig.runFor(3_000).forget().runFor(596_000);
    rig.nowMs = pressedMs + passedMs;
    rig.tick();
    expect(rig.all('journal').map(({ intent }) => intent.kind)).toEqual(kinds);
  });

  it('late: powered off an hour after a press without effect -> somebody else: maintenance', () => {
    const rig = new MachineRig({ policy: S5 }).toSuspending();
    rig.pool(1);
    rig.activity();
    rig.runFor(3_000).runFor(3_600_000).sleepFor(2_000);
    expect(rig.model).toMatchObject({ state: 'asleep', maintenance: true });
  });

  it('late: powered off after a sleep and a wake that worked -> somebody else: maintenance', () => {
    const rig = new MachineRig({ policy: S5 }).toAsleep();
    rig.activity();
    rig.wait(1_000).answers('alice');
    rig.restored();
    rig.runFor(20_000).sleepFor(2_000);
    expect(rig.model).toMatchObject({ state: 'asleep', maintenance: true });
  });
});

describe('put to sleep by others', () => {
  it('awake: S3 and VMs silent for 2 s -> asleep, held, journalled, woken by the next activity', () => {
    const rig = new MachineRig().toAwake().runFor(20_000).forget().sleepFor(2_000);
    expect(rig.model).toMatchObject({ state: 'asleep', held: true, maintenance: false });
    expect(rig.kinds).toEqual(['forgetContext', 'holdStreams', 'transition', 'journal']);
    rig.activity();
    expect(rig.state).toBe('waking');
  });

  it('awake: S3 but the VMs answer or were not asked lately -> awake', () => {
    const rig = new MachineRig().toAwake().runFor(20_000);
    rig.wait(11_000).power('S3');
    expect(rig.state).toBe('awake');
    rig.wait(2_000).power('S3');
    rig.answers('alice');
    expect(rig.state).toBe('awake');
  });

  it('drowsy: S3 and VMs silent -> asleep', () => {
    const rig = new MachineRig().toDrowsy().sleepFor(2_000);
    expect(rig.state).toBe('asleep');
  });

  it.each([
    [9_999, 'waking'],
    [10_000, 'waking'],
    [10_001, 'asleep'],
  ])('awake: found asleep %i ms after activity -> %s', (agoMs, state) => {
    const rig = new MachineRig().toAwake();
    rig.activity();
    rig.wait(agoMs - 2_001);
    rig.allSilent();
    rig.wait(2_000).power('S3');
    expect(rig.state).toBe(state);
  });

  it('awake: somebody powers it off -> maintenance: clients do not wake it, their wait is bounded', () => {
    const rig = new MachineRig().toAwake();
    rig.activity();
    rig.allSilent();
    rig.wait(2_000).power('S5');
    expect(rig.model).toMatchObject({ state: 'asleep', maintenance: true, held: true });
    rig.activity();
    rig.tickFor(179_999);
    expect(rig.all('giveUpStreams')).toEqual([]);
    rig.tickFor(1);
    expect(rig.all('giveUpStreams')).toHaveLength(1);
    expect(rig.all('requestWake')).toEqual([]);
    expect(rig.model).toMatchObject({ state: 'asleep', wakeWanted: null });
  });

  it('maintenance: released while a client waits -> woken', () => {
    const rig = new MachineRig().toAwake();
    rig.allSilent();
    rig.wait(2_000).power('S5');
    rig.activity();
    rig.send({ kind: 'release' });
    expect(rig.model).toMatchObject({ state: 'waking', maintenance: false });
  });

  it('maintenance: an operator wakes it -> waking', () => {
    const rig = new MachineRig().toAwake();
    rig.allSilent();
    rig.wait(2_000).power('S5');
    rig.send({ kind: 'operatorWake', why: 'operator' });
    expect(rig.all('requestWake')).toHaveLength(1);
  });

  it('maintenance: somebody switches it on -> awake, no longer in maintenance', () => {
    const rig = new MachineRig().toAwake();
    rig.allSilent();
    rig.wait(2_000).power('S5');
    rig.wait(60_000).runFor(500);
    rig.restored();
    rig.runFor(500);
    expect(rig.model).toMatchObject({ state: 'awake', maintenance: false, held: false });
  });
});

describe('keepalives of a sleeper', () => {
  /** Asleep for a minute, then woken by an overdue keepalive; alice answers. */
  function answering(): MachineRig {
    const rig = new MachineRig().toAsleep().wait(60_000);
    rig.powerDown();
    rig.keepalive();
    rig.wait(3_000).powerOn();
    rig.answers('alice');
    rig.restored();
    return rig;
  }

  it('asleep: a keepalive is overdue -> waking: one request, that VM needed', () => {
    const rig = new MachineRig().toAsleep().wait(1_000).forget();
    rig.keepalive('bob');
    rig.keepalive('bob');
    expect(rig.kinds).toEqual(['transition', 'journal', 'requestWake']);
    expect(rig.model).toMatchObject({ neededVms: ['bob'], why: 'a keepalive has waited 30s', lastActivityAtMs: null });
  });

  it('awake: woken to answer, nobody comes -> drowsy at once, the abort window stands', () => {
    const rig = answering();
    expect(rig.state).toBe('drowsy');
    expect(rig.model.progress.deadlineMs).toBe(rig.nowMs + 30_000);
  });

  it('drowsy: woken to answer, somebody comes -> awake for minAwake', () => {
    const rig = answering();
    rig.activity();
    rig.pool(1);
    rig.pool(0);
    rig.runFor(49_000);
    expect(rig.state).toBe('awake');
    rig.runFor(2_000);
    expect(rig.state).toBe('drowsy');
  });

  it('waking: woken to answer, somebody comes before it runs -> awake for minAwake', () => {
    const rig = new MachineRig().toAsleep().wait(60_000);
    rig.powerDown();
    rig.keepalive();
    rig.activity();
    rig.wait(3_000).powerOn();
    rig.answers('alice');
    rig.restored();
    expect(rig.state).toBe('awake');
  });

  it('waking: woken by somebody, a keepalive is overdue meanwhile -> awake for minAwake', () => {
    const rig = new MachineRig().toWaking();
    rig.keepalive();
    rig.wait(3_000).powerOn();
    rig.answers('alice');
    rig.restored();
    expect(rig.state).toBe('awake');
  });

  it('suspending: overdue, and the VMs keep answering -> the suspend is not called off', () => {
    const rig = new MachineRig().toSuspending();
    rig.keepalive();
    rig.runFor(10_000);
    expect(rig.state).toBe('suspending');
    rig.wait(100).power('S3');
    expect(rig.state).toBe('waking');
  });

  it('awake: overdue just as streams are released -> nothing', () => {
    const rig = new MachineRig().toAwake().runFor(60_000);
    const { state } = rig;
    rig.forget().keepalive();
    expect(rig.model).toMatchObject({ state, wakeWanted: null });
    expect(rig.effects).toEqual([]);
  });

  it('asleep: in maintenance -> stays asleep, nobody waits', () => {
    const rig = new MachineRig().toAwake();
    rig.allSilent();
    rig.wait(2_000).power('S5');
    rig.forget().keepalive();
    rig.tickFor(600_000);
    expect(rig.model).toMatchObject({ state: 'asleep', maintenance: true, waitingSinceMs: null });
    expect(rig.effects).toEqual([]);
  });

  it('observe: overdue before the first evidence, found asleep -> nothing pressed', () => {
    const rig = new MachineRig({ armed: false });
    rig.keepalive();
    rig.sleepFor(2_000);
    rig.tickFor(600_000);
    expect(rig.kinds).toEqual(['transition', 'releaseStreams']);
  });
});

describe('observe mode', () => {
  it('observe: others put it to sleep -> noted: flows, nothing journalled, activity presses nothing', () => {
    const rig = new MachineRig({ armed: false }).toAwake().runFor(20_000).forget().sleepFor(2_000);
    expect(rig.model).toMatchObject({ state: 'asleep', held: false });
    rig.activity();
    rig.pool(1);
    rig.tickFor(600_000);
    expect(rig.kinds).toEqual(['forgetContext', 'transition']);
    rig.runFor(500);
    expect(rig.state).toBe('awake');
  });

  it('observe: activity before the first evidence, found asleep -> released, nothing pressed', () => {
    const rig = new MachineRig({ armed: false });
    rig.activity();
    rig.pool(1);
    rig.sleepFor(2_000);
    rig.tickFor(600_000);
    expect(rig.model).toMatchObject({ state: 'asleep', held: false });
    expect(rig.kinds).toEqual(['transition', 'releaseStreams']);
  });

  it('observe: an operator wakes it -> waking: this was asked for', () => {
    const rig = new MachineRig({ armed: false }).toAwake().sleepFor(2_000);
    rig.send({ kind: 'operatorWake', why: 'operator' });
    expect(rig.all('requestWake')).toHaveLength(1);
  });

  it('observe: a sleep of its own from when it was armed -> held, and a client still wakes it', () => {
    const rig = new MachineRig({ armed: false, intent: intentOf('sleep') });
    rig.sleepFor(2_000);
    expect(rig.model).toMatchObject({ state: 'asleep', held: true });
    rig.activity();
    expect(rig.all('requestWake')).toHaveLength(1);
  });
});

describe('asleep', () => {
  it('asleep: activity -> waking: intent journalled, then one request, for any number of clients', () => {
    const rig = new MachineRig().toAsleep().wait(1_000).forget();
    rig.activity('alice');
    rig.activity('bob');
    rig.activity('alice', 'hold reached 1 MiB');
    expect(rig.kinds).toEqual(['transition', 'journal', 'requestWake']);
    expect(rig.all('journal')[0]?.intent.kind).toBe('wake');
    expect(rig.model.neededVms).toEqual(['alice', 'bob']);
  });

  it('asleep: an operator -> waking', () => {
    const rig = new MachineRig().toAsleep();
    rig.send({ kind: 'operatorWake', why: 'operator' });
    expect(rig.all('requestWake')).toHaveLength(1);
  });

  it('asleep: BMC unreachable, wake path unproven, inhibited -> activity still wakes', () => {
    const rig = new MachineRig().toAsleep();
    rig.bmcLost();
    rig.proof(false);
    rig.inhibit();
    expect(rig.state).toBe('asleep');
    rig.activity();
    expect(rig.all('requestWake')).toHaveLength(1);
  });

  it('asleep: the pool empties, a client leaves -> asleep', () => {
    const rig = new MachineRig().toAsleep().forget();
    rig.pool(1);
    rig.pool(0);
    expect(rig.state).toBe('asleep');
    expect(rig.effects).toEqual([]);
  });

  it('asleep: S0 and a VM answers -> woken by someone else: context restored, then awake, no request', () => {
    const rig = new MachineRig().toAsleep().wait(60_000).forget();
    rig.powerOn();
    expect(rig.state).toBe('asleep');
    rig.answers('alice');
    rig.wait(20).answers('alice');
    rig.restored();
    expect(rig.model).toMatchObject({ state: 'awake', held: false });
    expect(rig.all('requestWake')).toEqual([]);
  });

  it('asleep: a VM’s answer to a question from before the sleep -> asleep', () => {
    const rig = new MachineRig().toAsleep();
    rig.answers('alice', rig.nowMs - 3_000);
    expect(rig.state).toBe('asleep');
  });

  it('asleep: hooks saved the VMs and the host is woken by someone else -> context restored although no VM answers yet', () => {
    const rig = new MachineRig({ policy: { ...SAVES, ...S5 } }).toAsleep().wait(60_000);
    for (let i = 0; i < 30 && rig.phase !== 'restoring'; i += 1) rig.wait(1_000).powerOn();
    expect(rig.all('restoreContext')).toHaveLength(1);
    rig.restored();
    rig.wait(100).answers('alice');
    expect(rig.state).toBe('awake');
    expect(rig.all('requestWake')).toEqual([]);
  });

  it('asleep: no probes, the power bit says on -> awake', () => {
    const rig = new MachineRig({ policy: { ...NO_PROBES, witness: 'power-bit' } }).toSuspending();
    rig.wait(1_000).power(null, false);
    rig.wait(60_000).power(null, true);
    rig.wait(500).power(null, true);
    rig.restored();
    expect(rig.state).toBe('awake');
  });
});

describe('waking', () => {
  it('waking: S0 alone -> not ready', () => {
    const rig = new MachineRig().toWaking().wait(2_000);
    rig.powerOn();
    expect(rig.phase).toBe('requested');
    expect(rig.all('restoreContext')).toEqual([]);
  });

  it('waking: a VM answers a question from before the wake -> not ready', () => {
    const rig = new MachineRig().toWaking().wait(2_000);
    rig.answers('alice', rig.nowMs - 2_001);
    expect(rig.phase).toBe('requested');
  });

  it('waking: a VM answers -> context restored and identity compared, then released, then awake', () => {
    const rig = new MachineRig().toAwake().forget().toRestoring();
    expect(rig.all('releaseStreams')).toEqual([]);
    rig.forget().restored();
    expect(rig.kinds).toEqual(['releaseStreams', 'transition', 'releaseStreams', 'journal']);
    expect(rig.all('releaseStreams').map(({ vm }) => vm)).toEqual(['alice', null]);
    expect(rig.model).toMatchObject({ state: 'awake', held: false, wakes: 1, waitingSinceMs: null, neededVms: [] });
    expect(rig.all('journal')[0]?.intent.kind).toBe('run');
  });

  it('waking: two VMs needed -> each is released as it answers, awake after both', () => {
    const rig = new MachineRig().toWaking('alice');
    rig.activity('bob');
    rig.wait(3_000).answers('alice');
    rig.forget().restored();
    expect(rig.all('releaseStreams').map(({ vm }) => vm)).toEqual(['alice']);
    expect(rig.state).toBe('waking');
    rig.wait(700).answers('bob');
    expect(rig.all('releaseStreams').map(({ vm }) => vm)).toEqual(['alice', 'bob', null]);
    expect(rig.state).toBe('awake');
  });

  it('waking: the VM that nobody needs does not answer -> awake all the same', () => {
    const rig = new MachineRig().toWaking('bob').wait(3_000);
    rig.answers('bob');
    rig.restored();
    expect(rig.state).toBe('awake');
  });

  it('waking: a needed VM never answers -> the others flow, its clients are let go after the time-out, awake', () => {
    const rig = new MachineRig().toWaking('alice');
    rig.activity('bob');
    rig.wait(3_000).answers('alice');
    rig.restored();
    rig.forget().tickFor(59_999);
    expect(rig.state).toBe('waking');
    rig.tickFor(1);
    expect(rig.all('giveUpStreams').map(({ vm }) => vm)).toEqual(['bob']);
    expect(rig.state).toBe('awake');
  });

  it('waking: a VM without a probe is needed -> released as soon as another VM shows S0', () => {
    const rig = new MachineRig({ policy: { probedVms: ['alice'] } }).toWaking('bob').wait(3_000);
    rig.answers('alice');
    rig.restored();
    expect(rig.state).toBe('awake');
  });

  it('waking: no probes -> the witness of power, read after the wake began', () => {
    const rig = new MachineRig({ policy: { ...NO_PROBES, witness: 'power-bit' } }).toSuspending();
    rig.wait(1_000).power(null, false);
    rig.wait(60_000).activity();
    rig.power(null, true);
    expect(rig.phase).toBe('requested');
    rig.wait(1).power(null, true);
    rig.restored();
    expect(rig.state).toBe('awake');
  });

  it('waking: the identity of the host changed -> alarm, all sessions lost, before the release', () => {
    const rig = new MachineRig().toRestoring().forget();
    rig.restored('all');
    expect(rig.kinds.slice(0, 3)).toEqual(['alarm', 'loseSessions', 'releaseStreams']);
    expect(rig.all('loseSessions')).toEqual([
      { kind: 'loseSessions', vm: null, why: 'the platform lost its memory: its identity changed across the sleep' },
    ]);
  });

  it('waking: the identity of one VM changed -> its sessions are lost, before any release; the other VM keeps its own', () => {
    const rig = new MachineRig().toRestoring().forget();
    rig.restored(['bob']);
    expect(rig.all('loseSessions')).toEqual([
      { kind: 'loseSessions', vm: 'bob', why: 'VM bob lost its memory: its identity changed across the sleep' },
    ]);
    expect(rig.kinds.slice(0, 3)).toEqual(['alarm', 'loseSessions', 'releaseStreams']);
    expect(rig.state).toBe('awake');
  });

  it('waking: sessions are lost, but no VM answers yet and restoring goes on -> told only with the answer that counts', () => {
    const rig = new MachineRig({ policy: { ...SAVES_VMS, ...S5 } }).toWaking();
    for (let i = 0; i < 10 && rig.phase === 'requested'; i += 1) rig.wait(1_000).powerOn();
    rig.forget().restored(['bob'], 'the hypervisor does not answer');
    expect([rig.phase, rig.all('loseSessions')]).toEqual(['requested', []]);
  });

  it('waking: identity unknown, or the hook failed -> released all the same, the problem is an alarm', () => {
    const rig = new MachineRig().toRestoring().forget();
    rig.restored([], 'exit code 3');
    expect(rig.all('alarm')).toEqual([{ kind: 'alarm', why: 'exit code 3' }]);
    expect(rig.all('loseSessions')).toEqual([]);
    expect(rig.state).toBe('awake');
  });

  it('waking: the hook’s answer to an earlier question -> ignored', () => {
    const rig = new MachineRig().toRestoring();
    rig.restored([], null, rig.model.progress.sequence - 1);
    expect(rig.phase).toBe('restoring');
  });

  it('waking: the late sleep comes while the hook runs -> nothing is released, it is woken anew', () => {
    const rig = new MachineRig().toSuspending();
    rig.activity();
    rig.allSilent();
    rig.wait(2_000).powerOn();
    rig.wait(100).answers('alice');
    expect(rig.phase).toBe('restoring');
    rig.forget().wait(500).sleepFor(2_000);
    expect(rig.all('requestWake')).toHaveLength(1);
    rig.restored();
    expect(rig.all('releaseStreams')).toEqual([]);
    rig.wait(1_000).answers('alice');
    rig.restored();
    expect(rig.state).toBe('awake');
  });

  it('waking: afterWake never ends -> released after its bound', () => {
    const rig = new MachineRig().toRestoring();
    for (let i = 0; i < 12; i += 1) rig.wait(10_000).runFor(0);
    expect(rig.state).toBe('awake');
  });

  it('waking: nothing shows -> the request is repeated every 10 s, while it does not run', () => {
    const rig = new MachineRig().toWaking();
    rig.tickFor(9_999);
    expect(rig.all('requestWake')).toHaveLength(1);
    rig.tickFor(1);
    expect(rig.all('requestWake')).toHaveLength(2);
    rig.wait(5_000).powerOn();
    rig.tickFor(9_000);
    expect(rig.all('requestWake')).toHaveLength(2);
  });

  it('waking: accepted -> waits; refused or unknown -> the next method after a second', () => {
    const rig = new MachineRig().toWaking();
    rig.wakeAnswered('accepted');
    rig.tickFor(1_500);
    expect(rig.all('requestWake')).toHaveLength(1);
    rig.wakeAnswered('refused');
    rig.tickFor(1_000);
    rig.wakeAnswered('unknown');
    rig.tickFor(1_000);
    expect(rig.all('requestWake').map(({ method }) => method)).toEqual(['chassis-on', 'wake-on-lan', 'chassis-on']);
  });

  it('waking: two refusals of one request, or of an older one -> one step to the next method', () => {
    const rig = new MachineRig({ policy: { wakeMethods: ['a', 'b', 'c'] } }).toWaking();
    const first = rig.model.progress.sequence;
    rig.tickFor(10_000);
    expect(rig.all('requestWake').map(({ method }) => method)).toEqual(['a', 'a']);
    rig.wakeAnswered('unknown', first);
    rig.wakeAnswered('refused');
    rig.tickFor(1_000);
    expect(rig.all('requestWake').at(-1)?.method).toBe('b');
  });

  it.each([
    [59_999, ['chassis-on']],
    [60_000, ['chassis-on', 'wake-on-lan']],
  ])('waking: accepted without effect for %i ms -> methods tried: %j', (passedMs, methods) => {
    const rig = new MachineRig().toWaking();
    rig.wakeAnswered('accepted');
    rig.tickFor(passedMs);
    expect([...new Set(rig.all('requestWake').map(({ method }) => method))]).toEqual(methods);
    expect(rig.state).toBe('waking');
  });

  it('waking: the last method timed out -> failed(wake) with an alarm, on record, still held', () => {
    const rig = new MachineRig().toWaking();
    rig.forget().tickFor(119_999);
    expect(rig.state).toBe('waking');
    rig.tickFor(1);
    expect(rig.model).toMatchObject({ state: 'failed', held: true, failures: 1 });
    expect(rig.phase).toBe('wake');
    expect(rig.all('alarm')).toHaveLength(1);
    expect(rig.all('journal').at(-1)?.intent).toMatchObject({ kind: 'wake', failedWakes: 1 });
  });

  it('waking: stopped for longer than the time-out, within the write of its intent -> the wake has its whole time from then', () => {
    const rig = new MachineRig().toWaking();
    rig.forget().wait(300_000).tick();
    expect(rig.state).toBe('waking');
    rig.tickFor(100_000);
    expect(rig.state).toBe('waking');
    rig.tickFor(20_000);
    expect(rig.model).toMatchObject({ state: 'failed', failures: 1 });
  });

  it('waking: it runs but no VM answers -> failed(wake) after one time-out: other methods cannot help', () => {
    const rig = new MachineRig().toWaking();
    for (let i = 0; i < 60; i += 1) rig.wait(1_000).powerOn();
    expect(rig.state).toBe('failed');
    expect(rig.all('requestWake')).toHaveLength(1);
  });

  it('waking: an operator and clients ask again -> no second request', () => {
    const rig = new MachineRig().toWaking().forget();
    rig.wait(1_000).activity('bob');
    rig.send({ kind: 'operatorWake', why: 'operator' });
    expect(rig.all('requestWake')).toEqual([]);
  });

  it('waking: hooks saved the VMs, so that none answers before they are restored -> restored once S0 is evident', () => {
    const rig = new MachineRig({ policy: { ...SAVES, ...S5 } }).toWaking();
    for (let i = 0; i < 30 && rig.phase === 'requested'; i += 1) {
      rig.wait(1_000).powerOn();
      rig.allSilent();
    }
    expect(rig.phase).toBe('restoring');
    rig.forget().wait(5_000).restored();
    expect(rig.all('releaseStreams')).toEqual([]);
    rig.wait(100).answers('alice');
    expect(rig.state).toBe('awake');
  });

  it('waking: hooks saved the VMs, the host still sleeps -> the hook waits', () => {
    const rig = new MachineRig({ policy: SAVES }).toWaking();
    for (let i = 0; i < 50; i += 1) rig.wait(1_000).powerDown();
    expect(rig.all('restoreContext')).toEqual([]);
  });

  it('waking: the hook ran too early and failed -> it is run again, within the bound of the wake', () => {
    const rig = new MachineRig({ policy: { ...SAVES, ...S5, wakeMethods: ['chassis-on'] } }).toWaking().forget();
    let tries = 0;
    for (let i = 0; i < 200 && rig.state === 'waking'; i += 1) {
      rig.wait(1_000).powerOn();
      rig.allSilent();
      if (rig.phase === 'restoring') {
        tries += 1;
        rig.restored([], 'no route to the hypervisor');
      }
    }
    expect(tries).toBeGreaterThan(1);
    expect(rig.state).toBe('failed');
    expect(rig.all('releaseStreams')).toEqual([]);
  });
});

describe('VMs are saved', () => {
  it('saving: intent on disk -> streams held and drained before the VMs are saved; a frozen VM acknowledges nothing', () => {
    const rig = new MachineRig({ policy: SAVES_VMS }).toDrowsy().forget().runFor(POLICY.drowsyForMs);
    expect([rig.phase, rig.all('saveContext')]).toEqual(['preparing', []]);
    rig.forget().journalled();
    expect([rig.phase, rig.kinds]).toEqual(['draining', ['holdStreams', 'drainSendQueues']]);
    rig.forget().drained();
    expect([rig.phase, rig.kinds]).toEqual(['hooks', ['saveContext']]);
    rig.forget().saved();
    expect([rig.phase, rig.kinds]).toEqual(['journalling', ['journal']]);
    rig.forget().journalled();
    expect(rig.all('requestSleep')).toHaveLength(1);
    expect(rig.state).toBe('suspending');
  });

  it('saving: bytes are not acknowledged, nothing was saved yet -> awake and released, nothing to restore', () => {
    const rig = new MachineRig({ policy: SAVES_VMS }).toDrowsy().runFor(POLICY.drowsyForMs);
    rig.journalled();
    rig.forget().drained(false);
    expect([rig.state, rig.model.held, rig.all('restoreContext')]).toEqual(['awake', false, []]);
  });

  it('saving: a held client types while VMs are saved -> called off, restored, and released as its VM answers', () => {
    const rig = new MachineRig({ policy: SAVES_VMS }).toDrowsy().runFor(POLICY.drowsyForMs);
    rig.journalled();
    rig.drained();
    rig.forget().wait(20_000).activity('alice');
    expect(rig.kinds).toEqual(['abortSave', 'transition', 'restoreContext']);
    rig.wait(4_000).restored();
    expect(rig.all('releaseStreams')).toEqual([]);
    rig.wait(1_000).answers('alice');
    expect([rig.state, rig.all('requestWake'), rig.all('requestSleep')]).toEqual(['awake', [], []]);
  });

  it('saving: one VM cannot be saved -> veto, the others restored, no press before the back-off is over', () => {
    const rig = new MachineRig({ policy: SAVES_VMS }).toDrowsy().runFor(POLICY.drowsyForMs);
    rig.journalled();
    rig.drained();
    rig.forget().saved('domain gpu has assigned host devices');
    expect(rig.all('restoreContext')).toHaveLength(1);
    rig.restored();
    rig.wait(100).answers('alice');
    expect(rig.model).toMatchObject({ state: 'awake', held: false });
    expect(rig.model.backOff?.why).toBe('vetoed: domain gpu has assigned host devices');
  });

  it('waking: S0 is evident and no VM can answer -> restored after three seconds, again while it fails, one note for all', () => {
    const rig = new MachineRig({ policy: { ...SAVES_VMS, ...S5 } }).toWaking().forget();
    const askedAtMs: number[] = [];
    for (let i = 0; i < 100 && askedAtMs.length < 4; i += 1) {
      rig.wait(500).powerOn();
      if (rig.phase !== 'restoring') continue;
      askedAtMs.push(rig.nowMs);
      rig.restored([], 'the hypervisor does not answer');
    }
    expect(askedAtMs.map((atMs, i) => atMs - (askedAtMs[i - 1] ?? atMs))).toEqual([0, 3_000, 3_000, 3_000]);
    expect(rig.all('note').map(({ why }) => why)).toEqual([
      'the hypervisor does not answer; tried again while no VM answers',
    ]);
    expect(rig.all('releaseStreams')).toEqual([]);
  });
});

describe('failed(wake)', () => {
  it.each([
    [1, 5_000],
    [2, 10_000],
    [3, 20_000],
    [12, 15 * 60_000],
  ])('failed(wake): failure %i, a client waits -> the next series after %i ms', (times, backOffMs) => {
    const rig = new MachineRig({ policy: { clientWaitMs: 1e12 } }).toFailedWake();
    for (let i = 1; i < times; i += 1) {
      rig.tickFor((nextDeadlineMs(rig.model) as number) - rig.nowMs);
      rig.tickFor(120_000);
    }
    expect(rig.model.intent.failedWakes).toBe(times);
    rig.forget().tickFor(backOffMs - 1);
    expect(rig.all('requestWake')).toEqual([]);
    rig.tickFor(1);
    expect(rig.all('requestWake').map(({ method }) => method)).toEqual(['chassis-on']);
  });

  it('failed(wake): hooks save the VMs and nothing tells whether it runs -> every method is tried before', () => {
    const rig = new MachineRig({ policy: { ...SAVES, ...NO_WITNESS, suspendTimeoutMs: 60_000 } }).toSuspending();
    rig.wait(100).sleepFor(15_000);
    rig.activity();
    for (let i = 0; i < 400 && rig.state === 'waking'; i += 1) {
      rig.tickFor(1_000);
      if (rig.phase === 'restoring') rig.restored();
    }
    expect(rig.state).toBe('failed');
    expect(new Set(rig.all('requestWake').map(({ method }) => method))).toEqual(new Set(POLICY.wakeMethods));
  });

  it('failed(wake): nobody waits, an operator had asked -> no second series by itself', () => {
    const rig = new MachineRig().toAsleep();
    rig.send({ kind: 'operatorWake', why: 'operator' });
    rig.tickFor(120_000);
    expect(rig.state).toBe('failed');
    rig.forget().tickFor(3_600_000);
    expect(rig.effects).toEqual([]);
  });

  it('failed(wake): the clients’ wait reaches its bound -> let go, state stands, no more series', () => {
    const rig = new MachineRig().toFailedWake();
    rig.tickFor(180_000 - 120_000 - 1);
    expect(rig.all('giveUpStreams')).toEqual([]);
    rig.tickFor(1);
    expect(rig.all('giveUpStreams').map(({ vm }) => vm)).toEqual([null]);
    rig.tickFor(120_000);
    expect(rig.state).toBe('failed');
    rig.forget().tickFor(3_600_000);
    expect(rig.effects).toEqual([]);
  });

  it('failed(wake): a new client -> a new series at once where the back-off is over', () => {
    const rig = new MachineRig().toFailedWake().tickFor(400_000).forget();
    rig.activity();
    expect(rig.all('requestWake')).toHaveLength(1);
  });

  it('failed(wake): an operator -> a new series at once', () => {
    const rig = new MachineRig().toFailedWake().forget();
    rig.send({ kind: 'operatorWake', why: 'operator' });
    expect(rig.all('requestWake')).toHaveLength(1);
  });

  it('failed(wake): it runs after all -> context restored, awake, then no suspend for an hour from the failure', () => {
    const rig = new MachineRig().toFailedWake();
    const failedAtMs = rig.nowMs;
    rig.wait(500).runFor(100);
    rig.restored();
    rig.runFor(100);
    expect(rig.state).toBe('awake');
    expect(rig.model.backOff?.untilMs).toBe(failedAtMs + 3_600_000);
    rig.runFor(failedAtMs + 3_600_000 - rig.nowMs - 500);
    expect(rig.state).toBe('awake');
    rig.runFor(500);
    expect(rig.state).toBe('drowsy');
  });

  it('failed(wake): the block is over and a client interrupts a drowsy window -> the block does not begin anew', () => {
    const rig = new MachineRig().toFailedWake();
    rig.wait(500).runFor(100);
    rig.restored();
    rig.runFor(3_600_000);
    expect(rig.state).toBe('drowsy');
    rig.activity();
    rig.runFor(50_000);
    expect(rig.state).toBe('drowsy');
  });

  it('failed(wake): released -> forgiven, journalled, suspends again', () => {
    const rig = new MachineRig().toFailedWake();
    rig.wait(500).runFor(100);
    rig.restored();
    rig.send({ kind: 'release' });
    expect(rig.all('journal').at(-1)?.intent.failedWakes).toBe(0);
    rig.runFor(50_000);
    expect(rig.state).toBe('drowsy');
  });
});

describe('facts and time', () => {
  it('client wait: bounded while a hook keeps the wake busy -> let go, the wake goes on', () => {
    const rig = new MachineRig({ policy: { saveTimeoutMs: 1_000_000 } }).toRestoring();
    rig.tickFor(180_000 - 3_000 - 1);
    expect(rig.all('giveUpStreams')).toEqual([]);
    rig.tickFor(1);
    expect(rig.all('giveUpStreams').map(({ vm }) => vm)).toEqual([null]);
    expect(rig.phase).toBe('restoring');
  });

  it('deadlines: a guard of the past -> no tick is due at once', () => {
    const rig = new MachineRig({ armed: false }).toAwake();
    rig.inhibit(rig.nowMs + 1_000);
    rig.runFor(600_000);
    expect(nextDeadlineMs(rig.model)).toBe(null);
  });

  it('wakeProof: the driver found its witness and methods -> policy corrected', () => {
    const rig = new MachineRig({ policy: { witness: 'none' } });
    rig.proof(true, { readsSleepState: 'command', wakeMethods: ['on'] });
    expect(rig.model).toMatchObject({ wakeProven: true, policy: { witness: 'command', wakeMethods: ['on'] } });
  });

  it('BMC: an older reading comes after a newer one -> the newer one stands', () => {
    const rig = new MachineRig().toAwake().wait(5_000);
    rig.power('S3');
    const atMs = rig.nowMs - 100;
    rig.send({ kind: 'power', reading: { atMs, acpi: 'S0', acpiSource: 'sensor', powerBit: null, watts: null } });
    expect(rig.model.power?.acpi).toBe('S3');
  });

  it('BMC: lost and back -> the fact and its reason change, the state stands', () => {
    const rig = new MachineRig().toAwake();
    rig.bmcLost();
    expect(rig.model).toMatchObject({ state: 'awake', bmcReachable: false, bmcProblem: 'no answer from 10.0.9.11' });
    rig.powerOn();
    expect(rig.model).toMatchObject({ bmcReachable: true, bmcProblem: '' });
  });
});
