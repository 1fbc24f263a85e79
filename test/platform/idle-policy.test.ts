import { describe, expect, it } from 'vitest';
import { findBlockers } from '../../src/platform/idle-policy.ts';
import { MachineRig, type RigOptions } from './machine-rig.ts';

/** Awake so long that only what the test adds can block. */
function idleRig(options: RigOptions = {}): MachineRig {
  const rig = new MachineRig(options).toAwake();
  rig.pool(1);
  return rig.runFor(50_000);
}

function kindsOf(rig: MachineRig): string[] {
  return findBlockers(rig.model, rig.nowMs).map(({ kind }) => kind);
}

describe('findBlockers', () => {
  it('findBlockers: all guards hold but the pool -> the pool, with its size', () => {
    const rig = idleRig();
    expect(findBlockers(rig.model, rig.nowMs)).toEqual([{ kind: 'pool', why: '1 active client', untilMs: null }]);
    rig.pool(3);
    expect(findBlockers(rig.model, rig.nowMs)[0]?.why).toBe('3 active clients');
  });

  it('findBlockers: a forced wish -> the pool does not block, everything else does', () => {
    const rig = idleRig();
    rig.inhibit();
    const forced = { ...rig.model, sleepAsked: { force: true } };
    expect(findBlockers(forced, rig.nowMs).map(({ kind }) => kind)).toEqual(['inhibitor']);
  });

  it('findBlockers: a wish that is not forced -> min-awake does not block, the pool does', () => {
    const rig = new MachineRig().toAwake();
    rig.pool(1);
    const asked = { ...rig.model, sleepAsked: { force: false } };
    expect(findBlockers(asked, rig.nowMs).map(({ kind }) => kind)).toEqual(['pool']);
  });

  it('findBlockers: awake for less than minAwake -> min-awake, until when', () => {
    const rig = new MachineRig().toAwake();
    expect(findBlockers(rig.model, rig.nowMs)).toEqual([
      { kind: 'min-awake', why: 'awake for less than 50s', untilMs: rig.nowMs + 50_000 },
    ]);
  });

  it.each<[string | undefined, string]>([
    [undefined, 'the BMC does not answer: no answer from 10.0.9.11'],
    ['libvirt', 'libvirt does not answer: no answer from 10.0.9.11'],
  ])('the reader is %s -> it is named', (reader, why) => {
    const rig = new MachineRig({ policy: reader === undefined ? {} : { reader } }).toAwake();
    rig.bmcLost();
    expect(findBlockers(rig.model, rig.nowMs).find(({ kind }) => kind === 'bmc')?.why).toBe(why);
  });

  it.each<[string, (rig: MachineRig) => unknown, string]>([
    ['inhibited', (rig) => rig.inhibit(rig.nowMs + 1), 'inhibitor'],
    ['BMC lost', (rig) => rig.bmcLost(), 'bmc'],
    ['reading older than 10 s', (rig) => rig.wait(10_001), 'bmc'],
    ['BMC says that it sleeps', (rig) => rig.power('S3'), 'bmc'],
    ['BMC says that it is off', (rig) => rig.power('S5'), 'bmc'],
    ['the witness tells nothing', (rig) => rig.power(null), 'bmc'],
    ['wake path unproven', (rig) => rig.proof(false), 'wake-path'],
    [
      'a veto of just now',
      (rig) => {
        rig.pool(0);
        rig.runFor(30_000).saved('no');
        rig.pool(1);
        rig.runFor(50_000);
      },
      'back-off',
    ],
  ])('findBlockers: %s -> one more blocker', (_title, change, kind) => {
    const rig = idleRig();
    change(rig);
    expect(kindsOf(rig)).toEqual(['pool', kind]);
  });

  it('findBlockers: observe mode -> first of all', () => {
    expect(kindsOf(idleRig({ armed: false }))).toEqual(['observe', 'pool']);
  });

  it.each(['none', 'watts'] as const)('findBlockers: no probe and witness %s -> probe', (witness) => {
    const rig = new MachineRig({ policy: { probedVms: [], witness, minAwakeMs: 0 } });
    rig.tickFor(30_000);
    rig.toAwake();
    expect(kindsOf(rig)).toEqual(['probe']);
  });

  it('findBlockers: no witness of power but a probe -> nothing blocks', () => {
    const rig = new MachineRig({ policy: { witness: 'none' } }).toAwake();
    expect(kindsOf(rig.runFor(49_000))).toEqual(['min-awake']);
  });

  it('findBlockers: inhibitor that has just expired -> none', () => {
    const rig = idleRig();
    rig.inhibit(rig.nowMs + 1_000);
    expect(findBlockers(rig.model, rig.nowMs + 999).map(({ kind }) => kind)).toContain('inhibitor');
    expect(findBlockers(rig.model, rig.nowMs + 1_000).map(({ kind }) => kind)).not.toContain('inhibitor');
  });
});
