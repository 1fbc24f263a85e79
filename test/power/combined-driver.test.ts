// One power path out of several parts: who is asked for what, which ways of waking are proven, and what a record changes.
import { describe, expect, it } from 'vitest';
import type { LearnedPower, PowerAnswer, PowerReading, WakeProof } from '../../src/platform/ports.ts';
import { CombinedDriver, type CombinedDriverOptions, type ProofOnRecord } from '../../src/power/combined-driver.ts';
import { FakeClock } from '../support/fake-clock.ts';

const SIGNAL = new AbortController().signal;
const LEARNED: LearnedPower = {
  witness: 'watts',
  watts: { asleepAtMost: 74, awakeAtLeast: 116 },
  suspendTimeoutMs: 9_000,
  wakeTimeoutMs: 12_000,
};
const READING: PowerReading = { atMs: 1, acpi: 'S0', acpiSource: 'sensor', powerBit: true, watts: 180 };

class FakePart {
  readonly name: string;
  readonly wakeMethods: readonly string[];
  readonly calls: string[] = [];
  answer: PowerAnswer = { outcome: 'accepted', attempts: ['done'] };
  proof: WakeProof = { proven: true, why: 'session' };
  reading: PowerReading | Error = READING;

  constructor(name: string, ...wakeMethods: string[]) {
    this.name = name;
    this.wakeMethods = wakeMethods;
  }

  async requestSleep(): Promise<PowerAnswer> {
    this.calls.push('sleep');
    return this.answer;
  }

  async requestWake(method: string): Promise<PowerAnswer> {
    this.calls.push(`wake ${method}`);
    return this.answer;
  }

  async proveWake(): Promise<WakeProof> {
    this.calls.push('prove');
    return this.proof;
  }

  sleepWitness(): 'sensor' {
    return 'sensor';
  }

  async readPower(): Promise<PowerReading> {
    if (this.reading instanceof Error) throw this.reading;
    return this.reading;
  }
}

interface Rig {
  readonly driver: CombinedDriver;
  readonly bmc: FakePart;
  readonly wol: FakePart;
  readonly ssh: FakePart;
  record: ProofOnRecord;
}

async function rigOf(change: (parts: Omit<Rig, 'driver' | 'record'>) => Partial<CombinedDriverOptions>): Promise<Rig> {
  const parts = {
    bmc: new FakePart('ipmi 10.0.9.11:623', 'chassis-on'),
    wol: new FakePart('wake-on-lan 00:11:22:33:44:55', 'wake-on-lan'),
    ssh: new FakePart('ssh root@10.0.1.5:22'),
  };
  parts.wol.proof = { proven: false, needsRecord: true, why: 'nothing comes back on Wake-on-LAN' };
  const rig: { record: ProofOnRecord } = { record: { state: 'none' } };
  const driver = await CombinedDriver.create({
    sleep: 'S3',
    sleepSwitch: parts.ssh,
    wakeSwitches: [parts.bmc, parts.wol],
    reader: parts.bmc,
    readProof: async () => rig.record,
    clock: new FakeClock(),
    close: async () => {},
    ...change(parts),
  });
  return Object.assign(rig, parts, { driver });
}

const valid = (wokeBy: string): ProofOnRecord => ({ state: 'valid', at: '2026-11-29', wokeBy, learned: LEARNED });

