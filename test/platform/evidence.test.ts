import { describe, expect, it } from 'vitest';
import { allSilentForMs, assess, hasPowerWitness, powerVerdict, vmAnswers } from '../../src/platform/evidence.ts';
import type { PlatformPolicy } from '../../src/platform/model.ts';
import type { AcpiState } from '../../src/platform/ports.ts';
import { MachineRig, WATTS } from './machine-rig.ts';

const ONE_VM = { vms: ['alice'], probedVms: ['alice'] } as const;

/** A rig that was asked and answered what the test says, and that no guard or state matters for. */
function rigOf(policy: Partial<PlatformPolicy> = {}): MachineRig {
  return new MachineRig({ policy: { ...ONE_VM, ...policy } });
}

const verdictOf = (rig: MachineRig) => assess(rig.model, rig.nowMs).verdict;

describe('powerVerdict', () => {
  it.each<[PlatformPolicy['witness'], AcpiState | null, boolean | null, 'S3' | 'S5', string]>([
    ['sensor', 'S0', false, 'S3', 'running'],
    ['sensor', 'S1', true, 'S3', 'sleeping'],
    ['sensor', 'S3', true, 'S3', 'sleeping'],
    ['sensor', 'S4', true, 'S3', 'sleeping'],
    ['sensor', 'S5', true, 'S3', 'off'],
    ['sensor', null, false, 'S3', 'unknown'],
    ['command', 'S0', null, 'S3', 'running'],
    ['command', 'S3', null, 'S3', 'sleeping'],
    ['power-bit', null, true, 'S3', 'running'],
    ['power-bit', null, false, 'S3', 'sleeping'],
    ['power-bit', null, false, 'S5', 'off'],
    ['power-bit', 'S3', null, 'S3', 'unknown'],
    ['watts', 'S3', false, 'S3', 'unknown'],
    ['none', 'S3', false, 'S3', 'unknown'],
  ])('powerVerdict: witness %s, ACPI %s, power bit %s, sleeps in %s -> %s', (witness, acpi, bit, sleep, verdict) => {
    const rig = rigOf({ witness, sleep });
    rig.power(acpi, bit);
    expect(powerVerdict(rig.model, rig.nowMs)).toBe(verdict);
  });

  it.each<[number | null, 'S3' | 'S5', string]>([
    [0, 'S3', 'sleeping'],
    [74, 'S3', 'sleeping'],
    [74.1, 'S3', 'unknown'],
    [115.9, 'S3', 'unknown'],
    [116, 'S3', 'running'],
    [400, 'S3', 'running'],
    [null, 'S3', 'unknown'],
    [10, 'S5', 'off'],
  ])('powerVerdict: %s W where 74 is asleep and 116 awake, sleeps in %s -> %s', (watts, sleep, verdict) => {
    const rig = rigOf({ witness: 'watts', watts: WATTS, sleep });
    rig.power('S0', true, watts);
    expect(powerVerdict(rig.model, rig.nowMs)).toBe(verdict);
  });

  it('powerVerdict: watts that nobody has learned the bounds of -> unknown, whatever they are', () => {
    const rig = rigOf({ witness: 'watts' });
    rig.power('S3', false, 0);
    expect(powerVerdict(rig.model, rig.nowMs)).toBe('unknown');
    expect(hasPowerWitness(rig.model.policy)).toBe(false);
  });

  it.each([
    [9_999, 'sleeping'],
    [10_000, 'sleeping'],
    [10_001, 'unknown'],
  ])('powerVerdict: reading %i ms old -> %s', (ageMs, verdict) => {
    const rig = rigOf();
    rig.power('S3');
    expect(powerVerdict(rig.model, rig.nowMs + ageMs)).toBe(verdict);
  });

  it('powerVerdict: nothing read yet -> unknown', () => {
    const rig = rigOf();
    expect(powerVerdict(rig.model, rig.nowMs)).toBe('unknown');
  });
});

