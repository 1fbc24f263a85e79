import { describe, expect, it } from 'vitest';
import { VmSaver, type VmSaverOptions } from '../../../src/power/context/vm-saver.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FakeHypervisor, type FakeVm } from './support/fake-hypervisor.ts';
import { MemoryRecord } from './support/memory-record.ts';

const NEVER = new AbortController().signal;

class SaverBench {
  readonly clock = new FakeClock();
  readonly record = new MemoryRecord();
  readonly told: string[] = [];
  readonly hypervisor: FakeHypervisor;
  saver: VmSaver;
  readonly #change: Partial<VmSaverOptions>;

  constructor(vms: Readonly<Record<string, FakeVm>>, change: Partial<VmSaverOptions> = {}) {
    this.hypervisor = new FakeHypervisor(this.clock, vms);
    this.#change = change;
    this.saver = this.#build();
  }

  /** Torpor was killed and started again: only the record is left. */
  restart(): void {
    this.saver = this.#build();
  }

  async save(afterMs = 600_000, signal = NEVER): Promise<string | null> {
    return await this.#whileTimePasses(this.saver.save(signal), afterMs);
  }

  async restore(afterMs = 600_000): Promise<string | null> {
    return await this.#whileTimePasses(this.saver.restore(NEVER), afterMs);
  }

  async #whileTimePasses<T>(deed: Promise<T>, durationMs: number): Promise<T> {
    const passing = this.clock.advance(durationMs);
    const result = await deed;
    await passing;
    return result;
  }

  #build(): VmSaver {
    const { clock, record, hypervisor } = this;
    const tell = (_kind: string, message: string) => this.told.push(message);
    return new VmSaver({
      hypervisor,
      vms: 'all',
      parallel: 1,
      timeoutMs: 60_000,
      record,
      clock,
      tell,
      ...this.#change,
    });
  }
}

const running = (ram = 7, change: Partial<FakeVm> = {}): FakeVm => ({ state: 'running', ram, ...change });
const off = (): FakeVm => ({ state: 'off', ram: 0 });