describe('combined driver', () => {
  it('sleep, wake, state -> each asked of its own part; the answer says of whom, and what was seen', async () => {
    const { driver, ssh, bmc, wol } = await rigOf(() => ({}));
    expect(await driver.requestSleep(SIGNAL)).toEqual({
      outcome: 'accepted',
      attempts: ['sleep asked of ssh root@10.0.1.5:22', 'done'],
    });
    expect(await driver.requestWake('wake-on-lan', SIGNAL)).toEqual({
      outcome: 'accepted',
      attempts: ['wake-on-lan asked of wake-on-lan 00:11:22:33:44:55', 'done'],
    });
    expect(await driver.readPower(SIGNAL)).toEqual(READING);
    expect([ssh.calls, bmc.calls, wol.calls]).toEqual([['sleep'], [], ['wake wake-on-lan']]);
  });

  it('capabilities -> wake methods in the list’s order; the reader’s witness', async () => {
    const { driver } = await rigOf(({ bmc, wol }) => ({ wakeSwitches: [wol, bmc] }));
    expect(driver.capabilities()).toEqual({
      sleep: 'S3',
      retainsRam: true,
      readsSleepState: 'sensor',
      wakeMethods: ['wake-on-lan', 'chassis-on'],
      learned: null,
    });
    expect(driver.name).toBe(
      'sleep by ssh root@10.0.1.5:22; wake by wake-on-lan 00:11:22:33:44:55, then ipmi 10.0.9.11:623; state by ipmi 10.0.9.11:623',
    );
  });

  it('one part does everything -> its name alone', async () => {
    const { driver } = await rigOf(({ bmc }) => ({ sleepSwitch: bmc, wakeSwitches: [bmc], reader: bmc }));
    expect(driver.name).toBe('ipmi 10.0.9.11:623');
  });

  it('two parts with a method of one name -> both can be asked', async () => {
    const other = new FakePart('command', 'chassis-on');
    const { driver, bmc } = await rigOf((parts) => ({ wakeSwitches: [parts.bmc, other] }));
    expect(driver.wakeMethods).toEqual(['chassis-on', 'chassis-on of command']);
    await driver.requestWake('chassis-on of command', SIGNAL);
    expect([bmc.calls, other.calls]).toEqual([[], ['wake chassis-on']]);
  });

  it('a method that it has not -> refused, nobody asked', async () => {
    const { driver } = await rigOf(() => ({}));
    const answer = await driver.requestWake('button', SIGNAL);
    expect(answer.outcome).toBe('refused');
    expect(answer.attempts[0]).toContain('chassis-on, wake-on-lan');
  });

  it('no reader -> a reading that says nothing, probes are the only evidence', async () => {
    const { driver } = await rigOf(() => ({ reader: null }));
    expect(await driver.readPower(SIGNAL)).toMatchObject({ acpi: null, powerBit: null, watts: null });
    expect(driver.capabilities().readsSleepState).toBe('none');
  });

  it('a reader that fails -> so does the reading', async () => {
    const { driver, bmc } = await rigOf(() => ({}));
    bmc.reading = new Error('no answer from 10.0.9.11');
    await expect(driver.readPower(SIGNAL)).rejects.toThrow('no answer from 10.0.9.11');
  });
});

describe('combined proof', () => {
  it.each<[string, WakeProof, ProofOnRecord, boolean, string]>([
    ['the BMC proves', { proven: true, why: 'session' }, { state: 'none' }, true, 'session'],
    [
      'the BMC is silent, nothing on record',
      { proven: false, why: 'no answer' },
      { state: 'none' },
      false,
      'check --prove once',
    ],
    [
      'the BMC is silent, Wake-on-LAN woke it once',
      { proven: false, why: 'no answer' },
      valid('wake-on-lan'),
      true,
      'it woke the platform on 2026-11-29',
    ],
    [
      'the BMC is silent, only it woke it once',
      { proven: false, why: 'no answer' },
      valid('chassis-on'),
      false,
      'no answer',
    ],
    [
      'a stale record',
      { proven: false, why: 'no answer' },
      { state: 'stale', why: 'made with another configuration' },
      false,
      'made with another configuration',
    ],
  ])('%s -> proven or not, with every way in words', async (_title, proof, record, proven, why) => {
    const rig = await rigOf(() => ({}));
    rig.bmc.proof = proof;
    rig.record = record;
    const answer = await rig.driver.proveWake(SIGNAL);
    expect(answer.proven).toBe(proven);
    expect(answer.why).toContain(why);
    expect(answer.why).toContain('nothing comes back on Wake-on-LAN');
  });

  it('Wake-on-LAN with a problem of its own -> a record does not help', async () => {
    const rig = await rigOf(({ wol }) => ({ wakeSwitches: [wol] }));
    rig.wol.proof = { proven: false, why: 'this machine has no interface eth9' };
    rig.record = valid('wake-on-lan');
    expect(await rig.driver.proveWake(SIGNAL)).toMatchObject({ proven: false, needsRecord: false });
  });

  it('a part that breaks -> its own way is not proven, the others stand', async () => {
    const rig = await rigOf(() => ({}));
    rig.wol.proveWake = () => Promise.reject(new Error('socket broke'));
    const answer = await rig.driver.proveWake(SIGNAL);
    expect(answer.proven).toBe(true);
    expect(answer.why).toContain('socket broke');
  });

  it('a record that appears while it runs -> the witness and the bounds follow with the next proof, and go with it', async () => {
    const rig = await rigOf(() => ({}));
    rig.record = valid('chassis-on');
    expect(rig.driver.capabilities().readsSleepState).toBe('sensor');
    await rig.driver.proveWake(SIGNAL);
    expect(rig.driver.capabilities()).toMatchObject({ readsSleepState: 'watts', learned: LEARNED });
    rig.record = { state: 'stale', why: 'another configuration' };
    await rig.driver.proveWake(SIGNAL);
    expect(rig.driver.capabilities()).toMatchObject({ readsSleepState: 'sensor', learned: null });
  });

  it('a record from before the start -> known from the start', async () => {
    const { driver } = await rigOf(() => ({ readProof: async () => valid('chassis-on') }));
    expect(driver.capabilities().readsSleepState).toBe('watts');
  });

  it('a record, and no reader any more -> none: nobody reads what it taught', async () => {
    const { driver } = await rigOf(() => ({ reader: null, readProof: async () => valid('chassis-on') }));
    expect(driver.capabilities().readsSleepState).toBe('none');
  });
});
