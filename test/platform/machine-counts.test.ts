// What the machine counts: sleeps that its presses brought about, wakes that it asked for, and wakes by others that it adopted. Each once.
import { describe, expect, it } from 'vitest';
import { MachineRig } from './machine-rig.ts';

/** Suspends, wakes, adopted wakes, failures. */
function counts({ model }: MachineRig): number[] {
  return [model.suspends, model.wakes, model.adoptedWakes, model.failures];
}

describe('counters', () => {
  it('slept and woken for a client -> one suspend, one wake', () => {
    const rig = new MachineRig().toRestoring();
    expect(counts(rig)).toEqual([1, 0, 0, 0]);
    rig.restored();
    expect([rig.state, ...counts(rig)]).toEqual(['awake', 1, 1, 0, 0]);
  });

  it('woken before the sleep was certain -> it slept all the same: one suspend, one wake', () => {
    const rig = new MachineRig().toSuspending();
    rig.wait(100).activity();
    rig.wait(100).power('S3');
    expect(rig.state).toBe('waking');
    rig.wait(3_000).powerOn();
    rig.answers();
    rig.restored();
    expect([rig.state, ...counts(rig)]).toEqual(['awake', 1, 1, 0, 0]);
  });

  it('woken by someone else while asleep -> one suspend, no wake of ours, one adopted', () => {
    const rig = new MachineRig().toAsleep().wait(60_000);
    rig.powerOn();
    rig.answers();
    expect(rig.state).toBe('waking');
    rig.restored();
    expect([rig.state, ...counts(rig)]).toEqual(['awake', 1, 0, 1, 0]);
  });

  it('slept and ran again before the sleep was certain -> one suspend, one adopted', () => {
    const rig = new MachineRig().toSuspending();
    rig.wait(100).power('S3');
    rig.wait(1_000).powerOn();
    rig.answers();
    expect(rig.state).toBe('waking');
    rig.wait(100).answers();
    rig.restored();
    expect([rig.state, ...counts(rig)]).toEqual(['awake', 1, 0, 1, 0]);
  });

  it('called off while its hook runs -> nothing but the way back through waking', () => {
    const rig = new MachineRig({ policy: { savesContext: true } }).toSaving();
    rig.activity();
    expect(rig.state).toBe('waking');
    rig.restored();
    rig.wait(100).answers();
    expect([rig.state, ...counts(rig)]).toEqual(['awake', 0, 0, 0, 0]);
  });

  it('the button was ignored -> a failure, no suspend, no wake', () => {
    const rig = new MachineRig().toSuspending();
    rig.wait(100).activity();
    rig.runFor(3_500);
    rig.restored();
    rig.runFor(500);
    expect([rig.state, ...counts(rig)]).toEqual(['awake', 0, 0, 0, 1]);
  });

  it('the button seemed ignored, then it sleeps after all -> one suspend, once', () => {
    const rig = new MachineRig().toFailedSuspend();
    rig.wait(1_000).sleepFor(2_500);
    expect(rig.state).toBe('asleep');
    expect(counts(rig)).toEqual([1, 0, 0, 1]);
    rig.activity();
    rig.wait(3_000).powerOn();
    rig.answers();
    rig.restored();
    expect([rig.state, ...counts(rig)]).toEqual(['awake', 1, 1, 0, 1]);
  });

  it('put to sleep by someone else, and woken for a client -> no suspend of ours, one wake', () => {
    const rig = new MachineRig().toAwake();
    rig.wait(60_000).sleepFor(3_000);
    expect(rig.state).toBe('asleep');
    rig.activity();
    rig.wait(3_000).powerOn();
    rig.answers();
    rig.restored();
    expect([rig.state, ...counts(rig)]).toEqual(['awake', 0, 1, 0, 0]);
  });

  it('a wake that failed and then comes after all -> a failure, and the wake that was asked for', () => {
    const rig = new MachineRig().toFailedWake();
    rig.wait(100).powerOn();
    rig.answers();
    rig.restored();
    rig.wait(100).answers();
    expect([rig.state, ...counts(rig)]).toEqual(['awake', 1, 1, 0, 1]);
  });

  it('found asleep at the start, its press an earlier Torpor’s -> no suspend; woken -> one wake', () => {
    const intent = { id: 7, kind: 'sleep' as const, atMs: 0, failedWakes: 0 };
    const rig = new MachineRig({ intent });
    rig.proof(true);
    rig.sleepFor(3_000);
    expect([rig.state, ...counts(rig)]).toEqual(['asleep', 0, 0, 0, 0]);
    rig.activity();
    rig.wait(3_000).powerOn();
    rig.answers();
    rig.restored();
    expect([rig.state, ...counts(rig)]).toEqual(['awake', 0, 1, 0, 0]);
  });
});