describe('assess', () => {
  it.each<[AcpiState, number, string]>([
    ['S3', 1_999, 'unknown'],
    ['S3', 2_000, 'asleep'],
    ['S3', 2_001, 'asleep'],
    ['S5', 1_999, 'unknown'],
    ['S5', 2_000, 'off'],
    ['S0', 2_000, 'unknown'],
  ])('assess: %s, VM silent for %i ms -> %s', (acpi, silentMs, verdict) => {
    const rig = rigOf();
    rig.silent();
    rig.wait(silentMs).power(acpi);
    expect(verdictOf(rig)).toBe(verdict);
  });

  it('assess: off where S5 is the sleep that was configured -> asleep', () => {
    const rig = rigOf({ sleep: 'S5' });
    rig.silent();
    rig.wait(2_000).power('S5');
    expect(verdictOf(rig)).toBe('asleep');
  });

  it('assess: S3, nobody asked the VMs -> unknown', () => {
    const rig = rigOf();
    rig.power('S3');
    expect(verdictOf(rig)).toBe('unknown');
  });

  it('assess: a VM answers whatever the BMC says -> awake', () => {
    const rig = rigOf();
    rig.power('S3');
    rig.answers();
    expect(assess(rig.model, rig.nowMs)).toMatchObject({ verdict: 'awake', weak: false, power: 'sleeping' });
  });

  it.each([
    [10_000, 'awake'],
    [10_001, 'unknown'],
  ])('assess: the VM’s answer is %i ms old -> %s', (ageMs, verdict) => {
    const rig = rigOf();
    rig.answers();
    rig.wait(ageMs);
    expect(verdictOf(rig)).toBe(verdict);
  });

  it.each([
    [10_000, 'asleep'],
    [10_001, 'unknown'],
  ])('assess: the VM’s silence was last seen %i ms ago -> %s', (ageMs, verdict) => {
    const rig = rigOf();
    rig.silent();
    rig.wait(ageMs).power('S3');
    expect(verdictOf(rig)).toBe(verdict);
  });

  it.each([
    ['none', 14_999, 'unknown'],
    ['none', 15_000, 'asleep'],
    ['none', 15_001, 'asleep'],
    ['watts', 14_999, 'unknown'],
    ['watts', 15_000, 'asleep'],
    ['sensor', 60_000, 'unknown'],
  ] as const)('assess: witness %s says nothing, VM silent for %i ms -> %s', (witness, silentMs, verdict) => {
    const rig = rigOf({ witness });
    const endMs = rig.nowMs + silentMs;
    for (; rig.nowMs < endMs; rig.nowMs = Math.min(endMs, rig.nowMs + 2_000)) rig.silent();
    expect(verdictOf(rig)).toBe(verdict);
    if (verdict === 'asleep') expect(assess(rig.model, rig.nowMs).weak).toBe(true);
  });

  it('assess: one of two VMs silent, the other never asked -> unknown', () => {
    const rig = new MachineRig();
    rig.silent('alice');
    rig.wait(2_000).power('S3');
    expect(verdictOf(rig)).toBe('unknown');
  });

  it('assess: two VMs silent for different times -> the shorter one counts', () => {
    const rig = new MachineRig();
    rig.silent('alice');
    rig.wait(500).silent('bob');
    rig.wait(1_999).power('S3');
    expect(verdictOf(rig)).toBe('unknown');
    rig.wait(1);
    expect(verdictOf(rig)).toBe('asleep');
  });

  it.each<[AcpiState, string]>([
    ['S0', 'awake'],
    ['S3', 'asleep'],
    ['S5', 'off'],
  ])('assess: no VM has a probe, %s -> %s at once', (acpi, verdict) => {
    const rig = rigOf({ probedVms: [] });
    rig.power(acpi);
    expect(verdictOf(rig)).toBe(verdict);
  });

  it('assess: learned watts and silence for two seconds -> asleep, not weak, in watts', () => {
    const rig = rigOf({ witness: 'watts', watts: WATTS });
    rig.silent();
    rig.wait(2_000).power(null, true, 9.4);
    expect(assess(rig.model, rig.nowMs)).toMatchObject({
      verdict: 'asleep',
      weak: false,
      text: '9 W, VMs silent for 2s',
    });
  });

  it('assess: text for people -> names witness and silence', () => {
    const rig = rigOf();
    expect(assess(rig.model, rig.nowMs).text).toBe('no fresh witness of power, VMs not asked lately');
    rig.silent();
    rig.wait(3_000).power('S3');
    expect(assess(rig.model, rig.nowMs).text).toBe('S3 by sensor, VMs silent for 3s');
    rig.answers();
    expect(assess(rig.model, rig.nowMs).text).toBe('S3 by sensor, a VM answers');
  });
});

describe('silence', () => {
  it('silence: begins when the first unanswered question was asked, not when it was given up', () => {
    const rig = rigOf();
    const askedMs = rig.nowMs;
    rig.wait(900).silent('alice', askedMs);
    rig.wait(100).silent('alice', askedMs + 100);
    expect(allSilentForMs(rig.model, rig.nowMs)).toBe(1_000);
  });

  it('silence: an answer in between -> begins anew with the next question', () => {
    const rig = rigOf();
    rig.silent();
    rig.wait(1_000).answers();
    expect(allSilentForMs(rig.model, rig.nowMs)).toBe(0);
    rig.wait(500).silent();
    expect(allSilentForMs(rig.model, rig.nowMs + 300)).toBe(300);
  });

  it('silence: a question asked before the last answered one is given up late -> the VM still answers', () => {
    const rig = rigOf();
    const askedMs = rig.nowMs;
    rig.wait(100).answers();
    rig.wait(900).silent('alice', askedMs);
    expect(vmAnswers(rig.model.probes.alice, rig.nowMs)).toBe(true);
  });

  it('silence: two probes of one VM asked at the same moment, one answers -> the VM answers', () => {
    const rig = rigOf();
    const askedMs = rig.nowMs;
    rig.wait(5).answers('alice', askedMs);
    rig.wait(995).silent('alice', askedMs);
    expect(vmAnswers(rig.model.probes.alice, rig.nowMs)).toBe(true);
  });

  it('silence: nobody asked for more than 10 s -> what was silent before does not count on', () => {
    const rig = rigOf();
    rig.silent();
    rig.wait(10_001).silent();
    expect(allSilentForMs(rig.model, rig.nowMs + 50)).toBe(50);
  });
});
