import { describe, expect, it } from 'vitest';
import { watchPace } from '../../src/platform/watch-pace.ts';
import { MachineRig } from './machine-rig.ts';

const paceOf = (rig: MachineRig) => watchPace(rig.model, rig.nowMs);

describe('watchPace', () => {
  it.each([
    'toAwake',
    'toDrowsy',
    'toSaving',
    'toSuspending',
    'toAsleep',
    'toWaking',
    'toFailedSuspend',
    'toFailedWake',
  ] as const)('watchPace: %s -> the BMC is asked so often that its word never grows old (10 s)', (reach) => {
    expect(paceOf(new MachineRig()[reach]()).powerMs).toBeLessThanOrEqual(5_000);
  });

  it('watchPace: drowsy, a VM has answered -> connections are few, and the answer never grows old (10 s)', () => {
    const { probeMs } = paceOf(new MachineRig().toDrowsy());
    expect([probeMs !== null && probeMs >= 2_000, probeMs !== null && probeMs <= 5_000]).toEqual([true, true]);
  });

  it.each(['toSuspending', 'toWaking', 'toFailedSuspend', 'toFailedWake'] as const)(
    'watchPace: %s -> VMs are asked at least twice within the 2 s of silence',
    (reach) => {
      expect(paceOf(new MachineRig()[reach]()).probeMs).toBeLessThanOrEqual(1_000);
    },
  );

  it('watchPace: starting -> both witnesses are asked', () => {
    const { powerMs, probeMs } = paceOf(new MachineRig());
    expect([powerMs <= 1_000, (probeMs as number) <= 1_000]).toEqual([true, true]);
  });

  it('watchPace: awake, BMC says S0 -> no VM is disturbed; says S3 -> VMs are asked', () => {
    const rig = new MachineRig().toAwake();
    expect(paceOf(rig).probeMs).toBe(null);
    rig.power('S3');
    expect(paceOf(rig).probeMs).toBeLessThanOrEqual(1_000);
  });

  it.each(['none', 'watts'] as const)(
    'watchPace: awake, witness %s -> VMs are asked: nothing else could tell a sleep',
    (witness) => {
      const rig = new MachineRig({ policy: { witness } }).toAwake();
      expect(paceOf(rig).probeMs).toBeLessThanOrEqual(5_000);
    },
  );

  it('watchPace: asleep by the BMC’s word -> nothing is sent towards the sleeper; says S0 -> VMs are asked', () => {
    const rig = new MachineRig().toAsleep();
    expect(paceOf(rig).probeMs).toBe(null);
    rig.powerOn();
    expect(paceOf(rig).probeMs).toBeLessThanOrEqual(1_000);
  });

  it.each(['none', 'watts'] as const)(
    'watchPace: asleep, witness %s -> VMs are asked: nothing else could tell a wake',
    (witness) => {
      const rig = new MachineRig({ policy: { witness, suspendTimeoutMs: 60_000 } }).toSuspending();
      rig.wait(100).sleepFor(15_000);
      expect(rig.state).toBe('asleep');
      expect(paceOf(rig).probeMs).toBeLessThanOrEqual(5_000);
    },
  );

  it('watchPace: waking -> a VM’s first answer is noticed within 100 ms', () => {
    expect(paceOf(new MachineRig().toWaking()).probeMs).toBeLessThanOrEqual(100);
  });
});