describe('VmSaver.save', () => {
  it('save: two VMs run, one is off -> the two are saved one after the other, told, and on record', async () => {
    const bench = new SaverBench({ alice: running(), bob: running(), carol: off() });
    expect(await bench.save()).toBeNull();
    expect(bench.hypervisor.states()).toEqual({ alice: 'saved', bob: 'saved', carol: 'off' });
    expect(bench.record.vms.map(({ name }) => name)).toEqual(['alice', 'bob']);
    expect(bench.told).toEqual([
      'saving VM alice (1 of 2)',
      'saved VM alice (1 of 2) in 1s',
      'saving VM bob (2 of 2)',
      'saved VM bob (2 of 2) in 1s',
    ]);
  });

  it('save: two at a time -> begun in order, both under way at once, the third after the first', async () => {
    const bench = new SaverBench({ alice: running(), bob: running(), carol: running() }, { parallel: 2 });
    const saving = bench.saver.save(NEVER);
    await bench.clock.advance(500);
    expect(bench.hypervisor.deeds).toEqual(['save alice', 'save bob']);
    await bench.clock.advance(600);
    expect(bench.hypervisor.deeds).toEqual(['save alice', 'save bob', 'save carol']);
    await bench.clock.advance(1_000);
    expect(await saving).toBeNull();
    expect(await bench.restore()).toBeNull();
    expect(bench.hypervisor.deeds.slice(3)).toEqual(['start alice', 'start bob', 'start carol']);
    expect(bench.record.vms).toEqual([]);
  });

  it('save: two at a time, one cannot be saved -> the other is called off, the third not begun; all run on', async () => {
    const vms = { alice: running(), bob: running(), carol: running() };
    const bench = new SaverBench(vms, { parallel: 2 });
    bench.hypervisor.saveMs = 5_000;
    const save = bench.hypervisor.save.bind(bench.hypervisor);
    bench.hypervisor.save = async (vm, signal) => {
      if (vm.name === 'alice') throw new Error('no space left');
      await save(vm, signal);
    };
    expect(await bench.save()).toBe('VM alice could not be saved: no space left');
    expect(bench.hypervisor.deeds).toEqual(['save bob']);
    expect(await bench.restore()).toBeNull();
    expect(bench.hypervisor.states()).toEqual({ alice: 'running', bob: 'running', carol: 'running' });
  });

  it('save: two at a time, called off -> settles when nothing is under way any more', async () => {
    const bench = new SaverBench({ alice: running(), bob: running(), carol: running() }, { parallel: 2 });
    const abort = new AbortController();
    bench.clock.schedule(500, () => abort.abort());
    expect(await bench.save(2_000, abort.signal)).toBe('called off');
    expect(bench.hypervisor.deeds).toEqual(['save alice', 'save bob']);
    expect(bench.hypervisor.states()).toEqual({ alice: 'running', bob: 'running', carol: 'running' });
  });

  it('save: VMs are named -> only they are saved, by name or id; one that is unknown -> veto, nothing done', async () => {
    const bench = new SaverBench(
      { alice: running(), bob: running(), carol: running() },
      { vms: ['alice', 'id-carol'] },
    );
    expect(await bench.save()).toBeNull();
    expect(bench.hypervisor.states()).toEqual({ alice: 'saved', bob: 'running', carol: 'saved' });
    const wrong = new SaverBench({ alice: running() }, { vms: ['alice', 'alcie'] });
    expect(await wrong.save()).toBe('fake knows no VM alcie');
    expect(wrong.hypervisor.deeds).toEqual([]);
  });

  it('save: a VM cannot be saved by what it is -> veto that names it, before any VM is touched', async () => {
    const gpu = running(1, { obstacle: 'has a device of the host passed through (hostpci0)' });
    const bench = new SaverBench({ alice: running(), gpu });
    expect(await bench.save()).toBe('VM gpu has a device of the host passed through (hostpci0)');
    expect([bench.hypervisor.deeds, bench.record.vms]).toEqual([[], []]);
  });

  it('save: a VM is being backed up -> veto that says so', async () => {
    const bench = new SaverBench({ alice: running(), bob: { state: 'busy', ram: 1 } });
    expect(await bench.save()).toBe('VM bob is busy (backup)');
    expect(bench.hypervisor.deeds).toEqual([]);
  });

  it('save: the second of three fails -> veto with its reason, the third is not touched, restore brings the first back', async () => {
    const bench = new SaverBench({
      alice: running(5),
      bob: running(6, { saveFails: 'no space left' }),
      carol: running(),
    });
    expect(await bench.save()).toBe('VM bob could not be saved: no space left');
    expect(bench.hypervisor.deeds).toEqual(['save alice', 'save bob']);
    expect(await bench.restore()).toBeNull();
    expect(bench.hypervisor.states()).toEqual({ alice: 'running', bob: 'running', carol: 'running' });
    expect([bench.hypervisor.vms.get('alice')?.ram, bench.record.vms]).toEqual([5, []]);
  });

  it('save: called off in the middle -> ends at once, restore brings back what was saved', async () => {
    const bench = new SaverBench({ alice: running(5), bob: running(6) });
    const abort = new AbortController();
    bench.clock.schedule(1_500, () => abort.abort());
    expect(await bench.save(1_500, abort.signal)).toBe('called off');
    expect(bench.hypervisor.states()).toEqual({ alice: 'saved', bob: 'running' });
    expect(await bench.restore()).toBeNull();
    expect(bench.hypervisor.states()).toEqual({ alice: 'running', bob: 'running' });
  });

  it('save: takes longer than its time-out -> veto, the rest as if called off', async () => {
    const bench = new SaverBench({ alice: running() });
    bench.hypervisor.saveMs = 61_000;
    expect(await bench.save()).toBe('saving the VMs did not end within 1m');
    expect(bench.hypervisor.states()).toEqual({ alice: 'running' });
  });

  it('save: the hypervisor does not answer -> veto; the record cannot be written -> veto, nothing saved', async () => {
    const silent = new SaverBench({ alice: running() });
    silent.hypervisor.answers = false;
    expect(await silent.save()).toBe('the hypervisor does not answer');
    const full = new SaverBench({ alice: running() });
    full.record.write = () => Promise.reject(new Error('disk full'));
    expect(await full.save()).toBe('disk full');
    expect(full.hypervisor.deeds).toEqual([]);
  });

  it('save: no VM runs -> no veto, and it says so', async () => {
    const bench = new SaverBench({ alice: off() });
    expect(await bench.save()).toBeNull();
    expect(bench.told).toEqual(['fake: no VM runs, none was saved']);
  });
});

