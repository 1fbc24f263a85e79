// A configuration that is read again while a platform sleeps: whose sleep it is, and what is done with its clients, is the new one's to say.
import { describe, expect, it } from 'vitest';
import { carryOver } from '../../src/platform/machine/carry-over.ts';
import { MachineRig } from './machine-rig.ts';

/** Over to this mode, as the controller that follows on another one: its first event is the pool. */
function goOver(rig: MachineRig, armed: boolean): MachineRig {
  rig.model = carryOver(rig.model, rig.model.policy, armed);
  rig.forget().pool(rig.model.pool);
  return rig;
}

/** Seen asleep by both witnesses in observe mode. */
function foundAsleep(): MachineRig {
  const rig = new MachineRig({ armed: false }).toAwake();
  return rig.wait(60_000).sleepFor(3_000);
}

describe('carry over: another mode while it sleeps', () => {
  it('observed asleep, then armed -> held at once, and its next client wakes it', () => {
    const rig = foundAsleep();
    expect(rig.model).toMatchObject({ state: 'asleep', held: false });
    goOver(rig, true);
    expect(rig.kinds).toContain('holdStreams');
    rig.sleepFor(2_000);
    expect(rig.model).toMatchObject({ state: 'asleep', held: true });
    rig.activity();
    expect(rig.state).toBe('waking');
    expect(rig.all('requestWake')).toHaveLength(1);
  });

  it('observed asleep, then armed -> a restart of Torpor takes the sleep for one that clients end, too', () => {
    const rig = goOver(foundAsleep(), true);
    expect(rig.model.intent.kind).toBe('sleep');
    expect(rig.all('journal').map(({ intent }) => intent.kind)).toEqual(['sleep']);
  });

  it('observed while somebody switched it off, then armed -> held, in maintenance: clients wait within their bound', () => {
    const rig = new MachineRig({ armed: false }).toAwake().wait(60_000);
    for (let i = 0; i < 6; i += 1) {
      rig.wait(500).power('S5', false, 5);
      rig.allSilent();
    }
    expect(rig.model).toMatchObject({ state: 'asleep', maintenance: true, held: false });
    goOver(rig, true);
    expect(rig.model).toMatchObject({ state: 'asleep', maintenance: true, held: true, intent: { kind: 'run' } });
    rig.activity();
    expect(rig.all('requestWake')).toEqual([]);
    rig.tickFor(rig.model.policy.clientWaitMs);
    expect(rig.all('giveUpStreams')).toHaveLength(1);
  });

  it('armed and switched off by somebody, then observed -> nothing is held for it any more', () => {
    const rig = new MachineRig().toAwake().wait(60_000);
    for (let i = 0; i < 6; i += 1) {
      rig.wait(500).power('S5', false, 5);
      rig.allSilent();
    }
    rig.activity();
    expect(rig.model).toMatchObject({ state: 'asleep', maintenance: true, held: true, intent: { kind: 'run' } });
    goOver(rig, false);
    expect(rig.kinds).toContain('releaseStreams');
    expect(rig.model).toMatchObject({ state: 'asleep', held: false, wakeWanted: null });
    rig.maintenance(false);
    rig.tickFor(rig.model.policy.clientWaitMs);
    expect(rig.kinds).toEqual(['releaseStreams']);
  });

  it('armed and asleep by its own press, then observed -> held still: a client wakes it', () => {
    const rig = goOver(new MachineRig().toAsleep(), false);
    expect(rig.model).toMatchObject({ state: 'asleep', held: true });
    expect(rig.kinds).not.toContain('releaseStreams');
    rig.activity();
    expect(rig.state).toBe('waking');
  });
});
