// What a proof changes in a policy, and what is left when it holds no more.
import { describe, expect, it } from 'vitest';
import type { LearnedPower } from '../../src/platform/ports.ts';
import { MachineRig } from './machine-rig.ts';

const LEARNED: LearnedPower = { witness: 'sensor', watts: null, suspendTimeoutMs: 90_000, wakeTimeoutMs: 300_000 };

function timeouts({ model }: MachineRig): number[] {
  return [model.policy.suspendTimeoutMs, model.policy.wakeTimeoutMs];
}

describe('policy after a proof', () => {
  const policy = { suspendTimeoutMs: 60_000, wakeTimeoutMs: 120_000 };

  it('learned time-outs are longer -> they hold while the proof does; it becomes stale -> as configured', () => {
    const rig = new MachineRig({ policy });
    rig.proof(true, { learned: LEARNED });
    expect(timeouts(rig)).toEqual([90_000, 300_000]);
    rig.proof(true, { learned: LEARNED });
    expect(timeouts(rig)).toEqual([90_000, 300_000]);
    rig.proof(true, { learned: null });
    expect(timeouts(rig)).toEqual([60_000, 120_000]);
  });

  it('a newer proof was quicker -> its time-outs, never less than configured', () => {
    const rig = new MachineRig({ policy });
    rig.proof(true, { learned: LEARNED });
    rig.proof(true, { learned: { ...LEARNED, suspendTimeoutMs: 70_000, wakeTimeoutMs: 5_000 } });
    expect(timeouts(rig)).toEqual([70_000, 120_000]);
  });
});