describe('VmSaver.restore', () => {
  it('restore: after the power was off -> saved VMs go on where they stood, one that was off before stays off', async () => {
    const bench = new SaverBench({ alice: running(5), bob: off() });
    await bench.save();
    bench.hypervisor.powerOff();
    expect(await bench.restore()).toBeNull();
    expect(bench.hypervisor.states()).toEqual({ alice: 'running', bob: 'off' });
    expect(bench.hypervisor.vms.get('alice')?.ram).toBe(5);
  });

  it('restore: Torpor was killed after the save -> its successor restores from the record', async () => {
    const bench = new SaverBench({ alice: running(5) });
    await bench.save();
    bench.restart();
    expect(await bench.restore()).toBeNull();
    expect(bench.hypervisor.states()).toEqual({ alice: 'running' });
  });

  it('restore: Torpor was killed within the save -> waits until that has ended, then starts it', async () => {
    const bench = new SaverBench({ alice: running(5) });
    const alice = bench.hypervisor.vms.get('alice') as FakeVm;
    void bench.saver.save(NEVER);
    await settle();
    bench.restart();
    // Until what the dead one began has ended.
    alice.state = 'busy';
    expect(await bench.restore()).toBeNull();
    expect([alice.state, alice.ram]).toEqual(['running', 5]);
  });

  it('restore: the hypervisor does not answer yet -> a problem, the record stays, the next try succeeds', async () => {
    const bench = new SaverBench({ alice: running() });
    await bench.save();
    bench.hypervisor.answers = false;
    expect(await bench.restore()).toBe('the hypervisor does not answer');
    expect(bench.record.vms).toHaveLength(1);
    bench.hypervisor.answers = true;
    expect(await bench.restore()).toBeNull();
  });

  it('restore: a start fails once -> tried again; it fails for good -> a problem, the other VM runs, the record keeps it', async () => {
    const bench = new SaverBench({ alice: running(1, { startFailures: 1 }), bob: running(2, { startFailures: 9 }) });
    await bench.save();
    expect(await bench.restore()).toBe('bob cannot be started');
    expect(bench.hypervisor.states()).toEqual({ alice: 'running', bob: 'saved' });
    expect(bench.record.vms.map(({ name }) => name)).toEqual(['bob']);
  });

  it('restore: somebody shut a VM down, or removed its saved state -> not booted anew behind their back, told', async () => {
    const bench = new SaverBench({ alice: running(), bob: running() });
    await bench.save();
    bench.hypervisor.vms.set('alice', off());
    bench.hypervisor.vms.delete('bob');
    expect(await bench.restore()).toBeNull();
    expect(bench.hypervisor.deeds.filter((deed) => deed.startsWith('start'))).toEqual([]);
    expect(bench.told.slice(-2)).toEqual([
      'VM alice is off, and there is no saved state of it: it is left as it is',
      'VM bob is gone: it is left as it is',
    ]);
    expect(bench.record.vms).toEqual([]);
  });

  it('restore: nothing on record -> the hypervisor is not even asked', async () => {
    const bench = new SaverBench({ alice: { state: 'saved', ram: 3 } });
    bench.hypervisor.answers = false;
    expect(await bench.restore()).toBeNull();
  });

  it('save again while one VM could not be restored -> it stays on record', async () => {
    const bench = new SaverBench({ alice: running(), bob: running(2, { startFailures: 2 }) });
    await bench.save();
    await bench.restore();
    await bench.save();
    expect(bench.record.vms.map(({ name }) => name).sort()).toEqual(['alice', 'bob']);
    expect(await bench.restore()).toBeNull();
    expect(bench.hypervisor.states()).toEqual({ alice: 'running', bob: 'running' });
  });
});
