// The machine where wakes are staggered: it asks for its turn, keeps its wish, and goes when it is told to.
import { describe, expect, it } from 'vitest';
import { MachineRig } from './machine-rig.ts';

const WAIT_MS = 600_000;
const STAGGERED = { policy: { turnWaitMs: WAIT_MS } };

describe('a wake that waits for its turn', () => {
  it('asleep, somebody comes -> nothing is asked of the BMC until it is its turn', () => {
    const rig = new MachineRig(STAGGERED).toAsleep().forget();
    rig.activity();
    expect(rig.state).toBe('asleep');
    expect(rig.model.wakeTurn).toEqual({ askedAtMs: rig.nowMs, isGranted: false, grantedAtMs: null });
    rig.sleepFor(20_000);
    expect(rig.kinds).not.toContain('requestWake');
    rig.send({ kind: 'wakeTurn' });
    expect(rig.state).toBe('waking');
    expect(rig.all('requestWake')).toHaveLength(1);
    expect(rig.model.wakeTurn).toBeNull();
  });

  it('not staggered -> it wakes at once, and a turn that nobody asked for changes nothing', () => {
    const rig = new MachineRig().toAsleep();
    rig.send({ kind: 'wakeTurn' });
    expect(rig.state).toBe('asleep');
    rig.activity();
    expect(rig.state).toBe('waking');
  });

  it('suspending, somebody comes -> asks when the VMs are silent, sleeps without its turn, and the wish is kept', () => {
    const rig = new MachineRig(STAGGERED).toSuspending();
    rig.activity();
    expect(rig.model.wakeTurn).toBeNull();
    rig.wait(1_000).sleepFor(3_000);
    expect(rig.state).toBe('asleep');
    expect(rig.model.wakeTurn?.isGranted).toBe(false);
    expect(rig.model.wakeWanted).toContain('client bytes');
    rig.send({ kind: 'wakeTurn' });
    expect(rig.state).toBe('waking');
  });

  it('suspending, its turn comes before the sleep is certain -> the wake goes out early, as ever', () => {
    const rig = new MachineRig(STAGGERED).toSuspending();
    rig.activity();
    rig.wait(1_000).powerDown();
    expect(rig.state).toBe('suspending');
    expect(rig.model.wakeTurn?.isGranted).toBe(false);
    rig.send({ kind: 'wakeTurn' });
    expect(rig.state).toBe('waking');
    expect(rig.all('requestWake')).toHaveLength(1);
  });

  it('the VMs answer again while it waits -> awake without a wake, and its place in the queue is free', () => {
    const rig = new MachineRig(STAGGERED).toSuspending();
    rig.activity();
    rig.wait(1_000).powerDown();
    rig.runFor(1_000);
    rig.restored();
    rig.runFor(1_000);
    expect(rig.state).toBe('awake');
    expect(rig.model.wakeTurn).toBeNull();
    expect(rig.all('requestWake')).toEqual([]);
  });

  it('the turn comes late -> the clients have their whole wait for the platform from then on', () => {
    const clientWaitMs = 100_000;
    const rig = new MachineRig({ policy: { ...STAGGERED.policy, clientWaitMs } }).toAsleep();
    rig.activity();
    rig.tickFor(WAIT_MS - 1_000).forget();
    expect(rig.kinds).not.toContain('giveUpStreams');
    rig.send({ kind: 'wakeTurn' });
    rig.tickFor(clientWaitMs - 1);
    expect(rig.kinds).not.toContain('giveUpStreams');
    rig.tickFor(1);
    expect(rig.all('giveUpStreams')).toHaveLength(1);
  });

  it('the turn does not come at all -> at the bound an alarm, the clients are let go; the next one asks anew', () => {
    const rig = new MachineRig(STAGGERED).toAsleep();
    rig.activity();
    rig.tickFor(WAIT_MS - 1).forget();
    expect(rig.effects).toEqual([]);
    rig.tickFor(1);
    const why = 'its turn to wake did not come within 10m';
    expect(rig.effects).toEqual([
      { kind: 'alarm', why: `not woken: ${why}` },
      { kind: 'giveUpStreams', vm: null, why },
    ]);
    expect(rig.model.wakeTurn).toBeNull();
    rig.activity();
    expect(rig.model.wakeTurn?.askedAtMs).toBe(rig.nowMs);
  });

  it('maintenance while it waits -> its place in the queue is free; an operator gets it back', () => {
    const rig = new MachineRig(STAGGERED).toAsleep();
    rig.activity();
    rig.maintenance(true);
    rig.tick();
    expect(rig.model.wakeTurn).toBeNull();
    rig.send({ kind: 'operatorWake', why: 'operator' });
    expect(rig.model.wakeTurn?.isGranted).toBe(false);
    expect(rig.model.wakeOrdered).toBe(true);
  });

  it('a wake that failed, retried by an operator -> no back-off, but in its turn', () => {
    const rig = new MachineRig(STAGGERED).toAsleep();
    rig.activity();
    rig.send({ kind: 'wakeTurn' });
    rig.tickFor(rig.model.policy.wakeTimeoutMs * 2).forget();
    expect(rig.state).toBe('failed');
    rig.send({ kind: 'operatorWake', why: 'operator' });
    expect(rig.state).toBe('failed');
    expect(rig.model.wakeTurn?.isGranted).toBe(false);
    rig.send({ kind: 'wakeTurn' });
    expect(rig.state).toBe('waking');
    expect(rig.all('requestWake')).toHaveLength(1);
  });

  it('woken ahead by a schedule -> asks as a client does', () => {
    const rig = new MachineRig(STAGGERED).toAsleep();
    rig.scheduledWake();
    expect(rig.state).toBe('asleep');
    expect(rig.model.wakeTurn?.isGranted).toBe(false);
  });

  it('somebody else wakes it while it waits -> awake, and its place in the queue is free', () => {
    const rig = new MachineRig(STAGGERED).toAsleep();
    rig.activity();
    rig.wait(5_000).runFor(1_000);
    rig.restored();
    rig.runFor(1_000);
    expect(rig.state).toBe('awake');
    expect(rig.model.wakeTurn).toBeNull();
    expect(rig.all('requestWake')).toEqual([]);
  });

  it('Torpor restarts while a wake was under way -> it waits for its turn again', () => {
    const intent = { id: 7, kind: 'wake' as const, atMs: 990_000, failedWakes: 0 };
    const rig = new MachineRig({ ...STAGGERED, intent });
    rig.proof(true);
    rig.sleepFor(3_000);
    expect(rig.state).toBe('asleep');
    expect(rig.model.wakeTurn?.isGranted).toBe(false);
    rig.send({ kind: 'wakeTurn' });
    expect(rig.state).toBe('waking');
  });
});
